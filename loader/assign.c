// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which device gets which policy: files of assignments, and what they come to.
 */
#include <cyaml/cyaml.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "assign.h"
#include "compare.h"
#include "policy_model.h"

#define MATCH_MAX 32

struct yaml_assignment {
	char *address;
	char *id;
	char *class;
	char *policy;
};

struct yaml_assignments {
	struct yaml_assignment *devices;
	unsigned int nr_devices;
};

#define YAML_MATCH(member)                                                                         \
	CYAML_FIELD_STRING_PTR(#member, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,                  \
			       struct yaml_assignment, member, 1, MATCH_MAX)

static const cyaml_schema_field_t yaml_assignment_schema[] = {
	YAML_MATCH(address), YAML_MATCH(id), YAML_MATCH(class),
	CYAML_FIELD_STRING_PTR("policy", CYAML_FLAG_POINTER, struct yaml_assignment, policy, 1,
			       4095),
	CYAML_FIELD_END
};

static const cyaml_schema_value_t yaml_assignment_entry = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct yaml_assignment, yaml_assignment_schema),
};

static const cyaml_schema_field_t yaml_assignments_schema[] = {
	CYAML_FIELD_SEQUENCE_COUNT("devices", CYAML_FLAG_POINTER, struct yaml_assignments, devices,
				   nr_devices, &yaml_assignment_entry, 0, POLICY_MAX_ENTRIES),
	CYAML_FIELD_END
};

static const cyaml_schema_value_t yaml_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct yaml_assignments, yaml_assignments_schema),
};

/* Read so many hex digits, and no more */
static bool parse_hex(const char *text, size_t digits, uint32_t *number)
{
	if (strspn(text, "0123456789abcdefABCDEF") != digits)
		return false;
	*number = strtoul(text, NULL, 16);
	return true;
}

static int parse_match(const struct yaml_assignment *yaml, struct assign_match *match,
		       const char *where, char *error)
{
	unsigned int keys = !!yaml->address + !!yaml->id + !!yaml->class;
	uint32_t vendor, device_id;

	memset(match, 0, sizeof(*match));
	if (keys != 1)
		return policy_error(error, -EINVAL, "%s: %s, write one of address, id and class",
				    where, keys ? "more than one match" : "no match");
	if (yaml->address) {
		match->kind = ASSIGN_ADDRESS;
		if (device_parse(yaml->address, &match->address))
			return policy_error(
				error, -EINVAL,
				"%s: address: '%s' is no PCI address, write it as 0000:0d:00.0",
				where, yaml->address);
	} else if (yaml->id) {
		match->kind = ASSIGN_ID;
		if (strlen(yaml->id) != strlen("8086:0d93") || !parse_hex(yaml->id, 4, &vendor) ||
		    yaml->id[4] != ':' || !parse_hex(yaml->id + 5, 4, &device_id))
			return policy_error(
				error, -EINVAL,
				"%s: id: '%s' is no Vendor ID and Device ID, write them "
				"as 8086:0d93, in hex",
				where, yaml->id);
		match->vendor = vendor;
		match->device_id = device_id;
	} else {
		match->kind = strlen(yaml->class) == 6 ? ASSIGN_CLASS_PROG_IF : ASSIGN_CLASS;
		if (!parse_hex(yaml->class, match->kind == ASSIGN_CLASS ? 4 : 6, &match->class) ||
		    yaml->class[match->kind == ASSIGN_CLASS ? 4 : 6])
			return policy_error(
				error, -EINVAL,
				"%s: class: '%s' is no Class Code, write it as 0502, or "
				"with the programming interface as 050210, in hex",
				where, yaml->class);
	}
	return 0;
}

static bool same_match(const struct assign_match *a, const struct assign_match *b)
{
	return a->kind == b->kind && device_same(&a->address, &b->address) &&
	       a->vendor == b->vendor && a->device_id == b->device_id && a->class == b->class;
}

const char *assign_match_text(const struct assign_match *match, char *text, size_t size)
{
	char address[DEVICE_ADDRESS_LEN];

	switch (match->kind) {
	case ASSIGN_ADDRESS:
		device_format(&match->address, address);
		snprintf(text, size, "%s", address);
		return "address";
	case ASSIGN_ID:
		snprintf(text, size, "%04x:%04x", match->vendor, match->device_id);
		return "id";
	default:
		snprintf(text, size, match->kind == ASSIGN_CLASS ? "%04x" : "%06x", match->class);
		return "class";
	}
}

static struct assignment *find_match(const struct assignments *all,
				     const struct assign_match *match)
{
	unsigned int i;

	for (i = 0; i < all->nr; i++)
		if (same_match(&all->entries[i].match, match))
			return &all->entries[i];
	return NULL;
}

static int add(struct assignments *all, const struct yaml_assignment *yaml, unsigned int line,
	       const char *origin, const char *file, char *error)
{
	char where[512], text[MATCH_MAX];
	struct assignment entry = { .line = line }, *found;
	const char *key;
	int err;

	snprintf(where, sizeof(where), "%s:%u", origin, line);
	err = parse_match(yaml, &entry.match, where, error);
	if (err)
		return err;
	if (policy_is_file(yaml->policy))
		return policy_error(error, -EINVAL,
				    "%s: policy: '%s' is a path, write the name of a policy", where,
				    yaml->policy);
	if (strlen(yaml->policy) >= sizeof(entry.policy))
		return policy_error(error, -EINVAL, "%s: policy: '%s' has more than %zu characters",
				    where, yaml->policy, sizeof(entry.policy) - 1);
	if (strcmp(yaml->policy, ASSIGN_NONE))
		snprintf(entry.policy, sizeof(entry.policy), "%s", yaml->policy);
	snprintf(entry.file, sizeof(entry.file), "%s", file);

	found = find_match(all, &entry.match);
	if (found && !strcmp(found->file, file)) {
		key = assign_match_text(&entry.match, text, sizeof(text));
		return policy_error(error, -EINVAL,
				    "%s: %s %s has an assignment already, in line %u", where, key,
				    text, found->line);
	}
	if (!found) {
		found = realloc(all->entries, (all->nr + 1) * sizeof(*found));
		if (!found)
			return policy_error(error, -ENOMEM, "%s: out of memory", origin);
		all->entries = found;
		found += all->nr++;
	}
	*found = entry;
	return 0;
}

int assign_parse(const char *text, size_t size, const char *origin, const char *file,
		 struct assignments *all, char *error)
{
	struct yaml_assignments *yaml = NULL;
	unsigned int *lines, i;
	int err;

	lines = calloc(POLICY_MAX_ENTRIES, sizeof(*lines));
	if (!lines)
		return policy_error(error, -ENOMEM, "%s: out of memory", origin);
	err = policy_yaml_load(text, size, origin, &yaml_schema, (void **)&yaml, lines, error);
	if (!err && !yaml)
		err = policy_error(error, -EINVAL,
				   "%s:1: nothing is in it, write 'devices: []' to assign nothing",
				   origin);
	for (i = 0; !err && i < yaml->nr_devices; i++)
		err = add(all, &yaml->devices[i], lines[i], origin, file, error);
	policy_yaml_free(&yaml_schema, yaml);
	free(lines);
	return err;
}

void assign_free(struct assignments *all)
{
	free(all->entries);
	all->entries = NULL;
	all->nr = 0;
}

static bool matches(const struct assign_match *match, const struct assign_device *device)
{
	switch (match->kind) {
	case ASSIGN_ADDRESS:
		return device_same(&match->address, &device->address);
	case ASSIGN_ID:
		return device->cxl && match->vendor == device->vendor &&
		       match->device_id == device->device_id;
	case ASSIGN_CLASS_PROG_IF:
		return device->cxl && match->class == device->class;
	default:
		return device->cxl && match->class == device->class >> 8;
	}
}

const struct assignment *assign_find(const struct assignments *all,
				     const struct assign_device *device)
{
	const struct assignment *found = NULL;
	unsigned int i;

	for (i = 0; i < all->nr; i++)
		if (matches(&all->entries[i].match, device) &&
		    (!found || all->entries[i].match.kind < found->match.kind))
			found = &all->entries[i];
	return found;
}

/*
 * What has to be done
 */

static const struct policy_image *find_image(const struct policy_image *const *images,
					     unsigned int nr, const char *name)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		if (!strcmp(images[i]->table.name, name))
			return images[i];
	return NULL;
}

/* The guest and the host can't tell them apart, as 'diff' says it */
static bool same_content(const struct policy_image *a, const struct policy_image *b)
{
	const struct compare_policy pa = { a, NULL }, pb = { b, NULL };
	struct compare_flag flags[COMPARE_NR_FLAGS];

	return a && b && !compare_fields(&pa, &pb, NULL, NULL) && !compare_flags(a, b, flags) &&
	       !compare_claims(a, b, NULL, NULL);
}

bool assign_same(const struct assign_device *device, const struct assign_action *action)
{
	return device->policy && action->why && !strcmp(device->policy, action->why->policy) &&
	       same_content(device->image, action->image);
}

static unsigned int step_of(const struct assign_device *device, const struct assign_action *action,
			    bool keep_others)
{
	if (!action->why && device->attached)
		return device->ours && !keep_others ? ASSIGN_DETACH : ASSIGN_LEAVE;
	if (!action->why)
		return ASSIGN_NOTHING;
	if (!action->why->policy[0])
		return device->attached ? ASSIGN_DETACH : ASSIGN_KEEP;
	if (!device->attached)
		return ASSIGN_ATTACH;
	return !device->stale && assign_same(device, action) ? ASSIGN_KEEP : ASSIGN_SWAP;
}

unsigned int assign_plan(const struct assignments *all, const struct policy_image *const *images,
			 unsigned int nr_images, const struct assign_device *devices,
			 unsigned int nr, bool keep_others, struct assign_action *actions)
{
	unsigned int i, changes = 0;

	for (i = 0; i < nr; i++) {
		struct assign_action *action = &actions[i];

		memset(action, 0, sizeof(*action));
		action->why = assign_find(all, &devices[i]);
		if (action->why)
			action->image = find_image(images, nr_images, action->why->policy);
		action->step = step_of(&devices[i], action, keep_others);
		changes += action->step >= ASSIGN_ATTACH;
	}
	return changes;
}
