// SPDX-License-Identifier: GPL-2.0-only
/*
 * Does 'diff' tell of all that makes a difference, and of nothing else? Two tables
 * differ if the engine, driven with the same accesses from the same state, ever
 * gives another outcome; that is tried with each bit of some policies flipped, as
 * in mutants.c, and compared with what the tables are said to differ in.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "compare.h"
#include "cxl_policy_engine.h"
#include "mutant.h"
#include "policy.h"

#define START  0x200
#define DWORDS 24

static struct policy parsed;
static struct policy_image base, mutant_image;

/* clang-format off */
static const char default_text[] =
	"name: t\n"
	"based-on: cxl-device\n";

static const char reset_text[] =
	"name: t\n"
	"based-on: cxl-device\n"
	"cxl-reset: emulate\n"
	"dvsecs:\n"
	"  - vendor: 0x1e98\n"
	"    id: 0\n"
	"    fields:\n"
	"      - {field: capability.cxl_reset_capable, attribute: RO, read: hardware}\n"
	"      - {field: capability.hdm_count, value: 1}\n"
	"      - {field: control2.modified_completion_enable, attribute: RWS, read: shadow,\n"
	"         write: [shadow, hardware], value: 1}\n";

static const char vendor_text[] =
	"name: t\n"
	"dvsecs:\n"
	"  - vendor: 0x8086\n"
	"    id: 0x17\n"
	"    fields:\n"
	"      - {field: capability.can_boost, offset: 0x0a, bits: 0, attribute: RO}\n"
	"      - {field: capability.can_save, offset: 0x0a, bits: 1, attribute: RO, value: 1}\n"
	"      - {field: capability.can_fly, offset: 0x0a, bits: 2, attribute: RO, value: 0}\n"
	"      - {field: control.enable, offset: 0x0c, bits: 0, attribute: RW}\n"
	"      - {field: control.mode, offset: 0x0c, bits: 7:4, attribute: RWL, value: 3}\n"
	"      - {field: control.rsvd, offset: 0x0c, bits: 14:8, attribute: RsvdP}\n"
	"      - {field: control.lock, offset: 0x0c, bits: 15, attribute: RWO}\n"
	"      - {field: control2.boost, offset: 0x0e, bits: 0, attribute: RW,\n"
	"         when: capability.can_boost}\n"
	"      - {field: control2.fly, offset: 0x0e, bits: 1, attribute: RW,\n"
	"         when: capability.can_fly}\n"
	"      - {field: power.save, offset: 0x10, bits: 0, attribute: RW, read: shadow,\n"
	"         write: [shadow, hardware], when: capability.can_save}\n"
	"      - {field: power.rsvd, offset: 0x10, bits: 3:1, attribute: RsvdP}\n"
	"      - {field: power.fault, offset: 0x10, bits: 4, attribute: RW1C}\n"
	"      - {field: power.alarm, offset: 0x10, bits: 5, attribute: RW1CS, read: hardware,\n"
	"         write: [hardware]}\n"
	"      - {field: power.zero, offset: 0x10, bits: 7:6, attribute: RsvdZ}\n"
	"      - {field: address.secret, offset: 0x14, bits: 31:8, attribute: RO, value: 0}\n"
	"      - {field: scratch.all, offset: 0x18, bits: 31:0, attribute: RW, read: hardware,\n"
	"         write: [hardware]}\n"
	"      - {field: range.base, offset: 0x1c, bits: 31:12, attribute: RWL}\n"
	"      - {field: range.keep, offset: 0x20, bits: 15:0, attribute: RWS, value: 0x1234}\n";
/* clang-format on */

static void load(const char *text, struct policy *policy, struct policy_image *image)
{
	char error[POLICY_ERROR_LEN];

	setenv(POLICY_DIR_ENV, "loader/policies", 1);
	if (policy_parse(text, strlen(text), "t.yaml", policy, error) ||
	    policy_compile(policy, image, error))
		fail_msg("%s", error);
}

/*
 * The oracle
 */

static uint64_t seed;

static uint32_t random32(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed >> 16;
}

static bool chance(unsigned int percent)
{
	return random32() % 100 < percent;
}

struct side {
	const struct cxl_policy *policy;
	uint32_t dvsec;
	struct cxl_shadow shadow;
	struct cxl_outcome out;
	int verdict;
};

static struct side sides[2];
static uint32_t hw[DWORDS];

static const struct cxl_rule *rule_at(const struct side *side, unsigned int n)
{
	static const struct cxl_rule none;
	const struct cxl_rule *rule = cxl_engine_rule(side->policy, side->dvsec, n);

	return rule ? rule : &none;
}

/* Whatever policies before this one may have left there */
static void start_trial(bool fresh)
{
	uint32_t valid, value, acks;
	unsigned int n, i;

	for (n = 0; n < DWORDS; n++) {
		struct cxl_shadow_dword *dwords[2];

		hw[n] = chance(50) ? random32() : random32() | random32();
		valid = (rule_at(&sides[0], n)->shadow | rule_at(&sides[1], n)->shadow) &
			(random32() | random32());
		acks = (rule_at(&sides[0], n)->ack | rule_at(&sides[1], n)->ack) & ~valid;
		value = random32() & (valid | acks);
		for (i = 0; i < 2; i++) {
			dwords[i] = &sides[i].shadow.dwords[START / 4 + n];
			dwords[i]->valid = fresh ? 0 : valid;
			dwords[i]->value = fresh ? 0 : value;
			cxl_engine_open(sides[i].policy, sides[i].dvsec, &sides[i].shadow, START,
					n * 4, hw[n]);
		}
	}
}

static void decide(struct side *side, struct cxl_access access, bool is_write)
{
	int round;

	for (round = 0; round < 2; round++) {
		memset(&side->out, 0, sizeof(side->out));
		side->verdict = is_write ? cxl_engine_write(side->policy, side->dvsec,
							    &side->shadow, &access, &side->out)
					 : cxl_engine_read(side->policy, side->dvsec, &side->shadow,
							   &access, &side->out);
		if (side->verdict != VFIO_PCI_DVSEC_NEED_HW)
			break;
		access.again = 1;
		access.hw = hw[access.offset / 4] >> (access.offset % 4 * 8) & side->out.hw_mask;
	}
}

static bool same_outcome(const struct cxl_access *access, bool is_write)
{
	const struct cxl_outcome *a = &sides[0].out, *b = &sides[1].out;
	uint32_t values[2];
	unsigned int i;

	if (sides[0].verdict != sides[1].verdict)
		return false;
	if (sides[0].verdict == VFIO_PCI_DVSEC_INVALID)
		return true;
	for (i = 0; i < 2 && !is_write; i++)
		values[i] =
			(sides[i].out.result & ~sides[i].out.hw_mask) |
			(hw[access->offset / 4] >> (access->offset % 4 * 8) & sides[i].out.hw_mask);
	if (!is_write)
		return values[0] == values[1] && a->hw_mask == b->hw_mask;
	return a->flags == b->flags && a->refused == b->refused && a->hw_write == b->hw_write &&
	       (a->hw_value & a->hw_write) == (b->hw_value & b->hw_write) &&
	       a->hw_keep == b->hw_keep && a->hw_undo == b->hw_undo;
}

static bool try_access(unsigned int focus, unsigned int nr, uint16_t length)
{
	struct cxl_access access = { .start = START, .length = length };
	unsigned int size = 1U << random32() % 3, n;
	bool is_write = chance(65);
	uint32_t value;

	n = chance(50) ? focus : random32() % nr;
	if (!n || n >= nr)
		n = 1 + random32() % (nr - 1);
	access.size = size;
	access.offset = n * 4 + random32() % (4 / size) * size;
	switch (random32() % 6) {
	case 0:
		value = ~0U;
		break;
	case 1:
		value = 0;
		break;
	case 2:
		value = 1U << random32() % 32;
		break;
	case 3:
		value = sides[0].shadow.dwords[START / 4 + n].value ^ 1U << random32() % 32;
		break;
	case 4:
		value = hw[n] ^ 1U << random32() % 32;
		break;
	default:
		value = random32();
	}
	access.value = value >> (access.offset % 4 * 8) & (~0U >> (32 - size * 8));
	decide(&sides[0], access, is_write);
	decide(&sides[1], access, is_write);
	if (!same_outcome(&access, is_write))
		return false;
	if (chance(5))
		hw[n] &= random32();
	return true;
}

/* Does the engine ever tell the two apart? */
static bool differ(const struct cxl_policy *a, const struct cxl_policy *b, uint16_t vendor,
		   uint16_t id, unsigned int focus, unsigned int trials)
{
	unsigned int trial, i, nr;

	sides[0].policy = a;
	sides[1].policy = b;
	for (i = 0; i < 2; i++)
		sides[i].dvsec = cxl_engine_find(sides[i].policy, vendor, id);
	for (nr = DWORDS; nr > 2 && !cxl_engine_rule(a, sides[0].dvsec, nr - 2) &&
			  !cxl_engine_rule(b, sides[1].dvsec, nr - 2);
	     nr--)
		;
	for (trial = 0; trial < trials; trial++) {
		uint16_t length = nr * 4 - (chance(10) ? random32() % 5 : 0);

		start_trial(trial % 4 == 0);
		for (i = 0; i < 24; i++)
			if (!try_access(focus, nr, length))
				return true;
	}
	return false;
}

/*
 * Tests
 */

static bool said_to_differ(const struct policy_image *a, const struct policy_image *b)
{
	const struct compare_policy pa = { .image = a }, pb = { .image = b };
	struct compare_flag flags[COMPARE_NR_FLAGS];

	return compare_fields(&pa, &pb, NULL, NULL) || compare_flags(a, b, flags) ||
	       compare_claims(a, b, NULL, NULL);
}

/* Each @step-th bit of the table, from @first on */
static void flip_bits(const char *text, uint16_t vendor, uint16_t id, unsigned int first,
		      unsigned int step)
{
	unsigned int number, index, missed = 0, imagined = 0, real = 0;
	struct mutant m;

	load(text, &parsed, &base);
	index = cxl_engine_find(&base.table, vendor, id);
	seed = 88172645463325252ULL;
	for (number = first; mutant_find(&base.table, number, &m); number += step) {
		int dword = m.rule - base.table.dvsecs[index].first_rule;
		bool said, is_record;

		/* Those of DVSECs that aren't looked at here */
		if (m.rule >= 0 && (dword < 0 || dword >= base.table.dvsecs[index].nr_rules))
			continue;
		if (m.dvsec >= 0 && m.dvsec != (int)index)
			continue;
		mutant_image = base;
		((uint8_t *)&mutant_image.table)[m.byte] ^= 1 << m.bit % 8;
		said = said_to_differ(&base, &mutant_image);
		/* The engine leaves it to the program, and claims to the kernel */
		is_record = !strcmp(m.member->name, "flags") && m.bit == 1;
		if (is_record) {
			assert_true(said);
			continue;
		}
		real += said;
		if (differ(&base.table, &mutant_image.table, vendor, id, m.rule < 0 ? 0 : dword,
			   said ? 4000 : 12) == said)
			continue;
		missed += !said;
		imagined += said;
		if (missed + imagined < 20)
			print_message("# %s: %u: rules[%d].%s bit %u\n",
				      said ? "no difference" : "missed", number, m.rule,
				      m.member->name, m.bit);
	}
	print_message("# %u of the flipped bits make a difference\n", real);
	assert_int_equal(missed, 0);
	assert_int_equal(imagined, 0);
	assert_true(real > 10);
}

static void a_flipped_bit_of_the_default_policy_is_told_if_the_engine_can_tell(void **state)
{
	(void)state;
	flip_bits(default_text, CXL_DVSEC_VENDOR_ID, CXL_DVSEC_ID_DEVICE, 0, 1);
}

static void so_is_one_of_a_policy_that_emulates_a_reset(void **state)
{
	(void)state;
	flip_bits(reset_text, CXL_DVSEC_VENDOR_ID, CXL_DVSEC_ID_DEVICE, 0, 1);
}

static void so_is_one_of_a_dvsec_that_a_policy_describes(void **state)
{
	(void)state;
	flip_bits(vendor_text, 0x8086, 0x17, 0, 1);
}

/* Flips that hide or undo each other: nothing that the engine can tell may be missed */
static void several_flipped_bits_hide_nothing_from_each_other(void **state)
{
	static const char *const texts[] = { default_text, reset_text };
	unsigned int t, i, k, nr, at, told = 0, real = 0;
	static struct policy_image one, other;
	struct mutant m = {};

	(void)state;
	seed = 1181783497276652981ULL;
	for (t = 0; t < 2; t++) {
		load(texts[t], &parsed, &base);
		for (nr = 0; mutant_find(&base.table, nr, &m); nr++)
			;
		for (i = 0; i < 1500; i++) {
			bool said, is;

			one = base;
			other = base;
			at = random32() % POLICY_NR_RULES;
			for (k = 0; k < 8; k++) {
				do {
					assert_true(mutant_find(&base.table, random32() % nr, &m));
				} while (m.rule != (int)at && random32() % 16);
				/* The name and what the engine doesn't read are left alone */
				if (m.rule < 0)
					continue;
				((uint8_t *)(k % 2 ? &one.table : &other.table))[m.byte] ^=
					1 << m.bit % 8;
			}
			said = said_to_differ(&one, &other);
			is = differ(&one.table, &other.table, CXL_DVSEC_VENDOR_ID,
				    CXL_DVSEC_ID_DEVICE, at, said ? 4 : 24);
			if (is && !said)
				fail_msg("missed: turn %u of policy %u", i, t);
			told += said;
			real += is;
		}
	}
	print_message("# %u of 3000 told, %u of them seen\n", told, real);
	assert_true(real > 1000);
}

/*
 * What is told
 */

struct told {
	unsigned int nr;
	struct compare_field fields[256];
};

static void take(const struct compare_field *field, void *arg)
{
	struct told *told = arg;

	assert_true(told->nr < 256);
	told->fields[told->nr++] = *field;
}

static struct policy other_parsed;

static void tell(const char *a, const char *b, struct told *told)
{
	const struct compare_policy pa = { &base, &parsed }, pb = { &mutant_image, &other_parsed };

	load(a, &parsed, &base);
	load(b, &other_parsed, &mutant_image);
	told->nr = 0;
	compare_fields(&pa, &pb, take, told);
}

static void a_field_is_told_as_a_whole_with_both_values(void **state)
{
	static struct told told;
	char text[8];

	(void)state;
	tell("name: t\nbased-on: cxl-device\ndvsecs:\n  - vendor: 0x1e98\n    id: 0\n"
	     "    fields:\n      - {field: capability.hdm_count, value: 1}\n"
	     "      - {field: control.cache_sf_coverage, value: 3}\n",
	     "name: u\nbased-on: cxl-device\ndvsecs:\n  - vendor: 0x1e98\n    id: 0\n"
	     "    fields:\n      - {field: capability.hdm_count, value: 2}\n"
	     "      - {field: control.cache_sf_coverage, value: 5}\n",
	     &told);
	assert_int_equal(told.nr, 2);
	assert_string_equal(told.fields[0].a.name, "capability.hdm_count");
	assert_string_equal(policy_bits_text(told.fields[0].a.hi, told.fields[0].a.lo, text),
			    "5:4");
	assert_int_equal(told.fields[0].a.value, 1);
	assert_int_equal(told.fields[0].b.value, 2);
	assert_string_equal(told.fields[1].a.name, "control.cache_sf_coverage");
	assert_string_equal(policy_bits_text(told.fields[1].b.hi, told.fields[1].b.lo, text),
			    "7:3");
	assert_int_equal(told.fields[1].a.offset, 0x0c);
	assert_int_equal(told.fields[1].a.value, 3);
	assert_int_equal(told.fields[1].b.value, 5);
}

static void the_order_of_dvsecs_and_the_name_make_no_difference(void **state)
{
	static const char one[] = "name: one\ndvsecs:\n"
				  "  - vendor: 0x1e98\n    id: 7\n    fields:\n"
				  "      - {field: a, offset: 0x0c, bits: 3:0, attribute: RW}\n"
				  "  - vendor: 0x8086\n    id: 1\n    fields:\n"
				  "      - {field: b, offset: 0x10, bits: 3:0, attribute: RW}\n";
	static const char two[] = "name: two\ndvsecs:\n"
				  "  - vendor: 0x8086\n    id: 1\n    fields:\n"
				  "      - {field: x, offset: 0x10, bits: 3:0, attribute: RW}\n"
				  "  - vendor: 0x1e98\n    id: 7\n    fields:\n"
				  "      - {field: y, offset: 0x0c, bits: 3:0, attribute: RW}\n";
	static struct told told;

	(void)state;
	tell(one, two, &told);
	assert_int_equal(told.nr, 0);
	assert_memory_not_equal(&base.table.rules, &mutant_image.table.rules,
				sizeof(base.table.rules));
	assert_false(said_to_differ(&base, &mutant_image));
}

static void claims_and_what_holds_for_all_are_told(void **state)
{
	struct compare_flag flags[COMPARE_NR_FLAGS];
	static struct told told;

	(void)state;
	tell("name: t\ndvsecs:\n  - vendor: 0x8086\n    id: 1\n", "name: t\naccess: passthrough\n",
	     &told);
	assert_int_equal(compare_claims(&base, &mutant_image, NULL, NULL), 1);
	assert_int_equal(compare_claims(&mutant_image, &base, NULL, NULL), 1);
	assert_int_equal(compare_flags(&base, &mutant_image, flags), 2);
	assert_false(flags[0].a);
	assert_true(flags[0].b);
	assert_true(told.nr > 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_flipped_bit_of_the_default_policy_is_told_if_the_engine_can_tell),
		cmocka_unit_test(so_is_one_of_a_policy_that_emulates_a_reset),
		cmocka_unit_test(so_is_one_of_a_dvsec_that_a_policy_describes),
		cmocka_unit_test(several_flipped_bits_hide_nothing_from_each_other),
		cmocka_unit_test(a_field_is_told_as_a_whole_with_both_values),
		cmocka_unit_test(the_order_of_dvsecs_and_the_name_make_no_difference),
		cmocka_unit_test(claims_and_what_holds_for_all_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
