// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cxl_policy_engine.h"
#include "output.h"
#include "policy.h"
#include "state.h"

#define MAX_DEPTH   8
#define POINTER_LEN 64
/* DVSECs lie in the extended configuration space, behind headers of three dwords */
#define FIRST_DVSEC 0x100
#define FIRST_DWORD 0x0c

/*
 * Write
 */

/* The DVSECs of CXL and the others as one list, by position */
static const struct device_dvsec *next_dvsec(const struct device *device,
					     const struct device_dvsec *after)
{
	const struct device_dvsec *next = NULL;
	unsigned int i;

	for (i = 0; i < device->nr_dvsecs + device->nr_others; i++) {
		const struct device_dvsec *dvsec = i < device->nr_dvsecs
							   ? &device->dvsecs[i]
							   : &device->others[i - device->nr_dvsecs];

		if ((!after || dvsec->offset > after->offset) &&
		    (!next || dvsec->offset < next->offset))
			next = dvsec;
	}
	return next;
}

static uint32_t header1_of(const struct device_dvsec *dvsec)
{
	return dvsec->vendor | (uint32_t)dvsec->revision << 16 | (uint32_t)dvsec->length << 20;
}

static bool has_dword(const struct device_dvsec *dvsec, unsigned int offset)
{
	return offset < dvsec->length && dvsec->offset + offset < DEVICE_CONFIG_SIZE;
}

static int add_dword(struct state *state, const struct device_dvsec *dvsec, unsigned int offset,
		     uint32_t value, uint32_t valid)
{
	if (state->nr_dwords == CXL_RESTORE_MAX_DWORDS)
		return -E2BIG;
	state->dwords[state->nr_dwords++] = (struct cxl_restore_dword){
		.value = value,
		.valid = valid,
		.header1 = header1_of(dvsec),
		.id = dvsec->id,
		.start = dvsec->offset,
		.offset = offset,
	};
	return 0;
}

int state_take(const struct cxl_shadow *shadow, struct state *state)
{
	const struct device_dvsec *dvsec = NULL;
	unsigned int offset;

	state->nr_dwords = 0;
	while ((dvsec = next_dvsec(&state->device, dvsec))) {
		for (offset = FIRST_DWORD; has_dword(dvsec, offset); offset += 4) {
			const struct cxl_shadow_dword *dword =
				&shadow->dwords[(dvsec->offset + offset) / 4];
			uint32_t valid = dword->valid & cxl_engine_extent(dvsec->length, offset);

			if (valid && add_dword(state, dvsec, offset, dword->value & valid, valid))
				return -E2BIG;
		}
	}
	return 0;
}

static const struct cxl_restore_dword *
find_dword(const struct state *state, const struct device_dvsec *dvsec, unsigned int offset)
{
	unsigned int i;

	for (i = 0; i < state->nr_dwords; i++)
		if (state->dwords[i].start == dvsec->offset && state->dwords[i].offset == offset)
			return &state->dwords[i];
	return NULL;
}

/* For people alone */
static struct json_object *format_fields(const struct state *state,
					 const struct device_dvsec *dvsec)
{
	struct json_object *object = json_object_new_object();
	unsigned int id;

	for (id = 0; id < POLICY_NR_FIELDS; id++) {
		const struct policy_field *field = &policy_fields[id];
		const struct cxl_restore_dword *dword =
			find_dword(state, dvsec, policy_registers[field->reg].offset & ~3);
		uint32_t bits = policy_field_bits(id);

		if (dword && (dword->valid & bits) == bits)
			output_add(object, field->name,
				   json_object_new_int64((dword->value & bits) >>
							 __builtin_ctz(bits)));
	}
	return object;
}

struct json_object *state_format(const struct state *state, const char *time)
{
	struct json_object *object = json_object_new_object(), *dvsecs = json_object_new_array();
	const struct device *device = &state->device;
	const struct device_dvsec *dvsec = NULL;
	unsigned int i;

	output_add(object, "format", output_string(STATE_FORMAT));
	output_add(object, "version", json_object_new_int(STATE_VERSION));
	output_add(object, "abi", json_object_new_int(CXL_POLICY_ABI_VERSION));
	output_add(object, "device", output_string(device->name));
	output_add(object, "vendor", output_hex(device->vendor, 2));
	output_add(object, "device_id", output_hex(device->device_id, 2));
	output_add(object, "revision", output_hex(device->revision, 1));
	output_add(object, "subsystem_vendor", output_hex(device->subsystem_vendor, 2));
	output_add(object, "subsystem_id", output_hex(device->subsystem_id, 2));
	output_add(object, "policy", output_string(device->policy));
	output_add(object, "time", output_string(time));
	while ((dvsec = next_dvsec(device, dvsec))) {
		struct json_object *entry = json_object_new_object();
		struct json_object *dwords = json_object_new_array();

		output_add(entry, "vendor", output_hex(dvsec->vendor, 2));
		output_add(entry, "id", json_object_new_int(dvsec->id));
		output_add(entry, "offset", json_object_new_int(dvsec->offset));
		output_add(entry, "revision", json_object_new_int(dvsec->revision));
		output_add(entry, "length", json_object_new_int(dvsec->length));
		for (i = 0; i < state->nr_dwords; i++) {
			const struct cxl_restore_dword *dword = &state->dwords[i];
			struct json_object *value;

			if (dword->start != dvsec->offset)
				continue;
			value = json_object_new_object();
			output_add(value, "offset", json_object_new_int(dword->offset));
			output_add(value, "value", output_hex(dword->value, 4));
			output_add(value, "valid", output_hex(dword->valid, 4));
			json_object_array_add(dwords, value);
		}
		output_add(entry, "dwords", dwords);
		if (dvsec->vendor == CXL_DVSEC_VENDOR_ID && dvsec->id == CXL_DVSEC_ID_DEVICE)
			output_add(entry, "fields", format_fields(state, dvsec));
		json_object_array_add(dvsecs, entry);
	}
	output_add(object, "dvsecs", dvsecs);
	return object;
}

/*
 * Read
 */

/**
 * struct place - where in the file something is
 * @object: that it is a member of
 * @pointer: JSON pointer to @object
 * @error: for the cause of a failure
 */
struct place {
	struct json_object *object;
	char pointer[POINTER_LEN];
	char *error;
};

static int __attribute__((format(printf, 3, 4)))
bad(const struct place *place, const char *key, const char *fmt, ...)
{
	va_list args;
	int len;

	len = snprintf(place->error, STATE_ERROR_LEN, "%s%s%.64s: ", place->pointer,
		       key[0] ? "/" : "", key);
	va_start(args, fmt);
	if (len < STATE_ERROR_LEN)
		vsnprintf(place->error + len, STATE_ERROR_LEN - len, fmt, args);
	va_end(args);
	return -EINVAL;
}

/* What a member may be; the last ones are for people and may be anything */
struct key {
	const char *name;
	bool ignored;
};

static const struct key keys[] = {
	{ "format", false },
	{ "version", false },
	{ "abi", false },
	{ "vendor", false },
	{ "device_id", false },
	{ "revision", false },
	{ "subsystem_vendor", false },
	{ "subsystem_id", false },
	{ "dvsecs", false },
	{ "device", true },
	{ "policy", true },
	{ "time", true },
	{ NULL, false },
};

static const struct key dvsec_keys[] = {
	{ "vendor", false }, { "id", false },	  { "offset", false }, { "revision", false },
	{ "length", false }, { "dwords", false }, { "fields", true },  { NULL, false },
};

static const struct key dword_keys[] = {
	{ "offset", false },
	{ "value", false },
	{ "valid", false },
	{ NULL, false },
};

/* An object with these members and no others */
static int check_keys(const struct place *place, const struct key *wanted)
{
	const struct key *key;

	if (!json_object_is_type(place->object, json_type_object))
		return bad(place, "", "an object is wanted");
	for (key = wanted; key->name; key++)
		if (!key->ignored && !json_object_object_get_ex(place->object, key->name, NULL))
			return bad(place, key->name, "it is missing");
	json_object_object_foreach(place->object, name, value)
	{
		(void)value;
		for (key = wanted; key->name; key++)
			if (!strcmp(key->name, name))
				break;
		if (!key->name)
			return bad(place, name, "there is no such member");
	}
	return 0;
}

static int get_number(const struct place *place, const char *key, uint32_t max, uint32_t *number)
{
	struct json_object *value = json_object_object_get(place->object, key);
	int64_t wide;

	if (!json_object_is_type(value, json_type_int))
		return bad(place, key, "a whole number is wanted");
	/* What doesn't fit is the nearest that does, which is out of range, too */
	wide = json_object_get_int64(value);
	if (wide < 0 || wide > max)
		return bad(place, key, "it isn't between 0 and %u", max);
	*number = wide;
	return 0;
}

static int get_hex(const struct place *place, const char *key, unsigned int size, uint32_t *number)
{
	struct json_object *value = json_object_object_get(place->object, key);
	const char *text = json_object_get_string(value);
	size_t digits = size * 2;

	if (!json_object_is_type(value, json_type_string) || strlen(text) != digits + 2 ||
	    (size_t)json_object_get_string_len(value) != digits + 2 || strncmp(text, "0x", 2) ||
	    strspn(text + 2, "0123456789abcdef") != digits)
		return bad(place, key, "a string of 0x and %zu digits 0-9 and a-f is wanted",
			   digits);
	*number = strtoul(text, NULL, 16);
	return 0;
}

static int get_version(const struct place *place, const char *key, uint32_t known)
{
	uint32_t version;
	int err = get_number(place, key, INT_MAX, &version);

	if (!err && version != known)
		err = bad(place, key, "it is %u, and this program knows %u", version, known);
	return err;
}

static int parse_dword(const struct place *place, const struct device_dvsec *dvsec,
		       struct state *state)
{
	const struct cxl_restore_dword *last =
		state->nr_dwords ? &state->dwords[state->nr_dwords - 1] : NULL;
	uint32_t offset = 0, value = 0, valid = 0;
	int err;

	err = check_keys(place, dword_keys);
	if (!err)
		err = get_number(place, "offset", DEVICE_CONFIG_SIZE, &offset);
	if (!err)
		err = get_hex(place, "value", 4, &value);
	if (!err)
		err = get_hex(place, "valid", 4, &valid);
	if (err)
		return err;
	if (offset % 4 || offset < FIRST_DWORD || !has_dword(dvsec, offset))
		return bad(place, "offset", "there is no dword at %u in this DVSEC", offset);
	if (last && last->start == dvsec->offset && last->offset >= offset)
		return bad(place, "offset", "it isn't above that of the dword before");
	if (!valid || (valid & ~cxl_engine_extent(dvsec->length, offset)))
		return bad(place, "valid", "no bits, or bits behind the end of the DVSEC");
	if (value & ~valid)
		return bad(place, "value", "it has bits that aren't in \"valid\"");
	if (add_dword(state, dvsec, offset, value, valid))
		return bad(place, "", "it is one dword too many, there is room for %u",
			   CXL_RESTORE_MAX_DWORDS);
	return 0;
}

static int get_array(const struct place *place, const char *key, struct json_object **array)
{
	*array = json_object_object_get(place->object, key);
	return json_object_is_type(*array, json_type_array) ? 0
							    : bad(place, key, "an array is wanted");
}

static void enter(const struct place *outer, const char *key, struct json_object *array, size_t i,
		  struct place *place)
{
	place->object = json_object_array_get_idx(array, i);
	place->error = outer->error;
	snprintf(place->pointer, sizeof(place->pointer), "%.32s/%s/%zu", outer->pointer, key, i);
}

static int parse_dvsec(const struct place *place, struct state *state, unsigned int *end)
{
	uint32_t vendor = 0, id = 0, offset = 0, revision = 0, length = 0;
	struct device *device = &state->device;
	struct json_object *dwords = NULL;
	struct device_dvsec *dvsec;
	struct place dword;
	size_t i;
	int err;

	err = check_keys(place, dvsec_keys);
	if (!err)
		err = get_hex(place, "vendor", 2, &vendor);
	if (!err)
		err = get_number(place, "id", UINT16_MAX, &id);
	if (!err)
		err = get_number(place, "offset", DEVICE_CONFIG_SIZE - FIRST_DWORD, &offset);
	if (!err)
		err = get_number(place, "revision", 0xf, &revision);
	if (!err)
		err = get_number(place, "length", 0xfff, &length);
	if (!err)
		err = get_array(place, "dwords", &dwords);
	if (err)
		return err;
	if (offset % 4 || offset < FIRST_DVSEC)
		return bad(place, "offset", "no DVSEC can be at %u", offset);
	if (offset < *end)
		return bad(place, "offset", "it isn't above that of the DVSEC before");
	*end = offset + 4;

	if (vendor == CXL_DVSEC_VENDOR_ID && device->nr_dvsecs < DEVICE_MAX_DVSECS)
		dvsec = &device->dvsecs[device->nr_dvsecs++];
	else if (vendor != CXL_DVSEC_VENDOR_ID && device->nr_others < DEVICE_MAX_DVSECS)
		dvsec = &device->others[device->nr_others++];
	else
		return bad(place, "", "it is one DVSEC too many, there is room for %u",
			   DEVICE_MAX_DVSECS);
	dvsec->vendor = vendor;
	dvsec->id = id;
	dvsec->offset = offset;
	dvsec->revision = revision;
	dvsec->length = length;
	for (i = 0; i < json_object_array_length(dwords) && !err; i++) {
		enter(place, "dwords", dwords, i, &dword);
		err = parse_dword(&dword, dvsec, state);
	}
	return err;
}

static int parse_state(const struct place *place, struct state *state)
{
	uint32_t vendor = 0, device_id = 0, revision = 0, sub_vendor = 0, sub_id = 0;
	struct json_object *dvsecs = NULL, *name;
	struct device *device = &state->device;
	struct place dvsec;
	unsigned int end = 0;
	const char *format;
	size_t i;
	int err;

	/* The format first, as other ones have other members */
	if (!json_object_is_type(place->object, json_type_object))
		return bad(place, "", "an object is wanted");
	format = json_object_get_string(json_object_object_get(place->object, "format"));
	if (!format || strcmp(format, STATE_FORMAT))
		return bad(place, "format",
			   "it isn't \"" STATE_FORMAT "\", so this is another file");
	err = get_version(place, "version", STATE_VERSION);
	if (!err)
		err = get_version(place, "abi", CXL_POLICY_ABI_VERSION);
	if (!err)
		err = check_keys(place, keys);
	if (!err)
		err = get_hex(place, "vendor", 2, &vendor);
	if (!err)
		err = get_hex(place, "device_id", 2, &device_id);
	if (!err)
		err = get_hex(place, "revision", 1, &revision);
	if (!err)
		err = get_hex(place, "subsystem_vendor", 2, &sub_vendor);
	if (!err)
		err = get_hex(place, "subsystem_id", 2, &sub_id);
	if (!err)
		err = get_array(place, "dvsecs", &dvsecs);
	if (err)
		return err;
	device->vendor = vendor;
	device->device_id = device_id;
	device->revision = revision;
	device->subsystem_vendor = sub_vendor;
	device->subsystem_id = sub_id;
	name = json_object_object_get(place->object, "device");
	if (json_object_is_type(name, json_type_string) &&
	    !device_parse(json_object_get_string(name), &device->address))
		device_format(&device->address, device->name);
	for (i = 0; i < json_object_array_length(dvsecs) && !err; i++) {
		enter(place, "dvsecs", dvsecs, i, &dvsec);
		err = parse_dvsec(&dvsec, state, &end);
	}
	return err;
}

static size_t count_members(struct json_object *object)
{
	size_t i, nr = 0;

	if (json_object_is_type(object, json_type_array)) {
		for (i = 0; i < json_object_array_length(object); i++)
			nr += count_members(json_object_array_get_idx(object, i));
	} else if (json_object_is_type(object, json_type_object)) {
		json_object_object_foreach(object, name, value)
		{
			(void)name;
			nr += 1 + count_members(value);
		}
	}
	return nr;
}

/*
 * What the parser takes in silence: the last of several members of one name, each of
 * which has a colon, and names in single quotes. Return: what is wrong, or NULL.
 */
static const char *check_strictly(const char *text, size_t len, struct json_object *object)
{
	bool quoted = false;
	size_t i, colons = 0;

	for (i = 0; i < len; i++) {
		if (quoted && text[i] == '\\')
			i++;
		else if (text[i] == '"')
			quoted = !quoted;
		else if (!quoted && text[i] == '\'')
			return "it isn't JSON: a single quote";
		else if (!quoted && text[i] == ':')
			colons++;
	}
	return colons == count_members(object) ? NULL : "a member is there twice";
}

int state_parse(const char *text, size_t len, struct state *state, char error[STATE_ERROR_LEN])
{
	struct json_tokener *tokener = json_tokener_new_ex(MAX_DEPTH);
	struct place place = { .error = error };
	size_t end, i, line = 1;
	const char *wrong;
	int err = -EINVAL;

	memset(state, 0, sizeof(*state));
	if (!tokener)
		return -ENOMEM;
	if (len > STATE_MAX_SIZE) {
		snprintf(error, STATE_ERROR_LEN, "it is larger than %u bytes", STATE_MAX_SIZE);
		goto out;
	}
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	/* With the 0 behind it, by which the end is known */
	place.object = json_tokener_parse_ex(tokener, text, len + 1);
	end = json_tokener_get_parse_end(tokener);
	while (place.object && end < len && isspace((unsigned char)text[end]))
		end++;
	if (!place.object || end < len) {
		for (i = 0; i < end && i < len; i++)
			line += text[i] == '\n';
		snprintf(error, STATE_ERROR_LEN, "line %zu: it isn't JSON: %s", line,
			 end >= len	? "it ends too early"
			 : place.object ? "something follows"
					: json_tokener_error_desc(json_tokener_get_error(tokener)));
		goto out;
	}
	wrong = check_strictly(text, len, place.object);
	if (wrong) {
		snprintf(error, STATE_ERROR_LEN, "%s", wrong);
		goto out;
	}
	err = parse_state(&place, state);
out:
	json_object_put(place.object);
	json_tokener_free(tokener);
	return err;
}

/*
 * Compare
 */

static bool differ(const char *what, uint32_t saved, uint32_t here, unsigned int digits,
		   char error[STATE_ERROR_LEN])
{
	if (saved == here)
		return false;
	snprintf(error, STATE_ERROR_LEN, "%s is 0x%0*x in the file and 0x%0*x here", what, digits,
		 saved, digits, here);
	return true;
}

static bool dvsec_differs(const struct device_dvsec *saved, const struct device_dvsec *dvsecs,
			  unsigned int nr, char error[STATE_ERROR_LEN])
{
	char what[64];
	unsigned int i;

	for (i = 0; i < nr; i++)
		if (dvsecs[i].vendor == saved->vendor && dvsecs[i].id == saved->id &&
		    dvsecs[i].offset == saved->offset)
			break;
	if (i == nr) {
		for (i = 0; i < nr; i++)
			if (dvsecs[i].vendor == saved->vendor && dvsecs[i].id == saved->id)
				break;
		snprintf(what, sizeof(what), "the offset of DVSEC 0x%04x:%u", saved->vendor,
			 saved->id);
		if (i < nr)
			return differ(what, saved->offset, dvsecs[i].offset, 3, error);
		snprintf(error, STATE_ERROR_LEN,
			 "DVSEC 0x%04x:%u at 0x%03x is in the file and not here", saved->vendor,
			 saved->id, saved->offset);
		return true;
	}
	snprintf(what, sizeof(what), "the revision of DVSEC 0x%04x:%u", saved->vendor, saved->id);
	if (differ(what, saved->revision, dvsecs[i].revision, 1, error))
		return true;
	snprintf(what, sizeof(what), "the length of DVSEC 0x%04x:%u", saved->vendor, saved->id);
	return differ(what, saved->length, dvsecs[i].length, 3, error);
}

bool state_differs(const struct state *state, const struct device *device,
		   char error[STATE_ERROR_LEN])
{
	const struct device *saved = &state->device;
	unsigned int i, j;

	if (differ("the Vendor ID", saved->vendor, device->vendor, 4, error) ||
	    differ("the Device ID", saved->device_id, device->device_id, 4, error) ||
	    differ("the Revision ID", saved->revision, device->revision, 2, error) ||
	    differ("the Subsystem Vendor ID", saved->subsystem_vendor, device->subsystem_vendor, 4,
		   error) ||
	    differ("the Subsystem ID", saved->subsystem_id, device->subsystem_id, 4, error))
		return true;
	for (i = 0; i < saved->nr_dvsecs; i++)
		if (dvsec_differs(&saved->dvsecs[i], device->dvsecs, device->nr_dvsecs, error))
			return true;
	for (i = 0; i < saved->nr_others; i++)
		if (dvsec_differs(&saved->others[i], device->others, device->nr_others, error))
			return true;
	/* Those of other vendors are in the file only if its policy was for them */
	for (i = 0; i < device->nr_dvsecs; i++) {
		for (j = 0; j < saved->nr_dvsecs; j++)
			if (saved->dvsecs[j].offset == device->dvsecs[i].offset)
				break;
		if (j < saved->nr_dvsecs)
			continue;
		snprintf(error, STATE_ERROR_LEN,
			 "DVSEC 0x%04x:%u at 0x%03x is here and not in the file",
			 device->dvsecs[i].vendor, device->dvsecs[i].id, device->dvsecs[i].offset);
		return true;
	}
	return false;
}

bool state_overlaps(const struct state *state, char error[STATE_ERROR_LEN])
{
	const struct device_dvsec *dvsec = NULL, *next;

	while ((next = next_dvsec(&state->device, dvsec))) {
		if (dvsec && dvsec->offset + dvsec->length > next->offset) {
			snprintf(error, STATE_ERROR_LEN,
				 "DVSEC 0x%04x:%u at 0x%03x begins in DVSEC 0x%04x:%u at 0x%03x",
				 next->vendor, next->id, next->offset, dvsec->vendor, dvsec->id,
				 dvsec->offset);
			return true;
		}
		dvsec = next;
	}
	return false;
}
