// SPDX-License-Identifier: GPL-2.0-only
/*
 * Build tool: makes C of a policy, for the BPF object's built-in one. Nothing is
 * embedded in it, so a policy that is based on another finds it by
 * $CXL_POLICY_PATH.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "policy.h"

static void usage(FILE *f)
{
	fprintf(f, "Usage: policyc -o OUT FILE\n"
		   "\n"
		   "Writes the policy FILE as the body of an initialiser of struct cxl_policy.\n");
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

static int compile(const char *file, FILE *out)
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
	print_policy(out, file, &image.table);
	return 0;
}

int main(int argc, char **argv)
{
	const char *file = NULL, *output = NULL;
	FILE *out;
	int opt, err;

	while ((opt = getopt(argc, argv, "ho:")) != -1) {
		switch (opt) {
		case 'h':
			usage(stdout);
			return 0;
		case 'o':
			output = optarg;
			break;
		default:
			usage(stderr);
			return 2;
		}
	}
	file = optind + 1 == argc ? argv[optind] : NULL;
	if (!file || !output) {
		usage(stderr);
		return 2;
	}

	out = fopen(output, "w");
	if (!out) {
		fprintf(stderr, "policyc: %s: %s\n", output, strerror(errno));
		return 1;
	}
	err = compile(file, out);
	if (fclose(out) && !err) {
		err = -errno;
		fprintf(stderr, "policyc: %s: %s\n", output, strerror(errno));
	}
	if (err)
		remove(output);
	return err ? 1 : 0;
}
