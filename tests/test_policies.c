// SPDX-License-Identifier: GPL-2.0-only
/*
 * The shipped policies, register by register: what a guest reads at open, and what
 * becomes of all ones and of all zeros. The values are written down from the
 * specification and from what the policies promise; none is computed from a table
 * of the compiler.
 */
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
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
#include "differential.h"
#include "policy.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#define DENIED	     VFIO_PCI_DVSEC_DENIED
#define DONE	     VFIO_PCI_DVSEC_DONE
#define CONVENTIONAL VFIO_PCI_DVSEC_RESET_CONVENTIONAL
#define FUNCTION     VFIO_PCI_DVSEC_RESET_FUNCTION

#define FOLDER "loader/policies"
#define OBJECT "build/bpf/cxl_policy.bpf.o"

/* Side by side, as devices have them: CXL device, Flex Bus port, test capability */
#define DEVICE	0x100
#define FLEXBUS 0x13c
#define TEST	0x15c
#define END	0x178

static const struct place {
	uint16_t start;
	uint16_t length;
	uint16_t id;
} places[] = {
	{ DEVICE, FLEXBUS - DEVICE, 0 },
	{ FLEXBUS, TEST - FLEXBUS, 7 },
	{ TEST, END - TEST, 10 },
};

/* clang-format off */

/* Caches 1.125 MiB, has memory in one range, and its firmware has enabled and locked it */
static const uint8_t type2[END - DEVICE] = {
	/* 100 */ 0x23, 0x00, 0xc1, 0x13, 0x98, 0x1e, 0xc3, 0x03,
	/* 108 */ 0x00, 0x00, 0xdf, 0xca, 0x2f, 0x4b, 0x00, 0x40,
	/* 110 */ 0x01, 0x00, 0x03, 0x80, 0x01, 0x00, 0xf2, 0x12,
	/* 118 */ 0x01, 0x00, 0x00, 0x00, 0x4b, 0x25, 0x00, 0x20,
	/* 120 */ 0x12, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x30,
	/* 128 */ 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	/* 130 */ 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	/* 138 */ 0x07, 0x00, 0x00, 0x00,
	/* 13c */ 0x23, 0x00, 0xc1, 0x15, 0x98, 0x1e, 0x02, 0x02,
	/* 144 */ 0x07, 0x00, 0x27, 0x00, 0x27, 0x00, 0x27, 0x00,
	/* 14c */ 0x1f, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00,
	/* 154 */ 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	/* 15c */ 0x23, 0x00, 0x01, 0x00, 0x98, 0x1e, 0xc0, 0x01,
	/* 164 */ 0x0a, 0x00, 0x00, 0x00, 0xff, 0x03, 0x00, 0x2a,
	/* 16c */ 0x10, 0x40, 0x00, 0x00, 0x04, 0x00, 0x00, 0x00,
	/* 174 */ 0x00, 0x00, 0x00, 0x00,
};

static const uint8_t type3_one_range[END - DEVICE] = {
	/* 100 */ 0x23, 0x00, 0xc1, 0x13, 0x98, 0x1e, 0xc3, 0x03,
	/* 108 */ 0x00, 0x00, 0x1e, 0x00, 0x06, 0x00, 0x00, 0x00,
	/* 110 */ 0x00, 0x00, 0x00, 0x80, 0x01, 0x00, 0x80, 0x00,
	/* 118 */ 0x01, 0x00, 0x00, 0x00, 0x4b, 0x25, 0x00, 0x20,
	/* 120 */ 0x12, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x30,
	/* 128 */ 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	/* 130 */ 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	/* 138 */ 0x00, 0x00, 0x00, 0x00,
	/* 13c */ 0x23, 0x00, 0xc1, 0x15, 0x98, 0x1e, 0x02, 0x02,
	/* 144 */ 0x07, 0x00, 0x26, 0x00, 0x02, 0x00, 0x26, 0x00,
	/* 14c */ 0x17, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00,
	/* 154 */ 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	/* 15c */ 0x23, 0x00, 0x01, 0x00, 0x98, 0x1e, 0xc0, 0x01,
	/* 164 */ 0x0a, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	/* 16c */ 0x00, 0x00, 0x00, 0x00, 0x04, 0x00, 0x00, 0x00,
	/* 174 */ 0x00, 0x00, 0x00, 0x00,
};

static const uint8_t type3_two_ranges[END - DEVICE] = {
	/* 100 */ 0x23, 0x00, 0xc1, 0x13, 0x98, 0x1e, 0xc3, 0x03,
	/* 108 */ 0x00, 0x00, 0x2e, 0x00, 0x06, 0x00, 0x00, 0x00,
	/* 110 */ 0x00, 0x00, 0x00, 0x80, 0x01, 0x00, 0x80, 0x00,
	/* 118 */ 0x01, 0x00, 0x00, 0x00, 0x4b, 0x25, 0x00, 0x20,
	/* 120 */ 0x12, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x30,
	/* 128 */ 0x02, 0x00, 0x00, 0x00, 0x4b, 0x46, 0x01, 0x40,
	/* 130 */ 0x34, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x50,
	/* 138 */ 0x00, 0x00, 0x00, 0x00,
	/* 13c */ 0x23, 0x00, 0xc1, 0x15, 0x98, 0x1e, 0x02, 0x02,
	/* 144 */ 0x07, 0x00, 0x26, 0x00, 0x02, 0x00, 0x26, 0x00,
	/* 14c */ 0x17, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00,
	/* 154 */ 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	/* 15c */ 0x23, 0x00, 0x01, 0x00, 0x98, 0x1e, 0xc0, 0x01,
	/* 164 */ 0x0a, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	/* 16c */ 0x00, 0x00, 0x00, 0x00, 0x04, 0x00, 0x00, 0x00,
	/* 174 */ 0x00, 0x00, 0x00, 0x00,
};

/*
 * What a guest meets in a register: read at open, after all ones, after all zeros;
 * of the ones the bits that are refused; what reaches the hardware of the ones and
 * of the zeros
 */
struct met {
	uint16_t pos;
	uint8_t size;
	uint32_t open;
	uint32_t ones;
	uint32_t zeros;
	uint32_t refused;
	const char *ones_reach;
	const char *zeros_reach;
};

#define RO(pos, size, value, refused) { pos, size, value, value, value, refused, "", "" }

/* cxl-device, on each of the devices */
static const struct met cxl_device_type2[] = {
	RO(0x104, 4, 0x03c31e98, 0xfc3ce167),
	RO(0x108, 2, 0x0000, 0xffff),
	/* CXL reset is hidden */
	RO(0x10a, 2, 0xc05f, 0x3fa0),
	/* Without Direct_P2P_Mem_Capable bit 12 is reserved */
	{ 0x10c, 2, 0x0002, 0x4fff, 0x0002, 0, "", "" },
	/* A clear of Viral_Status is acknowledged */
	{ 0x10e, 2, 0x4000, 0x0000, 0x4000, 0, "", "" },
	/* Modified_Completion_Enable is there; neither a CXL reset nor bit 4 */
	{ 0x110, 2, 0x0000, 0x0029, 0x0000, 0x0014, "110=03 ", "110=00 " },
	RO(0x112, 2, 0x8001, 0x0006),
	{ 0x114, 2, 0x0000, 0x0001, 0x0000, 0, "", "" },
	RO(0x116, 2, 0x12f2, 0xed0d),
	RO(0x118, 4, 0x00000001, 0xfffffffe),
	RO(0x11c, 4, 0x2000254b, 0xd001dab4),
	{ 0x120, 4, 0x00000000, 0xffffffff, 0x00000000, 0, "", "" },
	{ 0x124, 4, 0x00000000, 0xf0000000, 0x00000000, 0, "", "" },
	RO(0x128, 4, 0x00000000, 0xffffffff),
	RO(0x12c, 4, 0x00000000, 0xf001ffff),
	{ 0x130, 4, 0x00000000, 0xffffffff, 0x00000000, 0, "", "" },
	{ 0x134, 4, 0x00000000, 0xf0000000, 0x00000000, 0, "", "" },
	RO(0x138, 2, 0x0007, 0x0018),
	/* The other DVSECs are the hardware's, and read-only */
	RO(0x140, 4, 0x02021e98, 0xfdfde167),
	RO(0x144, 2, 0x0007, 0xfff8),
	RO(0x146, 2, 0x0027, 0xffd8),
	RO(0x148, 2, 0x0027, 0xffd8),
	RO(0x14a, 2, 0x0027, 0xffd8),
	RO(0x14c, 4, 0x0000001f, 0xffffffe0),
	RO(0x150, 4, 0x00000001, 0xfffffffe),
	RO(0x154, 4, 0x00000001, 0xfffffffe),
	RO(0x158, 4, 0x00000000, 0xffffffff),
	RO(0x160, 4, 0x01c01e98, 0xfe3fe167),
	RO(0x164, 2, 0x000a, 0xfff5),
	RO(0x166, 2, 0x0000, 0xffff),
	RO(0x168, 4, 0x2a0003ff, 0xd5fffc00),
	RO(0x16c, 4, 0x00004010, 0xffffbfef),
	RO(0x170, 4, 0x00000004, 0xfffffffb),
	RO(0x174, 4, 0x00000000, 0xffffffff),
};

static const struct met cxl_device_type3_one_range[] = {
	RO(0x104, 4, 0x03c31e98, 0xfc3ce167),
	RO(0x108, 2, 0x0000, 0xffff),
	RO(0x10a, 2, 0x001e, 0xffe1),
	{ 0x10c, 2, 0x0002, 0x4fff, 0x0002, 0, "", "" },
	RO(0x10e, 2, 0x0000, 0),
	{ 0x110, 2, 0x0000, 0x0009, 0x0000, 0x0034, "110=03 ", "110=00 " },
	RO(0x112, 2, 0x8000, 0x0007),
	{ 0x114, 2, 0x0000, 0x0001, 0x0000, 0, "", "" },
	RO(0x116, 2, 0x0080, 0xff7f),
	RO(0x118, 4, 0x00000001, 0xfffffffe),
	RO(0x11c, 4, 0x2000254b, 0xd001dab4),
	{ 0x120, 4, 0x00000000, 0xffffffff, 0x00000000, 0, "", "" },
	{ 0x124, 4, 0x00000000, 0xf0000000, 0x00000000, 0, "", "" },
	RO(0x128, 4, 0x00000000, 0xffffffff),
	RO(0x12c, 4, 0x00000000, 0xf001ffff),
	{ 0x130, 4, 0x00000000, 0xffffffff, 0x00000000, 0, "", "" },
	{ 0x134, 4, 0x00000000, 0xf0000000, 0x00000000, 0, "", "" },
	RO(0x138, 2, 0x0000, 0x001f),
	RO(0x140, 4, 0x02021e98, 0xfdfde167),
	RO(0x144, 2, 0x0007, 0xfff8),
	RO(0x146, 2, 0x0026, 0xffd9),
	RO(0x148, 2, 0x0002, 0xfffd),
	RO(0x14a, 2, 0x0026, 0xffd9),
	RO(0x14c, 4, 0x00000017, 0xffffffe8),
	RO(0x150, 4, 0x00000001, 0xfffffffe),
	RO(0x154, 4, 0x00000001, 0xfffffffe),
	RO(0x158, 4, 0x00000000, 0xffffffff),
	RO(0x160, 4, 0x01c01e98, 0xfe3fe167),
	RO(0x164, 2, 0x000a, 0xfff5),
	RO(0x166, 2, 0x0000, 0xffff),
	RO(0x168, 4, 0x00000000, 0xffffffff),
	RO(0x16c, 4, 0x00000000, 0xffffffff),
	RO(0x170, 4, 0x00000004, 0xfffffffb),
	RO(0x174, 4, 0x00000000, 0xffffffff),
};

/* As with one range, but for these */
static const struct met cxl_device_type3_two_ranges[] = {
	RO(0x10a, 2, 0x002e, 0xffd1),
	RO(0x128, 4, 0x00000002, 0xfffffffd),
	RO(0x12c, 4, 0x4001464b, 0xb000b9b4),
};

/* What is otherwise than under cxl-device, on any of the devices */
static const struct met locked_any[] = {
	RO(0x10c, 2, 0x0002, 0x4ffd),
	RO(0x114, 2, 0x0001, 0),
	RO(0x120, 4, 0x00000000, 0xffffffff),
	RO(0x124, 4, 0x00000000, 0xf0000000),
	RO(0x130, 4, 0x00000000, 0xffffffff),
	RO(0x134, 4, 0x00000000, 0xf0000000),
};

static const struct met no_cache_type2[] = {
	RO(0x10a, 2, 0xc01e, 0x3fe1),
	/* Mem_Enable and Viral_Enable are left */
	{ 0x10c, 2, 0x0002, 0x4006, 0x0002, 0x0ff9, "", "" },
	/* CXL_Reset_Mem_Clr_Enable and Modified_Completion_Enable are */
	{ 0x110, 2, 0x0000, 0x0028, 0x0000, 0x0017, "", "" },
	RO(0x112, 2, 0x8000, 0x0007),
	/* Modified_Completion_Capable and No_Clean_Writeback are */
	RO(0x116, 2, 0x00c0, 0xff3f),
	RO(0x146, 2, 0x0026, 0xffd9),
	RO(0x148, 2, 0x0026, 0xffd9),
	RO(0x14a, 2, 0x0026, 0xffd9),
	RO(0x14c, 4, 0x00000017, 0xffffffe8),
	RO(0x168, 4, 0x00000000, 0xffffffff),
	RO(0x16c, 4, 0x00000000, 0xffffffff),
};

static const struct met no_cache_type3[] = {
	{ 0x10c, 2, 0x0002, 0x4006, 0x0002, 0x0ff9, "", "" },
	{ 0x110, 2, 0x0000, 0x0008, 0x0000, 0x0037, "", "" },
};

static const struct met type3_memory_any[] = {
	{ 0x10c, 2, 0x0006, 0x4fff, 0x0002, 0, "", "" },
	{ 0x120, 4, 0x00000080, 0xffffffff, 0x00000000, 0, "", "" },
	RO(0x130, 4, 0x00000000, 0xffffffff),
	RO(0x134, 4, 0x00000000, 0xf0000000),
};

/* A second range isn't shown */
static const struct met type3_memory_two_ranges[] = {
	RO(0x10a, 2, 0x001e, 0xffe1),
	RO(0x128, 4, 0x00000000, 0xffffffff),
	RO(0x12c, 4, 0x00000000, 0xf001ffff),
};

/* clang-format on */

/* Tables of which a later one has the last word on a register */
#define MAX_TABLES 4
#define TABLE(rows)                                                                                \
	{                                                                                          \
		rows, ARRAY_SIZE(rows)                                                             \
	}

struct table {
	const struct met *rows;
	unsigned int nr;
};

static const struct expected {
	const char *policy;
	const char *device;
	const uint8_t *hw;
	struct table tables[MAX_TABLES];
} all_expected[] = {
	{ "cxl-device", "type 2", type2, { TABLE(cxl_device_type2) } },
	{ "cxl-device",
	  "type 3 with one range",
	  type3_one_range,
	  { TABLE(cxl_device_type3_one_range) } },
	{ "cxl-device",
	  "type 3 with two ranges",
	  type3_two_ranges,
	  { TABLE(cxl_device_type3_one_range), TABLE(cxl_device_type3_two_ranges) } },
	{ "locked", "type 2", type2, { TABLE(cxl_device_type2), TABLE(locked_any) } },
	{ "locked",
	  "type 3 with one range",
	  type3_one_range,
	  { TABLE(cxl_device_type3_one_range), TABLE(locked_any) } },
	{ "locked",
	  "type 3 with two ranges",
	  type3_two_ranges,
	  { TABLE(cxl_device_type3_one_range), TABLE(cxl_device_type3_two_ranges),
	    TABLE(locked_any) } },
	{ "no-cache", "type 2", type2, { TABLE(cxl_device_type2), TABLE(no_cache_type2) } },
	{ "no-cache",
	  "type 3 with one range",
	  type3_one_range,
	  { TABLE(cxl_device_type3_one_range), TABLE(no_cache_type3) } },
	{ "no-cache",
	  "type 3 with two ranges",
	  type3_two_ranges,
	  { TABLE(cxl_device_type3_one_range), TABLE(cxl_device_type3_two_ranges),
	    TABLE(no_cache_type3) } },
	{ "type3-memory", "type 2", type2, { TABLE(cxl_device_type2), TABLE(type3_memory_any) } },
	{ "type3-memory",
	  "type 3 with one range",
	  type3_one_range,
	  { TABLE(cxl_device_type3_one_range), TABLE(type3_memory_any) } },
	{ "type3-memory",
	  "type 3 with two ranges",
	  type3_two_ranges,
	  { TABLE(cxl_device_type3_one_range), TABLE(type3_memory_any),
	    TABLE(type3_memory_two_ranges) } },
};

static const struct met *row_of(const struct expected *expected, unsigned int pos)
{
	const struct met *found = NULL;
	unsigned int i, j;

	for (i = 0; i < MAX_TABLES; i++)
		for (j = 0; j < expected->tables[i].nr; j++)
			if (expected->tables[i].rows[j].pos == pos)
				found = &expected->tables[i].rows[j];
	return found;
}

/* ---- a device that is open under a policy ---- */

struct device {
	struct cxl_policy policy;
	struct cxl_shadow shadow;
	uint8_t hw[END - DEVICE];
	int verdict;
	struct cxl_outcome out;
	char written[256];
};

static struct policy parsed;
static struct policy_image image;
static char error[POLICY_ERROR_LEN];

static const struct cxl_policy *compile(void)
{
	if (policy_compile(&parsed, &image, error))
		fail_msg("%s", error);
	return &image.table;
}

/* A shipped policy, by its file */
static const struct cxl_policy *shipped(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), FOLDER "/%s.yaml", name);
	if (policy_load(path, &parsed, error))
		fail_msg("%s", error);
	return compile();
}

static const struct cxl_policy *written(const char *yaml)
{
	if (policy_parse(yaml, strlen(yaml), "t.yaml", &parsed, error))
		fail_msg("%s", error);
	return compile();
}

static uint32_t hw_read(const struct device *d, unsigned int pos, unsigned int size)
{
	uint32_t value = 0;
	unsigned int i;

	for (i = 0; i < size; i++)
		value |= (uint32_t)d->hw[pos - DEVICE + i] << (8 * i);
	return value;
}

static const struct place *place_of(unsigned int pos)
{
	return pos >= TEST ? &places[2] : pos >= FLEXBUS ? &places[1] : &places[0];
}

static void each_dword(struct device *d, uint32_t reset)
{
	unsigned int pos;

	for (pos = DEVICE; pos < END; pos += 4) {
		const struct place *place = place_of(pos);
		uint32_t dvsec = cxl_engine_find(&d->policy, 0x1e98, place->id);
		unsigned int offset = pos - place->start;

		if (!offset)
			continue;
		if (reset)
			cxl_engine_reset(&d->policy, dvsec, &d->shadow, place->start, offset,
					 hw_read(d, pos, 4), reset);
		else
			cxl_engine_open(&d->policy, dvsec, &d->shadow, place->start, offset,
					hw_read(d, pos, 4));
	}
}

/* The policy takes the device over, at open or by a swap */
static void take_over(struct device *d, const struct cxl_policy *policy)
{
	d->policy = *policy;
	each_dword(d, 0);
}

static void start(struct device *d, const struct cxl_policy *policy, const uint8_t *hw)
{
	memset(d, 0, sizeof(*d));
	memcpy(d->hw, hw, sizeof(d->hw));
	take_over(d, policy);
}

/* As the kernel does it: asked for the hardware, the engine is called once more */
static void decide(struct device *d, unsigned int pos, unsigned int size, uint32_t value,
		   bool is_write)
{
	const struct place *place = place_of(pos);
	uint32_t dvsec = cxl_engine_find(&d->policy, 0x1e98, place->id);
	struct cxl_access access = {
		.start = place->start,
		.length = place->length,
		.offset = pos - place->start,
		.size = size,
		.value = value,
	};
	int round;

	for (round = 0; round < 2; round++) {
		memset(&d->out, 0, sizeof(d->out));
		d->verdict =
			is_write ? cxl_engine_write(&d->policy, dvsec, &d->shadow, &access, &d->out)
				 : cxl_engine_read(&d->policy, dvsec, &d->shadow, &access, &d->out);
		if (d->verdict != VFIO_PCI_DVSEC_NEED_HW)
			break;
		access.again = 1;
		access.hw = hw_read(d, pos, size) & d->out.hw_mask;
	}
}

static uint32_t rd(struct device *d, unsigned int pos, unsigned int size)
{
	decide(d, pos, size, 0, false);
	assert_int_equal(d->verdict, DONE);
	return (d->out.result & ~d->out.hw_mask) | (hw_read(d, pos, size) & d->out.hw_mask);
}

/* Carries the plan out and logs the bytes that reach the hardware, by their place in it */
static int wr(struct device *d, unsigned int pos, unsigned int size, uint32_t value)
{
	unsigned int i, at = 0;

	decide(d, pos, size, value, true);
	d->written[0] = '\0';
	for (i = 0; i < size; i++) {
		uint8_t write = d->out.hw_write >> (8 * i);
		uint8_t keep = d->out.hw_keep >> (8 * i);
		uint8_t val = d->out.hw_value >> (8 * i);

		if (!write)
			continue;
		val = (val & write) | (d->hw[pos - DEVICE + i] & keep & ~write);
		at += snprintf(d->written + at, sizeof(d->written) - at, "%03x=%02x ", pos + i,
			       val);
		d->hw[pos - DEVICE + i] = val;
	}
	return d->verdict;
}

static uint32_t mask_of(unsigned int size)
{
	return size == 4 ? 0xffffffff : size == 2 ? 0xffff : 0xff;
}

/* ---- each policy on each device ---- */

static void every_register_reads_at_open_as_it_is_written_down(void **state)
{
	unsigned int i, pos, size;
	struct device d;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(all_expected); i++) {
		const struct expected *expected = &all_expected[i];
		unsigned int seen = 0;

		for (pos = DEVICE + 4; pos < END; pos += 2) {
			const struct met *met = row_of(expected, pos);

			if (!met)
				continue;
			start(&d, shipped(expected->policy), expected->hw);
			if (rd(&d, pos, met->size) != met->open)
				fail_msg("%s, %s: %03x reads %x, not %x", expected->policy,
					 expected->device, pos, rd(&d, pos, met->size), met->open);
			seen += met->size;
		}
		/* But for the first dwords, which are vfio's, and two bytes that are no register */
		assert_int_equal(seen, END - DEVICE - 3 * 4 - 2);
	}
	/* The same by all widths */
	for (i = 0; i < ARRAY_SIZE(all_expected); i++) {
		const struct expected *expected = &all_expected[i];
		uint8_t image_of[END - DEVICE] = {};
		unsigned int j;

		for (pos = DEVICE + 4; pos < END; pos += 2) {
			const struct met *met = row_of(expected, pos);

			for (j = 0; met && j < met->size; j++)
				image_of[pos - DEVICE + j] = met->open >> (8 * j);
		}
		start(&d, shipped(expected->policy), expected->hw);
		for (size = 1; size <= 4; size *= 2)
			for (pos = DEVICE + 4; pos < END; pos += size) {
				uint32_t value = 0;

				if (pos - place_of(pos)->start < 4)
					continue;
				for (j = 0; j < size; j++)
					value |= (uint32_t)image_of[pos - DEVICE + j] << (8 * j);
				if (rd(&d, pos, size) != value)
					fail_msg("%s, %s: %03x.%u reads %x, not %x",
						 expected->policy, expected->device, pos, size,
						 rd(&d, pos, size), value);
			}
	}
}

static void every_register_takes_what_is_written_down_and_no_more(void **state)
{
	unsigned int i, pos;
	struct device d;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(all_expected); i++) {
		const struct expected *expected = &all_expected[i];

		for (pos = DEVICE + 4; pos < END; pos += 2) {
			const struct met *met = row_of(expected, pos);

			if (!met)
				continue;
			start(&d, shipped(expected->policy), expected->hw);
			wr(&d, pos, met->size, mask_of(met->size));
			if (strcmp(d.written, met->ones_reach))
				fail_msg("%s, %s: of ones at %03x '%s' reaches the hardware",
					 expected->policy, expected->device, pos, d.written);
			if (d.out.refused != met->refused)
				fail_msg("%s, %s: of ones at %03x %x is refused, not %x",
					 expected->policy, expected->device, pos, d.out.refused,
					 met->refused);
			assert_int_equal(d.verdict, met->refused ? DENIED : DONE);
			if (rd(&d, pos, met->size) != met->ones)
				fail_msg("%s, %s: after ones %03x reads %x, not %x",
					 expected->policy, expected->device, pos,
					 rd(&d, pos, met->size), met->ones);

			start(&d, shipped(expected->policy), expected->hw);
			wr(&d, pos, met->size, 0);
			if (strcmp(d.written, met->zeros_reach))
				fail_msg("%s, %s: of zeros at %03x '%s' reaches the hardware",
					 expected->policy, expected->device, pos, d.written);
			if (rd(&d, pos, met->size) != met->zeros)
				fail_msg("%s, %s: after zeros %03x reads %x, not %x",
					 expected->policy, expected->device, pos,
					 rd(&d, pos, met->size), met->zeros);
		}
	}
}

static void read_only_shows_what_cxl_device_shows_and_changes_nothing(void **state)
{
	unsigned int i, pos, round;
	struct device d;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(all_expected); i++) {
		const struct expected *expected = &all_expected[i];

		if (strcmp(expected->policy, "cxl-device"))
			continue;
		for (pos = DEVICE + 4; pos < END; pos += 2) {
			const struct met *met = row_of(expected, pos);

			for (round = 0; met && round < 2; round++) {
				start(&d, shipped("read-only"), expected->hw);
				assert_int_equal(rd(&d, pos, met->size), met->open);
				wr(&d, pos, met->size, round ? mask_of(met->size) : 0);
				assert_string_equal(d.written, "");
				assert_int_equal(rd(&d, pos, met->size), met->open);
			}
		}
	}
}

static void passthrough_is_the_hardware_in_every_register(void **state)
{
	static const uint8_t *const hardware[] = { type2, type3_one_range, type3_two_ranges };
	unsigned int i, pos;
	struct device d;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(hardware); i++)
		for (pos = DEVICE + 4; pos < END; pos += 4) {
			char reached[64];

			if (pos == FLEXBUS || pos == TEST)
				continue;
			start(&d, shipped("passthrough"), hardware[i]);
			assert_int_equal(rd(&d, pos, 4), hw_read(&d, pos, 4));
			assert_int_equal(wr(&d, pos, 4, 0x89abcdef), DONE);
			snprintf(reached, sizeof(reached), "%03x=ef %03x=cd %03x=ab %03x=89 ", pos,
				 pos + 1, pos + 2, pos + 3);
			assert_string_equal(d.written, reached);
			assert_int_equal(rd(&d, pos, 4), 0x89abcdef);
		}
}

/* ---- no-cache ---- */

/* Bits that tell of CXL.cache, by byte */
static uint8_t of_cache(unsigned int pos)
{
	switch (pos) {
	case 0x10a: /* Cache_Capable, Cache_Writeback_and_Invalidate_Capable */
		return 0x41;
	case 0x10c: /* Cache_Enable, Cache_SF_Coverage */
		return 0xf9;
	case 0x10d: /* Cache_SF_Granularity, Cache_Clean_Eviction */
		return 0x0f;
	case 0x110: /* Disable_Caching, Initiate_Cache_WBI */
		return 0x03;
	case 0x112: /* Cache_Invalid */
		return 0x01;
	case 0x116: /* Cache_Size_Unit, Fallback_Capability */
		return 0x3f;
	case 0x117: /* Cache_Size */
		return 0xff;
	case 0x146: /* Flex Bus port: Cache_Capable, Cache_Enable, Cache_Enabled */
	case 0x148:
	case 0x14a:
		return 0x01;
	case 0x14c: /* CXL.cache Capable, as the port above has sent it */
		return 0x08;
	case 0x168: /* DVSEC CXL Test Capability1 */
	case 0x169:
	case 0x16a:
	case 0x16b:
	case 0x16c: /* Cache Size of Capability2, and its unit */
	case 0x16d:
		return 0xff;
	default:
		return 0;
	}
}

static uint32_t of_cache_in(unsigned int pos, unsigned int size)
{
	uint32_t bits = 0;
	unsigned int i;

	for (i = 0; i < size; i++)
		bits |= (uint32_t)of_cache(pos + i) << (8 * i);
	return bits;
}

static void tells_of_no_cache(struct device *d)
{
	unsigned int pos, size;

	for (size = 1; size <= 4; size *= 2)
		for (pos = DEVICE + 4; pos < END; pos += size)
			if (pos - place_of(pos)->start >= 4 &&
			    (rd(d, pos, size) & of_cache_in(pos, size)))
				fail_msg("%03x.%u reads %x", pos, size, rd(d, pos, size));
}

static void no_bit_tells_of_a_cache_whatever_the_device_is_and_the_guest_writes(void **state)
{
	const struct cxl_policy *policy = shipped("no-cache");
	struct choices choices = { .state = 1 };
	struct device d;
	unsigned int i, j, reached = 0;

	(void)state;
	for (i = 0; i < 2000; i++) {
		uint8_t hw[END - DEVICE];

		memcpy(hw, type2, sizeof(hw));
		for (j = 0; j < sizeof(hw); j++)
			if (j % 4 >= 2 || j > 8)
				hw[j] = i ? choose(&choices, 256) : 0xff;
		start(&d, policy, hw);
		tells_of_no_cache(&d);
		for (j = 0; j < 50; j++) {
			unsigned int size = 1U << choose(&choices, 3);
			unsigned int pos = DEVICE + choose(&choices, (END - DEVICE) / size) * size;

			if (pos - place_of(pos)->start < 4)
				continue;
			wr(&d, pos, size, i ? choose_bits(&choices) : 0xffffffff);
			/* All that can be written is Volatile_HDM_Preservation_Error */
			if (d.written[0] && strcmp(d.written, "112=08 "))
				fail_msg("%03x.%u reaches the hardware: %s", pos, size, d.written);
			reached += d.written[0] != '\0';
			if (!choose(&choices, 10))
				each_dword(&d, choose(&choices, 2) ? CONVENTIONAL : FUNCTION);
		}
		tells_of_no_cache(&d);
	}
	/* Or the above has not tried anything */
	assert_in_range(reached, 100, 100000);
}

static void what_a_guest_has_enabled_before_is_hidden_by_no_cache(void **state)
{
	struct device d;

	(void)state;
	start(&d, shipped("cxl-device"), type2);
	wr(&d, 0x10c, 2, 0x0ffd);
	wr(&d, 0x110, 2, 0x0001);
	take_over(&d, shipped("no-cache"));
	tells_of_no_cache(&d);
	assert_int_equal(rd(&d, 0x10c, 2), 0x0006);
	assert_int_equal(wr(&d, 0x110, 2, 0x0003), DENIED);
	assert_string_equal(d.written, "");
	assert_int_equal(d.out.refused, 0x0003);
	assert_int_equal(d.out.flags, CXL_EVENT_REFUSED);
}

static void no_clean_writeback_is_the_hardwares_to_promise(void **state)
{
	struct device d;

	(void)state;
	start(&d, shipped("no-cache"), type2);
	assert_int_equal(rd(&d, 0x116, 2), 0x00c0);
	d.hw[0x16] = 0x72;
	take_over(&d, shipped("no-cache"));
	assert_int_equal(rd(&d, 0x116, 2), 0x0040);
}

/* ---- locked ---- */

static void is_locked(struct device *d)
{
	assert_int_equal(rd(d, 0x114, 2), 0x0001);
	assert_int_equal(wr(d, 0x114, 2, 0x0000), DENIED);
	assert_int_equal(rd(d, 0x114, 2), 0x0001);
	assert_int_equal(wr(d, 0x10c, 2, 0xffff), DENIED);
	assert_int_equal(d->out.flags, CXL_EVENT_LOCKED);
	assert_int_equal(rd(d, 0x10c, 2), 0x0002);
	assert_int_equal(wr(d, 0x120, 4, 0x00000001), DENIED);
	assert_int_equal(wr(d, 0x124, 4, 0x10000000), DENIED);
	assert_int_equal(wr(d, 0x130, 4, 0x00000001), DENIED);
	assert_int_equal(wr(d, 0x134, 4, 0x10000000), DENIED);
	assert_int_equal(rd(d, 0x120, 4) | rd(d, 0x124, 4) | rd(d, 0x130, 4) | rd(d, 0x134, 4), 0);
}

static void locked_is_so_from_the_start_and_after_each_reset(void **state)
{
	struct device d;

	(void)state;
	start(&d, shipped("locked"), type2);
	is_locked(&d);
	each_dword(&d, FUNCTION);
	is_locked(&d);
	each_dword(&d, CONVENTIONAL);
	is_locked(&d);
}

static void locked_leaves_control2_to_the_guest(void **state)
{
	struct device d;

	(void)state;
	start(&d, shipped("locked"), type2);
	assert_int_equal(wr(&d, 0x110, 2, 0x0003), DONE);
	assert_string_equal(d.written, "110=03 ");
	assert_int_equal(rd(&d, 0x110, 2), 0x0001);
}

static void locked_comes_over_an_open_device_with_its_next_reset(void **state)
{
	struct device d;

	(void)state;
	start(&d, shipped("cxl-device"), type2);
	wr(&d, 0x10c, 2, 0x0004);
	take_over(&d, shipped("locked"));
	assert_int_equal(rd(&d, 0x114, 2), 0x0000);
	assert_int_equal(rd(&d, 0x10c, 2), 0x0006);
	each_dword(&d, CONVENTIONAL);
	is_locked(&d);
}

/* ---- type3-memory ---- */

static void the_guest_may_move_its_memory_until_a_conventional_reset(void **state)
{
	struct device d;

	(void)state;
	start(&d, shipped("type3-memory"), type3_one_range);
	assert_int_equal(wr(&d, 0x10c, 2, 0x0002), DONE);
	assert_int_equal(wr(&d, 0x120, 4, 0x00000001), DONE);
	assert_int_equal(wr(&d, 0x124, 4, 0x90000000), DONE);
	assert_int_equal(rd(&d, 0x10c, 2), 0x0002);
	each_dword(&d, FUNCTION);
	assert_int_equal(rd(&d, 0x120, 4), 0x00000001);
	assert_int_equal(rd(&d, 0x124, 4), 0x90000000);
	each_dword(&d, CONVENTIONAL);
	assert_int_equal(rd(&d, 0x10c, 2), 0x0006);
	assert_int_equal(rd(&d, 0x120, 4), 0x00000080);
	assert_int_equal(rd(&d, 0x124, 4), 0x00000000);
	assert_memory_equal(d.hw, type3_one_range, sizeof(d.hw));
}

/* Of each range that the guest is told of, whatever the hardware says */
static void mem_enable_is_never_over_a_base_of_0(void **state)
{
	const struct cxl_policy *policy = shipped("type3-memory");
	struct choices choices = { .state = 2 };
	struct device d;
	unsigned int i, j;

	(void)state;
	for (i = 0; i < 2000; i++) {
		uint8_t hw[END - DEVICE];
		uint16_t capability;

		memcpy(hw, type3_two_ranges, sizeof(hw));
		for (j = 0x0a; j < 0x3c; j++)
			hw[j] = choose(&choices, 256);
		start(&d, policy, hw);
		capability = rd(&d, 0x10a, 2);
		/* Mem_Capable, HDM_Count */
		assert_int_equal(capability & 0x0034, hw[0x0a] & 0x04 ? 0x0014 : 0);
		assert_int_equal(rd(&d, 0x10c, 2), hw[0x0a] & 0x04 ? 0x0006 : 0x0002);
		assert_int_not_equal(rd(&d, 0x120, 4) | rd(&d, 0x124, 4), 0);
		for (j = 0x128; j < 0x138; j += 4)
			assert_int_equal(rd(&d, j, 4), 0);
	}
}

static void without_mem_capable_there_is_no_mem_enable(void **state)
{
	uint8_t hw[END - DEVICE];
	struct device d;

	(void)state;
	memcpy(hw, type2, sizeof(hw));
	hw[0x0a] = 0x03;
	hw[0x0b] = 0x00;
	start(&d, shipped("type3-memory"), hw);
	assert_int_equal(rd(&d, 0x10a, 2), 0x0003);
	assert_int_equal(rd(&d, 0x10c, 2), 0x0002);
	assert_int_equal(wr(&d, 0x10c, 2, 0x0006), DENIED);
	assert_int_equal(rd(&d, 0x10c, 2), 0x0002);
}

static void both_ranges_can_be_shown_by_a_policy_of_ones_own(void **state)
{
	const struct cxl_policy *policy = written(
		"name: both\n"
		"based-on: type3-memory\n"
		"dvsecs:\n"
		"  - vendor: 0x1e98\n"
		"    id: 0\n"
		"    fields:\n"
		"      - {field: capability.hdm_count, read: hardware}\n"
		"      - {field: range2_size_high.memory_size_high, read: hardware}\n"
		"      - {field: range2_size_low.memory_info_valid, read: hardware}\n"
		"      - {field: range2_size_low.memory_active, read: hardware}\n"
		"      - {field: range2_size_low.media_type, read: hardware}\n"
		"      - {field: range2_size_low.memory_class, read: hardware}\n"
		"      - {field: range2_size_low.desired_interleave, read: hardware}\n"
		"      - {field: range2_size_low.memory_active_timeout, read: hardware}\n"
		"      - {field: range2_size_low.memory_active_degraded, read: hardware}\n"
		"      - {field: range2_size_low.memory_size_low, read: hardware}\n"
		"      - {field: range2_base_high.memory_base_high, attribute: RWL, value: 0x90}\n"
		"      - {field: range2_base_low.memory_base_low, attribute: RWL, value: 0x1}\n");
	struct device d;

	(void)state;
	start(&d, policy, type3_two_ranges);
	assert_int_equal(rd(&d, 0x10a, 2), 0x002e);
	assert_int_equal(rd(&d, 0x120, 4), 0x00000080);
	assert_int_equal(rd(&d, 0x128, 4), 0x00000002);
	assert_int_equal(rd(&d, 0x12c, 4), 0x4001464b);
	assert_int_equal(rd(&d, 0x130, 4), 0x00000090);
	assert_int_equal(rd(&d, 0x134, 4), 0x10000000);
	assert_int_equal(wr(&d, 0x130, 4, 0x91), DONE);
	assert_int_equal(rd(&d, 0x130, 4), 0x00000091);
}

/* ---- as files, in the loader, and in the object ---- */

static char *read_file(const char *path)
{
	FILE *f = fopen(path, "r");
	char *text = calloc(1, 65536);

	if (!f || !text || !fread(text, 1, 65535, f))
		fail_msg("%s: %s", path, strerror(errno));
	fclose(f);
	return text;
}

/* The lines of the comment that are set off, as YAML */
static const struct cxl_policy *example_in(const char *name)
{
	char path[128], yaml[4096] = "", *text, *line, *rest;

	snprintf(path, sizeof(path), FOLDER "/%s.yaml", name);
	text = read_file(path);
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		if (!strncmp(line, "#   ", 4))
			snprintf(yaml + strlen(yaml), sizeof(yaml) - strlen(yaml), "%s\n",
				 line + 4);
	free(text);
	return written(yaml);
}

static void the_examples_in_their_comments_do_what_is_said(void **state)
{
	struct device d;

	(void)state;
	start(&d, example_in("type3-memory"), type3_one_range);
	assert_int_equal(rd(&d, 0x10c, 2), 0x0006);
	assert_int_equal(rd(&d, 0x120, 4), 0x00000004);
	assert_int_equal(rd(&d, 0x124, 4), 0x90000000);

	start(&d, example_in("locked"), type3_one_range);
	assert_int_equal(rd(&d, 0x10c, 2), 0x0006);
	assert_int_equal(rd(&d, 0x114, 2), 0x0001);
	assert_int_equal(rd(&d, 0x120, 4), 0x00000080);
	assert_int_equal(wr(&d, 0x120, 4, 0), DENIED);
	assert_int_equal(wr(&d, 0x10c, 2, 0x0002), DENIED);
	assert_int_equal(rd(&d, 0x10c, 2), 0x0006);
	assert_int_equal(rd(&d, 0x120, 4), 0x00000080);
}

/* Indented by four, and beginning with a name */
static void the_examples_in_the_manual_are_policies(void **state)
{
	char *text = read_file("loader/man/cxl-policy-format.5.rst"), *line, *next, yaml[4096] = "";
	unsigned int examples = 0;

	(void)state;
	for (line = text; line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		if (yaml[0] && line[0] && strncmp(line, "    ", 4)) {
			written(yaml);
			examples++;
			yaml[0] = '\0';
		}
		if (!strncmp(line, "    name: ", 10) || (yaml[0] && line[0]))
			snprintf(yaml + strlen(yaml), sizeof(yaml) - strlen(yaml), "%s\n",
				 line + 4);
	}
	free(text);
	assert_int_equal(examples, 5);
}

static void the_loader_carries_each_file_as_it_is(void **state)
{
	const struct policy_text *text;
	struct dirent *entry;
	unsigned int files = 0, embedded = 0;
	char path[512], *file;
	DIR *dir;

	(void)state;
	for (text = policy_embedded; text->name; text++) {
		snprintf(path, sizeof(path), FOLDER "/%s.yaml", text->name);
		file = read_file(path);
		assert_string_equal(text->text, file);
		free(file);
		if (policy_parse(text->text, strlen(text->text), text->name, &parsed, error))
			fail_msg("%s", error);
		assert_string_equal(parsed.name, text->name);
		assert_int_not_equal(parsed.description[0], '\0');
		embedded++;
	}
	dir = opendir(FOLDER);
	assert_non_null(dir);
	while ((entry = readdir(dir)))
		files += strstr(entry->d_name, ".yaml") != NULL;
	closedir(dir);
	assert_int_equal(embedded, files);
}

/* The one that a claim of other DVSECs could not be made for without the loader */
static void no_shipped_policy_claims_what_isnt_cxls(void **state)
{
	const struct policy_text *text;

	(void)state;
	for (text = policy_embedded; text->name; text++) {
		shipped(text->name);
		assert_int_equal(image.nr_claims, 0);
	}
}

static void the_object_enforces_the_file_cxl_device(void **state)
{
	struct bpf_object *obj = bpf_object__open_file(OBJECT, NULL);
	const struct btf_var_secinfo *info;
	const struct btf_type *section;
	const void *table = NULL;
	struct bpf_map *map;
	struct btf *btf;
	size_t size = 0;
	char *data = NULL;
	int id, i;

	(void)state;
	if (!obj)
		fail_msg(OBJECT ": %s", strerror(errno));
	btf = bpf_object__btf(obj);
	bpf_object__for_each_map(map, obj) if (strstr(bpf_map__name(map), ".rodata"))
		data = bpf_map__initial_value(map, &size);
	id = btf__find_by_name_kind(btf, ".rodata", BTF_KIND_DATASEC);
	assert_non_null(data);
	assert_true(id > 0);
	section = btf__type_by_id(btf, id);
	info = btf_var_secinfos(section);
	for (i = 0; i < btf_vlen(section); i++, info++)
		if (!strcmp(btf__name_by_offset(btf, btf__type_by_id(btf, info->type)->name_off),
			    "cxl_policy_table")) {
			assert_int_equal(info->size, sizeof(struct cxl_policy));
			assert_in_range(info->offset, 0, size - sizeof(struct cxl_policy));
			table = data + info->offset;
		}
	assert_non_null(table);
	assert_memory_equal(table, shipped("cxl-device"), sizeof(struct cxl_policy));
	bpf_object__close(obj);
}

/* ---- side by side with the oracle ---- */

static void pin_off(struct oracle_policy *policy, const char *field)
{
	struct oracle_rule *rule = &policy->rules[oracle_field(field)];

	memset(rule, 0, sizeof(*rule));
	rule->attribute = "RO";
	rule->read = ORACLE_VALUE;
	rule->when = ORACLE_ALWAYS;
}

static void at_open(struct oracle_policy *policy, const char *field, uint32_t value)
{
	policy->rules[oracle_field(field)].value = value;
}

static void with_memory(struct oracle_policy *policy, const char *field)
{
	policy->rules[oracle_field(field)].when = oracle_field("capability.mem_capable");
}

static void oracle_locked(struct oracle_policy *policy)
{
	oracle_cxl_device(policy);
	at_open(policy, "lock.config_lock", 1);
}

static void oracle_no_cache(struct oracle_policy *policy)
{
	struct oracle_rule *rule;

	oracle_cxl_device(policy);
	oracle_override(policy, "capability.cache_capable", 0);
	oracle_override(policy, "capability.cache_wbi_capable", 0);
	pin_off(policy, "control.cache_enable");
	pin_off(policy, "control.cache_sf_coverage");
	pin_off(policy, "control.cache_sf_granularity");
	pin_off(policy, "control.cache_clean_eviction");
	pin_off(policy, "control2.disable_caching");
	rule = &policy->rules[oracle_field("control2.initiate_cache_wbi")];
	rule->action = ORACLE_NO_ACTION;
	rule->write_hardware = false;
	oracle_override(policy, "status2.cache_invalid", 0);
	oracle_override(policy, "capability2.cache_size_unit", 0);
	oracle_override(policy, "capability2.fallback_capability", 0);
	oracle_override(policy, "capability2.cache_size", 0);
}

static void oracle_type3_memory(struct oracle_policy *policy)
{
	oracle_cxl_device(policy);
	oracle_override(policy, "capability.hdm_count", 1);
	with_memory(policy, "capability.hdm_count");
	at_open(policy, "control.mem_enable", 1);
	with_memory(policy, "control.mem_enable");
	at_open(policy, "range1_base_high.memory_base_high", 0x80);
	oracle_override(policy, "range2_size_high.memory_size_high", 0);
	oracle_override(policy, "range2_size_low.memory_info_valid", 0);
	oracle_override(policy, "range2_size_low.memory_active", 0);
	oracle_override(policy, "range2_size_low.media_type", 0);
	oracle_override(policy, "range2_size_low.memory_class", 0);
	oracle_override(policy, "range2_size_low.desired_interleave", 0);
	oracle_override(policy, "range2_size_low.memory_active_timeout", 0);
	oracle_override(policy, "range2_size_low.memory_active_degraded", 0);
	oracle_override(policy, "range2_size_low.memory_size_low", 0);
	pin_off(policy, "range2_base_high.memory_base_high");
	pin_off(policy, "range2_base_low.memory_base_low");
}

#define EPISODES 3000
#define STEPS	 200

static void the_oracle_sees_and_causes_the_same(void **state)
{
	static const struct {
		const char *name;
		void (*fill)(struct oracle_policy *policy);
	} policies[] = {
		{ "cxl-device", oracle_cxl_device },   { "read-only", oracle_read_only },
		{ "passthrough", oracle_passthrough }, { "locked", oracle_locked },
		{ "no-cache", oracle_no_cache },       { "type3-memory", oracle_type3_memory },
	};
	static struct compared_policy compared[ARRAY_SIZE(policies)];
	const struct compared_policy *all[ARRAY_SIZE(policies)];
	struct differential *d = differential_new();
	struct choices choices;
	unsigned int i, j;

	(void)state;
	assert_non_null(d);
	for (i = 0; i < ARRAY_SIZE(policies); i++) {
		policies[i].fill(&compared[i].oracle);
		compared[i].table = *shipped(policies[i].name);
		snprintf(compared[i].yaml, sizeof(compared[i].yaml), "%s", policies[i].name);
		all[i] = &compared[i];
	}
	for (i = 0; i < ARRAY_SIZE(policies); i++)
		for (j = 0; j < EPISODES / ARRAY_SIZE(policies); j++) {
			choices = (struct choices){ .state = i * EPISODES + j };
			if (!differential_episode(d, &choices, &all[i], 1, STEPS))
				fail_msg("%s: %s", policies[i].name, differential_report(d));
		}
	/* Swapped for one another */
	for (j = 0; j < EPISODES; j++) {
		choices = (struct choices){ .state = 1000000 + j };
		if (!differential_episode(d, &choices, all, ARRAY_SIZE(policies), STEPS))
			fail_msg("%s", differential_report(d));
	}
	assert_true(differential_accesses(d) > EPISODES * STEPS);
	print_message("compared %llu accesses\n", (unsigned long long)differential_accesses(d));
	differential_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_register_reads_at_open_as_it_is_written_down),
		cmocka_unit_test(every_register_takes_what_is_written_down_and_no_more),
		cmocka_unit_test(read_only_shows_what_cxl_device_shows_and_changes_nothing),
		cmocka_unit_test(passthrough_is_the_hardware_in_every_register),
		cmocka_unit_test(
			no_bit_tells_of_a_cache_whatever_the_device_is_and_the_guest_writes),
		cmocka_unit_test(what_a_guest_has_enabled_before_is_hidden_by_no_cache),
		cmocka_unit_test(no_clean_writeback_is_the_hardwares_to_promise),
		cmocka_unit_test(locked_is_so_from_the_start_and_after_each_reset),
		cmocka_unit_test(locked_leaves_control2_to_the_guest),
		cmocka_unit_test(locked_comes_over_an_open_device_with_its_next_reset),
		cmocka_unit_test(the_guest_may_move_its_memory_until_a_conventional_reset),
		cmocka_unit_test(mem_enable_is_never_over_a_base_of_0),
		cmocka_unit_test(without_mem_capable_there_is_no_mem_enable),
		cmocka_unit_test(both_ranges_can_be_shown_by_a_policy_of_ones_own),
		cmocka_unit_test(the_examples_in_their_comments_do_what_is_said),
		cmocka_unit_test(the_examples_in_the_manual_are_policies),
		cmocka_unit_test(the_loader_carries_each_file_as_it_is),
		cmocka_unit_test(no_shipped_policy_claims_what_isnt_cxls),
		cmocka_unit_test(the_object_enforces_the_file_cxl_device),
		cmocka_unit_test(the_oracle_sees_and_causes_the_same),
	};

	setenv(POLICY_DIR_ENV, FOLDER, 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
