/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The default policy with one bit of its table flipped, which the tests have to
 * find out. $CXL_POLICY_MUTANT is the number of the bit; without it nothing is
 * flipped. See mutants.c.
 */
#ifndef MUTANT_H
#define MUTANT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "cxl_policy_abi.h"

#define MUTANT_ENV "CXL_POLICY_MUTANT"

/**
 * struct mutant_member - a member of one of the table's structures
 * @name: of the member
 * @offset: in its structure
 * @bits: of the member
 */
struct mutant_member {
	const char *name;
	size_t offset;
	unsigned int bits;
};

#define MUTANT_MEMBER(type, member)                                                                \
	{                                                                                          \
#member, offsetof(struct type, member), sizeof(((struct type *)0)->member) * 8     \
	}
#define MUTANT_COND(i)                                                                             \
	MUTANT_MEMBER(cxl_rule, conds[i].bits), MUTANT_MEMBER(cxl_rule, conds[i].cap_mask),        \
		MUTANT_MEMBER(cxl_rule, conds[i].cap_rule),                                        \
		MUTANT_MEMBER(cxl_rule, conds[i].reserved)

static const struct mutant_member mutant_header[] = {
	MUTANT_MEMBER(cxl_policy, abi_version), MUTANT_MEMBER(cxl_policy, flags),
	MUTANT_MEMBER(cxl_policy, nr_dvsecs),	MUTANT_MEMBER(cxl_policy, nr_rules),
	MUTANT_MEMBER(cxl_policy, name),
};

static const struct mutant_member mutant_dvsec[] = {
	MUTANT_MEMBER(cxl_policy_dvsec, vendor),     MUTANT_MEMBER(cxl_policy_dvsec, id),
	MUTANT_MEMBER(cxl_policy_dvsec, first_rule), MUTANT_MEMBER(cxl_policy_dvsec, nr_rules),
	MUTANT_MEMBER(cxl_policy_dvsec, lock_rule),  MUTANT_MEMBER(cxl_policy_dvsec, reset_action),
	MUTANT_MEMBER(cxl_policy_dvsec, lock_mask),
};

static const struct mutant_member mutant_rule[] = {
	MUTANT_MEMBER(cxl_rule, hw),
	MUTANT_MEMBER(cxl_rule, shadow),
	MUTANT_MEMBER(cxl_rule, value),
	MUTANT_MEMBER(cxl_rule, write),
	MUTANT_MEMBER(cxl_rule, lock),
	MUTANT_MEMBER(cxl_rule, once),
	MUTANT_MEMBER(cxl_rule, ack),
	MUTANT_MEMBER(cxl_rule, sticky),
	MUTANT_MEMBER(cxl_rule, fwd),
	MUTANT_MEMBER(cxl_rule, fwd1),
	MUTANT_MEMBER(cxl_rule, zero),
	MUTANT_MEMBER(cxl_rule, undo),
	MUTANT_MEMBER(cxl_rule, reserved),
	MUTANT_MEMBER(cxl_rule, w1),
	MUTANT_MEMBER(cxl_rule, wbi),
	MUTANT_MEMBER(cxl_rule, wbi_gate),
	MUTANT_MEMBER(cxl_rule, reset),
	MUTANT_MEMBER(cxl_rule, reset_complete),
	MUTANT_MEMBER(cxl_rule, reset_error),
	MUTANT_MEMBER(cxl_rule, nr_conds),
	MUTANT_COND(0),
	MUTANT_COND(1),
	MUTANT_COND(2),
	MUTANT_COND(3),
	MUTANT_COND(4),
	MUTANT_COND(5),
};
CXL_ABI_ASSERT(sizeof(mutant_rule) / sizeof(mutant_rule[0]) == 20 + 4 * CXL_POLICY_MAX_CONDS);

/**
 * struct mutant - a bit of a policy's table
 * @member: that the bit is in
 * @dvsec: index of the DVSEC that the member is of, or -1
 * @rule: index of the rule that the member is of, or -1
 * @bit: number of the bit in the member
 * @byte: of the table, that has the bit
 */
struct mutant {
	const struct mutant_member *member;
	int dvsec;
	int rule;
	unsigned int bit;
	size_t byte;
};

static inline bool mutant_find_in(const struct mutant_member *members, unsigned int nr,
				  size_t start, unsigned int *number, struct mutant *mutant)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		if (*number < members[i].bits) {
			mutant->member = &members[i];
			mutant->bit = *number;
			mutant->byte = start + members[i].offset + *number / 8;
			return true;
		}
		*number -= members[i].bits;
	}
	return false;
}

/* Mutant @number of @policy, whose DVSECs and rules in use are gone through */
static inline bool mutant_find(const struct cxl_policy *policy, unsigned int number,
			       struct mutant *mutant)
{
	const struct cxl_policy *none = NULL;
	int i;

	mutant->dvsec = -1;
	mutant->rule = -1;
	if (mutant_find_in(mutant_header, sizeof(mutant_header) / sizeof(mutant_header[0]), 0,
			   &number, mutant))
		return true;
	for (i = 0; i < (int)policy->nr_dvsecs; i++) {
		mutant->dvsec = i;
		if (mutant_find_in(mutant_dvsec, sizeof(mutant_dvsec) / sizeof(mutant_dvsec[0]),
				   (size_t)&none->dvsecs[i], &number, mutant))
			return true;
	}
	mutant->dvsec = -1;
	for (i = 0; i < (int)policy->nr_rules; i++) {
		mutant->rule = i;
		if (mutant_find_in(mutant_rule, sizeof(mutant_rule) / sizeof(mutant_rule[0]),
				   (size_t)&none->rules[i], &number, mutant))
			return true;
	}
	return false;
}

/* Flip the bit that the environment names; returns whether there is one */
static inline bool mutant_apply(struct cxl_policy *policy)
{
	const char *number = getenv(MUTANT_ENV);
	struct mutant mutant;

	if (!number)
		return false;
	if (!mutant_find(policy, strtoul(number, NULL, 10), &mutant))
		abort();
	((uint8_t *)policy)[mutant.byte] ^= 1 << mutant.bit % 8;
	return true;
}

#endif /* MUTANT_H */
