/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One device twice: under the engine, driven as the kernel and the BPF program
 * drive it, and under the oracle. Each access is made to both, and all that a
 * user or the host could see of it has to be the same.
 */
#ifndef DIFFERENTIAL_H
#define DIFFERENTIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cxl_policy_abi.h"
#include "oracle.h"

#define DIFFERENTIAL_YAML_LEN	16384
#define DIFFERENTIAL_REPORT_LEN (DIFFERENTIAL_YAML_LEN + 4096)

/**
 * struct choices - where what is left to chance comes from
 * @state: of the generator of pseudo-random numbers
 * @data: bytes that decide instead, or NULL
 * @size: of @data that is left
 * @end: @data is used up; what is chosen from then on is 0
 */
struct choices {
	uint64_t state;
	const uint8_t *data;
	size_t size;
	bool end;
};

/* One of @n, from 0 */
uint32_t choose(struct choices *choices, uint32_t n);
/* Any 32 bits */
uint32_t choose_bits(struct choices *choices);
/* True once in @n times */
bool chance(struct choices *choices, uint32_t n);

/**
 * struct compared_policy - a policy in both's words
 * @oracle: in the oracle's
 * @table: in the engine's
 * @yaml: as it was written, or the name of a shipped one
 */
struct compared_policy {
	struct oracle_policy oracle;
	struct cxl_policy table;
	char yaml[DIFFERENTIAL_YAML_LEN];
};

/* Those that are shipped, and some that are made of cxl-device */
enum shipped {
	CXL_DEVICE,
	READ_ONLY,
	PASSTHROUGH,
	REJECT, /* shows a CXL reset and rejects it */
	EMULATE, /* shows a CXL reset and emulates it, as in the README */
	ALL_SHADOW, /* each bit is the user's own, so that others find values in all of them */
	NR_SHIPPED,
};

/* Fill in NR_SHIPPED policies; returns false if one of them can't be compiled */
bool differential_shipped(struct compared_policy *policies);

/* Write a policy as YAML, all of its fields or those that differ from the specification */
void differential_yaml(const struct oracle_policy *policy, bool all, char *yaml, size_t size);

/*
 * Fill in @policy->table from @policy->yaml, by the loader's parser and compiler.
 * Returns false, with the cause in @error, which takes POLICY_ERROR_LEN bytes.
 */
bool differential_compile(struct compared_policy *policy, char *error);

/* Make up a policy that is valid; as differential_compile() */
bool differential_random_policy(struct choices *choices, struct compared_policy *policy,
				char *error);

/**
 * struct differential_hardware - a device that isn't too true to the specification
 * @bytes: what it holds
 * @writable: bits that keep what is written to them
 * @clears: bits that writing 1 clears
 */
struct differential_hardware {
	uint8_t bytes[ORACLE_SPACE];
	uint8_t writable[ORACLE_SPACE];
	uint8_t clears[ORACLE_SPACE];
};

struct differential;

/* Begin with a device that is closed, and nothing compared */
struct differential *differential_new(void);
void differential_free(struct differential *d);

/* Accesses compared so far */
uint64_t differential_accesses(const struct differential *d);

/* The device's hardware, to change at will */
struct differential_hardware *differential_hardware(struct differential *d);

/*
 * All of these return false once the two sides differ; differential_report() tells
 * then how.
 */

/* Open the device; @revision and @length are what its DVSEC tells */
bool differential_open(struct differential *d, const struct compared_policy *policy,
		       unsigned int start, unsigned int revision, unsigned int length);
bool differential_swap(struct differential *d, const struct compared_policy *policy);
/* A reset of the hardware, of which the policy learns with the next access */
bool differential_reset(struct differential *d, bool conventional);
/* Accesses of @count bytes at @offset, cut as vfio cuts them; up to 8 bytes */
bool differential_read(struct differential *d, unsigned int offset, unsigned int count,
		       uint64_t *value);
bool differential_write(struct differential *d, unsigned int offset, unsigned int count,
			uint64_t value);
bool differential_close(struct differential *d);

const char *differential_report(const struct differential *d);

/* Open a device, use it in @steps ways, and close it, all by choice */
bool differential_episode(struct differential *d, struct choices *choices,
			  const struct compared_policy *const *policies, unsigned int nr_policies,
			  unsigned int steps);

#endif /* DIFFERENTIAL_H */
