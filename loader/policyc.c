// SPDX-License-Identifier: GPL-2.0-only
/*
 * Build tool: makes C of a policy, for the BPF object's built-in one. Nothing is
 * embedded in it, so a policy that is based on another finds it by
 * $CXL_POLICY_PATH.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy.h"
#include "policy_schema.h"

static void usage(FILE *f)
{
	fprintf(f,
		"Usage: policyc [-t] -o OUT FILE\n"
		"       policyc -s -o OUT\n"
		"\n"
		"Writes the policy FILE as the body of an initialiser of struct cxl_policy, or\n"
		"with -t as a table in Markdown of what it does with each field of the CXL device\n"
		"DVSEC; or with -s the JSON schema of policies.\n");
}

#define PRINT(member)                                                                              \
	do {                                                                                       \
		if (rule->member)                                                                  \
			fprintf(out, "\t\t\t." #member " = %#x,\n", rule->member);                 \
	} while (0)

static void print_rule(FILE *out, const struct cxl_policy *policy,
		       const struct cxl_policy_dvsec *dvsec, unsigned int i)
{
	const struct cxl_rule *rule = &policy->rules[dvsec->first_rule + i];
	unsigned int j;

	fprintf(out, "\t\t/* %#x:%u +%#x", dvsec->vendor, dvsec->id, i * 4);
	for (j = 0; j < CXL_DVSEC_NR_REGS; j++)
		if (dvsec->vendor == CXL_DVSEC_VENDOR_ID && dvsec->id == CXL_DVSEC_ID_DEVICE &&
		    policy_registers[j].offset / 4 == i)
			fprintf(out, " %s", policy_registers[j].name);
	fprintf(out, " */\n\t\t[%u] = {\n", dvsec->first_rule + i);
	PRINT(hw);
	PRINT(shadow);
	PRINT(value);
	PRINT(write);
	PRINT(lock);
	PRINT(once);
	PRINT(ack);
	PRINT(sticky);
	PRINT(fwd);
	PRINT(fwd1);
	PRINT(zero);
	PRINT(undo);
	PRINT(reserved);
	PRINT(w1);
	PRINT(wbi);
	PRINT(wbi_gate);
	PRINT(reset);
	PRINT(reset_complete);
	PRINT(reset_error);
	PRINT(nr_conds);
	if (rule->nr_conds)
		fprintf(out, "\t\t\t.conds = {\n");
	for (j = 0; j < rule->nr_conds; j++)
		fprintf(out,
			"\t\t\t\t{ .bits = %#x, .cap_mask = %#x, .cap_rule = %u, "
			".reserved = %u },\n",
			rule->conds[j].bits, rule->conds[j].cap_mask, rule->conds[j].cap_rule,
			rule->conds[j].reserved);
	if (rule->nr_conds)
		fprintf(out, "\t\t\t},\n");
	fprintf(out, "\t\t},\n");
}

static void print_policy(FILE *out, const char *file, const struct cxl_policy *policy)
{
	unsigned int i, j;

	fprintf(out, "/* Made by policyc from %s */\n", file);
	fprintf(out,
		"\t.abi_version = %u,\n\t.flags = %#x,\n\t.nr_dvsecs = %u,\n"
		"\t.nr_rules = %u,\n\t.name = \"%s\",\n\t.dvsecs = {\n",
		policy->abi_version, policy->flags, policy->nr_dvsecs, policy->nr_rules,
		policy->name);
	for (i = 0; i < policy->nr_dvsecs; i++) {
		const struct cxl_policy_dvsec *dvsec = &policy->dvsecs[i];

		fprintf(out,
			"\t\t[%u] = {\n\t\t\t.vendor = %#x,\n\t\t\t.id = %u,\n"
			"\t\t\t.first_rule = %u,\n\t\t\t.nr_rules = %u,\n"
			"\t\t\t.lock_rule = %u,\n\t\t\t.reset_action = %u,\n"
			"\t\t\t.lock_mask = %#x,\n\t\t},\n",
			i, dvsec->vendor, dvsec->id, dvsec->first_rule, dvsec->nr_rules,
			dvsec->lock_rule, dvsec->reset_action, dvsec->lock_mask);
	}
	fprintf(out, "\t},\n\t.rules = {\n");
	for (i = 0; i < policy->nr_dvsecs; i++)
		for (j = 0; j < policy->dvsecs[i].nr_rules; j++)
			print_rule(out, policy, &policy->dvsecs[i], j);
	fprintf(out, "\t},\n");
}

static void print_write(FILE *out, const struct policy *policy, unsigned int id)
{
	const struct policy_field_model *model = &policy->fields[id];
	bool shadow = model->write & POLICY_WRITE_SHADOW;

	if (model->attribute == CXL_DVSEC_ATTR_RSVDP || model->attribute == CXL_DVSEC_ATTR_RSVDZ)
		fprintf(out, "ignored");
	else if (model->action == POLICY_ACTION_WBI)
		fprintf(out, "1 goes to the hardware, if %s is set",
			policy_fields[CXL_DVSEC_FIELD_CONTROL2_DISABLE_CACHING].name);
	else if (model->action == POLICY_ACTION_CXL_RESET &&
		 policy->fields[model->when].read == POLICY_READ_HARDWARE)
		fprintf(out, policy->reset_action == CXL_RESET_EMULATE ? "1 resets the shadow"
								       : "1 is rejected");
	else if (!model->write)
		fprintf(out, "refused");
	else if (model->attribute == CXL_DVSEC_ATTR_RW1C ||
		 model->attribute == CXL_DVSEC_ATTR_RW1CS)
		fprintf(out,
			shadow ? "1 is acknowledged in the shadow" : "1 clears it in the hardware");
	else if (model->attribute == CXL_DVSEC_ATTR_RWO)
		fprintf(out, "1 sets it in the shadow, until a conventional reset");
	else
		fprintf(out, "%s%s%s", shadow ? "the shadow" : "",
			model->write == (POLICY_WRITE_SHADOW | POLICY_WRITE_HARDWARE) ? " and "
										      : "",
			model->write & POLICY_WRITE_HARDWARE ? "the hardware" : "");
	if (model->attribute == CXL_DVSEC_ATTR_RWL && shadow)
		fprintf(out, ", until %s", policy_fields[CXL_DVSEC_FIELD_LOCK_CONFIG_LOCK].name);
}

static void print_row(FILE *out, const struct policy *policy, unsigned int id)
{
	const struct policy_field_model *model = &policy->fields[id];
	const struct policy_field *field = &policy_fields[id];
	const struct policy_register *reg = &policy_registers[field->reg];

	fprintf(out, "| 0x%02x | `%s` | %u", reg->offset, field->name, field->hi);
	if (field->hi != field->lo)
		fprintf(out, ":%u", field->lo);
	fprintf(out, " | %s | ", policy_attribute_name(field->attribute));
	if (model->read == POLICY_READ_HARDWARE)
		fprintf(out, "the hardware");
	else if (model->read == POLICY_READ_SHADOW)
		fprintf(out, "the shadow");
	else
		fprintf(out, "%u", model->value);
	fprintf(out, " | ");
	print_write(out, policy, id);
	fprintf(out, " | ");
	if (model->when != POLICY_ALWAYS && model->action == POLICY_ACTION_NONE)
		fprintf(out, "%s unless `%s`%s",
			model->absent == CXL_DVSEC_ATTR_RO ? "0 and RO" : "reserved",
			policy_fields[model->when].name, model->reason ? "; " : "");
	fprintf(out, "%s |\n", policy->texts + model->reason);
}

/* For the README: what a policy does with each field, and why */
static void print_table(FILE *out, const struct policy *policy)
{
	unsigned int id;

	fprintf(out, "| offset | field | bits | attribute | a read gets | a write changes | but |\n"
		     "|---|---|---|---|---|---|---|\n");
	for (id = 0; id < POLICY_NR_FIELDS; id++)
		print_row(out, policy, id);
}

static int compile(const char *file, bool table, FILE *out)
{
	char error[POLICY_ERROR_LEN];
	struct policy_image image;
	struct policy policy;
	int err;

	err = policy_load(file, &policy, error);
	if (!err)
		err = policy_compile(&policy, &image, error);
	if (!err && image.nr_claims) {
		err = -EINVAL;
		snprintf(error, sizeof(error), "%s: a table can't claim DVSECs that aren't CXL's",
			 file);
	}
	if (err) {
		fprintf(stderr, "policyc: %s\n", error);
		return err;
	}
	if (table)
		print_table(out, &policy);
	else
		print_policy(out, file, &image.table);
	return 0;
}

static int print_schema(FILE *out)
{
	struct json_object *schema = policy_schema();

	fprintf(out, "%s\n",
		json_object_to_json_string_ext(schema, JSON_C_TO_STRING_PRETTY |
							       JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(schema);
	return 0;
}

int main(int argc, char **argv)
{
	const char *file = NULL, *output = NULL;
	bool table = false, schema = false, is_file;
	struct stat st;
	FILE *out;
	int opt, err;

	while ((opt = getopt(argc, argv, "hsto:")) != -1) {
		switch (opt) {
		case 'h':
			usage(stdout);
			return 0;
		case 's':
			schema = true;
			break;
		case 't':
			table = true;
			break;
		case 'o':
			output = optarg;
			break;
		default:
			usage(stderr);
			return 2;
		}
	}
	file = optind + 1 == argc ? argv[optind] : NULL;
	if (!output || (schema ? table || optind != argc : !file)) {
		usage(stderr);
		return 2;
	}

	out = fopen(output, "w");
	if (!out) {
		fprintf(stderr, "policyc: %s: %s\n", output, strerror(errno));
		return 1;
	}
	is_file = !fstat(fileno(out), &st) && S_ISREG(st.st_mode);
	err = schema ? print_schema(out) : compile(file, table, out);
	if (fclose(out) && !err) {
		err = -errno;
		fprintf(stderr, "policyc: %s: %s\n", output, strerror(errno));
	}
	/* Nothing half-written is left, but a device or a pipe isn't this program's to remove */
	if (err && is_file)
		remove(output);
	return err ? 1 : 0;
}
