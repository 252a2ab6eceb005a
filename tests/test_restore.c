// SPDX-License-Identifier: GPL-2.0-only
/*
 * A saved shadow given to a device that a user has opened: what of it the engine
 * takes over, and what it doesn't whatever the file says.
 */
#include <stdlib.h>

#include "device.h"

#define DWORDS	(LENGTH / 4)
#define HEADER1 (0x1e98 | 3U << 16 | (uint32_t)LENGTH << 20)

struct file {
	unsigned int nr;
	struct cxl_restore_dword dwords[DWORDS];
};

static void add(struct file *file, unsigned int offset, uint32_t value, uint32_t valid)
{
	file->dwords[file->nr++] = (struct cxl_restore_dword){
		.value = value & valid,
		.valid = valid,
		.header1 = HEADER1,
		.start = START,
		.offset = offset,
	};
}

static struct file save(const struct device *d)
{
	struct file file = {};
	unsigned int offset;

	for (offset = 0x0c; offset < d->length; offset += 4) {
		const struct cxl_shadow_dword *dword = &d->shadow.dwords[(START + offset) / 4];

		if (dword->valid)
			add(&file, offset, dword->value, dword->valid);
	}
	return file;
}

/* A file that says all it can */
static struct file all_ones(void)
{
	struct file file = {};
	unsigned int offset;

	for (offset = 0; offset < LENGTH; offset += 4)
		add(&file, offset, ~0U, ~0U);
	return file;
}

/* As the BPF program does it */
static bool restore(struct device *d, const struct file *file)
{
	unsigned int stage, i;

	for (i = 0; i < file->nr; i++)
		if (!cxl_engine_restore_fits(&d->shadow, &file->dwords[i]))
			return false;
	for (stage = CXL_RESTORE_BITS; stage <= CXL_RESTORE_ONCE; stage++)
		for (i = 0; i < file->nr; i++)
			cxl_engine_restore(&d->policy, &d->shadow, &file->dwords[i], stage);
	return true;
}

static void start_with(struct device *d, const struct cxl_policy *policy, const struct file *file)
{
	start(d, policy, LENGTH);
	assert_true(restore(d, file));
}

/* ---- what a guest gave ---- */

static void what_a_guest_wrote_reads_the_same_after_a_restore(void **state)
{
	struct device d, other;
	struct file file;
	unsigned int i;

	(void)state;
	start(&d, &cxl_device, LENGTH);
	wr(&d, 0x0c, 2, 0x4a56);
	wr(&d, 0x10, 2, 0x0008);
	wr(&d, 0x20, 4, 0x12345678);
	wr(&d, 0x24, 4, 0xa0000000);
	wr(&d, 0x30, 4, 0x9abcdef0);
	wr(&d, 0x34, 4, 0x50000000);
	file = save(&d);
	start_with(&other, &cxl_device, &file);
	assert_int_equal(rd(&other, 0x0c, 2), 0x4a56);
	assert_int_equal(rd(&other, 0x10, 2), 0x0008);
	assert_int_equal(rd(&other, 0x20, 4), 0x12345678);
	assert_int_equal(rd(&other, 0x24, 4), 0xa0000000);
	assert_int_equal(rd(&other, 0x30, 4), 0x9abcdef0);
	assert_int_equal(rd(&other, 0x34, 4), 0x50000000);
	for (i = 4; i < LENGTH; i += 4)
		assert_int_equal(rd(&other, i, 4), rd(&d, i, 4));
	assert_int_equal(wr(&other, 0x20, 4, 1), DONE);
}

static void config_lock_is_restored_and_freezes_what_was_restored_with_it(void **state)
{
	struct device d, other;
	struct file file, reverse = {};
	unsigned int i;

	(void)state;
	start(&d, &cxl_device, LENGTH);
	wr(&d, 0x0c, 2, 0x0006);
	wr(&d, 0x30, 4, 0x11111111);
	wr(&d, 0x14, 2, 1);
	file = save(&d);
	for (i = file.nr; i; i--)
		reverse.dwords[reverse.nr++] = file.dwords[i - 1];
	for (i = 0; i < 2; i++) {
		start_with(&other, &cxl_device, i ? &reverse : &file);
		assert_int_equal(rd(&other, 0x14, 2), 1);
		assert_int_equal(rd(&other, 0x0c, 2), 0x0006);
		assert_int_equal(rd(&other, 0x30, 4), 0x11111111);
		assert_int_equal(wr(&other, 0x30, 4, 0), DENIED);
		assert_int_equal(rd(&other, 0x30, 4), 0x11111111);
	}
}

static void bits_that_were_not_saved_keep_their_value_at_open(void **state)
{
	struct cxl_policy policy = cxl_device;
	struct file file = {};
	struct device d;

	(void)state;
	add(&file, 0x0c, 0x0004, 0x0004);
	add(&file, 0x20, 0xffff0000, 0xffff0000);
	start_with(&d, &cxl_device, &file);
	assert_int_equal(rd(&d, 0x0c, 2), 0x0006);
	assert_int_equal(rd(&d, 0x20, 4), 0xffff0000);
	assert_int_equal(rd(&d, 0x30, 4), 0);

	policy.rules[policy.dvsecs[0].first_rule + 8].value = 0x00001234;
	start_with(&d, &policy, &file);
	assert_int_equal(rd(&d, 0x20, 4), 0xffff1234);
}

static void conditional_bits_are_restored_where_their_capability_is(void **state)
{
	const struct file file = all_ones();
	struct device d;

	(void)state;
	start_with(&d, &cxl_device, &file);
	assert_int_equal(rd(&d, 0x0c, 2), 0x4fff);
	/* Nor does the value wait for the capability */
	cap3(&d, 0x18);
	assert_int_equal(rd(&d, 0x0c, 2), 0x4fff);
	assert_int_equal(rd(&d, 0x10, 2), 0x0008);

	start(&d, &cxl_device, LENGTH);
	cap3(&d, 0x18);
	assert_true(restore(&d, &file));
	assert_int_equal(rd(&d, 0x0c, 2), 0x5fff);
	assert_int_equal(rd(&d, 0x10, 2), 0x0018);
}

static void a_swap_keeps_what_was_restored_and_a_conventional_reset_does_not(void **state)
{
	const struct file file = all_ones();
	struct device d;

	(void)state;
	start_with(&d, &cxl_device, &file);
	take_over(&d, &read_only);
	take_over(&d, &cxl_device);
	assert_int_equal(rd(&d, 0x14, 2), 1);
	assert_int_equal(rd(&d, 0x20, 4), 0xffffffff);
	reset(&d, FUNCTION);
	assert_int_equal(rd(&d, 0x20, 4), 0xffffffff);
	reset(&d, CONVENTIONAL);
	assert_int_equal(rd(&d, 0x14, 2), 0);
	assert_int_equal(rd(&d, 0x20, 4), 0);
}

/* ---- what a file can't do ---- */

static void nothing_that_reaches_the_hardware_is_restored_and_no_gate_to_it(void **state)
{
	const struct file file = all_ones();
	struct cxl_policy policy = cxl_device;
	struct device d;

	(void)state;
	start_with(&d, &cxl_device, &file);
	assert_int_equal(rd(&d, 0x10, 1), 0x08);
	assert_int_equal(wr(&d, 0x10, 1, 0x02), DENIED);
	assert_string_equal(d.written, "10=00 ");
	assert_int_equal(rd(&d, 0x10, 1), 0x00);

	/* Disable_Caching in the shadow alone still lets a write-back through */
	policy.rules[policy.dvsecs[0].first_rule + 4].fwd &= ~1U;
	policy.rules[policy.dvsecs[0].first_rule + 4].undo &= ~1U;
	start_with(&d, &policy, &file);
	assert_int_equal(rd(&d, 0x10, 1), 0x08);
	assert_int_equal(wr(&d, 0x10, 1, 0x02), DENIED);
	assert_string_equal(d.written, "");

	/* Mem_Enable and Memory_Base_High that are forwarded, one of them as if RW1C */
	policy = cxl_device;
	policy.rules[policy.dvsecs[0].first_rule + 3].fwd |= 0x4;
	policy.rules[policy.dvsecs[0].first_rule + 8].fwd1 |= ~0U;
	start_with(&d, &policy, &file);
	assert_int_equal(rd(&d, 0x0c, 2), 0x4ffb);
	assert_int_equal(rd(&d, 0x20, 4), 0);
}

static void read_only_bits_of_the_shadow_are_not_restored(void **state)
{
	const struct file file = all_ones();
	struct cxl_policy policy = cxl_device;
	struct cxl_rule *capability = &policy.rules[policy.dvsecs[0].first_rule + 2];
	struct device d;

	(void)state;
	start_with(&d, &cxl_device, &file);
	assert_int_equal(rd(&d, 0x12, 2), 0x8001);

	/* CAPABILITY 15:0 as a value at open, such as with "read: shadow, value: 0" */
	capability->hw &= ~0xffff0000;
	capability->shadow |= 0xffff0000;
	start_with(&d, &policy, &file);
	assert_int_equal(rd(&d, 0x0a, 2), 0);
}

/* A field that reaches the hardware, and a capability that the policy pins */
static void a_capability_that_a_policy_pins_switches_no_field_on(void **state)
{
	struct cxl_policy policy = cxl_device;
	struct cxl_rule *capability = &policy.rules[policy.dvsecs[0].first_rule + 2];
	struct cxl_rule *control2 = &policy.rules[policy.dvsecs[0].first_rule + 4];
	const struct file file = all_ones();
	struct device d;

	(void)state;
	capability->hw &= ~(1U << 22);
	capability->shadow |= 1U << 22;
	control2->conds[control2->nr_conds++] =
		(struct cxl_cond){ .bits = 0x9, .cap_mask = 1U << 22, .cap_rule = 2 };
	start_with(&d, &policy, &file);
	assert_int_equal(rd(&d, 0x0a, 2) & 0x40, 0);
	assert_int_equal(wr(&d, 0x10, 1, 0x01), DENIED);
	assert_string_equal(d.written, "");
	assert_int_equal(d.shadow.dwords[(START + 0x10) / 4].value, 0);

	capability->value |= 1U << 22;
	start_with(&d, &policy, &file);
	assert_int_equal(rd(&d, 0x10, 1), 0x08);
}

static void a_capability_that_the_guest_can_set_comes_back_with_what_depends_on_it(void **state)
{
	struct cxl_policy policy = cxl_device;
	struct cxl_rule *capability = &policy.rules[policy.dvsecs[0].first_rule + 5];
	struct cxl_rule *control2 = &policy.rules[policy.dvsecs[0].first_rule + 4];
	const struct file file = all_ones();
	struct device d;

	(void)state;
	capability->hw &= ~(1U << 31);
	capability->shadow |= 1U << 31;
	capability->write |= 1U << 31;
	control2->conds[control2->nr_conds++] =
		(struct cxl_cond){ .bits = 0x8, .cap_mask = 1U << 31, .cap_rule = 5 };
	start(&d, &policy, LENGTH);
	wr(&d, 0x10, 1, 0x08);
	assert_int_equal(rd(&d, 0x10, 1), 0);
	assert_true(restore(&d, &file));
	assert_int_equal(rd(&d, 0x10, 1), 0x08);
}

static void the_outcome_of_a_reset_is_restored_where_the_guest_can_have_had_it(void **state)
{
	static const struct {
		enum cxl_reset_action action;
		uint16_t status2;
	} outcomes[] = { { CXL_RESET_EMULATE, 0x0002 }, { CXL_RESET_REJECT, 0x0004 } };
	const struct file file = all_ones();
	struct cxl_policy policy;
	struct device d;
	unsigned int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		policy = with_reset(outcomes[i].action);
		start(&d, &policy, LENGTH);
		hw_set(&d, 0x0a, 2, 0x00de);
		take_over(&d, &policy);
		assert_true(restore(&d, &file));
		assert_int_equal(rd(&d, 0x12, 2) & 6, outcomes[i].status2);
		hw_set(&d, 0x0a, 2, 0x005e);
		start(&d, &policy, LENGTH);
		hw_set(&d, 0x0a, 2, 0x005e);
		take_over(&d, &policy);
		assert_true(restore(&d, &file));
		assert_int_equal(rd(&d, 0x12, 2) & 6, 0);
	}
}

static void an_acknowledged_status_bit_is_neither_saved_nor_restored(void **state)
{
	const struct file file = all_ones();
	struct file saved;
	struct device d;
	unsigned int i;

	(void)state;
	start(&d, &cxl_device, LENGTH);
	hw_set(&d, 0x0e, 2, 0x4000);
	wr(&d, 0x0e, 2, 0x4000);
	assert_int_equal(rd(&d, 0x0e, 2), 0);
	saved = save(&d);
	for (i = 0; i < saved.nr; i++)
		if (saved.dwords[i].offset == 0x0c)
			assert_int_equal(saved.dwords[i].valid >> 16, 0);
	start(&d, &cxl_device, LENGTH);
	hw_set(&d, 0x0e, 2, 0x4000);
	assert_true(restore(&d, &file));
	assert_int_equal(rd(&d, 0x0e, 2), 0x4000);
}

static void what_a_policy_locks_from_the_open_on_stays(void **state)
{
	struct cxl_policy policy = cxl_device;
	struct cxl_rule *rules = &policy.rules[policy.dvsecs[0].first_rule];
	struct file file = all_ones();
	struct device d;

	(void)state;
	rules[5].value |= 1;
	rules[8].value = 0x00000012;
	file.dwords[5].value = 0;
	start_with(&d, &policy, &file);
	assert_int_equal(rd(&d, 0x14, 2), 1);
	assert_int_equal(rd(&d, 0x20, 4), 0x12);
	assert_int_equal(rd(&d, 0x0c, 2), 0x0002);
	assert_int_equal(rd(&d, 0x10, 2), 0x0008);
}

static void a_policy_that_refuses_writes_or_forwards_all_restores_nothing(void **state)
{
	const struct cxl_policy *const policies[] = { &read_only, &passthrough };
	const struct file file = all_ones();
	struct device d, fresh;
	unsigned int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		start(&fresh, policies[i], LENGTH);
		start_with(&d, policies[i], &file);
		assert_memory_equal(&d.shadow, &fresh.shadow, sizeof(d.shadow));
	}
}

static void another_dvsec_than_the_saved_one_does_not_fit(void **state)
{
	static const struct cxl_restore_dword others[] = {
		{ .header1 = HEADER1 ^ 1, .start = START, .offset = 0x0c },
		{ .header1 = HEADER1 ^ 1 << 16, .start = START, .offset = 0x0c },
		{ .header1 = HEADER1 ^ 4 << 20, .start = START, .offset = 0x0c },
		{ .header1 = HEADER1, .id = 1, .start = START, .offset = 0x0c },
		{ .header1 = HEADER1, .start = START + 4, .offset = 0x0c },
		{ .header1 = HEADER1, .start = START + 1, .offset = 0x0c },
		{ .header1 = HEADER1, .start = START, .offset = 0x0e },
		{ .header1 = HEADER1, .start = START, .offset = 4096 - START },
		{ .header1 = HEADER1, .start = 0xfffc, .offset = 0xfffc },
	};
	struct cxl_restore_dword dword = { .header1 = HEADER1, .start = START, .offset = 0x0c };
	struct device d;
	unsigned int i;

	(void)state;
	start(&d, &cxl_device, LENGTH);
	assert_true(cxl_engine_restore_fits(&d.shadow, &dword));
	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (cxl_engine_restore_fits(&d.shadow, &others[i]))
			fail_msg("number %u fits", i);
}

static void what_lies_behind_the_end_of_a_dvsec_is_not_restored(void **state)
{
	struct file file = all_ones();
	struct device d;
	unsigned int i;

	(void)state;
	for (i = 0; i < file.nr; i++)
		file.dwords[i].header1 = 0x1e98 | 3U << 16 | 0x34U << 20;
	start(&d, &cxl_device, 0x34);
	hw_set(&d, 4, 4, 0x1e98 | 3U << 16 | 0x34U << 20);
	take_over(&d, &cxl_device);
	assert_true(restore(&d, &file));
	assert_int_equal(d.shadow.dwords[(START + 0x30) / 4].value, 0xffffffff);
	assert_int_equal(d.shadow.dwords[(START + 0x34) / 4].value, 0);

	/* Direct_P2P_Mem_Enable, whose capability would lie there */
	start(&d, &cxl_device, 0x34);
	hw_set(&d, 0x38, 2, 0x0010);
	hw_set(&d, 4, 4, 0x1e98 | 3U << 16 | 0x34U << 20);
	take_over(&d, &cxl_device);
	assert_true(restore(&d, &file));
	assert_int_equal(d.shadow.dwords[(START + 0x0c) / 4].value, 0x4ffd);
}

static void a_dvsec_that_the_policy_is_not_asked_about_is_left_alone(void **state)
{
	const struct file file = all_ones();
	struct cxl_shadow nothing = {};
	struct device d;

	(void)state;
	start(&d, &cxl_device, LENGTH);
	d.shadow = nothing;
	assert_true(restore(&d, &file));
	assert_memory_equal(&d.shadow, &nothing, sizeof(nothing));
}

static void nothing_but_the_dwords_of_the_file_changes(void **state)
{
	struct cxl_shadow before;
	struct file file = {};
	struct device d;

	(void)state;
	start(&d, &cxl_device, LENGTH);
	before = d.shadow;
	add(&file, 0x20, 0x5555aaaa, ~0U);
	assert_true(restore(&d, &file));
	assert_int_equal(d.shadow.dwords[(START + 0x20) / 4].value, 0x5555aaaa);
	d.shadow.dwords[(START + 0x20) / 4].value = before.dwords[(START + 0x20) / 4].value;
	assert_memory_equal(&d.shadow, &before, sizeof(before));
}

/*
 * Whatever the file says, the guest could have come there itself: by writing the same
 * to a device that is just opened, without the bits that reach the hardware.
 */
static void any_file_gives_what_writes_of_the_guest_would_have_given(void **state)
{
	static const uint32_t harmless[DWORDS] = {
		/* Neither CONTROL2 2:0 nor what is RW1C */
		[0x0c / 4] = 0xbfffffff, [0x10 / 4] = 0xfff7fff8, [0x14 / 4] = 0xfffffffe,
		[0x20 / 4] = 0xffffffff, [0x24 / 4] = 0xffffffff, [0x30 / 4] = 0xffffffff,
		[0x34 / 4] = 0xffffffff,
	};
	unsigned int round, i, changed = 0;

	(void)state;
	srandom(1);
	for (round = 0; round < 20000; round++) {
		struct device restored, written;
		struct file file = {};

		for (i = 3; i < DWORDS; i++)
			add(&file, i * 4, random() << 16 ^ random(), random() << 16 ^ random());
		start(&restored, &cxl_device, LENGTH);
		hw_set(&restored, 0x0a, 2, random());
		hw_set(&restored, 0x16, 2, random());
		hw_set(&restored, 0x38, 2, random());
		take_over(&restored, &cxl_device);
		written = restored;
		assert_true(restore(&restored, &file));
		for (i = 0; i < file.nr; i++) {
			const struct cxl_restore_dword *dword = &file.dwords[i];
			uint32_t mask = dword->valid & harmless[dword->offset / 4];
			uint32_t keep = rd(&written, dword->offset, 4) & ~mask &
					harmless[dword->offset / 4];

			if (harmless[dword->offset / 4])
				wr(&written, dword->offset, 4, keep | (dword->value & mask));
		}
		if (file.dwords[0x14 / 4 - 3].value & 1)
			wr(&written, 0x14, 2, 1);
		for (i = 0; i < CXL_SHADOW_DWORDS; i++) {
			if (restored.shadow.dwords[i].value == written.shadow.dwords[i].value)
				continue;
			fail_msg("round %u: at %#x %08x was restored and %08x written", round,
				 i * 4 - START, restored.shadow.dwords[i].value,
				 written.shadow.dwords[i].value);
		}
		changed += !!restored.shadow.dwords[(START + 0x0c) / 4].value;
	}
	assert_true(changed > 19000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_guest_wrote_reads_the_same_after_a_restore),
		cmocka_unit_test(config_lock_is_restored_and_freezes_what_was_restored_with_it),
		cmocka_unit_test(bits_that_were_not_saved_keep_their_value_at_open),
		cmocka_unit_test(conditional_bits_are_restored_where_their_capability_is),
		cmocka_unit_test(a_swap_keeps_what_was_restored_and_a_conventional_reset_does_not),
		cmocka_unit_test(nothing_that_reaches_the_hardware_is_restored_and_no_gate_to_it),
		cmocka_unit_test(read_only_bits_of_the_shadow_are_not_restored),
		cmocka_unit_test(a_capability_that_a_policy_pins_switches_no_field_on),
		cmocka_unit_test(
			a_capability_that_the_guest_can_set_comes_back_with_what_depends_on_it),
		cmocka_unit_test(
			the_outcome_of_a_reset_is_restored_where_the_guest_can_have_had_it),
		cmocka_unit_test(an_acknowledged_status_bit_is_neither_saved_nor_restored),
		cmocka_unit_test(what_a_policy_locks_from_the_open_on_stays),
		cmocka_unit_test(a_policy_that_refuses_writes_or_forwards_all_restores_nothing),
		cmocka_unit_test(another_dvsec_than_the_saved_one_does_not_fit),
		cmocka_unit_test(what_lies_behind_the_end_of_a_dvsec_is_not_restored),
		cmocka_unit_test(a_dvsec_that_the_policy_is_not_asked_about_is_left_alone),
		cmocka_unit_test(nothing_but_the_dwords_of_the_file_changes),
		cmocka_unit_test(any_file_gives_what_writes_of_the_guest_would_have_given),
	};

	mutant_apply(&cxl_device);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
