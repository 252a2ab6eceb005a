// SPDX-License-Identifier: GPL-2.0-only
/*
 * The engine against the oracle, see differential.h. Seeds are fixed, so each run
 * makes the same accesses. CXL_DIFFERENTIAL_ACCESSES is their number, and
 * CXL_DIFFERENTIAL_SEED repeats the one episode that a failure names.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "differential.h"
#include "mutant.h"
#include "policy.h"

#define ACCESSES      15000000
#define EPISODE_STEPS 200
#define MADE_UP	      800

static struct compared_policy shipped[NR_SHIPPED];
static struct compared_policy *made_up;
static struct differential *d;
static uint64_t wanted = ACCESSES;
static uint64_t compared;

static int set_up(void **state)
{
	(void)state;
	d = differential_new();
	made_up = calloc(MADE_UP, sizeof(*made_up));
	if (!d || !made_up || !differential_shipped(shipped))
		return -1;
	mutant_apply(&shipped[CXL_DEVICE].table);
	mutant_apply(&shipped[REJECT].table);
	mutant_apply(&shipped[EMULATE].table);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	free(made_up);
	differential_free(d);
	return 0;
}

/* @part percent of all accesses, in episodes with any of @policies */
static void run(const char *what, const struct compared_policy *const *policies,
		unsigned int nr_policies, unsigned int part, uint64_t seed)
{
	const char *one = getenv("CXL_DIFFERENTIAL_SEED");
	uint64_t begin = differential_accesses(d), end = begin + wanted * part / 100;
	uint64_t next = begin + 500000;
	struct choices choices;

	for (; differential_accesses(d) < end; seed++) {
		if (one)
			seed = strtoull(one, NULL, 0);
		choices = (struct choices){ .state = seed };
		if (!differential_episode(d, &choices, policies, nr_policies, EPISODE_STEPS))
			fail_msg("%s, seed %#llx, access %llu:\n%s", what, (unsigned long long)seed,
				 (unsigned long long)(differential_accesses(d) - begin),
				 differential_report(d));
		if (differential_accesses(d) > next) {
			next += 500000;
			print_message("# %s: %llu accesses\n", what,
				      (unsigned long long)(differential_accesses(d) - begin));
		}
		if (one)
			break;
	}
	compared = differential_accesses(d);
}

static void write_both(unsigned int offset, unsigned int count, uint64_t value)
{
	if (!differential_write(d, offset, count, value))
		fail_msg("%s", differential_report(d));
}

static uint64_t read_both(unsigned int offset, unsigned int count)
{
	uint64_t value;

	if (!differential_read(d, offset, count, &value))
		fail_msg("%s", differential_report(d));
	return value;
}

static void open_both(enum shipped policy, uint8_t bits)
{
	struct differential_hardware *hw = differential_hardware(d);

	memset(hw, 0, sizeof(*hw));
	memset(hw->bytes, bits, sizeof(hw->bytes));
	memset(hw->writable, 0xff, sizeof(hw->writable));
	if (!differential_open(d, &shipped[policy], 0x10c, 3, 0x3c))
		fail_msg("%s", differential_report(d));
}

static void swap_both(enum shipped policy)
{
	if (!differential_swap(d, &shipped[policy]))
		fail_msg("%s", differential_report(d));
}

static void close_both(void)
{
	if (!differential_close(d))
		fail_msg("%s", differential_report(d));
}

/* Each bit that a guest can set is set or not, after @pattern */
static void fill(uint8_t pattern, bool locked)
{
	unsigned int offset;

	for (offset = 0x0c; offset < 0x38; offset++)
		if (offset != 0x14)
			write_both(offset, 1, pattern ^ (offset & 1 ? 0xff : 0));
	if (locked)
		write_both(0x14, 1, 0x01);
}

static void try_edge(enum shipped policy, unsigned int offset, unsigned int count,
		     unsigned int what, bool locked, uint8_t bits)
{
	uint64_t value;

	open_both(policy, bits);
	fill(~bits, locked);
	value = read_both(offset, count);
	write_both(offset, count, what == 0 ? 0 : what == 1 ? ~0ULL : ~value);
	read_both(offset, count);
	read_both(0, 8);
	close_both();
}

static void every_width_at_every_edge_of_every_register(void **state)
{
	static const uint8_t edges[] = {
		0x04, 0x08, 0x0a, 0x0c, 0x0e, 0x10, 0x12, 0x14, 0x16, 0x18,
		0x1c, 0x20, 0x24, 0x28, 0x2c, 0x30, 0x34, 0x38, 0x3a, 0x3c
	};
	static const uint8_t hardware[] = { 0x00, 0xff, 0xa5 };
	unsigned int policy, i, width, what, h, locked;
	int by;

	(void)state;
	for (policy = 0; policy < NR_SHIPPED; policy++)
		for (i = 0; i < sizeof(edges); i++)
			for (by = -1; by <= 1; by++)
				for (width = 1; width <= 4; width *= 2)
					for (what = 0; what < 3; what++)
						for (h = 0; h < 3; h++)
							for (locked = 0; locked < 2; locked++)
								try_edge(policy, edges[i] + by,
									 width, what, locked,
									 hardware[h]);
	compared = differential_accesses(d);
}

static void a_cxl_reset_of_every_bit(void **state)
{
	unsigned int locked, offset;
	uint8_t pattern = 0;

	(void)state;
	do {
		for (locked = 0; locked < 2; locked++) {
			open_both(EMULATE, pattern);
			fill(pattern, locked);
			write_both(0x10, 2, 0x0004);
			for (offset = 4; offset < 0x3c; offset += 4)
				read_both(offset, 4);
			close_both();
		}
		pattern = ~pattern;
	} while (pattern);
}

static void of_anothers_bits_none_locks_or_lets_through(void **state)
{
	static const struct {
		enum shipped policy;
		uint8_t hardware;
	} to[] = { { CXL_DEVICE, 0x00 }, { CXL_DEVICE, 0xff }, { REJECT, 0xff } };
	uint64_t bits;
	unsigned int i, bit;

	(void)state;
	for (i = 0; i < 3; i++) {
		for (bit = 0; bit < 64; bit++) {
			bits = 1ULL << bit;
			open_both(ALL_SHADOW, to[i].hardware);
			write_both(0x10, 8, bits);
			swap_both(to[i].policy);
			write_both(0x0c, 4, 0xffffffff);
			/* A write-back that keeps what can be kept */
			write_both(0x10, 4, 0x00000002 | (bits & 0xfffffffa));
			write_both(0x20, 8, ~0ULL);
			close_both();
		}
	}
}

static void what_another_policy_stored_stays_as_it_is(void **state)
{
	static const enum shipped policies[] = { CXL_DEVICE, REJECT, EMULATE };
	unsigned int i, offset;
	uint8_t pattern = 0;
	uint32_t dword;

	(void)state;
	do {
		dword = pattern * 0x01010101U;
		for (i = 0; i < 3; i++) {
			open_both(ALL_SHADOW, 0);
			for (offset = 4; offset < 0x3c; offset += 4)
				write_both(offset, 4, dword);
			swap_both(policies[i]);
			for (offset = 4; offset < 0x3c; offset += 4)
				write_both(offset, 4, ~dword);
			write_both(0x10, 2, 0x0004);
			swap_both(ALL_SHADOW);
			for (offset = 4; offset < 0x3c; offset += 4)
				read_both(offset, 4);
			close_both();
		}
		pattern = ~pattern;
	} while (pattern);
}

static void the_default_policy(void **state)
{
	const struct compared_policy *policies[] = { &shipped[CXL_DEVICE] };

	(void)state;
	run("cxl-device", policies, 1, 15, 0x1000000);
}

static void the_shipped_policies_swapped_for_one_another(void **state)
{
	const struct compared_policy *policies[] = { &shipped[CXL_DEVICE], &shipped[READ_ONLY],
						     &shipped[PASSTHROUGH] };

	(void)state;
	run("shipped", policies, 3, 15, 0x2000000);
}

static void policies_that_show_a_cxl_reset(void **state)
{
	const struct compared_policy *policies[] = { &shipped[REJECT], &shipped[EMULATE],
						     &shipped[CXL_DEVICE] };

	(void)state;
	run("with-reset", policies, 3, 15, 0x3000000);
}

static void policies_that_show_a_cxl_reset_are_as_those_of_yaml(void **state)
{
	struct compared_policy policy;
	char error[POLICY_ERROR_LEN];
	unsigned int i;

	(void)state;
	for (i = REJECT; i <= EMULATE; i++) {
		policy = shipped[i];
		if (!differential_compile(&policy, error))
			fail_msg("%s", error);
		assert_memory_equal(&policy.table, &shipped[i].table, sizeof(policy.table));
	}
}

static void a_policy_takes_over_from_one_that_has_all_in_the_shadow(void **state)
{
	const struct compared_policy *policies[] = { &shipped[ALL_SHADOW], &shipped[REJECT],
						     &shipped[EMULATE], &shipped[CXL_DEVICE] };

	(void)state;
	run("all shadow", policies, 4, 10, 0x6000000);
}

static void policies_that_override_capabilities(void **state)
{
	static const struct {
		const char *field;
		uint32_t value;
	} overrides[] = {
		{ "capability3.direct_p2p_mem_capable", 0 },
		{ "capability3.direct_p2p_mem_capable", 1 },
		{ "capability3.volatile_hdm_state_after_hot_reset_configurability", 0 },
		{ "capability3.volatile_hdm_state_after_hot_reset_configurability", 1 },
		{ "capability2.modified_completion_capable", 0 },
		{ "capability2.modified_completion_capable", 1 },
		{ "capability.hdm_count", 2 },
		{ "capability.cxl_reset_timeout", 4 },
	};
	const unsigned int nr = sizeof(overrides) / sizeof(overrides[0]);
	const struct compared_policy *policies[sizeof(overrides) / sizeof(overrides[0])];
	char error[POLICY_ERROR_LEN];
	unsigned int i;

	(void)state;
	for (i = 0; i < nr; i++) {
		struct compared_policy *policy = &made_up[i];

		oracle_cxl_device(&policy->oracle);
		oracle_override(&policy->oracle, overrides[i].field, overrides[i].value);
		snprintf(policy->yaml, sizeof(policy->yaml),
			 "name: override\nbased-on: cxl-device\n"
			 "dvsecs:\n  - vendor: 0x1e98\n    id: 0\n    fields:\n"
			 "      - {field: %s, value: %u}\n",
			 overrides[i].field, overrides[i].value);
		if (!differential_compile(policy, error))
			fail_msg("%s", error);
		policies[i] = policy;
	}
	run("overrides", policies, nr, 5, 0x4000000);
}

static void any_policy_that_can_be_written(void **state)
{
	const struct compared_policy *policies[MADE_UP + NR_SHIPPED];
	struct choices choices = { .state = 1 };
	char error[POLICY_ERROR_LEN];
	unsigned int i;

	(void)state;
	for (i = 0; i < MADE_UP; i++) {
		if (!differential_random_policy(&choices, &made_up[i], error))
			fail_msg("%s\n%s", error, made_up[i].yaml);
		policies[i] = &made_up[i];
	}
	for (i = 0; i < NR_SHIPPED; i++)
		policies[MADE_UP + i] = &shipped[i];
	run("made up", policies, MADE_UP + NR_SHIPPED, 40, 0x5000000);
}

static void enough_was_compared(void **state)
{
	(void)state;
	print_message("# compared %llu accesses\n", (unsigned long long)compared);
	if (!getenv("CXL_DIFFERENTIAL_SEED"))
		assert_true(compared >= wanted);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_width_at_every_edge_of_every_register),
		cmocka_unit_test(a_cxl_reset_of_every_bit),
		cmocka_unit_test(of_anothers_bits_none_locks_or_lets_through),
		cmocka_unit_test(what_another_policy_stored_stays_as_it_is),
		cmocka_unit_test(the_default_policy),
		cmocka_unit_test(the_shipped_policies_swapped_for_one_another),
		cmocka_unit_test(policies_that_show_a_cxl_reset_are_as_those_of_yaml),
		cmocka_unit_test(policies_that_show_a_cxl_reset),
		cmocka_unit_test(a_policy_takes_over_from_one_that_has_all_in_the_shadow),
		cmocka_unit_test(policies_that_override_capabilities),
		cmocka_unit_test(any_policy_that_can_be_written),
		cmocka_unit_test(enough_was_compared),
	};
	/* Those that have the default policy in them, for a mutant of it */
	const struct CMUnitTest mutant_tests[] = {
		cmocka_unit_test(a_cxl_reset_of_every_bit),
		cmocka_unit_test(of_anothers_bits_none_locks_or_lets_through),
		cmocka_unit_test(what_another_policy_stored_stays_as_it_is),
		cmocka_unit_test(the_default_policy),
		cmocka_unit_test(the_shipped_policies_swapped_for_one_another),
		cmocka_unit_test(policies_that_show_a_cxl_reset),
		cmocka_unit_test(a_policy_takes_over_from_one_that_has_all_in_the_shadow),
	};
	const char *number = getenv("CXL_DIFFERENTIAL_ACCESSES");

	if (number)
		wanted = strtoull(number, NULL, 10);
	setenv(POLICY_DIR_ENV, "loader/policies", 1);
	if (getenv(MUTANT_ENV))
		return cmocka_run_group_tests(mutant_tests, set_up, tear_down);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
