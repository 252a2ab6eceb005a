/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the parts of the compiler of policies share.
 */
#ifndef LOADER_POLICY_MODEL_H
#define LOADER_POLICY_MODEL_H

#include "policy.h"

/* What the 12 bits of DVSEC Length can tell */
#define POLICY_MAX_DVSEC_LENGTH 0xfff

/* Instead of the name of a field: there is no condition */
#define POLICY_WHEN_ALWAYS "always"

/* How long a sequence in YAML may be */
#define POLICY_MAX_ENTRIES 4096

/* Keys and values of policies, as libcyaml takes them */
struct cyaml_schema_value;
extern const struct cyaml_schema_value policy_yaml_schema;

/* Instead of an index into policy.dvsecs: the one whose fields are known */
#define POLICY_DEVICE_DVSEC (-1)

/**
 * struct policy_any_field - a field of any DVSEC
 * @name: as policies have it
 * @dvsec: index into policy.dvsecs, or POLICY_DEVICE_DVSEC
 * @rule: dword of the DVSEC that it lies in
 * @bits: its bits in that dword
 * @offset: of its register
 * @hi: last bit, counted from @offset
 * @lo: first bit
 * @attribute: what the hardware does, whatever the policy
 */
struct policy_any_field {
	const char *name;
	int dvsec;
	unsigned int rule;
	uint32_t bits;
	unsigned int offset;
	unsigned int hi;
	unsigned int lo;
	unsigned int attribute;
};

/**
 * policy_field_of - a field of any DVSEC
 * @policy: the policy
 * @id: index into &policy.fields
 *
 * Return: the field.
 */
struct policy_any_field policy_field_of(const struct policy *policy, unsigned int id);

/**
 * policy_next_field - go on to a field of a DVSEC
 * @policy: the policy
 * @dvsec: index into &policy.dvsecs, or %POLICY_DEVICE_DVSEC
 * @id: index into &policy.fields to go on from, which may be one itself
 *
 * Return: whether there is one.
 */
bool policy_next_field(const struct policy *policy, int dvsec, unsigned int *id);

/**
 * policy_error - note why a policy isn't taken
 * @error: POLICY_ERROR_LEN bytes
 * @err: negative errno
 * @fmt: cause, for printf()
 *
 * Return: @err.
 */
int policy_error(char *error, int err, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/**
 * policy_is_reserved - is it an attribute of reserved bits?
 * @attribute: an &enum cxl_dvsec_attribute
 *
 * Return: whether it is.
 */
bool policy_is_reserved(unsigned int attribute);

/**
 * policy_is_rw1c - is it an attribute of bits that writing 1 clears?
 * @attribute: an &enum cxl_dvsec_attribute
 *
 * Return: whether it is.
 */
bool policy_is_rw1c(unsigned int attribute);

/**
 * policy_action_of - what writing a field starts by its specification
 * @id: index into &policy.fields
 *
 * Return: an &enum policy_action.
 */
unsigned int policy_action_of(unsigned int id);

/**
 * policy_model_init - make a policy of which all fields are as specified
 * @policy: filled in
 */
void policy_model_init(struct policy *policy);

/**
 * policy_model_default - set what attribute and specification say of a field
 * @model: of the field
 * @id: index into &policy.fields
 * @attribute: an &enum cxl_dvsec_attribute
 */
void policy_model_default(struct policy_field_model *model, unsigned int id,
			  unsigned int attribute);

/**
 * policy_model_action - set what an action fixes
 * @model: of the field
 * @action: an &enum policy_action
 */
void policy_model_action(struct policy_field_model *model, unsigned int action);

/**
 * policy_find_locks - find the fields RWO in the shadow
 * @policy: the policy
 * @dvsec: as of policy_next_field()
 * @lock: filled in: the last of them
 *
 * Return: their number.
 */
unsigned int policy_find_locks(const struct policy *policy, int dvsec, unsigned int *lock);

/**
 * policy_load_spec - read a policy that another one may name
 * @spec: as of policy_load()
 * @from: file that names it, for relative paths; NULL: none does
 * @depth: how many name each other
 * @policy: filled in
 * @error: as of policy_load()
 *
 * Return: as of policy_load().
 */
int policy_load_spec(const char *spec, const char *from, unsigned int depth, struct policy *policy,
		     char *error);

/**
 * policy_parse_based - read a policy from memory, on top of those it is based on
 * @text: YAML
 * @size: of @text in bytes
 * @origin: as of policy_parse()
 * @depth: how many name each other
 * @policy: filled in
 * @error: as of policy_load()
 *
 * Return: as of policy_load().
 */
int policy_parse_based(const char *text, size_t size, const char *origin, unsigned int depth,
		       struct policy *policy, char *error);

/**
 * policy_yaml_load - read YAML of another kind, with the same checks
 * @text: YAML: a mapping, and in it a sequence of mappings
 * @size: of @text in bytes
 * @origin: as of policy_parse()
 * @schema: keys and values
 * @data: filled in, to be freed by policy_yaml_free(); NULL if there is nothing in
 *	the text
 * @lines: filled in: where each mapping of the sequence begins
 * @error: as of policy_load()
 *
 * Return: as of policy_parse().
 */
int policy_yaml_load(const char *text, size_t size, const char *origin,
		     const struct cyaml_schema_value *schema, void **data,
		     unsigned int lines[POLICY_MAX_ENTRIES], char *error);

/**
 * policy_yaml_free - free what policy_yaml_load() read
 * @schema: keys and values
 * @data: what was read, or NULL
 */
void policy_yaml_free(const struct cyaml_schema_value *schema, void *data);

/**
 * policy_read_file - read a file as large as a policy may be
 * @path: of the file
 * @text: filled in, to be freed
 * @size: filled in, in bytes
 * @error: as of policy_load()
 *
 * Return: 0; -EINVAL if it is no file or too large; another negative errno.
 */
int policy_read_file(const char *path, char **text, size_t *size, char *error);

/**
 * policy_add_condition - add the condition of a field to its rule
 * @rule: of the field's dword
 * @policy: the policy
 * @id: index into &policy.fields
 *
 * Return: 0, or -E2BIG if the rule has no room for one more.
 */
int policy_add_condition(struct cxl_rule *rule, const struct policy *policy, unsigned int id);

#endif /* LOADER_POLICY_MODEL_H */
