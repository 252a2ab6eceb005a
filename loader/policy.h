/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Policies: from YAML, in the specification's vocabulary, to the tables that the
 * BPF program works with. Needs neither libbpf nor a kernel.
 */
#ifndef LOADER_POLICY_H
#define LOADER_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cxl_dvsec_regs.h"
#include "cxl_policy_abi.h"
#include "vfio_pci_dvsec.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#define POLICY_DIR_ENV	 "CXL_POLICY_PATH"
#define POLICY_ERROR_LEN 1024

/* Index into policy_fields: CXL_DVSEC_FIELD_CONTROL_MEM_ENABLE, ... */
enum policy_field_id {
#define POLICY_F(reg, REG, name, NAME, hi, lo, attr) CXL_DVSEC_FIELD_##REG##_##NAME,
	CXL_DVSEC_FIELDS(POLICY_F)
#undef POLICY_F
		POLICY_NR_FIELDS,
};

#define POLICY_C(reg, name, cap_reg, cap, attr) +1
enum { POLICY_NR_CONDITIONS = CXL_DVSEC_CONDITIONS(POLICY_C) };
#undef POLICY_C

#define POLICY_NR_RULES (CXL_DVSEC_LENGTH / 4)

#define POLICY_MAX_DVSECS     VFIO_PCI_DVSEC_MAX_CLAIMS
#define POLICY_MAX_TEXT	      16384
#define POLICY_FIELD_NAME_LEN 64
/* One a bit of the dwords that the CXL device DVSEC leaves of the table */
#define POLICY_MAX_DESCRIBED ((CXL_POLICY_MAX_RULES - POLICY_NR_RULES) * 32)

/**
 * struct policy_register - a register of the CXL device DVSEC
 * @name: in lower case
 * @offset: from the start of the DVSEC
 * @size: in bytes
 */
struct policy_register {
	const char *name;
	uint16_t offset;
	uint8_t size;
};

/**
 * struct policy_field - a field of a register
 * @name: register and field, with a dot between
 * @reg: an &enum cxl_dvsec_register
 * @hi: last bit in the register
 * @lo: first bit in the register
 * @attribute: an &enum cxl_dvsec_attribute
 */
struct policy_field {
	const char *name;
	uint8_t reg;
	uint8_t hi;
	uint8_t lo;
	uint8_t attribute;
};

/**
 * struct policy_condition - a field that depends on a capability by its specification
 * @field: its name
 * @when: name of the capability
 * @absent: an &enum cxl_dvsec_attribute, where that is 0
 */
struct policy_condition {
	const char *field;
	const char *when;
	uint8_t absent;
};

extern const struct policy_register policy_registers[CXL_DVSEC_NR_REGS];
extern const struct policy_field policy_fields[POLICY_NR_FIELDS];
extern const struct policy_condition policy_conditions[POLICY_NR_CONDITIONS];

enum policy_read {
	POLICY_READ_HARDWARE,
	POLICY_READ_SHADOW,
	POLICY_READ_VALUE,
};

/* Where a write goes, as a mask */
enum policy_write {
	POLICY_WRITE_SHADOW = 1 << 0,
	POLICY_WRITE_HARDWARE = 1 << 1,
};

enum policy_action {
	POLICY_ACTION_NONE,
	POLICY_ACTION_WBI,
	POLICY_ACTION_CXL_RESET,
};

enum policy_access {
	POLICY_ACCESS_RULES,
	POLICY_ACCESS_READ_ONLY,
	POLICY_ACCESS_PASSTHROUGH,
};

/* Instead of an index into &policy.fields: the field is always there */
#define POLICY_ALWAYS (-1)

/**
 * struct policy_field_model - what a policy says of a field
 * @attribute: an &enum cxl_dvsec_attribute
 * @read: an &enum policy_read
 * @write: a mask of &enum policy_write
 * @action: an &enum policy_action
 * @absent: an &enum cxl_dvsec_attribute, where @when isn't met
 * @when: index into &policy.fields of the capability that the field depends on
 * @value: with %POLICY_READ_VALUE what is read, with %POLICY_READ_SHADOW what
 *	the field holds at open; counted from the field's first bit
 * @reason: why it is so, in &policy.texts; 0: not said
 */
struct policy_field_model {
	uint8_t attribute;
	uint8_t read;
	uint8_t write;
	uint8_t action;
	uint8_t absent;
	int16_t when;
	uint16_t reason;
	uint32_t value;
};

/**
 * struct policy_dvsec - a kind of DVSEC that a policy names
 * @vendor: DVSEC Vendor ID
 * @id: DVSEC ID
 * @nr_rules: dwords from its start up to the last described field; 0: none is, or
 *	it is the CXL device DVSEC
 */
struct policy_dvsec {
	uint16_t vendor;
	uint16_t id;
	uint16_t nr_rules;
};

/**
 * struct policy_described - a field that a policy describes
 * @name: as it is written
 * @dvsec: index into &policy.dvsecs
 * @hi: last bit, counted from @offset
 * @lo: first bit
 * @attribute: an &enum cxl_dvsec_attribute: that of the first description, which
 *	is what the hardware is taken to do
 * @offset: of the register, in bytes from the start of the DVSEC
 */
struct policy_described {
	char name[POLICY_FIELD_NAME_LEN];
	uint8_t dvsec;
	uint8_t hi;
	uint8_t lo;
	uint8_t attribute;
	uint16_t offset;
};

/**
 * struct policy - a policy as it was written
 * @name: of the policy
 * @description: for people; may be empty
 * @access: an &enum policy_access
 * @reset_action: an &enum cxl_reset_action
 * @fields: those of the CXL device DVSEC, by &enum policy_field_id, and behind
 *	them those of @described
 * @nr_dvsecs: number of @dvsecs in use
 * @dvsecs: kinds of DVSECs that are named
 * @nr_described: number of @described in use
 * @described: fields of DVSECs other than the CXL device's
 * @texts_len: number of bytes of @texts in use
 * @texts: texts, each with a NUL behind; the first is empty
 */
struct policy {
	char name[CXL_POLICY_NAME_LEN];
	char description[1024];
	uint8_t access;
	uint8_t reset_action;
	struct policy_field_model fields[POLICY_NR_FIELDS + POLICY_MAX_DESCRIBED];
	unsigned int nr_dvsecs;
	struct policy_dvsec dvsecs[POLICY_MAX_DVSECS];
	unsigned int nr_described;
	struct policy_described described[POLICY_MAX_DESCRIBED];
	unsigned int texts_len;
	char texts[POLICY_MAX_TEXT];
};

/**
 * struct policy_image - a policy as the kernel takes it
 * @table: for the BPF program
 * @nr_claims: for &vfio_pci_dvsec_ops.nr_claims
 * @claims: for &vfio_pci_dvsec_ops.claims; the DVSECs of CXL are claimed without
 */
struct policy_image {
	struct cxl_policy table;
	uint32_t nr_claims;
	struct vfio_pci_dvsec_id claims[VFIO_PCI_DVSEC_MAX_CLAIMS];
};

/**
 * struct policy_text - a policy that is part of the program
 * @name: of the policy; NULL ends the list
 * @text: YAML
 */
struct policy_text {
	const char *name;
	const char *text;
};

extern const struct policy_text policy_embedded[];

/**
 * policy_load - read a policy
 * @spec: a file, if it has a slash or ends in ".yaml", else the name of a policy,
 *	looked for in the folders of $CXL_POLICY_PATH, in
 *	/etc/cxl-policy/policies, in /usr/share/cxl-policy/policies and among
 *	the embedded ones
 * @policy: filled in
 * @error: POLICY_ERROR_LEN bytes for the cause of a failure, with file and line
 *
 * Return: 0; -ENOENT if there is no such policy; -EINVAL if it isn't valid;
 * another negative errno.
 */
int policy_load(const char *spec, struct policy *policy, char *error);

/**
 * policy_look_in - look for policies in a folder before all others
 * @dir: the folder, which is not copied
 */
void policy_look_in(const char *dir);

/**
 * policy_is_file - tell files from names
 * @spec: as of policy_load()
 *
 * Return: whether @spec is a file.
 */
bool policy_is_file(const char *spec);

/**
 * policy_claims - is a policy asked about a kind of DVSEC?
 * @claims: what it claims besides those of CXL, about which every policy is asked
 * @nr: number of @claims
 * @vendor: of the DVSEC
 * @id: of the DVSEC
 *
 * Return: whether it is.
 */
bool policy_claims(const struct vfio_pci_dvsec_id *claims, uint32_t nr, uint16_t vendor,
		   uint16_t id);

/**
 * policy_parse - read a policy from memory
 * @text: YAML
 * @size: of @text in bytes
 * @origin: where @text is from, for messages and relative paths
 * @policy: filled in
 * @error: as of policy_load()
 *
 * Return: as of policy_load().
 */
int policy_parse(const char *text, size_t size, const char *origin, struct policy *policy,
		 char *error);

/**
 * policy_compile - make the tables
 * @policy: what to compile
 * @image: filled in
 * @error: as of policy_load()
 *
 * Return: 0 or -E2BIG if the policy exceeds a limit of the tables.
 */
int policy_compile(const struct policy *policy, struct policy_image *image, char *error);

/**
 * policy_for_each_name - names that policy_load() finds
 * @fn: called for each name, once
 * @arg: for @fn
 */
void policy_for_each_name(void (*fn)(const char *name, void *arg), void *arg);

/**
 * policy_field_bits - bits of a field in its dword
 * @id: an &enum policy_field_id
 *
 * Return: the mask.
 */
uint32_t policy_field_bits(unsigned int id);

/**
 * policy_bits_text - bits as policies have them
 * @hi: last bit, up to 31
 * @lo: first bit
 * @text: filled in: "7:4", or "7" for one
 *
 * Return: @text.
 */
const char *policy_bits_text(unsigned int hi, unsigned int lo, char text[8]);

/**
 * policy_attribute_name - name of an attribute
 * @attribute: an &enum cxl_dvsec_attribute
 *
 * Return: the name, as the specification writes it.
 */
const char *policy_attribute_name(unsigned int attribute);

#endif /* LOADER_POLICY_H */
