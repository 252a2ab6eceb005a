// SPDX-License-Identifier: GPL-2.0-only
/*
 * The verdicts on DVSECs whose fields a policy describes: a Flex Bus port's and
 * one of another vendor. What is expected is written out from the policy below
 * and from what its attributes mean in the specifications; none of it is computed
 * from the masks of a table.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cxl_policy_engine.h"
#include "policy.h"

#define DONE	     VFIO_PCI_DVSEC_DONE
#define DENIED	     VFIO_PCI_DVSEC_DENIED
#define CONVENTIONAL VFIO_PCI_DVSEC_RESET_CONVENTIONAL
#define FUNCTION     VFIO_PCI_DVSEC_RESET_FUNCTION

/* Side by side, as devices have them */
#define DEVICE	       0x100
#define DEVICE_LENGTH  0x3c
#define FLEXBUS	       0x13c
#define FLEXBUS_LENGTH 0x20
#define VENDOR	       0x15c
#define VENDOR_LENGTH  0x28
#define SECOND	       0x184
#define SECOND_LENGTH  0x28
#define END	       0x1ac

/* clang-format off */
static const uint8_t hardware[END - DEVICE] = {
	/* CXL device: cache, I/O and memory; CXL reset; CONTROL io and mem */
	/* 100 */ 0x23, 0x00, 0xc1, 0x13, 0x98, 0x1e, 0xc3, 0x03,
	/* 108 */ 0x00, 0x00, 0x97, 0x02, 0x06, 0x00, 0x00, 0x00,
	/* 110 */ 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	/* 118 */ 0x00, 0x00, 0x00, 0x00, 0x03, 0x00, 0x00, 0x10,
	/* 120 */ 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x30,
	/* 128 */ 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	/* 130 */ 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	/* 138 */ 0x00, 0x00, 0x00, 0x00,
	/* Flex Bus port */
	/* 13c */ 0x23, 0x00, 0xc1, 0x15, 0x98, 0x1e, 0x02, 0x02,
	/* 144 */ 0x07, 0x00, 0x27, 0x00, 0x26, 0x00, 0x07, 0x01,
	/* 14c */ 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88,
	/* 154 */ 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff, 0x01,
	/* The vendor's */
	/* 15c */ 0x23, 0x00, 0x41, 0x18, 0x86, 0x80, 0x81, 0x02,
	/* 164 */ 0x17, 0x00, 0x51, 0x00, 0x5a, 0x96, 0xfe, 0xff,
	/* 16c */ 0x3e, 0x00, 0x00, 0x00, 0x78, 0x56, 0x34, 0x12,
	/* 174 */ 0x10, 0x32, 0x54, 0x76, 0xef, 0xbe, 0xad, 0xde,
	/* 17c */ 0x0d, 0xf0, 0xfe, 0xca, 0x01, 0x02, 0x03, 0x04,
	/* Another one of that kind */
	/* 184 */ 0x23, 0x00, 0x01, 0x00, 0x86, 0x80, 0x81, 0x02,
	/* 18c */ 0x17, 0x00, 0x50, 0x00, 0x00, 0x00, 0x00, 0x00,
	/* 194 */ 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	/* 19c */ 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	/* 1a4 */ 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
};
/* clang-format on */

/* clang-format off */
static const char text[] =
	"name: t\n"
	"based-on: cxl-device\n"
	"dvsecs:\n"
	"  - vendor: 0x1e98\n"
	"    id: 7\n"
	"    fields:\n"
	"      - {field: capability.cache_capable, offset: 0x0a, bits: 0, attribute: RO, value: 0}\n"
	"  - vendor: 0x8086\n"
	"    id: 0x17\n"
	"    fields:\n"
	"      - {field: capability.can_boost, offset: 0x0a, bits: 0, attribute: RO}\n"
	"      - {field: control.enable, offset: 0x0c, bits: 0, attribute: RW, read: shadow,\n"
	"         write: [shadow]}\n"
	"      - {field: control.mode, offset: 0x0c, bits: 7:4, attribute: RWL, read: shadow,\n"
	"         write: [shadow], value: 3}\n"
	"      - {field: control.rsvd, offset: 0x0c, bits: 14:8, attribute: RsvdP}\n"
	"      - {field: control.lock, offset: 0x0c, bits: 15, attribute: RWO, read: shadow,\n"
	"         write: [shadow]}\n"
	"      - {field: control2.boost, offset: 0x0e, bits: 0, attribute: RW, read: shadow,\n"
	"         write: [shadow], when: capability.can_boost}\n"
	/* One byte with one of each: 0x10 */
	"      - {field: power.save, offset: 0x10, bits: 0, attribute: RW, read: shadow,\n"
	"         write: [shadow, hardware]}\n"
	"      - {field: power.rsvd, offset: 0x10, bits: 3:1, attribute: RsvdP}\n"
	"      - {field: power.fault, offset: 0x10, bits: 4, attribute: RW1C}\n"
	"      - {field: power.alarm, offset: 0x10, bits: 5, attribute: RW1CS, read: hardware,\n"
	"         write: [hardware]}\n"
	"      - {field: power.zero, offset: 0x10, bits: 7:6, attribute: RsvdZ}\n"
	"      - {field: address.secret, offset: 0x14, bits: 31:8, attribute: RO, value: 0}\n"
	"      - {field: scratch.all, offset: 0x18, bits: 31:0, attribute: RW, read: hardware,\n"
	"         write: [hardware]}\n"
	"      - {field: range.base, offset: 0x1c, bits: 31:12, attribute: RWL}\n"
	"      - {field: range.keep, offset: 0x20, bits: 15:0, attribute: RWS, value: 0x1234}\n"
	"  - vendor: 0x8086\n"
	"    id: 0x18\n";
/* clang-format on */

struct device {
	struct cxl_policy policy;
	struct cxl_shadow shadow;
	uint8_t hw[END - DEVICE];
	uint16_t vendor_length;
	int verdict;
	struct cxl_outcome out;
	int asked;
	char written[256];
};

static struct policy parsed;
static struct policy_image image;

static const struct cxl_policy *compile(const char *yaml)
{
	char error[POLICY_ERROR_LEN];

	if (policy_parse(yaml, strlen(yaml), "t.yaml", &parsed, error) ||
	    policy_compile(&parsed, &image, error))
		fail_msg("%s", error);
	return &image.table;
}

/* The policy above, with lines of YAML that are put in front, or behind as DVSECs */
static const struct cxl_policy *compile_with(const char *before, const char *after)
{
	static char more[8192];

	snprintf(more, sizeof(more), "%s%s%s", before, text, after);
	return compile(more);
}

static uint32_t hw_read(const struct device *d, unsigned int pos, unsigned int size)
{
	uint32_t value = 0;
	unsigned int i;

	for (i = 0; i < size; i++)
		value |= (uint32_t)d->hw[pos - DEVICE + i] << (8 * i);
	return value;
}

static void hw_set(struct device *d, unsigned int pos, unsigned int size, uint32_t value)
{
	unsigned int i;

	for (i = 0; i < size; i++)
		d->hw[pos - DEVICE + i] = value >> (8 * i);
}

struct place {
	uint16_t start;
	uint16_t length;
	uint32_t dvsec;
};

static struct place place_of(const struct device *d, unsigned int pos)
{
	struct place place = { .start = DEVICE, .length = DEVICE_LENGTH };
	uint16_t vendor = 0x1e98, id = 0;

	if (pos >= SECOND) {
		place = (struct place){ .start = SECOND, .length = SECOND_LENGTH };
		vendor = 0x8086;
		id = 0x17;
	} else if (pos >= VENDOR) {
		place = (struct place){ .start = VENDOR, .length = d->vendor_length };
		vendor = 0x8086;
		id = 0x17;
	} else if (pos >= FLEXBUS) {
		place = (struct place){ .start = FLEXBUS, .length = FLEXBUS_LENGTH };
		id = 7;
	}
	place.dvsec = cxl_engine_find(&d->policy, vendor, id);
	return place;
}

static void each_dword(struct device *d, uint32_t reset)
{
	unsigned int pos;

	for (pos = DEVICE; pos < END; pos += 4) {
		struct place place = place_of(d, pos);
		unsigned int offset = pos - place.start;

		if (!offset || offset >= place.length)
			continue;
		if (reset)
			cxl_engine_reset(&d->policy, place.dvsec, &d->shadow, place.start, offset,
					 hw_read(d, pos, 4), reset);
		else
			cxl_engine_open(&d->policy, place.dvsec, &d->shadow, place.start, offset,
					hw_read(d, pos, 4));
	}
}

/* The policy takes the device over, at open or by a swap */
static void take_over(struct device *d, const struct cxl_policy *policy)
{
	d->policy = *policy;
	each_dword(d, 0);
}

static void start(struct device *d, const struct cxl_policy *policy)
{
	memset(d, 0, sizeof(*d));
	memcpy(d->hw, hardware, sizeof(d->hw));
	d->vendor_length = VENDOR_LENGTH;
	take_over(d, policy);
}

static uint32_t mask_of(unsigned int size)
{
	return size == 4 ? 0xffffffff : size == 2 ? 0xffff : 0xff;
}

/* As the kernel does it: asked for the hardware, the engine is called once more */
static void decide(struct device *d, unsigned int pos, struct cxl_access *access, bool is_write)
{
	struct place place = place_of(d, pos);
	struct cxl_shadow before = d->shadow;
	int round;

	access->start = place.start;
	access->length = place.length;
	access->offset = pos - place.start;
	d->asked = 0;
	for (round = 0; round < 2; round++) {
		memset(&d->out, 0, sizeof(d->out));
		d->verdict = is_write ? cxl_engine_write(&d->policy, place.dvsec, &d->shadow,
							 access, &d->out)
				      : cxl_engine_read(&d->policy, place.dvsec, &d->shadow, access,
							&d->out);
		if (d->verdict != VFIO_PCI_DVSEC_NEED_HW)
			break;
		d->asked++;
		assert_int_not_equal(d->out.hw_mask, 0);
		assert_memory_equal(&d->shadow, &before, sizeof(before));
		access->again = 1;
		access->hw = hw_read(d, pos, access->size) & d->out.hw_mask;
	}
	assert_int_not_equal(d->verdict, VFIO_PCI_DVSEC_NEED_HW);
	assert_int_equal(0, (d->out.result | d->out.hw_mask | d->out.hw_write | d->out.hw_keep |
			     d->out.hw_undo | d->out.refused) &
				    ~mask_of(access->size));
	assert_int_equal(0, d->out.hw_undo & ~d->out.hw_write);
}

static uint32_t rd(struct device *d, unsigned int pos, unsigned int size)
{
	struct cxl_access access = { .size = size };

	decide(d, pos, &access, false);
	assert_int_equal(d->verdict, DONE);
	return (d->out.result & ~d->out.hw_mask) | (hw_read(d, pos, size) & d->out.hw_mask);
}

/* Carries the plan out and logs the bytes that reach the hardware, by their place in it */
static int wr(struct device *d, unsigned int pos, unsigned int size, uint32_t value)
{
	struct cxl_access access = { .size = size, .value = value };
	unsigned int i, at = 0;

	decide(d, pos, &access, true);
	d->written[0] = '\0';
	for (i = 0; i < size; i++) {
		uint8_t write = d->out.hw_write >> (8 * i);
		uint8_t keep = d->out.hw_keep >> (8 * i);
		uint8_t val = d->out.hw_value >> (8 * i);

		if (!write) {
			assert_int_equal(keep, 0);
			continue;
		}
		val = (val & write) | (d->hw[pos - DEVICE + i] & keep & ~write);
		at += snprintf(d->written + at, sizeof(d->written) - at, "%03x=%02x ", pos + i,
			       val);
		d->hw[pos - DEVICE + i] = val;
	}
	return d->verdict;
}

/* ---- Flex Bus ---- */

static void a_capability_that_a_policy_hides_reads_0_at_every_width(void **state)
{
	struct device d;

	(void)state;
	start(&d, compile(text));
	assert_int_equal(rd(&d, FLEXBUS + 0x0a, 2), 0x0026);
	assert_int_equal(rd(&d, FLEXBUS + 0x0a, 1), 0x26);
	assert_int_equal(rd(&d, FLEXBUS + 0x08, 4), 0x00260007);
	/* The same bit of the CXL device DVSEC is another field */
	assert_int_equal(rd(&d, DEVICE + 0x0a, 2), 0x0017);
}

static void a_hidden_capability_stays_so_whatever_is_written(void **state)
{
	unsigned int size;
	struct device d;

	(void)state;
	start(&d, compile(text));
	for (size = 1; size <= 4; size *= 2) {
		wr(&d, size == 4 ? FLEXBUS + 0x08 : FLEXBUS + 0x0a, size, 0xffffffff);
		assert_string_equal(d.written, "");
		assert_int_equal(rd(&d, FLEXBUS + 0x0a, 2), 0x0026);
	}
	assert_int_equal(wr(&d, FLEXBUS + 0x0a, 2, 0x0027), DENIED);
	assert_int_equal(d.out.refused, 0x0001);
	assert_int_equal(d.out.flags, CXL_EVENT_REFUSED);
	assert_int_equal(wr(&d, FLEXBUS + 0x0a, 2, 0x0026), DONE);
	assert_int_equal(d.out.flags, 0);
}

static void bits_that_no_policy_describes_read_the_hardware_and_are_read_only(void **state)
{
	/* In a dword with a described field, before it, behind it, behind the last rule */
	static const unsigned int places[] = { FLEXBUS + 0x04, FLEXBUS + 0x08, FLEXBUS + 0x0c,
					       FLEXBUS + 0x10, FLEXBUS + 0x1c, VENDOR + 0x08,
					       VENDOR + 0x24 };
	static const uint32_t values[] = { 0x02021e98, 0x00260007, 0x01070026, 0x44332211,
					   0x01ffeedd, 0x00510017, 0x04030201 };
	unsigned int i, size, k;
	struct device d;

	(void)state;
	start(&d, compile(text));
	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		assert_int_equal(rd(&d, places[i], 4), values[i]);
		for (size = 1; size <= 4; size *= 2) {
			for (k = 0; k < 4; k += size) {
				assert_int_equal(wr(&d, places[i] + k, size,
						    ~values[i] >> (8 * k) & mask_of(size)),
						 DENIED);
				assert_int_equal(d.out.refused, mask_of(size));
				assert_string_equal(d.written, "");
			}
		}
		assert_int_equal(rd(&d, places[i], 4), values[i]);
	}
	assert_memory_equal(d.hw, hardware, sizeof(hardware));
	hw_set(&d, FLEXBUS + 0x0e, 2, 0xabcd);
	assert_int_equal(rd(&d, FLEXBUS + 0x0e, 2), 0xabcd);
}

/* ---- fields in the shadow ---- */

static void fields_in_the_shadow_begin_with_their_value_and_not_with_the_hosts(void **state)
{
	struct device d;

	(void)state;
	start(&d, compile(text));
	/* The hardware has 965a, and fffe behind it */
	assert_int_equal(rd(&d, VENDOR + 0x0c, 2), 0x003a);
	assert_int_equal(rd(&d, VENDOR + 0x0c, 4), 0xfffe003a);
	assert_int_equal(rd(&d, VENDOR + 0x1c, 4), 0x00000eef);
	assert_int_equal(rd(&d, VENDOR + 0x20, 2), 0x1234);
}

static void a_write_changes_the_bytes_that_it_touches_and_nothing_in_the_hardware(void **state)
{
	struct device d;

	(void)state;
	start(&d, compile(text));
	assert_int_equal(wr(&d, VENDOR + 0x0c, 2, 0x00cb), DONE);
	assert_int_equal(rd(&d, VENDOR + 0x0c, 2), 0x00cb);
	wr(&d, VENDOR + 0x0c, 1, 0x2a);
	assert_int_equal(rd(&d, VENDOR + 0x0c, 2), 0x002a);
	wr(&d, VENDOR + 0x1e, 1, 0xcc);
	assert_int_equal(rd(&d, VENDOR + 0x1c, 4), 0x00cc0eef);
	wr(&d, VENDOR + 0x1d, 1, 0x5e);
	assert_int_equal(rd(&d, VENDOR + 0x1c, 4), 0x00cc5eef);
	wr(&d, VENDOR + 0x1c, 4, 0xfedcbeef);
	assert_int_equal(rd(&d, VENDOR + 0x1c, 4), 0xfedcbeef);
	assert_int_equal(d.out.flags, 0);
	assert_memory_equal(d.hw, hardware, sizeof(hardware));
}

static void reserved_bits_read_0_and_are_dropped_in_silence(void **state)
{
	struct device d;

	(void)state;
	start(&d, compile(text));
	/* 0x0a are undescribed and hold 1 */
	assert_int_equal(wr(&d, VENDOR + 0x0c, 2, 0x7f3a), DONE);
	assert_int_equal(d.out.flags, 0);
	assert_int_equal(rd(&d, VENDOR + 0x0c, 2), 0x003a);
	assert_int_equal(wr(&d, VENDOR + 0x0c, 2, 0x7f30), DENIED);
	assert_int_equal(d.out.refused, 0x000a);
}

static void a_hidden_address_does_not_show_and_its_neighbours_do(void **state)
{
	struct device d;

	(void)state;
	start(&d, compile(text));
	assert_int_equal(rd(&d, VENDOR + 0x14, 4), 0x00000078);
	assert_int_equal(rd(&d, VENDOR + 0x17, 1), 0x00);
	assert_int_equal(wr(&d, VENDOR + 0x14, 4, 0x12345678), DENIED);
	assert_int_equal(d.out.refused, 0x12345600);
	assert_int_equal(rd(&d, VENDOR + 0x14, 4), 0x00000078);
}

/* ---- locks ---- */

static void the_lock_freezes_the_locked_fields_of_its_dvsec_and_nothing_else(void **state)
{
	struct device d;

	(void)state;
	start(&d, compile(text));
	wr(&d, VENDOR + 0x0c, 2, 0x005b);
	wr(&d, VENDOR + 0x1c, 4, 0xabcd1eef);
	assert_int_equal(wr(&d, VENDOR + 0x0c, 2, 0x805b), DONE);
	assert_int_equal(rd(&d, VENDOR + 0x0c, 2), 0x805b);

	assert_int_equal(wr(&d, VENDOR + 0x0c, 2, 0x80aa), DENIED);
	assert_int_equal(d.out.refused, 0x00f0);
	assert_int_equal(d.out.flags, CXL_EVENT_LOCKED);
	/* control.enable is RW */
	assert_int_equal(rd(&d, VENDOR + 0x0c, 2), 0x805a);
	assert_int_equal(wr(&d, VENDOR + 0x0c, 1, 0x0b), DENIED);
	assert_int_equal(rd(&d, VENDOR + 0x0c, 2), 0x805b);
	assert_int_equal(wr(&d, VENDOR + 0x1c, 4, 0x54321eef), DENIED);
	assert_int_equal(d.out.refused, 0xffff0000);
	assert_int_equal(rd(&d, VENDOR + 0x1c, 4), 0xabcd1eef);
	assert_int_equal(wr(&d, VENDOR + 0x20, 2, 0x4321), DONE);
	assert_int_equal(rd(&d, VENDOR + 0x20, 2), 0x4321);
	assert_int_equal(wr(&d, VENDOR + 0x10, 1, 0x01), DONE);
	assert_string_equal(d.written, "16c=0f ");

	/* Another DVSEC of that kind has a lock of its own, and so has the device's */
	assert_int_equal(wr(&d, SECOND + 0x0c, 1, 0xa0), DONE);
	assert_int_equal(rd(&d, SECOND + 0x0c, 2), 0x00a0);
	assert_int_equal(wr(&d, DEVICE + 0x0c, 2, 0x0006), DONE);
	assert_int_equal(rd(&d, DEVICE + 0x14, 2), 0x0000);
}

static void config_lock_locks_no_other_dvsec(void **state)
{
	struct device d;

	(void)state;
	start(&d, compile(text));
	wr(&d, DEVICE + 0x14, 2, 0x0001);
	assert_int_equal(wr(&d, DEVICE + 0x0c, 2, 0x0006), DENIED);
	assert_int_equal(wr(&d, VENDOR + 0x0c, 2, 0x009a), DONE);
	assert_int_equal(rd(&d, VENDOR + 0x0c, 2), 0x009a);
}

static void a_write_of_lock_and_locked_field_at_once_sets_both(void **state)
{
	struct device d;

	(void)state;
	start(&d, compile(text));
	assert_int_equal(wr(&d, VENDOR + 0x0c, 2, 0x80fa), DONE);
	assert_int_equal(rd(&d, VENDOR + 0x0c, 2), 0x80fa);
}

static void a_lock_stays_set_until_a_conventional_reset(void **state)
{
	struct device d;

	(void)state;
	start(&d, compile(text));
	wr(&d, VENDOR + 0x0c, 2, 0x80fa);
	assert_int_equal(wr(&d, VENDOR + 0x0c, 2, 0x00fa), DENIED);
	assert_int_equal(d.out.refused, 0x8000);
	wr(&d, VENDOR + 0x0d, 1, 0x00);
	assert_int_equal(rd(&d, VENDOR + 0x0c, 2), 0x80fa);
	each_dword(&d, FUNCTION);
	assert_int_equal(rd(&d, VENDOR + 0x0c, 2), 0x80fa);
	each_dword(&d, CONVENTIONAL);
	assert_int_equal(rd(&d, VENDOR + 0x0c, 2), 0x003a);
	assert_int_equal(wr(&d, VENDOR + 0x0c, 2, 0x009a), DONE);
	assert_int_equal(rd(&d, VENDOR + 0x0c, 2), 0x009a);
	assert_memory_equal(d.hw, hardware, sizeof(hardware));
}

static void a_lock_behind_the_end_of_its_dvsec_is_not_that_of_the_next_one(void **state)
{
	/* The lock would be at SECOND + 0x20 */
	static const char locked[] =
		"name: t\ndvsecs:\n  - vendor: 0x8086\n    id: 0x17\n"
		"    fields:\n"
		"      - {field: a, offset: 0x0c, bits: 7:0, attribute: RWL}\n"
		"      - {field: b, offset: 0x20, bits: 7:0, attribute: RW}\n"
		"      - {field: lock, offset: 0x48, bits: 0, attribute: RWO}\n";
	struct device d;

	(void)state;
	start(&d, compile(locked));
	wr(&d, VENDOR + 0x0c, 1, 0x12);
	assert_int_equal(wr(&d, SECOND + 0x20, 1, 0x01), DONE);
	assert_int_equal(rd(&d, SECOND + 0x20, 1), 0x01);
	assert_int_equal(wr(&d, VENDOR + 0x0c, 1, 0x34), DONE);
	assert_int_equal(rd(&d, VENDOR + 0x0c, 1), 0x34);
}

/* ---- conditions ---- */

static void a_conditional_field_is_there_with_its_capability(void **state)
{
	struct device d;

	(void)state;
	start(&d, compile(text));
	assert_int_equal(wr(&d, VENDOR + 0x0e, 1, 0xff), DONE);
	assert_int_equal(rd(&d, VENDOR + 0x0e, 2), 0xffff);
	assert_int_equal(wr(&d, VENDOR + 0x0e, 2, 0xfffe), DONE);
	assert_int_equal(rd(&d, VENDOR + 0x0e, 2), 0xfffe);
}

static void a_conditional_field_reads_0_and_is_read_only_without_its_capability(void **state)
{
	struct device d;

	(void)state;
	start(&d, compile(text));
	/* The second one's CAPABILITY is 0050 */
	assert_int_equal(wr(&d, SECOND + 0x0e, 1, 0x01), DENIED);
	assert_int_equal(d.out.refused, 0x01);
	assert_int_equal(d.out.flags, CXL_EVENT_REFUSED);
	assert_int_equal(rd(&d, SECOND + 0x0e, 1), 0x00);
	assert_int_equal(rd(&d, SECOND + 0x0c, 4), 0x00000030);
	assert_int_equal(wr(&d, SECOND + 0x0e, 1, 0x00), DONE);
	assert_int_equal(d.out.flags, 0);
}

static void a_condition_follows_what_the_guest_sees_and_not_the_hardware(void **state)
{
	char base[] = "/tmp/test_dvsecs.XXXXXX.yaml", yaml[512];
	struct device d;
	FILE *f;

	(void)state;
	f = fdopen(mkstemps(base, 5), "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	snprintf(yaml, sizeof(yaml),
		 "name: u\nbased-on: %s\ndvsecs:\n  - vendor: 0x8086\n    id: 0x17\n"
		 "    fields:\n      - {field: capability.can_boost, value: %u}\n",
		 base, 0);
	start(&d, compile(yaml));
	assert_int_equal(rd(&d, VENDOR + 0x0a, 2), 0x0050);
	assert_int_equal(wr(&d, VENDOR + 0x0e, 2, 0xffff), DENIED);
	assert_int_equal(rd(&d, VENDOR + 0x0e, 2), 0xfffe);

	yaml[strlen(yaml) - 3] = '1';
	start(&d, compile(yaml));
	unlink(base);
	assert_int_equal(rd(&d, SECOND + 0x0a, 2), 0x0051);
	assert_int_equal(wr(&d, SECOND + 0x0e, 1, 0x01), DONE);
	assert_int_equal(rd(&d, SECOND + 0x0e, 1), 0x01);
}

/* ---- the hardware ---- */

static void a_forwarded_field_clears_none_of_the_status_bits_beside_it(void **state)
{
	struct device d;

	(void)state;
	start(&d, compile(text));
	/* The hardware holds 3e: three reserved bits to keep, fault and alarm */
	assert_int_equal(wr(&d, VENDOR + 0x10, 1, 0x01), DONE);
	assert_string_equal(d.written, "16c=0f ");
	assert_int_equal(d.out.hw_undo, 0x01);
	assert_int_equal(d.out.hw_keep, 0x0f);
	assert_int_equal(d.out.flags, CXL_EVENT_FORWARDED);
	hw_set(&d, VENDOR + 0x10, 1, 0xff);
	assert_int_equal(rd(&d, VENDOR + 0x10, 1), 0x31);
	assert_int_equal(wr(&d, VENDOR + 0x10, 4, 0x00000000), DONE);
	assert_string_equal(d.written, "16c=0e ");
	assert_int_equal(rd(&d, VENDOR + 0x10, 1), 0x00);
	/* A write beside it goes nowhere */
	wr(&d, VENDOR + 0x11, 1, 0xff);
	assert_string_equal(d.written, "");
}

static void a_forwarded_status_is_cleared_alone_and_only_by_1(void **state)
{
	struct device d;

	(void)state;
	start(&d, compile(text));
	assert_int_equal(rd(&d, VENDOR + 0x10, 1), 0x30);
	assert_int_equal(wr(&d, VENDOR + 0x10, 1, 0x20), DONE);
	assert_string_equal(d.written, "16c=2e ");
	assert_int_equal(d.out.hw_undo, 0x01);
	hw_set(&d, VENDOR + 0x10, 1, 0x1e);
	assert_int_equal(rd(&d, VENDOR + 0x10, 1), 0x10);
	assert_int_equal(wr(&d, VENDOR + 0x10, 1, 0x00), DONE);
	assert_string_equal(d.written, "16c=0e ");
}

static void a_status_that_is_acknowledged_in_the_shadow_never_reaches_the_hardware(void **state)
{
	struct device d;

	(void)state;
	start(&d, compile(text));
	assert_int_equal(wr(&d, VENDOR + 0x10, 1, 0x10), DONE);
	assert_int_equal(d.asked, 1);
	assert_string_equal(d.written, "16c=0e ");
	hw_set(&d, VENDOR + 0x10, 1, 0x3e);
	assert_int_equal(rd(&d, VENDOR + 0x10, 1), 0x20);
	/* The hardware clears it, the guest sees that, and then a new one comes */
	hw_set(&d, VENDOR + 0x10, 1, 0x2e);
	assert_int_equal(rd(&d, VENDOR + 0x10, 1), 0x20);
	hw_set(&d, VENDOR + 0x10, 1, 0x3e);
	assert_int_equal(rd(&d, VENDOR + 0x10, 1), 0x30);
	each_dword(&d, CONVENTIONAL);
	assert_int_equal(rd(&d, VENDOR + 0x10, 1), 0x30);
}

static void
a_field_of_the_hardware_is_read_and_written_there_in_the_bytes_of_the_access(void **state)
{
	struct device d;

	(void)state;
	start(&d, compile(text));
	assert_int_equal(rd(&d, VENDOR + 0x18, 4), 0x76543210);
	assert_int_equal(wr(&d, VENDOR + 0x18, 4, 0xaabbccdd), DONE);
	assert_string_equal(d.written, "174=dd 175=cc 176=bb 177=aa ");
	assert_int_equal(d.out.hw_undo, 0xffffffff);
	assert_int_equal(wr(&d, VENDOR + 0x19, 1, 0x00), DONE);
	assert_string_equal(d.written, "175=00 ");
	assert_int_equal(rd(&d, VENDOR + 0x18, 4), 0xaabb00dd);
	/* It changes by itself too */
	hw_set(&d, VENDOR + 0x18, 4, 0x01020304);
	assert_int_equal(rd(&d, VENDOR + 0x1a, 2), 0x0102);
	assert_int_equal(wr(&d, VENDOR + 0x1a, 2, 0x0a0b), DONE);
	assert_string_equal(d.written, "176=0b 177=0a ");
}

/* ---- lengths, resets, swaps ---- */

static void fields_behind_the_end_of_a_dvsec_are_dead(void **state)
{
	struct device d;

	(void)state;
	start(&d, compile(text));
	d.vendor_length = 0x11;
	memset(&d.shadow, 0, sizeof(d.shadow));
	take_over(&d, &image.table);
	wr(&d, VENDOR + 0x10, 4, 0xffffffff);
	assert_string_equal(d.written, "16c=2f ");
	hw_set(&d, VENDOR + 0x10, 4, 0xffffffff);
	assert_int_equal(rd(&d, VENDOR + 0x10, 4) & 0xffffff00, 0x00000000);
	wr(&d, VENDOR + 0x18, 4, 0xffffffff);
	assert_string_equal(d.written, "");
	assert_int_equal(rd(&d, VENDOR + 0x18, 4), 0x00000000);

	d.vendor_length = 0x0c;
	take_over(&d, &image.table);
	assert_int_equal(rd(&d, VENDOR + 0x0a, 2), 0x0051);
	wr(&d, VENDOR + 0x0c, 4, 0xffffffff);
	assert_int_equal(rd(&d, VENDOR + 0x0c, 4), 0x00000000);
}

static void an_emulated_cxl_reset_changes_no_other_dvsec(void **state)
{
	struct device d;

	(void)state;
	start(&d, compile_with("cxl-reset: emulate\n",
			       "  - vendor: 0x1e98\n    id: 0\n    fields:\n"
			       "      - {field: capability.cxl_reset_capable, value: 1}\n"));
	wr(&d, DEVICE + 0x0c, 2, 0x0006);
	wr(&d, VENDOR + 0x0c, 2, 0x00db);
	wr(&d, VENDOR + 0x1c, 4, 0xabcd1eef);
	wr(&d, SECOND + 0x0c, 2, 0x80a0);
	assert_int_equal(wr(&d, DEVICE + 0x10, 2, 0x0004), DONE);
	assert_int_equal(rd(&d, DEVICE + 0x12, 2), 0x0002);
	assert_int_equal(rd(&d, DEVICE + 0x0c, 2), 0x0002);
	assert_int_equal(rd(&d, VENDOR + 0x0c, 2), 0x00db);
	assert_int_equal(rd(&d, VENDOR + 0x1c, 4), 0xabcd1eef);
	assert_int_equal(rd(&d, SECOND + 0x0c, 2), 0x80a0);
}

static void two_dvsecs_of_a_kind_have_a_state_each(void **state)
{
	struct device d;

	(void)state;
	start(&d, compile(text));
	wr(&d, VENDOR + 0x20, 2, 0x1111);
	wr(&d, SECOND + 0x20, 2, 0x2222);
	assert_int_equal(rd(&d, VENDOR + 0x20, 2), 0x1111);
	assert_int_equal(rd(&d, SECOND + 0x20, 2), 0x2222);
}

static void read_only_keeps_what_the_guest_sees_and_refuses_every_write(void **state)
{
	unsigned int pos, size;
	struct device d;

	(void)state;
	start(&d, compile(text));
	wr(&d, VENDOR + 0x0c, 2, 0x005b);
	wr(&d, VENDOR + 0x10, 1, 0x11);
	hw_set(&d, VENDOR + 0x10, 1, 0x3f);
	take_over(&d, compile_with("access: read-only\n", ""));
	for (size = 1; size <= 4; size *= 2) {
		for (pos = FLEXBUS + 4; pos < END; pos += size) {
			if (pos - SECOND < 4)
				continue;
			wr(&d, pos, size, 0xffffffff);
			assert_string_equal(d.written, "");
			wr(&d, pos, size, 0);
			assert_string_equal(d.written, "");
		}
	}
	assert_int_equal(rd(&d, FLEXBUS + 0x0a, 2), 0x0026);
	assert_int_equal(rd(&d, VENDOR + 0x0c, 2), 0x005b);
	assert_int_equal(rd(&d, VENDOR + 0x10, 1), 0x21);
	assert_int_equal(wr(&d, VENDOR + 0x0c, 2, 0x005a), DENIED);
	assert_int_equal(d.out.refused, 0x0001);
	assert_int_equal(wr(&d, VENDOR + 0x18, 4, 0xffffffff), DENIED);
}

static void a_policy_that_takes_over_keeps_the_values_of_described_fields(void **state)
{
	struct device d;

	(void)state;
	start(&d, compile(text));
	wr(&d, VENDOR + 0x0c, 2, 0x80db);
	wr(&d, VENDOR + 0x20, 2, 0x4321);
	take_over(&d, compile("name: u\nbased-on: cxl-device\n"));
	assert_int_equal(rd(&d, VENDOR + 0x0c, 2), 0x965a);
	assert_int_equal(wr(&d, VENDOR + 0x0c, 2, 0x0000), DENIED);
	take_over(&d, compile(text));
	assert_int_equal(rd(&d, VENDOR + 0x0c, 2), 0x80db);
	assert_int_equal(wr(&d, VENDOR + 0x0c, 2, 0x80ab), DENIED);
	assert_int_equal(rd(&d, VENDOR + 0x20, 2), 0x4321);
}

static void what_was_acknowledged_is_no_value_to_a_policy_that_takes_over(void **state)
{
	static const char hides[] =
		"name: u\nbased-on: cxl-device\ndvsecs:\n"
		"  - vendor: 0x1e98\n    id: 0\n    fields:\n"
		"      - {field: status.viral_status, attribute: RO, read: shadow, value: 0}\n"
		"  - vendor: 0x8086\n    id: 0x17\n    fields:\n"
		"      - {field: fault, offset: 0x10, bits: 4, attribute: RO, read: shadow, value: 0}\n";
	struct device d;

	(void)state;
	start(&d, compile(text));
	hw_set(&d, DEVICE + 0x0e, 2, 0x4000);
	wr(&d, DEVICE + 0x0e, 2, 0x4000);
	wr(&d, VENDOR + 0x10, 1, 0x10);
	hw_set(&d, VENDOR + 0x10, 1, 0x30);
	take_over(&d, compile(hides));
	assert_int_equal(rd(&d, DEVICE + 0x0e, 2), 0x0000);
	assert_int_equal(rd(&d, VENDOR + 0x10, 1), 0x20);
}

static void a_value_is_no_acknowledgement_to_a_policy_that_takes_over(void **state)
{
	static const char shadows[] =
		"name: u\nbased-on: cxl-device\ndvsecs:\n"
		"  - vendor: 0x1e98\n    id: 0\n    fields:\n"
		"      - {field: status.viral_status, attribute: RW, read: shadow, write: [shadow]}\n"
		"  - vendor: 0x8086\n    id: 0x17\n    fields:\n"
		"      - {field: fault, offset: 0x10, bits: 4, attribute: RW, value: 1}\n";
	struct device d;

	(void)state;
	start(&d, compile(shadows));
	hw_set(&d, DEVICE + 0x0e, 2, 0x4000);
	wr(&d, DEVICE + 0x0e, 2, 0x4000);
	take_over(&d, compile(text));
	assert_int_equal(rd(&d, DEVICE + 0x0e, 2), 0x4000);
	assert_int_equal(rd(&d, VENDOR + 0x10, 1), 0x30);
}

static void fields_that_no_policy_has_seeded_give_no_verdict(void **state)
{
	static const unsigned int places[] = { 0x0c, 0x10, 0x1c, 0x20 };
	struct cxl_access access = { .start = VENDOR, .length = VENDOR_LENGTH, .size = 4 };
	struct cxl_outcome out;
	struct device d;
	uint32_t dvsec;
	unsigned int i;

	(void)state;
	start(&d, compile(text));
	memset(&d.shadow, 0, sizeof(d.shadow));
	dvsec = cxl_engine_find(&d.policy, 0x8086, 0x17);
	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		access.offset = places[i];
		access.value = 0xffffffff;
		memset(&out, 0, sizeof(out));
		assert_int_equal(cxl_engine_read(&d.policy, dvsec, &d.shadow, &access, &out),
				 VFIO_PCI_DVSEC_INVALID);
		memset(&out, 0, sizeof(out));
		assert_int_equal(cxl_engine_write(&d.policy, dvsec, &d.shadow, &access, &out),
				 VFIO_PCI_DVSEC_INVALID);
		assert_int_equal(out.hw_write, 0);
	}
}

static void a_dvsec_that_is_named_without_fields_has_no_rules_and_is_claimed(void **state)
{
	(void)state;
	compile(text);
	assert_int_equal(cxl_engine_find(&image.table, 0x8086, 0x18), CXL_ENGINE_NO_RULES);
	assert_int_equal(image.nr_claims, 2);
	assert_int_equal(image.claims[0].id, 0x17);
	assert_int_equal(image.claims[1].id, 0x18);
	/* And an ID of one vendor is none of another */
	assert_int_equal(cxl_engine_find(&image.table, 0x1e98, 0x17), CXL_ENGINE_NO_RULES);
	assert_int_equal(cxl_engine_find(&image.table, 0x8086, 7), CXL_ENGINE_NO_RULES);
	assert_int_equal(cxl_engine_find(&image.table, 0x8086, 0), CXL_ENGINE_NO_RULES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_capability_that_a_policy_hides_reads_0_at_every_width),
		cmocka_unit_test(a_hidden_capability_stays_so_whatever_is_written),
		cmocka_unit_test(bits_that_no_policy_describes_read_the_hardware_and_are_read_only),
		cmocka_unit_test(
			fields_in_the_shadow_begin_with_their_value_and_not_with_the_hosts),
		cmocka_unit_test(
			a_write_changes_the_bytes_that_it_touches_and_nothing_in_the_hardware),
		cmocka_unit_test(reserved_bits_read_0_and_are_dropped_in_silence),
		cmocka_unit_test(a_hidden_address_does_not_show_and_its_neighbours_do),
		cmocka_unit_test(the_lock_freezes_the_locked_fields_of_its_dvsec_and_nothing_else),
		cmocka_unit_test(config_lock_locks_no_other_dvsec),
		cmocka_unit_test(a_write_of_lock_and_locked_field_at_once_sets_both),
		cmocka_unit_test(a_lock_stays_set_until_a_conventional_reset),
		cmocka_unit_test(a_lock_behind_the_end_of_its_dvsec_is_not_that_of_the_next_one),
		cmocka_unit_test(a_conditional_field_is_there_with_its_capability),
		cmocka_unit_test(
			a_conditional_field_reads_0_and_is_read_only_without_its_capability),
		cmocka_unit_test(a_condition_follows_what_the_guest_sees_and_not_the_hardware),
		cmocka_unit_test(a_forwarded_field_clears_none_of_the_status_bits_beside_it),
		cmocka_unit_test(a_forwarded_status_is_cleared_alone_and_only_by_1),
		cmocka_unit_test(
			a_status_that_is_acknowledged_in_the_shadow_never_reaches_the_hardware),
		cmocka_unit_test(
			a_field_of_the_hardware_is_read_and_written_there_in_the_bytes_of_the_access),
		cmocka_unit_test(fields_behind_the_end_of_a_dvsec_are_dead),
		cmocka_unit_test(an_emulated_cxl_reset_changes_no_other_dvsec),
		cmocka_unit_test(two_dvsecs_of_a_kind_have_a_state_each),
		cmocka_unit_test(read_only_keeps_what_the_guest_sees_and_refuses_every_write),
		cmocka_unit_test(a_policy_that_takes_over_keeps_the_values_of_described_fields),
		cmocka_unit_test(what_was_acknowledged_is_no_value_to_a_policy_that_takes_over),
		cmocka_unit_test(a_value_is_no_acknowledgement_to_a_policy_that_takes_over),
		cmocka_unit_test(fields_that_no_policy_has_seeded_give_no_verdict),
		cmocka_unit_test(a_dvsec_that_is_named_without_fields_has_no_rules_and_is_claimed),
	};

	setenv(POLICY_DIR_ENV, "loader/policies", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
