// SPDX-License-Identifier: GPL-2.0-only
/*
 * The struct_ops type by the system call alone: programs are made here, an
 * instruction at a time, and maps and links by hand, so that all can be had that
 * a loader would never do. Prints TAP.
 *
 * After each refusal, what is in force is what was before, and there is no more
 * of programs, maps and links; after each test there are as many as before it.
 */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <glob.h>
#include <linux/bpf.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vfio_pci_dvsec.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define PIN	      "/sys/fs/bpf/struct_ops_test"
/* The kernel's, and no errno of a system call */
#define ENOTSUPP 524

/* How long the kernel may take to free what nobody holds, in turns of 20 ms */
#define PATIENCE 750

#define INSN(code_, dst, src, off_, imm_)                                                          \
	((struct bpf_insn){ .code = (code_),                                                       \
			    .dst_reg = (dst),                                                      \
			    .src_reg = (src),                                                      \
			    .off = (off_),                                                         \
			    .imm = (imm_) })
#define MOV(reg, value)	 INSN(BPF_ALU64 | BPF_MOV | BPF_K, reg, 0, 0, value)
#define COPY(to, from)	 INSN(BPF_ALU64 | BPF_MOV | BPF_X, to, from, 0, 0)
#define ADD(reg, value)	 INSN(BPF_ALU64 | BPF_ADD | BPF_K, reg, 0, 0, value)
#define ARG(reg, number) INSN(BPF_LDX | BPF_MEM | BPF_DW, reg, BPF_REG_1, (number)*8, 0)
#define CALL(helper)	 INSN(BPF_JMP | BPF_CALL, 0, 0, 0, helper)
#define EXIT()		 INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)

static const char *const members[] = { "opened", "closed", "reset", "read", "write" };

enum { OPENED, CLOSED, RESET, READ, WRITE, NR_MEMBERS };

struct type {
	struct btf *btf;
	int btf_fd; /* of a module's BTF, 0: the kernel's own */
	int id;
	int value_id;
	__u32 value_size;
	__u32 data; /* where the struct_ops begins in the value of a map */
};

static struct btf *vmlinux;
static struct type dvsec;
/* A map of struct_ops has to come with BTF of its own, whatever is in it */
static int own_btf;
static const char *bdf, *bdf2;
static unsigned int count;

/* ---- TAP ---- */

__attribute__((format(printf, 1, 2))) static void note(const char *format, ...)
{
	va_list args;

	printf("# ");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
}

static bool ok(bool fine, const char *rule)
{
	count++;
	printf("%sok - %s\n", fine ? "" : "not ", rule);
	return fine;
}

static void skip(const char *rule, const char *why)
{
	count++;
	printf("ok - # SKIP %s: %s\n", rule, why);
}

static void is_number(const char *rule, long got, long want)
{
	if (!ok(got == want, rule))
		note("got %ld, want %ld", got, want);
}

static void done(const char *rule, int result)
{
	if (!ok(result >= 0, rule))
		note("%s", strerror(-result));
}

/* For what has to work before anything can be tested */
static int must(int result, const char *what)
{
	if (result < 0) {
		printf("Bail out! cannot %s: %s\n", what, strerror(-result));
		exit(1);
	}
	return result;
}

/* ---- what the kernel tells ---- */

struct numbers {
	unsigned int progs, maps, links;
};

static unsigned int count_ids(int (*next)(__u32 id, __u32 *next_id))
{
	unsigned int nr = 0;
	__u32 id = 0;

	while (!next(id, &id))
		nr++;
	return nr;
}

static struct numbers numbers(void)
{
	return (struct numbers){ count_ids(bpf_prog_get_next_id), count_ids(bpf_map_get_next_id),
				 count_ids(bpf_link_get_next_id) };
}

static void read_attribute(const char *device, const char *name, char text[64])
{
	char pattern[128];
	glob_t paths = {};
	FILE *f;

	strcpy(text, "?");
	snprintf(pattern, sizeof(pattern), "/sys/bus/pci/devices/%s/vfio-dev/vfio*/dvsec/%s",
		 device, name);
	if (!glob(pattern, 0, NULL, &paths)) {
		f = fopen(paths.gl_pathv[0], "r");
		if (f && fgets(text, 64, f))
			text[strcspn(text, "\n")] = '\0';
		if (f)
			fclose(f);
	}
	globfree(&paths);
}

struct force {
	char text[128];
};

/* State and policy of a device, with a blank between */
static struct force force_of(const char *device)
{
	char state[64], policy[64];
	struct force force;

	read_attribute(device, "state", state);
	read_attribute(device, "policy", policy);
	snprintf(force.text, sizeof(force.text), "%s%s%s", state, *policy ? " " : "", policy);
	return force;
}

static void in_force_on(const char *device, const char *rule, const char *want)
{
	struct force got = force_of(device);

	if (!ok(!strcmp(got.text, want), rule))
		note("got '%s', want '%s'", got.text, want);
}

static void in_force(const char *rule, const char *want)
{
	in_force_on(bdf, rule, want);
}

/* What a user reads of CONTROL and STATUS; a policy may hide the headers */
static void user_reads(const char *rule, const char *want)
{
	char command[64], got[64] = "";
	FILE *f;

	snprintf(command, sizeof(command), "vfio-cfg %s 0x10c.l 2>&1", bdf);
	f = popen(command, "r");
	if (f && fgets(got, sizeof(got), f))
		got[strcspn(got, "\n")] = '\0';
	if (f)
		pclose(f);
	if (!ok(!strcmp(got, want), rule))
		note("got '%s', want '%s'", got, want);
}

static __u32 map_id(int map)
{
	struct bpf_map_info info = {};
	__u32 len = sizeof(info);

	must(bpf_map_get_info_by_fd(map, &info, &len), "ask for a map");
	return info.id;
}

/* The map behind a link, 0: none any more */
static __u32 link_map_id(int link)
{
	struct bpf_link_info info = {};
	__u32 len = sizeof(info);

	must(bpf_link_get_info_by_fd(link, &info, &len), "ask for a link");
	return info.struct_ops.map_id;
}

/* ---- judging ---- */

struct before {
	struct numbers nr;
	struct force force[2];
};

static struct before before(void)
{
	return (struct before){ numbers(), { force_of(bdf), force_of(bdf2) } };
}

static bool same_force(const struct before *a, const struct before *b)
{
	return !strcmp(a->force[0].text, b->force[0].text) &&
	       !strcmp(a->force[1].text, b->force[1].text);
}

static void judge_refusal(const char *rule, int want, const struct before *was, int got)
{
	struct before now;
	bool leaked;
	int turn;

	for (turn = 0; turn < PATIENCE; turn++) {
		now = before();
		leaked = now.nr.progs > was->nr.progs || now.nr.maps > was->nr.maps ||
			 now.nr.links > was->nr.links;
		if (!leaked)
			break;
		usleep(20000);
	}
	if (ok(got == want && !leaked && same_force(was, &now), rule))
		return;
	note("got %d (%s), want %d", got, got < 0 ? strerror(-got) : "it was taken", want);
	note("before: %s, %s; %u programs, %u maps, %u links", was->force[0].text,
	     was->force[1].text, was->nr.progs, was->nr.maps, was->nr.links);
	note("after:  %s, %s; %u programs, %u maps, %u links", now.force[0].text, now.force[1].text,
	     now.nr.progs, now.nr.maps, now.nr.links);
	/* Nothing of what should not be there may be in the way of the next test */
	if (got > 0)
		close(got);
}

/* The call ends with that error, and changes and leaves nothing */
#define REFUSED(rule, want, call)                                                                  \
	do {                                                                                       \
		struct before was_ = before();                                                     \
                                                                                                   \
		judge_refusal(rule, want, &was_, call);                                            \
	} while (0)

static void numbers_become(const char *rule, struct numbers want)
{
	struct numbers got;
	int turn;

	for (turn = 0; turn < PATIENCE; turn++) {
		got = numbers();
		if (!memcmp(&got, &want, sizeof(got)))
			break;
		usleep(20000);
	}
	if (!ok(!memcmp(&got, &want, sizeof(got)), rule))
		note("%u programs, %u maps, %u links; want %u, %u, %u", got.progs, got.maps,
		     got.links, want.progs, want.maps, want.links);
}

/* ---- programs ---- */

static int load_as(const struct type *type, __u32 member, const struct bpf_insn *insns, size_t nr,
		   __u32 flags, const char *license)
{
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = member,
		    .attach_btf_id = type->id, .attach_btf_obj_fd = type->btf_fd,
		    .prog_flags = flags);

	return bpf_prog_load(BPF_PROG_TYPE_STRUCT_OPS, "test", license, insns, nr, &opts);
}

#define LOAD(member, ...)                                                                          \
	({                                                                                         \
		const struct bpf_insn insns_[] = { __VA_ARGS__ };                                  \
                                                                                                   \
		load_as(&dvsec, member, insns_, ARRAY_SIZE(insns_), 0, "GPL");                     \
	})

static int load_result(int member, __u32 result)
{
	return LOAD(member, ARG(BPF_REG_1, 0),
		    INSN(BPF_ST | BPF_MEM | BPF_W, BPF_REG_1, 0,
			 offsetof(struct vfio_pci_dvsec_access, result), result),
		    MOV(BPF_REG_0, VFIO_PCI_DVSEC_DONE), EXIT());
}

/* Reads are @result, writes are refused */
static int load_member(int member, __u32 result)
{
	if (member == READ)
		return must(load_result(READ, result), "load a read");
	return must(LOAD(member, MOV(BPF_REG_0, member == WRITE ? VFIO_PCI_DVSEC_DENIED : 0),
			 EXIT()),
		    "load a program");
}

/* ---- maps ---- */

static int new_map(const struct type *type, __u32 flags)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .btf_fd = own_btf,
		    .btf_vmlinux_value_type_id = type->value_id,
		    .value_type_btf_obj_fd = type->btf_fd,
		    .map_flags = flags | (type->btf_fd ? BPF_F_VTYPE_BTF_OBJ_FD : 0));

	return bpf_map_create(BPF_MAP_TYPE_STRUCT_OPS, "test", sizeof(__u32), type->value_size, 1,
			      &opts);
}

static int put_value(int map, const void *value)
{
	const __u32 key = 0;

	return bpf_map_update_elem(map, &key, value, 0);
}

static void *new_value(const struct type *type)
{
	void *value = calloc(1, type->value_size);

	if (!value)
		must(-ENOMEM, "have memory");
	return value;
}

/* Fill in the map; members hold file descriptors in place of functions */
static int put_ops(int map, const struct vfio_pci_dvsec_ops *ops)
{
	char *value = new_value(&dvsec);
	int err;

	memcpy(value + dvsec.data, ops, sizeof(*ops));
	err = put_value(map, value);
	free(value);
	return err;
}

static int delete_value(int map)
{
	const __u32 key = 0;

	return bpf_map_delete_elem(map, &key);
}

/* The functions come first in struct vfio_pci_dvsec_ops */
static void set_prog(struct vfio_pci_dvsec_ops *ops, int member, int fd)
{
	const __u64 pointer = fd;

	memcpy((char *)ops + member * sizeof(pointer), &pointer, sizeof(pointer));
}

static int prog_of(const struct vfio_pci_dvsec_ops *ops, int member)
{
	__u64 pointer;

	memcpy(&pointer, (const char *)ops + member * sizeof(pointer), sizeof(pointer));
	return pointer;
}

static void close_progs(struct vfio_pci_dvsec_ops *ops)
{
	int i;

	for (i = 0; i < NR_MEMBERS; i++) {
		if (prog_of(ops, i))
			close(prog_of(ops, i));
		set_prog(ops, i, 0);
	}
}

static struct vfio_pci_dvsec_ops new_ops(const char *name, __u32 result)
{
	struct vfio_pci_dvsec_ops ops = {};
	int i;

	for (i = 0; i < NR_MEMBERS; i++)
		set_prog(&ops, i, load_member(i, result));
	snprintf(ops.name, sizeof(ops.name), "%s", name);
	return ops;
}

static void set_target(struct vfio_pci_dvsec_ops *ops, const char *device)
{
	unsigned int segment, bus, slot, function;

	if (sscanf(device, "%x:%x:%x.%x", &segment, &bus, &slot, &function) != 4)
		must(-EINVAL, "read an address");
	ops->match = VFIO_PCI_DVSEC_MATCH_ADDRESS;
	ops->segment = segment;
	ops->bus = bus;
	ops->devfn = slot << 3 | function;
}

static void set_any(struct vfio_pci_dvsec_ops *ops)
{
	ops->match = VFIO_PCI_DVSEC_MATCH_ANY;
	ops->segment = 0;
	ops->bus = 0;
	ops->devfn = 0;
}

/* A map that is filled in and owns its programs; @device NULL: for any */
static int ready_map(const char *name, const char *device, __u32 result)
{
	struct vfio_pci_dvsec_ops ops = new_ops(name, result);
	int map = must(new_map(&dvsec, BPF_F_LINK), "create a map");

	if (device)
		set_target(&ops, device);
	must(put_ops(map, &ops), "fill in a map");
	close_progs(&ops);
	return map;
}

static int new_link(int map)
{
	return bpf_link_create(map, 0, BPF_STRUCT_OPS, NULL);
}

static int update(int link, int map)
{
	return bpf_link_update(link, map, NULL);
}

static int replace(int link, int map, int old_map)
{
	LIBBPF_OPTS(bpf_link_update_opts, opts, .flags = BPF_F_REPLACE, .old_map_fd = old_map);

	return bpf_link_update(link, map, &opts);
}

static int array_map(void)
{
	return must(bpf_map_create(BPF_MAP_TYPE_ARRAY, "array", 4, 4, 1, NULL), "create an array");
}

/* ---- types ---- */

static int member_offset(const struct btf *btf, int id, const char *name, __u32 *offset, int *index)
{
	const struct btf_type *t = btf__type_by_id(btf, id);
	int i;

	for (i = 0; i < btf_vlen(t); i++) {
		const struct btf_member *m = &btf_members(t)[i];

		if (strcmp(btf__name_by_offset(btf, m->name_off), name))
			continue;
		*offset = btf_member_bit_offset(t, i) / 8;
		if (index)
			*index = i;
		return 0;
	}
	return -ENOENT;
}

static int open_type(struct type *type, struct btf *btf, int btf_fd, const char *name)
{
	char value[128];

	snprintf(value, sizeof(value), "bpf_struct_ops_%s", name);
	type->btf = btf;
	type->btf_fd = btf_fd;
	type->id = btf__find_by_name_kind(btf, name, BTF_KIND_STRUCT);
	type->value_id = btf__find_by_name_kind(btf, value, BTF_KIND_STRUCT);
	if (type->id < 0 || type->value_id < 0)
		return -ENOENT;
	type->value_size = btf__type_by_id(btf, type->value_id)->size;
	return member_offset(btf, type->value_id, "data", &type->data, NULL);
}

/* In the kernel itself, or in the module */
static int open_dvsec_type(void)
{
	struct bpf_btf_info info;
	char name[64];
	struct btf *btf;
	__u32 id = 0, len;
	int fd;

	if (!open_type(&dvsec, vmlinux, 0, "vfio_pci_dvsec_ops"))
		return 0;
	while (!bpf_btf_get_next_id(id, &id)) {
		fd = bpf_btf_get_fd_by_id(id);
		memset(&info, 0, sizeof(info));
		info.name = (uintptr_t)name;
		info.name_len = sizeof(name);
		len = sizeof(info);
		if (fd >= 0 && !bpf_btf_get_info_by_fd(fd, &info, &len) &&
		    !strcmp(name, "vfio_pci_core")) {
			btf = btf__load_from_kernel_by_id_split(id, vmlinux);
			return btf ? open_type(&dvsec, btf, fd, "vfio_pci_dvsec_ops") : -errno;
		}
		close(fd);
	}
	return -ENOENT;
}

static int load_own_btf(void)
{
	struct btf *btf = btf__new_empty();
	int err;

	if (!btf || btf__add_int(btf, "int", 4, BTF_INT_SIGNED) < 0)
		return -ENOMEM;
	err = btf__load_into_kernel(btf);
	return err ? err : btf__fd(btf);
}

/* The values of maps below are made from the header's struct */
static bool header_fits(void)
{
	static const struct {
		const char *name;
		size_t offset;
	} fields[] = {
#define FIELD(member) { #member, offsetof(struct vfio_pci_dvsec_ops, member) }
		FIELD(opened), FIELD(closed),	 FIELD(reset),	 FIELD(read),
		FIELD(write),  FIELD(match),	 FIELD(segment), FIELD(bus),
		FIELD(devfn),  FIELD(nr_claims), FIELD(claims),	 FIELD(name),
#undef FIELD
	};
	__u32 offset;
	size_t i;
	int index;

	if (btf__type_by_id(dvsec.btf, dvsec.id)->size != sizeof(struct vfio_pci_dvsec_ops))
		return false;
	for (i = 0; i < ARRAY_SIZE(fields); i++)
		if (member_offset(dvsec.btf, dvsec.id, fields[i].name, &offset, &index) ||
		    offset != fields[i].offset || index != (int)i)
			return false;
	return true;
}

/* A struct_ops of another type that could be registered; -ENOENT: there is no type for it */
static int other_ready_map(void)
{
	static const char *const required[] = { "ssthresh", "cong_avoid", "undo_cwnd" };
	const struct bpf_insn zero[] = { MOV(BPF_REG_0, 0), EXIT() };
	int fds[ARRAY_SIZE(required)], index, map;
	struct type type;
	__u32 offset;
	__u64 pointer;
	char *value;
	size_t i;

	if (open_type(&type, vmlinux, 0, "tcp_congestion_ops"))
		return -ENOENT;
	map = must(new_map(&type, BPF_F_LINK), "create a map of another type");
	value = new_value(&type);
	for (i = 0; i < ARRAY_SIZE(required); i++) {
		must(member_offset(type.btf, type.id, required[i], &offset, &index),
		     "find a member");
		fds[i] = must(load_as(&type, index, zero, ARRAY_SIZE(zero), 0, "GPL"),
			      "load a program of another type");
		pointer = fds[i];
		memcpy(value + type.data + offset, &pointer, sizeof(pointer));
	}
	must(member_offset(type.btf, type.id, "name", &offset, NULL), "find the name");
	strcpy(value + type.data + offset, "other");
	must(put_value(map, value), "fill in a map of another type");
	for (i = 0; i < ARRAY_SIZE(required); i++)
		close(fds[i]);
	free(value);
	return map;
}

/* ---- tests ---- */

static void test_update(void)
{
	int first = ready_map("first", NULL, 0x11111111), second, link;
	struct numbers one;

	link = new_link(first);
	done("a map comes in force by a link", link);
	in_force("it is in force", "enforced first");
	user_reads("its program answers", "11111111");
	close(first);
	one = numbers();
	second = ready_map("second", NULL, 0x22222222);
	done("a link is updated to another map", update(link, second));
	in_force("the other one is in force", "enforced second");
	user_reads("the other program answers", "22222222");
	is_number("the link tells the other map", link_map_id(link), map_id(second));
	numbers_become("map and programs of the former are freed", one);
	done("a link is updated to the map that it has", update(link, second));
	in_force("that one stays in force", "enforced second");
	close(second);
	numbers_become("the link alone keeps map and programs", one);
	in_force("it is in force while only the link is held", "enforced second");
	close(link);
	in_force("the last descriptor of the link ends it", "none");
}

static void test_wrong_update(void)
{
	int map = ready_map("held", bdf, 0), link = new_link(map), other, prog;
	struct vfio_pci_dvsec_ops ops;
	char address[16];

	done("a policy is in force", link);
	other = other_ready_map();
	if (other == -ENOENT) {
		skip("an update to a map of another type is refused", "this kernel has no TCP");
	} else {
		REFUSED("an update to a map of another type is refused", -EINVAL,
			update(link, other));
		close(other);
	}
	ops = new_ops("never", 0);
	set_target(&ops, bdf);
	other = must(new_map(&dvsec, BPF_F_LINK), "create a map");
	REFUSED("an update to a map that was never filled in is refused", -EINVAL,
		update(link, other));
	REFUSED("a link of a map that was never filled in is refused", -EINVAL, new_link(other));
	done("it is taken when it is filled in", put_ops(other, &ops) ?: update(link, other));
	in_force("then it is in force", "enforced never");
	must(update(link, map), "go back");
	close(other);

	other = must(new_map(&dvsec, 0), "create a map without BPF_F_LINK");
	REFUSED("an update to a map without BPF_F_LINK is refused", -EINVAL, update(link, other));
	REFUSED("a link of a map without BPF_F_LINK is refused", -EINVAL, new_link(other));
	close(other);
	close_progs(&ops);

	other = array_map();
	REFUSED("an update to a map that is no struct_ops is refused", -EINVAL,
		update(link, other));
	REFUSED("a link of a map that is no struct_ops is refused", -EINVAL, new_link(other));
	close(other);
	REFUSED("an update to a descriptor that is closed is refused", -EBADF, update(link, other));
	prog = load_member(READ, 0);
	REFUSED("an update to a program is refused", -EINVAL, update(link, prog));
	REFUSED("an update to a link is refused", -EINVAL, update(link, link));
	close(prog);

	other = ready_map("default", NULL, 0);
	REFUSED("an update to another kind of target is refused", -EINVAL, update(link, other));
	close(other);
	other = ready_map("elsewhere", bdf2, 0);
	REFUSED("an update to another device is refused", -EINVAL, update(link, other));
	close(other);
	snprintf(address, sizeof(address), "0001%s", bdf + 4);
	other = ready_map("elsewhere", address, 0);
	REFUSED("an update to another segment is refused", -EINVAL, update(link, other));
	close(other);
	snprintf(address, sizeof(address), "%.*s.7", (int)(strlen(bdf) - 2), bdf);
	other = ready_map("elsewhere", address, 0);
	REFUSED("an update to another function is refused", -EINVAL, update(link, other));
	close(other);
	in_force("the policy is in force after all of them", "enforced held");
	close(link);

	link = must(new_link(other = ready_map("default", NULL, 0)), "register a default");
	REFUSED("an update of a default to a device is refused", -EINVAL, update(link, map));
	in_force("the default is in force after it", "enforced default");
	close(other);
	close(link);
	close(map);
}

static void test_replace(void)
{
	LIBBPF_OPTS(bpf_link_update_opts, opts);
	int a = ready_map("a", NULL, 0), b = ready_map("b", NULL, 0);
	int link = must(new_link(a), "register"), other;

	done("BPF_F_REPLACE with the map in force replaces it", replace(link, b, a));
	in_force("the new one is in force", "enforced b");
	REFUSED("BPF_F_REPLACE with a stale map is refused", -EPERM, replace(link, a, a));
	other = array_map();
	REFUSED("BPF_F_REPLACE with a map that is no struct_ops is refused", -EPERM,
		replace(link, a, other));
	close(other);
	REFUSED("BPF_F_REPLACE with a closed descriptor is refused", -EBADF,
		replace(link, a, other));
	other = load_member(WRITE, 0);
	REFUSED("BPF_F_REPLACE with a program is refused", -EINVAL, replace(link, a, other));
	close(other);
	opts.old_map_fd = b;
	REFUSED("an old map without BPF_F_REPLACE is refused", -EINVAL,
		bpf_link_update(link, a, &opts));
	opts.old_map_fd = 0;
	opts.flags = BPF_F_REPLACE << 1;
	REFUSED("an unknown flag is refused", -EINVAL, bpf_link_update(link, a, &opts));
	other = ready_map("elsewhere", bdf2, 0);
	REFUSED("BPF_F_REPLACE with the right old map and a wrong new one is refused", -EINVAL,
		replace(link, other, b));
	close(other);
	done("BPF_F_REPLACE with itself is taken", replace(link, b, b));
	in_force("it is in force still", "enforced b");
	done("and back to the first one", replace(link, a, b));
	in_force("which is in force again", "enforced a");
	close(a);
	close(b);
	close(link);
}

/* Registered by filling in the map, without a link */
static void test_linkless(void)
{
	struct vfio_pci_dvsec_ops ops = new_ops("linkless", 0);
	int map, second, link, any, own;
	__u32 id;

	map = must(new_map(&dvsec, 0), "create a map");
	REFUSED("a map that was never registered cannot be unregistered", -ENOENT,
		delete_value(map));
	set_target(&ops, bdf);
	REFUSED("a policy for a device is refused without a link", -EOPNOTSUPP, put_ops(map, &ops));
	set_any(&ops);
	done("the same map is taken for any device", put_ops(map, &ops));
	in_force("it is in force", "enforced linkless");
	REFUSED("a map in force cannot be filled in again", -EBUSY, put_ops(map, &ops));
	second = must(new_map(&dvsec, 0), "create a map");
	REFUSED("a second default without a link is refused", -EBUSY, put_ops(second, &ops));
	any = ready_map("linked", NULL, 0);
	REFUSED("a second default with a link is refused", -EBUSY, new_link(any));
	REFUSED("a link of the map in force is refused", -EINVAL, new_link(map));

	own = ready_map("own", bdf2, 0);
	link = must(new_link(own), "register a policy for a device");
	close(own);
	in_force_on(bdf2, "beside it a device has one with a link", "enforced own");
	in_force("the other device is under the one without", "enforced linkless");
	REFUSED("a link is not updated to a map without one", -EINVAL, update(link, map));
	close(link);
	in_force_on(bdf2, "without the link the device falls back to it", "enforced linkless");

	id = map_id(map);
	close(map);
	in_force("it stays when nobody holds the map", "enforced linkless");
	map = must(bpf_map_get_fd_by_id(id), "open the map in force");
	done("the map is unregistered", delete_value(map));
	in_force("then it is not in force", "none");
	REFUSED("it is not unregistered twice", -EINPROGRESS, delete_value(map));
	REFUSED("it is not registered again", -EBUSY, put_ops(map, &ops));
	done("another one can be registered then", put_ops(second, &ops));
	in_force("that is in force", "enforced linkless");
	must(delete_value(second), "unregister");
	link = new_link(any);
	done("so can one with a link", link);
	in_force("which is in force", "enforced linked");
	REFUSED("a map with a link is not unregistered by itself", -EOPNOTSUPP, delete_value(any));
	close(link);
	close(any);
	close(second);
	close(map);
	close_progs(&ops);
}

static void test_two_links(void)
{
	int a = ready_map("a", bdf, 0), b = ready_map("b", bdf2, 0), c = ready_map("c", bdf, 0);
	int link_a = must(new_link(a), "register a"), link_b = must(new_link(b), "register b");
	int other, other_link;

	REFUSED("a second link of a map in force is refused", -EBUSY, new_link(a));
	REFUSED("a link is not updated to the map of another link", -EINVAL, update(link_b, a));
	REFUSED("a second link for the same device is refused", -EBUSY, new_link(c));
	done("a link moves on", update(link_a, c));
	REFUSED("a link of the map that it left is refused while the target is taken", -EBUSY,
		new_link(a));
	done("it moves back to a map that it had", update(link_a, a));
	in_force("that map is in force", "enforced a");
	close(link_a);
	link_a = new_link(a);
	done("a map is used by another link after the first one", link_a);
	in_force("it is in force again", "enforced a");
	in_force_on(bdf2, "the other device keeps its own", "enforced b");

	other = other_ready_map();
	if (other == -ENOENT) {
		skip("a link of another type is not updated to a policy", "this kernel has no TCP");
		skip("a policy's link is not updated to what another link has",
		     "this kernel has no TCP");
	} else {
		other_link = must(new_link(other), "register another type");
		REFUSED("a link of another type is not updated to a policy", -EINVAL,
			update(other_link, c));
		REFUSED("a policy's link is not updated to what another link has", -EINVAL,
			update(link_a, other));
		is_number("the link of the other type has its map still", link_map_id(other_link),
			  map_id(other));
		close(other_link);
		close(other);
	}
	close(link_a);
	close(link_b);
	close(a);
	close(b);
	close(c);
}

static int poll_now(int fd)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN | POLLOUT };

	return poll(&pollfd, 1, 0) < 0 ? -errno : pollfd.revents;
}

static void test_detach(void)
{
	int map = ready_map("a", bdf, 0), again = ready_map("b", bdf, 0), link, by_id, pinned;
	struct bpf_link_info info = {};
	__u32 len = sizeof(info);

	link = must(new_link(map), "register");
	must(bpf_link_get_info_by_fd(link, &info, &len), "ask for the link");
	by_id = must(bpf_link_get_fd_by_id(info.id), "open the link by its id");
	is_number("a link in force gives no event", poll_now(link), 0);
	done("a link is detached", bpf_link_detach(link));
	in_force("the policy is not in force then", "none");
	is_number("a detached link gives POLLHUP", poll_now(link), POLLHUP);
	is_number("so does another descriptor of it", poll_now(by_id), POLLHUP);
	is_number("a detached link has no map", link_map_id(link), 0);
	done("a second detach does nothing", bpf_link_detach(by_id));
	REFUSED("a detached link is not updated", -ENOLINK, update(link, again));
	REFUSED("nor with BPF_F_REPLACE", -ENOLINK, replace(link, again, map));
	REFUSED("nor to the map that it had", -ENOLINK, update(by_id, map));

	pinned = new_link(map);
	done("the map comes in force by a new link", pinned);
	in_force("it is in force", "enforced a");
	is_number("the detached link stays detached", link_map_id(link), 0);
	close(link);
	close(by_id);
	in_force("closing the detached link changes nothing", "enforced a");

	must(bpf_obj_pin(pinned, PIN), "pin a link");
	close(pinned);
	in_force("a pin keeps it in force", "enforced a");
	link = must(bpf_obj_get(PIN), "open the pin");
	done("a link is updated through its pin", update(link, again));
	in_force("the other is in force", "enforced b");
	done("a link is detached through its pin", bpf_link_detach(link));
	close(link);
	in_force("that ends it though the pin is there", "none");
	link = must(bpf_obj_get(PIN), "open the pin again");
	is_number("the pin holds a detached link", poll_now(link), POLLHUP);
	close(link);
	link = new_link(again);
	done("the device can have a policy beside such a pin", link);
	unlink(PIN);
	in_force("removing that pin does not touch it", "enforced b");
	close(link);
	close(again);
	REFUSED("what is no link is not detached", -EINVAL, bpf_link_detach(map));
	close(map);
}

/* Waits for an event in a process of its own; -1: none */
static pid_t start_poller(int fd, bool epoll)
{
	struct epoll_event event = { .events = EPOLLIN };
	struct pollfd pollfd = { .fd = fd };
	int ready[2], set, n;
	pid_t pid;
	char c;

	fflush(stdout);
	if (pipe(ready))
		must(-errno, "make a pipe");
	pid = must(fork(), "fork");
	if (!pid) {
		set = epoll_create1(0);
		if (epoll_ctl(set, EPOLL_CTL_ADD, fd, &event))
			_exit(2);
		if (write(ready[1], "", 1) != 1)
			_exit(2);
		if (epoll) {
			n = epoll_wait(set, &event, 1, 60000);
			_exit(n == 1 && event.events == EPOLLHUP ? 0 : 1);
		}
		n = poll(&pollfd, 1, 60000);
		_exit(n == 1 && pollfd.revents == POLLHUP ? 0 : 1);
	}
	close(ready[1]);
	must(read(ready[0], &c, 1) == 1 ? 0 : -EPIPE, "start a poller");
	close(ready[0]);
	return pid;
}

static int status_of(pid_t pid)
{
	int status = -1;

	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void test_poll(void)
{
	int map = ready_map("a", bdf, 0), b = ready_map("b", bdf, 0);
	int link = must(new_link(map), "register"), set, i;
	struct epoll_event event = { .events = EPOLLIN };
	pid_t pollers[4];

	for (i = 0; i < 4; i++)
		pollers[i] = start_poller(link, i % 2);
	/* So that most likely they sleep; they have to be right in either case */
	usleep(200000);
	must(update(link, b), "update under pollers");
	usleep(100000);
	is_number("an update wakes no poller", waitpid(-1, NULL, WNOHANG), 0);
	must(bpf_link_detach(link), "detach under pollers");
	for (i = 0; i < 4; i++)
		is_number(i % 2 ? "detaching wakes who waits by epoll, with EPOLLHUP alone"
				: "detaching wakes who waits by poll, with POLLHUP alone",
			  status_of(pollers[i]), 0);
	close(link);

	link = must(new_link(map), "register");
	set = must(epoll_create1(0), "make an epoll set");
	must(epoll_ctl(set, EPOLL_CTL_ADD, link, &event) ? -errno : 0, "watch a link");
	in_force("a watched link is in force", "enforced a");
	close(link);
	in_force("watching holds no link: it goes with its descriptor", "none");
	is_number("nothing is told of a link that was closed", epoll_wait(set, &event, 1, 0), 0);
	close(set);
	close(map);
	close(b);
}

static void test_required(void)
{
	struct vfio_pci_dvsec_ops ops = new_ops("whole", 0), some;
	int map = must(new_map(&dvsec, BPF_F_LINK), "create a map"), link, i;
	char rule[64];

	set_target(&ops, bdf);
	for (i = 0; i < NR_MEMBERS; i++) {
		if (i == CLOSED)
			continue;
		some = ops;
		set_prog(&some, i, 0);
		snprintf(rule, sizeof(rule), "a policy without %s is refused", members[i]);
		REFUSED(rule, -EINVAL, put_ops(map, &some));
	}
	some = ops;
	for (i = 0; i < NR_MEMBERS; i++)
		set_prog(&some, i, 0);
	REFUSED("a policy without programs is refused", -EINVAL, put_ops(map, &some));
	REFUSED("no link comes of a map whose policy was refused", -EINVAL, new_link(map));
	some = ops;
	set_prog(&some, CLOSED, 0);
	done("the map takes a policy without closed", put_ops(map, &some));
	link = new_link(map);
	done("which can be put in force", link);
	user_reads("and is asked, from open to close", "00000000");
	in_force("and stays in force", "enforced whole");
	close(link);
	close(map);
	close_progs(&ops);
}

static void test_wrong_program(void)
{
	const struct bpf_insn zero[] = { MOV(BPF_REG_0, 0), EXIT() };
	struct vfio_pci_dvsec_ops ops = new_ops("whole", 0), wrong;
	int map = must(new_map(&dvsec, BPF_F_LINK), "create a map"), fd, i, j;
	char rule[96];

	for (i = 0; i < NR_MEMBERS; i++) {
		for (j = 0; j < NR_MEMBERS; j++) {
			if (i == j)
				continue;
			wrong = ops;
			set_prog(&wrong, i, prog_of(&ops, j));
			snprintf(rule, sizeof(rule), "a program for %s is refused as %s",
				 members[j], members[i]);
			REFUSED(rule, -EINVAL, put_ops(map, &wrong));
		}
	}
	fd = must(bpf_prog_load(BPF_PROG_TYPE_SOCKET_FILTER, "filter", "GPL", zero,
				ARRAY_SIZE(zero), NULL),
		  "load a filter");
	wrong = ops;
	set_prog(&wrong, READ, fd);
	REFUSED("a program of another kind is refused", -EINVAL, put_ops(map, &wrong));
	close(fd);
	REFUSED("a closed descriptor is refused", -EBADF, put_ops(map, &wrong));
	set_prog(&wrong, READ, map);
	REFUSED("a map is refused as a program", -EINVAL, put_ops(map, &wrong));
	done("the map takes the programs that belong there", put_ops(map, &ops));
	close(map);
	close_progs(&ops);
}

static int take(struct vfio_pci_dvsec_ops ops)
{
	int map = must(new_map(&dvsec, BPF_F_LINK), "create a map"), err = put_ops(map, &ops), link;

	link = err ? err : new_link(map);
	close(map);
	return link;
}

#define OPS_WITH(...)                                                                              \
	({                                                                                         \
		struct vfio_pci_dvsec_ops o = base;                                                \
                                                                                                   \
		__VA_ARGS__;                                                                       \
		o;                                                                                 \
	})

static void test_data(void)
{
	struct vfio_pci_dvsec_ops base = new_ops("base", 0);
	int held = must(take(base), "register a default"), link, i;

	close_progs(&base);
	base = new_ops("other", 0);
	set_target(&base, bdf);
	REFUSED("match 2 is refused", -EINVAL, take(OPS_WITH(o.match = 2)));
	REFUSED("match ~0 is refused", -EINVAL, take(OPS_WITH(o.match = ~0U)));
	REFUSED("bus 256 is refused", -EINVAL, take(OPS_WITH(o.bus = 256)));
	REFUSED("bus ~0 is refused", -EINVAL, take(OPS_WITH(o.bus = ~0U)));
	REFUSED("devfn 256 is refused", -EINVAL, take(OPS_WITH(o.devfn = 256)));
	REFUSED("devfn ~0 is refused", -EINVAL, take(OPS_WITH(o.devfn = ~0U)));
	REFUSED("one claim too many is refused", -EINVAL,
		take(OPS_WITH(o.nr_claims = VFIO_PCI_DVSEC_MAX_CLAIMS + 1)));
	REFUSED("~0 claims are refused", -EINVAL, take(OPS_WITH(o.nr_claims = ~0U)));
	REFUSED("a name without an end is refused", -EINVAL,
		take(OPS_WITH(memset(o.name, 'x', sizeof(o.name)))));
	REFUSED("an empty name is refused", -EINVAL,
		take(OPS_WITH(memset(o.name, 0, sizeof(o.name)))));
	for (i = 0; i < VFIO_PCI_DVSEC_MAX_CLAIMS; i++) {
		REFUSED("a claim behind the last one is refused", -EINVAL,
			take(OPS_WITH(o.nr_claims = i; o.claims[i].vendor = 1)));
		REFUSED("half a claim behind the last one is refused", -EINVAL,
			take(OPS_WITH(o.nr_claims = i;
				      o.claims[VFIO_PCI_DVSEC_MAX_CLAIMS - 1].id = 1)));
	}
	in_force("what was in force is in force", "enforced base");

	link = take(OPS_WITH(memset(o.name, 'x', sizeof(o.name) - 1)));
	done("a name of 31 characters is taken", link);
	in_force("and shown in full", "enforced xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
	close(link);
	/* All the same one, and one that the device has */
	link = take(OPS_WITH(o.nr_claims = VFIO_PCI_DVSEC_MAX_CLAIMS;
			     for (i = 0; i < VFIO_PCI_DVSEC_MAX_CLAIMS; i++)
				     o.claims[i] = (struct vfio_pci_dvsec_id){ 0x1e98, 0 }));
	done("as many claims as there is room for are taken, be they the same", link);
	user_reads("and the device works", "00000000");
	close(link);
	link = take(OPS_WITH(o.segment = ~0U; o.bus = o.devfn = 255));
	done("the last address is taken", link);
	in_force("and is not this device", "enforced base");
	close(link);
	close(held);
	set_any(&base);
	REFUSED("with match any a segment is refused", -EINVAL, take(OPS_WITH(o.segment = 1)));
	REFUSED("with match any a bus is refused", -EINVAL, take(OPS_WITH(o.bus = 1)));
	REFUSED("with match any a devfn is refused", -EINVAL, take(OPS_WITH(o.devfn = 1)));
	link = must(take(OPS_WITH(set_target(&o, bdf2))), "register");
	in_force("the target is the address and no other", "none");
	in_force_on(bdf2, "the target is the address", "enforced other");
	close(link);
	close_progs(&base);
}

/* Bytes of the value that belong to no member, or to the kernel */
static void test_padding(void)
{
	struct vfio_pci_dvsec_ops ops = new_ops("padded", 0);
	int map = must(new_map(&dvsec, BPF_F_LINK), "create a map");
	const __u32 end = offsetof(struct vfio_pci_dvsec_ops, name) + sizeof(ops.name);
	unsigned char *value = new_value(&dvsec);
	__u32 i, bad = 0, holes = 0, second = 1;
	struct before was = before();
	int err;

	memcpy(value + dvsec.data, &ops, sizeof(ops));
	for (i = 0; i < dvsec.value_size; i++) {
		/* All but the struct_ops' own members: count, state, holes and the end */
		if (i >= dvsec.data && i < dvsec.data + end)
			continue;
		holes++;
		value[i] = 1;
		err = put_value(map, value);
		value[i] = 0;
		if (err != -EINVAL && bad++ < 5)
			note("byte %u of the value: %d", i, err);
	}
	note("%u bytes tried", holes);
	judge_refusal("a value with a byte that is no member's, or the kernel's, is refused", 0,
		      &was, bad);
	REFUSED("a flag of the update is refused", -EINVAL,
		bpf_map_update_elem(map, &(__u32){ 0 }, value, BPF_EXIST));
	REFUSED("another key is refused", -E2BIG, bpf_map_update_elem(map, &second, value, 0));
	done("the same value without them is taken", put_value(map, value));
	free(value);
	close(map);
	close_progs(&ops);
}

static void test_map_create(void)
{
	struct type type = dvsec;
	LIBBPF_OPTS(bpf_map_create_opts, opts, .btf_fd = own_btf,
		    .btf_vmlinux_value_type_id = type.value_id,
		    .value_type_btf_obj_fd = type.btf_fd,
		    .map_flags = BPF_F_LINK | (type.btf_fd ? BPF_F_VTYPE_BTF_OBJ_FD : 0));
	const __u32 flags = opts.map_flags;

#define CREATE(key, value, entries)                                                                \
	bpf_map_create(BPF_MAP_TYPE_STRUCT_OPS, "test", key, value, entries, &opts)
	REFUSED("a map with a smaller value is refused", -EINVAL,
		CREATE(4, type.value_size - 8, 1));
	REFUSED("a map with a larger value is refused", -EINVAL, CREATE(4, type.value_size + 8, 1));
	REFUSED("a map with two entries is refused", -EINVAL, CREATE(4, type.value_size, 2));
	REFUSED("a map with a longer key is refused", -EINVAL, CREATE(8, type.value_size, 1));
	opts.map_flags = flags | BPF_F_NO_PREALLOC;
	REFUSED("a map with a flag that is not for it is refused", -EINVAL,
		CREATE(4, type.value_size, 1));
	opts.map_flags = flags;
	opts.btf_vmlinux_value_type_id = 0;
	REFUSED("a map without a type is refused", -EINVAL, CREATE(4, type.value_size, 1));
	opts.btf_vmlinux_value_type_id = type.id;
	REFUSED("a map whose type is not that of a value is refused", -ENOTSUPP,
		CREATE(4, type.value_size, 1));
#undef CREATE
}

static void test_attach(void)
{
	const struct bpf_insn zero[] = { MOV(BPF_REG_0, 0), EXIT() };
	const int nr = btf_vlen(btf__type_by_id(dvsec.btf, dvsec.id));
	struct type value = dvsec;
	char rule[96];
	int i;

	for (i = 0; i < NR_MEMBERS; i++) {
		snprintf(rule, sizeof(rule), "a sleepable %s is refused", members[i]);
		REFUSED(rule, -EINVAL,
			load_as(&dvsec, i, zero, ARRAY_SIZE(zero), BPF_F_SLEEPABLE, "GPL"));
	}
	for (i = NR_MEMBERS; i < nr; i++) {
		snprintf(rule, sizeof(rule), "a program for the data member %d is refused", i);
		REFUSED(rule, -EINVAL, load_as(&dvsec, i, zero, ARRAY_SIZE(zero), 0, "GPL"));
	}
	REFUSED("a program for a member that there is not is refused", -EINVAL,
		load_as(&dvsec, nr, zero, ARRAY_SIZE(zero), 0, "GPL"));
	REFUSED("a program for member ~0 is refused", -EINVAL,
		load_as(&dvsec, ~0U, zero, ARRAY_SIZE(zero), 0, "GPL"));
	value.id = dvsec.value_id;
	REFUSED("a program for the type of the map's value is refused", -ENOTSUPP,
		load_as(&value, 0, zero, ARRAY_SIZE(zero), 0, "GPL"));
	REFUSED("a program with another license is refused", -EINVAL,
		load_as(&dvsec, READ, zero, ARRAY_SIZE(zero), 0, "Proprietary"));
	for (i = 0; i < NR_MEMBERS; i++)
		close(load_member(i, 0));
}

/* How a program may come to write to the access */
enum way { STORE, STORE_MOVED, ATOMIC, HELPER, TASK };

static int try_write(enum way way, int off, int size)
{
	static const __u8 sizes[] = { [1] = BPF_B, [2] = BPF_H, [4] = BPF_W, [8] = BPF_DW };
	const __u8 code = BPF_STX | BPF_MEM | sizes[size];
	int member = way == HELPER ? WRITE : OPENED;

	switch (way) {
	case STORE:
		return LOAD(member, ARG(BPF_REG_1, 0), MOV(BPF_REG_0, 0),
			    INSN(code, BPF_REG_1, BPF_REG_0, off, 0), EXIT());
	case STORE_MOVED:
		return LOAD(member, ARG(BPF_REG_1, 0), MOV(BPF_REG_0, 0), ADD(BPF_REG_1, 48),
			    INSN(code, BPF_REG_1, BPF_REG_0, off - 48, 0), EXIT());
	case ATOMIC:
		return LOAD(member, ARG(BPF_REG_1, 0), MOV(BPF_REG_0, 0),
			    INSN(BPF_STX | BPF_ATOMIC | sizes[size], BPF_REG_1, BPF_REG_0, off,
				 BPF_ADD),
			    EXIT());
	case HELPER:
		return LOAD(member, ARG(BPF_REG_3, 0), COPY(BPF_REG_1, BPF_REG_3),
			    ADD(BPF_REG_1, off), MOV(BPF_REG_2, size),
			    CALL(BPF_FUNC_probe_read_kernel), MOV(BPF_REG_0, 0), EXIT());
	case TASK:
		return LOAD(member, CALL(BPF_FUNC_get_current_task_btf), COPY(BPF_REG_1, BPF_REG_0),
			    MOV(BPF_REG_0, 0), INSN(code, BPF_REG_1, BPF_REG_0, off, 0), EXIT());
	}
	return -EINVAL;
}

static bool is_plan(int off, int size)
{
	return (off >= (int)offsetof(struct vfio_pci_dvsec_access, result) &&
		off + size <= (int)(offsetof(struct vfio_pci_dvsec_access, hw_undo) + 4)) ||
	       (off == offsetof(struct vfio_pci_dvsec_access, cookie) && size == 8);
}

/* The verifier gives no helper such memory, and an atomic operation reads as well */
static bool may_write(enum way way, int off, int size)
{
	if (way == HELPER || way == TASK)
		return false;
	return is_plan(off, size) && (way != ATOMIC || size != 8 ||
				      off == offsetof(struct vfio_pci_dvsec_access, cookie));
}

static void writes(const char *rule, enum way way, int size)
{
	const int end = sizeof(struct vfio_pci_dvsec_access) + 16;
	int off, got, want, bad = 0, taken = 0, step = way == ATOMIC ? size : 1;

	for (off = -16; off + size <= end; off += step) {
		want = may_write(way, off, size) ? 0 : -EACCES;
		got = try_write(way, off, size);
		if (got >= 0)
			close(got);
		taken += got >= 0;
		if ((got < 0 ? got : 0) != want && bad++ < 5)
			note("offset %d: %s", off, got < 0 ? strerror(-got) : "it was taken");
	}
	note("%d places of %d bytes taken", taken, size);
	is_number(rule, bad, 0);
}

static void test_access(void)
{
	static const int sizes[] = { 1, 2, 4, 8 };
	char rule[128];
	size_t i;
	int fd;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		snprintf(rule, sizeof(rule), "a store of %d bytes reaches plan and cookie alone",
			 sizes[i]);
		writes(rule, STORE, sizes[i]);
		snprintf(rule, sizeof(rule),
			 "a pointer that was moved reaches them alone too, by %d bytes", sizes[i]);
		writes(rule, STORE_MOVED, sizes[i]);
		snprintf(rule, sizeof(rule), "a helper writes nowhere, by %d bytes", sizes[i]);
		writes(rule, HELPER, sizes[i]);
	}
	writes("an atomic operation of 4 bytes reaches the plan alone", ATOMIC, 4);
	writes("an atomic operation of 8 bytes reaches the cookie alone", ATOMIC, 8);
	fd = LOAD(READ, COPY(BPF_REG_1, BPF_REG_10), ADD(BPF_REG_1, -8), MOV(BPF_REG_2, 8),
		  MOV(BPF_REG_3, 0), CALL(BPF_FUNC_probe_read_kernel), MOV(BPF_REG_0, 0), EXIT());
	done("the same helper writes to the stack", fd);
	close(fd);
	fd = LOAD(READ, CALL(BPF_FUNC_get_current_task_btf), MOV(BPF_REG_0, 0), EXIT());
	done("the current task can be had", fd);
	close(fd);
	writes("nothing else that the kernel hands out can be written", TASK, 4);
}

static void test_context(void)
{
	int fd, i;
	char rule[96];

	for (i = 0; i < NR_MEMBERS; i++) {
		snprintf(rule, sizeof(rule), "%s cannot write its arguments", members[i]);
		REFUSED(rule, -EACCES,
			LOAD(i, MOV(BPF_REG_0, 0),
			     INSN(BPF_STX | BPF_MEM | BPF_DW, BPF_REG_1, BPF_REG_0, 0, 0), EXIT()));
		if (i == RESET)
			continue;
		snprintf(rule, sizeof(rule), "%s has no second argument", members[i]);
		REFUSED(rule, -EACCES, LOAD(i, ARG(BPF_REG_0, 1), MOV(BPF_REG_0, 0), EXIT()));
	}
	fd = LOAD(RESET, ARG(BPF_REG_0, 1), MOV(BPF_REG_0, 0), EXIT());
	done("reset has a second argument", fd);
	close(fd);
	REFUSED("reset has no third argument", -EACCES,
		LOAD(RESET, ARG(BPF_REG_0, 2), MOV(BPF_REG_0, 0), EXIT()));
	REFUSED("an argument is not read in part of another", -EACCES,
		LOAD(RESET, INSN(BPF_LDX | BPF_MEM | BPF_DW, BPF_REG_0, BPF_REG_1, 4, 0),
		     MOV(BPF_REG_0, 0), EXIT()));
	REFUSED("what is behind the access is not read", -EACCES,
		LOAD(READ, ARG(BPF_REG_1, 0),
		     INSN(BPF_LDX | BPF_MEM | BPF_W, BPF_REG_0, BPF_REG_1,
			  sizeof(struct vfio_pci_dvsec_access), 0),
		     MOV(BPF_REG_0, 0), EXIT()));
	REFUSED("a helper that may sleep is refused", -EINVAL,
		LOAD(READ, COPY(BPF_REG_1, BPF_REG_10), ADD(BPF_REG_1, -8), MOV(BPF_REG_2, 8),
		     MOV(BPF_REG_3, 0), CALL(BPF_FUNC_copy_from_user), MOV(BPF_REG_0, 0), EXIT()));
	REFUSED("a helper that writes to the user's memory is refused", -EINVAL,
		LOAD(READ, COPY(BPF_REG_2, BPF_REG_10), ADD(BPF_REG_2, -8),
		     INSN(BPF_ST | BPF_MEM | BPF_DW, BPF_REG_10, 0, -8, 0), MOV(BPF_REG_3, 8),
		     MOV(BPF_REG_1, 0), CALL(BPF_FUNC_probe_write_user), MOV(BPF_REG_0, 0),
		     EXIT()));
}

/* A tail call to a program with other arguments would have them misread */
static void test_tail_call(void)
{
	int array = must(bpf_map_create(BPF_MAP_TYPE_PROG_ARRAY, "progs", 4, 4, 1, NULL),
			 "create an array of programs");
	struct vfio_pci_dvsec_ops ops = new_ops("tail", 0);
	int target = must(load_result(READ, 0x7a117a11), "load a target"), link;
	const __u32 key = 0;

	close(prog_of(&ops, READ));
	set_prog(&ops, READ,
		 must(LOAD(READ,
			   INSN(BPF_LD | BPF_IMM | BPF_DW, BPF_REG_2, BPF_PSEUDO_MAP_FD, 0, array),
			   INSN(0, 0, 0, 0, 0), MOV(BPF_REG_3, 0), CALL(BPF_FUNC_tail_call),
			   MOV(BPF_REG_0, 0), EXIT()),
		      "load a program with a tail call"));
	REFUSED("a tail call to a program with other arguments is refused", -EINVAL,
		bpf_map_update_elem(array, &key, &(int){ prog_of(&ops, RESET) }, 0));
	REFUSED("a tail call to a program that returns nothing is refused", -EINVAL,
		bpf_map_update_elem(array, &key, &(int){ prog_of(&ops, CLOSED) }, 0));
	link = take(ops);
	done("a program with a tail call can be in force", link);
	user_reads("a tail call that leads nowhere decides nothing", "00000000");
	done("a tail call to a read is taken", bpf_map_update_elem(array, &key, &target, 0));
	user_reads("and decides", "7a117a11");
	close(link);
	close(target);
	close(array);
	close_progs(&ops);
}

static void test_many(void)
{
	enum { MANY = 64 };
	struct vfio_pci_dvsec_ops ops = new_ops("many", 0);
	int links[MANY], any, own, i, failed = 0;

	any = must(take(ops), "register a default");
	ops.match = VFIO_PCI_DVSEC_MATCH_ADDRESS;
	ops.segment = 0x1234;
	for (i = 0; i < MANY; i++) {
		ops.devfn = i;
		links[i] = take(ops);
		failed += links[i] < 0;
	}
	is_number("64 devices have each a policy of its own, of the same programs", failed, 0);
	in_force("those in between do not matter to a device", "enforced many");
	own = ready_map("own", bdf, 0);
	close(links[7]);
	links[7] = must(new_link(own), "register");
	in_force("one more for a device is in force on it", "enforced own");
	in_force_on(bdf2, "and on no other", "enforced many");
	for (i = 0; i < MANY; i += 2)
		close(links[i]);
	in_force("it stays when others go", "enforced own");
	for (i = 0; i < MANY; i += 2) {
		ops.devfn = i;
		links[i] = take(ops);
		failed += links[i] < 0;
	}
	is_number("what went can come again", failed, 0);
	ops.devfn = 1;
	REFUSED("what is there cannot", -EBUSY, take(ops));
	for (i = 0; i < MANY; i++)
		close(links[i]);
	in_force("the default is left", "enforced many");
	close(any);
	in_force("and then nothing", "none");
	close(own);
	close_progs(&ops);
}

enum { RACERS = 4, ROUNDS = 50 };

struct racer {
	pthread_barrier_t *barrier;
	int map;
	int link, old_map; /* to replace by @map, or 0: make a link of @map */
	int result;
};

static void *race(void *arg)
{
	struct racer *racer = arg;

	pthread_barrier_wait(racer->barrier);
	racer->result = racer->link ? replace(racer->link, racer->map, racer->old_map)
				    : new_link(racer->map);
	return NULL;
}

/* Return: who won alone, while all others got @error; -1: it was not so */
static int run_race(struct racer *racers, int error)
{
	pthread_t threads[RACERS];
	int i, winner = -1, won = 0, lost = 0;

	for (i = 0; i < RACERS; i++)
		must(-pthread_create(&threads[i], NULL, race, &racers[i]), "start a thread");
	for (i = 0; i < RACERS; i++) {
		pthread_join(threads[i], NULL);
		won += racers[i].result >= 0;
		lost += racers[i].result == error;
		if (racers[i].result >= 0)
			winner = i;
	}
	return won == 1 && lost == RACERS - 1 ? winner : -1;
}

static void test_race(void)
{
	int base = ready_map("base", bdf, 0), i, round, winner, bad = 0;
	struct racer racers[RACERS];
	pthread_barrier_t barrier;
	char want[32];

	pthread_barrier_init(&barrier, NULL, RACERS);
	for (i = 0; i < RACERS; i++) {
		snprintf(want, sizeof(want), "racer%d", i);
		racers[i] = (struct racer){ &barrier, ready_map(want, bdf, 0), 0, 0, 0 };
	}
	for (round = 0; round < ROUNDS; round++) {
		winner = run_race(racers, -EBUSY);
		snprintf(want, sizeof(want), "enforced racer%d", winner);
		bad += winner < 0 || strcmp(force_of(bdf).text, want);
		for (i = 0; i < RACERS; i++)
			if (racers[i].result >= 0)
				close(racers[i].result);
	}
	is_number("of four that register at the same time one is in force, the others are busy",
		  bad, 0);

	for (i = 0; i < RACERS; i++)
		racers[i].old_map = base;
	bad = 0;
	for (round = 0; round < ROUNDS; round++) {
		int link = must(new_link(base), "register");

		for (i = 0; i < RACERS; i++)
			racers[i].link = link;
		winner = run_race(racers, -EPERM);
		snprintf(want, sizeof(want), "enforced racer%d", winner);
		bad += winner < 0 || strcmp(force_of(bdf).text, want);
		close(link);
	}
	is_number("of four that replace the same map one does, the others are told", bad, 0);
	for (i = 0; i < RACERS; i++)
		close(racers[i].map);
	close(base);
	pthread_barrier_destroy(&barrier);
}

static int print(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level;
	(void)format;
	(void)args;
	return 0;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} tests[] = {
		{ "update", test_update },
		{ "wrong update", test_wrong_update },
		{ "replace", test_replace },
		{ "without a link", test_linkless },
		{ "two links", test_two_links },
		{ "detach", test_detach },
		{ "poll", test_poll },
		{ "required members", test_required },
		{ "wrong programs", test_wrong_program },
		{ "data members", test_data },
		{ "padding", test_padding },
		{ "creation of maps", test_map_create },
		{ "attachment of programs", test_attach },
		{ "writes to the access", test_access },
		{ "context", test_context },
		{ "tail calls", test_tail_call },
		{ "many", test_many },
		{ "race", test_race },
	};
	struct numbers start;
	char rule[96];
	size_t i;

	if (argc != 3) {
		fputs("usage: struct_ops_test BDF BDF (bound to vfio-pci, without a policy)\n",
		      stderr);
		return 2;
	}
	bdf = argv[1];
	bdf2 = argv[2];
	setvbuf(stdout, NULL, _IOLBF, 0);
	libbpf_set_print(print);
	vmlinux = btf__load_vmlinux_btf();
	must(vmlinux ? open_dvsec_type() : -errno, "find the type");
	own_btf = must(load_own_btf(), "load BTF");
	must(header_fits() ? 0 : -EINVAL, "use the header, the kernel's layout is another");
	start = numbers();
	for (i = 0; i < ARRAY_SIZE(tests); i++) {
		tests[i].run();
		snprintf(rule, sizeof(rule), "%s: nothing is left behind", tests[i].name);
		numbers_become(rule, start);
		snprintf(rule, sizeof(rule), "%s: nothing is in force after it", tests[i].name);
		in_force(rule, "none");
		/* What one test leaves is not held against the next */
		start = numbers();
	}
	printf("1..%u\n", count);
	return 0;
}
