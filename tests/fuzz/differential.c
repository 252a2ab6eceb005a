// SPDX-License-Identifier: GPL-2.0-only
/*
 * libFuzzer target: the engine against the oracle. The bytes are the choices of one
 * episode: the hardware, the policies, and what the user and the host do. See
 * differential.h.
 */
#include <stdio.h>
#include <stdlib.h>

#include "differential.h"
#include "policy.h"

#define MADE_UP 60

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct compared_policy policies[NR_SHIPPED + MADE_UP + 1];
static const struct compared_policy *choice[NR_SHIPPED + MADE_UP + 1];
static struct differential *d;

static void fail(const char *message)
{
	fprintf(stderr, "%s\n", message);
	abort();
}

static void tell(void)
{
	fprintf(stderr, "# compared %llu accesses\n", (unsigned long long)differential_accesses(d));
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct choices choices = { .state = 2 };
	char error[POLICY_ERROR_LEN];
	unsigned int i;

	(void)argc;
	(void)argv;
	d = differential_new();
	if (!d || !differential_shipped(policies))
		fail("no shipped policies");
	for (i = NR_SHIPPED; i < NR_SHIPPED + MADE_UP; i++)
		if (!differential_random_policy(&choices, &policies[i], error))
			fail(error);
	for (i = 0; i <= NR_SHIPPED + MADE_UP; i++)
		choice[i] = &policies[i];
	atexit(tell);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct choices choices = { .data = data, .size = size };
	unsigned int nr = NR_SHIPPED + MADE_UP;
	char error[POLICY_ERROR_LEN];

	/* Making up a policy of the bytes takes long, so not always */
	if (chance(&choices, 8)) {
		if (!differential_random_policy(&choices, &policies[nr], error)) {
			fprintf(stderr, "%s\n", policies[nr].yaml);
			fail(error);
		}
		nr++;
	}
	if (!differential_episode(d, &choices, choice, nr, ~0U))
		fail(differential_report(d));
	return 0;
}
