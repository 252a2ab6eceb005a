// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cmd.h"
#include "output.h"
#include "policy.h"

#define NAME_WIDTH 62

/* Index into policy_conditions, POLICY_NR_CONDITIONS for a field that is always there */
static unsigned int condition_of(unsigned int id)
{
	unsigned int i;

	for (i = 0; i < POLICY_NR_CONDITIONS; i++)
		if (!strcmp(policy_conditions[i].field, policy_fields[id].name))
			break;
	return i;
}

static struct json_object *field_json(unsigned int id)
{
	const struct policy_field *field = &policy_fields[id];
	struct json_object *object = json_object_new_object();
	unsigned int i = condition_of(id);
	char text[8];

	output_add(object, "name", output_string(field->name));
	output_add(object, "bits", output_string(policy_bits_text(field->hi, field->lo, text)));
	output_add(object, "mask",
		   output_hex(CXL_DVSEC_BITS(field->hi, field->lo),
			      policy_registers[field->reg].size));
	output_add(object, "attribute", output_string(policy_attribute_name(field->attribute)));
	output_add(object, "when",
		   output_string(i < POLICY_NR_CONDITIONS ? policy_conditions[i].when : NULL));
	output_add(object, "absent",
		   i < POLICY_NR_CONDITIONS
			   ? output_string(policy_attribute_name(policy_conditions[i].absent))
			   : NULL);
	return object;
}

static void print_field(unsigned int id)
{
	const struct policy_field *field = &policy_fields[id];
	unsigned int i = condition_of(id);
	char text[8];

	printf("  %-*s %-5s %s", NAME_WIDTH - 2, field->name,
	       policy_bits_text(field->hi, field->lo, text),
	       policy_attribute_name(field->attribute));
	if (i < POLICY_NR_CONDITIONS)
		printf(" given %s, else %s", policy_conditions[i].when,
		       policy_attribute_name(policy_conditions[i].absent));
	printf("\n");
}

/* By a register's whole name, or the beginning of a field's, with the register or without */
static bool is_wanted(unsigned int id, const char *prefix)
{
	const char *name = policy_fields[id].name;
	unsigned int reg;

	if (!prefix)
		return true;
	for (reg = 0; reg < CXL_DVSEC_NR_REGS; reg++)
		if (!strcmp(policy_registers[reg].name, prefix))
			return policy_fields[id].reg == reg;
	return !strncmp(name, prefix, strlen(prefix)) ||
	       !strncmp(strchr(name, '.') + 1, prefix, strlen(prefix));
}

int cmd_registers(const struct cmd_args *args)
{
	const char *prefix = args->argc ? args->argv[0] : NULL;
	struct json_object *array = NULL, *object, *fields;
	unsigned int reg, id, found = 0;

	if (args->argc > 1)
		return error_set(EXIT_USAGE, -EINVAL, "see 'cxl-policy help registers'",
				 "at most one register or field is wanted");
	for (id = 0; id < POLICY_NR_FIELDS; id++)
		found += is_wanted(id, prefix);
	if (!found)
		return error_set(EXIT_MISSING, -ENOENT, "'cxl-policy registers' has all of them",
				 "no register or field begins with '%s'", prefix);

	if (output_options.json)
		array = json_object_new_array();
	else
		printf("%-*s %-5s %s\n", NAME_WIDTH, "REGISTER, FIELD", "BITS", "ATTRIBUTE");
	for (reg = 0; reg < CXL_DVSEC_NR_REGS; reg++) {
		const struct policy_register *r = &policy_registers[reg];

		for (id = 0; id < POLICY_NR_FIELDS; id++)
			if (policy_fields[id].reg == reg && is_wanted(id, prefix))
				break;
		if (id == POLICY_NR_FIELDS)
			continue;
		fields = array ? json_object_new_array() : NULL;
		if (!array)
			printf("%s +0x%02x, %u bytes\n", r->name, r->offset, r->size);
		for (; id < POLICY_NR_FIELDS; id++) {
			if (policy_fields[id].reg != reg || !is_wanted(id, prefix))
				continue;
			if (array)
				json_object_array_add(fields, field_json(id));
			else
				print_field(id);
		}
		if (!array)
			continue;
		object = json_object_new_object();
		output_add(object, "name", output_string(r->name));
		output_add(object, "offset", json_object_new_int(r->offset));
		output_add(object, "size", json_object_new_int(r->size));
		output_add(object, "fields", fields);
		json_object_array_add(array, object);
	}
	if (array)
		output_json(array);
	return 0;
}
