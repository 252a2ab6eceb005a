// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "assign_dir.h"
#include "cmd.h"
#include "fields.h"
#include "output.h"
#include "surface.h"

#define NAME_WIDTH 52

/* What a guest does to a bit, by kind: a word, and what people read */
struct how {
	const char *name;
	const char *text;
};

static struct how how_of(unsigned int kind, uint32_t flags)
{
	switch (kind) {
	case SURFACE_HARDWARE:
		if (flags & DESCRIBE_WBI)
			return (struct how){ "write-back", "1, if Disable_Caching is set" };
		if (flags & DESCRIBE_FORWARD)
			return (struct how){ "value", "what is written" };
		return (struct how){ "clear", "1, which clears it" };
	case SURFACE_SHADOW:
		if (flags & DESCRIBE_ACK && flags & DESCRIBE_WRITE)
			return (struct how){ "acknowledge", "1, which hides it" };
		if (flags & DESCRIBE_ONCE)
			return (struct how){ "set-once", "1, until a conventional reset" };
		if (flags & DESCRIBE_WRITE)
			return (struct how){ "value", "what is written" };
		return (struct how){ "cxl-reset", "by a CXL reset" };
	case SURFACE_TRIGGER:
		if (flags & DESCRIBE_WBI)
			return (struct how){ "write-back", "a write-back and invalidation of the "
							   "device's cache" };
		if (flags & DESCRIBE_EMULATE)
			return (struct how){ "reset-emulated", "a CXL reset of the shadow" };
		if (flags & DESCRIBE_RESET)
			return (struct how){ "reset-rejected",
					     "CXL_Reset_Error, as a CXL reset is rejected" };
		if (flags & DESCRIBE_FORWARD)
			return (struct how){ "hardware", "what the device does on a 1" };
		return (struct how){ "reset-dropped", "an event, as it sees no CXL reset" };
	default:
		return (struct how){ "hardware", "the hardware's" };
	}
}

static const char *const kind_names[SURFACE_NR_KINDS] = { "hardware", "shadow", "triggers",
							  "reads" };

static struct json_object *field_json(const struct surface_field *field, unsigned int kind)
{
	struct json_object *object = json_object_new_object();
	char bits[8];

	output_add(object, "vendor", output_hex(field->vendor, 2));
	output_add(object, "id", json_object_new_int(field->id));
	output_add(object, "field", output_string(field->field.name));
	output_add(object, "offset", json_object_new_int(field->field.offset));
	output_add(object, "bits",
		   output_string(policy_bits_text(field->field.hi, field->field.lo, bits)));
	output_add(object, "how", output_string(how_of(kind, field->field.is.flags).name));
	output_add(object, "when", output_string(field->when));
	if (kind == SURFACE_HARDWARE || kind == SURFACE_SHADOW) {
		output_add(object, "lock", output_string(field->lock));
		output_add(object, "locked_at_open",
			   field->lock[0] ? json_object_new_boolean(field->locked) : NULL);
	}
	if (kind == SURFACE_HARDWARE)
		output_add(object, "undo",
			   json_object_new_boolean(field->field.is.flags & DESCRIBE_UNDO));
	return object;
}

static void print_json(const char *spec, const struct policy *policy,
		       const struct policy_image *image, const struct surface *surface)
{
	static const char *const accesses[] = {
		[POLICY_ACCESS_RULES] = "rules",
		[POLICY_ACCESS_READ_ONLY] = "read-only",
		[POLICY_ACCESS_PASSTHROUGH] = "passthrough",
	};
	struct json_object *object = json_object_new_object(), *array, *entry;
	unsigned int i, kind;

	output_add(object, "policy", output_string(policy->name));
	output_add(object, "description", output_string(policy->description));
	output_add(object, "file", policy_is_file(spec) ? output_string(spec) : NULL);
	output_add(object, "access", output_string(accesses[policy->access]));
	output_add(object, "valid", json_object_new_boolean(true));
	output_add(object, "raw", json_object_new_boolean(surface->raw));
	output_add(object, "record", json_object_new_boolean(surface->record));
	for (kind = 0; kind < SURFACE_NR_KINDS; kind++) {
		array = json_object_new_array();
		for (i = 0; i < surface->nr_fields; i++)
			if (surface->fields[i].kinds >> kind & 1)
				json_object_array_add(array,
						      field_json(&surface->fields[i], 1U << kind));
		output_add(object, kind_names[kind], array);
	}
	array = json_object_new_array();
	for (i = 0; i < image->nr_claims; i++) {
		entry = json_object_new_object();
		output_add(entry, "vendor", output_hex(image->claims[i].vendor, 2));
		output_add(entry, "id", json_object_new_int(image->claims[i].id));
		json_object_array_add(array, entry);
	}
	output_add(object, "claims", array);
	array = json_object_new_array();
	for (i = 0; i < surface->nr_warnings; i++) {
		entry = json_object_new_object();
		output_add(entry, "field", output_string(surface->warnings[i].field));
		output_add(entry, "text", output_string(surface->warnings[i].text));
		json_object_array_add(array, entry);
	}
	output_add(object, "warnings", array);
	output_json(object);
}

static void print_field(const struct surface_field *field, unsigned int kind)
{
	char name[NAME_WIDTH + POLICY_FIELD_NAME_LEN], bits[8];
	const uint32_t flags = field->field.is.flags;

	snprintf(name, sizeof(name), "%s", field->field.name ? field->field.name : "-");
	printf("    0x%02x  %-*s %-5s  %s", field->field.offset, NAME_WIDTH, name,
	       policy_bits_text(field->field.hi, field->field.lo, bits), how_of(kind, flags).text);
	if (field->lock[0] && kind != SURFACE_TRIGGER)
		printf(", until %s%s", field->lock, field->locked ? ", which is set at open" : "");
	if (field->when[0])
		printf(", given %s", field->when);
	if (kind == SURFACE_HARDWARE && flags & DESCRIBE_UNDO && !(flags & DESCRIBE_WBI))
		printf(", put back at close");
	printf("\n");
}

/* The bits of that kind in the DVSEC that field @i is the first of */
static unsigned int count_dvsec(const struct surface *surface, unsigned int i, unsigned int kind,
				unsigned int *next)
{
	const struct surface_field *first = &surface->fields[i];
	unsigned int nr = 0;

	for (; i < surface->nr_fields; i++) {
		const struct surface_field *field = &surface->fields[i];

		if (field->vendor != first->vendor || field->id != first->id)
			break;
		if (field->kinds & kind)
			nr += field->field.hi - field->field.lo + 1;
	}
	*next = i;
	return nr;
}

static unsigned int nr_dwords(const struct policy_image *image, uint16_t vendor, uint16_t id)
{
	unsigned int i;

	for (i = 0; i < image->table.nr_dvsecs; i++)
		if (image->table.dvsecs[i].vendor == vendor && image->table.dvsecs[i].id == id)
			return image->table.dvsecs[i].nr_rules;
	return 0;
}

static void print_kind(const struct policy_image *image, const struct surface *surface,
		       unsigned int kind, const char *title)
{
	unsigned int i, next, nr;
	bool any = false;
	char text[32];

	printf("\n%s\n", title);
	for (i = 0; i < surface->nr_fields; i = next) {
		const struct surface_field *first = &surface->fields[i];

		nr = count_dvsec(surface, i, kind, &next);
		if (!nr)
			continue;
		any = true;
		if (kind == SURFACE_HARDWARE &&
		    nr == (nr_dwords(image, first->vendor, first->id) - 1) * 32) {
			printf("  %s: all %u bits behind its first dword\n",
			       fields_dvsec(first->vendor, first->id, text), nr);
			continue;
		}
		printf("  %s\n", fields_dvsec(first->vendor, first->id, text));
		for (; i < next; i++)
			if (surface->fields[i].kinds & kind)
				print_field(&surface->fields[i], kind);
	}
	if (kind == SURFACE_HARDWARE && surface->raw)
		printf("  everything else of CXL's DVSECs, and of those that are claimed\n");
	else if (kind == SURFACE_TRIGGER && surface->record)
		printf("  an event for every write\n");
	else if (!any)
		printf("  nothing\n");
}

static void print_text(const struct policy *policy, const struct policy_image *image,
		       const struct surface *surface)
{
	char text[32], description[sizeof(policy->description)], *line, *rest;
	unsigned int i;

	printf("policy %s is valid\n", policy->name);
	snprintf(description, sizeof(description), "%s", policy->description);
	for (line = strtok_r(description, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		output_printable(line);
		printf("%s\n", line);
	}
	print_kind(image, surface, SURFACE_HARDWARE, "A guest's writes reach the hardware in");
	print_kind(image, surface, SURFACE_SHADOW, "They change the shadow in");
	print_kind(image, surface, SURFACE_TRIGGER, "They trigger");
	print_kind(image, surface, SURFACE_READ,
		   "Of what a host writes into the hardware a guest reads");
	if (image->nr_claims)
		printf("\nClaimed beyond the DVSECs of CXL\n");
	for (i = 0; i < image->nr_claims; i++)
		printf("  %s\n", fields_dvsec(image->claims[i].vendor, image->claims[i].id, text));
	if (surface->nr_warnings)
		printf("\nWarnings\n");
	for (i = 0; i < surface->nr_warnings; i++)
		printf("  %s%s%s\n", surface->warnings[i].field ? surface->warnings[i].field : "",
		       surface->warnings[i].field ? ": " : "", surface->warnings[i].text);
	printf("\n%u bit%s reach%s the hardware%s, %u live%s in the shadow, %u of the host's %s "
	       "read, %u warning%s\n",
	       surface->bits[0], surface->bits[0] == 1 ? "" : "s",
	       surface->bits[0] == 1 ? "es" : "",
	       surface->raw ? " and all other DVSECs of CXL" : "", surface->bits[1],
	       surface->bits[1] == 1 ? "s" : "", surface->bits[3],
	       surface->bits[3] == 1 ? "is" : "are", surface->nr_warnings,
	       surface->nr_warnings == 1 ? "" : "s");
}

/*
 * A folder of assignments
 */

int cmd_load_dir(const char *path, struct assign_dir *dir)
{
	int err = assign_dir_load(path, dir);

	if (!err || err == -ENOMEM)
		return err;
	if (err == -EACCES || err == -EPERM)
		return error_set(EXIT_PRIVILEGE, err, "make it readable for this user", "%s: %s",
				 path, strerror(-err));
	return error_set(EXIT_MISSING, err, "give the folder that has devices.yaml, or devices.d",
			 "%s: %s", path, strerror(-err));
}

static struct json_object *texts_json(const struct assign_texts *texts)
{
	struct json_object *array = json_object_new_array();
	unsigned int i;

	for (i = 0; i < texts->nr; i++)
		json_object_array_add(array, output_string(texts->texts[i]));
	return array;
}

static void print_dir_json(const char *path, const struct assign_dir *dir)
{
	struct json_object *object = json_object_new_object(), *array, *entry;
	char text[DEVICE_ADDRESS_LEN];
	const char *key;
	unsigned int i;

	output_add(object, "directory", output_string(path));
	output_add(object, "valid", json_object_new_boolean(!dir->problems.nr));
	array = json_object_new_array();
	for (i = 0; i < dir->all.nr; i++) {
		const struct assignment *assignment = &dir->all.entries[i];

		entry = json_object_new_object();
		key = assign_match_text(&assignment->match, text, sizeof(text));
		output_add(entry, "match", output_string(key));
		output_add(entry, "value", output_string(text));
		output_add(entry, "policy", output_string(assignment->policy));
		output_add(entry, "file", output_string(assignment->file));
		output_add(entry, "line", json_object_new_int(assignment->line));
		json_object_array_add(array, entry);
	}
	output_add(object, "assignments", array);
	array = json_object_new_array();
	for (i = 0; i < dir->nr_policies; i++) {
		const struct assign_policy *policy = &dir->policies[i];

		entry = json_object_new_object();
		output_add(entry, "policy", output_string(policy->name));
		output_add(entry, "local", json_object_new_boolean(policy->local));
		output_add(entry, "used", json_object_new_boolean(policy->used));
		output_add(entry, "valid", json_object_new_boolean(!!policy->image));
		json_object_array_add(array, entry);
	}
	output_add(object, "policies", array);
	output_add(object, "problems", texts_json(&dir->problems));
	output_add(object, "warnings", texts_json(&dir->warnings));
	output_json(object);
}

static void print_dir_texts(const struct assign_texts *texts, const char *title)
{
	unsigned int i;

	if (texts->nr)
		printf("%s\n", title);
	for (i = 0; i < texts->nr; i++) {
		output_printable(texts->texts[i]);
		printf("  %s\n", texts->texts[i]);
	}
	if (texts->nr)
		printf("\n");
}

static int check_dir(const char *path)
{
	struct assign_dir dir;
	int err;

	err = cmd_load_dir(path, &dir);
	if (err) {
		assign_dir_free(&dir);
		return err;
	}
	if (output_options.json) {
		print_dir_json(path, &dir);
	} else {
		print_dir_texts(&dir.problems, "Problems");
		print_dir_texts(&dir.warnings, "Warnings");
		printf("%s is %s: %u file%s, %u assignment%s, %u polic%s, %u problem%s, %u "
		       "warning%s\n",
		       path, dir.problems.nr ? "not valid" : "valid", dir.nr_files,
		       dir.nr_files == 1 ? "" : "s", dir.all.nr, dir.all.nr == 1 ? "" : "s",
		       dir.nr_policies, dir.nr_policies == 1 ? "y" : "ies", dir.problems.nr,
		       dir.problems.nr == 1 ? "" : "s", dir.warnings.nr,
		       dir.warnings.nr == 1 ? "" : "s");
	}
	err = dir.problems.nr ? EXIT_INVALID : 0;
	assign_dir_free(&dir);
	return err;
}

/* A name is never one, whatever there is in the folder that this is run in */
static bool is_dir(const char *spec)
{
	struct stat st;

	return (strchr(spec, '/') || spec[0] == '.') && !stat(spec, &st) && S_ISDIR(st.st_mode);
}

/* Needs neither privilege nor a kernel, so that it can be part of any build */
int cmd_check(const struct cmd_args *args)
{
	struct policy_image *image;
	struct surface *surface;
	struct policy *policy;
	int err;

	if (args->argc != 1)
		return error_set(EXIT_USAGE, -EINVAL, "see 'cxl-policy help check'",
				 "one policy is wanted, by name or as a file, or a folder");
	if (is_dir(args->argv[0]))
		return check_dir(args->argv[0]);
	policy = calloc(1, sizeof(*policy));
	image = calloc(1, sizeof(*image));
	surface = calloc(1, sizeof(*surface));
	err = policy && image && surface ? cmd_load_policy(args->argv[0], policy, image) : -ENOMEM;
	if (!err)
		err = surface_make(policy, image, surface);
	if (!err) {
		if (output_options.json)
			print_json(args->argv[0], policy, image, surface);
		else
			print_text(policy, image, surface);
		surface_free(surface);
	}
	free(surface);
	free(image);
	free(policy);
	return err;
}
