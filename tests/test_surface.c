// SPDX-License-Identifier: GPL-2.0-only
/*
 * Is what 'check' says a guest can do all that it can, and nothing else? The engine
 * is driven with every bit of every dword, alone and with others, at every width,
 * from whatever state; what is then seen to reach the hardware or to change in the
 * shadow has to be what the surface of the policy has.
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

#include "cxl_policy_engine.h"
#include "policy.h"
#include "surface.h"

#define START  0x100
#define TRIALS 60

static struct policy policy;
static struct policy_image image;
static struct surface surface;

/*
 * The oracle
 */

/**
 * struct seen - what happened to bits, by dword
 * @written0: went to the hardware as 0
 * @written1: went there as 1
 * @undone: are put back at close
 * @changed: changed in the shadow
 * @read: were read from the hardware
 * @wbi: asked for a write-back
 * @reset: asked for a CXL reset: dropped, rejected, emulated
 */
struct seen {
	uint32_t written0[CXL_POLICY_MAX_RULES];
	uint32_t written1[CXL_POLICY_MAX_RULES];
	uint32_t undone[CXL_POLICY_MAX_RULES];
	uint32_t changed[CXL_POLICY_MAX_RULES];
	uint32_t read[CXL_POLICY_MAX_RULES];
	uint32_t wbi[CXL_POLICY_MAX_RULES];
	uint32_t reset[3][CXL_POLICY_MAX_RULES];
};

/* What the state may be: any, with the lock set, or with no capability in the hardware */
enum state { ANY, LOCKED, BARE };

static uint64_t seed = 88172645463325252ULL;

static uint32_t random32(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed >> 16;
}

struct machine {
	const struct cxl_policy *table;
	uint32_t dvsec;
	unsigned int nr;
	uint32_t hw[CXL_POLICY_MAX_RULES];
	struct cxl_shadow shadow;
};

static struct machine machine;

static struct cxl_shadow_dword *dword_of(unsigned int n)
{
	return &machine.shadow.dwords[START / 4 + n];
}

/* Open it after policies that left whatever they may have left in the shadow */
static void new_state(enum state state)
{
	const struct cxl_policy_dvsec *d = &machine.table->dvsecs[machine.dvsec];
	const struct cxl_rule *rules = &machine.table->rules[d->first_rule];
	unsigned int n;

	for (n = 0; n < machine.nr; n++) {
		struct cxl_shadow_dword *dword = dword_of(n);

		machine.hw[n] = state == BARE ? 0 : random32() | random32();
		dword->valid = rules[n].shadow & (random32() | random32());
		dword->value = random32() & (dword->valid | (rules[n].ack & ~rules[n].shadow));
		cxl_engine_open(machine.table, machine.dvsec, &machine.shadow, START, n * 4,
				machine.hw[n]);
	}
	if (state == LOCKED)
		dword_of(d->lock_rule)->value |= d->lock_mask;
}

static uint32_t access_once(unsigned int offset, unsigned int size, bool is_write, uint32_t value,
			    struct cxl_outcome *out, uint32_t *asked)
{
	struct cxl_access access = {
		.start = START,
		.length = machine.nr * 4,
		.offset = offset,
		.size = size,
		.value = value & (~0U >> (32 - size * 8)),
	};
	uint32_t hw = machine.hw[offset / 4] >> (offset % 4 * 8);
	int verdict, round;

	*asked = 0;
	for (round = 0; round < 2; round++) {
		memset(out, 0, sizeof(*out));
		verdict = is_write ? cxl_engine_write(machine.table, machine.dvsec, &machine.shadow,
						      &access, out)
				   : cxl_engine_read(machine.table, machine.dvsec, &machine.shadow,
						     &access, out);
		if (verdict != VFIO_PCI_DVSEC_NEED_HW)
			break;
		*asked = out->hw_mask;
		access.again = 1;
		access.hw = hw & out->hw_mask;
	}
	assert_true(verdict == VFIO_PCI_DVSEC_DONE || verdict == VFIO_PCI_DVSEC_DENIED);
	return (out->result & ~out->hw_mask) | (hw & out->hw_mask);
}

static void write_once(struct seen *seen, unsigned int offset, unsigned int size, uint32_t value)
{
	const unsigned int n = offset / 4, shift = offset % 4 * 8;
	uint32_t before[CXL_POLICY_MAX_RULES], asked;
	struct cxl_outcome out;
	unsigned int i;

	for (i = 0; i < machine.nr; i++)
		before[i] = dword_of(i)->value;
	access_once(offset, size, true, value, &out, &asked);
	for (i = 0; i < machine.nr; i++)
		seen->changed[i] |= before[i] ^ dword_of(i)->value;
	seen->written0[n] |= (out.hw_write & ~out.hw_value) << shift;
	seen->written1[n] |= (out.hw_write & out.hw_value) << shift;
	seen->undone[n] |= out.hw_undo << shift;
	/* One bit alone is the one that asked */
	value &= ~0U >> (32 - size * 8);
	if (value & (value - 1))
		return;
	if (out.flags & CXL_EVENT_WBI_DROPPED)
		seen->wbi[n] |= value << shift;
	if (out.flags & CXL_EVENT_RESET_DROPPED)
		seen->reset[0][n] |= value << shift;
	if (out.flags & CXL_EVENT_RESET_REJECTED)
		seen->reset[1][n] |= value << shift;
	if (out.flags & CXL_EVENT_RESET_EMULATED)
		seen->reset[2][n] |= value << shift;
}

static void try_place(struct seen *seen, unsigned int offset, unsigned int size, enum state state)
{
	struct cxl_outcome out;
	uint32_t now, asked;
	unsigned int bit;

	new_state(state);
	now = access_once(offset, size, false, 0, &out, &asked);
	seen->read[offset / 4] |= (out.hw_mask | asked) << (offset % 4 * 8);
	for (bit = 0; bit < size * 8; bit++) {
		if (bit % 4 == 0 || random32() % 4 == 0)
			new_state(state);
		write_once(seen, offset, size, 1U << bit);
		if (state == LOCKED)
			new_state(state);
		write_once(seen, offset, size, ~(1U << bit));
		if (state == LOCKED)
			new_state(state);
		write_once(seen, offset, size, now ^ 1U << bit);
		if (state == LOCKED)
			new_state(state);
		write_once(seen, offset, size, random32());
	}
	new_state(state);
	write_once(seen, offset, size, ~0U);
	new_state(state);
	write_once(seen, offset, size, 0);
}

static void look(unsigned int index, enum state state, struct seen *seen)
{
	unsigned int trial, offset, size;

	memset(seen, 0, sizeof(*seen));
	memset(&machine, 0, sizeof(machine));
	machine.table = &image.table;
	machine.dvsec = index;
	machine.nr = image.table.dvsecs[index].nr_rules;
	for (trial = 0; trial < TRIALS; trial++)
		for (size = 1; size <= 4; size *= 2)
			for (offset = 4; offset < machine.nr * 4; offset += size)
				try_place(seen, offset, size, state);
}

/*
 * What is said
 */

static uint32_t said(unsigned int index, unsigned int n, unsigned int kinds, uint32_t any_flag,
		     uint32_t no_flag)
{
	const struct cxl_policy_dvsec *d = &image.table.dvsecs[index];
	uint32_t bits = 0;
	unsigned int i;

	for (i = 0; i < surface.nr_fields; i++) {
		const struct surface_field *field = &surface.fields[i];
		const uint32_t flags = field->field.is.flags;

		if (field->vendor == d->vendor && field->id == d->id && field->field.rule == n &&
		    field->kinds & kinds && (!any_flag || flags & any_flag) && !(flags & no_flag))
			bits |= field->field.mask;
	}
	return bits;
}

static uint32_t conditional(unsigned int index, unsigned int n)
{
	const struct cxl_policy_dvsec *d = &image.table.dvsecs[index];
	uint32_t bits = 0;
	unsigned int i;

	for (i = 0; i < surface.nr_fields; i++)
		if (surface.fields[i].vendor == d->vendor && surface.fields[i].id == d->id &&
		    surface.fields[i].field.rule == n && surface.fields[i].when[0])
			bits |= surface.fields[i].field.mask;
	return bits;
}

static uint32_t lockable(unsigned int index, unsigned int n)
{
	const struct cxl_policy_dvsec *d = &image.table.dvsecs[index];
	uint32_t bits = n == d->lock_rule ? d->lock_mask : 0;
	unsigned int i;

	for (i = 0; i < surface.nr_fields; i++)
		if (surface.fields[i].vendor == d->vendor && surface.fields[i].id == d->id &&
		    surface.fields[i].field.rule == n && surface.fields[i].lock[0])
			bits |= surface.fields[i].field.mask;
	return bits;
}

/* Bits that the specification lets a host write */
static uint32_t writable(unsigned int index, unsigned int n)
{
	static const unsigned int attributes[] = { CXL_DVSEC_ATTR_RW, CXL_DVSEC_ATTR_RWL,
						   CXL_DVSEC_ATTR_RWO, CXL_DVSEC_ATTR_RWS };
	const struct cxl_policy_dvsec *d = &image.table.dvsecs[index];
	uint32_t bits = 0;
	unsigned int id, i;

	for (i = 0; i < sizeof(attributes) / sizeof(attributes[0]); i++) {
		for (id = 0; d->vendor == 0x1e98 && !d->id && id < POLICY_NR_FIELDS; id++)
			if (policy_fields[id].attribute == attributes[i] &&
			    policy_registers[policy_fields[id].reg].offset / 4U == n)
				bits |= policy_field_bits(id);
		for (id = 0; id < policy.nr_described; id++) {
			const struct policy_described *field = &policy.described[id];

			if (policy.dvsecs[field->dvsec].vendor == d->vendor &&
			    policy.dvsecs[field->dvsec].id == d->id &&
			    field->attribute == attributes[i] && field->offset / 4U == n)
				bits |= CXL_DVSEC_BITS(field->hi, field->lo)
					<< (field->offset % 4 * 8);
		}
	}
	return bits;
}

#define TRIGGERS (DESCRIBE_WBI | DESCRIBE_RESET | DESCRIBE_DROP)

static void judge(unsigned int index)
{
	static struct seen any, locked, bare;
	unsigned int n;

	look(index, ANY, &any);
	look(index, LOCKED, &locked);
	look(index, BARE, &bare);
	for (n = 1; n < machine.nr; n++) {
		uint32_t only1 = any.written1[n] & ~any.written0[n];
		uint32_t none = ~(conditional(index, n));

		/* Into the hardware: as it is written, a 1 alone, a 1 at times */
		assert_int_equal(said(index, n, SURFACE_HARDWARE, 0, 0),
				 any.written0[n] | any.written1[n]);
		assert_int_equal(said(index, n, SURFACE_HARDWARE, DESCRIBE_FORWARD, 0),
				 any.written0[n]);
		assert_int_equal(said(index, n, SURFACE_HARDWARE, 0, DESCRIBE_FORWARD), only1);
		assert_int_equal(said(index, n, SURFACE_HARDWARE, DESCRIBE_WBI, 0), any.wbi[n]);
		assert_int_equal(said(index, n, SURFACE_HARDWARE, DESCRIBE_UNDO, 0), any.undone[n]);
		assert_int_equal(said(index, n, SURFACE_HARDWARE, 0, 0) & none,
				 bare.written0[n] | bare.written1[n]);
		/* Into the shadow */
		assert_int_equal(said(index, n, SURFACE_SHADOW, 0, 0), any.changed[n]);
		assert_int_equal(said(index, n, SURFACE_SHADOW, 0, 0) & ~lockable(index, n),
				 locked.changed[n] & ~(n == image.table.dvsecs[index].lock_rule
							       ? image.table.dvsecs[index].lock_mask
							       : 0));
		assert_int_equal(said(index, n, SURFACE_SHADOW, 0, 0) & none, bare.changed[n]);
		/* What it starts */
		assert_int_equal(said(index, n, SURFACE_TRIGGER, TRIGGERS, 0),
				 any.wbi[n] | any.reset[0][n] | any.reset[1][n] | any.reset[2][n]);
		assert_int_equal(said(index, n, SURFACE_TRIGGER, DESCRIBE_EMULATE, 0),
				 any.reset[2][n]);
		assert_int_equal(said(index, n, SURFACE_TRIGGER, DESCRIBE_RESET, DESCRIBE_EMULATE),
				 any.reset[1][n]);
		/* What it sees of what the host wrote */
		assert_int_equal(said(index, n, SURFACE_READ, 0, 0),
				 any.read[n] & writable(index, n));
	}
}

/* A DVSEC of CXL that no rule is about */
static void judge_others(void)
{
	struct cxl_access access = { .start = 0x200, .length = 16, .offset = 8, .size = 4 };
	struct cxl_outcome out = {};

	access.value = 0x12345678;
	cxl_engine_write(&image.table, CXL_ENGINE_NO_RULES, &machine.shadow, &access, &out);
	assert_int_equal(surface.raw, out.hw_write != 0);
}

static void judge_policy(void)
{
	unsigned int i, nr = 0;

	assert_int_equal(surface_make(&policy, &image, &surface), 0);
	for (i = 0; i < image.table.nr_dvsecs; i++)
		judge(i);
	judge_others();
	for (i = 0; i < surface.nr_fields; i++)
		if (surface.fields[i].kinds & SURFACE_HARDWARE)
			nr += __builtin_popcount(surface.fields[i].field.mask);
	assert_int_equal(surface.bits[0], nr);
}

static void load(const char *spec)
{
	char error[POLICY_ERROR_LEN];

	setenv(POLICY_DIR_ENV, "loader/policies", 1);
	if (policy_load(spec, &policy, error) || policy_compile(&policy, &image, error))
		fail_msg("%s", error);
}

static void parse(const char *text)
{
	char error[POLICY_ERROR_LEN];

	setenv(POLICY_DIR_ENV, "loader/policies", 1);
	if (policy_parse(text, strlen(text), "t.yaml", &policy, error) ||
	    policy_compile(&policy, &image, error))
		fail_msg("%s", error);
}

static int free_surface(void **state)
{
	(void)state;
	surface_free(&surface);
	return 0;
}

static bool warns(const char *field, const char *part)
{
	unsigned int i;

	for (i = 0; i < surface.nr_warnings; i++) {
		const struct surface_warning *warning = &surface.warnings[i];

		if ((!field || (warning->field && !strcmp(warning->field, field))) &&
		    strstr(warning->text, part))
			return true;
	}
	return false;
}

/*
 * Tests
 */

static void three_bits_of_the_default_policy_reach_the_hardware(void **state)
{
	(void)state;
	load("cxl-device");
	judge_policy();
	assert_int_equal(surface.bits[0], 3);
	assert_int_equal(surface.bits[1], 91);
	assert_int_equal(surface.bits[3], 0);
	assert_int_equal(surface.nr_warnings, 0);
	assert_false(surface.raw);
}

static void nothing_is_left_of_it_under_read_only(void **state)
{
	(void)state;
	load("read-only");
	judge_policy();
	assert_int_equal(surface.nr_fields, 0);
	assert_int_equal(surface.nr_warnings, 0);
}

static void everything_reaches_the_hardware_under_passthrough(void **state)
{
	(void)state;
	load("passthrough");
	judge_policy();
	assert_int_equal(surface.bits[0], 14 * 32);
	assert_int_equal(surface.bits[1], 0);
	assert_true(surface.raw);
	assert_true(surface.record);
	assert_true(warns(NULL, "protects nothing"));
}

/* clang-format off */
#define DEVICE(reset, fields)							\
	"name: t\n"								\
	"based-on: cxl-device\n"						\
	"cxl-reset: " reset "\n"						\
	"dvsecs:\n"								\
	"  - vendor: 0x1e98\n"							\
	"    id: 0\n"								\
	"    fields:\n"								\
	fields

#define VENDOR									\
	"name: t\n"								\
	"dvsecs:\n"								\
	"  - vendor: 0x8086\n"							\
	"    id: 0x17\n"							\
	"    fields:\n"								\
	"      - {field: capability.can_boost, offset: 0x0a, bits: 0, attribute: RO}\n"	\
	"      - {field: capability.can_save, offset: 0x0a, bits: 1, attribute: RO, value: 1}\n" \
	"      - {field: capability.can_fly, offset: 0x0a, bits: 2, attribute: RO, value: 0}\n" \
	"      - {field: control.enable, offset: 0x0c, bits: 0, attribute: RW}\n"	\
	"      - {field: control.mode, offset: 0x0c, bits: 7:4, attribute: RWL, value: 3}\n" \
	"      - {field: control.rsvd, offset: 0x0c, bits: 14:8, attribute: RsvdP}\n"	\
	"      - {field: control.lock, offset: 0x0c, bits: 15, attribute: RWO}\n"	\
	"      - {field: control2.boost, offset: 0x0e, bits: 0, attribute: RW,\n"	\
	"         when: capability.can_boost}\n"					\
	"      - {field: control2.fly, offset: 0x0e, bits: 1, attribute: RW,\n"		\
	"         when: capability.can_fly}\n"						\
	"      - {field: power.save, offset: 0x10, bits: 0, attribute: RW, read: shadow,\n" \
	"         write: [shadow, hardware], when: capability.can_save}\n"		\
	"      - {field: power.rsvd, offset: 0x10, bits: 3:1, attribute: RsvdP}\n"	\
	"      - {field: power.fault, offset: 0x10, bits: 4, attribute: RW1C}\n"	\
	"      - {field: power.alarm, offset: 0x10, bits: 5, attribute: RW1CS, read: hardware,\n" \
	"         write: [hardware], when: capability.can_boost}\n"			\
	"      - {field: power.zero, offset: 0x10, bits: 7:6, attribute: RsvdZ}\n"	\
	"      - {field: address.secret, offset: 0x14, bits: 31:8, attribute: RO, value: 0}\n" \
	"      - {field: scratch.all, offset: 0x18, bits: 31:0, attribute: RW, read: hardware,\n" \
	"         write: [hardware]}\n"							\
	"      - {field: range.base, offset: 0x1c, bits: 31:12, attribute: RWL}\n"	\
	"      - {field: range.keep, offset: 0x20, bits: 15:0, attribute: RWS, value: 0x1234}\n" \
	"      - {field: host.base, offset: 0x24, bits: 31:0, attribute: RW, read: hardware,\n" \
	"         write: []}\n"								\
	"  - vendor: 0x1e98\n"								\
	"    id: 7\n"									\
	"    fields:\n"									\
	"      - {field: control.power, offset: 0x0c, bits: 7:0, attribute: RW, read: hardware,\n" \
	"         write: [hardware]}\n"							\
	"  - vendor: 0x8086\n"								\
	"    id: 0x18\n"
/* clang-format on */

static void a_reset_that_is_rejected_or_emulated_is_a_trigger(void **state)
{
	(void)state;
	parse(DEVICE("reject", "      - {field: capability.cxl_reset_capable, value: 1}\n"));
	judge_policy();
	assert_int_equal(surface.nr_warnings, 0);
	surface_free(&surface);
	parse(DEVICE("emulate",
		     "      - {field: capability.cxl_reset_capable, attribute: RO, "
		     "read: hardware}\n"
		     "      - {field: control2.modified_completion_enable, attribute: RWS, "
		     "read: shadow, write: [shadow, hardware], value: 1}\n"));
	judge_policy();
	assert_true(warns("control2.modified_completion_enable", "controls the device's"));
}

static void fields_that_a_policy_describes_are_part_of_it(void **state)
{
	(void)state;
	parse(VENDOR);
	judge_policy();
	/* Those of the device's by attribute alone, and power.save, power.alarm, scratch.all */
	assert_true(warns("control.power", "DVSEC 7 of CXL"));
	assert_int_equal(image.nr_claims, 2);
}

static void a_forwarded_register_of_the_hosts_is_warned_of(void **state)
{
	(void)state;
	parse(DEVICE("reject",
		     "      - {field: control.mem_enable, attribute: RW, read: hardware, "
		     "write: [hardware]}\n"
		     "      - {field: range1_base_high.memory_base_high, attribute: RO, "
		     "read: hardware}\n"
		     "      - {field: status.viral_status, attribute: RW1CS, read: hardware, "
		     "write: [hardware]}\n"));
	judge_policy();
	assert_true(warns("control.mem_enable", "controls the device's"));
	assert_true(warns("status.viral_status", "clears the device's"));
	assert_true(warns("range1_base_high.memory_base_high", "host's physical address"));
	assert_int_equal(surface.nr_warnings, 3);
}

static void values_that_contradict_each_other_are_warned_of(void **state)
{
	(void)state;
	parse(DEVICE("reject", "      - {field: control.mem_enable, attribute: RWL, read: shadow, "
			       "write: [shadow], value: 1}\n"
			       "      - {field: capability.cache_capable, value: 0}\n"
			       "      - {field: control.cache_enable, attribute: RO, value: 1}\n"));
	judge_policy();
	assert_true(warns("control.mem_enable", "base of range 1 is 0"));
	assert_true(warns("control.cache_enable", "although capability.cache_capable is 0"));
	assert_int_equal(surface.nr_warnings, 2);
	surface_free(&surface);
	parse(DEVICE("reject",
		     "      - {field: control.mem_enable, attribute: RO, read: hardware}\n"));
	judge_policy();
	assert_true(warns("control.mem_enable", "where the host may have set it"));
	assert_true(warns("capability.mem_capable", "writes of control.mem_enable are refused"));
	assert_int_equal(surface.nr_warnings, 2);
}

static void a_base_that_is_not_0_needs_no_warning(void **state)
{
	(void)state;
	parse(DEVICE("reject", "      - {field: control.mem_enable, attribute: RWL, read: shadow, "
			       "write: [shadow], value: 1}\n"
			       "      - {field: range1_base_high.memory_base_high, attribute: RWL, "
			       "read: shadow, write: [shadow], value: 4}\n"));
	judge_policy();
	assert_int_equal(surface.nr_warnings, 0);
}

static void a_promise_that_is_not_kept_is_warned_of(void **state)
{
	(void)state;
	parse(DEVICE("reject",
		     "      - {field: capability.cxl_reset_capable, value: 1}\n"
		     "      - {field: control2.initiate_cxl_reset, action: none, attribute: RW, "
		     "read: value, value: 0, write: []}\n"));
	judge_policy();
	assert_true(warns("capability.cxl_reset_capable",
			  "is 1, but writes of control2.initiate_cxl_reset"));
	assert_int_equal(surface.nr_warnings, 1);
	surface_free(&surface);
	parse(DEVICE("reject", "      - {field: control2.disable_caching, attribute: RW, "
			       "read: shadow, write: [shadow]}\n"));
	judge_policy();
	assert_true(warns("control2.initiate_cache_wbi", "undefined"));
	assert_int_equal(surface.nr_warnings, 1);
}

static void a_lock_that_locks_nothing_is_warned_of(void **state)
{
	static const char *const fields[] = {
		"control.cache_enable",
		"control.mem_enable",
		"control.cache_sf_coverage",
		"control.cache_sf_granularity",
		"control.cache_clean_eviction",
		"control.direct_p2p_mem_enable",
		"control.viral_enable",
		"range1_base_high.memory_base_high",
		"range1_base_low.memory_base_low",
		"range2_base_high.memory_base_high",
		"range2_base_low.memory_base_low",
	};
	char text[4096];
	unsigned int i;
	size_t len;

	(void)state;
	len = snprintf(text, sizeof(text), "%s", DEVICE("reject", ""));
	for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		len += snprintf(text + len, sizeof(text) - len,
				"      - {field: %s, attribute: RW}\n", fields[i]);
	parse(text);
	judge_policy();
	assert_true(warns("lock.config_lock", "locks nothing"));
	assert_int_equal(surface.nr_warnings, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(three_bits_of_the_default_policy_reach_the_hardware,
					  free_surface),
		cmocka_unit_test_teardown(nothing_is_left_of_it_under_read_only, free_surface),
		cmocka_unit_test_teardown(everything_reaches_the_hardware_under_passthrough,
					  free_surface),
		cmocka_unit_test_teardown(a_reset_that_is_rejected_or_emulated_is_a_trigger,
					  free_surface),
		cmocka_unit_test_teardown(fields_that_a_policy_describes_are_part_of_it,
					  free_surface),
		cmocka_unit_test_teardown(a_forwarded_register_of_the_hosts_is_warned_of,
					  free_surface),
		cmocka_unit_test_teardown(values_that_contradict_each_other_are_warned_of,
					  free_surface),
		cmocka_unit_test_teardown(a_base_that_is_not_0_needs_no_warning, free_surface),
		cmocka_unit_test_teardown(a_promise_that_is_not_kept_is_warned_of, free_surface),
		cmocka_unit_test_teardown(a_lock_that_locks_nothing_is_warned_of, free_surface),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
