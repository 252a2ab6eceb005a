// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "cxl_policy_engine.h"
#include "device.h"
#include "kern.h"
#include "output.h"
#include "policy.h"

#define NAME_WIDTH 30

/**
 * struct view - a device's CXL DVSEC as the guest and as the hardware have it
 * @device: the device
 * @dvsec: its DVSEC
 * @policy: in force, or NULL
 * @known: there are @table and @shadow
 * @table: of @policy
 * @index: of the DVSEC in @table
 * @shadow: copy of the device's, or what it would be after an open
 * @hardware: dwords of the DVSEC
 * @guest: dwords as the guest reads them
 */
struct view {
	struct device device;
	const struct device_dvsec *dvsec;
	const struct kern_policy *policy;
	bool known;
	struct cxl_policy table;
	uint32_t index;
	struct cxl_shadow shadow;
	uint32_t hardware[POLICY_NR_RULES];
	uint32_t guest[POLICY_NR_RULES];
};

/* What a policy does with a field, in a few words */
struct words {
	char read[32];
	char write[64];
	const char *condition;
};

static bool is_there(const struct view *view, unsigned int reg)
{
	unsigned int length = view->dvsec->length;

	/* Registers behind a length that is too short are none the less */
	if (length < CXL_DVSEC_LENGTH_REV1)
		length = view->dvsec->revision < 2 ? CXL_DVSEC_LENGTH_REV1 : CXL_DVSEC_LENGTH;
	return policy_registers[reg].offset + policy_registers[reg].size <= length;
}

static void read_guest(struct view *view, unsigned int i)
{
	struct cxl_access access = {
		.start = view->dvsec->offset,
		.length = view->dvsec->length,
		.offset = i * 4,
		.size = 4,
	};
	struct cxl_outcome out = {};
	int verdict;

	verdict = cxl_engine_read(&view->table, view->index, &view->shadow, &access, &out);
	if (verdict == VFIO_PCI_DVSEC_NEED_HW) {
		access.again = 1;
		access.hw = view->hardware[i] & out.hw_mask;
		memset(&out, 0, sizeof(out));
		verdict = cxl_engine_read(&view->table, view->index, &view->shadow, &access, &out);
	}
	/* The kernel returns zeroes where the program has no valid verdict */
	view->guest[i] = 0;
	if (verdict == VFIO_PCI_DVSEC_DONE)
		view->guest[i] = (out.result & ~out.hw_mask) | (view->hardware[i] & out.hw_mask);
}

/* While the device is closed: what it would be after an open */
static void seed(struct view *view)
{
	unsigned int i;

	memset(&view->shadow, 0, sizeof(view->shadow));
	for (i = 1; i < POLICY_NR_RULES; i++)
		cxl_engine_open(&view->table, view->index, &view->shadow, view->dvsec->offset,
				i * 4, view->hardware[i]);
}

static int fill(struct view *view)
{
	unsigned int nr = POLICY_NR_RULES, i;
	int err;

	if (view->dvsec->offset + nr * 4 > DEVICE_CONFIG_SIZE)
		nr = (DEVICE_CONFIG_SIZE - view->dvsec->offset) / 4;
	err = device_read(&view->device, view->dvsec->offset, view->hardware, nr);
	if (err)
		return error_set(EXIT_FAILED, err, "is it powered on?",
				 "can't read the configuration space of %s: %s", view->device.name,
				 strerror(-err));
	memcpy(view->guest, view->hardware, sizeof(view->guest));

	/* A policy that failed isn't in force */
	if (!view->policy || !strcmp(view->device.state, "error"))
		return 0;
	err = kern_read_table(view->policy, &view->table);
	if (err == -ENOENT)
		return 0;
	if (!err) {
		view->index =
			cxl_engine_find(&view->table, CXL_DVSEC_VENDOR_ID, CXL_DVSEC_ID_DEVICE);
		err = kern_read_shadow(view->policy, &view->device.address, &view->shadow);
		if (err == -ENOENT) {
			seed(view);
			err = 0;
		}
	}
	if (err)
		return error_set(EXIT_FAILED, err, "--debug tells more",
				 "can't read the maps of policy %s: %s", view->policy->name,
				 strerror(-err));
	view->known = true;
	for (i = 1; i < POLICY_NR_RULES; i++)
		read_guest(view, i);
	return 0;
}

/* The capability that a field depends on, and whether the guest sees it */
static const char *condition_of(const struct view *view, const struct cxl_rule *rule, uint32_t bits,
				bool *met)
{
	unsigned int i, id;

	*met = true;

	for (i = 0; i < rule->nr_conds && i < CXL_POLICY_MAX_CONDS; i++) {
		if (!(rule->conds[i].bits & bits) || rule->conds[i].cap_rule >= POLICY_NR_RULES)
			continue;
		*met = (view->guest[rule->conds[i].cap_rule] & rule->conds[i].cap_mask) ==
		       rule->conds[i].cap_mask;
		for (id = 0; id < POLICY_NR_FIELDS; id++)
			if (policy_registers[policy_fields[id].reg].offset / 4 ==
				    rule->conds[i].cap_rule &&
			    policy_field_bits(id) == rule->conds[i].cap_mask)
				return policy_fields[id].name;
	}
	return NULL;
}

static void describe(const struct view *view, unsigned int id, struct words *words)
{
	unsigned int reg = policy_fields[id].reg;
	uint32_t bits = policy_field_bits(id);
	const struct cxl_rule *rule = NULL;
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
	rule = cxl_engine_rule(&view->table, view->index, policy_registers[reg].offset / 4);
	if (!rule) {
		if (view->table.flags & CXL_POLICY_RAW)
			snprintf(words->write, sizeof(words->write), "hardware");
		return;
	}

	words->condition = condition_of(view, rule, bits, &met);
	if (!met) {
		snprintf(words->read, sizeof(words->read), "0");
		snprintf(words->write, sizeof(words->write), "no such capability");
		return;
	}
	if (rule->shadow & bits)
		snprintf(words->read, sizeof(words->read), "shadow");
	else if (!(rule->hw & bits))
		snprintf(words->read, sizeof(words->read), "%#x",
			 (rule->value & bits) >> __builtin_ctz(bits));

	if (rule->reserved & bits)
		snprintf(words->write, sizeof(words->write), "reserved");
	else if (rule->wbi & bits)
		snprintf(words->write, sizeof(words->write), "1 if Disable_Caching");
	else if (rule->reset & bits)
		snprintf(words->write, sizeof(words->write), "1 is %s",
			 view->table.dvsecs[view->index].reset_action == CXL_RESET_EMULATE
				 ? "emulated"
				 : "rejected");
	else if (rule->ack & rule->write & bits)
		snprintf(words->write, sizeof(words->write), "1 clears for the guest");
	else if (rule->fwd1 & bits)
		snprintf(words->write, sizeof(words->write), "1 clears the hardware");
	else if (rule->once & bits)
		snprintf(words->write, sizeof(words->write), "shadow, 1 once");
	else if (rule->write & rule->fwd & bits)
		snprintf(words->write, sizeof(words->write), "shadow and hardware");
	else if (rule->fwd & bits)
		snprintf(words->write, sizeof(words->write), "hardware");
	else if (rule->write & bits)
		snprintf(words->write, sizeof(words->write), "shadow%s",
			 rule->lock & bits ? " until CONFIG_LOCK" : "");
}

static uint32_t register_value(const uint32_t *dwords, unsigned int reg)
{
	const struct policy_register *r = &policy_registers[reg];

	return dwords[r->offset / 4] >> (r->offset % 4 * 8) & CXL_DVSEC_BITS(r->size * 8 - 1, 0);
}

static uint32_t field_value(const uint32_t *dwords, unsigned int id)
{
	const struct policy_field *field = &policy_fields[id];

	return (register_value(dwords, field->reg) & CXL_DVSEC_BITS(field->hi, field->lo)) >>
	       field->lo;
}

static const char *short_name(unsigned int id)
{
	return strchr(policy_fields[id].name, '.') + 1;
}

static void format_bits(unsigned int id, char *text, size_t size)
{
	const struct policy_field *field = &policy_fields[id];

	if (field->hi == field->lo)
		snprintf(text, size, "%u", field->lo);
	else
		snprintf(text, size, "%u:%u", field->hi, field->lo);
}

static struct json_object *field_json(const struct view *view, unsigned int id)
{
	struct json_object *object = json_object_new_object();
	char text[256];
	struct words words;

	output_add(object, "name", output_string(short_name(id)));
	format_bits(id, text, sizeof(text));
	output_add(object, "bits", output_string(text));
	output_add(object, "attribute",
		   output_string(policy_attribute_name(policy_fields[id].attribute)));
	output_add(object, "guest", json_object_new_int64(field_value(view->guest, id)));
	output_add(object, "hardware", json_object_new_int64(field_value(view->hardware, id)));
	describe(view, id, &words);
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

static void print_json(const struct view *view, const char *policy)
{
	struct json_object *object = json_object_new_object(), *registers, *fields, *entry;
	unsigned int reg, id;

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
		output_add(entry, "guest", output_hex(register_value(view->guest, reg), r->size));
		output_add(entry, "hardware",
			   output_hex(register_value(view->hardware, reg), r->size));
		fields = json_object_new_array();
		for (id = 0; id < POLICY_NR_FIELDS; id++)
			if (policy_fields[id].reg == reg)
				json_object_array_add(fields, field_json(view, id));
		output_add(entry, "fields", fields);
		json_object_array_add(registers, entry);
	}
	output_add(object, "registers", registers);
	output_json(object);
}

static void print_field(const struct view *view, unsigned int id)
{
	char bits[8], guest[16], hardware[16];
	const char *name = short_name(id);
	struct words words;

	describe(view, id, &words);
	format_bits(id, bits, sizeof(bits));
	snprintf(guest, sizeof(guest), "%#x", field_value(view->guest, id));
	snprintf(hardware, sizeof(hardware), "%#x", field_value(view->hardware, id));
	if (strlen(name) > NAME_WIDTH) {
		printf("  %s\n", name);
		name = "";
	}
	printf("  %-*s %-5s %-6s %-10s %-10s %-8s %s\n", NAME_WIDTH, name, bits,
	       policy_attribute_name(policy_fields[id].attribute), guest, hardware, words.read,
	       words.write);
}

/* Of the other DVSECs: no policy has rules for them yet */
static const char *describe_other(const struct view *view, uint16_t id)
{
	if (!view->device.hooked && !view->policy)
		return "not enforced";
	if (view->known && (view->table.flags & CXL_POLICY_RAW) &&
	    cxl_engine_find(&view->table, CXL_DVSEC_VENDOR_ID, id) == CXL_ENGINE_NO_RULES)
		return "reads hardware, writes hardware";
	if (!view->known && (!strcmp(view->device.state, "raw") || view->policy))
		return "unknown";
	return "reads hardware, read-only";
}

static void print_text(const struct view *view, const char *policy)
{
	unsigned int reg, id, i;
	char guest[16], hardware[16];

	printf("device %s, state %s, policy %s\n", view->device.name, view->device.state,
	       policy && policy[0] ? policy : "-");
	if (!view->device.hooked)
		printf("not bound to a vfio-pci with the DVSEC hook: nothing is enforced%s\n",
		       view->policy ? " before it is" : "");
	printf("\n%-*s %-5s %-6s %-10s %-10s %-8s %s\n", NAME_WIDTH + 2, "REGISTER, FIELD", "BITS",
	       "ATTR", "GUEST", "HARDWARE", "READS", "WRITES");
	for (reg = 0; reg < CXL_DVSEC_NR_REGS; reg++) {
		const struct policy_register *r = &policy_registers[reg];
		char where[NAME_WIDTH + 2];

		if (!is_there(view, reg))
			continue;
		snprintf(where, sizeof(where), "%s +0x%02x", r->name, r->offset);
		snprintf(guest, sizeof(guest), "0x%0*x", r->size * 2,
			 register_value(view->guest, reg));
		snprintf(hardware, sizeof(hardware), "0x%0*x", r->size * 2,
			 register_value(view->hardware, reg));
		printf("%-*s %-5s %-6s %-10s %s\n", NAME_WIDTH + 2, where, "", "", guest, hardware);
		for (id = 0; id < POLICY_NR_FIELDS; id++)
			if (policy_fields[id].reg == reg &&
			    policy_fields[id].attribute != CXL_DVSEC_ATTR_RSVDP &&
			    policy_fields[id].attribute != CXL_DVSEC_ATTR_RSVDZ)
				print_field(view, id);
	}
	for (i = 0; i < view->device.nr_dvsecs; i++)
		if (&view->device.dvsecs[i] != view->dvsec)
			printf("DVSEC %u at 0x%03x: %s\n", view->device.dvsecs[i].id,
			       view->device.dvsecs[i].offset,
			       describe_other(view, view->device.dvsecs[i].id));
}

int cmd_show(const struct cmd_args *args)
{
	struct kern_target target = { .match = VFIO_PCI_DVSEC_MATCH_ADDRESS };
	struct kern_policies policies = {};
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
		err = error_set(EXIT_FAILED, err, "'cxl-policy list' shows those there are",
				"no device %s", args->argv[0]);
		goto out;
	}
	view->dvsec = device_find_dvsec(&view->device, CXL_DVSEC_ID_DEVICE);
	if (!view->dvsec) {
		err = error_set(EXIT_FAILED, -ENODEV, "'cxl-policy list' shows those that are",
				"%s isn't a CXL device (no CXL device DVSEC)", view->device.name);
		goto out;
	}
	err = kern_list(&policies);
	if (err)
		goto out;
	view->policy = view->device.hooked ? kern_find_effective(&policies, &target)
					   : kern_find(&policies, &target);
	err = fill(view);
	if (err)
		goto out;
	policy = view->device.hooked ? view->device.policy
		 : view->policy	     ? view->policy->name
				     : NULL;
	if (output_options.json)
		print_json(view, policy);
	else
		print_text(view, policy);
out:
	kern_free(&policies);
	free(view);
	return err;
}
