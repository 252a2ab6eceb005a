// SPDX-License-Identifier: GPL-2.0-only
/*
 * When a policy that is lost is put in force again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "backoff.h"

static void what_is_lost_first_comes_back_at_once(void **state)
{
	struct backoff backoff = {};

	(void)state;
	assert_int_equal(backoff_next(&backoff, 5000, false), 5000);
}

static void what_fails_first_is_tried_again_after_the_shortest_wait(void **state)
{
	struct backoff backoff = {};

	(void)state;
	assert_int_equal(backoff_next(&backoff, 5000, true), 5000 + BACKOFF_MIN_MS);
}

static void each_wait_is_twice_the_one_before_up_to_the_longest(void **state)
{
	static const int64_t waits[] = { 0, 1, 2, 4, 8, 16, 32, 60, 60, 60 };
	struct backoff backoff = {};
	int64_t now = 123456;
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
		assert_int_equal(backoff_next(&backoff, now, false), now + waits[i] * 1000);
		/* Lost as soon as it is back */
		now += waits[i] * 1000 + 1;
	}
}

static void failures_and_losses_count_together(void **state)
{
	struct backoff backoff = {};

	(void)state;
	assert_int_equal(backoff_next(&backoff, 0, false), 0);
	assert_int_equal(backoff_next(&backoff, 0, true), 1000);
	assert_int_equal(backoff_next(&backoff, 1000, true), 3000);
	assert_int_equal(backoff_next(&backoff, 3000, false), 7000);
}

static void what_fails_for_ever_is_tried_at_the_longest_wait_for_ever(void **state)
{
	struct backoff backoff = {};
	int64_t now = 0, last = 0;
	int i;

	(void)state;
	for (i = 0; i < 100; i++) {
		last = now;
		now = backoff_next(&backoff, now, true);
		assert_true(now - last <= BACKOFF_MAX_MS);
		assert_true(now - last >= BACKOFF_MIN_MS);
	}
	assert_int_equal(now - last, BACKOFF_MAX_MS);
}

static void calm_is_counted_from_when_it_was_back(void **state)
{
	struct backoff backoff = {};
	int64_t back;
	int i;

	(void)state;
	back = backoff_next(&backoff, 0, false);
	for (i = 0; i < 10; i++)
		back = backoff_next(&backoff, back, false);
	/* The wait itself is as long, and no calm */
	assert_int_equal(backoff_next(&backoff, back + BACKOFF_CALM_MS - 1, false),
			 back + BACKOFF_CALM_MS - 1 + BACKOFF_MAX_MS);
}

static void after_a_time_of_calm_it_starts_anew(void **state)
{
	struct backoff backoff = {};
	int64_t back;
	int i;

	(void)state;
	back = backoff_next(&backoff, 0, false);
	for (i = 0; i < 10; i++)
		back = backoff_next(&backoff, back, false);
	back += BACKOFF_CALM_MS;
	assert_int_equal(backoff_next(&backoff, back, false), back);
	assert_int_equal(backoff_next(&backoff, back, false), back + BACKOFF_MIN_MS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_lost_first_comes_back_at_once),
		cmocka_unit_test(what_fails_first_is_tried_again_after_the_shortest_wait),
		cmocka_unit_test(each_wait_is_twice_the_one_before_up_to_the_longest),
		cmocka_unit_test(failures_and_losses_count_together),
		cmocka_unit_test(what_fails_for_ever_is_tried_at_the_longest_wait_for_ever),
		cmocka_unit_test(calm_is_counted_from_when_it_was_back),
		cmocka_unit_test(after_a_time_of_calm_it_starts_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
