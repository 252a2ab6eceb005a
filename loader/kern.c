// SPDX-License-Identifier: GPL-2.0-only
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <errno.h>
#include <linux/capability.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kern.h"
#include "output.h"

#define OPS_NAME      "vfio_pci_dvsec_ops"
#define OPS_VALUE     "bpf_struct_ops_" OPS_NAME
#define OPS_MODULE    "vfio_pci_core"
#define RODATA_SUFFIX ".rodata"
#define MAX_PROG_MAPS 64
/* BPF_STRUCT_OPS_STATE_INUSE of the kernel: registered, and not by a link */
#define STRUCT_OPS_INUSE 1

const char *const kern_map_names[KERN_NR_MAPS] = {
	[KERN_MAP_SHADOW] = CXL_SHADOW_MAP_NAME,
	[KERN_MAP_EVENTS] = CXL_EVENTS_MAP_NAME,
	[KERN_MAP_RESTORE] = CXL_RESTORE_MAP_NAME,
};

/* What they have to be like, and where their ids are kept; 0 entries: any number */
static const struct map_layout {
	uint32_t type;
	uint32_t key_size;
	uint32_t value_size;
	uint32_t max_entries;
	size_t id;
} map_layouts[KERN_NR_MAPS] = {
	[KERN_MAP_SHADOW] = { BPF_MAP_TYPE_ARRAY, sizeof(__u32), sizeof(struct cxl_shadow),
			      CXL_SHADOW_MAX_DEVICES, offsetof(struct kern_policy, shadow_id) },
	[KERN_MAP_EVENTS] = { BPF_MAP_TYPE_RINGBUF, 0, 0, 0,
			      offsetof(struct kern_policy, events_id) },
	[KERN_MAP_RESTORE] = { BPF_MAP_TYPE_HASH, sizeof(struct cxl_restore_key),
			       sizeof(struct cxl_restore), CXL_SHADOW_MAX_DEVICES,
			       offsetof(struct kern_policy, restore_id) },
};

/* Where the kernel keeps the members of struct vfio_pci_dvsec_ops */
struct layout {
	uint32_t btf_id;
	uint32_t type_id;
	bool ours;
	uint32_t progs[KERN_NR_OPS];
	uint32_t match;
	uint32_t segment;
	uint32_t bus;
	uint32_t devfn;
	uint32_t nr_claims;
	uint32_t claims;
	uint32_t max_claims;
	uint32_t name;
	uint32_t name_len;
};

static struct btf *vmlinux_btf;

static bool has_vmlinux_btf(void)
{
	if (!vmlinux_btf)
		vmlinux_btf = btf__load_vmlinux_btf();
	return vmlinux_btf;
}

static int hook_error(enum kern_hook hook)
{
	const char *cause, *hint;

	cause = kern_hook_text(hook, &hint);
	return error_set(EXIT_KERNEL, -EOPNOTSUPP, hint, "%s", cause);
}

static int load_vmlinux_btf(void)
{
	return has_vmlinux_btf() ? 0 : hook_error(KERN_HOOK_NO_BTF);
}

/*
 * Preconditions
 */

bool kern_has_capability(unsigned int capability)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};

	return !syscall(SYS_capget, &header, data) &&
	       data[CAP_TO_INDEX(capability)].effective & CAP_TO_MASK(capability);
}

int kern_check_privilege(void)
{
	/* CAP_BPF and CAP_PERFMON load programs, but don't list those in force */
	if (!kern_has_capability(CAP_SYS_ADMIN))
		return error_set(EXIT_PRIVILEGE, -EPERM, "run it as root",
				 "no privilege (CAP_SYS_ADMIN)");
	return 0;
}

enum kern_hook kern_hook(void)
{
	struct btf *btf;
	int found;

	if (!has_vmlinux_btf())
		return KERN_HOOK_NO_BTF;
	if (btf__find_by_name_kind(vmlinux_btf, OPS_VALUE, BTF_KIND_STRUCT) > 0)
		return KERN_HOOK_PRESENT;
	if (access("/sys/module/" OPS_MODULE, F_OK))
		return KERN_HOOK_NOT_LOADED;
	if (access("/sys/kernel/btf/" OPS_MODULE, F_OK))
		return KERN_HOOK_NO_MODULE_BTF;
	btf = btf__load_module_btf(OPS_MODULE, vmlinux_btf);
	found = btf ? btf__find_by_name_kind(btf, OPS_VALUE, BTF_KIND_STRUCT) : -errno;
	btf__free(btf);
	return found > 0 ? KERN_HOOK_PRESENT : KERN_HOOK_ABSENT;
}

const char *kern_hook_text(enum kern_hook hook, const char **hint)
{
	switch (hook) {
	case KERN_HOOK_NO_BTF:
		*hint = "boot a kernel that is built with CONFIG_DEBUG_INFO_BTF";
		return "the kernel has no BTF (/sys/kernel/btf/vmlinux)";
	case KERN_HOOK_NOT_LOADED:
		*hint = "load the patched one (see kernel/) by 'modprobe vfio-pci'";
		return "vfio-pci isn't loaded";
	case KERN_HOOK_NO_MODULE_BTF:
		*hint = "build it with CONFIG_DEBUG_INFO_BTF_MODULES";
		return "vfio-pci-core has no BTF, so no policy can be registered";
	default:
		*hint = "load the patched one (see kernel/) by 'modprobe vfio-pci'";
		return "vfio-pci has no hook for DVSEC policies";
	}
}

int kern_check(void)
{
	int err = kern_check_privilege();

	if (!err)
		err = load_vmlinux_btf();
	if (!err && kern_hook() != KERN_HOOK_PRESENT)
		err = hook_error(kern_hook());
	return err;
}

/*
 * Maps
 */

static int map_info(int fd, struct bpf_map_info *info)
{
	__u32 len = sizeof(*info);

	memset(info, 0, sizeof(*info));
	return bpf_map_get_info_by_fd(fd, info, &len);
}

static int find_map(const char *name)
{
	int i;

	for (i = 0; i < KERN_NR_MAPS; i++)
		if (!strcmp(name, kern_map_names[i]))
			return i;
	return -ENOENT;
}

bool kern_map_fits(int fd, const char *name)
{
	const struct map_layout *layout;
	struct bpf_map_info info;
	int map = find_map(name);

	if (map < 0 || map_info(fd, &info))
		return false;
	layout = &map_layouts[map];
	return info.type == layout->type && info.key_size == layout->key_size &&
	       info.value_size == layout->value_size &&
	       (layout->max_entries ? info.max_entries == layout->max_entries : info.max_entries);
}

uint32_t kern_map_id(const struct kern_policy *policy, enum kern_map map)
{
	uint32_t id;

	memcpy(&id, (const char *)policy + map_layouts[map].id, sizeof(id));
	return id;
}

int kern_open_map(uint32_t id, const char *name)
{
	int fd;

	if (!id)
		return -ENOENT;
	fd = bpf_map_get_fd_by_id(id);
	if (fd >= 0 && !kern_map_fits(fd, name)) {
		close(fd);
		return -EINVAL;
	}
	return fd;
}

int kern_find_var(const struct btf *btf, uint32_t section, size_t size, const char *name,
		  uint32_t *var_size, uint32_t *offset)
{
	const struct btf_type *sec = btf__type_by_id(btf, section);
	const struct btf_var_secinfo *var;
	int i;

	if (!sec || !btf_is_datasec(sec))
		return -ENOENT;
	for (i = 0, var = btf_var_secinfos(sec); i < btf_vlen(sec); i++, var++) {
		const struct btf_type *type = btf__type_by_id(btf, var->type);

		if (strcmp(btf__name_by_offset(btf, type->name_off), name) ||
		    (uint64_t)var->offset + var->size > size)
			continue;
		*var_size = var->size;
		*offset = var->offset;
		return 0;
	}
	return -ENOENT;
}

/* The one value of a .rodata map, to be freed */
static char *read_rodata(int fd, const struct bpf_map_info *info)
{
	char *value = calloc(1, info->value_size);
	__u32 key = 0;

	if (value && bpf_map_lookup_elem(fd, &key, value)) {
		free(value);
		value = NULL;
	}
	return value;
}

/* What is in a .rodata map, which another version may have laid out otherwise */
static void look_at_rodata(struct kern_policy *policy, int fd, const struct bpf_map_info *info)
{
	struct btf *btf = btf__load_from_kernel_by_id(info->btf_id);
	char *value = read_rodata(fd, info);
	uint32_t size, offset;

	if (!btf || !value)
		goto out;
	if (!kern_find_var(btf, info->btf_value_type_id, info->value_size, KERN_VAR_TABLE, &size,
			   &offset) &&
	    size >= sizeof(policy->abi)) {
		memcpy(&policy->abi, value + offset, sizeof(policy->abi));
		if (policy->abi == CXL_POLICY_ABI_VERSION && size == sizeof(struct cxl_policy)) {
			policy->table_id = info->id;
			policy->table_offset = offset;
		}
	}
	if (!kern_find_var(btf, info->btf_value_type_id, info->value_size, KERN_VAR_PROGRAM, &size,
			   &offset) &&
	    size == sizeof(policy->program))
		memcpy(&policy->program, value + offset, size);
out:
	free(value);
	btf__free(btf);
}

static void add_map(struct kern_policy *policy, uint32_t id)
{
	struct bpf_map_info info;
	size_t len;
	int fd;

	fd = bpf_map_get_fd_by_id(id);
	if (fd < 0)
		return;
	if (map_info(fd, &info))
		goto out;
	len = strlen(info.name);
	if (kern_map_fits(fd, info.name))
		memcpy((char *)policy + map_layouts[find_map(info.name)].id, &id, sizeof(id));
	else if (len > strlen(RODATA_SUFFIX) && info.type == BPF_MAP_TYPE_ARRAY && info.btf_id &&
		 !strcmp(info.name + len - strlen(RODATA_SUFFIX), RODATA_SUFFIX))
		look_at_rodata(policy, fd, &info);
out:
	close(fd);
}

/* Tag and maps of a program that is a member */
static void add_maps(struct kern_policy *policy, uint32_t prog_id)
{
	static const uint8_t none[KERN_TAG_LEN];
	uint32_t ids[MAX_PROG_MAPS];
	struct bpf_prog_info info = {};
	__u32 len = sizeof(info), i;
	int fd;

	fd = bpf_prog_get_fd_by_id(prog_id);
	if (fd < 0)
		return;
	info.nr_map_ids = MAX_PROG_MAPS;
	info.map_ids = (uintptr_t)ids;
	if (!bpf_prog_get_info_by_fd(fd, &info, &len)) {
		if (!memcmp(policy->tag, none, sizeof(none)))
			memcpy(policy->tag, info.tag, sizeof(policy->tag));
		for (i = 0; i < info.nr_map_ids && i < MAX_PROG_MAPS; i++)
			add_map(policy, ids[i]);
	}
	close(fd);
}

int kern_check_abi(const struct kern_policies *policies)
{
	char name[DEVICE_ADDRESS_LEN];
	unsigned int i;

	for (i = 0; i < policies->nr; i++) {
		const struct kern_policy *policy = &policies->policies[i];

		if (!policy->abi || policy->abi == CXL_POLICY_ABI_VERSION)
			continue;
		kern_target_name(&policy->target, name);
		return error_set(
			EXIT_BUSY, -EBUSY,
			"use the cxl-policy that attached it, or end its guests and detach it",
			"policy %s of %s is of another version, ABI %u, whose state this "
			"cxl-policy (ABI %u) can't take over; nothing was changed",
			policy->name, name, policy->abi, CXL_POLICY_ABI_VERSION);
	}
	return 0;
}

int kern_read_table(const struct kern_policy *policy, struct cxl_policy *table)
{
	struct bpf_map_info info;
	char *value;
	int fd, err;

	if (!policy->table_id)
		return -ENOENT;
	fd = bpf_map_get_fd_by_id(policy->table_id);
	if (fd < 0)
		return fd;
	err = map_info(fd, &info);
	if (err)
		goto out;
	value = read_rodata(fd, &info);
	if (value)
		memcpy(table, value + policy->table_offset, sizeof(*table));
	else
		err = -errno;
	free(value);
out:
	close(fd);
	return err;
}

int kern_read_shadow(const struct kern_policy *policy, uint64_t open_id, struct cxl_shadow *shadow)
{
	struct cxl_shadow *value;
	int fd, err = 0;
	__u32 index;

	fd = kern_open_map(policy->shadow_id, CXL_SHADOW_MAP_NAME);
	if (fd < 0)
		return fd;
	value = malloc(sizeof(*value));
	if (!value) {
		err = -ENOMEM;
		goto out;
	}

	for (index = 0; index < CXL_SHADOW_MAX_DEVICES; index++) {
		err = bpf_map_lookup_elem(fd, &index, value);
		if (err)
			goto out;
		/* One that was left behind is of an earlier opening */
		if (value->open_id == open_id && value->abi_version == CXL_POLICY_ABI_VERSION) {
			*shadow = *value;
			goto out;
		}
	}
	err = -ENOENT;
out:
	free(value);
	close(fd);
	return err;
}

int kern_read_restore(const struct kern_policy *policy, const struct device_address *address,
		      struct cxl_restore *restore)
{
	const struct cxl_restore_key key = {
		.segment = address->segment,
		.bus = address->bus,
		.devfn = address->devfn,
	};
	int fd, err;

	fd = kern_open_map(policy->restore_id, CXL_RESTORE_MAP_NAME);
	if (fd < 0)
		return fd;
	err = bpf_map_lookup_elem(fd, &key, restore);
	close(fd);
	return err;
}

/*
 * Policies
 */

static const struct btf_type *find_member(const struct btf *btf, const struct btf_type *type,
					  const char *name, uint32_t *offset)
{
	const struct btf_member *member = btf_members(type);
	int i;

	for (i = 0; i < btf_vlen(type); i++, member++) {
		if (strcmp(btf__name_by_offset(btf, member->name_off), name))
			continue;
		*offset = btf_member_bit_offset(type, i) / 8;
		return btf__type_by_id(btf, btf__resolve_type(btf, member->type));
	}
	return NULL;
}

/* Find the members by name, so that a kernel with more of them will do */
static int read_layout(struct layout *layout)
{
	const struct {
		const char *name;
		uint32_t *offset;
	} members[] = {
		{ "opened", &layout->progs[KERN_OP_OPENED] },
		{ "closed", &layout->progs[KERN_OP_CLOSED] },
		{ "reset", &layout->progs[KERN_OP_RESET] },
		{ "read", &layout->progs[KERN_OP_READ] },
		{ "write", &layout->progs[KERN_OP_WRITE] },
		{ "match", &layout->match },
		{ "segment", &layout->segment },
		{ "bus", &layout->bus },
		{ "devfn", &layout->devfn },
		{ "nr_claims", &layout->nr_claims },
	};
	const struct btf_type *type, *data, *name, *claims;
	struct btf *module = NULL;
	const struct btf *btf;
	uint32_t start;
	unsigned int i;
	int err;

	layout->ours = false;
	err = load_vmlinux_btf();
	if (err)
		return err;
	btf = vmlinux_btf;
	type = btf__type_by_id(btf, layout->type_id);
	if (!type) {
		module = btf__load_from_kernel_by_id_split(layout->btf_id, vmlinux_btf);
		if (!module)
			return -errno;
		btf = module;
		type = btf__type_by_id(btf, layout->type_id);
	}
	if (!type || !btf_is_struct(type) ||
	    strcmp(btf__name_by_offset(btf, type->name_off), OPS_VALUE))
		goto out;
	data = find_member(btf, type, "data", &start);
	if (!data || !btf_is_struct(data)) {
		err = -EINVAL;
		goto out;
	}
	for (i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		if (!find_member(btf, data, members[i].name, members[i].offset)) {
			err = -EINVAL;
			goto out;
		}
		*members[i].offset += start;
	}
	name = find_member(btf, data, "name", &layout->name);
	claims = find_member(btf, data, "claims", &layout->claims);
	if (!name || !btf_is_array(name) || !claims || !btf_is_array(claims) ||
	    btf__resolve_size(btf, btf_array(claims)->type) != sizeof(struct vfio_pci_dvsec_id)) {
		err = -EINVAL;
		goto out;
	}
	layout->claims += start;
	layout->max_claims = btf_array(claims)->nelems;
	layout->name += start;
	layout->name_len = btf_array(name)->nelems;
	layout->ours = true;
out:
	btf__free(module);
	return err;
}

static uint32_t get_u32(const char *value, uint32_t offset)
{
	uint32_t number;

	memcpy(&number, value + offset, sizeof(number));
	return number;
}

/* Return: 1 if the map is a policy, 0 if it is another kind of struct_ops */
static int read_map(uint32_t id, struct layout *layout, struct kern_policy *policy)
{
	struct bpf_map_info info;
	uint32_t key = 0, len;
	char *value = NULL;
	unsigned int op;
	int fd, ret;

	fd = bpf_map_get_fd_by_id(id);
	if (fd < 0)
		return fd;
	ret = map_info(fd, &info);
	if (ret)
		goto out;
	if (layout->type_id != info.btf_vmlinux_value_type_id ||
	    layout->btf_id != info.btf_vmlinux_id) {
		layout->type_id = info.btf_vmlinux_value_type_id;
		layout->btf_id = info.btf_vmlinux_id;
		ret = read_layout(layout);
		if (ret)
			goto out;
	}
	if (!layout->ours)
		goto out;

	value = calloc(1, info.value_size + sizeof(uint64_t));
	if (!value) {
		ret = -ENOMEM;
		goto out;
	}
	ret = bpf_map_lookup_elem(fd, &key, value);
	if (ret)
		goto out;
	policy->map_id = id;
	policy->target.match = get_u32(value, layout->match);
	if (policy->target.match == VFIO_PCI_DVSEC_MATCH_ADDRESS) {
		policy->target.address.segment = get_u32(value, layout->segment);
		policy->target.address.bus = get_u32(value, layout->bus);
		policy->target.address.devfn = get_u32(value, layout->devfn);
	}
	len = layout->name_len < sizeof(policy->name) ? layout->name_len : sizeof(policy->name) - 1;
	memcpy(policy->name, value + layout->name, len);
	policy->nr_claims = get_u32(value, layout->nr_claims);
	if (policy->nr_claims > layout->max_claims)
		policy->nr_claims = layout->max_claims;
	if (policy->nr_claims > VFIO_PCI_DVSEC_MAX_CLAIMS)
		policy->nr_claims = VFIO_PCI_DVSEC_MAX_CLAIMS;
	memcpy(policy->claims, value + layout->claims,
	       policy->nr_claims * sizeof(policy->claims[0]));
	/* A read of the map gives the programs' ids in place of their addresses */
	for (op = 0; op < KERN_NR_OPS; op++)
		policy->progs[op] = get_u32(value, layout->progs[op]);
	add_maps(policy, policy->progs[KERN_OP_OPENED]);
	add_maps(policy, policy->progs[KERN_OP_READ]);
	ret = 1;
out:
	free(value);
	close(fd);
	return ret;
}

static int read_link(uint32_t id, struct layout *layout, struct kern_policy *policy)
{
	struct bpf_link_info info = {};
	__u32 len = sizeof(info);
	int fd, ret;

	fd = bpf_link_get_fd_by_id(id);
	if (fd < 0)
		return fd;
	memset(policy, 0, sizeof(*policy));
	ret = bpf_link_get_info_by_fd(fd, &info, &len);
	close(fd);
	if (ret)
		return ret;
	/* A link that was detached has no map */
	if (info.type != BPF_LINK_TYPE_STRUCT_OPS || !info.struct_ops.map_id)
		return 0;
	policy->link_id = id;
	return read_map(info.struct_ops.map_id, layout, policy);
}

/* A struct_ops map that was registered by itself, with no link */
static int read_linkless(uint32_t id, struct layout *layout, struct kern_policy *policy)
{
	struct bpf_map_info info;
	uint32_t key = 0, *value;
	int fd, ret;

	fd = bpf_map_get_fd_by_id(id);
	if (fd < 0)
		return fd;
	ret = map_info(fd, &info);
	if (ret || info.type != BPF_MAP_TYPE_STRUCT_OPS) {
		close(fd);
		return ret;
	}
	value = calloc(1, info.value_size + sizeof(uint64_t));
	ret = value ? bpf_map_lookup_elem(fd, &key, value) : -ENOMEM;
	close(fd);
	/* It starts with a reference count and the state */
	if (!ret && value[1] == STRUCT_OPS_INUSE) {
		memset(policy, 0, sizeof(*policy));
		ret = read_map(id, layout, policy);
	}
	free(value);
	return ret;
}

static int add_policies(struct kern_policies *policies, struct layout *layout,
			int (*next)(__u32 id, __u32 *next_id),
			int (*read)(uint32_t id, struct layout *layout, struct kern_policy *policy))
{
	struct kern_policy *more;
	__u32 id = 0;
	int ret;

	while (!(ret = next(id, &id))) {
		more = realloc(policies->policies, (policies->nr + 1) * sizeof(*more));
		if (!more) {
			ret = -ENOMEM;
			break;
		}
		policies->policies = more;
		ret = read(id, layout, &more[policies->nr]);
		/* Links and maps come and go meanwhile; one that is on its way is -EAGAIN */
		if (ret < 0 && ret != -ENOENT && ret != -EAGAIN)
			break;
		if (ret > 0)
			policies->nr++;
	}
	return ret == -ENOENT ? 0 : ret;
}

int kern_list(struct kern_policies *policies)
{
	struct layout layout = {};
	int ret;

	policies->nr = 0;
	policies->policies = NULL;
	ret = add_policies(policies, &layout, bpf_link_get_next_id, read_link);
	if (!ret)
		ret = add_policies(policies, &layout, bpf_map_get_next_id, read_linkless);
	if (!ret)
		return 0;
	kern_free(policies);
	return error_set(EXIT_FAILED, ret, "--debug tells more",
			 "can't read the kernel's BPF links: %s", strerror(-ret));
}

int kern_unregister(const struct kern_policy *policy)
{
	uint32_t key = 0;
	int fd, err;

	if (policy->link_id)
		return 0;
	fd = bpf_map_get_fd_by_id(policy->map_id);
	if (fd < 0)
		return fd;
	err = bpf_map_delete_elem(fd, &key);
	close(fd);
	return err;
}

void kern_free(struct kern_policies *policies)
{
	free(policies->policies);
	policies->policies = NULL;
	policies->nr = 0;
}

bool kern_same_target(const struct kern_target *a, const struct kern_target *b)
{
	return a->match == b->match &&
	       (a->match == VFIO_PCI_DVSEC_MATCH_ANY || device_same(&a->address, &b->address));
}

const struct kern_policy *kern_find(const struct kern_policies *policies,
				    const struct kern_target *target)
{
	unsigned int i;

	for (i = 0; i < policies->nr; i++)
		if (kern_same_target(&policies->policies[i].target, target))
			return &policies->policies[i];
	return NULL;
}

const struct kern_policy *kern_find_effective(const struct kern_policies *policies,
					      const struct kern_target *target)
{
	const struct kern_target any = { .match = VFIO_PCI_DVSEC_MATCH_ANY };
	const struct kern_policy *policy = kern_find(policies, target);

	return policy ? policy : kern_find(policies, &any);
}

void kern_target_name(const struct kern_target *target, char text[DEVICE_ADDRESS_LEN])
{
	if (target->match == VFIO_PCI_DVSEC_MATCH_ANY)
		strcpy(text, KERN_DEFAULT);
	else
		device_format(&target->address, text);
}
