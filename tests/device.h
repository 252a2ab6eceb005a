/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A CXL device DVSEC in memory whose user's accesses the engine decides on, with
 * the plans carried out as the kernel does it.
 */
#ifndef TESTS_DEVICE_H
#define TESTS_DEVICE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cxl_policy_engine.h"
#include "mutant.h"

/* A mutant of it is tested, too */
static struct cxl_policy cxl_device = {
#include "cxl-device.policy.h"
};

static const struct cxl_policy read_only = {
#include "read-only.policy.h"
};

static const struct cxl_policy passthrough = {
#include "passthrough.policy.h"
};

#define DONE	     VFIO_PCI_DVSEC_DONE
#define DENIED	     VFIO_PCI_DVSEC_DENIED
#define CONVENTIONAL VFIO_PCI_DVSEC_RESET_CONVENTIONAL
#define FUNCTION     VFIO_PCI_DVSEC_RESET_FUNCTION

/* Not 0x100, and not aligned to more than a dword */
#define START  0x10c
#define LENGTH 0x3c

/*
 * Hardware with its host's traces all over: locked, CXL.mem on, viral off, range
 * bases set, CXL Reset advertised, Cache_Invalid and Reset_Complete set. It can
 * neither Direct P2P nor modified completion nor configure the volatile state.
 */
static const uint8_t hardware[LENGTH] = {
	/* 00 */ 0x23, 0x00, 0xc1, 0x13, 0x98, 0x1e, 0xc3, 0x03,
	/* 08 */ 0x00, 0x00, 0xde, 0xda, 0x06, 0x08, 0x00, 0x00,
	/* 10 */ 0x00, 0x00, 0x03, 0x80, 0x01, 0x00, 0x85, 0x12,
	/* 18 */ 0x01, 0x00, 0x00, 0x00, 0x4b, 0x25, 0x00, 0x20,
	/* 20 */ 0x12, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x30,
	/* 28 */ 0x02, 0x00, 0x00, 0x00, 0x4b, 0x46, 0x01, 0x40,
	/* 30 */ 0x34, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x50,
	/* 38 */ 0x07, 0x00, 0x00, 0x00,
};

struct device {
	struct cxl_policy policy;
	struct cxl_shadow shadow;
	uint32_t dvsec;
	uint16_t vendor;
	uint16_t id;
	uint16_t length;
	uint8_t hw[LENGTH];
	int verdict;
	struct cxl_outcome out;
	int asked;
	char written[256];
};

static inline uint32_t hw_read(const struct device *d, unsigned int offset, unsigned int size)
{
	uint32_t value = 0;
	unsigned int i;

	for (i = 0; i < size && offset + i < sizeof(d->hw); i++)
		value |= (uint32_t)d->hw[offset + i] << (8 * i);
	return value;
}

static inline void hw_set(struct device *d, unsigned int offset, unsigned int size, uint32_t value)
{
	unsigned int i;

	for (i = 0; i < size; i++)
		d->hw[offset + i] = value >> (8 * i);
}

/* The policy takes the device over, at open or by a swap */
static inline void take_over(struct device *d, const struct cxl_policy *policy)
{
	unsigned int offset;

	d->policy = *policy;
	d->dvsec = cxl_engine_find(&d->policy, d->vendor, d->id);
	for (offset = 4; offset < sizeof(d->hw); offset += 4)
		cxl_engine_open(&d->policy, d->dvsec, &d->shadow, START, offset,
				hw_read(d, offset, 4));
}

static inline void start(struct device *d, const struct cxl_policy *policy, uint16_t length)
{
	memset(d, 0, sizeof(*d));
	memcpy(d->hw, hardware, sizeof(d->hw));
	d->vendor = 0x1e98;
	d->length = length;
	take_over(d, policy);
}

static inline void reset(struct device *d, uint32_t kind)
{
	unsigned int offset;

	for (offset = 4; offset < sizeof(d->hw); offset += 4)
		cxl_engine_reset(&d->policy, d->dvsec, &d->shadow, START, offset,
				 hw_read(d, offset, 4), kind);
}

static inline uint32_t mask_of(unsigned int size)
{
	return size == 4 ? 0xffffffff : size == 2 ? 0xffff : 0xff;
}

/* As the kernel does it: asked for the hardware, the engine is called once more */
static inline void decide(struct device *d, struct cxl_access *access, bool is_write)
{
	struct cxl_shadow before = d->shadow, shadow;
	struct cxl_outcome full;
	int round, verdict;

	d->asked = 0;
	for (round = 0; round < 2; round++) {
		memset(&d->out, 0, sizeof(d->out));
		memset(&full, 0, sizeof(full));
		shadow = d->shadow;
		verdict = is_write ? cxl_engine_write_full(&d->policy, d->dvsec, &shadow, access,
							   &full)
				   : cxl_engine_read_full(&d->policy, d->dvsec, &shadow, access,
							  &full);
		if (full.flags & CXL_EVENT_RESET_EMULATED)
			cxl_engine_cxl_reset(&d->policy, d->dvsec, &shadow, access);
		d->verdict = is_write ? cxl_engine_write(&d->policy, d->dvsec, &d->shadow, access,
							 &d->out)
				      : cxl_engine_read(&d->policy, d->dvsec, &d->shadow, access,
							&d->out);
		/* The short way, where it is taken, leads to the same */
		assert_int_equal(d->verdict, verdict);
		assert_memory_equal(&d->out, &full, sizeof(full));
		assert_memory_equal(&d->shadow, &shadow, sizeof(shadow));
		if (d->verdict != VFIO_PCI_DVSEC_NEED_HW)
			break;
		d->asked++;
		assert_int_not_equal(d->out.hw_mask, 0);
		assert_memory_equal(&d->shadow, &before, sizeof(before));
		access->again = 1;
		access->hw = hw_read(d, access->offset, access->size) & d->out.hw_mask;
	}
	assert_int_not_equal(d->verdict, VFIO_PCI_DVSEC_NEED_HW);
	assert_int_equal(0, (d->out.result | d->out.hw_mask | d->out.hw_write | d->out.hw_keep |
			     d->out.hw_undo | d->out.refused) &
				    ~mask_of(access->size));
	assert_int_equal(0, d->out.hw_undo & ~d->out.hw_write);
}

static inline uint32_t rd(struct device *d, unsigned int offset, unsigned int size)
{
	struct cxl_access access = {
		.start = START,
		.length = d->length,
		.offset = offset,
		.size = size,
	};

	decide(d, &access, false);
	assert_int_equal(d->verdict, DONE);
	return (d->out.result & ~d->out.hw_mask) | (hw_read(d, offset, size) & d->out.hw_mask);
}

/* Carries the plan out and logs the bytes that reach the hardware */
static inline int wr(struct device *d, unsigned int offset, unsigned int size, uint32_t value)
{
	struct cxl_access access = {
		.start = START,
		.length = d->length,
		.offset = offset,
		.size = size,
		.value = value,
	};
	unsigned int i, at = 0;

	decide(d, &access, true);
	d->written[0] = '\0';
	for (i = 0; i < size; i++) {
		uint8_t write = d->out.hw_write >> (8 * i);
		uint8_t keep = d->out.hw_keep >> (8 * i);
		uint8_t val = d->out.hw_value >> (8 * i);

		if (!write) {
			assert_int_equal(keep, 0);
			continue;
		}
		val = (val & write) | (d->hw[offset + i] & keep & ~write);
		at += snprintf(d->written + at, sizeof(d->written) - at, "%02x=%02x ", offset + i,
			       val);
		d->hw[offset + i] = val;
	}
	return d->verdict;
}

/* CONTROL2 in the hardware clears its initiate bits by itself */
static inline void settle(struct device *d)
{
	d->hw[0x10] &= 0xf9;
}

/* The hardware has that CAPABILITY3 */
static inline void cap3(struct device *d, uint16_t value)
{
	hw_set(d, 0x38, 2, value);
	take_over(d, &cxl_device);
}

/* As cxl-device, with the CXL Reset capability of the hardware shown */
static inline struct cxl_policy with_reset(enum cxl_reset_action action)
{
	struct cxl_policy policy = cxl_device;
	struct cxl_policy_dvsec *dvsec = &policy.dvsecs[cxl_engine_find(&policy, 0x1e98, 0)];

	/* CAPABILITY 11:7, the upper half of the third dword */
	policy.rules[dvsec->first_rule + 2].hw |= 0x0f800000;
	policy.rules[dvsec->first_rule + 2].value &= ~0x0f800000;
	dvsec->reset_action = action;
	return policy;
}

#endif /* TESTS_DEVICE_H */
