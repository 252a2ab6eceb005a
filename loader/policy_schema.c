// SPDX-License-Identifier: GPL-2.0-only
/*
 * A JSON schema (draft-07) of policies, made from the schema that the parser works
 * with and from the table of fields.
 */
#include <cyaml/cyaml.h>
#include <stdio.h>
#include <stdlib.h>

#include "policy_model.h"
#include "policy_schema.h"

#define NAME_PATTERN  "^[a-z0-9][a-z0-9_.-]*$"
#define FIELD_PATTERN "^[a-z0-9_.]+$"
#define BITS_PATTERN  "^(3[01]|[12]?[0-9])(:(3[01]|[12]?[0-9]))?$"

static void add(struct json_object *object, const char *key, struct json_object *value)
{
	if (json_object_object_add(object, key, value)) {
		fprintf(stderr, "policyc: out of memory\n");
		exit(1);
	}
}

static void add_string(struct json_object *object, const char *key, const char *value)
{
	add(object, key, json_object_new_string(value));
}

static void add_number(struct json_object *object, const char *key, uint64_t value)
{
	add(object, key, json_object_new_int64(value));
}

static struct json_object *object_with(const char *key, struct json_object *value)
{
	struct json_object *object = json_object_new_object();

	add(object, key, value);
	return object;
}

static struct json_object *array_of(struct json_object *value)
{
	struct json_object *array = json_object_new_array();

	json_object_array_add(array, value);
	return array;
}

/* One that only @value matches */
static struct json_object *constant(struct json_object *value)
{
	return object_with("const", value);
}

static struct json_object *properties(struct json_object *object)
{
	return object_with("properties", object);
}

static struct json_object *words(const cyaml_schema_value_t *value)
{
	struct json_object *array = json_object_new_array();
	uint32_t i;

	for (i = 0; i < value->enumeration.count; i++)
		json_object_array_add(array,
				      json_object_new_string(value->enumeration.strings[i].str));
	return array;
}

static struct json_object *value_schema(const cyaml_schema_value_t *value);

static void add_fields(struct json_object *object, const cyaml_schema_field_t *field)
{
	struct json_object *members = json_object_new_object();
	struct json_object *required = json_object_new_array();

	for (; field->key; field++) {
		add(members, field->key, value_schema(&field->value));
		if (!(field->value.flags & CYAML_FLAG_OPTIONAL))
			json_object_array_add(required, json_object_new_string(field->key));
	}
	add(object, "properties", members);
	add(object, "required", required);
	add(object, "additionalProperties", json_object_new_boolean(false));
}

static struct json_object *value_schema(const cyaml_schema_value_t *value)
{
	struct json_object *object = json_object_new_object();

	switch (value->type) {
	case CYAML_MAPPING:
		add_string(object, "type", "object");
		add_fields(object, value->mapping.fields);
		break;
	case CYAML_SEQUENCE:
		add_string(object, "type", "array");
		add(object, "items", value_schema(value->sequence.entry));
		add_number(object, "maxItems", value->sequence.max);
		break;
	case CYAML_STRING:
		add_string(object, "type", "string");
		add_number(object, "minLength", value->string.min);
		if (value->string.max != CYAML_UNLIMITED)
			add_number(object, "maxLength", value->string.max);
		break;
	case CYAML_UINT:
		add_string(object, "type", "integer");
		add_number(object, "minimum", 0);
		add_number(object, "maximum", (1ULL << (value->data_size * 8)) - 1);
		break;
	case CYAML_ENUM:
		add(object, "enum", words(value));
		break;
	case CYAML_FLAGS:
		add_string(object, "type", "array");
		add(object, "items", object_with("enum", words(value)));
		break;
	default:
		fprintf(stderr, "policyc: a type that has no JSON schema\n");
		exit(1);
	}
	return object;
}

/* The schema of the members named in @path, from that of a mapping on */
static struct json_object *find(struct json_object *object, const char *const *path)
{
	for (; *path; path++) {
		if (!json_object_object_get_ex(object, *path, &object)) {
			fprintf(stderr, "policyc: the schema has no %s\n", *path);
			exit(1);
		}
	}
	return object;
}

static struct json_object *known_fields(bool conditions)
{
	struct json_object *array = json_object_new_array();
	unsigned int id;

	for (id = 0; id < POLICY_NR_FIELDS; id++)
		if (!conditions || policy_fields[id].hi == policy_fields[id].lo)
			json_object_array_add(array,
					      json_object_new_string(policy_fields[id].name));
	if (conditions)
		json_object_array_add(array, json_object_new_string(POLICY_WHEN_ALWAYS));
	return object_with("enum", array);
}

/* In a list of fields, each is so */
static struct json_object *fields_are(struct json_object *members)
{
	return properties(object_with("fields", object_with("items", properties(members))));
}

/* What is known of the CXL device DVSEC is not described, what is of others is */
static void add_kinds(struct json_object *dvsec)
{
	struct json_object *members = json_object_new_object(), *offset, *field;

	add(members, "vendor", constant(json_object_new_int(CXL_DVSEC_VENDOR_ID)));
	add(members, "id", constant(json_object_new_int(CXL_DVSEC_ID_DEVICE)));
	add(dvsec, "if", properties(members));

	members = json_object_new_object();
	add(members, "field", known_fields(false));
	add(members, "when", known_fields(true));
	add(members, "offset", json_object_new_boolean(false));
	add(members, "bits", json_object_new_boolean(false));
	add(dvsec, "then", fields_are(members));

	members = json_object_new_object();
	field = json_object_new_object();
	add_string(field, "pattern", FIELD_PATTERN);
	add_number(field, "maxLength", POLICY_FIELD_NAME_LEN - 1);
	add(field, "not", constant(json_object_new_string(POLICY_WHEN_ALWAYS)));
	add(members, "field", field);
	offset = json_object_new_object();
	add_number(offset, "minimum", DVSEC_HEADER2_OFFSET + 2);
	add_number(offset, "maximum", POLICY_MAX_DVSEC_LENGTH - 1);
	add(members, "offset", offset);
	add(members, "action", json_object_new_boolean(false));
	add(dvsec, "else", fields_are(members));
}

/* read: value has a value, and read: hardware has none */
static void add_reads(struct json_object *field)
{
	struct json_object *all = json_object_new_array();
	static const char *const reads[] = { "value", "hardware" };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(reads); i++) {
		struct json_object *rule = json_object_new_object(), *is, *has;

		is = properties(object_with("read", constant(json_object_new_string(reads[i]))));
		add(is, "required", array_of(json_object_new_string("read")));
		has = object_with("required", array_of(json_object_new_string("value")));
		add(rule, "if", is);
		add(rule, "then", i ? object_with("not", has) : has);
		json_object_array_add(all, rule);
	}
	add(field, "allOf", all);
}

struct json_object *policy_schema(void)
{
	static const char *const name[] = { "properties", "name", NULL };
	static const char *const dvsecs[] = { "properties", "dvsecs", "items", NULL };
	static const char *const fields[] = { "properties", "fields", "items", NULL };
	static const char *const bits[] = { "properties", NULL };
	struct json_object *policy = value_schema(&policy_yaml_schema);
	struct json_object *dvsec = find(policy, dvsecs), *field = find(dvsec, fields);
	struct json_object *schema = json_object_new_object(), *text, *both, *number, *none;

	add_string(find(policy, name), "pattern", NAME_PATTERN);

	/* To YAML one bit is a number, and 7:4 a text */
	text = json_object_new_object();
	add_string(text, "type", "string");
	add_string(text, "pattern", BITS_PATTERN);
	number = json_object_new_object();
	add_string(number, "type", "integer");
	add_number(number, "minimum", 0);
	add_number(number, "maximum", 31);
	both = array_of(text);
	json_object_array_add(both, number);
	add(find(field, bits), "bits", object_with("anyOf", both));

	add_reads(field);
	add_kinds(dvsec);

	/* With passthrough there are no fields */
	none = properties(object_with("fields", object_with("maxItems", json_object_new_int(0))));
	add(policy, "if",
	    properties(object_with("access", constant(json_object_new_string("passthrough")))));
	add(find(policy, (const char *const[]){ "if", NULL }), "required",
	    array_of(json_object_new_string("access")));
	add(policy, "then", properties(object_with("dvsecs", object_with("items", none))));

	add_string(schema, "$schema", "http://json-schema.org/draft-07/schema#");
	add_string(schema, "title", "Policy of cxl-policy");
	json_object_object_foreach(policy, key, value)
	{
		add(schema, key, json_object_get(value));
	}
	json_object_put(policy);
	return schema;
}
