// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mistakes that emulations of this DVSEC have made, one test each. Those that
 * only the whole path can make are in vm/pitfalls: 8 (resets), 9 (the pointer to
 * the next capability), 10 (adjacent DVSECs), 11 (DVSECs that fail open), 13
 * (races); the numbers are the same. What has the letter of a review's point is
 * what a reviewer of such an emulation asked for.
 */
#include "device.h"
#include "policy.h"

/* 1: a dword access handled the lower of its two registers alone */
static void pitfall_1_a_dword_access_at_0c_and_10_is_for_both_of_its_registers(void **state)
{
	struct device d;

	(void)state;
	start(&d, &cxl_device, LENGTH);
	hw_set(&d, 0x0e, 2, 0x4000);
	assert_int_equal(rd(&d, 0x0c, 4), 0x40000002);
	wr(&d, 0x0c, 4, 0x40000005);
	assert_int_equal(rd(&d, 0x0c, 2), 0x0007);
	assert_int_equal(rd(&d, 0x0e, 2), 0x0000);

	hw_set(&d, 0x38, 2, 0x0008);
	take_over(&d, &cxl_device);
	hw_set(&d, 0x12, 2, 0x8009);
	assert_int_equal(rd(&d, 0x10, 4), 0x80090000);
	wr(&d, 0x10, 4, 0x00080009);
	assert_string_equal(d.written, "10=01 12=08 ");
	assert_int_equal(rd(&d, 0x10, 2), 0x0009);
	hw_set(&d, 0x12, 2, 0x0000);
	assert_int_equal(rd(&d, 0x10, 4), 0x00000009);
}

/* 2: a byte written at 0x0c zeroed bits 15:8, odd offsets went to the hardware */
static void pitfall_2_every_byte_of_a_register_can_be_written_by_itself(void **state)
{
	struct device d;

	(void)state;
	start(&d, &cxl_device, LENGTH);
	wr(&d, 0x0c, 2, 0x4b05);
	wr(&d, 0x0c, 1, 0x01);
	assert_int_equal(rd(&d, 0x0c, 2), 0x4b03);
	wr(&d, 0x0d, 1, 0x08);
	assert_int_equal(rd(&d, 0x0c, 2), 0x0803);
	assert_int_equal(rd(&d, 0x0d, 1), 0x08);
	assert_int_equal(d.out.hw_mask, 0);
	assert_string_equal(d.written, "");
}

/* 3: partial writes of a range base clobbered the rest, or were dropped */
static void pitfall_3_a_part_of_a_range_base_changes_that_part(void **state)
{
	static const unsigned int high[] = { 0x20, 0x30 };
	struct device d;
	unsigned int i;

	(void)state;
	start(&d, &cxl_device, LENGTH);
	for (i = 0; i < 2; i++) {
		wr(&d, high[i], 4, 0x44332211);
		wr(&d, high[i] + 1, 1, 0xaa);
		assert_int_equal(rd(&d, high[i], 4), 0x4433aa11);
		wr(&d, high[i] + 2, 2, 0xbbcc);
		assert_int_equal(rd(&d, high[i], 4), 0xbbccaa11);
		wr(&d, high[i] + 4, 4, 0xffffffff);
		wr(&d, high[i] + 6, 2, 0x5000);
		assert_int_equal(rd(&d, high[i] + 4, 4), 0x50000000);
		wr(&d, high[i] + 7, 1, 0x7f);
		assert_int_equal(rd(&d, high[i] + 4, 4), 0x70000000);
		wr(&d, high[i] + 5, 1, 0xff);
		assert_int_equal(rd(&d, high[i] + 4, 4), 0x70000000);
	}
}

/* 4: a guest read the host's range bases, and not what it had written */
static void pitfall_4_range_bases_are_the_guests_and_never_the_hosts(void **state)
{
	static const unsigned int bases[] = { 0x20, 0x24, 0x30, 0x34 };
	struct device d;
	unsigned int i;

	(void)state;
	start(&d, &cxl_device, LENGTH);
	for (i = 0; i < 4; i++) {
		assert_int_not_equal(hw_read(&d, bases[i], 4), 0);
		assert_int_equal(rd(&d, bases[i], 4), 0);
		wr(&d, bases[i], 4, 0xf0000000 | i << 28);
		assert_string_equal(d.written, "");
		assert_int_equal(rd(&d, bases[i], 4), 0xf0000000);
	}
	reset(&d, CONVENTIONAL);
	for (i = 0; i < 4; i++)
		assert_int_equal(rd(&d, bases[i], 4), 0);
}

/* 5: CONFIG_LOCK did not cover the range bases */
static void pitfall_5_config_lock_covers_the_range_bases(void **state)
{
	static const unsigned int bases[] = { 0x20, 0x24, 0x30, 0x34 };
	struct device d;
	unsigned int i;

	(void)state;
	start(&d, &cxl_device, LENGTH);
	for (i = 0; i < 4; i++)
		wr(&d, bases[i], 4, 0xa0000000);
	wr(&d, 0x14, 2, 1);
	for (i = 0; i < 4; i++) {
		assert_int_equal(wr(&d, bases[i], 4, 0x50000000), DENIED);
		assert_true(d.out.flags & CXL_EVENT_LOCKED);
		assert_int_equal(rd(&d, bases[i], 4), 0xa0000000);
	}
}

/* 6: initiate bits were stored, Disable_Caching could not be taken back */
static void pitfall_6_initiate_bits_read_0_and_disable_caching_goes_both_ways(void **state)
{
	struct device d;

	(void)state;
	start(&d, &cxl_device, LENGTH);
	wr(&d, 0x10, 2, 0x0007);
	assert_string_equal(d.written, "10=03 ");
	assert_int_equal(rd(&d, 0x10, 2), 0x0001);
	settle(&d);
	wr(&d, 0x10, 2, rd(&d, 0x10, 2));
	assert_string_equal(d.written, "10=01 ");
	wr(&d, 0x10, 2, 0x0000);
	assert_string_equal(d.written, "10=00 ");
	assert_int_equal(rd(&d, 0x10, 2), 0x0000);

	/* CAPABILITY 7: the guest sees no CXL Reset, so it can start none */
	wr(&d, 0x10, 2, 0x0004);
	assert_true(d.out.flags & CXL_EVENT_RESET_DROPPED);
	/* CAPABILITY 11: clearing of memory by a reset is not for the device to know */
	wr(&d, 0x10, 2, 0x0008);
	assert_string_equal(d.written, "10=00 ");
	assert_int_equal(rd(&d, 0x10, 2), 0x0008);
}

/* 7: a CXL Reset was logged and nothing else; STATUS2 never told of it */
static void pitfall_7_a_cxl_reset_ends_in_complete_or_error(void **state)
{
	struct cxl_policy policy;
	struct device d;

	(void)state;
	policy = with_reset(CXL_RESET_REJECT);
	start(&d, &policy, LENGTH);
	hw_set(&d, 0x12, 2, 0);
	assert_int_equal(wr(&d, 0x10, 2, 0x0004), DENIED);
	assert_true(d.out.flags & CXL_EVENT_RESET_REJECTED);
	assert_int_equal(rd(&d, 0x12, 2), 0x0004);

	policy = with_reset(CXL_RESET_EMULATE);
	start(&d, &policy, LENGTH);
	hw_set(&d, 0x12, 2, 0);
	wr(&d, 0x0c, 2, 0x4a06);
	assert_int_equal(wr(&d, 0x10, 2, 0x0004), DONE);
	assert_true(d.out.flags & CXL_EVENT_RESET_EMULATED);
	assert_int_equal(rd(&d, 0x12, 2), 0x0002);
	assert_int_equal(rd(&d, 0x0c, 2), 0x0002);
	assert_int_equal(hw_read(&d, 0x10, 2) & 4, 0);
}

/* 8: nothing reacted to resets */
static void pitfall_8_a_lock_ends_with_a_conventional_reset_and_no_other(void **state)
{
	struct device d;

	(void)state;
	start(&d, &cxl_device, LENGTH);
	wr(&d, 0x0c, 2, 0x0004);
	wr(&d, 0x14, 2, 1);
	reset(&d, FUNCTION);
	assert_int_equal(rd(&d, 0x14, 2), 1);
	assert_int_equal(rd(&d, 0x0c, 2), 0x0006);
	reset(&d, CONVENTIONAL);
	assert_int_equal(rd(&d, 0x14, 2), 0);
	assert_int_equal(rd(&d, 0x0c, 2), 0x0002);
	wr(&d, 0x0c, 2, 0x0005);
	assert_int_equal(rd(&d, 0x0c, 2), 0x0007);
}

/* 10: offsets were taken from the first of several adjacent DVSECs */
static void pitfall_10_adjacent_dvsecs_share_no_state(void **state)
{
	struct cxl_access access = { .length = LENGTH, .offset = 0x0c, .size = 2 };
	struct cxl_outcome out;
	struct device d;
	uint16_t at;

	(void)state;
	start(&d, &cxl_device, LENGTH);
	wr(&d, 0x0c, 2, 0x0005);
	wr(&d, 0x14, 2, 1);
	for (at = 4; at < LENGTH; at += 4)
		cxl_engine_open(&d.policy, d.dvsec, &d.shadow, START + LENGTH, at,
				hw_read(&d, at, 4));

	access.start = START + LENGTH;
	access.value = 0x4a06;
	memset(&out, 0, sizeof(out));
	assert_int_equal(cxl_engine_write(&d.policy, d.dvsec, &d.shadow, &access, &out), DONE);
	assert_int_equal(rd(&d, 0x0c, 2), 0x0007);
	memset(&out, 0, sizeof(out));
	assert_int_equal(cxl_engine_read(&d.policy, d.dvsec, &d.shadow, &access, &out), DONE);
	assert_int_equal(out.result, 0x4a06);
}

/* 11: a DVSEC of length 0, and what lay out of range, was written to the hardware */
static void pitfall_11_what_is_out_of_range_is_dead(void **state)
{
	static const uint16_t lengths[] = { 0, 4, 0x0a, 0x0c, 0x10, 0x11, 0x38 };
	unsigned int i, offset;
	struct device d;

	(void)state;
	for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		start(&d, &cxl_device, lengths[i]);
		for (offset = 4; offset < LENGTH; offset++) {
			if (offset < lengths[i])
				continue;
			wr(&d, offset, 1, 0xff);
			assert_string_equal(d.written, "");
			assert_int_equal(rd(&d, offset, 1), 0);
		}
	}
}

/* 12: CAPABILITY3 was read where there is none */
static void pitfall_12_a_dvsec_of_0x38_bytes_has_no_capability3(void **state)
{
	struct device d;

	(void)state;
	start(&d, &cxl_device, 0x38);
	/* What follows belongs to another capability */
	cap3(&d, 0x001f);
	wr(&d, 0x0c, 2, 0xffff);
	assert_int_equal(rd(&d, 0x0c, 2), 0x4fff);
	wr(&d, 0x10, 2, 0x0010);
	assert_int_equal(rd(&d, 0x10, 2), 0x0000);
	hw_set(&d, 0x12, 2, 0x0008);
	wr(&d, 0x12, 2, 0x0008);
	assert_string_equal(d.written, "");
	assert_int_equal(rd(&d, 0x12, 2), 0x0000);
}

/* 14a: handlers took the absolute position besides the register's offset */
static void review_a_the_verdict_does_not_depend_on_where_the_dvsec_is(void **state)
{
	static const uint16_t starts[] = { 0x100, 0x13c, 0x800, 0x1000 - LENGTH };
	unsigned int i;
	uint16_t at;

	(void)state;
	for (i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
		struct cxl_access access = {
			.start = starts[i],
			.length = LENGTH,
			.offset = 0x10,
			.size = 4,
			.value = 0xffffffff,
		};
		struct cxl_outcome out = {};
		struct device d;

		start(&d, &cxl_device, LENGTH);
		wr(&d, 0x10, 4, 0xffffffff);
		memset(&d.shadow, 0, sizeof(d.shadow));
		for (at = 4; at < LENGTH; at += 4)
			cxl_engine_open(&d.policy, d.dvsec, &d.shadow, starts[i], at,
					at == 0x10 ? 0x80030000 : hw_read(&d, at, 4));
		assert_int_equal(cxl_engine_write(&d.policy, d.dvsec, &d.shadow, &access, &out),
				 DENIED);
		assert_memory_equal(&out, &d.out, sizeof(out));
	}
}

/* 14b: IO_Enable is a constant, not something to set again at each write */
static void review_b_io_enable_is_1_whatever_is_written(void **state)
{
	uint32_t value;
	struct device d;

	(void)state;
	start(&d, &cxl_device, LENGTH);
	for (value = 0; value <= 0xffff; value++) {
		wr(&d, 0x0c, 2, value);
		/* Not 12 (no CAPABILITY3.4), 13 and 15 (reserved) */
		assert_int_equal(rd(&d, 0x0c, 2), (value & 0x4ffd) | 2);
	}
}

/* 14c: of STATUS one bit counts, so it is 0 or what it was */
static void review_c_status_is_cleared_or_as_it_was(void **state)
{
	uint32_t value;
	struct device d;

	(void)state;
	for (value = 0; value <= 0xffff; value++) {
		start(&d, &cxl_device, LENGTH);
		hw_set(&d, 0x0e, 2, 0x4000);
		wr(&d, 0x0e, 2, value);
		assert_string_equal(d.written, "");
		assert_int_equal(rd(&d, 0x0e, 2), value & 0x4000 ? 0x0000 : 0x4000);
	}
}

/* 14d: bits 1 and 2 of CONTROL2 are to be cleared before the virtual register is */
static void review_d_no_value_leaves_an_initiate_bit_in_the_shadow(void **state)
{
	uint32_t value;
	struct device d;

	(void)state;
	start(&d, &cxl_device, LENGTH);
	for (value = 0; value <= 0xffff; value++) {
		wr(&d, 0x10, 2, value);
		assert_int_equal(d.shadow.dwords[(START + 0x10) / 4].value & 0x0006, 0);
		assert_int_equal(rd(&d, 0x10, 2), value & 0x0009);
		settle(&d);
	}
}

/* 14e: bits by the names of the specification */
static void review_e_fields_have_the_names_of_the_specification(void **state)
{
	static const struct {
		const char *name;
		unsigned int offset, hi, lo;
	} fields[] = {
		{ "lock.config_lock", 0x14, 0, 0 },
		{ "status.viral_status", 0x0e, 14, 14 },
		{ "status2.volatile_hdm_preservation_error", 0x12, 3, 3 },
		{ "control.io_enable", 0x0c, 1, 1 },
		{ "control.direct_p2p_mem_enable", 0x0c, 12, 12 },
		{ "control2.initiate_cxl_reset", 0x10, 2, 2 },
		{ "control2.desired_volatile_hdm_state_after_hot_reset", 0x10, 4, 4 },
		{ "control2.modified_completion_enable", 0x10, 5, 5 },
		{ "capability2.modified_completion_capable", 0x16, 6, 6 },
		{ "capability3.volatile_hdm_state_after_hot_reset_configurability", 0x38, 3, 3 },
		{ "capability3.direct_p2p_mem_capable", 0x38, 4, 4 },
		{ "range1_base_low.memory_base_low", 0x24, 31, 28 },
	};
	unsigned int i, id;

	(void)state;
	for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		for (id = 0; id < POLICY_NR_FIELDS; id++)
			if (!strcmp(policy_fields[id].name, fields[i].name))
				break;
		if (id == POLICY_NR_FIELDS)
			fail_msg("there is no field %s", fields[i].name);
		assert_int_equal(policy_registers[policy_fields[id].reg].offset, fields[i].offset);
		assert_int_equal(policy_fields[id].hi, fields[i].hi);
		assert_int_equal(policy_fields[id].lo, fields[i].lo);
	}
}

/* 14f: one header with the bits grouped by register */
static void review_f_the_table_has_each_bit_once_grouped_by_register(void **state)
{
	unsigned int id = 0, reg, bit, offset = 4;

	(void)state;
	for (reg = 0; reg < CXL_DVSEC_NR_REGS; reg++) {
		assert_int_equal(policy_registers[reg].offset, offset);
		offset += policy_registers[reg].size;
		for (bit = 0; bit < policy_registers[reg].size * 8U; id++) {
			assert_true(id < POLICY_NR_FIELDS);
			assert_int_equal(policy_fields[id].reg, reg);
			assert_int_equal(policy_fields[id].lo, bit);
			assert_true(policy_fields[id].hi >= bit);
			bit = policy_fields[id].hi + 1U;
		}
		assert_int_equal(bit, policy_registers[reg].size * 8U);
	}
	assert_int_equal(id, POLICY_NR_FIELDS);
	assert_int_equal(offset, 0x3a);
}

/*
 * The specification's compliance test (14.8.7): set CONFIG_LOCK, write the
 * inverse to each locked field, expect no change.
 */
static void compliance_inverted_writes_change_no_locked_field(void **state)
{
	static const struct {
		unsigned int offset, size;
		uint32_t locked;
	} regs[] = {
		{ 0x0c, 2, 0x5ffd },	 { 0x20, 4, 0xffffffff }, { 0x24, 4, 0xf0000000 },
		{ 0x30, 4, 0xffffffff }, { 0x34, 4, 0xf0000000 },
	};
	static const uint32_t patterns[] = { 0x00000000, 0xffffffff, 0x5aa55aa5, 0xa55aa55a };
	unsigned int i, k, size, at;
	struct device d;

	(void)state;
	for (k = 0; k < 4; k++) {
		uint32_t before[5];

		start(&d, &cxl_device, LENGTH);
		cap3(&d, 0x0010);
		for (i = 0; i < 5; i++) {
			wr(&d, regs[i].offset, regs[i].size, patterns[k]);
			before[i] = rd(&d, regs[i].offset, regs[i].size);
			assert_int_equal(before[i] & regs[i].locked, patterns[k] & regs[i].locked);
		}
		wr(&d, 0x14, 2, 1);
		for (i = 0; i < 5; i++) {
			for (size = 1; size <= regs[i].size; size *= 2)
				for (at = 0; at < regs[i].size; at += size)
					wr(&d, regs[i].offset + at, size, ~before[i] >> (8 * at));
			assert_int_equal(rd(&d, regs[i].offset, regs[i].size), before[i]);
			assert_string_equal(d.written, "");
		}
		/* And nothing else is locked */
		wr(&d, 0x10, 2, 0x0009);
		assert_int_equal(rd(&d, 0x10, 2), 0x0009);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			pitfall_1_a_dword_access_at_0c_and_10_is_for_both_of_its_registers),
		cmocka_unit_test(pitfall_2_every_byte_of_a_register_can_be_written_by_itself),
		cmocka_unit_test(pitfall_3_a_part_of_a_range_base_changes_that_part),
		cmocka_unit_test(pitfall_4_range_bases_are_the_guests_and_never_the_hosts),
		cmocka_unit_test(pitfall_5_config_lock_covers_the_range_bases),
		cmocka_unit_test(pitfall_6_initiate_bits_read_0_and_disable_caching_goes_both_ways),
		cmocka_unit_test(pitfall_7_a_cxl_reset_ends_in_complete_or_error),
		cmocka_unit_test(pitfall_8_a_lock_ends_with_a_conventional_reset_and_no_other),
		cmocka_unit_test(pitfall_10_adjacent_dvsecs_share_no_state),
		cmocka_unit_test(pitfall_11_what_is_out_of_range_is_dead),
		cmocka_unit_test(pitfall_12_a_dvsec_of_0x38_bytes_has_no_capability3),
		cmocka_unit_test(review_a_the_verdict_does_not_depend_on_where_the_dvsec_is),
		cmocka_unit_test(review_b_io_enable_is_1_whatever_is_written),
		cmocka_unit_test(review_c_status_is_cleared_or_as_it_was),
		cmocka_unit_test(review_d_no_value_leaves_an_initiate_bit_in_the_shadow),
		cmocka_unit_test(review_e_fields_have_the_names_of_the_specification),
		cmocka_unit_test(review_f_the_table_has_each_bit_once_grouped_by_register),
		cmocka_unit_test(compliance_inverted_writes_change_no_locked_field),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
