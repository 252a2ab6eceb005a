// SPDX-License-Identifier: GPL-2.0-only
/*
 * See differential.h. What the kernel does is written after dvsec_*() in
 * vfio_pci_dvsec.c, what the program does after cxl_policy.bpf.c, with their names.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cxl_policy_engine.h"
#include "differential.h"
#include "policy.h"

#define VENDOR 0x1e98
#define ID     0

static const struct cxl_policy cxl_device_table = {
#include "cxl-device.policy.h"
};

static const struct cxl_policy read_only_table = {
#include "read-only.policy.h"
};

static const struct cxl_policy passthrough_table = {
#include "passthrough.policy.h"
};

/*
 * Choices
 */

/* splitmix64, by Sebastiano Vigna */
static uint64_t next_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static uint32_t next_data(struct choices *choices, unsigned int bytes)
{
	uint32_t value = 0;

	while (bytes--) {
		if (!choices->size) {
			choices->end = true;
			return 0;
		}
		value = value << 8 | *choices->data++;
		choices->size--;
	}
	return value;
}

uint32_t choose(struct choices *choices, uint32_t n)
{
	if (!choices->data)
		return (next_random(&choices->state) >> 32) * n >> 32;
	return next_data(choices, n > 256 ? 2 : 1) % n;
}

uint32_t choose_bits(struct choices *choices)
{
	if (!choices->data)
		return next_random(&choices->state) >> 32;
	return next_data(choices, 4);
}

bool chance(struct choices *choices, uint32_t n)
{
	/* Not if the data have ended */
	return choose(choices, n) == n - 1;
}

/*
 * Policies
 */

static const char *source_name(enum oracle_source source)
{
	switch (source) {
	case ORACLE_HARDWARE:
		return "hardware";
	case ORACLE_SHADOW:
		return "shadow";
	default:
		return "value";
	}
}

static bool same_rule(const struct oracle_rule *a, const struct oracle_rule *b)
{
	return !strcmp(a->attribute, b->attribute) && a->read == b->read &&
	       a->write_shadow == b->write_shadow && a->write_hardware == b->write_hardware &&
	       a->action == b->action && a->when == b->when && a->value == b->value;
}

static void add(char *yaml, size_t size, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void add(char *yaml, size_t size, const char *fmt, ...)
{
	size_t len = strlen(yaml);
	va_list args;

	va_start(args, fmt);
	vsnprintf(yaml + len, size - len, fmt, args);
	va_end(args);
}

static void add_field(char *yaml, size_t size, int field, const struct oracle_rule *rule)
{
	bool initiates = !strcmp(oracle_register_name(field), "control2") &&
			 !strncmp(oracle_field_name(field), "initiate_", strlen("initiate_"));

	add(yaml, size, "      - {field: %s.%s, attribute: %s", oracle_register_name(field),
	    oracle_field_name(field), rule->attribute);
	if (rule->action == ORACLE_WBI)
		add(yaml, size, ", action: initiate-cache-wbi");
	else if (rule->action == ORACLE_CXL_RESET)
		add(yaml, size, ", action: initiate-cxl-reset");
	else if (initiates)
		add(yaml, size, ", action: none");
	if (!rule->action) {
		add(yaml, size, ", read: %s", source_name(rule->read));
		if (rule->read != ORACLE_HARDWARE)
			add(yaml, size, ", value: %#x", rule->value);
		add(yaml, size, ", write: [%s%s%s]", rule->write_shadow ? "shadow" : "",
		    rule->write_shadow && rule->write_hardware ? ", " : "",
		    rule->write_hardware ? "hardware" : "");
	}
	if (rule->when == ORACLE_ALWAYS)
		add(yaml, size, ", when: always");
	else
		add(yaml, size, ", when: %s.%s", oracle_register_name(rule->when),
		    oracle_field_name(rule->when));
	add(yaml, size, "}\n");
}

void differential_yaml(const struct oracle_policy *policy, bool all, char *yaml, size_t size)
{
	struct oracle_policy specification;
	bool none = true;
	unsigned int i;

	oracle_specification(&specification);
	yaml[0] = '\0';
	add(yaml, size, "name: made-up\n");
	if (policy->access == ORACLE_READ_ONLY)
		add(yaml, size, "access: read-only\n");
	add(yaml, size, "cxl-reset: %s\n", policy->emulate_reset ? "emulate" : "reject");
	if (policy->access == ORACLE_PASSTHROUGH) {
		add(yaml, size, "access: passthrough\n");
		return;
	}
	for (i = 0; i < oracle_nr_fields(); i++) {
		if (!all && same_rule(&policy->rules[i], &specification.rules[i]))
			continue;
		if (none)
			add(yaml, size, "dvsecs:\n  - vendor: 0x1e98\n    id: 0\n    fields:\n");
		none = false;
		add_field(yaml, size, i, &policy->rules[i]);
	}
}

bool differential_compile(struct compared_policy *policy, char *error)
{
	struct policy_image image;
	struct policy parsed;

	error[0] = '\0';
	if (policy_parse(policy->yaml, strlen(policy->yaml), "made-up.yaml", &parsed, error) ||
	    policy_compile(&parsed, &image, error))
		return false;
	policy->table = image.table;
	return true;
}

static void set_shipped(struct compared_policy *policy, const struct cxl_policy *table)
{
	policy->table = *table;
	snprintf(policy->yaml, sizeof(policy->yaml), "%s\n", table->name);
}

static void set_with_reset(struct compared_policy *policy, bool emulate)
{
	/* CAPABILITY 7 in the third dword */
	policy->table = cxl_device_table;
	policy->table.rules[2].value |= 0x00800000;
	policy->table.dvsecs[0].reset_action = emulate ? CXL_RESET_EMULATE : CXL_RESET_REJECT;
	snprintf(policy->yaml, sizeof(policy->yaml),
		 "name: cxl-device\nbased-on: cxl-device\ncxl-reset: %s\n"
		 "dvsecs:\n  - vendor: 0x1e98\n    id: 0\n    fields:\n"
		 "      - {field: capability.cxl_reset_capable, value: 1}\n",
		 emulate ? "emulate" : "reject");
	oracle_cxl_device(&policy->oracle);
	oracle_override(&policy->oracle, "capability.cxl_reset_capable", 1);
	policy->oracle.emulate_reset = emulate;
}

static bool set_all_shadow(struct compared_policy *policy)
{
	char error[POLICY_ERROR_LEN];
	unsigned int i;

	oracle_specification(&policy->oracle);
	for (i = 0; i < oracle_nr_fields(); i++)
		policy->oracle.rules[i] = (struct oracle_rule){
			.attribute = "RW",
			.read = ORACLE_SHADOW,
			.write_shadow = true,
			.when = ORACLE_ALWAYS,
			.value = 1,
		};
	differential_yaml(&policy->oracle, true, policy->yaml, sizeof(policy->yaml));
	return differential_compile(policy, error);
}

bool differential_shipped(struct compared_policy *policies)
{
	set_shipped(&policies[CXL_DEVICE], &cxl_device_table);
	set_shipped(&policies[READ_ONLY], &read_only_table);
	set_shipped(&policies[PASSTHROUGH], &passthrough_table);
	oracle_cxl_device(&policies[CXL_DEVICE].oracle);
	oracle_read_only(&policies[READ_ONLY].oracle);
	oracle_passthrough(&policies[PASSTHROUGH].oracle);
	set_with_reset(&policies[REJECT], false);
	set_with_reset(&policies[EMULATE], true);
	return set_all_shadow(&policies[ALL_SHADOW]);
}

static bool is_one_of(const char *name, const char *const *names, unsigned int nr)
{
	while (nr--)
		if (!strcmp(name, names[nr]))
			return true;
	return false;
}

/* A capability that other fields may depend on: one bit, read-only, always there */
static bool is_capability(int field)
{
	static const char *const read_only[] = { "RO", "HwInit" };

	return oracle_field_width(field) == 1 &&
	       is_one_of(oracle_field_attribute(field), read_only, 2);
}

static uint32_t choose_value(struct choices *choices, int field)
{
	uint32_t all = ~0U >> (32 - oracle_field_width(field));

	switch (choose(choices, 4)) {
	case 0:
		return 0;
	case 1:
		return all;
	default:
		return choose_bits(choices) & all;
	}
}

/* The combinations that the language of policies has a meaning for */
static void choose_rule(struct choices *choices, struct oracle_rule *rule, int field)
{
	static const char *const attributes[] = { "RO",	  "RW",	   "RWL",   "RWO",   "RWS",
						  "RW1C", "RW1CS", "RsvdP", "RsvdZ", "HwInit" };
	static const char *const clear[] = { "RW1C", "RW1CS" };
	static const char *const reserved[] = { "RsvdP", "RsvdZ" };
	static const char *const locked[] = { "RWL", "RWO" };
	static const char *const plain[] = { "RW", "RWS" };
	const char *attribute = oracle_field_attribute(field);

	/* What other fields may depend on doesn't change in the hardware */
	if (is_capability(field)) {
		rule->read = choose(choices, 3);
		rule->value = rule->read == ORACLE_HARDWARE ? 0 : choose_value(choices, field);
		return;
	}
	if (chance(choices, 3))
		attribute = attributes[choose(choices, 10)];
	rule->attribute = attribute;
	rule->read = ORACLE_VALUE;
	rule->write_shadow = false;
	rule->write_hardware = false;
	rule->action = ORACLE_NO_ACTION;
	rule->value = 0;
	if (is_one_of(attribute, reserved, 2))
		return;

	rule->read = choose(choices, 3);
	if (is_one_of(attribute, clear, 2) && rule->read == ORACLE_SHADOW)
		rule->read = ORACLE_HARDWARE;
	if (rule->read != ORACLE_HARDWARE)
		rule->value = choose_value(choices, field);
	if (is_one_of(attribute, clear, 2) && rule->read == ORACLE_HARDWARE) {
		rule->write_shadow = chance(choices, 2);
		rule->write_hardware = !rule->write_shadow && chance(choices, 2);
	} else if (is_one_of(attribute, locked, 2) || is_one_of(attribute, plain, 2)) {
		bool writes = !chance(choices, 4);

		rule->write_shadow = writes && rule->read == ORACLE_SHADOW;
		if (writes && is_one_of(attribute, plain, 2))
			rule->write_hardware = rule->read == ORACLE_HARDWARE ||
					       (rule->read == ORACLE_SHADOW && chance(choices, 2));
	}
}

/* Most of what there is to do is in CONTROL to LOCK */
static int choose_field(struct choices *choices)
{
	if (chance(choices, 2))
		return oracle_field("control.cache_enable") + choose(choices, 30);
	return choose(choices, oracle_nr_fields());
}

/* A table has room for so many different conditions in a dword; stay well below */
#define MAX_CONDITIONS 6

static void choose_conditions(struct choices *choices, struct oracle_policy *policy)
{
	unsigned int nr = choose(choices, MAX_CONDITIONS - 3);
	int field, capability;

	while (nr--) {
		field = choose_field(choices);
		capability = choose(choices, oracle_nr_fields());
		if (is_capability(field) || field == oracle_field("lock.config_lock"))
			continue;
		if (chance(choices, 4))
			policy->rules[field].when = ORACLE_ALWAYS;
		else if (is_capability(capability))
			policy->rules[field].when = capability;
	}
}

/* What is locked needs a lock that the user can set */
static void choose_lock(struct oracle_policy *policy)
{
	struct oracle_rule *lock = &policy->rules[oracle_field("lock.config_lock")];
	struct oracle_policy specification;
	unsigned int i;

	oracle_specification(&specification);
	for (i = 0; i < oracle_nr_fields(); i++)
		if (!strcmp(policy->rules[i].attribute, "RWL") && policy->rules[i].write_shadow &&
		    lock->read != ORACLE_SHADOW)
			*lock = specification.rules[oracle_field("lock.config_lock")];
}

/* What the initiate bits need to do what they are for */
static void choose_actions(struct choices *choices, struct oracle_policy *policy)
{
	static const char *const results[] = { "status2.cxl_reset_complete",
					       "status2.cxl_reset_error" };
	struct oracle_rule *rule = &policy->rules[oracle_field("control2.disable_caching")];
	struct oracle_policy specification;
	unsigned int i;
	int field;

	oracle_specification(&specification);
	field = oracle_field("control2.initiate_cache_wbi");
	if (policy->rules[field].action && rule->read != ORACLE_SHADOW) {
		*rule = specification.rules[oracle_field("control2.disable_caching")];
		rule->write_hardware = chance(choices, 2);
	}
	field = oracle_field("control2.initiate_cxl_reset");
	if (!policy->rules[field].action)
		return;
	for (i = 0; i < 2; i++) {
		rule = &policy->rules[oracle_field(results[i])];
		if (rule->read != ORACLE_SHADOW)
			*rule = specification.rules[oracle_field(results[i])];
	}
}

bool differential_random_policy(struct choices *choices, struct compared_policy *policy,
				char *error)
{
	struct oracle_policy *oracle = &policy->oracle;
	unsigned int nr = choose(choices, 12), field;

	if (chance(choices, 2))
		oracle_cxl_device(oracle);
	else
		oracle_specification(oracle);
	if (chance(choices, 8))
		nr = 200;
	while (nr--) {
		field = choose_field(choices);
		choose_rule(choices, &oracle->rules[field], field);
	}
	if (chance(choices, 2)) {
		struct oracle_policy device;

		oracle_cxl_device(&device);
		oracle_override(&device, "capability.cxl_reset_capable", 1);
		field = oracle_field("capability.cxl_reset_capable");
		oracle->rules[field] = device.rules[field];
	}
	choose_lock(oracle);
	choose_actions(choices, oracle);
	choose_conditions(choices, oracle);
	oracle->emulate_reset = chance(choices, 2);
	if (chance(choices, 16))
		oracle->access = ORACLE_READ_ONLY;
	else if (chance(choices, 32))
		oracle->access = ORACLE_PASSTHROUGH;
	differential_yaml(oracle, chance(choices, 8), policy->yaml, sizeof(policy->yaml));
	return differential_compile(policy, error);
}

/*
 * The device under both
 */

struct undo {
	uint32_t mask;
	uint32_t value;
	uint32_t keep;
};

/* What the program tells the host of a write */
struct event {
	uint32_t flags;
	uint32_t refused;
	uint32_t forwarded;
};

struct differential {
	/* The program and its map */
	const struct cxl_policy *policy;
	struct cxl_shadow shadow;
	struct event event;
	/* The kernel */
	struct vfio_pci_dvsec_access access;
	uint64_t opened;
	unsigned int covered;
	uint32_t pending;
	struct undo undo[ORACLE_SPACE / 4];
	unsigned int denied;
	unsigned int errors;
	/* The device, and what was written to it since the last step */
	struct differential_hardware hardware;
	struct oracle_effect written;
	/* The other side */
	const struct compared_policy *compared;
	struct oracle oracle;

	uint64_t accesses;
	bool differs;
	char report[DIFFERENTIAL_REPORT_LEN];
};

static bool differ(struct differential *d, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static bool differ(struct differential *d, const char *fmt, ...)
{
	va_list args;

	if (d->differs)
		return false;
	d->differs = true;
	va_start(args, fmt);
	vsnprintf(d->report, sizeof(d->report), fmt, args);
	va_end(args);
	add(d->report, sizeof(d->report), "\nDVSEC of %u bytes at %#x, hardware:", d->oracle.length,
	    d->access.start);
	for (unsigned int i = 0; i < ORACLE_SPACE; i++)
		add(d->report, sizeof(d->report), "%s%02x", i % 16 ? " " : "\n  ",
		    d->hardware.bytes[i]);
	add(d->report, sizeof(d->report), "\npolicy:\n%s", d->compared ? d->compared->yaml : "-");
	return false;
}

static uint32_t hardware_dword(const struct differential *d, unsigned int offset)
{
	uint32_t value;

	memcpy(&value, d->hardware.bytes + offset, 4);
	return value;
}

static void hardware_write(struct differential *d, unsigned int offset, uint8_t value)
{
	struct differential_hardware *hw = &d->hardware;

	hw->bytes[offset] = (hw->bytes[offset] & ~hw->writable[offset]) |
			    (value & hw->writable[offset]);
	hw->bytes[offset] &= ~(value & hw->clears[offset]);
	if (d->written.nr_bytes < ORACLE_SPACE) {
		d->written.bytes[d->written.nr_bytes].offset = offset;
		d->written.bytes[d->written.nr_bytes].value = value;
		d->written.nr_bytes++;
	}
}

/*
 * The program, as in cxl_policy.bpf.c
 */

static void access_of(const struct vfio_pci_dvsec_access *acc, struct cxl_access *access)
{
	access->start = acc->start;
	access->length = acc->length;
	access->offset = acc->offset;
	access->size = acc->size;
	access->again = acc->again;
	access->value = acc->value;
	access->hw = acc->hw;
}

static int cxl_opened(struct differential *d, struct vfio_pci_dvsec_access *acc)
{
	struct cxl_shadow *shadow = &d->shadow;
	uint32_t dvsec;

	if (shadow->open_id != acc->open_id) {
		memset(shadow->dwords, 0, sizeof(shadow->dwords));
		shadow->open_id = acc->open_id;
		shadow->abi_version = CXL_POLICY_ABI_VERSION;
	}
	if (d->policy->abi_version != CXL_POLICY_ABI_VERSION ||
	    shadow->abi_version != CXL_POLICY_ABI_VERSION)
		return -1;
	dvsec = cxl_engine_find(d->policy, acc->vendor, acc->id);
	acc->cookie = (uint64_t)dvsec + 1;
	cxl_engine_open(d->policy, dvsec, shadow, acc->start, acc->offset, acc->value);
	return 0;
}

static int cxl_reset(struct differential *d, struct vfio_pci_dvsec_access *acc, uint32_t kind)
{
	cxl_engine_reset(d->policy, acc->cookie - 1, &d->shadow, acc->start, acc->offset,
			 acc->value, kind);
	return 0;
}

static int cxl_read(struct differential *d, struct vfio_pci_dvsec_access *acc)
{
	struct cxl_outcome out = {};
	struct cxl_access access;
	int verdict;

	access_of(acc, &access);
	verdict = cxl_engine_read(d->policy, acc->cookie - 1, &d->shadow, &access, &out);
	acc->result = out.result;
	acc->hw_mask = out.hw_mask;
	return verdict;
}

static int cxl_write(struct differential *d, struct vfio_pci_dvsec_access *acc)
{
	struct cxl_outcome out = {};
	struct cxl_access access;
	int verdict;

	access_of(acc, &access);
	verdict = cxl_engine_write(d->policy, acc->cookie - 1, &d->shadow, &access, &out);
	acc->hw_mask = out.hw_mask;
	acc->hw_value = out.hw_value;
	acc->hw_write = out.hw_write;
	acc->hw_keep = out.hw_keep;
	acc->hw_undo = out.hw_undo;
	if (verdict == VFIO_PCI_DVSEC_NEED_HW)
		return verdict;

	d->event.flags = out.flags;
	d->event.refused = out.refused;
	d->event.forwarded = out.hw_write;
	if (d->policy->flags & CXL_POLICY_RECORD)
		d->event.flags |= CXL_EVENT_WRITE;
	return verdict;
}

/*
 * The kernel, as in vfio_pci_dvsec.c
 */

static uint32_t dvsec_size_mask(int size)
{
	return ~0U >> (32 - size * 8);
}

static uint32_t dvsec_byte_mask(uint32_t bits)
{
	uint32_t mask = 0;
	int i;

	for (i = 0; i < 32; i += 8)
		if (bits & (0xffU << i))
			mask |= 0xffU << i;
	return mask;
}

static void dvsec_hw_access(struct differential *d, unsigned int offset, int size, uint32_t bytes,
			    uint32_t *val, bool iswrite)
{
	uint32_t low = dvsec_size_mask(size) >> (size * 4), lo, hi;
	int i;

	if (!bytes)
		return;
	if (size > 1 && bytes != dvsec_size_mask(size) &&
	    (iswrite || !(bytes & low) || !(bytes & ~low))) {
		lo = *val & low;
		hi = *val >> (size * 4);
		dvsec_hw_access(d, offset, size / 2, bytes & low, &lo, iswrite);
		dvsec_hw_access(d, offset + size / 2, size / 2, bytes >> (size * 4), &hi, iswrite);
		*val = lo | hi << (size * 4);
		return;
	}
	if (iswrite) {
		for (i = 0; i < size; i++)
			hardware_write(d, offset + i, *val >> (8 * i));
		return;
	}
	*val = 0;
	memcpy(val, d->hardware.bytes + offset, size);
}

static void dvsec_undo(struct differential *d)
{
	int i;

	for (i = d->covered / 4 - 1; i >= 0; i--) {
		struct undo *undo = &d->undo[i];
		uint32_t bytes = dvsec_byte_mask(undo->mask), hw = 0;

		dvsec_hw_access(d, i * 4, 4, bytes, &hw, false);
		if (!((hw ^ undo->value) & undo->mask))
			continue;
		hw = (undo->value & undo->mask) | (hw & undo->keep & ~undo->mask);
		dvsec_hw_access(d, i * 4, 4, bytes, &hw, true);
	}
}

static void forget_plan(struct vfio_pci_dvsec_access *access)
{
	const size_t plan = offsetof(struct vfio_pci_dvsec_access, result);

	memset((char *)access + plan, 0, sizeof(*access) - plan);
}

static int dvsec_decide(struct differential *d, bool iswrite)
{
	struct vfio_pci_dvsec_access *access = &d->access;
	const unsigned int first = access->start / 4;
	struct cxl_shadow_dword before[ORACLE_SPACE / 4];
	uint32_t mask;
	int verdict;

	access->again = 0;
	access->hw = 0;
	forget_plan(access);
	memcpy(before, d->shadow.dwords + first, sizeof(before));
	verdict = iswrite ? cxl_write(d, access) : cxl_read(d, access);
	if (verdict == VFIO_PCI_DVSEC_NEED_HW) {
		mask = access->hw_mask & dvsec_size_mask(access->size);
		if (!mask || memcmp(before, d->shadow.dwords + first, sizeof(before)))
			differ(d, "asks for %#x of the hardware, and changes the shadow",
			       access->hw_mask);
		dvsec_hw_access(d, access->offset, access->size, dvsec_byte_mask(mask), &access->hw,
				false);
		access->again = 1;
		access->hw &= mask;
		forget_plan(access);
		verdict = iswrite ? cxl_write(d, access) : cxl_read(d, access);
	}
	if ((access->result | access->hw_mask | access->hw_write | access->hw_keep |
	     access->hw_undo) &
		    ~dvsec_size_mask(access->size) ||
	    access->hw_undo & ~access->hw_write)
		differ(d, "the plan exceeds the access");
	return verdict;
}

static void dvsec_policy_read(struct differential *d, uint32_t *val)
{
	struct vfio_pci_dvsec_access *access = &d->access;
	uint32_t mask, hw = 0;

	*val = 0;
	if (dvsec_decide(d, false) != VFIO_PCI_DVSEC_DONE) {
		d->errors++;
		return;
	}
	mask = access->hw_mask & dvsec_size_mask(access->size);
	dvsec_hw_access(d, access->offset, access->size, dvsec_byte_mask(mask), &hw, false);
	*val = (access->result & ~mask) | (hw & mask);
}

static void dvsec_policy_write(struct differential *d)
{
	struct vfio_pci_dvsec_access *access = &d->access;
	struct undo *undo = &d->undo[access->offset / 4];
	int shift = access->offset % 4 * 8, verdict;
	uint32_t mask, bytes, keep, track, hw = 0;

	verdict = dvsec_decide(d, true);
	if (verdict == VFIO_PCI_DVSEC_DENIED) {
		d->denied++;
	} else if (verdict != VFIO_PCI_DVSEC_DONE) {
		d->errors++;
		return;
	}

	mask = access->hw_write & dvsec_size_mask(access->size);
	if (!mask)
		return;
	bytes = dvsec_byte_mask(mask);
	keep = access->hw_keep & bytes;
	track = access->hw_undo & mask & ~(undo->mask >> shift);

	dvsec_hw_access(d, access->offset, access->size, dvsec_byte_mask((keep & ~mask) | track),
			&hw, false);
	undo->mask |= track << shift;
	undo->value |= (hw & track & access->hw_keep) << shift;
	undo->keep = (undo->keep & ~(bytes << shift)) | keep << shift;

	hw = (access->hw_value & mask) | (hw & keep & ~mask);
	dvsec_hw_access(d, access->offset, access->size, bytes, &hw, true);
}

/* That a device may be away is left out */
static void dvsec_tell(struct differential *d, uint32_t kind)
{
	struct vfio_pci_dvsec_access access = d->access;
	int ret;

	access.size = 4;
	access.again = 0;
	access.hw = 0;
	access.cookie = kind ? access.cookie : 0;
	forget_plan(&access);
	for (access.offset = 4; access.offset < d->covered; access.offset += 4) {
		access.value = hardware_dword(d, access.offset);
		ret = kind ? cxl_reset(d, &access, kind) : cxl_opened(d, &access);
		if (ret) {
			differ(d, "the policy is not put in force");
			return;
		}
	}
	if (!kind)
		d->access.cookie = access.cookie;
}

static unsigned int covered_of(unsigned int revision, unsigned int length)
{
	unsigned int registers = revision < 2 ? 0x38 : 0x3c;

	/* Up to the next capability, of which there is none in reach */
	return length < registers ? ORACLE_SPACE : (length + 3) / 4 * 4;
}

/*
 * Both
 */

struct differential *differential_new(void)
{
	return calloc(1, sizeof(struct differential));
}

void differential_free(struct differential *d)
{
	free(d);
}

uint64_t differential_accesses(const struct differential *d)
{
	return d->accesses;
}

struct differential_hardware *differential_hardware(struct differential *d)
{
	return &d->hardware;
}

const char *differential_report(const struct differential *d)
{
	return d->report;
}

static void print_bytes(char *text, size_t size, const struct oracle_effect *effect)
{
	unsigned int i;

	text[0] = '\0';
	for (i = 0; i < effect->nr_bytes; i++)
		add(text, size, " %02x=%02x", effect->bytes[i].offset, effect->bytes[i].value);
	if (!i)
		add(text, size, " none");
}

static bool compare_bytes(struct differential *d, const char *what,
			  const struct oracle_effect *effect)
{
	char engine[512], oracle[512];
	unsigned int i;
	bool same = d->written.nr_bytes == effect->nr_bytes;

	for (i = 0; same && i < effect->nr_bytes; i++)
		same = d->written.bytes[i].offset == effect->bytes[i].offset &&
		       d->written.bytes[i].value == effect->bytes[i].value;
	if (same)
		return true;
	print_bytes(engine, sizeof(engine), &d->written);
	print_bytes(oracle, sizeof(oracle), effect);
	return differ(d, "%s: to the hardware engine%s, oracle%s", what, engine, oracle);
}

static bool compare_shadow(struct differential *d, const char *what)
{
	unsigned int i, end = d->oracle.length > ORACLE_LENGTH ? ORACLE_SPACE : ORACLE_LENGTH;

	for (i = 4; i < d->covered && i < end; i += 4) {
		const struct cxl_shadow_dword *dword = &d->shadow.dwords[(d->access.start + i) / 4];
		uint32_t known, user, given, acknowledged;

		memcpy(&known, d->oracle.known + i, 4);
		memcpy(&user, d->oracle.user + i, 4);
		memcpy(&given, d->oracle.given + i, 4);
		memcpy(&acknowledged, d->oracle.acknowledged + i, 4);
		user = (user & given) | (acknowledged & ~given);
		if (dword->hw != known || dword->valid != given || dword->value != user)
			return differ(d,
				      "%s: state of %#x: engine value %#x valid %#x hardware %#x, "
				      "oracle value %#x valid %#x hardware %#x",
				      what, i, dword->value, dword->valid, dword->hw, user, given,
				      known);
	}
	return !d->differs;
}

bool differential_open(struct differential *d, const struct compared_policy *policy,
		       unsigned int start, unsigned int revision, unsigned int length)
{
	struct vfio_pci_dvsec_access *access = &d->access;

	d->differs = false;
	memset(access, 0, sizeof(*access));
	access->open_id = ++d->opened;
	access->vendor = VENDOR;
	access->id = ID;
	access->revision = revision;
	access->start = start;
	access->length = length;
	d->covered = covered_of(revision, length);
	access->covered = d->covered;
	memset(d->undo, 0, sizeof(d->undo));
	d->pending = 0;
	d->policy = &policy->table;
	d->compared = policy;

	oracle_open(&d->oracle, &policy->oracle, d->hardware.bytes, length);
	dvsec_tell(d, 0);
	return compare_shadow(d, "open");
}

bool differential_swap(struct differential *d, const struct compared_policy *policy)
{
	d->policy = &policy->table;
	d->compared = policy;
	oracle_swap(&d->oracle, &policy->oracle);
	dvsec_tell(d, 0);
	return compare_shadow(d, "swap");
}

bool differential_reset(struct differential *d, bool conventional)
{
	d->pending |= conventional ? VFIO_PCI_DVSEC_RESET_CONVENTIONAL
				   : VFIO_PCI_DVSEC_RESET_FUNCTION;
	return !d->differs;
}

static void tell_reset(struct differential *d)
{
	uint32_t kind = d->pending;

	if (!kind)
		return;
	d->pending = 0;
	oracle_reset(&d->oracle, kind & VFIO_PCI_DVSEC_RESET_CONVENTIONAL);
	dvsec_tell(d, kind);
	compare_shadow(d, "reset");
}

/* The next naturally aligned piece of an access of @count bytes */
static unsigned int piece_of(unsigned int offset, unsigned int count)
{
	if (count >= 4 && !(offset % 4))
		return 4;
	if (count >= 2 && !(offset % 2))
		return 2;
	return 1;
}

static bool access_piece(struct differential *d, unsigned int offset, unsigned int size,
			 uint32_t value)
{
	tell_reset(d);
	d->access.offset = offset;
	d->access.size = size;
	d->access.value = value;
	d->errors = 0;
	d->denied = 0;
	d->written.nr_bytes = 0;
	memset(&d->event, 0, sizeof(d->event));
	d->accesses++;
	return !d->differs;
}

static bool read_piece(struct differential *d, unsigned int offset, unsigned int size,
		       uint32_t *value)
{
	char what[64];
	uint32_t want;

	if (!access_piece(d, offset, size, 0))
		return false;
	want = oracle_read(&d->oracle, offset, size);
	dvsec_policy_read(d, value);
	snprintf(what, sizeof(what), "read of %u at %#x", size, offset);
	if (d->errors)
		return differ(d, "%s: the engine can't decide", what);
	if (*value != want)
		return differ(d, "%s: engine %#x, oracle %#x", what, *value, want);
	return compare_shadow(d, what);
}

static bool write_piece(struct differential *d, unsigned int offset, unsigned int size,
			uint32_t value)
{
	static const struct {
		unsigned int oracle;
		uint32_t engine;
	} events[] = {
		{ ORACLE_REFUSED, CXL_EVENT_REFUSED },
		{ ORACLE_LOCKED, CXL_EVENT_LOCKED },
		{ ORACLE_WBI_DROPPED, CXL_EVENT_WBI_DROPPED },
		{ ORACLE_RESET_DROPPED, CXL_EVENT_RESET_DROPPED },
		{ ORACLE_RESET_REJECTED, CXL_EVENT_RESET_REJECTED },
		{ ORACLE_RESET_EMULATED, CXL_EVENT_RESET_EMULATED },
		{ ORACLE_FORWARDED, CXL_EVENT_FORWARDED },
	};
	struct oracle_effect effect;
	uint32_t flags = 0;
	unsigned int i;
	char what[64];

	if (!access_piece(d, offset, size, value))
		return false;
	oracle_write(&d->oracle, offset, size, value, &effect);
	dvsec_policy_write(d);
	snprintf(what, sizeof(what), "write of %u at %#x: %#x", size, offset, value);
	if (d->errors)
		return differ(d, "%s: the engine can't decide", what);
	for (i = 0; i < sizeof(events) / sizeof(events[0]); i++)
		if (effect.events & events[i].oracle)
			flags |= events[i].engine;
	if (d->compared->oracle.access == ORACLE_PASSTHROUGH)
		flags |= CXL_EVENT_WRITE;
	if (d->event.flags != flags || d->event.refused != effect.refused ||
	    d->denied != !!effect.refused)
		return differ(d,
			      "%s: engine events %#x refused %#x%s, oracle events %#x refused %#x",
			      what, d->event.flags, d->event.refused, d->denied ? " denied" : "",
			      flags, effect.refused);
	return compare_bytes(d, what, &effect) && compare_shadow(d, what);
}

bool differential_read(struct differential *d, unsigned int offset, unsigned int count,
		       uint64_t *value)
{
	unsigned int at = 0, size;
	uint32_t piece;

	*value = 0;
	for (; at < count && offset + at < d->covered; at += size) {
		size = piece_of(offset + at, count - at);
		/* The first dword is answered by vfio itself */
		if (offset + at < 4)
			continue;
		if (!read_piece(d, offset + at, size, &piece))
			return false;
		*value |= (uint64_t)piece << (8 * at);
	}
	return true;
}

bool differential_write(struct differential *d, unsigned int offset, unsigned int count,
			uint64_t value)
{
	unsigned int at = 0, size;

	for (; at < count && offset + at < d->covered; at += size) {
		size = piece_of(offset + at, count - at);
		if (offset + at >= 4 &&
		    !write_piece(d, offset + at, size, value >> (8 * at) & dvsec_size_mask(size)))
			return false;
	}
	return true;
}

bool differential_close(struct differential *d)
{
	struct oracle_effect effect;

	d->written.nr_bytes = 0;
	oracle_close(&d->oracle, &effect);
	dvsec_undo(d);
	return compare_bytes(d, "close", &effect) && !d->differs;
}

/*
 * Episodes
 */

/* Bits that writing changes in a device that does as the specification says */
static const struct {
	uint8_t byte;
	uint8_t writable;
	uint8_t clears;
} true_bits[] = {
	{ 0x0c, 0xfd, 0x00 }, { 0x0d, 0x5f, 0x00 }, { 0x0f, 0x00, 0x40 }, { 0x10, 0x39, 0x00 },
	{ 0x12, 0x00, 0x08 }, { 0x14, 0x01, 0x00 }, { 0x20, 0xff, 0x00 }, { 0x21, 0xff, 0x00 },
	{ 0x22, 0xff, 0x00 }, { 0x23, 0xff, 0x00 }, { 0x27, 0xf0, 0x00 }, { 0x30, 0xff, 0x00 },
	{ 0x31, 0xff, 0x00 }, { 0x32, 0xff, 0x00 }, { 0x33, 0xff, 0x00 }, { 0x37, 0xf0, 0x00 },
};

static void choose_hardware(struct choices *choices, struct differential_hardware *hw)
{
	unsigned int i, kind = choose(choices, 4);

	memset(hw, 0, sizeof(*hw));
	for (i = 0; i < ORACLE_SPACE; i += 4) {
		uint32_t bits = kind == 0 ? 0 : kind == 1 ? ~0U : choose_bits(choices);

		memcpy(hw->bytes + i, &bits, 4);
	}
	/* Capabilities matter most */
	if (chance(choices, 2)) {
		hw->bytes[0x0a] = choose(choices, 256);
		hw->bytes[0x16] = choose(choices, 256);
		hw->bytes[0x38] = choose(choices, 32);
	}
	if (chance(choices, 4)) {
		/* A device of which any bit can do anything */
		for (i = 0; i < ORACLE_SPACE; i++) {
			hw->writable[i] = choose(choices, 256);
			hw->clears[i] = choose(choices, 256) & ~hw->writable[i];
		}
		return;
	}
	for (i = 0; i < sizeof(true_bits) / sizeof(true_bits[0]); i++) {
		hw->writable[true_bits[i].byte] = true_bits[i].writable;
		hw->clears[true_bits[i].byte] = true_bits[i].clears;
	}
	/* Initiate bits that stay set, as QEMU's do; status bits that don't clear */
	if (chance(choices, 2))
		hw->writable[0x10] |= 0x06;
	if (chance(choices, 4))
		hw->clears[0x12] = 0;
}

static unsigned int choose_length(struct choices *choices)
{
	switch (choose(choices, 8)) {
	case 0:
	case 1:
	case 2:
	case 3:
		return 0x3c;
	case 4:
	case 5:
		return 0x38;
	case 6:
		return 0x40;
	default:
		return choose(choices, 0x41);
	}
}

static unsigned int choose_offset(struct choices *choices)
{
	/* CONTROL to CAPABILITY2, LOCK among them */
	if (chance(choices, 2))
		return 0x0c + choose(choices, 12);
	return choose(choices, ORACLE_SPACE);
}

static unsigned int choose_count(struct choices *choices)
{
	static const uint8_t counts[] = { 1, 1, 2, 2, 4, 4, 4, 2, 4, 1, 3, 5, 6, 7, 8, 4 };

	return counts[choose(choices, 16)];
}

static bool make_access(struct differential *d, struct choices *choices)
{
	unsigned int offset = choose_offset(choices), count = choose_count(choices);
	uint64_t value;

	/* Mostly as a driver would */
	if (!chance(choices, 8))
		offset -= offset % (count < 2 ? 1 : count < 4 ? 2 : 4);
	if (chance(choices, 4))
		return differential_read(d, offset, count, &value);
	switch (choose(choices, 8)) {
	case 0:
		value = 0;
		break;
	case 1:
		value = ~0ULL;
		break;
	case 2:
		/* Bits of CONTROL2, CONFIG_LOCK and the like */
		value = choose(choices, 64);
		break;
	case 3:
		value = 1ULL << choose(choices, 64);
		break;
	case 4:
		value = choose_bits(choices) | (uint64_t)choose_bits(choices) << 32;
		break;
	default:
		if (!differential_read(d, offset, count, &value))
			return false;
		switch (choose(choices, 4)) {
		case 0:
			value = ~value;
			break;
		case 1:
			break;
		default:
			value ^= 1ULL << choose(choices, count * 8);
			break;
		}
	}
	return differential_write(d, offset, count, value);
}

/* As a conventional reset leaves the hardware, if it is one that resets */
static void reset_hardware(struct differential_hardware *hw)
{
	unsigned int i;

	for (i = 4; i < ORACLE_SPACE; i++)
		hw->bytes[i] &= ~hw->writable[i];
}

static bool take_step(struct differential *d, struct choices *choices,
		      const struct compared_policy *const *policies, unsigned int nr_policies)
{
	unsigned int offset;
	bool conventional;

	switch (choose(choices, 64)) {
	case 60:
		/* Something that the hardware does by itself, or the host */
		offset = 4 + choose(choices, ORACLE_SPACE - 4);
		d->hardware.bytes[offset] = choose(choices, 256);
		return true;
	case 61:
		offset = 0x0a + choose(choices, 14);
		d->hardware.bytes[offset] ^= 1 << choose(choices, 8);
		return true;
	case 62:
		conventional = chance(choices, 2);
		if (conventional && chance(choices, 2))
			reset_hardware(&d->hardware);
		return differential_reset(d, conventional);
	case 63:
		return differential_swap(d, policies[choose(choices, nr_policies)]);
	default:
		return make_access(d, choices);
	}
}

bool differential_episode(struct differential *d, struct choices *choices,
			  const struct compared_policy *const *policies, unsigned int nr_policies,
			  unsigned int steps)
{
	static const uint16_t starts[] = { 0x100, 0x10c, 0xe38, 0xfc0 };
	unsigned int start = starts[choose(choices, 4)];
	unsigned int revision = choose(choices, 4);
	unsigned int length = choose_length(choices);

	choose_hardware(choices, &d->hardware);
	if (!differential_open(d, policies[choose(choices, nr_policies)], start, revision, length))
		return false;
	while (steps-- && !choices->end)
		if (!take_step(d, choices, policies, nr_policies))
			return false;
	return differential_close(d);
}
