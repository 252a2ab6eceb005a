// SPDX-License-Identifier: GPL-2.0-only
/*
 * libFuzzer target: the parser and the compiler of policies. Whatever the file
 * holds, the outcome is an error with a message, or a table that the engine can
 * work with: what struct cxl_rule promises, and what the engine takes for granted.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy.h"

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);    \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_cond(const struct cxl_policy_dvsec *dvsec, const struct cxl_cond *cond)
{
	CHECK(cond->bits);
	CHECK(cond->cap_mask && !(cond->cap_mask & (cond->cap_mask - 1)));
	CHECK(cond->cap_rule < dvsec->nr_rules);
	CHECK(cond->reserved <= 1);
}

static void check_rule(const struct cxl_policy_dvsec *dvsec, const struct cxl_rule *rule)
{
	const struct cxl_cond none = {};
	unsigned int i;

	CHECK(!(rule->hw & rule->shadow));
	CHECK(!(rule->value & rule->hw));
	CHECK(!(rule->once & ~rule->shadow));
	CHECK(!(rule->wbi_gate & ~rule->shadow));
	CHECK(!(rule->write & ~rule->ack & ~rule->shadow));
	CHECK(!(rule->ack & ~rule->hw));
	CHECK(!(rule->lock & ~rule->write));
	CHECK(!(rule->lock & rule->fwd));
	CHECK(!rule->lock || (dvsec->lock_mask && !(dvsec->lock_mask & (dvsec->lock_mask - 1))));
	CHECK(!(rule->undo & ~(rule->fwd | rule->wbi)));
	CHECK(!(rule->fwd1 & (rule->fwd | rule->write | rule->shadow)));
	CHECK(!(rule->fwd1 & ~rule->zero));
	CHECK(!(rule->reserved & (rule->hw | rule->shadow | rule->value)));
	CHECK(!(rule->reserved & (rule->write | rule->once | rule->fwd | rule->fwd1)));
	CHECK(!((rule->wbi | rule->reset) & ~(rule->zero & rule->w1)));
	CHECK(!((rule->wbi | rule->reset) & (rule->hw | rule->shadow | rule->value)));
	CHECK(!rule->wbi == !rule->wbi_gate);
	CHECK(!rule->reset == !rule->reset_complete && !rule->reset == !rule->reset_error);
	CHECK(!((rule->reset_complete | rule->reset_error) & ~rule->shadow));
	CHECK(rule->nr_conds <= CXL_POLICY_MAX_CONDS);
	for (i = 0; i < CXL_POLICY_MAX_CONDS; i++) {
		if (i < rule->nr_conds)
			check_cond(dvsec, &rule->conds[i]);
		else
			CHECK(!memcmp(&rule->conds[i], &none, sizeof(none)));
	}
}

/* Nothing can be written to the shadow, and nothing at all to the hardware */
static void check_read_only(const struct cxl_rule *rule)
{
	CHECK(!(rule->write | rule->lock | rule->once | rule->fwd | rule->fwd1 | rule->undo |
		rule->wbi | rule->reset));
}

static void check_passthrough(const struct cxl_rule *rule)
{
	CHECK(rule->hw == ~0U && rule->fwd == ~0U && !rule->shadow && !rule->nr_conds);
}

/* Those of one DVSEC come behind those of the one before: their number */
static unsigned int check_dvsec(const struct policy *policy, const struct cxl_policy *table,
				unsigned int n, unsigned int first_rule)
{
	const struct cxl_policy_dvsec *dvsec = &table->dvsecs[n];
	const struct cxl_rule *rules = &table->rules[first_rule];
	unsigned int i;

	for (i = 0; i < n; i++)
		CHECK(dvsec->vendor != table->dvsecs[i].vendor || dvsec->id != table->dvsecs[i].id);
	CHECK(dvsec->first_rule == first_rule);
	CHECK(dvsec->nr_rules && first_rule + dvsec->nr_rules <= table->nr_rules);
	CHECK(dvsec->lock_rule < dvsec->nr_rules);
	CHECK(dvsec->reset_action <= CXL_RESET_EMULATE);
	CHECK(!(dvsec->lock_mask & ~rules[dvsec->lock_rule].shadow));
	for (i = 0; i < dvsec->nr_rules; i++) {
		if (policy->access == POLICY_ACCESS_PASSTHROUGH) {
			check_passthrough(&rules[i]);
			continue;
		}
		check_rule(dvsec, &rules[i]);
		if (policy->access == POLICY_ACCESS_READ_ONLY)
			check_read_only(&rules[i]);
		/* Only the CXL device DVSEC has something to initiate */
		CHECK(!n || !(rules[i].wbi | rules[i].reset));
	}
	return dvsec->nr_rules;
}

static void check_table(const struct policy *policy, const struct policy_image *image)
{
	const struct cxl_policy *table = &image->table;
	unsigned int nr_rules = 0, i;

	CHECK(table->abi_version == CXL_POLICY_ABI_VERSION);
	CHECK(table->name[0] && memchr(table->name, '\0', sizeof(table->name)));
	CHECK(table->nr_dvsecs >= 1 && table->nr_dvsecs <= CXL_POLICY_MAX_DVSECS);
	CHECK(table->nr_rules <= CXL_POLICY_MAX_RULES);
	CHECK(table->dvsecs[0].vendor == 0x1e98 && table->dvsecs[0].id == 0);
	CHECK(table->dvsecs[0].nr_rules == 15);
	CHECK(image->nr_claims <= VFIO_PCI_DVSEC_MAX_CLAIMS);
	CHECK(!!(table->flags & CXL_POLICY_RAW) == (policy->access == POLICY_ACCESS_PASSTHROUGH));
	for (i = 0; i < table->nr_dvsecs; i++)
		nr_rules += check_dvsec(policy, table, i, nr_rules);
	CHECK(nr_rules == table->nr_rules);
}

static void check_error(int err, const char *error)
{
	CHECK(err < 0);
	CHECK(memchr(error, '\0', POLICY_ERROR_LEN));
	CHECK(error[0] && !strchr(error, '\n'));
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	setenv(POLICY_DIR_ENV, "loader/policies", 1);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct policy_image image;
	static struct policy policy;
	char error[POLICY_ERROR_LEN];
	int err;

	memset(error, 0, sizeof(error));
	err = policy_parse((const char *)data, size, "fuzz.yaml", &policy, error);
	if (!err)
		err = policy_compile(&policy, &image, error);
	if (err)
		check_error(err, error);
	else
		check_table(&policy, &image);
	return 0;
}
