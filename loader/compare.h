/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a guest, or its host, can tell two policies apart by.
 */
#ifndef LOADER_COMPARE_H
#define LOADER_COMPARE_H

#include "describe.h"

/**
 * struct compare_policy - a policy to compare
 * @image: tables and claims
 * @source: that has names for fields, or NULL
 */
struct compare_policy {
	const struct policy_image *image;
	const struct policy *source;
};

/**
 * struct compare_field - bits that differ
 * @vendor: DVSEC Vendor ID
 * @id: DVSEC ID
 * @a: under the one policy
 * @b: under the other; the same bits
 */
struct compare_field {
	uint16_t vendor;
	uint16_t id;
	struct describe_field a;
	struct describe_field b;
};

/**
 * struct compare_flag - what holds for a policy as a whole
 * @name: one word
 * @text: in a few words
 * @a: of the one policy
 * @b: of the other
 */
struct compare_flag {
	const char *name;
	const char *text;
	bool a;
	bool b;
};

#define COMPARE_NR_FLAGS 2

/**
 * compare_enforces - is a policy asked about accesses to a kind of DVSEC?
 * @image: the policy
 * @vendor: DVSEC Vendor ID
 * @id: DVSEC ID
 *
 * Return: whether it is.
 */
bool compare_enforces(const struct policy_image *image, uint16_t vendor, uint16_t id);

/**
 * compare_fields - find the bits that differ
 * @a: a policy
 * @b: another
 * @fn: called for each field, or part of one, in order; may be NULL
 * @arg: for @fn
 *
 * What holds for all that neither has rules for is left to compare_flags().
 *
 * Return: how many there are.
 */
unsigned int compare_fields(const struct compare_policy *a, const struct compare_policy *b,
			    void (*fn)(const struct compare_field *field, void *arg), void *arg);

/**
 * compare_flags - find what policies do as a whole
 * @a: a policy
 * @b: another
 * @flags: filled in
 *
 * Return: how many of @flags differ.
 */
unsigned int compare_flags(const struct policy_image *a, const struct policy_image *b,
			   struct compare_flag flags[COMPARE_NR_FLAGS]);

/**
 * compare_claims - find DVSECs that one policy alone claims
 * @a: a policy
 * @b: another
 * @fn: called for each; may be NULL
 * @arg: for @fn
 *
 * Return: how many there are.
 */
unsigned int compare_claims(const struct policy_image *a, const struct policy_image *b,
			    void (*fn)(const struct vfio_pci_dvsec_id *claim, bool by_a, void *arg),
			    void *arg);

#endif /* LOADER_COMPARE_H */
