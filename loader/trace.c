// SPDX-License-Identifier: GPL-2.0-only
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "output.h"
#include "trace.h"

#define MAX_FUNC_INFO_SIZE 64
#define HARDWARE_PROG	   "trace_hardware"

/* An ELF file has to start at an aligned address */
__asm__(".pushsection .rodata\n"
	".balign 16\n"
	"trace_object_start:\n"
	".incbin \"../bpf/cxl_trace.bpf.o\"\n"
	"trace_object_end:\n"
	".popsection\n");
extern const char trace_object_start[], trace_object_end[];

static const char *const progs[KERN_NR_OPS] = {
	[KERN_OP_OPENED] = "trace_opened", [KERN_OP_CLOSED] = "trace_closed",
	[KERN_OP_RESET] = "trace_reset",   [KERN_OP_READ] = "trace_read",
	[KERN_OP_WRITE] = "trace_write",
};

struct trace {
	struct bpf_object *obj;
	struct bpf_link *links[KERN_NR_OPS + 1];
	struct ring_buffer *ring;
	volatile struct cxl_trace_state *state;
	size_t state_size;
	int shadow_fd;
	uint32_t index;
	bool sees_hardware;
	int handed;
	trace_fn fn;
	void *arg;
};

static int refused(int err, const char *what)
{
	return error_set(EXIT_KERNEL, err, "--debug shows libbpf's messages and the verifier's log",
			 "%s: %s", what, strerror(-err));
}

/* The name of a program's function; that of bpf_prog_info is cut short */
static int function_name(int prog_fd, char *name, size_t size)
{
	struct bpf_prog_info info = {};
	char record[MAX_FUNC_INFO_SIZE];
	const struct bpf_func_info *func = (const void *)record;
	__u32 len = sizeof(info), rec_size;
	const struct btf_type *type;
	struct btf *btf;
	int err;

	err = bpf_prog_get_info_by_fd(prog_fd, &info, &len);
	if (err)
		return err;
	rec_size = info.func_info_rec_size;
	if (!info.btf_id || !info.nr_func_info || rec_size < sizeof(*func) ||
	    rec_size > sizeof(record))
		return -EINVAL;
	memset(&info, 0, sizeof(info));
	info.nr_func_info = 1;
	info.func_info_rec_size = rec_size;
	info.func_info = (uintptr_t)record;
	len = sizeof(info);
	err = bpf_prog_get_info_by_fd(prog_fd, &info, &len);
	if (err)
		return err;
	btf = btf__load_from_kernel_by_id(info.btf_id);
	if (!btf)
		return -errno;
	type = btf__type_by_id(btf, func->type_id);
	if (type && btf_is_func(type))
		snprintf(name, size, "%s", btf__name_by_offset(btf, type->name_off));
	else
		err = -EINVAL;
	btf__free(btf);
	return err;
}

/* Let a program look at one of those in force */
static int set_target(struct bpf_object *obj, const struct kern_policy *policy, unsigned int op)
{
	struct bpf_program *prog = bpf_object__find_program_by_name(obj, progs[op]);
	char name[128];
	int fd, err;

	if (!prog)
		return -EINVAL;
	/* A member that the policy does without */
	if (!policy->progs[op])
		return bpf_program__set_autoload(prog, false);
	fd = bpf_prog_get_fd_by_id(policy->progs[op]);
	if (fd < 0)
		return fd;
	err = function_name(fd, name, sizeof(name));
	/* The library keeps the descriptor's number alone, until it has loaded */
	if (!err)
		err = bpf_program__set_attach_target(prog, fd, name);
	if (err)
		close(fd);
	return err ? err : fd;
}

static int on_record(void *ctx, void *data, size_t size)
{
	struct trace *trace = ctx;

	trace->handed++;
	if (size >= sizeof(struct cxl_shadow))
		trace->fn(trace->arg, NULL, data);
	else if (size >= sizeof(struct cxl_call))
		trace->fn(trace->arg, data, NULL);
	return 0;
}

static int open_object(struct trace *trace, const struct kern_policy *policy,
		       const struct device_address *address, bool hardware)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = "cxl_trace");
	const struct cxl_trace_device device = { address->segment, address->bus, address->devfn };
	int fds[KERN_NR_OPS], err = 0;
	struct bpf_program *prog;
	unsigned int op, i;
	struct bpf_map *map;
	size_t size = 0;
	void *data;

	trace->obj = bpf_object__open_mem(trace_object_start, trace_object_end - trace_object_start,
					  &opts);
	if (!trace->obj)
		return -errno;
	map = bpf_object__find_map_by_name(trace->obj, ".rodata");
	data = map ? bpf_map__initial_value(map, &size) : NULL;
	if (!data || size != sizeof(device))
		return -EINVAL;
	memcpy(data, &device, sizeof(device));
	map = bpf_object__find_map_by_name(trace->obj, CXL_SHADOW_MAP_NAME);
	prog = bpf_object__find_program_by_name(trace->obj, HARDWARE_PROG);
	if (!map || !prog)
		return -EINVAL;
	err = bpf_map__reuse_fd(map, trace->shadow_fd);
	if (!err)
		err = bpf_program__set_autoload(prog, hardware);
	for (op = 0; op < KERN_NR_OPS && !err; op++) {
		fds[op] = set_target(trace->obj, policy, op);
		if (fds[op] < 0)
			err = fds[op];
	}
	if (!err)
		err = bpf_object__load(trace->obj);
	for (i = 0; i < op; i++)
		if (fds[i] > 0)
			close(fds[i]);
	return err;
}

static int attach(struct trace *trace, const char *name, struct bpf_link **link)
{
	struct bpf_program *prog = bpf_object__find_program_by_name(trace->obj, name);

	if (!bpf_program__autoload(prog))
		return 0;
	*link = bpf_program__attach(prog);
	return *link ? 0 : -errno;
}

static int map_state(struct trace *trace)
{
	struct bpf_map *map = bpf_object__find_map_by_name(trace->obj, "cxl_trace_state");
	void *state;

	if (!map)
		return -EINVAL;
	trace->state_size = sysconf(_SC_PAGESIZE);
	state = mmap(NULL, trace->state_size, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map),
		     0);
	if (state == MAP_FAILED)
		return -errno;
	trace->state = state;
	return 0;
}

int trace_open(const struct kern_policy *policy, const struct device_address *address, trace_fn fn,
	       void *arg, struct trace **trace)
{
	struct trace *t = calloc(1, sizeof(*t));
	unsigned int op;
	int err;

	if (!t)
		return -ENOMEM;
	t->fn = fn;
	t->arg = arg;
	t->shadow_fd = kern_open_map(policy->shadow_id, CXL_SHADOW_MAP_NAME);
	if (t->shadow_fd < 0) {
		err = t->shadow_fd;
		goto out;
	}
	/* The function of vfio-pci-core is good to have, and no more */
	err = open_object(t, policy, address, true);
	t->sees_hardware = !err;
	if (err && err != -ENOENT) {
		bpf_object__close(t->obj);
		t->obj = NULL;
		err = open_object(t, policy, address, false);
	}
	if (err) {
		if (err != -ENOENT)
			refused(err, "the kernel refused to let the policy's programs be traced");
		goto out;
	}
	err = map_state(t);
	if (err) {
		refused(err, "can't map the state of the trace");
		goto out;
	}
	t->ring = ring_buffer__new(bpf_object__find_map_fd_by_name(t->obj, "cxl_calls"), on_record,
				   t, NULL);
	if (!t->ring) {
		err = refused(-errno, "can't open the buffer of the trace");
		goto out;
	}
	/* Reads come last, so that what comes of one of them finds the others there */
	if (t->sees_hardware)
		err = attach(t, HARDWARE_PROG, &t->links[KERN_NR_OPS]);
	for (op = 0; op < KERN_NR_OPS && !err; op++)
		err = attach(t, progs[op], &t->links[op]);
	if (err)
		refused(err, "the kernel refused to trace the policy's programs");
out:
	if (err)
		trace_close(t);
	else
		*trace = t;
	return err;
}

int trace_poll(struct trace *trace)
{
	int err;

	trace->handed = 0;
	err = ring_buffer__consume(trace->ring);
	return err < 0 ? err : trace->handed;
}

/* Where the shadow of an opening is */
static int find_shadow(struct trace *trace, uint64_t open_id, struct cxl_shadow *shadow)
{
	uint32_t i, index;
	int err;

	for (i = 0; i < CXL_SHADOW_MAX_DEVICES; i++) {
		/* Where it was the last time, first of all */
		index = (trace->index + i) % CXL_SHADOW_MAX_DEVICES;
		err = bpf_map_lookup_elem(trace->shadow_fd, &index, shadow);
		if (err)
			return err;
		if (shadow->open_id != open_id || shadow->abi_version != CXL_POLICY_ABI_VERSION)
			continue;
		trace->index = index;
		return 0;
	}
	return -ENOENT;
}

/* A call changes the shadow first and is counted then, so look twice */
int trace_seed(struct trace *trace, uint64_t open_id, struct cxl_shadow *shadow)
{
	uint64_t calls = trace->state->calls;
	struct cxl_shadow *again;
	int err;

	err = find_shadow(trace, open_id, shadow);
	if (err)
		return err;
	again = malloc(sizeof(*again));
	if (!again)
		return -ENOMEM;
	usleep(1000);
	err = bpf_map_lookup_elem(trace->shadow_fd, &trace->index, again);
	if (!err && (memcmp(shadow, again, sizeof(*again)) || trace->state->calls != calls))
		err = -EAGAIN;
	free(again);
	return err;
}

void trace_want_seed(struct trace *trace)
{
	trace->state->seed = 1;
}

/* Calls at which a program wasn't run, as one preempted it was running on that processor */
static uint64_t missed(const struct trace *trace)
{
	struct bpf_program *prog;
	uint64_t nr = 0;

	bpf_object__for_each_program(prog, trace->obj)
	{
		struct bpf_prog_info info = {};
		__u32 len = sizeof(info);

		/* Without what the hardware gave, there is the picture of it */
		if (bpf_program__autoload(prog) && strcmp(bpf_program__name(prog), HARDWARE_PROG) &&
		    !bpf_prog_get_info_by_fd(bpf_program__fd(prog), &info, &len))
			nr += info.recursion_misses;
	}
	return nr;
}

uint64_t trace_lost(const struct trace *trace)
{
	return trace->state->lost + missed(trace);
}

void trace_close(struct trace *trace)
{
	unsigned int i;

	if (!trace)
		return;
	for (i = 0; i < KERN_NR_OPS + 1; i++)
		bpf_link__destroy(trace->links[i]);
	ring_buffer__free(trace->ring);
	if (trace->state)
		munmap((void *)trace->state, trace->state_size);
	bpf_object__close(trace->obj);
	if (trace->shadow_fd >= 0)
		close(trace->shadow_fd);
	free(trace);
}
