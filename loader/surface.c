// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compare.h"
#include "cxl_policy_engine.h"
#include "surface.h"

static bool is_writable(int attribute)
{
	return attribute == CXL_DVSEC_ATTR_RW || attribute == CXL_DVSEC_ATTR_RWL ||
	       attribute == CXL_DVSEC_ATTR_RWO || attribute == CXL_DVSEC_ATTR_RWS;
}

unsigned int surface_kinds(uint32_t flags, int attribute)
{
	unsigned int kinds = 0;

	if (flags & (DESCRIBE_FORWARD | DESCRIBE_CLEAR | DESCRIBE_WBI))
		kinds |= SURFACE_HARDWARE;
	if (flags & (DESCRIBE_WRITE | DESCRIBE_ONCE | DESCRIBE_RESULT | DESCRIBE_RESULT_CLEAR |
		     DESCRIBE_RESETS))
		kinds |= SURFACE_SHADOW;
	if (flags & (DESCRIBE_WBI | DESCRIBE_RESET | DESCRIBE_DROP))
		kinds |= SURFACE_TRIGGER;
	if (flags & DESCRIBE_HARDWARE && is_writable(attribute))
		kinds |= SURFACE_READ;
	return kinds;
}

/**
 * struct work - a surface in the making
 * @policy: the policy
 * @image: made of it
 * @surface: the surface
 * @room: of &surface.fields
 * @dvsec: being looked at
 * @device: the CXL device DVSEC
 */
struct work {
	const struct policy *policy;
	const struct policy_image *image;
	struct surface *surface;
	unsigned int room;
	struct describe_dvsec dvsec;
	struct describe_dvsec device;
};

static void name_cap(const struct work *work, const struct describe_cap *cap, char *text)
{
	const struct describe_dvsec *dvsec = &work->dvsec;
	const char *name = describe_cap_name(work->policy, dvsec->vendor, dvsec->id, cap);

	if (name)
		snprintf(text, POLICY_FIELD_NAME_LEN, "%s", name);
	else
		snprintf(text, POLICY_FIELD_NAME_LEN, "%#x at +%#x", cap->mask | cap->reserved,
			 cap->rule * 4);
}

/* What changes by a CXL reset alone depends on what the reset depends on */
static void name_reset_cap(const struct work *work, char *text)
{
	struct describe is;
	unsigned int i;

	for (i = 0; i < work->dvsec.nr * 32; i++) {
		describe_bit(&work->dvsec, i / 32, i % 32, &is);
		if (is.flags & DESCRIBE_RESET && is.nr_caps) {
			name_cap(work, &is.caps[0], text);
			return;
		}
	}
}

static bool is_locked_at_open(const struct describe_dvsec *dvsec)
{
	const struct cxl_policy_dvsec *d = &dvsec->table->dvsecs[dvsec->index];
	const struct cxl_rule *rule = cxl_engine_rule(dvsec->table, dvsec->index, d->lock_rule);

	return rule && (rule->value & rule->shadow & d->lock_mask);
}

static int add_field(struct work *work, const struct describe_field *field, unsigned int kinds)
{
	const struct describe_dvsec *dvsec = &work->dvsec;
	const char *lock = describe_lock_name(dvsec->table, work->policy, dvsec->vendor, dvsec->id);
	struct surface *surface = work->surface;
	struct surface_field *new;
	unsigned int i;

	if (surface->nr_fields == work->room) {
		work->room = work->room ? work->room * 2 : 64;
		new = realloc(surface->fields, work->room * sizeof(*new));
		if (!new)
			return -ENOMEM;
		surface->fields = new;
	}
	new = &surface->fields[surface->nr_fields++];
	memset(new, 0, sizeof(*new));
	new->kinds = kinds;
	new->vendor = dvsec->vendor;
	new->id = dvsec->id;
	new->field = *field;
	if (field->is.nr_caps)
		name_cap(work, &field->is.caps[0], new->when);
	else if (kinds & SURFACE_SHADOW && !(field->is.flags & (DESCRIBE_WRITE | DESCRIBE_ONCE)))
		name_reset_cap(work, new->when);
	if (field->is.flags & DESCRIBE_LOCKED) {
		snprintf(new->lock, sizeof(new->lock), "%s", lock ? lock : "a lock");
		new->locked = is_locked_at_open(dvsec);
	}
	for (i = 0; i < SURFACE_NR_KINDS; i++)
		if (kinds >> i & 1)
			surface->bits[i] += field->hi - field->lo + 1;
	return 0;
}

/* One that makes the device itself do something */
static bool is_initiate(const struct describe_field *field)
{
	return field->name &&
	       (field->name == policy_fields[CXL_DVSEC_FIELD_CONTROL2_INITIATE_CACHE_WBI].name ||
		field->name == policy_fields[CXL_DVSEC_FIELD_CONTROL2_INITIATE_CXL_RESET].name);
}

static int look_at(struct work *work, uint16_t vendor, uint16_t id)
{
	struct describe_field field;
	unsigned int at = 0, kinds;
	int err = 0;

	describe_start(&work->dvsec, &work->image->table, vendor, id,
		       compare_enforces(work->image, vendor, id));
	if (vendor == CXL_DVSEC_VENDOR_ID && id == CXL_DVSEC_ID_DEVICE)
		work->device = work->dvsec;
	while (!err && describe_next(&work->dvsec, work->policy, &at, &field)) {
		kinds = surface_kinds(field.is.flags, field.attribute);
		if (field.is.flags & DESCRIBE_FORWARD && is_initiate(&field))
			kinds |= SURFACE_TRIGGER;
		if (kinds)
			err = add_field(work, &field, kinds);
	}
	return err;
}

/*
 * Warnings
 */

static void __attribute__((format(printf, 3, 4)))
warn(struct work *work, const char *field, const char *fmt, ...)
{
	struct surface *surface = work->surface;
	struct surface_warning *warning;
	va_list args;

	if (surface->nr_warnings == SURFACE_MAX_WARNINGS)
		return;
	warning = &surface->warnings[surface->nr_warnings++];
	warning->field = field;
	va_start(args, fmt);
	vsnprintf(warning->text, sizeof(warning->text), fmt, args);
	va_end(args);
}

/* A field of the CXL device DVSEC: what holds for its first bit, and its value */
static uint32_t field_flags(const struct work *work, unsigned int id, uint32_t *value)
{
	const unsigned int rule = policy_registers[policy_fields[id].reg].offset / 4;
	const uint32_t bits = policy_field_bits(id);
	struct describe is;
	unsigned int bit;

	*value = 0;
	for (bit = 0; bit < 32; bit++) {
		describe_bit(&work->device, rule, bit, &is);
		if (bits >> bit & 1 && is.flags & DESCRIBE_VALUE)
			*value |= 1U << bit;
	}
	*value = (*value & bits) >> __builtin_ctz(bits);
	describe_bit(&work->device, rule, __builtin_ctz(bits), &is);
	return is.flags;
}

/* Does every guest read that value, at open at least? */
static bool begins_with(const struct work *work, unsigned int id, uint32_t want)
{
	uint32_t value, flags = field_flags(work, id, &value);

	return !(flags & DESCRIBE_HARDWARE) && value == want;
}

static bool is_constant(const struct work *work, unsigned int id, uint32_t want)
{
	uint32_t value, flags = field_flags(work, id, &value);

	return !(flags & (DESCRIBE_HARDWARE | DESCRIBE_SHADOW)) && value == want;
}

static bool has(const struct work *work, unsigned int id, uint32_t wanted)
{
	uint32_t value;

	return field_flags(work, id, &value) & wanted;
}

#define FIELD(f) CXL_DVSEC_FIELD_##f
#define NAME(f)	 (policy_fields[FIELD(f)].name)

static void warn_of_values(struct work *work)
{
	static const struct {
		unsigned int enable;
		unsigned int capability;
	} enables[] = {
		{ FIELD(CONTROL_CACHE_ENABLE), FIELD(CAPABILITY_CACHE_CAPABLE) },
		{ FIELD(CONTROL_MEM_ENABLE), FIELD(CAPABILITY_MEM_CAPABLE) },
		{ FIELD(CONTROL_VIRAL_ENABLE), FIELD(CAPABILITY_VIRAL_CAPABLE) },
	};
	const bool no_base = begins_with(work, FIELD(RANGE1_BASE_HIGH_MEMORY_BASE_HIGH), 0) &&
			     begins_with(work, FIELD(RANGE1_BASE_LOW_MEMORY_BASE_LOW), 0);
	unsigned int i;

	if (no_base && begins_with(work, FIELD(CONTROL_MEM_ENABLE), 1))
		warn(work, NAME(CONTROL_MEM_ENABLE),
		     "reads 1 while the base of range 1 is 0: Linux in the guest gives up on the "
		     "device's memory (ENXIO)");
	if (no_base && has(work, FIELD(CONTROL_MEM_ENABLE), DESCRIBE_HARDWARE))
		warn(work, NAME(CONTROL_MEM_ENABLE),
		     "reads the hardware, where the host may have set it, while the base of range "
		     "1 is 0: Linux in the guest then gives up on the device's memory (ENXIO)");
	for (i = 0; i < sizeof(enables) / sizeof(enables[0]); i++)
		if (begins_with(work, enables[i].enable, 1) &&
		    is_constant(work, enables[i].capability, 0))
			warn(work, policy_fields[enables[i].enable].name,
			     "reads 1 although %s is 0", policy_fields[enables[i].capability].name);
}

static void warn_of_promises(struct work *work)
{
	static const struct {
		unsigned int capability;
		unsigned int field;
		uint32_t works;
	} promises[] = {
		{ FIELD(CAPABILITY_CACHE_WBI_CAPABLE), FIELD(CONTROL2_INITIATE_CACHE_WBI),
		  DESCRIBE_WBI | DESCRIBE_FORWARD },
		{ FIELD(CAPABILITY_CXL_RESET_CAPABLE), FIELD(CONTROL2_INITIATE_CXL_RESET),
		  DESCRIBE_RESET | DESCRIBE_FORWARD },
		{ FIELD(CAPABILITY2_MODIFIED_COMPLETION_CAPABLE),
		  FIELD(CONTROL2_MODIFIED_COMPLETION_ENABLE), DESCRIBE_WRITE | DESCRIBE_FORWARD },
		{ FIELD(CAPABILITY3_VOLATILE_HDM_STATE_AFTER_HOT_RESET_CONFIGURABILITY),
		  FIELD(CONTROL2_DESIRED_VOLATILE_HDM_STATE_AFTER_HOT_RESET),
		  DESCRIBE_WRITE | DESCRIBE_FORWARD },
		{ FIELD(CAPABILITY3_DIRECT_P2P_MEM_CAPABLE), FIELD(CONTROL_DIRECT_P2P_MEM_ENABLE),
		  DESCRIBE_WRITE | DESCRIBE_FORWARD },
		{ FIELD(CAPABILITY_VIRAL_CAPABLE), FIELD(CONTROL_VIRAL_ENABLE),
		  DESCRIBE_WRITE | DESCRIBE_FORWARD },
		{ FIELD(CAPABILITY_CACHE_CAPABLE), FIELD(CONTROL_CACHE_ENABLE),
		  DESCRIBE_WRITE | DESCRIBE_FORWARD },
		{ FIELD(CAPABILITY_MEM_CAPABLE), FIELD(CONTROL_MEM_ENABLE),
		  DESCRIBE_WRITE | DESCRIBE_FORWARD },
	};
	unsigned int i;

	for (i = 0; i < sizeof(promises) / sizeof(promises[0]); i++)
		if (!is_constant(work, promises[i].capability, 0) &&
		    !has(work, promises[i].field, promises[i].works))
			warn(work, policy_fields[promises[i].capability].name,
			     is_constant(work, promises[i].capability, 1)
				     ? "is 1, but writes of %s are refused"
				     : "reads as 1 where the device has it, but writes of %s are "
				       "refused",
			     policy_fields[promises[i].field].name);
	if (!is_constant(work, FIELD(CAPABILITY_CXL_RESET_MEM_CLR_CAPABLE), 0) &&
	    is_constant(work, FIELD(CAPABILITY_CXL_RESET_CAPABLE), 0))
		warn(work, NAME(CAPABILITY_CXL_RESET_MEM_CLR_CAPABLE),
		     "can be seen although %s is 0", NAME(CAPABILITY_CXL_RESET_CAPABLE));
	if (has(work, FIELD(CONTROL2_INITIATE_CACHE_WBI), DESCRIBE_WBI) &&
	    !has(work, FIELD(CONTROL2_DISABLE_CACHING), DESCRIBE_FORWARD))
		warn(work, NAME(CONTROL2_INITIATE_CACHE_WBI),
		     "reaches the device, but %s doesn't: what a write-back does is undefined then",
		     NAME(CONTROL2_DISABLE_CACHING));
}

/* What is the host's, and what of it the default policy forwards none the less */
static bool is_forwarded_by_default(unsigned int id)
{
	return id == FIELD(CONTROL2_DISABLE_CACHING) || id == FIELD(CONTROL2_INITIATE_CACHE_WBI) ||
	       id == FIELD(STATUS2_VOLATILE_HDM_PRESERVATION_ERROR);
}

static void warn_of_hardware(struct work *work)
{
	uint32_t locked = 0, value;
	unsigned int id, n;

	for (id = 0; id < POLICY_NR_FIELDS; id++) {
		uint32_t flags = field_flags(work, id, &value);

		if (flags & (DESCRIBE_FORWARD | DESCRIBE_CLEAR | DESCRIBE_WBI) &&
		    !is_forwarded_by_default(id))
			warn(work, policy_fields[id].name, "the guest %s the device's, not its own",
			     flags & DESCRIBE_CLEAR ? "clears" : "controls");
		else if (flags & DESCRIBE_HARDWARE &&
			 (policy_fields[id].reg == CXL_DVSEC_REG_RANGE1_BASE_HIGH ||
			  policy_fields[id].reg == CXL_DVSEC_REG_RANGE1_BASE_LOW ||
			  policy_fields[id].reg == CXL_DVSEC_REG_RANGE2_BASE_HIGH ||
			  policy_fields[id].reg == CXL_DVSEC_REG_RANGE2_BASE_LOW))
			warn(work, policy_fields[id].name,
			     "the guest sees the host's physical address");
	}
	for (n = 0; n < work->surface->nr_fields; n++) {
		const struct surface_field *field = &work->surface->fields[n];

		if (field->vendor == CXL_DVSEC_VENDOR_ID && field->id != CXL_DVSEC_ID_DEVICE &&
		    field->kinds & SURFACE_HARDWARE)
			warn(work, field->field.name,
			     "the guest changes the hardware's, in DVSEC %u of CXL", field->id);
	}
	for (n = 0; n < work->device.nr; n++)
		locked |= work->device.flags[n][__builtin_ctz(DESCRIBE_LOCKED)];
	if (has(work, FIELD(LOCK_CONFIG_LOCK), DESCRIBE_ONCE) && !locked)
		warn(work, NAME(LOCK_CONFIG_LOCK), "the guest can set it, but it locks nothing");
}

static void find_warnings(struct work *work)
{
	if (work->policy->access == POLICY_ACCESS_PASSTHROUGH) {
		warn(work, NULL,
		     "protects nothing: the guest controls the device's enables, range bases and "
		     "lock, and all other DVSECs of CXL");
		return;
	}
	warn_of_values(work);
	/* One that lets nothing be written doesn't mean to keep promises */
	if (work->policy->access != POLICY_ACCESS_READ_ONLY)
		warn_of_promises(work);
	warn_of_hardware(work);
}

int surface_make(const struct policy *policy, const struct policy_image *image,
		 struct surface *surface)
{
	struct work *work = calloc(1, sizeof(*work));
	unsigned int i;
	int err = 0;

	memset(surface, 0, sizeof(*surface));
	if (!work)
		return -ENOMEM;
	work->policy = policy;
	work->image = image;
	work->surface = surface;
	surface->raw = image->table.flags & CXL_POLICY_RAW;
	surface->record = image->table.flags & CXL_POLICY_RECORD;
	for (i = 0; i < image->table.nr_dvsecs && !err; i++)
		err = look_at(work, image->table.dvsecs[i].vendor, image->table.dvsecs[i].id);
	if (!err)
		find_warnings(work);
	if (err)
		surface_free(surface);
	free(work);
	return err;
}

void surface_free(struct surface *surface)
{
	free(surface->fields);
	surface->fields = NULL;
	surface->nr_fields = 0;
}
