// SPDX-License-Identifier: GPL-2.0-only
/*
 * See oracle.h. The table and the rules below are those of the specification's
 * register chapter, read once more, and bits are judged one at a time.
 */
#include <string.h>

#include "oracle.h"

/*
 * Fields of the registers of the PCIe DVSEC for CXL Devices (CXL 3.x, 8.1.3).
 * The attribute is what the hardware's field is, whatever a policy makes of it.
 */
static const struct row {
	const char *reg;
	unsigned int offset;
	const char *field;
	unsigned int hi;
	unsigned int lo;
	const char *attribute;
} rows[] = {
	{ "header1", 0x04, "vendor_id", 15, 0, "RO" },
	{ "header1", 0x04, "revision", 19, 16, "RO" },
	{ "header1", 0x04, "length", 31, 20, "RO" },

	{ "header2", 0x08, "id", 15, 0, "RO" },

	{ "capability", 0x0a, "cache_capable", 0, 0, "RO" },
	{ "capability", 0x0a, "io_capable", 1, 1, "RO" },
	{ "capability", 0x0a, "mem_capable", 2, 2, "RO" },
	{ "capability", 0x0a, "mem_hwinit_mode", 3, 3, "RO" },
	{ "capability", 0x0a, "hdm_count", 5, 4, "RO" },
	{ "capability", 0x0a, "cache_wbi_capable", 6, 6, "RO" },
	{ "capability", 0x0a, "cxl_reset_capable", 7, 7, "RO" },
	{ "capability", 0x0a, "cxl_reset_timeout", 10, 8, "RO" },
	{ "capability", 0x0a, "cxl_reset_mem_clr_capable", 11, 11, "HwInit" },
	{ "capability", 0x0a, "tsp_capable", 12, 12, "HwInit" },
	{ "capability", 0x0a, "multiple_logical_device", 13, 13, "HwInit" },
	{ "capability", 0x0a, "viral_capable", 14, 14, "RO" },
	{ "capability", 0x0a, "pm_init_completion_reporting_capable", 15, 15, "HwInit" },

	{ "control", 0x0c, "cache_enable", 0, 0, "RWL" },
	{ "control", 0x0c, "io_enable", 1, 1, "RO" },
	{ "control", 0x0c, "mem_enable", 2, 2, "RWL" },
	{ "control", 0x0c, "cache_sf_coverage", 7, 3, "RWL" },
	{ "control", 0x0c, "cache_sf_granularity", 10, 8, "RWL" },
	{ "control", 0x0c, "cache_clean_eviction", 11, 11, "RWL" },
	{ "control", 0x0c, "direct_p2p_mem_enable", 12, 12, "RWL" },
	{ "control", 0x0c, "rsvd_13", 13, 13, "RsvdP" },
	{ "control", 0x0c, "viral_enable", 14, 14, "RWL" },
	{ "control", 0x0c, "rsvd_15", 15, 15, "RsvdP" },

	{ "status", 0x0e, "rsvd_13_0", 13, 0, "RsvdZ" },
	{ "status", 0x0e, "viral_status", 14, 14, "RW1CS" },
	{ "status", 0x0e, "rsvd_15", 15, 15, "RsvdZ" },

	{ "control2", 0x10, "disable_caching", 0, 0, "RW" },
	{ "control2", 0x10, "initiate_cache_wbi", 1, 1, "RW" },
	{ "control2", 0x10, "initiate_cxl_reset", 2, 2, "RW" },
	{ "control2", 0x10, "cxl_reset_mem_clr_enable", 3, 3, "RW" },
	{ "control2", 0x10, "desired_volatile_hdm_state_after_hot_reset", 4, 4, "RWS" },
	{ "control2", 0x10, "modified_completion_enable", 5, 5, "RW" },
	{ "control2", 0x10, "rsvd_15_6", 15, 6, "RsvdP" },

	{ "status2", 0x12, "cache_invalid", 0, 0, "RO" },
	{ "status2", 0x12, "cxl_reset_complete", 1, 1, "RO" },
	{ "status2", 0x12, "cxl_reset_error", 2, 2, "RO" },
	{ "status2", 0x12, "volatile_hdm_preservation_error", 3, 3, "RW1CS" },
	{ "status2", 0x12, "rsvd_14_4", 14, 4, "RsvdZ" },
	{ "status2", 0x12, "power_management_init_complete", 15, 15, "RO" },

	{ "lock", 0x14, "config_lock", 0, 0, "RWO" },
	{ "lock", 0x14, "rsvd_15_1", 15, 1, "RsvdP" },

	{ "capability2", 0x16, "cache_size_unit", 3, 0, "RO" },
	{ "capability2", 0x16, "fallback_capability", 5, 4, "HwInit" },
	{ "capability2", 0x16, "modified_completion_capable", 6, 6, "HwInit" },
	{ "capability2", 0x16, "no_clean_writeback", 7, 7, "HwInit" },
	{ "capability2", 0x16, "cache_size", 15, 8, "RO" },

	{ "range1_size_high", 0x18, "memory_size_high", 31, 0, "RO" },

	{ "range1_size_low", 0x1c, "memory_info_valid", 0, 0, "RO" },
	{ "range1_size_low", 0x1c, "memory_active", 1, 1, "RO" },
	{ "range1_size_low", 0x1c, "media_type", 4, 2, "RO" },
	{ "range1_size_low", 0x1c, "memory_class", 7, 5, "RO" },
	{ "range1_size_low", 0x1c, "desired_interleave", 12, 8, "RO" },
	{ "range1_size_low", 0x1c, "memory_active_timeout", 15, 13, "HwInit" },
	{ "range1_size_low", 0x1c, "memory_active_degraded", 16, 16, "RO" },
	{ "range1_size_low", 0x1c, "rsvd_27_17", 27, 17, "RsvdP" },
	{ "range1_size_low", 0x1c, "memory_size_low", 31, 28, "RO" },

	{ "range1_base_high", 0x20, "memory_base_high", 31, 0, "RWL" },

	{ "range1_base_low", 0x24, "rsvd_27_0", 27, 0, "RsvdP" },
	{ "range1_base_low", 0x24, "memory_base_low", 31, 28, "RWL" },

	{ "range2_size_high", 0x28, "memory_size_high", 31, 0, "RO" },

	{ "range2_size_low", 0x2c, "memory_info_valid", 0, 0, "RO" },
	{ "range2_size_low", 0x2c, "memory_active", 1, 1, "RO" },
	{ "range2_size_low", 0x2c, "media_type", 4, 2, "RO" },
	{ "range2_size_low", 0x2c, "memory_class", 7, 5, "RO" },
	{ "range2_size_low", 0x2c, "desired_interleave", 12, 8, "RO" },
	{ "range2_size_low", 0x2c, "memory_active_timeout", 15, 13, "HwInit" },
	{ "range2_size_low", 0x2c, "memory_active_degraded", 16, 16, "RO" },
	{ "range2_size_low", 0x2c, "rsvd_27_17", 27, 17, "RsvdP" },
	{ "range2_size_low", 0x2c, "memory_size_low", 31, 28, "RO" },

	{ "range2_base_high", 0x30, "memory_base_high", 31, 0, "RWL" },

	{ "range2_base_low", 0x34, "rsvd_27_0", 27, 0, "RsvdP" },
	{ "range2_base_low", 0x34, "memory_base_low", 31, 28, "RWL" },

	{ "capability3", 0x38, "default_volatile_hdm_state_after_cold_reset", 0, 0, "HwInit" },
	{ "capability3", 0x38, "default_volatile_hdm_state_after_warm_reset", 1, 1, "HwInit" },
	{ "capability3", 0x38, "default_volatile_hdm_state_after_hot_reset", 2, 2, "HwInit" },
	{ "capability3", 0x38, "volatile_hdm_state_after_hot_reset_configurability", 3, 3,
	  "HwInit" },
	{ "capability3", 0x38, "direct_p2p_mem_capable", 4, 4, "HwInit" },
	{ "capability3", 0x38, "rsvd_15_5", 15, 5, "RsvdP" },
};

#define NR_FIELDS ((int)(sizeof(rows) / sizeof(rows[0])))
_Static_assert(sizeof(rows) / sizeof(rows[0]) <= ORACLE_MAX_FIELDS, "too many fields");

#define NO_FIELD (-1)

/* Numbers of fields that have a part in another one's rule */
static int config_lock, disable_caching, initiate_cache_wbi, initiate_cxl_reset;
static int cxl_reset_complete, cxl_reset_error;

/* Number of the field of each bit of the DVSEC, as byte * 8 + bit */
static int field_of[ORACLE_SPACE * 8];

static bool is(const char *attribute, const char *name)
{
	return !strcmp(attribute, name);
}

static void set_up(void)
{
	static bool done;
	unsigned int i;
	int field;

	if (done)
		return;
	for (i = 0; i < ORACLE_SPACE * 8; i++)
		field_of[i] = NO_FIELD;
	for (field = 0; field < NR_FIELDS; field++)
		for (i = rows[field].lo; i <= rows[field].hi; i++)
			field_of[rows[field].offset * 8 + i] = field;
	done = true;
	config_lock = oracle_field("lock.config_lock");
	disable_caching = oracle_field("control2.disable_caching");
	initiate_cache_wbi = oracle_field("control2.initiate_cache_wbi");
	initiate_cxl_reset = oracle_field("control2.initiate_cxl_reset");
	cxl_reset_complete = oracle_field("status2.cxl_reset_complete");
	cxl_reset_error = oracle_field("status2.cxl_reset_error");
}

int oracle_field(const char *name)
{
	size_t len;
	int field;

	for (field = 0; field < NR_FIELDS; field++) {
		len = strlen(rows[field].reg);
		if (!strncmp(name, rows[field].reg, len) && name[len] == '.' &&
		    !strcmp(name + len + 1, rows[field].field))
			return field;
	}
	return NO_FIELD;
}

unsigned int oracle_nr_fields(void)
{
	return NR_FIELDS;
}

const char *oracle_register_name(int field)
{
	return rows[field].reg;
}

const char *oracle_field_name(int field)
{
	return rows[field].field;
}

const char *oracle_field_attribute(int field)
{
	return rows[field].attribute;
}

unsigned int oracle_field_width(int field)
{
	return rows[field].hi - rows[field].lo + 1;
}

/*
 * Policies
 */

static void set_rule(struct oracle_rule *rule, const char *attribute)
{
	memset(rule, 0, sizeof(*rule));
	rule->attribute = attribute;
	rule->when = ORACLE_ALWAYS;
	if (is(attribute, "RW") || is(attribute, "RWL") || is(attribute, "RWO") ||
	    is(attribute, "RWS")) {
		rule->read = ORACLE_SHADOW;
		rule->write_shadow = true;
	} else if (is(attribute, "RW1C") || is(attribute, "RW1CS")) {
		rule->read = ORACLE_HARDWARE;
		rule->write_shadow = true;
	} else if (is(attribute, "RsvdP") || is(attribute, "RsvdZ")) {
		rule->read = ORACLE_VALUE;
	} else {
		rule->read = ORACLE_HARDWARE;
	}
}

static void set_condition(struct oracle_policy *policy, const char *field, const char *when,
			  bool absent_reserved)
{
	struct oracle_rule *rule = &policy->rules[oracle_field(field)];

	rule->when = oracle_field(when);
	rule->absent_reserved = absent_reserved;
}

void oracle_specification(struct oracle_policy *policy)
{
	struct oracle_rule *rule;
	int field;

	set_up();
	memset(policy, 0, sizeof(*policy));
	policy->access = ORACLE_RULES;
	for (field = 0; field < NR_FIELDS; field++)
		set_rule(&policy->rules[field], rows[field].attribute);

	rule = &policy->rules[initiate_cache_wbi];
	rule->action = ORACLE_WBI;
	rule->read = ORACLE_VALUE;
	rule->write_shadow = false;
	rule->write_hardware = true;

	rule = &policy->rules[initiate_cxl_reset];
	rule->action = ORACLE_CXL_RESET;
	rule->read = ORACLE_VALUE;
	rule->write_shadow = false;

	policy->rules[cxl_reset_complete].read = ORACLE_SHADOW;
	policy->rules[cxl_reset_error].read = ORACLE_SHADOW;

	set_condition(policy, "control.direct_p2p_mem_enable", "capability3.direct_p2p_mem_capable",
		      true);
	set_condition(policy, "control2.initiate_cxl_reset", "capability.cxl_reset_capable", false);
	set_condition(policy, "control2.desired_volatile_hdm_state_after_hot_reset",
		      "capability3.volatile_hdm_state_after_hot_reset_configurability", false);
	set_condition(policy, "control2.modified_completion_enable",
		      "capability2.modified_completion_capable", false);
	set_condition(policy, "status2.volatile_hdm_preservation_error",
		      "capability3.volatile_hdm_state_after_hot_reset_configurability", true);
}

void oracle_cxl_device(struct oracle_policy *policy)
{
	struct oracle_rule *rule;

	oracle_specification(policy);

	oracle_override(policy, "capability.cxl_reset_capable", 0);
	oracle_override(policy, "capability.cxl_reset_timeout", 0);
	oracle_override(policy, "capability.cxl_reset_mem_clr_capable", 0);
	oracle_override(policy, "control.io_enable", 1);

	policy->rules[disable_caching].write_hardware = true;

	rule = &policy->rules[oracle_field("status2.volatile_hdm_preservation_error")];
	rule->write_shadow = false;
	rule->write_hardware = true;
}

void oracle_read_only(struct oracle_policy *policy)
{
	oracle_cxl_device(policy);
	policy->access = ORACLE_READ_ONLY;
}

void oracle_passthrough(struct oracle_policy *policy)
{
	oracle_cxl_device(policy);
	policy->access = ORACLE_PASSTHROUGH;
}

void oracle_override(struct oracle_policy *policy, const char *field, uint32_t value)
{
	struct oracle_rule *rule = &policy->rules[oracle_field(field)];

	rule->read = ORACLE_VALUE;
	rule->value = value;
}

/*
 * Bits
 */

/**
 * struct bit - a bit of the DVSEC, and what there is to know about it
 * @byte: its byte, from the start of the DVSEC
 * @mask: the bit in the byte
 * @field: number of its field, or NO_FIELD
 * @value: what the policy gives for it
 * @rule: of its field, or of a read-only one
 */
struct bit {
	unsigned int byte;
	uint8_t mask;
	int field;
	bool value;
	const struct oracle_rule *rule;
};

static struct bit bit_at(const struct oracle *oracle, unsigned int position)
{
	static const struct oracle_rule no_rule = { .attribute = "RO", .when = ORACLE_ALWAYS };
	struct bit bit = { .byte = position / 8, .mask = 1U << position % 8 };

	bit.field = field_of[position];
	bit.rule = &no_rule;
	if (bit.field != NO_FIELD) {
		const struct row *row = &rows[bit.field];

		bit.rule = &oracle->policy.rules[bit.field];
		bit.value = bit.rule->value >> (position - row->offset * 8 - row->lo) & 1;
	}
	return bit;
}

static unsigned int first_bit(int field)
{
	return rows[field].offset * 8 + rows[field].lo;
}

static bool get(const uint8_t *bytes, const struct bit *bit)
{
	return bytes[bit->byte] & bit->mask;
}

static void put(uint8_t *bytes, const struct bit *bit, bool value)
{
	if (value)
		bytes[bit->byte] |= bit->mask;
	else
		bytes[bit->byte] &= ~bit->mask;
}

/* Behind the DVSEC's own length nothing is there, whatever follows */
static bool in_dvsec(const struct oracle *oracle, const struct bit *bit)
{
	return bit->byte < oracle->length && bit->byte < ORACLE_SPACE;
}

static bool is_reserved(const char *attribute)
{
	return is(attribute, "RsvdP") || is(attribute, "RsvdZ");
}

static bool is_write_1_to_clear(const char *attribute)
{
	return is(attribute, "RW1C") || is(attribute, "RW1CS");
}

static bool is_sticky(const char *attribute)
{
	return is(attribute, "RWS") || is(attribute, "RW1CS");
}

static bool is_initiate(int field)
{
	return field == initiate_cache_wbi || field == initiate_cxl_reset;
}

static bool in_status_register(int field)
{
	return field != NO_FIELD &&
	       (!strcmp(rows[field].reg, "status") || !strcmp(rows[field].reg, "status2"));
}

/* A clear of the bit stays in the shadow, as an acknowledgement */
static bool is_acknowledged(const struct bit *bit)
{
	return is_write_1_to_clear(bit->rule->attribute) && bit->rule->read == ORACLE_HARDWARE &&
	       !bit->rule->write_hardware;
}

/* As the user saw the bit when the policy looked last */
static bool shown(const struct oracle *oracle, const struct bit *bit)
{
	switch (bit->rule->read) {
	case ORACLE_HARDWARE:
		return get(oracle->known, bit);
	case ORACLE_SHADOW:
		return get(oracle->user, bit);
	default:
		return bit->value;
	}
}

/*
 * The field of the bit depends on a capability that the user doesn't see, maybe as
 * that depends on another one, and so on. One that depends on itself is never seen.
 */
static bool is_absent(const struct oracle *oracle, const struct bit *bit)
{
	struct bit capability = *bit;
	unsigned int i;

	for (i = 0; i < ORACLE_MAX_FIELDS; i++) {
		if (capability.rule->when == ORACLE_ALWAYS)
			return false;
		capability = bit_at(oracle, first_bit(capability.rule->when));
		if (!in_dvsec(oracle, &capability) || !shown(oracle, &capability))
			return true;
	}
	return true;
}

/* Writing 1 to the hardware's bit does something, or must not be done */
static bool must_write_0(const struct oracle *oracle, const struct bit *bit)
{
	if (bit->field == NO_FIELD)
		return false;
	if (is_initiate(bit->field) || is_write_1_to_clear(rows[bit->field].attribute) ||
	    is(rows[bit->field].attribute, "RsvdZ"))
		return true;
	return oracle->policy.access != ORACLE_PASSTHROUGH &&
	       is_write_1_to_clear(bit->rule->attribute);
}

/*
 * Beside a bit that is forwarded: reserved bits that are to be 0, what would start
 * or clear something, and what in a status register takes no writes anyway
 */
static bool is_written_as_0(const struct oracle *oracle, const struct bit *bit)
{
	return must_write_0(oracle, bit) ||
	       (oracle->policy.access != ORACLE_PASSTHROUGH && in_status_register(bit->field));
}

/* What a write to a bit does */
enum meaning {
	NOTHING,
	REFUSED,
	ACKNOWLEDGED,
	CLEARED_IN_HARDWARE,
	SET_ONCE,
	STORED,
	WRITES_BACK,
	RESETS,
	PASSED_ON,
};

static enum meaning meaning_of(const struct oracle *oracle, const struct bit *bit)
{
	const struct oracle_rule *rule = bit->rule;

	if (oracle->policy.access == ORACLE_PASSTHROUGH)
		return PASSED_ON;
	if (is_reserved(rule->attribute))
		return NOTHING;
	if (oracle->policy.access == ORACLE_READ_ONLY)
		return REFUSED;
	if (rule->action == ORACLE_WBI)
		return WRITES_BACK;
	if (rule->action == ORACLE_CXL_RESET)
		return RESETS;
	if (!rule->write_shadow && !rule->write_hardware)
		return REFUSED;
	if (is_write_1_to_clear(rule->attribute))
		return rule->write_hardware ? CLEARED_IN_HARDWARE : ACKNOWLEDGED;
	if (is(rule->attribute, "RWO"))
		return SET_ONCE;
	return STORED;
}

/* Only a CONFIG_LOCK of the user's own locks, where there is one */
static bool is_locked(const struct oracle *oracle)
{
	struct bit lock = bit_at(oracle, first_bit(config_lock));

	return in_dvsec(oracle, &lock) && lock.rule->read == ORACLE_SHADOW &&
	       get(oracle->user, &lock);
}

/* What the hardware gets when the device is closed */
static bool is_undone(const struct oracle *oracle, const struct bit *bit)
{
	const char *attribute;

	switch (meaning_of(oracle, bit)) {
	case STORED:
	case WRITES_BACK:
		return true;
	case PASSED_ON:
		if (bit->field == NO_FIELD)
			return bit->byte >= ORACLE_LENGTH;
		attribute = rows[bit->field].attribute;
		return is(attribute, "RW") || is(attribute, "RWS") || is(attribute, "RWL") ||
		       is(attribute, "RWO");
	default:
		return false;
	}
}

/*
 * Open, swap, reset
 */

static void look_at_hardware(struct oracle *oracle)
{
	memcpy(oracle->known, oracle->hw, ORACLE_LENGTH);
	if (oracle->length > ORACLE_LENGTH)
		memcpy(oracle->known + ORACLE_LENGTH, oracle->hw + ORACLE_LENGTH,
		       ORACLE_SPACE - ORACLE_LENGTH);
}

static void give_open_values(struct oracle *oracle)
{
	unsigned int i;

	for (i = 0; i < ORACLE_SPACE * 8; i++) {
		struct bit bit = bit_at(oracle, i);
		bool is_passed = oracle->policy.access == ORACLE_PASSTHROUGH;

		/* Nobody would see that the hardware has cleared it */
		if (is_passed || !is_acknowledged(&bit))
			put(oracle->acknowledged, &bit, false);
		if (is_passed)
			continue;

		/* A value is no acknowledgement, and the other way round */
		if (is_acknowledged(&bit)) {
			put(oracle->given, &bit, false);
		} else if (bit.rule->read == ORACLE_SHADOW && !get(oracle->given, &bit)) {
			put(oracle->user, &bit, bit.value);
			put(oracle->given, &bit, true);
		}
	}
}

void oracle_open(struct oracle *oracle, const struct oracle_policy *policy, const uint8_t *hw,
		 uint16_t length)
{
	set_up();
	memset(oracle, 0, sizeof(*oracle));
	oracle->hw = hw;
	oracle->length = length;
	oracle_swap(oracle, policy);
}

void oracle_swap(struct oracle *oracle, const struct oracle_policy *policy)
{
	oracle->policy = *policy;
	look_at_hardware(oracle);
	give_open_values(oracle);
}

void oracle_reset(struct oracle *oracle, bool conventional)
{
	look_at_hardware(oracle);
	if (!conventional)
		return;
	memset(oracle->user, 0, sizeof(oracle->user));
	memset(oracle->given, 0, sizeof(oracle->given));
	memset(oracle->acknowledged, 0, sizeof(oracle->acknowledged));
	give_open_values(oracle);
}

/*
 * Read
 */

uint32_t oracle_read(struct oracle *oracle, unsigned int offset, unsigned int size)
{
	uint32_t value = 0;
	unsigned int i;

	for (i = 0; i < size * 8; i++) {
		struct bit bit = bit_at(oracle, offset * 8 + i);
		bool reads;

		if (!in_dvsec(oracle, &bit))
			continue;
		if (oracle->policy.access == ORACLE_PASSTHROUGH) {
			reads = get(oracle->hw, &bit);
		} else if (is_absent(oracle, &bit)) {
			reads = false;
		} else if (bit.rule->read == ORACLE_HARDWARE) {
			reads = get(oracle->hw, &bit);
			/* An acknowledgement holds until the hardware has followed */
			if (is_acknowledged(&bit) && get(oracle->acknowledged, &bit)) {
				put(oracle->acknowledged, &bit, reads);
				reads = false;
			}
		} else {
			reads = shown(oracle, &bit);
		}
		value |= (uint32_t)reads << i;
	}
	return value;
}

/*
 * Write
 */

/**
 * struct write - a write at work
 * @oracle: the device
 * @first: position of its first bit
 * @nr: number of its bits
 * @value: what the user writes
 * @locked: CONFIG_LOCK, before the write
 * @absent: bits of the access that are absent, before the write
 * @forward: bits of the access that go to the hardware
 * @forwarded: what they are written as
 * @effect: of the write
 */
struct write {
	struct oracle *oracle;
	unsigned int first;
	unsigned int nr;
	uint32_t value;
	bool locked;
	uint32_t absent;
	uint32_t forward;
	uint32_t forwarded;
	struct oracle_effect *effect;
};

static void refuse(struct write *write, unsigned int i, unsigned int event)
{
	write->effect->refused |= 1U << i;
	write->effect->events |= event;
}

static void forward(struct write *write, unsigned int i, bool value)
{
	write->forward |= 1U << i;
	write->forwarded &= ~(1U << i);
	write->forwarded |= (uint32_t)value << i;
}

/* The user asks for something by writing @value to a bit that can't be written */
static bool asks_for_more(const struct oracle *oracle, const struct bit *bit, bool value)
{
	if (is_initiate(bit->field) || in_status_register(bit->field) ||
	    is_write_1_to_clear(bit->rule->attribute))
		return value && (must_write_0(oracle, bit) || !shown(oracle, bit));
	return value != shown(oracle, bit);
}

static void write_bit(struct write *write, unsigned int i)
{
	struct oracle *oracle = write->oracle;
	struct bit bit = bit_at(oracle, write->first + i);
	bool value = write->value >> i & 1;
	enum meaning meaning = meaning_of(oracle, &bit);

	if (write->absent >> i & 1) {
		/* Of an absent reset, see reset_bit() */
		if (value && !bit.rule->absent_reserved && meaning != RESETS)
			refuse(write, i, ORACLE_REFUSED);
		return;
	}

	switch (meaning) {
	case NOTHING:
	case WRITES_BACK:
	case RESETS:
		break;
	case REFUSED:
		if (asks_for_more(oracle, &bit, value))
			refuse(write, i, ORACLE_REFUSED);
		break;
	case ACKNOWLEDGED:
		if (value)
			put(oracle->acknowledged, &bit, get(oracle->hw, &bit));
		break;
	case CLEARED_IN_HARDWARE:
		if (value)
			forward(write, i, true);
		break;
	case SET_ONCE:
		if (value)
			put(oracle->user, &bit, true);
		else if (get(oracle->user, &bit))
			refuse(write, i, ORACLE_REFUSED);
		break;
	case STORED:
		if (write->locked && is(bit.rule->attribute, "RWL")) {
			if (value != get(oracle->user, &bit))
				refuse(write, i, ORACLE_LOCKED);
			break;
		}
		if (bit.rule->write_shadow)
			put(oracle->user, &bit, value);
		if (bit.rule->write_hardware)
			forward(write, i, value);
		break;
	case PASSED_ON:
		forward(write, i, value);
		break;
	}
}

/*
 * CXL Reset (CXL 3.x, 9.7) of what is the user's own. The lock, what it locks and
 * sticky bits stay. A bit that went to the hardware is reset where this write
 * reaches it, and stays elsewhere.
 */
static void emulate_reset(struct write *write)
{
	struct oracle *oracle = write->oracle;
	unsigned int i;

	for (i = 0; i < ORACLE_LENGTH * 8; i++) {
		struct bit bit = bit_at(oracle, i);
		enum meaning meaning = meaning_of(oracle, &bit);

		if (!in_dvsec(oracle, &bit))
			break;
		if (bit.rule->read != ORACLE_SHADOW || is_sticky(bit.rule->attribute) ||
		    meaning == SET_ONCE)
			continue;
		if (meaning == STORED && write->locked && is(bit.rule->attribute, "RWL"))
			continue;
		if (bit.rule->write_hardware) {
			unsigned int at = i - write->first;

			if (i < write->first || at >= write->nr || !(write->forward >> at & 1))
				continue;
			forward(write, at, bit.value);
		}
		put(oracle->user, &bit, bit.value);
	}
}

static void reset_bit(struct write *write, unsigned int i)
{
	struct oracle *oracle = write->oracle;
	struct bit bit = bit_at(oracle, write->first + i);
	struct bit complete, error;

	if (meaning_of(oracle, &bit) != RESETS || !(write->value >> i & 1))
		return;
	if (write->absent >> i & 1) {
		refuse(write, i, ORACLE_RESET_DROPPED);
		return;
	}
	complete = bit_at(oracle, first_bit(cxl_reset_complete));
	error = bit_at(oracle, first_bit(cxl_reset_error));
	put(oracle->user, &complete, false);
	put(oracle->user, &error, false);
	if (oracle->policy.emulate_reset) {
		emulate_reset(write);
		put(oracle->user, &complete, true);
		write->effect->events |= ORACLE_RESET_EMULATED;
	} else {
		put(oracle->user, &error, true);
		refuse(write, i, ORACLE_RESET_REJECTED);
	}
}

/* A write-back is undefined unless caching is disabled by the end of the write */
static void write_back_bit(struct write *write, unsigned int i)
{
	struct oracle *oracle = write->oracle;
	struct bit bit = bit_at(oracle, write->first + i);
	struct bit disabled = bit_at(oracle, first_bit(disable_caching));
	unsigned int at = first_bit(disable_caching) - write->first;

	if (meaning_of(oracle, &bit) != WRITES_BACK || !(write->value >> i & 1) ||
	    write->absent >> i & 1)
		return;
	if (get(oracle->user, &disabled) && !(write->absent >> at & 1))
		forward(write, i, true);
	else
		refuse(write, i, ORACLE_WBI_DROPPED);
}

/* Whole bytes are written; what of them isn't forwarded is to stay as it is */
static void write_hardware_byte(struct write *write, unsigned int byte)
{
	uint8_t forward = write->forward >> (byte * 8 - write->first);
	uint8_t forwarded = write->forwarded >> (byte * 8 - write->first);
	struct oracle_effect *effect = write->effect;
	struct oracle *oracle = write->oracle;
	uint8_t value = 0;
	unsigned int i;

	if (!forward)
		return;
	for (i = 0; i < 8; i++) {
		struct bit bit = bit_at(oracle, byte * 8 + i);
		bool had = get(oracle->hw, &bit) && !is_written_as_0(oracle, &bit);
		bool is_forwarded = forward & bit.mask;

		if (is_forwarded ? forwarded & bit.mask : had)
			value |= bit.mask;
		if (is_forwarded && is_undone(oracle, &bit) && !get(oracle->undo, &bit)) {
			put(oracle->undo, &bit, true);
			put(oracle->undo_value, &bit, had);
		}
		put(oracle->undo_keep, &bit, !is_written_as_0(oracle, &bit));
	}
	effect->bytes[effect->nr_bytes].offset = byte;
	effect->bytes[effect->nr_bytes].value = value;
	effect->nr_bytes++;
	effect->events |= ORACLE_FORWARDED;
}

void oracle_write(struct oracle *oracle, unsigned int offset, unsigned int size, uint32_t value,
		  struct oracle_effect *effect)
{
	struct write write = {
		.oracle = oracle,
		.first = offset * 8,
		.nr = size * 8,
		.value = value,
		.locked = is_locked(oracle),
		.effect = effect,
	};
	unsigned int i, nr = 0;

	memset(effect, 0, sizeof(*effect));
	for (i = 0; i < write.nr; i++) {
		struct bit bit = bit_at(oracle, write.first + i);

		/* The length is in bytes, so what is there comes first */
		if (!in_dvsec(oracle, &bit))
			break;
		if (oracle->policy.access != ORACLE_PASSTHROUGH && is_absent(oracle, &bit))
			write.absent |= 1U << i;
		nr++;
	}
	write.nr = nr;

	for (i = 0; i < write.nr; i++)
		write_bit(&write, i);
	for (i = 0; i < write.nr; i++)
		reset_bit(&write, i);
	for (i = 0; i < write.nr; i++)
		write_back_bit(&write, i);
	for (i = 0; i < write.nr; i += 8)
		write_hardware_byte(&write, offset + i / 8);
}

/*
 * Close
 */

void oracle_close(struct oracle *oracle, struct oracle_effect *effect)
{
	int dword, byte;

	memset(effect, 0, sizeof(*effect));
	/* What enables something comes before that which it enables */
	for (dword = ORACLE_SPACE - 4; dword >= 0; dword -= 4) {
		bool differs = false;

		for (byte = dword; byte < dword + 4; byte++)
			if (oracle->undo[byte] &&
			    ((oracle->hw[byte] ^ oracle->undo_value[byte]) & oracle->undo[byte]))
				differs = true;
		for (byte = dword; differs && byte < dword + 4; byte++) {
			uint8_t undo = oracle->undo[byte];

			if (!undo)
				continue;
			effect->bytes[effect->nr_bytes].offset = byte;
			effect->bytes[effect->nr_bytes].value =
				(oracle->undo_value[byte] & undo) |
				(oracle->hw[byte] & oracle->undo_keep[byte] & ~undo);
			effect->nr_bytes++;
		}
	}
}
