// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "compare.h"
#include "fields.h"
#include "output.h"

#define NAME_WIDTH 46

/**
 * struct subject - what is compared
 * @spec: as it was named
 * @image: its tables and claims
 * @named: there is @source
 * @source: policy that they were made of
 */
struct subject {
	const char *spec;
	struct policy_image image;
	bool named;
	struct policy source;
};

/* The tables of what is in force on a device, or by default */
static int load_target(struct subject *subject, const struct kern_target *target)
{
	struct kern_policies policies = {};
	const struct kern_policy *policy;
	struct device device = {};
	int err;

	err = kern_check_privilege();
	if (err)
		return err;
	if (target->match == VFIO_PCI_DVSEC_MATCH_ADDRESS && device_get(&target->address, &device))
		return error_set(EXIT_MISSING, -ENODEV, "'cxl-policy list' shows those there are",
				 "no device %s", subject->spec);
	err = kern_list(&policies);
	if (err)
		return err;
	/* The default covers what vfio-pci has, but promises nothing of other drivers */
	policy = target->match == VFIO_PCI_DVSEC_MATCH_ANY || device.hooked
			 ? kern_find_effective(&policies, target)
			 : kern_find(&policies, target);
	if (!policy) {
		err = error_set(EXIT_MISSING, -ENOENT, "'cxl-policy attach' puts one in force",
				"no policy is in force %s %s", device.name[0] ? "on" : "by",
				subject->spec);
	} else if (!strcmp(device.state, "error")) {
		err = error_set(EXIT_FAILED, -EINVAL, "'cxl-policy swap' puts another in its place",
				"policy %s failed on %s, so it isn't in force", policy->name,
				subject->spec);
	} else {
		err = kern_read_table(policy, &subject->image.table);
		if (err == -ENOENT)
			err = error_set(EXIT_MISSING, err, "it is another program's",
					"what is in force %s %s has no table that is known",
					device.name[0] ? "on" : "by", subject->spec);
		else if (err)
			err = error_set(EXIT_FAILED, err, "--debug tells more",
					"can't read the maps of policy %s: %s", policy->name,
					strerror(-err));
	}
	if (!err) {
		struct cxl_policy *table = &subject->image.table;

		table->name[sizeof(table->name) - 1] = '\0';
		subject->image.nr_claims = policy->nr_claims;
		memcpy(subject->image.claims, policy->claims, sizeof(subject->image.claims));
		subject->named = describe_find_source(table, &subject->source);
	}
	kern_free(&policies);
	return err;
}

static int load(struct subject *subject, const char *spec)
{
	struct kern_target target = { .match = VFIO_PCI_DVSEC_MATCH_ADDRESS };

	subject->spec = spec;
	if (!strcmp(spec, KERN_DEFAULT)) {
		target.match = VFIO_PCI_DVSEC_MATCH_ANY;
		return load_target(subject, &target);
	}
	if (!device_parse(spec, &target.address))
		return load_target(subject, &target);
	subject->named = true;
	return cmd_load_policy(spec, &subject->source, &subject->image);
}

/*
 * What is told of bits, each under one policy
 */

/**
 * struct side - bits under one policy, in words
 * @field: the bits
 * @read: what is read
 * @write: what a write does
 * @lock: name of the field that freezes them; may be empty
 * @when: names of the capabilities that they depend on; may be empty
 * @absent: what they are without
 * @reset: what an emulated CXL reset makes of them
 * @told: which writes are refused, of those without effect
 */
struct side {
	const struct describe_field *field;
	char read[64];
	char write[128];
	char lock[POLICY_FIELD_NAME_LEN];
	char when[2 * POLICY_FIELD_NAME_LEN];
	const char *absent;
	const char *reset;
	const char *told;
};

static void find_when(struct side *side, const struct subject *subject,
		      const struct compare_field *at)
{
	const struct describe *is = &side->field->is;
	bool reserved = true;
	size_t len = 0;
	unsigned int i;

	for (i = 0; i < is->nr_caps && len < sizeof(side->when); i++) {
		const char *name = describe_cap_name(subject->named ? &subject->source : NULL,
						     at->vendor, at->id, &is->caps[i]);
		const uint32_t mask = is->caps[i].mask | is->caps[i].reserved;

		if (name)
			len += snprintf(side->when + len, sizeof(side->when) - len, "%s%s",
					len ? " and " : "", name);
		else
			len += snprintf(side->when + len, sizeof(side->when) - len, "%s%#x at +%#x",
					len ? " and " : "", mask, is->caps[i].rule * 4);
		reserved = reserved && !(is->caps[i].mask & ~is->caps[i].reserved);
	}
	side->absent = !is->nr_caps ? NULL : reserved ? "reserved" : "zero";
}

static void fill_side(struct side *side, const struct subject *subject,
		      const struct compare_field *at, const struct describe_field *field)
{
	const uint32_t flags = field->is.flags;
	const char *lock;

	memset(side, 0, sizeof(*side));
	side->field = field;
	if (flags & DESCRIBE_HARDWARE)
		snprintf(side->read, sizeof(side->read), "hardware%s",
			 flags & DESCRIBE_ACK ? " but what is acknowledged" : "");
	else if (flags & DESCRIBE_SHADOW)
		snprintf(side->read, sizeof(side->read), "shadow, %#x at open", field->value);
	else
		snprintf(side->read, sizeof(side->read), "%#x", field->value);
	if (flags & DESCRIBE_LOCKED) {
		lock = describe_lock_name(&subject->image.table,
					  subject->named ? &subject->source : NULL, at->vendor,
					  at->id);
		snprintf(side->lock, sizeof(side->lock), "%s", lock ? lock : "a lock");
	}
	snprintf(side->write, sizeof(side->write), "%s%s%s",
		 flags & DESCRIBE_FREE ? "hardware, as no policy is asked"
				       : describe_effect_text(describe_effect(flags)),
		 side->lock[0] ? " until " : "", side->lock);
	find_when(side, subject, at);
	side->reset = flags & DESCRIBE_RESULT	      ? "set"
		      : flags & DESCRIBE_RESULT_CLEAR ? "cleared"
		      : flags & DESCRIBE_RESETS	      ? "value-at-open"
						      : "kept";
	side->told = flags & DESCRIBE_IGNORE	 ? "none"
		     : flags & DESCRIBE_REFUSE_0 ? "change"
		     : flags & DESCRIBE_REFUSE_1 ? "one"
						 : "set";
}

static struct json_object *side_json(const struct side *side)
{
	struct json_object *object = json_object_new_object();
	const uint32_t flags = side->field->is.flags;

	output_add(object, "enforced", json_object_new_boolean(!(flags & DESCRIBE_FREE)));
	output_add(object, "read",
		   output_string(flags & DESCRIBE_HARDWARE ? "hardware"
				 : flags & DESCRIBE_SHADOW ? "shadow"
							   : "value"));
	output_add(object, "value",
		   flags & DESCRIBE_HARDWARE ? NULL : json_object_new_int64(side->field->value));
	output_add(object, "write", output_string(describe_effect_name(describe_effect(flags))));
	output_add(object, "lock", output_string(side->lock));
	output_add(object, "when", output_string(side->when));
	output_add(object, "absent", output_string(side->absent));
	output_add(object, "undo", json_object_new_boolean(flags & DESCRIBE_UNDO));
	output_add(object, "cxl_reset", output_string(side->reset));
	output_add(object, "refused", output_string(side->told));
	return object;
}

/**
 * struct report - where differences go
 * @a: a policy
 * @b: another
 * @fields: array of them, or NULL for text
 * @claims: array of them, or NULL for text
 * @at: DVSEC that was printed last
 */
struct report {
	const struct subject *a;
	const struct subject *b;
	struct json_object *fields;
	struct json_object *claims;
	struct vfio_pci_dvsec_id at;
	bool any;
};

static void add_field(const struct compare_field *field, void *arg)
{
	struct json_object *object = json_object_new_object();
	struct report *report = arg;
	const char *attribute;
	struct side a, b;
	char text[32];

	fill_side(&a, report->a, field, &field->a);
	fill_side(&b, report->b, field, &field->b);
	attribute = field->a.attribute < 0 ? NULL : policy_attribute_name(field->a.attribute);
	snprintf(text, sizeof(text), "%#06x:%u", field->vendor, field->id);
	output_add(object, "dvsec", output_string(text));
	output_add(object, "vendor", output_hex(field->vendor, 2));
	output_add(object, "id", json_object_new_int(field->id));
	output_add(object, "field", output_string(field->a.name));
	output_add(object, "offset", json_object_new_int(field->a.offset));
	output_add(object, "bits", output_string(policy_bits_text(field->a.hi, field->a.lo, text)));
	output_add(object, "attribute", output_string(attribute));
	output_add(object, "a", side_json(&a));
	output_add(object, "b", side_json(&b));
	json_object_array_add(report->fields, object);
}

static bool print_change(bool *first, const char *what, const char *a, const char *b)
{
	if (!strcmp(a, b))
		return false;
	printf("%s%s: %s -> %s", *first ? "" : "; ", what, a, b);
	*first = false;
	return true;
}

static const char *flag_text(const struct side *side, uint32_t flag)
{
	return side->field->is.flags & flag ? "yes" : "no";
}

static void print_field(const struct compare_field *field, void *arg)
{
	static const uint32_t reaches = DESCRIBE_FORWARD | DESCRIBE_WBI;
	char name[POLICY_FIELD_NAME_LEN + 32], bits[8], dvsec[32];
	struct report *report = arg;
	bool first = true, read;
	struct side a, b;
	uint32_t both;

	if (!report->any || report->at.vendor != field->vendor || report->at.id != field->id) {
		printf("%s\n", fields_dvsec(field->vendor, field->id, dvsec));
	}
	report->any = true;
	report->at.vendor = field->vendor;
	report->at.id = field->id;

	fill_side(&a, report->a, field, &field->a);
	fill_side(&b, report->b, field, &field->b);
	policy_bits_text(field->a.hi, field->a.lo, bits);
	if (field->a.name)
		snprintf(name, sizeof(name), "%s [%s] %s", field->a.name, bits,
			 policy_attribute_name(field->a.attribute));
	else
		snprintf(name, sizeof(name), "+0x%02x [%s]", field->a.offset, bits);
	printf("  %-*s  ", NAME_WIDTH, name);
	both = field->a.is.flags & field->b.is.flags;
	read = print_change(&first, "read", a.read, b.read);
	print_change(&first, "write", a.write, b.write);
	print_change(&first, "given", a.when[0] ? a.when : "always", b.when[0] ? b.when : "always");
	if (a.absent && b.absent)
		print_change(&first, "else", a.absent, b.absent);
	if (both & reaches)
		print_change(&first, "put back at close", flag_text(&a, DESCRIBE_UNDO),
			     flag_text(&b, DESCRIBE_UNDO));
	print_change(&first, "at a CXL reset", a.reset, b.reset);
	print_change(&first, "lets a write-back through", flag_text(&a, DESCRIBE_GATE),
		     flag_text(&b, DESCRIBE_GATE));
	print_change(&first, "is the lock", flag_text(&a, DESCRIBE_LOCKS),
		     flag_text(&b, DESCRIBE_LOCKS));
	/* Of one that is forwarded itself it tells what is put back */
	if (first || !((field->a.is.flags | field->b.is.flags) & DESCRIBE_FORWARD))
		print_change(&first, "kept when its byte is written", flag_text(&a, DESCRIBE_KEPT),
			     flag_text(&b, DESCRIBE_KEPT));
	if (!read && !strcmp(a.write, b.write))
		print_change(&first, "counts as refused", a.told, b.told);
	/* In tables that no policy makes */
	if (first)
		printf("%#x -> %#x", field->a.is.flags, field->b.is.flags);
	printf("\n");
}

static void take_claim(const struct vfio_pci_dvsec_id *claim, bool by_a, void *arg)
{
	struct report *report = arg;
	struct json_object *object;

	if (!report->claims) {
		printf("DVSEC %#x:%u: %s\n", claim->vendor, claim->id,
		       by_a ? "claimed -> not enforced" : "not enforced -> claimed");
		return;
	}
	object = json_object_new_object();
	output_add(object, "vendor", output_hex(claim->vendor, 2));
	output_add(object, "id", json_object_new_int(claim->id));
	output_add(object, "a", json_object_new_boolean(by_a));
	output_add(object, "b", json_object_new_boolean(!by_a));
	json_object_array_add(report->claims, object);
}

/* Names aside, are the tables the same, byte by byte? */
static bool are_identical(const struct policy_image *a, const struct policy_image *b)
{
	return a->table.flags == b->table.flags && a->table.nr_dvsecs == b->table.nr_dvsecs &&
	       !memcmp(a->table.dvsecs, b->table.dvsecs, sizeof(a->table.dvsecs)) &&
	       !memcmp(a->table.rules, b->table.rules, sizeof(a->table.rules));
}

static int compare(const struct subject *a, const struct subject *b)
{
	const struct compare_policy pa = { &a->image, a->named ? &a->source : NULL };
	const struct compare_policy pb = { &b->image, b->named ? &b->source : NULL };
	struct compare_flag flags[COMPARE_NR_FLAGS];
	struct report report = { .a = a, .b = b };
	unsigned int nr_fields, nr, i;
	struct json_object *object, *entry;
	bool json = output_options.json;

	if (json) {
		report.fields = json_object_new_array();
		report.claims = json_object_new_array();
	}
	nr_fields = compare_fields(&pa, &pb, json ? add_field : print_field, &report);
	nr = nr_fields + compare_claims(&a->image, &b->image, take_claim, &report);
	nr += compare_flags(&a->image, &b->image, flags);
	if (!json) {
		for (i = 0; i < COMPARE_NR_FLAGS; i++)
			if (flags[i].a != flags[i].b)
				printf("%s: %s -> %s\n", flags[i].text, flags[i].a ? "yes" : "no",
				       flags[i].b ? "yes" : "no");
		if (nr)
			printf("%u difference%s\n", nr, nr == 1 ? "" : "s");
		else
			printf("no difference%s\n",
			       are_identical(&a->image, &b->image)
				       ? ""
				       : ", although the tables are not the same");
		return nr ? EXIT_DIFFERENT : 0;
	}
	object = json_object_new_object();
	output_add(object, "a", output_string(a->spec));
	output_add(object, "b", output_string(b->spec));
	output_add(object, "policy_a", output_string(a->image.table.name));
	output_add(object, "policy_b", output_string(b->image.table.name));
	output_add(object, "different", json_object_new_boolean(nr));
	output_add(object, "internal",
		   json_object_new_boolean(!nr && !are_identical(&a->image, &b->image)));
	output_add(object, "fields", report.fields);
	entry = json_object_new_object();
	for (i = 0; i < COMPARE_NR_FLAGS; i++) {
		struct json_object *flag = json_object_new_object();

		if (flags[i].a == flags[i].b) {
			json_object_put(flag);
			continue;
		}
		output_add(flag, "a", json_object_new_boolean(flags[i].a));
		output_add(flag, "b", json_object_new_boolean(flags[i].b));
		output_add(entry, flags[i].name, flag);
	}
	output_add(object, "flags", entry);
	output_add(object, "claims", report.claims);
	output_json(object);
	return nr ? EXIT_DIFFERENT : 0;
}

int cmd_diff(const struct cmd_args *args)
{
	struct subject *subjects;
	int err;

	if (args->argc != 2)
		return error_set(EXIT_USAGE, -EINVAL, "see 'cxl-policy help diff'",
				 "two are wanted, each a policy, a file, a device or 'default'");
	subjects = calloc(2, sizeof(*subjects));
	if (!subjects)
		return -ENOMEM;
	err = load(&subjects[0], args->argv[0]);
	if (!err)
		err = load(&subjects[1], args->argv[1]);
	if (!err)
		err = compare(&subjects[0], &subjects[1]);
	free(subjects);
	return err;
}
