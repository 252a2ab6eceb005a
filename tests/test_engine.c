// SPDX-License-Identifier: GPL-2.0-only
/*
 * The verdicts of the engine with the shipped policies. What is expected is
 * written out from the specification's table of registers; none of it is
 * computed from the masks of a policy.
 */
#include "device.h"

/* What a guest is to see of it at open, but for the first dword */
static const uint8_t at_open[LENGTH] = {
	/* 00 */ 0x00, 0x00, 0x00, 0x00, 0x98, 0x1e, 0xc3, 0x03,
	/* 08 */ 0x00, 0x00, 0x5e, 0xd0, 0x02, 0x00, 0x00, 0x00,
	/* 10 */ 0x00, 0x00, 0x01, 0x80, 0x00, 0x00, 0x85, 0x12,
	/* 18 */ 0x01, 0x00, 0x00, 0x00, 0x4b, 0x25, 0x00, 0x20,
	/* 20 */ 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	/* 28 */ 0x02, 0x00, 0x00, 0x00, 0x4b, 0x46, 0x01, 0x40,
	/* 30 */ 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	/* 38 */ 0x07, 0x00, 0x00, 0x00,
};

static void assert_view(struct device *d, const uint8_t *want)
{
	unsigned int offset;

	for (offset = 4; offset < LENGTH; offset++) {
		if (rd(d, offset, 1) != want[offset])
			fail_msg("offset %#x reads %02x, not %02x", offset, rd(d, offset, 1),
				 want[offset]);
	}
	for (offset = 4; offset < LENGTH; offset += 2) {
		uint16_t word = want[offset] | want[offset + 1] << 8;

		if (rd(d, offset, 2) != word)
			fail_msg("word %#x reads %04x, not %04x", offset, rd(d, offset, 2), word);
	}
	for (offset = 4; offset < LENGTH; offset += 4) {
		uint32_t dword = want[offset] | want[offset + 1] << 8 | want[offset + 2] << 16 |
				 (uint32_t)want[offset + 3] << 24;

		if (rd(d, offset, 4) != dword)
			fail_msg("dword %#x reads %08x, not %08x", offset, rd(d, offset, 4), dword);
	}
}

/* ---- reads ---- */

static void at_open_nothing_of_the_hosts_state_is_seen_at_any_width(void **state)
{
	struct device d;

	(void)state;
	start(&d, &cxl_device, LENGTH);
	assert_view(&d, at_open);
}

static void reserved_bits_of_the_hardware_do_not_show(void **state)
{
	struct device d;

	(void)state;
	start(&d, &cxl_device, LENGTH);
	hw_set(&d, 0x0c, 4, 0xbfffa000);
	hw_set(&d, 0x14, 2, 0xfffe);
	hw_set(&d, 0x10, 2, 0xffc0);
	hw_set(&d, 0x24, 4, 0x0fffffff);
	hw_set(&d, 0x34, 4, 0x0fffffff);
	take_over(&d, &cxl_device);
	assert_int_equal(rd(&d, 0x0c, 2), 0x0002);
	assert_int_equal(rd(&d, 0x10, 2), 0x0000);
	assert_int_equal(rd(&d, 0x14, 2), 0x0000);
	assert_int_equal(rd(&d, 0x24, 4), 0x00000000);
	assert_int_equal(rd(&d, 0x34, 4), 0x00000000);
}

static void read_only_registers_follow_the_hardware(void **state)
{
	static const struct {
		unsigned int offset, size;
		uint32_t value;
	} regs[] = {
		{ 0x04, 4, 0xffffffff }, { 0x08, 2, 0xffff },	  { 0x0a, 2, 0xf07e },
		{ 0x16, 2, 0xffff },	 { 0x18, 4, 0xffffffff }, { 0x1c, 4, 0xf001ffff },
		{ 0x28, 4, 0xffffffff }, { 0x2c, 4, 0xf001ffff }, { 0x38, 2, 0x001f },
	};
	struct device d;
	unsigned int i;

	(void)state;
	start(&d, &cxl_device, LENGTH);
	for (i = 0; i < sizeof(regs) / sizeof(regs[0]); i++) {
		hw_set(&d, regs[i].offset, regs[i].size, regs[i].value);
		assert_int_equal(rd(&d, regs[i].offset, regs[i].size), regs[i].value);
		hw_set(&d, regs[i].offset, regs[i].size, 0);
		assert_int_equal(rd(&d, regs[i].offset, regs[i].size), 0);
	}
}

static void cxl_reset_capability_timeout_and_mem_clr_are_hidden(void **state)
{
	struct device d;

	(void)state;
	start(&d, &cxl_device, LENGTH);
	hw_set(&d, 0x0a, 2, 0xffff);
	assert_int_equal(rd(&d, 0x0a, 2), 0xf07f);
	assert_int_equal(rd(&d, 0x0b, 1), 0xf0);
}

static void writes_to_read_only_registers_change_nothing(void **state)
{
	static const unsigned int dwords[] = { 0x04, 0x08, 0x18, 0x1c, 0x28, 0x2c, 0x38 };
	unsigned int i, k, size;
	struct device d;

	(void)state;
	start(&d, &cxl_device, LENGTH);
	for (i = 0; i < sizeof(dwords) / sizeof(dwords[0]); i++) {
		for (size = 1; size <= 4; size *= 2) {
			for (k = 0; k < 4; k += size) {
				wr(&d, dwords[i] + k, size, mask_of(size));
				assert_string_equal(d.written, "");
				wr(&d, dwords[i] + k, size, 0);
				assert_string_equal(d.written, "");
			}
		}
	}
	assert_view(&d, at_open);
	assert_int_equal(wr(&d, 0x18, 4, 0xffffffff), DENIED);
	assert_int_equal(d.out.refused, 0xfffffffe);
	assert_int_equal(wr(&d, 0x18, 4, 0x00000001), DONE);
}

/* ---- CONTROL ---- */

static void control_takes_4fff_of_ffff_without_p2p(void **state)
{
	struct device d;

	(void)state;
	start(&d, &cxl_device, LENGTH);
	assert_int_equal(wr(&d, 0x0c, 2, 0xffff), DONE);
	assert_int_equal(rd(&d, 0x0c, 2), 0x4fff);
	assert_string_equal(d.written, "");
}

static void control_takes_5fff_of_ffff_with_p2p_capable(void **state)
{
	struct device d;

	(void)state;
	start(&d, &cxl_device, LENGTH);
	cap3(&d, 0x0010);
	assert_int_equal(wr(&d, 0x0c, 2, 0xffff), DONE);
	assert_int_equal(rd(&d, 0x0c, 2), 0x5fff);
	assert_string_equal(d.written, "");
}

static void conditional_bits_follow_what_the_guest_sees_not_the_hardware(void **state)
{
	struct cxl_policy policy = cxl_device;
	unsigned int first = policy.dvsecs[cxl_engine_find(&policy, 0x1e98, 0)].first_rule;
	struct device d;

	(void)state;
	/* Hide Direct_P2P_Mem_Capable, show the configurability of CAPABILITY3 */
	policy.rules[first + 14].hw &= ~0x18;
	policy.rules[first + 14].value &= ~0x18;
	policy.rules[first + 14].value |= 0x08;
	start(&d, &policy, LENGTH);
	hw_set(&d, 0x38, 2, 0x0010);
	take_over(&d, &policy);
	assert_int_equal(rd(&d, 0x38, 2), 0x0008);
	wr(&d, 0x0c, 2, 0xffff);
	assert_int_equal(rd(&d, 0x0c, 2), 0x4fff);
	wr(&d, 0x10, 2, 0x0010);
	assert_int_equal(rd(&d, 0x10, 2), 0x0010);
}

static void control_io_enable_is_always_1(void **state)
{
	struct device d;

	(void)state;
	start(&d, &cxl_device, LENGTH);
	assert_int_equal(wr(&d, 0x0c, 2, 0x0004), DENIED);
	assert_int_equal(d.out.refused, 0x0002);
	assert_int_equal(d.out.flags, CXL_EVENT_REFUSED);
	assert_int_equal(rd(&d, 0x0c, 2), 0x0006);
	assert_int_equal(wr(&d, 0x0c, 1, 0x00), DENIED);
	assert_int_equal(rd(&d, 0x0c, 2), 0x0002);
}

static void reserved_bits_are_dropped_in_silence(void **state)
{
	struct device d;

	(void)state;
	start(&d, &cxl_device, LENGTH);
	assert_int_equal(wr(&d, 0x0c, 2, 0xb002), DONE);
	assert_int_equal(d.out.flags, 0);
	assert_int_equal(rd(&d, 0x0c, 2), 0x0002);
	assert_int_equal(wr(&d, 0x14, 2, 0xfffe), DONE);
	assert_int_equal(d.out.flags, 0);
	assert_int_equal(rd(&d, 0x14, 2), 0x0000);
	assert_int_equal(wr(&d, 0x24, 4, 0x0fffffff), DONE);
	assert_int_equal(d.out.flags, 0);
	assert_int_equal(rd(&d, 0x24, 4), 0x00000000);
	assert_int_equal(wr(&d, 0x11, 1, 0xff), DONE);
	assert_int_equal(d.out.flags, 0);
	assert_int_equal(rd(&d, 0x10, 2), 0x0000);
	assert_int_equal(wr(&d, 0x0e, 2, 0xbfff), DONE);
	assert_int_equal(d.out.flags, 0);
	assert_int_equal(rd(&d, 0x0e, 2), 0x0000);
	assert_int_equal(wr(&d, 0x34, 4, 0x0fffffff), DONE);
	assert_int_equal(d.out.flags, 0);
	assert_int_equal(rd(&d, 0x34, 4), 0x00000000);
	assert_int_equal(wr(&d, 0x10, 2, 0xffc0), DONE);
	assert_int_equal(d.out.flags & CXL_EVENT_DENIED, 0);
	assert_int_equal(rd(&d, 0x10, 2), 0x0000);
	assert_int_equal(wr(&d, 0x12, 2, 0x7ff0), DONE);
	assert_int_equal(d.out.flags, 0);
	assert_int_equal(wr(&d, 0x1c, 4, 0x2ffe254b), DONE);
	assert_int_equal(d.out.flags, 0);
	assert_int_equal(wr(&d, 0x2c, 4, 0x4fff464b), DONE);
	assert_int_equal(d.out.flags, 0);
	assert_int_equal(wr(&d, 0x38, 2, 0xffe7), DONE);
	assert_int_equal(d.out.flags, 0);
}

static void writing_0_to_status_and_initiate_bits_means_nothing(void **state)
{
	const struct cxl_policy policy = with_reset(CXL_RESET_EMULATE);
	struct device d;

	(void)state;
	start(&d, &policy, LENGTH);
	hw_set(&d, 0x38, 2, 0x0008);
	hw_set(&d, 0x0e, 2, 0x4000);
	hw_set(&d, 0x10, 4, 0x80090000);
	take_over(&d, &policy);
	wr(&d, 0x10, 2, 0x0004);
	assert_int_equal(rd(&d, 0x12, 2), 0x800b);
	assert_int_equal(wr(&d, 0x10, 4, 0x00000000), DONE);
	assert_int_equal(d.out.flags & CXL_EVENT_DENIED, 0);
	assert_int_equal(wr(&d, 0x0c, 4, 0x00000002), DONE);
	assert_int_equal(d.out.flags & CXL_EVENT_DENIED, 0);
	assert_int_equal(rd(&d, 0x12, 2), 0x800b);
	assert_int_equal(rd(&d, 0x0e, 2), 0x4000);
}

static void byte_writes_of_control_keep_the_other_byte(void **state)
{
	struct device d;

	(void)state;
	start(&d, &cxl_device, LENGTH);
	wr(&d, 0x0d, 1, 0x4a);
	assert_int_equal(rd(&d, 0x0c, 2), 0x4a02);
	wr(&d, 0x0c, 1, 0x57);
	assert_int_equal(rd(&d, 0x0c, 2), 0x4a57);
	wr(&d, 0x0d, 1, 0x00);
	assert_int_equal(rd(&d, 0x0c, 2), 0x0057);
	assert_int_equal(rd(&d, 0x0d, 1), 0x00);
}

static void dword_write_at_0c_reaches_control_and_status(void **state)
{
	struct device d;

	(void)state;
	start(&d, &cxl_device, LENGTH);
	hw_set(&d, 0x0e, 2, 0x4000);
	assert_int_equal(rd(&d, 0x0c, 4), 0x40000002);
	wr(&d, 0x0c, 4, 0x40004abe);
	assert_int_equal(rd(&d, 0x0c, 4), 0x00004abe);
	assert_string_equal(d.written, "");
}

/* ---- range bases ---- */

static void range_bases_read_back_what_the_guest_wrote(void **state)
{
	struct device d;

	(void)state;
	start(&d, &cxl_device, LENGTH);
	assert_int_equal(wr(&d, 0x20, 4, 0xffffffff), DONE);
	assert_int_equal(wr(&d, 0x24, 4, 0xffffffff), DONE);
	assert_int_equal(wr(&d, 0x30, 4, 0xffffffff), DONE);
	assert_int_equal(wr(&d, 0x34, 4, 0xa0000000), DONE);
	assert_int_equal(rd(&d, 0x20, 4), 0xffffffff);
	assert_int_equal(rd(&d, 0x24, 4), 0xf0000000);
	assert_int_equal(rd(&d, 0x30, 4), 0xffffffff);
	assert_int_equal(rd(&d, 0x34, 4), 0xa0000000);
	assert_memory_equal(d.hw, hardware, sizeof(hardware));
}

static void partial_writes_of_range_bases_change_their_bytes_alone(void **state)
{
	struct device d;

	(void)state;
	start(&d, &cxl_device, LENGTH);
	wr(&d, 0x20, 4, 0x11223344);
	wr(&d, 0x30, 4, 0x55667788);
	wr(&d, 0x20, 1, 0xa0);
	assert_int_equal(rd(&d, 0x20, 4), 0x112233a0);
	wr(&d, 0x21, 1, 0xa1);
	assert_int_equal(rd(&d, 0x20, 4), 0x1122a1a0);
	wr(&d, 0x22, 1, 0xa2);
	assert_int_equal(rd(&d, 0x20, 4), 0x11a2a1a0);
	wr(&d, 0x23, 1, 0xa3);
	assert_int_equal(rd(&d, 0x20, 4), 0xa3a2a1a0);
	wr(&d, 0x20, 2, 0xb1b0);
	assert_int_equal(rd(&d, 0x20, 4), 0xa3a2b1b0);
	wr(&d, 0x22, 2, 0xb3b2);
	assert_int_equal(rd(&d, 0x20, 4), 0xb3b2b1b0);
	wr(&d, 0x27, 1, 0xff);
	assert_int_equal(rd(&d, 0x24, 4), 0xf0000000);
	wr(&d, 0x26, 2, 0x7fff);
	assert_int_equal(rd(&d, 0x24, 4), 0x70000000);
	wr(&d, 0x24, 2, 0xffff);
	assert_int_equal(rd(&d, 0x24, 4), 0x70000000);
	wr(&d, 0x37, 1, 0x50);
	assert_int_equal(rd(&d, 0x34, 4), 0x50000000);
	assert_int_equal(rd(&d, 0x30, 4), 0x55667788);
	assert_memory_equal(d.hw, hardware, sizeof(hardware));
}

/* ---- LOCK ---- */

static void config_lock_freezes_control_and_the_range_bases_at_every_width(void **state)
{
	static const struct {
		unsigned int offset, size;
		uint32_t value;
	} regs[] = {
		{ 0x0c, 2, 0x4a56 },	 { 0x20, 4, 0x01234567 }, { 0x24, 4, 0xa0000000 },
		{ 0x30, 4, 0x89abcdef }, { 0x34, 4, 0x50000000 },
	};
	unsigned int i, size, k;
	struct device d;

	(void)state;
	start(&d, &cxl_device, LENGTH);
	for (i = 0; i < 5; i++)
		wr(&d, regs[i].offset, regs[i].size, regs[i].value);
	assert_int_equal(wr(&d, 0x14, 2, 0x0001), DONE);
	/* The compliance test of the specification writes inverted values */
	for (i = 0; i < 5; i++) {
		for (size = 1; size <= regs[i].size; size *= 2) {
			for (k = 0; k < regs[i].size; k += size) {
				wr(&d, regs[i].offset + k, size,
				   ~regs[i].value >> (8 * k) & mask_of(size));
				assert_int_equal(rd(&d, regs[i].offset, regs[i].size),
						 regs[i].value);
			}
		}
	}
	wr(&d, 0x0c, 4, 0xffffffff);
	assert_int_equal(rd(&d, 0x0c, 2), 0x4a56);
	assert_memory_equal(d.hw, hardware, sizeof(hardware));
}

static void config_lock_freezes_direct_p2p_mem_enable_too(void **state)
{
	struct device d;

	(void)state;
	start(&d, &cxl_device, LENGTH);
	cap3(&d, 0x0010);
	wr(&d, 0x14, 2, 0x0001);
	assert_int_equal(wr(&d, 0x0c, 2, 0x1002), DENIED);
	assert_int_equal(d.out.refused, 0x1000);
	assert_int_equal(rd(&d, 0x0c, 2), 0x0002);
}

static void a_write_of_locked_bits_is_denied_with_an_event(void **state)
{
	struct device d;

	(void)state;
	start(&d, &cxl_device, LENGTH);
	wr(&d, 0x0c, 2, 0x0006);
	wr(&d, 0x14, 1, 0x01);
	assert_int_equal(wr(&d, 0x0c, 2, 0x4007), DENIED);
	assert_int_equal(d.out.refused, 0x4001);
	assert_int_equal(d.out.flags & CXL_EVENT_LOCKED, CXL_EVENT_LOCKED);
	assert_int_equal(wr(&d, 0x20, 4, 0x80000001), DENIED);
	assert_int_equal(d.out.refused, 0x80000001);
	/* What changes nothing is not refused */
	assert_int_equal(wr(&d, 0x0c, 2, 0x0006), DONE);
	assert_int_equal(d.out.flags, 0);
	assert_int_equal(wr(&d, 0x24, 4, 0x0fffffff), DONE);
}

static void config_lock_does_not_freeze_control2(void **state)
{
	struct device d;

	(void)state;
	start(&d, &cxl_device, LENGTH);
	wr(&d, 0x14, 2, 0x0001);
	assert_int_equal(wr(&d, 0x10, 2, 0x0009), DONE);
	assert_string_equal(d.written, "10=01 ");
	assert_int_equal(rd(&d, 0x10, 2), 0x0009);
}

static void config_lock_stays_set_whatever_is_written(void **state)
{
	struct device d;

	(void)state;
	start(&d, &cxl_device, LENGTH);
	wr(&d, 0x15, 1, 0xff);
	assert_int_equal(rd(&d, 0x14, 2), 0x0000);
	assert_int_equal(wr(&d, 0x14, 4, 0xffffffff), DENIED);
	assert_int_equal(rd(&d, 0x14, 4), 0x12850001);
	assert_int_equal(wr(&d, 0x14, 2, 0x0000), DENIED);
	assert_int_equal(d.out.refused, 0x0001);
	assert_int_equal(rd(&d, 0x14, 2), 0x0001);
	wr(&d, 0x14, 1, 0x00);
	wr(&d, 0x14, 4, 0x00000000);
	assert_int_equal(rd(&d, 0x14, 4), 0x12850001);
	assert_int_equal(wr(&d, 0x14, 2, 0xffff), DONE);
	assert_memory_equal(d.hw, hardware, sizeof(hardware));
}

static void the_hosts_lock_does_not_lock_the_guest(void **state)
{
	struct device d;

	(void)state;
	start(&d, &cxl_device, LENGTH);
	assert_int_equal(d.hw[0x14], 1);
	wr(&d, 0x20, 4, 0x12345678);
	assert_int_equal(rd(&d, 0x20, 4), 0x12345678);
}

/* ---- STATUS ---- */

static void viral_status_is_acknowledged_in_the_shadow_and_never_forwarded(void **state)
{
	struct device d;

	(void)state;
	start(&d, &cxl_device, LENGTH);
	hw_set(&d, 0x0e, 2, 0x4000);
	assert_int_equal(rd(&d, 0x0e, 2), 0x4000);
	assert_int_equal(rd(&d, 0x0f, 1), 0x40);
	assert_int_equal(wr(&d, 0x0e, 2, 0x4000), DONE);
	assert_int_equal(d.asked, 1);
	assert_string_equal(d.written, "");
	assert_int_equal(rd(&d, 0x0e, 2), 0x0000);
	assert_int_equal(rd(&d, 0x0f, 1), 0x00);
	assert_int_equal(rd(&d, 0x0c, 4), 0x00000002);
	/* The hardware clears it, the guest sees that, and then a new one comes */
	hw_set(&d, 0x0e, 2, 0x0000);
	assert_int_equal(rd(&d, 0x0e, 2), 0x0000);
	hw_set(&d, 0x0e, 2, 0x4000);
	assert_int_equal(rd(&d, 0x0e, 2), 0x4000);
}

static void viral_status_is_cleared_by_writing_1_alone(void **state)
{
	struct device d;

	(void)state;
	start(&d, &cxl_device, LENGTH);
	hw_set(&d, 0x0e, 2, 0x4000);
	wr(&d, 0x0e, 2, 0x0000);
	wr(&d, 0x0e, 2, 0xbfff);
	wr(&d, 0x0e, 1, 0xff);
	wr(&d, 0x0c, 2, 0xffff);
	assert_int_equal(rd(&d, 0x0e, 2), 0x4000);
	wr(&d, 0x0f, 1, 0x40);
	assert_int_equal(rd(&d, 0x0e, 2), 0x0000);
	assert_memory_equal(d.hw + 0x0e, "\x00\x40", 2);
}

static void acknowledging_a_viral_status_that_is_not_there_hides_no_later_one(void **state)
{
	struct device d;

	(void)state;
	start(&d, &cxl_device, LENGTH);
	wr(&d, 0x0e, 2, 0x4000);
	hw_set(&d, 0x0e, 2, 0x4000);
	assert_int_equal(rd(&d, 0x0e, 2), 0x4000);
}

/* ---- CONTROL2 ---- */

static void disable_caching_reaches_the_hardware_both_ways_as_one_byte(void **state)
{
	struct device d;

	(void)state;
	start(&d, &cxl_device, LENGTH);
	assert_int_equal(wr(&d, 0x10, 2, 0x0001), DONE);
	assert_string_equal(d.written, "10=01 ");
	assert_int_equal(d.out.hw_undo, 0x01);
	assert_int_equal(rd(&d, 0x10, 2), 0x0001);
	assert_int_equal(wr(&d, 0x10, 4, 0x00000000), DONE);
	assert_string_equal(d.written, "10=00 ");
	assert_int_equal(rd(&d, 0x10, 2), 0x0000);
	assert_int_equal(wr(&d, 0x10, 1, 0x01), DONE);
	assert_string_equal(d.written, "10=01 ");
}

static void a_forwarded_write_keeps_its_neighbours_as_the_hardware_has_them(void **state)
{
	struct device d;

	(void)state;
	start(&d, &cxl_device, LENGTH);
	hw_set(&d, 0x10, 2, 0xff78);
	take_over(&d, &cxl_device);
	wr(&d, 0x10, 2, 0x0001);
	assert_string_equal(d.written, "10=79 ");
	wr(&d, 0x10, 2, 0x0008);
	assert_string_equal(d.written, "10=78 ");
	assert_int_equal(rd(&d, 0x10, 2), 0x0008);
}

static void initiate_bits_that_stick_in_the_hardware_are_not_written_back(void **state)
{
	struct device d;

	(void)state;
	start(&d, &cxl_device, LENGTH);
	hw_set(&d, 0x10, 1, 0x06);
	take_over(&d, &cxl_device);
	wr(&d, 0x10, 2, 0x0001);
	assert_string_equal(d.written, "10=01 ");
}

static void wbi_is_forwarded_where_the_same_write_disables_caching(void **state)
{
	struct device d;

	(void)state;
	start(&d, &cxl_device, LENGTH);
	assert_int_equal(wr(&d, 0x10, 2, 0x0003), DONE);
	assert_string_equal(d.written, "10=03 ");
	assert_int_equal(d.out.hw_undo & 0x01, 0x01);
	settle(&d);
	assert_int_equal(rd(&d, 0x10, 2), 0x0001);
	/* Once more, as its read-modify-write */
	assert_int_equal(wr(&d, 0x10, 1, 0x03), DONE);
	assert_string_equal(d.written, "10=03 ");
}

static void wbi_is_dropped_where_caching_is_on_after_the_write(void **state)
{
	struct device d;

	(void)state;
	start(&d, &cxl_device, LENGTH);
	assert_int_equal(wr(&d, 0x10, 2, 0x0002), DENIED);
	assert_int_equal(d.out.refused, 0x0002);
	assert_int_equal(d.out.flags & CXL_EVENT_DENIED, CXL_EVENT_WBI_DROPPED);
	assert_int_equal(d.hw[0x10], 0x00);
	wr(&d, 0x10, 2, 0x0001);
	/* Disable_Caching is 0 after this one */
	assert_int_equal(wr(&d, 0x10, 2, 0x0002), DENIED);
	assert_string_equal(d.written, "10=00 ");
	assert_int_equal(rd(&d, 0x10, 2), 0x0000);
}

static void initiate_bits_read_0_so_a_read_modify_write_triggers_nothing(void **state)
{
	struct device d;
	uint32_t value;

	(void)state;
	start(&d, &cxl_device, LENGTH);
	wr(&d, 0x10, 2, 0x0007);
	hw_set(&d, 0x10, 1, 0x07);
	value = rd(&d, 0x10, 2);
	assert_int_equal(value, 0x0001);
	wr(&d, 0x10, 2, value | 0x0008);
	assert_string_equal(d.written, "10=01 ");
}

static void control2_all_ones_takes_what_the_capabilities_allow(void **state)
{
	struct device d;

	(void)state;
	start(&d, &cxl_device, LENGTH);
	wr(&d, 0x10, 2, 0xffff);
	assert_string_equal(d.written, "10=03 ");
	assert_int_equal(rd(&d, 0x10, 2), 0x0009);

	start(&d, &cxl_device, LENGTH);
	cap3(&d, 0x0008);
	wr(&d, 0x10, 2, 0xffff);
	assert_string_equal(d.written, "10=03 ");
	assert_int_equal(rd(&d, 0x10, 2), 0x0019);

	start(&d, &cxl_device, LENGTH);
	hw_set(&d, 0x16, 2, 0x0040);
	take_over(&d, &cxl_device);
	wr(&d, 0x10, 2, 0xffff);
	assert_string_equal(d.written, "10=03 ");
	assert_int_equal(rd(&d, 0x10, 2), 0x0029);
}

static void the_upper_byte_of_control2_reaches_nothing(void **state)
{
	struct device d;

	(void)state;
	start(&d, &cxl_device, LENGTH);
	wr(&d, 0x10, 2, 0x0001);
	wr(&d, 0x11, 1, 0xff);
	assert_string_equal(d.written, "");
	assert_int_equal(rd(&d, 0x10, 2), 0x0001);
}

/* ---- STATUS2 ---- */

static void status2_merges_shadow_and_hardware(void **state)
{
	struct device d;

	(void)state;
	start(&d, &cxl_device, LENGTH);
	cap3(&d, 0x0008);
	hw_set(&d, 0x12, 2, 0x800f);
	assert_int_equal(rd(&d, 0x12, 2), 0x8009);
	assert_int_equal(rd(&d, 0x10, 4), 0x80090000);
	hw_set(&d, 0x12, 2, 0x0006);
	assert_int_equal(rd(&d, 0x12, 2), 0x0000);
	assert_int_equal(rd(&d, 0x12, 1), 0x00);
	assert_int_equal(rd(&d, 0x13, 1), 0x00);
}

static void preservation_error_is_cleared_in_hardware_with_capability3_3(void **state)
{
	struct device d;

	(void)state;
	start(&d, &cxl_device, LENGTH);
	cap3(&d, 0x0008);
	hw_set(&d, 0x12, 2, 0x0008);
	assert_int_equal(wr(&d, 0x12, 2, 0x0000), DONE);
	assert_string_equal(d.written, "");
	assert_int_equal(wr(&d, 0x12, 2, 0x0008), DONE);
	assert_string_equal(d.written, "12=08 ");
	assert_int_equal(d.out.hw_undo, 0);
	hw_set(&d, 0x12, 2, 0x0008);
	wr(&d, 0x12, 1, 0x08);
	assert_string_equal(d.written, "12=08 ");
	hw_set(&d, 0x12, 2, 0x0008);
	wr(&d, 0x10, 4, 0x00080003);
	assert_string_equal(d.written, "10=03 12=08 ");
	settle(&d);
	/* Writing CONTROL2 alone must not clear it */
	hw_set(&d, 0x12, 2, 0x0008);
	wr(&d, 0x10, 4, 0x00000001);
	assert_string_equal(d.written, "10=01 ");
	wr(&d, 0x10, 2, 0xffff);
	assert_string_equal(d.written, "10=03 ");
}

static void preservation_error_is_reserved_without_capability3_3(void **state)
{
	struct device d;

	(void)state;
	start(&d, &cxl_device, LENGTH);
	hw_set(&d, 0x12, 2, 0x8009);
	assert_int_equal(rd(&d, 0x12, 2), 0x8001);
	assert_int_equal(wr(&d, 0x12, 2, 0x0008), DONE);
	assert_int_equal(d.out.flags, 0);
	assert_string_equal(d.written, "");
	wr(&d, 0x10, 4, 0x00080000);
	assert_string_equal(d.written, "10=00 ");
}

/* ---- CXL Reset ---- */

static void initiate_reset_is_dropped_with_an_event_where_it_is_hidden(void **state)
{
	struct device d;

	(void)state;
	start(&d, &cxl_device, LENGTH);
	wr(&d, 0x0c, 2, 0x0006);
	assert_int_equal(wr(&d, 0x10, 2, 0x0005), DENIED);
	assert_int_equal(d.out.refused, 0x0004);
	assert_int_equal(d.out.flags & CXL_EVENT_DENIED, CXL_EVENT_RESET_DROPPED);
	assert_string_equal(d.written, "10=01 ");
	assert_int_equal(rd(&d, 0x10, 4), 0x80010001);
	assert_int_equal(rd(&d, 0x0c, 2), 0x0006);
}

static void reject_answers_initiate_reset_with_reset_error(void **state)
{
	const struct cxl_policy policy = with_reset(CXL_RESET_REJECT);
	struct device d;

	(void)state;
	start(&d, &policy, LENGTH);
	assert_int_equal(rd(&d, 0x0a, 2), 0xdade);
	wr(&d, 0x0c, 2, 0x0006);
	assert_int_equal(wr(&d, 0x10, 2, 0x0004), DENIED);
	assert_int_equal(d.out.flags & CXL_EVENT_DENIED, CXL_EVENT_RESET_REJECTED);
	assert_int_equal(rd(&d, 0x12, 2), 0x8005);
	assert_int_equal(rd(&d, 0x10, 2), 0x0000);
	assert_int_equal(rd(&d, 0x0c, 2), 0x0006);
	assert_int_equal(d.hw[0x10] & 0x04, 0);
}

static void emulate_gives_open_values_but_keeps_lock_locked_and_sticky_bits(void **state)
{
	const struct cxl_policy policy = with_reset(CXL_RESET_EMULATE);
	struct device d;

	(void)state;
	start(&d, &policy, LENGTH);
	hw_set(&d, 0x38, 2, 0x0008);
	hw_set(&d, 0x0e, 2, 0x4000);
	take_over(&d, &policy);
	wr(&d, 0x0e, 2, 0x4000);
	wr(&d, 0x0c, 2, 0x4a56);
	wr(&d, 0x20, 4, 0x01234567);
	wr(&d, 0x34, 4, 0xa0000000);
	wr(&d, 0x10, 2, 0x0019);
	assert_int_equal(rd(&d, 0x10, 2), 0x0019);
	assert_int_equal(wr(&d, 0x10, 2, 0x001d), DONE);
	assert_int_equal(d.out.flags & CXL_EVENT_RESET_EMULATED, CXL_EVENT_RESET_EMULATED);
	assert_string_equal(d.written, "10=00 ");
	assert_int_equal(rd(&d, 0x12, 2), 0x8003);
	assert_int_equal(rd(&d, 0x10, 2), 0x0010);
	assert_int_equal(rd(&d, 0x0c, 2), 0x0002);
	assert_int_equal(rd(&d, 0x0e, 2), 0x0000);
	assert_int_equal(rd(&d, 0x20, 4), 0x00000000);
	assert_int_equal(rd(&d, 0x34, 4), 0x00000000);

	wr(&d, 0x0c, 2, 0x4a56);
	wr(&d, 0x20, 4, 0x01234567);
	wr(&d, 0x14, 2, 0x0001);
	wr(&d, 0x10, 2, 0x0004);
	assert_int_equal(rd(&d, 0x14, 2), 0x0001);
	assert_int_equal(rd(&d, 0x0c, 2), 0x4a56);
	assert_int_equal(rd(&d, 0x20, 4), 0x01234567);
	assert_int_equal(rd(&d, 0x12, 2), 0x8003);
}

static void an_emulated_reset_ends_disable_caching_so_a_wbi_beside_it_is_dropped(void **state)
{
	const struct cxl_policy policy = with_reset(CXL_RESET_EMULATE);
	struct device d;

	(void)state;
	start(&d, &policy, LENGTH);
	assert_int_equal(wr(&d, 0x10, 2, 0x0007), DENIED);
	assert_int_equal(d.out.refused, 0x0002);
	assert_int_equal(d.out.flags & CXL_EVENT_DENIED, CXL_EVENT_WBI_DROPPED);
	assert_int_equal(d.out.flags & CXL_EVENT_RESET_EMULATED, CXL_EVENT_RESET_EMULATED);
	assert_string_equal(d.written, "10=00 ");
	assert_int_equal(rd(&d, 0x10, 4), 0x80030000);
}

static void a_capability_that_has_no_rule_is_not_there(void **state)
{
	struct cxl_policy policy = cxl_device;
	struct cxl_rule *rule =
		(struct cxl_rule *)cxl_engine_rule(&policy, cxl_engine_find(&policy, 0x1e98, 0), 8);
	struct device d;

	(void)state;
	/* Of Range 1 Base High, bit 1 alone depends on it */
	rule->nr_conds = 1;
	rule->conds[0] = (struct cxl_cond){
		.bits = 0x2,
		.cap_mask = 0x1,
		.cap_rule = CXL_POLICY_MAX_RULES - 1,
	};
	start(&d, &policy, LENGTH);
	assert_int_equal(wr(&d, 0x20, 4, 0x00000001), DONE);
	assert_int_equal(wr(&d, 0x20, 4, 0x00000006), DENIED);
	assert_int_equal(d.out.refused, 0x00000002);
	assert_int_equal(rd(&d, 0x20, 4), 0x00000004);
}

static void a_reset_is_one_without_anything_forwarded_or_conditional_beside_it(void **state)
{
	struct cxl_policy policy = with_reset(CXL_RESET_EMULATE);
	struct cxl_rule *rule =
		(struct cxl_rule *)cxl_engine_rule(&policy, cxl_engine_find(&policy, 0x1e98, 0), 4);
	struct device d;

	(void)state;
	rule->fwd = rule->fwd1 = rule->wbi = 0;
	rule->nr_conds = 0;
	memset(rule->conds, 0, sizeof(rule->conds));
	start(&d, &policy, LENGTH);
	wr(&d, 0x0c, 2, 0x4a56);
	wr(&d, 0x10, 2, 0x0004);
	assert_int_equal(d.out.flags & CXL_EVENT_RESET_EMULATED, CXL_EVENT_RESET_EMULATED);
	assert_int_equal(rd(&d, 0x0c, 2), 0x0002);
}

static void an_emulated_reset_ends_with_its_dvsec(void **state)
{
	const struct cxl_policy policy = with_reset(CXL_RESET_EMULATE);
	struct cxl_shadow_dword *next;
	struct device d;

	(void)state;
	start(&d, &policy, 0x20);
	/* Another one begins there */
	next = &d.shadow.dwords[(START + 0x20) / 4];
	next[0].value = 0x12345678;
	next[1].value = 0xa0000000;
	wr(&d, 0x0c, 2, 0x4a56);
	assert_int_equal(wr(&d, 0x10, 2, 0x0004), DONE);
	assert_int_equal(rd(&d, 0x0c, 2), 0x0002);
	assert_int_equal(next[0].value, 0x12345678);
	assert_int_equal(next[1].value, 0xa0000000);
}

static void initiating_a_reset_clears_the_outcome_of_the_last_one(void **state)
{
	struct cxl_policy policy = with_reset(CXL_RESET_REJECT);
	struct device d;

	(void)state;
	start(&d, &policy, LENGTH);
	wr(&d, 0x10, 2, 0x0004);
	assert_int_equal(rd(&d, 0x12, 2), 0x8005);
	policy = with_reset(CXL_RESET_EMULATE);
	take_over(&d, &policy);
	wr(&d, 0x10, 2, 0x0004);
	assert_int_equal(rd(&d, 0x12, 2), 0x8003);
	policy = with_reset(CXL_RESET_REJECT);
	take_over(&d, &policy);
	wr(&d, 0x10, 1, 0x04);
	assert_int_equal(rd(&d, 0x12, 2), 0x8005);
}

/* ---- lengths ---- */

static void capability3_is_absent_in_a_dvsec_of_0x38_bytes(void **state)
{
	struct device d;

	(void)state;
	start(&d, &cxl_device, 0x38);
	/* Whatever lies behind the DVSEC is none of its business */
	hw_set(&d, 0x38, 4, 0xffffffff);
	take_over(&d, &cxl_device);
	assert_int_equal(rd(&d, 0x38, 4), 0x00000000);
	assert_int_equal(rd(&d, 0x38, 2), 0x0000);
	assert_int_equal(rd(&d, 0x39, 1), 0x00);
	wr(&d, 0x38, 4, 0x00000000);
	assert_string_equal(d.written, "");
	wr(&d, 0x0c, 2, 0xffff);
	assert_int_equal(rd(&d, 0x0c, 2), 0x4fff);
	wr(&d, 0x10, 2, 0x0010);
	assert_int_equal(rd(&d, 0x10, 2), 0x0000);
	wr(&d, 0x34, 4, 0xf0000000);
	assert_int_equal(rd(&d, 0x34, 4), 0xf0000000);
}

static void a_dvsec_of_length_0_is_dead_not_raw(void **state)
{
	unsigned int offset;
	struct device d;

	(void)state;
	start(&d, &cxl_device, 0);
	for (offset = 4; offset < LENGTH; offset += 4) {
		wr(&d, offset, 4, 0xffffffff);
		assert_string_equal(d.written, "");
		assert_int_equal(rd(&d, offset, 4), 0);
	}
	assert_memory_equal(d.hw, hardware, sizeof(hardware));
}

static void registers_behind_a_short_length_are_dead_not_raw(void **state)
{
	struct device d;

	(void)state;
	start(&d, &cxl_device, 0x10);
	wr(&d, 0x0c, 2, 0xffff);
	assert_int_equal(rd(&d, 0x0c, 2), 0x4fff);
	wr(&d, 0x10, 2, 0x0003);
	assert_string_equal(d.written, "");
	wr(&d, 0x20, 4, 0xffffffff);
	assert_int_equal(rd(&d, 0x10, 4), 0);
	assert_int_equal(rd(&d, 0x18, 4), 0);
	assert_int_equal(rd(&d, 0x20, 4), 0);

	start(&d, &cxl_device, 0x0d);
	wr(&d, 0x0c, 4, 0xffffffff);
	assert_int_equal(rd(&d, 0x0c, 4), 0x000000ff);
	assert_memory_equal(d.hw, hardware, sizeof(hardware));
}

static void other_cxl_dvsecs_are_read_only(void **state)
{
	static const uint16_t ids[] = { 3, 4, 5, 7, 8, 9, 10, 0xffff };
	unsigned int i, offset;
	struct device d;

	(void)state;
	for (i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		start(&d, &cxl_device, LENGTH);
		d.id = ids[i];
		memset(&d.shadow, 0, sizeof(d.shadow));
		take_over(&d, &cxl_device);
		for (offset = 4; offset < LENGTH; offset += 4) {
			assert_int_equal(rd(&d, offset, 4), hw_read(&d, offset, 4));
			assert_int_equal(wr(&d, offset, 4, ~hw_read(&d, offset, 4)), DENIED);
			assert_string_equal(d.written, "");
			wr(&d, offset + 1, 1, 0xa5);
			wr(&d, offset + 2, 2, 0x5aa5);
		}
		assert_memory_equal(d.hw, hardware, sizeof(hardware));
	}
}

/* ---- resets, swaps, errors ---- */

static void write_everything(struct device *d)
{
	wr(d, 0x0e, 2, 0x4000);
	wr(d, 0x0c, 2, 0x4a56);
	wr(d, 0x10, 2, 0x0009);
	wr(d, 0x20, 4, 0x01234567);
	wr(d, 0x24, 4, 0xa0000000);
	wr(d, 0x30, 4, 0x89abcdef);
	wr(d, 0x34, 4, 0x50000000);
	wr(d, 0x14, 2, 0x0001);
}

/* What the guest then sees */
static void assert_everything(struct device *d)
{
	uint8_t want[LENGTH];

	memcpy(want, at_open, sizeof(want));
	memcpy(want + 0x0c, "\x56\x4a\x00\x00\x09\x00\x01\x80\x01\x00", 10);
	memcpy(want + 0x20, "\x67\x45\x23\x01\x00\x00\x00\xa0", 8);
	memcpy(want + 0x30, "\xef\xcd\xab\x89\x00\x00\x00\x50", 8);
	assert_view(d, want);
}

static void a_conventional_reset_gives_the_open_values_and_unlocks(void **state)
{
	struct device d;

	(void)state;
	start(&d, &cxl_device, LENGTH);
	write_everything(&d);
	assert_everything(&d);
	reset(&d, CONVENTIONAL);
	assert_view(&d, at_open);
	wr(&d, 0x0c, 2, 0x0006);
	assert_int_equal(rd(&d, 0x0c, 2), 0x0006);
	write_everything(&d);
	reset(&d, CONVENTIONAL | FUNCTION);
	assert_view(&d, at_open);
}

static void a_function_reset_changes_nothing(void **state)
{
	struct device d;

	(void)state;
	start(&d, &cxl_device, LENGTH);
	hw_set(&d, 0x0e, 2, 0x4000);
	write_everything(&d);
	reset(&d, FUNCTION);
	assert_everything(&d);
	wr(&d, 0x0c, 2, 0x0002);
	assert_everything(&d);
}

static void a_conventional_reset_forgets_an_acknowledged_viral_status(void **state)
{
	struct device d;

	(void)state;
	start(&d, &cxl_device, LENGTH);
	hw_set(&d, 0x0e, 2, 0x4000);
	wr(&d, 0x0e, 2, 0x4000);
	assert_int_equal(rd(&d, 0x0e, 2), 0x0000);
	reset(&d, CONVENTIONAL);
	assert_int_equal(rd(&d, 0x0e, 2), 0x4000);
}

static void a_policy_that_takes_over_keeps_the_state(void **state)
{
	struct device d;

	(void)state;
	start(&d, &cxl_device, LENGTH);
	hw_set(&d, 0x0e, 2, 0x4000);
	write_everything(&d);
	take_over(&d, &cxl_device);
	assert_everything(&d);
	take_over(&d, &read_only);
	assert_everything(&d);
	take_over(&d, &passthrough);
	take_over(&d, &cxl_device);
	/* Under passthrough the status was shown, and nobody knows how often it came */
	assert_int_equal(rd(&d, 0x0e, 2), 0x4000);
	wr(&d, 0x0e, 2, 0x4000);
	assert_everything(&d);
	wr(&d, 0x0c, 2, 0x0002);
	assert_everything(&d);
}

static void a_shadow_without_values_gives_no_verdict(void **state)
{
	static const unsigned int dwords[] = { 0x0c, 0x10, 0x14, 0x20, 0x24, 0x30, 0x34 };
	struct cxl_access access = { .start = START, .length = LENGTH, .size = 4 };
	struct cxl_outcome out;
	struct device d;
	unsigned int i;

	(void)state;
	start(&d, &cxl_device, LENGTH);
	memset(&d.shadow, 0, sizeof(d.shadow));
	for (i = 0; i < sizeof(dwords) / sizeof(dwords[0]); i++) {
		access.offset = dwords[i];
		access.value = 0xffffffff;
		memset(&out, 0, sizeof(out));
		assert_int_equal(cxl_engine_read(&d.policy, d.dvsec, &d.shadow, &access, &out),
				 VFIO_PCI_DVSEC_INVALID);
		memset(&out, 0, sizeof(out));
		assert_int_equal(cxl_engine_write(&d.policy, d.dvsec, &d.shadow, &access, &out),
				 VFIO_PCI_DVSEC_INVALID);
		assert_int_equal(out.hw_write, 0);
	}
}

/* ---- the other policies ---- */

static void policies_carry_their_names(void **state)
{
	static const char names[][CXL_POLICY_NAME_LEN] = { "cxl-device", "read-only",
							   "passthrough" };

	(void)state;
	assert_memory_equal(cxl_device.name, names[0], sizeof(names[0]));
	assert_memory_equal(read_only.name, names[1], sizeof(names[1]));
	assert_memory_equal(passthrough.name, names[2], sizeof(names[2]));
}

static void read_only_refuses_every_write_and_forwards_none(void **state)
{
	unsigned int offset, size;
	struct device d;

	(void)state;
	start(&d, &read_only, LENGTH);
	assert_view(&d, at_open);
	for (size = 1; size <= 4; size *= 2) {
		for (offset = 4; offset < LENGTH; offset += size) {
			wr(&d, offset, size, mask_of(size));
			assert_string_equal(d.written, "");
			wr(&d, offset, size, 0);
			assert_string_equal(d.written, "");
		}
	}
	assert_view(&d, at_open);
	assert_int_equal(wr(&d, 0x0c, 2, 0x0006), DENIED);
	assert_int_equal(wr(&d, 0x10, 2, 0x0001), DENIED);
	assert_int_equal(wr(&d, 0x14, 2, 0x0001), DENIED);
	assert_int_equal(wr(&d, 0x20, 4, 0x00000001), DENIED);
}

static void read_only_ignores_the_acknowledgement_of_viral_status(void **state)
{
	struct device d;

	(void)state;
	start(&d, &read_only, LENGTH);
	hw_set(&d, 0x0e, 2, 0x4000);
	wr(&d, 0x0e, 2, 0x4000);
	assert_string_equal(d.written, "");
	assert_int_equal(rd(&d, 0x0e, 2), 0x4000);
}

static void passthrough_reads_and_writes_the_hardware_as_it_is(void **state)
{
	unsigned int offset;
	struct device d;
	char want[64];

	(void)state;
	start(&d, &passthrough, LENGTH);
	for (offset = 4; offset < LENGTH; offset += 4) {
		assert_int_equal(rd(&d, offset, 4), hw_read(&d, offset, 4));
		assert_int_equal(wr(&d, offset, 4, 0xa4a3a2a1), DONE);
		snprintf(want, sizeof(want), "%02x=a1 %02x=a2 %02x=a3 %02x=a4 ", offset, offset + 1,
			 offset + 2, offset + 3);
		assert_string_equal(d.written, want);
		assert_int_equal(wr(&d, offset + 1, 1, 0x5a), DONE);
		snprintf(want, sizeof(want), "%02x=5a ", offset + 1);
		assert_string_equal(d.written, want);
	}
	assert_true(passthrough.flags & CXL_POLICY_RECORD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(at_open_nothing_of_the_hosts_state_is_seen_at_any_width),
		cmocka_unit_test(reserved_bits_of_the_hardware_do_not_show),
		cmocka_unit_test(read_only_registers_follow_the_hardware),
		cmocka_unit_test(cxl_reset_capability_timeout_and_mem_clr_are_hidden),
		cmocka_unit_test(writes_to_read_only_registers_change_nothing),
		cmocka_unit_test(control_takes_4fff_of_ffff_without_p2p),
		cmocka_unit_test(control_takes_5fff_of_ffff_with_p2p_capable),
		cmocka_unit_test(conditional_bits_follow_what_the_guest_sees_not_the_hardware),
		cmocka_unit_test(control_io_enable_is_always_1),
		cmocka_unit_test(reserved_bits_are_dropped_in_silence),
		cmocka_unit_test(writing_0_to_status_and_initiate_bits_means_nothing),
		cmocka_unit_test(byte_writes_of_control_keep_the_other_byte),
		cmocka_unit_test(dword_write_at_0c_reaches_control_and_status),
		cmocka_unit_test(range_bases_read_back_what_the_guest_wrote),
		cmocka_unit_test(partial_writes_of_range_bases_change_their_bytes_alone),
		cmocka_unit_test(config_lock_freezes_control_and_the_range_bases_at_every_width),
		cmocka_unit_test(config_lock_freezes_direct_p2p_mem_enable_too),
		cmocka_unit_test(a_write_of_locked_bits_is_denied_with_an_event),
		cmocka_unit_test(config_lock_does_not_freeze_control2),
		cmocka_unit_test(config_lock_stays_set_whatever_is_written),
		cmocka_unit_test(the_hosts_lock_does_not_lock_the_guest),
		cmocka_unit_test(viral_status_is_acknowledged_in_the_shadow_and_never_forwarded),
		cmocka_unit_test(viral_status_is_cleared_by_writing_1_alone),
		cmocka_unit_test(acknowledging_a_viral_status_that_is_not_there_hides_no_later_one),
		cmocka_unit_test(disable_caching_reaches_the_hardware_both_ways_as_one_byte),
		cmocka_unit_test(a_forwarded_write_keeps_its_neighbours_as_the_hardware_has_them),
		cmocka_unit_test(initiate_bits_that_stick_in_the_hardware_are_not_written_back),
		cmocka_unit_test(wbi_is_forwarded_where_the_same_write_disables_caching),
		cmocka_unit_test(wbi_is_dropped_where_caching_is_on_after_the_write),
		cmocka_unit_test(initiate_bits_read_0_so_a_read_modify_write_triggers_nothing),
		cmocka_unit_test(control2_all_ones_takes_what_the_capabilities_allow),
		cmocka_unit_test(the_upper_byte_of_control2_reaches_nothing),
		cmocka_unit_test(status2_merges_shadow_and_hardware),
		cmocka_unit_test(preservation_error_is_cleared_in_hardware_with_capability3_3),
		cmocka_unit_test(preservation_error_is_reserved_without_capability3_3),
		cmocka_unit_test(initiate_reset_is_dropped_with_an_event_where_it_is_hidden),
		cmocka_unit_test(reject_answers_initiate_reset_with_reset_error),
		cmocka_unit_test(emulate_gives_open_values_but_keeps_lock_locked_and_sticky_bits),
		cmocka_unit_test(
			an_emulated_reset_ends_disable_caching_so_a_wbi_beside_it_is_dropped),
		cmocka_unit_test(a_capability_that_has_no_rule_is_not_there),
		cmocka_unit_test(
			a_reset_is_one_without_anything_forwarded_or_conditional_beside_it),
		cmocka_unit_test(an_emulated_reset_ends_with_its_dvsec),
		cmocka_unit_test(initiating_a_reset_clears_the_outcome_of_the_last_one),
		cmocka_unit_test(capability3_is_absent_in_a_dvsec_of_0x38_bytes),
		cmocka_unit_test(a_dvsec_of_length_0_is_dead_not_raw),
		cmocka_unit_test(registers_behind_a_short_length_are_dead_not_raw),
		cmocka_unit_test(other_cxl_dvsecs_are_read_only),
		cmocka_unit_test(a_conventional_reset_gives_the_open_values_and_unlocks),
		cmocka_unit_test(a_function_reset_changes_nothing),
		cmocka_unit_test(a_conventional_reset_forgets_an_acknowledged_viral_status),
		cmocka_unit_test(a_policy_that_takes_over_keeps_the_state),
		cmocka_unit_test(a_shadow_without_values_gives_no_verdict),
		cmocka_unit_test(policies_carry_their_names),
		cmocka_unit_test(read_only_refuses_every_write_and_forwards_none),
		cmocka_unit_test(read_only_ignores_the_acknowledgement_of_viral_status),
		cmocka_unit_test(passthrough_reads_and_writes_the_hardware_as_it_is),
	};

	mutant_apply(&cxl_device);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
