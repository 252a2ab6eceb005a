/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is in force, told by the kernel alone.
 */
#ifndef LOADER_KERN_H
#define LOADER_KERN_H

#include <stdbool.h>
#include <stdint.h>

#include "cxl_policy_abi.h"
#include "device.h"
#include "vfio_pci_dvsec.h"

#define KERN_DEFAULT "default"
/* Of a BPF program's tag in bytes */
#define KERN_TAG_LEN 8

struct btf;

/**
 * enum kern_hook - whether vfio-pci asks a policy
 * @KERN_HOOK_PRESENT: it does
 * @KERN_HOOK_NO_BTF: the kernel has no BTF, so it can't be told
 * @KERN_HOOK_NOT_LOADED: there is no vfio-pci-core
 * @KERN_HOOK_NO_MODULE_BTF: vfio-pci-core is a module without BTF
 * @KERN_HOOK_ABSENT: it doesn't
 */
enum kern_hook {
	KERN_HOOK_PRESENT,
	KERN_HOOK_NO_BTF,
	KERN_HOOK_NOT_LOADED,
	KERN_HOOK_NO_MODULE_BTF,
	KERN_HOOK_ABSENT,
};

/**
 * struct kern_target - what a policy is for
 * @match: an &enum vfio_pci_dvsec_match
 * @address: with %VFIO_PCI_DVSEC_MATCH_ADDRESS
 */
struct kern_target {
	uint32_t match;
	struct device_address address;
};

/* The programs of a policy */
enum kern_op {
	KERN_OP_OPENED,
	KERN_OP_CLOSED,
	KERN_OP_RESET,
	KERN_OP_READ,
	KERN_OP_WRITE,
	KERN_NR_OPS,
};

/**
 * struct kern_policy - a policy in force, whoever registered it
 * @link_id: of the BPF link, 0 if it was registered without one
 * @map_id: of the struct_ops map behind the link
 * @target: what it is for
 * @name: of the policy; may be empty
 * @tag: of the program that is the member opened(); all 0 if there is none
 * @nr_claims: number of @claims in use
 * @claims: kinds of DVSECs that it is for, besides those of CXL
 * @progs: ids of its programs by &enum kern_op; 0: it does without
 * @shadow_id: of the map "cxl_shadow"; 0: the program has none
 * @events_id: of the map "cxl_events"; 0: the program has none
 * @restore_id: of the map "cxl_restore"; 0: the program has none
 * @table_id: of the map that holds the struct cxl_policy; 0: the program has none, or
 *	it is of another ABI
 * @table_offset: of the struct cxl_policy in that map
 * @abi: &cxl_policy.abi_version; 0: the program has no tables, so it isn't one of cxl-policy
 * @program: which build of the program it is, as of bpf_program(); 0: not known
 */
struct kern_policy {
	uint32_t link_id;
	uint32_t map_id;
	struct kern_target target;
	char name[VFIO_PCI_DVSEC_NAME_LEN];
	uint8_t tag[KERN_TAG_LEN];
	uint32_t nr_claims;
	struct vfio_pci_dvsec_id claims[VFIO_PCI_DVSEC_MAX_CLAIMS];
	uint32_t progs[KERN_NR_OPS];
	uint32_t shadow_id;
	uint32_t events_id;
	uint32_t restore_id;
	uint32_t table_id;
	uint32_t table_offset;
	uint32_t abi;
	uint64_t program;
};

/**
 * enum kern_map - the maps that all policies share
 * @KERN_MAP_SHADOW: "cxl_shadow"
 * @KERN_MAP_EVENTS: "cxl_events"
 * @KERN_MAP_RESTORE: "cxl_restore"
 * @KERN_NR_MAPS: number of them
 */
enum kern_map {
	KERN_MAP_SHADOW,
	KERN_MAP_EVENTS,
	KERN_MAP_RESTORE,
	KERN_NR_MAPS,
};

extern const char *const kern_map_names[KERN_NR_MAPS];

/**
 * struct kern_policies - all policies in force
 * @nr: number of @policies
 * @policies: the policies
 */
struct kern_policies {
	unsigned int nr;
	struct kern_policy *policies;
};

/**
 * kern_check - check that policies are possible here
 *
 * Privilege, the kernel's BTF, the hook in vfio-pci: in this order.
 *
 * Return: 0 or a negative errno, with the error set.
 */
int kern_check(void);

/**
 * kern_hook - look for the hook
 *
 * Return: what was found; sets no error.
 */
enum kern_hook kern_hook(void);

/**
 * kern_hook_text - what enum kern_hook says, for people
 * @hook: what was found, but for %KERN_HOOK_PRESENT
 * @hint: the way out
 *
 * Return: the cause.
 */
const char *kern_hook_text(enum kern_hook hook, const char **hint);

/**
 * kern_has_capability - ask for a capability of this process
 * @capability: CAP_*
 *
 * Return: whether it is effective.
 */
bool kern_has_capability(unsigned int capability);

/**
 * kern_check_privilege - check that this process may do what all verbs need
 *
 * Return: 0 or a negative errno, with the error set.
 */
int kern_check_privilege(void);

/**
 * kern_list - find the policies in force
 * @policies: filled in, to be freed by kern_free()
 *
 * Return: 0 or a negative errno, with the error set.
 */
int kern_list(struct kern_policies *policies);

/**
 * kern_unregister - end a policy that was registered without a link
 * @policy: the policy; one with a link is left alone
 *
 * Return: 0 or a negative errno.
 */
int kern_unregister(const struct kern_policy *policy);

/**
 * kern_free - free what kern_list() found
 * @policies: the policies
 */
void kern_free(struct kern_policies *policies);

/**
 * kern_find - find the policy registered for a target
 * @policies: the policies in force
 * @target: what for; the default isn't taken for a device
 *
 * Return: the policy or NULL.
 */
const struct kern_policy *kern_find(const struct kern_policies *policies,
				    const struct kern_target *target);

/**
 * kern_find_effective - find the policy that covers a target
 * @policies: the policies in force
 * @target: what for; the default covers every device
 *
 * Return: the policy or NULL.
 */
const struct kern_policy *kern_find_effective(const struct kern_policies *policies,
					      const struct kern_target *target);

/**
 * kern_same_target - compare targets
 * @a: a target
 * @b: another
 *
 * Return: whether they are the same.
 */
bool kern_same_target(const struct kern_target *a, const struct kern_target *b);

/**
 * kern_target_name - a target as text
 * @target: the target
 * @text: filled in: "default" or an address
 */
void kern_target_name(const struct kern_target *target, char text[DEVICE_ADDRESS_LEN]);

/**
 * kern_map_id - find a map of a policy in force
 * @policy: the policy
 * @map: which one
 *
 * Return: its id, 0 if the program has none.
 */
uint32_t kern_map_id(const struct kern_policy *policy, enum kern_map map);

/**
 * kern_open_map - open a map that fits
 * @id: of the map
 * @name: one of kern_map_names
 *
 * Return: a file descriptor, -ENOENT if it isn't there, -EINVAL if it doesn't
 * have the layout of this program's.
 */
int kern_open_map(uint32_t id, const char *name);

/**
 * kern_map_fits - check the layout of a map
 * @fd: the map
 * @name: as of kern_open_map()
 *
 * Return: whether it can be shared.
 */
bool kern_map_fits(int fd, const char *name);

/* In the .rodata of a BPF object: its struct cxl_policy, and which build of the program it is */
#define KERN_VAR_TABLE	 "cxl_policy_table"
#define KERN_VAR_PROGRAM "cxl_policy_program"

/**
 * kern_find_var - find a variable in the .rodata of a BPF object
 * @btf: of the object
 * @section: type of .rodata in @btf
 * @size: of .rodata in bytes
 * @name: of the variable
 * @var_size: filled in: of the variable in bytes
 * @offset: filled in: where it is in .rodata
 *
 * Return: 0, or -ENOENT if it isn't there.
 */
int kern_find_var(const struct btf *btf, uint32_t section, size_t size, const char *name,
		  uint32_t *var_size, uint32_t *offset);

/**
 * kern_check_abi - check that this program can take over what those in force have
 * @policies: the policies in force
 *
 * Return: 0 or a negative errno, with the error set.
 */
int kern_check_abi(const struct kern_policies *policies);

/**
 * kern_read_table - read the tables of a policy in force
 * @policy: the policy
 * @table: filled in
 *
 * Return: 0; -ENOENT if it has none that this program knows; another negative
 * errno.
 */
int kern_read_table(const struct kern_policy *policy, struct cxl_policy *table);

/**
 * kern_read_shadow - read the state of an open device
 * @policy: the policy in force on the device
 * @open_id: of the opening, as of &device.open_id
 * @shadow: filled in
 *
 * Return: 0; -ENOENT if the policy has none of this opening; another negative errno.
 */
int kern_read_shadow(const struct kern_policy *policy, uint64_t open_id, struct cxl_shadow *shadow);

/**
 * kern_read_restore - read the saved shadow that is there for a device
 * @policy: the policy that covers the device
 * @address: of the device
 * @restore: filled in
 *
 * Return: 0; -ENOENT if there is none; another negative errno.
 */
int kern_read_restore(const struct kern_policy *policy, const struct device_address *address,
		      struct cxl_restore *restore);

#endif /* LOADER_KERN_H */
