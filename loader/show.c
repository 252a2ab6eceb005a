// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "cxl_policy_engine.h"
#include "describe.h"
#include "device.h"
#include "kern.h"
#include "output.h"
#include "policy.h"
#include "restore.h"

#define NAME_WIDTH 30

/**
 * struct part - a DVSEC as the guest and as the hardware have it
 * @dvsec: the DVSEC
 * @is: what the table says of it
 * @nr: number of dwords
 * @hardware: dwords of the DVSEC
 * @guest: dwords as the guest reads them
 */
struct part {
	const struct device_dvsec *dvsec;
	struct describe_dvsec is;
	unsigned int nr;
	uint32_t hardware[CXL_POLICY_MAX_RULES];
	uint32_t guest[CXL_POLICY_MAX_RULES];
};

/**
 * struct view - what is shown of a device
 * @device: the device
 * @main: its CXL device DVSEC
 * @policy: in force, or NULL
 * @known: there are @table and @shadow
 * @table: of @policy
 * @open: @shadow is the device's, not what it would be after an open
 * @shadow: state of the device
 * @named: there is @source
 * @source: policy that @table was made of
 */
struct view {
	struct device device;
	struct part main;
	const struct kern_policy *policy;
	bool known;
	struct cxl_policy table;
	bool open;
	struct cxl_shadow shadow;
	bool named;
	struct policy source;
};

/**
 * struct bits - what is shown in one line
 * @name: of the field; NULL if it isn't known
 * @offset: what @hi and @lo count from
 * @hi: last bit
 * @lo: first bit
 * @attribute: an &enum cxl_dvsec_attribute, or -1 if it isn't known
 * @rule: dword of the DVSEC
 * @mask: bits in that dword
 */
struct bits {
	const char *name;
	unsigned int offset;
	unsigned int hi;
	unsigned int lo;
	int attribute;
	unsigned int rule;
	uint32_t mask;
};

/* What a policy does with a field, in a few words */
struct words {
	char read[32];
	char write[64];
	const char *condition;
};

static void locate(struct bits *bits)
{
	bits->rule = bits->offset / 4;
	bits->mask = CXL_DVSEC_BITS(bits->hi, bits->lo) << (bits->offset % 4 * 8);
}

static struct bits bits_of_field(unsigned int id)
{
	const struct policy_field *field = &policy_fields[id];
	struct bits bits = {
		.name = strchr(field->name, '.') + 1,
		.offset = policy_registers[field->reg].offset,
		.hi = field->hi,
		.lo = field->lo,
		.attribute = field->attribute,
	};

	locate(&bits);
	return bits;
}

static bool is_there(const struct view *view, unsigned int reg)
{
	unsigned int length = view->main.dvsec->length;

	/* Registers behind a length that is too short are none the less */
	if (length < CXL_DVSEC_LENGTH_REV1)
		length = view->main.dvsec->revision < 2 ? CXL_DVSEC_LENGTH_REV1 : CXL_DVSEC_LENGTH;
	return policy_registers[reg].offset + policy_registers[reg].size <= length;
}

static void read_guest(struct view *view, struct part *part, unsigned int i)
{
	struct cxl_access access = {
		.start = part->dvsec->offset,
		.length = part->dvsec->length,
		.offset = i * 4,
		.size = 4,
	};
	struct cxl_outcome out = {};
	int verdict;

	verdict = cxl_engine_read(&view->table, part->is.index, &view->shadow, &access, &out);
	if (verdict == VFIO_PCI_DVSEC_NEED_HW) {
		access.again = 1;
		access.hw = part->hardware[i] & out.hw_mask;
		memset(&out, 0, sizeof(out));
		verdict =
			cxl_engine_read(&view->table, part->is.index, &view->shadow, &access, &out);
	}
	/* The kernel returns zeroes where the program has no valid verdict */
	part->guest[i] = 0;
	if (verdict == VFIO_PCI_DVSEC_DONE)
		part->guest[i] = (out.result & ~out.hw_mask) | (part->hardware[i] & out.hw_mask);
}

/* Read @nr dwords of a DVSEC; while the device is closed, as they would be after an open */
static int fill_part(struct view *view, struct part *part, const struct device_dvsec *dvsec,
		     unsigned int nr)
{
	unsigned int i;
	int err;

	if (dvsec->offset + nr * 4 > DEVICE_CONFIG_SIZE)
		nr = (DEVICE_CONFIG_SIZE - dvsec->offset) / 4;
	part->dvsec = dvsec;
	part->nr = nr;
	err = device_read(&view->device, dvsec->offset, part->hardware, nr);
	if (err)
		return cmd_read_failed(&view->device, err);
	memcpy(part->guest, part->hardware, nr * sizeof(part->guest[0]));
	if (!view->known)
		return 0;

	describe_start(&part->is, &view->table, dvsec->vendor, dvsec->id, true);
	for (i = 1; i < nr && !view->open; i++)
		cxl_engine_open(&view->table, part->is.index, &view->shadow, dvsec->offset, i * 4,
				part->hardware[i]);
	for (i = 1; i < nr; i++)
		read_guest(view, part, i);
	return 0;
}

static int fill(struct view *view, const struct device_dvsec *dvsec)
{
	int err;

	/* A policy that failed isn't in force */
	if (view->policy && strcmp(view->device.state, "error")) {
		err = kern_read_table(view->policy, &view->table);
		if (!err) {
			err = !view->device.open_id
				      ? -ENOENT
				      : kern_read_shadow(view->policy, view->device.open_id,
							 &view->shadow);
			view->known = !err || err == -ENOENT;
			view->open = !err;
		}
		if (err && err != -ENOENT)
			return error_set(EXIT_FAILED, err, "--debug tells more",
					 "can't read the maps of policy %s: %s", view->policy->name,
					 strerror(-err));
	}
	if (view->known) {
		view->table.name[sizeof(view->table.name) - 1] = '\0';
		view->named = describe_find_source(&view->table, &view->source);
	}
	return fill_part(view, &view->main, dvsec, POLICY_NR_RULES);
}

static bool next_described(const struct view *view, const struct part *part, unsigned int *i,
			   struct bits *bits)
{
	for (; view->named && *i < view->source.nr_described; ++*i) {
		const struct policy_described *field = &view->source.described[*i];
		const struct policy_dvsec *dvsec = &view->source.dvsecs[field->dvsec];

		if (dvsec->vendor != part->dvsec->vendor || dvsec->id != part->dvsec->id ||
		    field->offset / 4U >= part->nr)
			continue;
		bits->name = field->name;
		bits->offset = field->offset;
		bits->hi = field->hi;
		bits->lo = field->lo;
		bits->attribute = field->attribute;
		locate(bits);
		return true;
	}
	return false;
}

/* The capability that a field depends on, and whether the guest sees it */
static const char *condition_of(const struct view *view, const struct part *part,
				const struct describe *is, bool *met)
{
	const struct describe_cap *cap = &is->depends;
	const char *name;
	unsigned int i;

	*met = !(is->flags & DESCRIBE_NEVER);
	for (i = 0; *met && i < is->nr_caps; i++) {
		uint32_t seen = is->caps[i].rule < part->nr ? part->guest[is->caps[i].rule] : 0;

		*met = (seen & is->caps[i].mask) == is->caps[i].mask;
		if (!*met)
			cap = &is->caps[i];
	}
	if (!cap->mask)
		return NULL;
	name = describe_cap_name(view->named ? &view->source : NULL, part->dvsec->vendor,
				 part->dvsec->id, cap);
	return name ? name : "an unknown capability";
}

static void describe(const struct view *view, const struct part *part, const struct bits *field,
		     struct words *words)
{
	const struct cxl_rule *rule;
	enum describe_effect effect;
	struct describe is;
	bool met;

	memset(words, 0, sizeof(*words));
	snprintf(words->read, sizeof(words->read), "hardware");
	snprintf(words->write, sizeof(words->write), "-");
	if (!view->known) {
		if (view->policy && strcmp(view->device.state, "error"))
			snprintf(words->write, sizeof(words->write), "unknown program");
		else if (!strcmp(view->device.state, "raw") || !view->device.hooked)
			snprintf(words->write, sizeof(words->write), "hardware");
		return;
	}

	describe_bit(&part->is, field->rule, __builtin_ctz(field->mask), &is);
	words->condition = condition_of(view, part, &is, &met);
	if (!met) {
		snprintf(words->read, sizeof(words->read), "0");
		snprintf(words->write, sizeof(words->write), "no such capability");
		return;
	}
	rule = cxl_engine_rule(&view->table, part->is.index, field->rule);
	if (is.flags & DESCRIBE_SHADOW)
		snprintf(words->read, sizeof(words->read), "shadow");
	else if (rule && !(is.flags & DESCRIBE_HARDWARE))
		snprintf(words->read, sizeof(words->read), "%#x",
			 (rule->value & field->mask) >> __builtin_ctz(field->mask));

	effect = describe_effect(is.flags);
	if (effect == DESCRIBE_IGNORED)
		snprintf(words->write, sizeof(words->write), "reserved");
	else if (effect != DESCRIBE_REFUSED)
		snprintf(words->write, sizeof(words->write), "%s%s", describe_effect_text(effect),
			 !(is.flags & DESCRIBE_LOCKED) ? ""
			 : part == &view->main	       ? " until CONFIG_LOCK"
						       : " until locked");
}

static uint32_t register_value(const uint32_t *dwords, unsigned int reg)
{
	const struct policy_register *r = &policy_registers[reg];

	return dwords[r->offset / 4] >> (r->offset % 4 * 8) & CXL_DVSEC_BITS(r->size * 8 - 1, 0);
}

static uint32_t bits_value(const uint32_t *dwords, const struct bits *bits)
{
	return (dwords[bits->rule] & bits->mask) >> __builtin_ctz(bits->mask);
}

static struct json_object *bits_json(const struct view *view, const struct part *part,
				     const struct bits *bits)
{
	struct json_object *object = json_object_new_object();
	struct words words;
	char text[256], range[8];

	output_add(object, "name", bits->name ? output_string(bits->name) : NULL);
	if (part != &view->main)
		output_add(object, "offset", json_object_new_int(bits->offset));
	output_add(object, "bits", output_string(policy_bits_text(bits->hi, bits->lo, range)));
	output_add(object, "attribute",
		   bits->attribute < 0 ? NULL
				       : output_string(policy_attribute_name(bits->attribute)));
	output_add(object, "guest", json_object_new_int64(bits_value(part->guest, bits)));
	output_add(object, "hardware", json_object_new_int64(bits_value(part->hardware, bits)));
	describe(view, part, bits, &words);
	if (!strcmp(words.write, "-") || !strcmp(words.write, "no such capability"))
		snprintf(text, sizeof(text), "reads %s", words.read);
	else if (!strcmp(words.write, "reserved"))
		snprintf(text, sizeof(text), "reserved");
	else
		snprintf(text, sizeof(text), "reads %s, writes %s", words.read, words.write);
	if (words.condition)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), ", %s %s",
			 strcmp(words.write, "no such capability") ? "given" : "lacking",
			 words.condition);
	output_add(object, "policy", output_string(text));
	return object;
}

static void print_bits(const struct view *view, const struct part *part, const struct bits *bits)
{
	char name[POLICY_FIELD_NAME_LEN + 16], range[8], guest[16], hardware[16];
	struct words words;

	describe(view, part, bits, &words);
	policy_bits_text(bits->hi, bits->lo, range);
	snprintf(guest, sizeof(guest), "%#x", bits_value(part->guest, bits));
	snprintf(hardware, sizeof(hardware), "%#x", bits_value(part->hardware, bits));
	snprintf(name, sizeof(name), "%s", bits->name ? bits->name : "");
	if (part != &view->main)
		snprintf(name + strlen(name), sizeof(name) - strlen(name), "%s+0x%02x",
			 bits->name ? " " : "", bits->offset);
	if (strlen(name) > NAME_WIDTH) {
		printf("  %s\n", name);
		name[0] = '\0';
	}
	printf("  %-*s %-5s %-6s %-10s %-10s %-8s %s\n", NAME_WIDTH, name, range,
	       bits->attribute < 0 ? "-" : policy_attribute_name(bits->attribute), guest, hardware,
	       words.read, words.write);
}

/*
 * DVSECs other than the CXL device's
 */

static bool is_alike(const struct part *part, unsigned int a, unsigned int b)
{
	struct describe of_a, of_b;

	describe_bit(&part->is, a / 32, a % 32, &of_a);
	describe_bit(&part->is, b / 32, b % 32, &of_b);
	return describe_alike(&of_a, &of_b);
}

/* Without names: bits side by side that are alike, but those that read the hardware alone */
static bool next_alike(const struct part *part, unsigned int *i, struct bits *bits)
{
	for (; *i / 32 < part->nr && *i / 32 < part->is.nr; ++*i) {
		struct describe is;

		describe_bit(&part->is, *i / 32, *i % 32, &is);
		if (*i < 32 || (*i % 32 && is_alike(part, *i, *i - 1)) ||
		    (describe_effect(is.flags) == DESCRIBE_REFUSED &&
		     is.flags & DESCRIBE_HARDWARE && !(is.flags & DESCRIBE_ACK)))
			continue;
		bits->name = NULL;
		bits->offset = *i / 32 * 4;
		bits->lo = *i % 32;
		for (bits->hi = bits->lo; bits->hi < 31; bits->hi++)
			if (!is_alike(part, *i, *i - bits->lo + bits->hi + 1))
				break;
		bits->attribute = -1;
		locate(bits);
		return true;
	}
	return false;
}

static bool next_bits(const struct view *view, const struct part *part, unsigned int *i,
		      struct bits *bits)
{
	return view->named ? next_described(view, part, i, bits) : next_alike(part, i, bits);
}

static bool is_claimed(const struct view *view, const struct device_dvsec *dvsec)
{
	return dvsec->vendor == CXL_DVSEC_VENDOR_ID ||
	       (view->policy && policy_claims(view->policy->claims, view->policy->nr_claims,
					      dvsec->vendor, dvsec->id));
}

/* What holds for all of a DVSEC, but for the fields that a policy describes */
static const char *describe_other(const struct view *view, const struct device_dvsec *dvsec)
{
	if (!is_claimed(view, dvsec))
		return "not enforced, no policy claims it";
	if (!view->device.hooked && !view->policy)
		return "not enforced";
	if (view->known && (view->table.flags & CXL_POLICY_RAW) &&
	    cxl_engine_find(&view->table, dvsec->vendor, dvsec->id) == CXL_ENGINE_NO_RULES)
		return "reads hardware, writes hardware";
	if (!view->known && (!strcmp(view->device.state, "raw") || view->policy))
		return "unknown";
	return "reads hardware, read-only";
}

/* The dwords that there are rules for, as far as the DVSEC reaches */
static int fill_other(struct view *view, struct part *part, const struct device_dvsec *dvsec)
{
	unsigned int nr = (dvsec->length + 3) / 4;
	uint32_t index = CXL_ENGINE_NO_RULES;

	memset(part, 0, sizeof(*part));
	if (view->known && is_claimed(view, dvsec))
		index = cxl_engine_find(&view->table, dvsec->vendor, dvsec->id);
	if (index == CXL_ENGINE_NO_RULES) {
		part->dvsec = dvsec;
		return 0;
	}
	if (nr > view->table.dvsecs[index].nr_rules)
		nr = view->table.dvsecs[index].nr_rules;
	if (nr > CXL_POLICY_MAX_RULES)
		nr = CXL_POLICY_MAX_RULES;
	return fill_part(view, part, dvsec, nr);
}

static const struct device_dvsec *next_other(const struct view *view, unsigned int *i)
{
	const struct device *device = &view->device;

	for (; *i < device->nr_dvsecs; ++*i)
		if (&device->dvsecs[*i] != view->main.dvsec)
			return &device->dvsecs[*i];
	return *i < device->nr_dvsecs + device->nr_others ? &device->others[*i - device->nr_dvsecs]
							  : NULL;
}

static struct json_object *other_json(const struct view *view, const struct part *part)
{
	struct json_object *object = json_object_new_object(), *fields = json_object_new_array();
	struct bits bits;
	unsigned int i;

	output_add(object, "vendor", output_hex(part->dvsec->vendor, 2));
	output_add(object, "id", json_object_new_int(part->dvsec->id));
	output_add(object, "offset", json_object_new_int(part->dvsec->offset));
	output_add(object, "policy", output_string(describe_other(view, part->dvsec)));
	for (i = 0; next_bits(view, part, &i, &bits); i++)
		json_object_array_add(fields, bits_json(view, part, &bits));
	output_add(object, "fields", fields);
	return object;
}

static void print_other(const struct view *view, const struct part *part)
{
	const struct device_dvsec *dvsec = part->dvsec;
	struct bits bits;
	unsigned int i = 0;

	if (dvsec->vendor == CXL_DVSEC_VENDOR_ID)
		printf("DVSEC %u at 0x%03x: ", dvsec->id, dvsec->offset);
	else
		printf("DVSEC %#x:%u at 0x%03x: ", dvsec->vendor, dvsec->id, dvsec->offset);
	printf("%s%s\n", describe_other(view, dvsec),
	       next_bits(view, part, &i, &bits) ? ", but for" : "");
	for (; next_bits(view, part, &i, &bits); i++)
		if (!(cxl_engine_rule(&view->table, part->is.index, bits.rule)->reserved &
		      bits.mask))
			print_bits(view, part, &bits);
}

/*
 * All of it
 */

static int print_json(struct view *view, const char *policy)
{
	struct json_object *object = json_object_new_object(), *registers, *fields, *entry;
	struct json_object *others = json_object_new_array();
	const struct device_dvsec *other;
	unsigned int reg, id, i;
	struct part part;
	int err = 0;

	output_add(object, "device", output_string(view->device.name));
	output_add(object, "state", output_string(view->device.state));
	output_add(object, "policy", output_string(policy));
	registers = json_object_new_array();
	for (reg = 0; reg < CXL_DVSEC_NR_REGS; reg++) {
		const struct policy_register *r = &policy_registers[reg];

		if (!is_there(view, reg))
			continue;
		entry = json_object_new_object();
		output_add(entry, "name", output_string(r->name));
		output_add(entry, "offset", json_object_new_int(r->offset));
		output_add(entry, "size", json_object_new_int(r->size));
		output_add(entry, "guest",
			   output_hex(register_value(view->main.guest, reg), r->size));
		output_add(entry, "hardware",
			   output_hex(register_value(view->main.hardware, reg), r->size));
		fields = json_object_new_array();
		for (id = 0; id < POLICY_NR_FIELDS; id++) {
			struct bits bits = bits_of_field(id);

			if (policy_fields[id].reg == reg)
				json_object_array_add(fields, bits_json(view, &view->main, &bits));
		}
		output_add(entry, "fields", fields);
		json_object_array_add(registers, entry);
	}
	output_add(object, "registers", registers);
	output_add(object, "restore", output_string(restore_state(view->policy, &view->device)));
	for (i = 0; !err && (other = next_other(view, &i)); i++) {
		err = fill_other(view, &part, other);
		if (!err)
			json_object_array_add(others, other_json(view, &part));
	}
	output_add(object, "dvsecs", others);
	if (err)
		json_object_put(object);
	else
		output_json(object);
	return err;
}

static int print_text(struct view *view, const char *policy)
{
	const struct device_dvsec *other;
	char guest[16], hardware[16];
	unsigned int reg, id, i;
	struct part part;
	int err = 0;

	printf("device %s, state %s, policy %s\n", view->device.name, view->device.state,
	       policy && policy[0] ? policy : "-");
	if (!view->device.hooked)
		printf("not bound to a vfio-pci with the DVSEC hook: nothing is enforced%s\n",
		       view->policy ? " before it is" : "");
	if (restore_state(view->policy, &view->device))
		printf("restore %s\n", restore_state(view->policy, &view->device));
	printf("\n%-*s %-5s %-6s %-10s %-10s %-8s %s\n", NAME_WIDTH + 2, "REGISTER, FIELD", "BITS",
	       "ATTR", "GUEST", "HARDWARE", "READS", "WRITES");
	for (reg = 0; reg < CXL_DVSEC_NR_REGS; reg++) {
		const struct policy_register *r = &policy_registers[reg];
		char where[NAME_WIDTH + 2];

		if (!is_there(view, reg))
			continue;
		snprintf(where, sizeof(where), "%s +0x%02x", r->name, r->offset);
		snprintf(guest, sizeof(guest), "0x%0*x", r->size * 2,
			 register_value(view->main.guest, reg));
		snprintf(hardware, sizeof(hardware), "0x%0*x", r->size * 2,
			 register_value(view->main.hardware, reg));
		printf("%-*s %-5s %-6s %-10s %s\n", NAME_WIDTH + 2, where, "", "", guest, hardware);
		for (id = 0; id < POLICY_NR_FIELDS; id++) {
			struct bits bits = bits_of_field(id);

			if (policy_fields[id].reg == reg &&
			    bits.attribute != CXL_DVSEC_ATTR_RSVDP &&
			    bits.attribute != CXL_DVSEC_ATTR_RSVDZ)
				print_bits(view, &view->main, &bits);
		}
	}
	for (i = 0; !err && (other = next_other(view, &i)); i++) {
		err = fill_other(view, &part, other);
		if (!err)
			print_other(view, &part);
	}
	return err;
}

int cmd_show(const struct cmd_args *args)
{
	struct kern_target target = { .match = VFIO_PCI_DVSEC_MATCH_ADDRESS };
	struct kern_policies policies = {};
	const struct device_dvsec *dvsec;
	const char *policy;
	struct view *view;
	int err;

	if (args->argc != 1)
		return error_set(EXIT_USAGE, -EINVAL, "see 'cxl-policy help show'",
				 "one device is wanted");
	if (device_parse(args->argv[0], &target.address))
		return error_set(EXIT_USAGE, -EINVAL, "write it as in 0000:0d:00.0",
				 "'%s' is no PCI address", args->argv[0]);
	err = kern_check_privilege();
	if (err)
		return err;
	view = calloc(1, sizeof(*view));
	if (!view)
		return -ENOMEM;

	err = device_get(&target.address, &view->device);
	if (err) {
		err = error_set(EXIT_MISSING, err, "'cxl-policy list' shows those there are",
				"no device %s", args->argv[0]);
		goto out;
	}
	dvsec = device_find_dvsec(&view->device, CXL_DVSEC_ID_DEVICE);
	if (!dvsec) {
		err = error_set(EXIT_MISSING, -ENODEV, "'cxl-policy list' shows those that are",
				"%s isn't a CXL device (no CXL device DVSEC)", view->device.name);
		goto out;
	}
	err = kern_list(&policies);
	if (err)
		goto out;
	view->policy = view->device.hooked ? kern_find_effective(&policies, &target)
					   : kern_find(&policies, &target);
	err = fill(view, dvsec);
	if (err)
		goto out;
	policy = view->device.hooked ? view->device.policy
		 : view->policy	     ? view->policy->name
				     : NULL;
	err = output_options.json ? print_json(view, policy) : print_text(view, policy);
out:
	kern_free(&policies);
	free(view);
	return err;
}
