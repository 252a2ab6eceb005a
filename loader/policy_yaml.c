// SPDX-License-Identifier: GPL-2.0-only
/*
 * Policies in YAML: syntax, and what can be told of one file by itself.
 */
#include <cyaml/cyaml.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "cxl_policy_engine.h"
#include "policy_model.h"

#define sizeof_field(type, member) sizeof(((type *)0)->member)

#define POLICY_MAX_DEPTH 8

/* Numbers of enumerations count from 1, so that 0 is a key that isn't there */
struct yaml_field {
	char *field;
	uint32_t *offset;
	char *bits;
	unsigned int attribute;
	unsigned int read;
	unsigned int *write;
	uint32_t *value;
	unsigned int action;
	char *when;
	char *reason;
};

struct yaml_dvsec {
	uint16_t vendor;
	uint16_t id;
	struct yaml_field *fields;
	unsigned int nr_fields;
};

struct yaml_policy {
	char *name;
	char *description;
	char *based_on;
	unsigned int access;
	unsigned int cxl_reset;
	struct yaml_dvsec *dvsecs;
	unsigned int nr_dvsecs;
};

/* clang-format off */
static const cyaml_strval_t yaml_attributes[] = {
	{ "RO", CXL_DVSEC_ATTR_RO + 1 },
	{ "RW", CXL_DVSEC_ATTR_RW + 1 },
	{ "RWL", CXL_DVSEC_ATTR_RWL + 1 },
	{ "RWO", CXL_DVSEC_ATTR_RWO + 1 },
	{ "RWS", CXL_DVSEC_ATTR_RWS + 1 },
	{ "RW1C", CXL_DVSEC_ATTR_RW1C + 1 },
	{ "RW1CS", CXL_DVSEC_ATTR_RW1CS + 1 },
	{ "RsvdP", CXL_DVSEC_ATTR_RSVDP + 1 },
	{ "RsvdZ", CXL_DVSEC_ATTR_RSVDZ + 1 },
	{ "HwInit", CXL_DVSEC_ATTR_HWINIT + 1 },
};
/* clang-format on */

static const cyaml_strval_t yaml_reads[] = {
	{ "hardware", POLICY_READ_HARDWARE + 1 },
	{ "shadow", POLICY_READ_SHADOW + 1 },
	{ "value", POLICY_READ_VALUE + 1 },
};

static const cyaml_strval_t yaml_writes[] = {
	{ "shadow", POLICY_WRITE_SHADOW },
	{ "hardware", POLICY_WRITE_HARDWARE },
};

static const cyaml_strval_t yaml_actions[] = {
	{ "none", POLICY_ACTION_NONE + 1 },
	{ "initiate-cache-wbi", POLICY_ACTION_WBI + 1 },
	{ "initiate-cxl-reset", POLICY_ACTION_CXL_RESET + 1 },
};

static const cyaml_strval_t yaml_accesses[] = {
	{ "rules", POLICY_ACCESS_RULES + 1 },
	{ "read-only", POLICY_ACCESS_READ_ONLY + 1 },
	{ "passthrough", POLICY_ACCESS_PASSTHROUGH + 1 },
};

static const cyaml_strval_t yaml_resets[] = {
	{ "reject", CXL_RESET_REJECT + 1 },
	{ "emulate", CXL_RESET_EMULATE + 1 },
};

#define YAML_ENUM(key, flags, type, member, names)                                                 \
	CYAML_FIELD_ENUM(key, CYAML_FLAG_STRICT | (flags), type, member, names, ARRAY_SIZE(names))

static const cyaml_schema_field_t yaml_field_schema[] = {
	CYAML_FIELD_STRING_PTR("field", CYAML_FLAG_POINTER, struct yaml_field, field, 0,
			       CYAML_UNLIMITED),
	CYAML_FIELD_UINT_PTR("offset", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct yaml_field,
			     offset),
	CYAML_FIELD_STRING_PTR("bits", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct yaml_field,
			       bits, 0, CYAML_UNLIMITED),
	YAML_ENUM("attribute", CYAML_FLAG_OPTIONAL, struct yaml_field, attribute, yaml_attributes),
	YAML_ENUM("read", CYAML_FLAG_OPTIONAL, struct yaml_field, read, yaml_reads),
	CYAML_FIELD_FLAGS_PTR("write", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT,
			      struct yaml_field, write, yaml_writes, ARRAY_SIZE(yaml_writes)),
	CYAML_FIELD_UINT_PTR("value", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct yaml_field,
			     value),
	YAML_ENUM("action", CYAML_FLAG_OPTIONAL, struct yaml_field, action, yaml_actions),
	CYAML_FIELD_STRING_PTR("when", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct yaml_field,
			       when, 0, CYAML_UNLIMITED),
	CYAML_FIELD_STRING_PTR("reason", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
			       struct yaml_field, reason, 1, 255),
	CYAML_FIELD_END
};

static const cyaml_schema_value_t yaml_field_entry = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct yaml_field, yaml_field_schema),
};

static const cyaml_schema_field_t yaml_dvsec_schema[] = {
	CYAML_FIELD_UINT("vendor", CYAML_FLAG_DEFAULT, struct yaml_dvsec, vendor),
	CYAML_FIELD_UINT("id", CYAML_FLAG_DEFAULT, struct yaml_dvsec, id),
	CYAML_FIELD_SEQUENCE_COUNT("fields", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
				   struct yaml_dvsec, fields, nr_fields, &yaml_field_entry, 0,
				   POLICY_MAX_ENTRIES),
	CYAML_FIELD_END
};

static const cyaml_schema_value_t yaml_dvsec_entry = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct yaml_dvsec, yaml_dvsec_schema),
};

static const cyaml_schema_field_t yaml_policy_schema[] = {
	CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, struct yaml_policy, name, 1,
			       CXL_POLICY_NAME_LEN - 1),
	CYAML_FIELD_STRING_PTR("description", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
			       struct yaml_policy, description, 0,
			       sizeof_field(struct policy, description) - 1),
	CYAML_FIELD_STRING_PTR("based-on", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
			       struct yaml_policy, based_on, 1, 4095),
	YAML_ENUM("access", CYAML_FLAG_OPTIONAL, struct yaml_policy, access, yaml_accesses),
	YAML_ENUM("cxl-reset", CYAML_FLAG_OPTIONAL, struct yaml_policy, cxl_reset, yaml_resets),
	CYAML_FIELD_SEQUENCE_COUNT("dvsecs", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
				   struct yaml_policy, dvsecs, nr_dvsecs, &yaml_dvsec_entry, 0,
				   POLICY_MAX_ENTRIES),
	CYAML_FIELD_END
};

const cyaml_schema_value_t policy_yaml_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct yaml_policy, yaml_policy_schema),
};

/*
 * libcyaml tells no lines but in messages of its own, reads 010 as 8 and 1z as 1,
 * and takes no notice of a second document. So the text is scanned before.
 */

#define SCAN_MAX_DEPTH	8
#define SCAN_MAX_EVENTS 131072

/**
 * struct yaml_scan - what libcyaml doesn't tell
 * @nr_events: number of @events
 * @nr_fields: number of @fields
 * @nr_dvsecs: number of @dvsecs
 * @name: line of the key "name"
 * @based_on: line of the key "based-on"
 * @events: line of each event; 0: of one that ends something
 * @fields: line of each key "field", which is one of four events at least
 * @dvsecs: line of each key "vendor"
 * @foreign: it is no policy, so that keys mean something else
 * @nr_items: number of @items
 * @items: line of each mapping in the outermost sequence
 */
struct yaml_scan {
	unsigned int nr_events;
	unsigned int nr_fields;
	unsigned int nr_dvsecs;
	unsigned int name;
	unsigned int based_on;
	unsigned int events[SCAN_MAX_EVENTS];
	unsigned int fields[SCAN_MAX_EVENTS / 4];
	unsigned int dvsecs[POLICY_MAX_ENTRIES];
	bool foreign;
	unsigned int nr_items;
	unsigned int items[POLICY_MAX_ENTRIES];
};

static bool is_number(const char *text)
{
	if (!strncmp(text, "0x", 2))
		return text[2] && !text[2 + strspn(text + 2, "0123456789abcdefABCDEF")];
	if (text[0] == '0')
		return !text[1];
	return text[0] && !text[strspn(text, "0123456789")];
}

/* Read "7:4" or "7"; not left to YAML, to which 7:4 may be sexagesimal */
static bool parse_bits(const char *text, unsigned int *hi, unsigned int *lo)
{
	unsigned int *number = hi;

	for (;; number = lo) {
		size_t len = strspn(text, "0123456789");

		if (!len || len > 2 || (len == 2 && text[0] == '0'))
			return false;
		for (*number = 0; len; len--)
			*number = *number * 10 + *text++ - '0';
		if (*number > 31)
			return false;
		if (number == lo)
			return !*text && *hi >= *lo;
		if (!*text) {
			*lo = *hi;
			return true;
		}
		if (*text++ != ':')
			return false;
	}
}

static void note_line(unsigned int *lines, unsigned int *nr, unsigned int max, unsigned int line)
{
	if (*nr < max)
		lines[(*nr)++] = line;
}

static int scan_value(struct yaml_scan *scan, const char *key, const yaml_event_t *event,
		      const char *origin, char *error)
{
	const char *value = (const char *)event->data.scalar.value;
	unsigned int line = event->start_mark.line + 1, hi, lo;

	if ((!strcmp(key, "value") || !strcmp(key, "vendor") || !strcmp(key, "id") ||
	     !strcmp(key, "offset")) &&
	    !is_number(value))
		return policy_error(error, -EINVAL,
				    "%s:%u: %s: '%s' is no number, write it as 10 or 0xa", origin,
				    line, key, value);
	if (!strcmp(key, "bits") && !parse_bits(value, &hi, &lo))
		return policy_error(
			error, -EINVAL,
			"%s:%u: %s: '%s' are no bits of a dword, write them as 7:4 or 7", origin,
			line, key, value);
	if (!strcmp(key, "field"))
		note_line(scan->fields, &scan->nr_fields, ARRAY_SIZE(scan->fields), line);
	else if (!strcmp(key, "vendor"))
		note_line(scan->dvsecs, &scan->nr_dvsecs, ARRAY_SIZE(scan->dvsecs), line);
	else if (!strcmp(key, "name"))
		scan->name = line;
	else if (!strcmp(key, "based-on"))
		scan->based_on = line;
	return 0;
}

static int scan_events(struct yaml_scan *scan, yaml_parser_t *parser, const char *origin,
		       char *error)
{
	struct {
		bool mapping;
		bool value;
	} stack[SCAN_MAX_DEPTH] = {};
	unsigned int depth = 0, documents = 0, line;
	bool end = false, opens, closes;
	char key[32] = "";
	yaml_event_t event;
	int err = 0;

	while (!end && !err) {
		if (!yaml_parser_parse(parser, &event))
			return policy_error(error, -EINVAL, "%s:%zu: %s", origin,
					    parser->problem_mark.line + 1,
					    parser->problem ? parser->problem : "out of memory");
		line = event.start_mark.line + 1;
		opens = event.type == YAML_MAPPING_START_EVENT ||
			event.type == YAML_SEQUENCE_START_EVENT;
		closes = event.type == YAML_MAPPING_END_EVENT ||
			 event.type == YAML_SEQUENCE_END_EVENT;
		if (scan->nr_events < SCAN_MAX_EVENTS)
			scan->events[scan->nr_events++] = closes ? 0 : line;
		else
			err = policy_error(error, -EINVAL, "%s:%u: more than a %s can hold", origin,
					   line, scan->foreign ? "file" : "policy");

		if (event.type == YAML_STREAM_END_EVENT)
			end = true;
		else if (event.type == YAML_DOCUMENT_START_EVENT && ++documents > 1)
			err = policy_error(error, -EINVAL, "%s:%u: a second document", origin,
					   line);
		else if (event.type == YAML_ALIAS_EVENT)
			err = policy_error(error, -EINVAL, "%s:%u: an alias", origin, line);
		else if (opens && depth && stack[depth - 1].mapping && !stack[depth - 1].value)
			err = policy_error(error, -EINVAL, "%s:%u: a key that is no text", origin,
					   line);
		else if (opens && depth == SCAN_MAX_DEPTH)
			err = policy_error(error, -EINVAL, "%s:%u: too deep", origin, line);
		else if (closes && depth)
			depth--;

		if (!err && event.type == YAML_SCALAR_EVENT) {
			const char *text = (const char *)event.data.scalar.value;

			if (event.data.scalar.tag)
				err = policy_error(error, -EINVAL, "%s:%u: a tag", origin, line);
			else if (strlen(text) != event.data.scalar.length)
				err = policy_error(error, -EINVAL, "%s:%u: a NUL in a text", origin,
						   line);
			else if (depth && stack[depth - 1].mapping && !stack[depth - 1].value)
				snprintf(key, sizeof(key), "%s", text);
			else if (depth && stack[depth - 1].mapping && !scan->foreign)
				err = scan_value(scan, key, &event, origin, error);
		}
		/* Keys and values take turns */
		if ((event.type == YAML_SCALAR_EVENT || opens) && depth && !err)
			stack[depth - 1].value = !stack[depth - 1].value;
		if (opens && !err) {
			if (depth == 2 && event.type == YAML_MAPPING_START_EVENT)
				note_line(scan->items, &scan->nr_items, ARRAY_SIZE(scan->items),
					  line);
			stack[depth].mapping = event.type == YAML_MAPPING_START_EVENT;
			stack[depth].value = false;
			depth++;
		}
		yaml_event_delete(&event);
	}
	return err;
}

static int scan_text(struct yaml_scan **result, bool foreign, const char *text, size_t size,
		     const char *origin, char *error)
{
	struct yaml_scan *scan = calloc(1, sizeof(*scan));
	yaml_parser_t parser;
	int err;

	if (!scan || !yaml_parser_initialize(&parser)) {
		free(scan);
		return policy_error(error, -ENOMEM, "%s: out of memory", origin);
	}
	scan->foreign = foreign;
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, size);
	err = scan_events(scan, &parser, origin, error);
	yaml_parser_delete(&parser);
	if (err)
		free(scan);
	else
		*result = scan;
	return err;
}

struct yaml_log {
	const struct yaml_scan *scan;
	unsigned int event;
	unsigned int line;
	char cause[256];
};

/*
 * The first message is the cause. It is about the event that was handled last,
 * unless that ends a mapping which lacks a key; then the trace has the place.
 */
static void yaml_log(cyaml_log_t level, void *ctx, const char *fmt, va_list args)
{
	struct yaml_log *log = ctx;
	const char *msg, *place;
	char text[512];

	if (!log)
		return;
	vsnprintf(text, sizeof(text), fmt, args);
	text[strcspn(text, "\n")] = '\0';
	msg = strncmp(text, "Load: ", strlen("Load: ")) ? text : text + strlen("Load: ");
	if (level < CYAML_LOG_ERROR) {
		if (!strncmp(msg, "Event: ", strlen("Event: ")))
			log->event++;
		return;
	}
	place = strstr(msg, "(line: ");
	if (!log->cause[0] && !place && strncmp(msg, "Backtrace", strlen("Backtrace"))) {
		snprintf(log->cause, sizeof(log->cause), "%.*s", (int)sizeof(log->cause) - 1, msg);
		if (log->event && log->event <= log->scan->nr_events)
			log->line = log->scan->events[log->event - 1];
	} else if (!log->line && place) {
		log->line = strtoul(place + strlen("(line: "), NULL, 10);
	}
}

static const cyaml_config_t yaml_config = {
	.log_fn = yaml_log,
	.mem_fn = cyaml_mem,
	.log_level = CYAML_LOG_DEBUG,
	.flags = CYAML_CFG_NO_ALIAS,
};

/* Return: 0, with @data NULL if there is nothing in the text; a negative errno */
static int yaml_load(const char *text, size_t size, const char *origin,
		     const struct yaml_scan *scan, const cyaml_schema_value_t *schema,
		     cyaml_data_t **data, char *error)
{
	struct yaml_log log = { .scan = scan };
	cyaml_config_t config = yaml_config;
	cyaml_err_t ret;

	*data = NULL;
	config.log_ctx = &log;
	ret = cyaml_load_data((const uint8_t *)text, size, &config, schema, data, NULL);
	if (ret == CYAML_ERR_OOM)
		return policy_error(error, -ENOMEM, "%s: out of memory", origin);
	if (ret != CYAML_OK)
		return policy_error(error, -EINVAL, "%s:%u: %s", origin, log.line ? log.line : 1,
				    log.cause[0] ? log.cause : cyaml_strerror(ret));
	return 0;
}

int policy_yaml_load(const char *text, size_t size, const char *origin,
		     const struct cyaml_schema_value *schema, void **data,
		     unsigned int lines[POLICY_MAX_ENTRIES], char *error)
{
	struct yaml_scan *scan = NULL;
	int err;

	err = scan_text(&scan, true, text, size, origin, error);
	if (err)
		return err;
	err = yaml_load(text, size, origin, scan, schema, data, error);
	memcpy(lines, scan->items, sizeof(scan->items));
	free(scan);
	return err;
}

void policy_yaml_free(const struct cyaml_schema_value *schema, void *data)
{
	cyaml_free(&yaml_config, schema, data, 0);
}

/* Where a message is about: the file, and the line if there is one */
static const char *at(char *where, size_t size, const char *origin, unsigned int line)
{
	if (line)
		snprintf(where, size, "%s:%u", origin, line);
	else
		snprintf(where, size, "%s", origin);
	return where;
}

/* How many letters of @a have to be changed, added or left out to make it @b */
static unsigned int distance(const char *a, const char *b)
{
	unsigned int row[POLICY_FIELD_NAME_LEN], i, j, corner, above, best;
	size_t len = strlen(b);

	if (len >= POLICY_FIELD_NAME_LEN)
		return len;
	for (j = 0; j <= len; j++)
		row[j] = j;
	for (i = 1; a[i - 1]; i++) {
		corner = row[0];
		row[0] = i;
		for (j = 1; j <= len; j++) {
			above = row[j];
			best = corner + (a[i - 1] != b[j - 1]);
			if (above + 1 < best)
				best = above + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
			corner = above;
		}
	}
	return row[len];
}

/* The field that a name may be meant to be of: its register left out, or misspelt */
static const char *near_field(const struct policy *policy, int dvsec, const char *name)
{
	unsigned int best = strlen(name) / 4 + 1, id, far;
	const char *found = NULL, *dot;

	for (id = 0; policy_next_field(policy, dvsec, &id); id++) {
		const char *known = policy_field_of(policy, id).name;

		dot = strchr(known, '.');
		far = dot && !strcmp(dot + 1, name) ? 0 : distance(known, name);
		if (far < best) {
			best = far;
			found = known;
		}
	}
	return found;
}

static int find_field(const struct policy *policy, int dvsec, const char *name, const char *where,
		      unsigned int *id, char *error)
{
	const char *found;

	for (*id = 0; policy_next_field(policy, dvsec, id); ++*id)
		if (!strcmp(policy_field_of(policy, *id).name, name))
			return 0;
	found = near_field(policy, dvsec, name);
	return policy_error(error, -EINVAL, "%s: %s: the DVSEC has no such field%s%s%s", where,
			    name, found ? ", is it " : "", found ? found : "", found ? "?" : "");
}

static int check_field_name(const char *name, const char *where, char *error)
{
	size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_.");

	if (!len || name[len])
		return policy_error(error, -EINVAL,
				    "%s: field '%s' isn't made of a-z, 0-9, '_' and '.'", where,
				    name);
	if (len >= POLICY_FIELD_NAME_LEN)
		return policy_error(error, -EINVAL, "%s: %s: more than %u characters", where, name,
				    POLICY_FIELD_NAME_LEN - 1);
	if (!strcmp(name, POLICY_WHEN_ALWAYS))
		return policy_error(error, -EINVAL, "%s: %s: can't be a field, 'when' has it",
				    where, name);
	return 0;
}

/* Add a field, with what a policy says nothing of as the attribute has it */
static int add_field(struct policy *policy, int dvsec, const struct yaml_field *yaml,
		     const char *where, unsigned int *id, char *error)
{
	struct policy_described *new = &policy->described[policy->nr_described];
	struct policy_dvsec *parent = &policy->dvsecs[dvsec];
	unsigned int hi, lo, nr_dvsecs = 1, nr_rules = POLICY_NR_RULES, i;
	const char *name = yaml->field;
	struct policy_any_field field;

	if (!yaml->offset || !yaml->bits || !yaml->attribute)
		return policy_error(error, -EINVAL, "%s: %s: %s is missing", where, name,
				    !yaml->offset ? "offset"
				    : !yaml->bits ? "bits"
						  : "attribute");
	if (!parse_bits(yaml->bits, &hi, &lo))
		return policy_error(error, -EINVAL, "%s: %s: no bits", where, name);
	if (*yaml->offset < DVSEC_HEADER2_OFFSET + 2)
		return policy_error(
			error, -EINVAL,
			"%s: %s: offset %#x is in the DVSEC's header, which ends at %#x", where,
			name, *yaml->offset, DVSEC_HEADER2_OFFSET + 2);
	if (*yaml->offset >= POLICY_MAX_DVSEC_LENGTH ||
	    *yaml->offset + hi / 8 >= POLICY_MAX_DVSEC_LENGTH)
		return policy_error(
			error, -EINVAL,
			"%s: %s: offset %#x is behind the longest DVSEC, which ends at %#x", where,
			name, *yaml->offset, POLICY_MAX_DVSEC_LENGTH);
	if (*yaml->offset % 4 * 8 + hi > 31)
		return policy_error(error, -EINVAL,
				    "%s: %s: bits %s from offset %#x on are not in one dword",
				    where, name, yaml->bits, *yaml->offset);

	for (i = 0; i < policy->nr_dvsecs; i++) {
		nr_dvsecs += policy->dvsecs[i].nr_rules || i == (unsigned int)dvsec;
		nr_rules += i == (unsigned int)dvsec ? 0 : policy->dvsecs[i].nr_rules;
	}
	if (nr_dvsecs > CXL_POLICY_MAX_DVSECS)
		return policy_error(
			error, -E2BIG,
			"%s: %s: fields of more than %u DVSECs, the CXL device's included", where,
			name, CXL_POLICY_MAX_DVSECS);
	if (nr_rules + *yaml->offset / 4 + 1 > CXL_POLICY_MAX_RULES)
		return policy_error(
			error, -E2BIG,
			"%s: %s: offset %#x is too far, %u of %u dwords of rules are left", where,
			name, *yaml->offset, CXL_POLICY_MAX_RULES - nr_rules, CXL_POLICY_MAX_RULES);

	snprintf(new->name, sizeof(new->name), "%s", name);
	new->dvsec = dvsec;
	new->offset = *yaml->offset;
	new->hi = hi;
	new->lo = lo;
	new->attribute = yaml->attribute - 1;
	field = policy_field_of(policy, POLICY_NR_FIELDS + policy->nr_described);
	for (i = 0; policy_next_field(policy, dvsec, &i); i++) {
		struct policy_any_field other = policy_field_of(policy, i);

		if (other.rule == field.rule && (other.bits & field.bits))
			return policy_error(error, -EINVAL, "%s: %s: overlaps %s", where, name,
					    other.name);
	}
	if (parent->nr_rules < field.rule + 1)
		parent->nr_rules = field.rule + 1;
	*id = POLICY_NR_FIELDS + policy->nr_described++;
	policy->fields[*id].when = POLICY_ALWAYS;
	policy->fields[*id].absent = CXL_DVSEC_ATTR_RO;
	return 0;
}

/* Find or add the field that is named in a DVSEC */
static int name_field(struct policy *policy, int dvsec, const struct yaml_field *yaml,
		      const char *where, unsigned int *id, char *error)
{
	const char *name = yaml->field;
	unsigned int hi, lo;
	struct policy_any_field field;
	int err;

	if (dvsec == POLICY_DEVICE_DVSEC) {
		err = find_field(policy, dvsec, name, where, id, error);
		if (!err && (yaml->offset || yaml->bits))
			err = policy_error(error, -EINVAL,
					   "%s: %s: is known; leave offset and bits out", where,
					   name);
		return err;
	}

	err = check_field_name(name, where, error);
	if (err)
		return err;
	for (*id = 0; policy_next_field(policy, dvsec, id); ++*id)
		if (!strcmp(policy_field_of(policy, *id).name, name))
			break;
	if (*id == POLICY_NR_FIELDS + policy->nr_described)
		return add_field(policy, dvsec, yaml, where, id, error);
	field = policy_field_of(policy, *id);
	if (yaml->offset && *yaml->offset != field.offset)
		return policy_error(error, -EINVAL, "%s: %s: is at offset %#x already, not at %#x",
				    where, name, field.offset, *yaml->offset);
	if (yaml->bits && (!parse_bits(yaml->bits, &hi, &lo) || hi != field.hi || lo != field.lo))
		return policy_error(error, -EINVAL, "%s: %s: has bits %u:%u already, not %s", where,
				    name, field.hi, field.lo, yaml->bits);
	return 0;
}

/* It holds for what the same entry says, so it isn't inherited by another one */
static int apply_reason(struct policy *policy, unsigned int id, const char *reason,
			const char *where, char *error)
{
	size_t size;

	policy->fields[id].reason = 0;
	if (!reason)
		return 0;
	size = strlen(reason) + 1;
	if (size > sizeof(policy->texts) - policy->texts_len)
		return policy_error(error, -E2BIG, "%s: %s: more than %zu bytes of reasons", where,
				    policy_field_of(policy, id).name, sizeof(policy->texts));
	policy->fields[id].reason = policy->texts_len;
	memcpy(policy->texts + policy->texts_len, reason, size);
	policy->texts_len += size;
	return 0;
}

static int apply_field(struct policy *policy, unsigned int id, const struct yaml_field *yaml,
		       const char *where, char *error)
{
	struct policy_field_model *model = &policy->fields[id];
	const struct policy_any_field field = policy_field_of(policy, id);
	bool to_shadow, to_hardware;

	if (yaml->attribute)
		policy_model_default(model, id, yaml->attribute - 1);
	if (yaml->action) {
		if (policy_action_of(id) == POLICY_ACTION_NONE ||
		    (yaml->action - 1 != POLICY_ACTION_NONE &&
		     yaml->action - 1 != policy_action_of(id)))
			return policy_error(error, -EINVAL, "%s: %s: no such action of it", where,
					    field.name);
		policy_model_action(model, yaml->action - 1);
	}
	if (yaml->value) {
		if (*yaml->value & ~(CXL_DVSEC_BITS(field.hi, field.lo) >> field.lo))
			return policy_error(error, -EINVAL, "%s: %s: %u doesn't fit in %u bit%s",
					    where, field.name, *yaml->value,
					    field.hi - field.lo + 1,
					    field.hi == field.lo ? "" : "s");
		model->value = *yaml->value;
		if (model->read == POLICY_READ_HARDWARE)
			model->read = POLICY_READ_VALUE;
	}
	if (yaml->read) {
		if (yaml->read - 1 == POLICY_READ_HARDWARE && yaml->value)
			return policy_error(error, -EINVAL,
					    "%s: %s: a value, but read from the hardware", where,
					    field.name);
		if (yaml->read - 1 == POLICY_READ_VALUE && !yaml->value)
			return policy_error(error, -EINVAL, "%s: %s: read: value without value",
					    where, field.name);
		model->read = yaml->read - 1;
	}
	if (yaml->write)
		model->write = *yaml->write;

	to_shadow = model->write & POLICY_WRITE_SHADOW;
	to_hardware = model->write & POLICY_WRITE_HARDWARE;
	if (model->action != POLICY_ACTION_NONE && model->attribute != CXL_DVSEC_ATTR_RW)
		return policy_error(error, -EINVAL, "%s: %s: an action, but %s and not RW", where,
				    field.name, policy_attribute_name(model->attribute));
	if (model->action != POLICY_ACTION_NONE &&
	    (model->read != POLICY_READ_VALUE || model->value || to_shadow ||
	     to_hardware != (model->action == POLICY_ACTION_WBI)))
		return policy_error(error, -EINVAL,
				    "%s: %s: an action fixes what is read and written", where,
				    field.name);
	if (policy_is_reserved(model->attribute) &&
	    (model->read != POLICY_READ_VALUE || model->value || model->write))
		return policy_error(error, -EINVAL, "%s: %s: %s, so it reads 0 and isn't written",
				    where, field.name, policy_attribute_name(model->attribute));
	if (policy_is_rw1c(model->attribute)) {
		/* A bit in the shadow tells what was acknowledged, not what is read */
		if (model->read == POLICY_READ_SHADOW)
			return policy_error(error, -EINVAL,
					    "%s: %s: %s is read from the hardware or as a value",
					    where, field.name,
					    policy_attribute_name(model->attribute));
		if (model->write && model->read != POLICY_READ_HARDWARE)
			return policy_error(
				error, -EINVAL,
				"%s: %s: %s can only be cleared if read from the hardware", where,
				field.name, policy_attribute_name(model->attribute));
		if (to_shadow && to_hardware)
			return policy_error(
				error, -EINVAL,
				"%s: %s: cleared in the shadow or in the hardware, not in both",
				where, field.name);
	} else if (model->action == POLICY_ACTION_NONE && model->write) {
		if (model->attribute == CXL_DVSEC_ATTR_RO ||
		    model->attribute == CXL_DVSEC_ATTR_HWINIT)
			return policy_error(error, -EINVAL, "%s: %s: %s, so it isn't written",
					    where, field.name,
					    policy_attribute_name(model->attribute));
		if (to_shadow != (model->read == POLICY_READ_SHADOW) ||
		    model->read == POLICY_READ_VALUE)
			return policy_error(error, -EINVAL,
					    "%s: %s: a write must reach what is read", where,
					    field.name);
		if (to_hardware && (model->attribute == CXL_DVSEC_ATTR_RWL ||
				    model->attribute == CXL_DVSEC_ATTR_RWO))
			return policy_error(error, -EINVAL,
					    "%s: %s: %s stays in the shadow, as the lock does",
					    where, field.name,
					    policy_attribute_name(model->attribute));
	}
	return 0;
}

/* Once all fields of the DVSEC are there, in whatever order they are named */
static int apply_when(struct policy *policy, int dvsec, unsigned int id, const char *name,
		      const char *where, char *error)
{
	unsigned int cap;
	char when[1024];
	int err;

	policy->fields[id].when = POLICY_ALWAYS;
	if (!strcmp(name, POLICY_WHEN_ALWAYS))
		return 0;
	snprintf(when, sizeof(when), "%s: %s: when", where, policy_field_of(policy, id).name);
	err = find_field(policy, dvsec, name, when, &cap, error);
	if (!err)
		policy->fields[id].when = cap;
	return err;
}

/* A condition is judged by what was there at open, so it must not change behind that */
static int check_condition(const struct policy *policy, unsigned int id, const char *where,
			   char *error)
{
	const struct policy_field_model *model = &policy->fields[policy->fields[id].when];
	const struct policy_any_field cap = policy_field_of(policy, policy->fields[id].when);
	const char *why = NULL;

	if (cap.hi != cap.lo || policy_is_reserved(cap.attribute))
		why = "it isn't one bit";
	else if (model->when != POLICY_ALWAYS)
		why = "it has one itself";
	else if (model->read == POLICY_READ_HARDWARE &&
		 (model->write || policy_is_rw1c(cap.attribute) ||
		  policy_is_rw1c(model->attribute)))
		why = "it changes in the hardware";
	if (!why)
		return 0;
	return policy_error(error, -EINVAL, "%s: %s: %s can't be a condition, %s", where,
			    policy_field_of(policy, id).name, cap.name, why);
}

/* Bits of @field's dword as policies have them: counted from its register */
static void format_bits(const struct policy_any_field *field, uint32_t bits, char *text,
			size_t size)
{
	unsigned int lo, hi, len = 0;

	bits >>= field->offset % 4 * 8;
	for (lo = 0; lo < 32 && len < size; lo = hi + 1) {
		for (hi = lo; hi < 31 && (bits >> lo & 1) && (bits >> (hi + 1) & 1); hi++)
			;
		if (!(bits >> lo & 1))
			continue;
		len += snprintf(text + len, size - len, "%s%u", len ? ", " : "", hi);
		if (hi > lo && len < size)
			len += snprintf(text + len, size - len, ":%u", lo);
	}
}

static int check_lock(const struct policy *policy, int dvsec, unsigned int id, const char *where,
		      char *error)
{
	const char *name = policy_field_of(policy, id).name;
	unsigned int lock, nr = policy_find_locks(policy, dvsec, &lock);

	if (!nr)
		return policy_error(error, -EINVAL,
				    "%s: %s: RWL, but no field of the DVSEC is RWO in the shadow",
				    where, name);
	if (nr > 1)
		return policy_error(error, -EINVAL,
				    "%s: %s: RWL, but %u fields of the DVSEC are RWO in the shadow",
				    where, name, nr);
	if (policy->fields[lock].when != POLICY_ALWAYS)
		return policy_error(error, -EINVAL,
				    "%s: %s: RWL, but %s, which is RWO, has a condition", where,
				    name, policy_field_of(policy, lock).name);
	if (policy_field_of(policy, lock).hi != policy_field_of(policy, lock).lo)
		return policy_error(error, -EINVAL,
				    "%s: %s: RWL, but %s, which is RWO, isn't one bit", where, name,
				    policy_field_of(policy, lock).name);
	return 0;
}

/* What can be told of a DVSEC only once all of its fields are there */
static int check_dvsec(const struct policy *policy, int dvsec, const char *origin,
		       const unsigned int *lines, unsigned int line, char *error)
{
	struct cxl_rule rules[CXL_POLICY_MAX_RULES] = {};
	uint32_t described[CXL_POLICY_MAX_RULES] = {};
	char where[512], bits[64];
	unsigned int id;
	int err = 0;

	for (id = 0; policy_next_field(policy, dvsec, &id); id++)
		described[policy_field_of(policy, id).rule] |= policy_field_of(policy, id).bits;

	for (id = 0; !err && policy_next_field(policy, dvsec, &id); id++) {
		const struct policy_field_model *model = &policy->fields[id];
		const struct policy_any_field field = policy_field_of(policy, id);
		uint32_t missing = cxl_engine_bytes(field.bits) & ~described[field.rule];

		at(where, sizeof(where), origin, lines[id] ? lines[id] : line);
		if (model->when != POLICY_ALWAYS) {
			err = check_condition(policy, id, where, error);
			if (!err && policy_add_condition(&rules[field.rule], policy, id))
				err = policy_error(error, -E2BIG,
						   "%s: %s: more than %u conditions in one dword",
						   where, field.name, CXL_POLICY_MAX_CONDS);
		}
		if (!err && missing && (model->write & POLICY_WRITE_HARDWARE)) {
			format_bits(&field, missing, bits, sizeof(bits));
			err = policy_error(
				error, -EINVAL,
				"%s: %s: a write takes whole bytes, describe bits %s at offset %#x too",
				where, field.name, bits, field.offset);
		}
		if (!err && dvsec != POLICY_DEVICE_DVSEC &&
		    model->attribute == CXL_DVSEC_ATTR_RWL && (model->write & POLICY_WRITE_SHADOW))
			err = check_lock(policy, dvsec, id, where, error);
	}
	return err;
}

/* Find or add a DVSEC that is named: its index */
static int name_dvsec(struct policy *policy, const struct yaml_dvsec *yaml, const char *where,
		      char *error)
{
	unsigned int i;

	for (i = 0; i < policy->nr_dvsecs; i++)
		if (policy->dvsecs[i].vendor == yaml->vendor && policy->dvsecs[i].id == yaml->id)
			break;
	if (i == POLICY_MAX_DVSECS)
		return policy_error(error, -E2BIG, "%s: more than %u kinds of DVSECs", where,
				    POLICY_MAX_DVSECS);
	policy->dvsecs[i].vendor = yaml->vendor;
	policy->dvsecs[i].id = yaml->id;
	if (i == policy->nr_dvsecs)
		policy->nr_dvsecs++;
	return i;
}

/* @first: of the lines of the DVSEC's fields in the file */
static int apply_fields(struct policy *policy, int dvsec, const struct yaml_dvsec *yaml,
			const struct yaml_scan *scan, unsigned int first, unsigned int line,
			const char *origin, char *error)
{
	unsigned int lines[ARRAY_SIZE(policy->fields)] = {};
	unsigned int *ids, i;
	char where[512];
	int err = 0;

	ids = calloc(yaml->nr_fields, sizeof(*ids));
	if (!ids)
		return policy_error(error, -ENOMEM, "%s: out of memory", origin);
	for (i = 0; i < yaml->nr_fields && !err; i++) {
		const struct yaml_field *field = &yaml->fields[i];

		at(where, sizeof(where), origin, scan->fields[first + i]);
		err = name_field(policy, dvsec, field, where, &ids[i], error);
		if (!err && lines[ids[i]])
			err = policy_error(error, -EINVAL, "%s: %s: named twice", where,
					   field->field);
		if (err)
			break;
		lines[ids[i]] = scan->fields[first + i];
		err = apply_field(policy, ids[i], field, where, error);
		if (!err)
			err = apply_reason(policy, ids[i], field->reason, where, error);
	}
	for (i = 0; i < yaml->nr_fields && !err; i++)
		if (yaml->fields[i].when)
			err = apply_when(policy, dvsec, ids[i], yaml->fields[i].when,
					 at(where, sizeof(where), origin, lines[ids[i]]), error);
	free(ids);
	return err ? err : check_dvsec(policy, dvsec, origin, lines, line, error);
}

static int apply_dvsecs(struct policy *policy, const struct yaml_policy *yaml,
			const struct yaml_scan *scan, const char *origin, char *error)
{
	unsigned int i, j, nr = 0;
	char where[512];
	int dvsec, err;

	for (i = 0; i < yaml->nr_dvsecs; i++) {
		const struct yaml_dvsec *named = &yaml->dvsecs[i];

		at(where, sizeof(where), origin, scan->dvsecs[i]);
		for (j = 0; j < i; j++)
			if (named->vendor == yaml->dvsecs[j].vendor &&
			    named->id == yaml->dvsecs[j].id)
				return policy_error(error, -EINVAL, "%s: DVSEC %#x:%u: named twice",
						    where, named->vendor, named->id);
		dvsec = name_dvsec(policy, named, where, error);
		if (dvsec < 0)
			return dvsec;
		if (!named->nr_fields)
			continue;
		if (policy->access == POLICY_ACCESS_PASSTHROUGH)
			return policy_error(error, -EINVAL, "%s: fields, but access is passthrough",
					    where);
		if (named->vendor == CXL_DVSEC_VENDOR_ID && named->id == CXL_DVSEC_ID_DEVICE)
			dvsec = POLICY_DEVICE_DVSEC;
		err = apply_fields(policy, dvsec, named, scan, nr, scan->dvsecs[i], origin, error);
		if (err)
			return err;
		nr += named->nr_fields;
	}
	return 0;
}

static int check_name(const char *name, const char *where, char *error)
{
	size_t i;

	for (i = 0; name[i]; i++)
		if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789", name[i]) &&
		    (!i || !strchr("-_.", name[i])))
			break;
	if (!i || name[i])
		return policy_error(error, -EINVAL,
				    "%s: name '%s' isn't made of a-z, 0-9, '-', '_' and '.'", where,
				    name);
	return 0;
}

static int check_policy(const struct policy *policy, const char *where, char *error)
{
	static const uint8_t results[] = {
		CXL_DVSEC_FIELD_STATUS2_CXL_RESET_COMPLETE,
		CXL_DVSEC_FIELD_STATUS2_CXL_RESET_ERROR,
	};
	const struct policy_field_model *fields = policy->fields;
	const struct policy_field_model *lock = &fields[CXL_DVSEC_FIELD_LOCK_CONFIG_LOCK];
	unsigned int i;

	if (policy->access == POLICY_ACCESS_PASSTHROUGH)
		return 0;
	if (fields[CXL_DVSEC_FIELD_CONTROL2_INITIATE_CACHE_WBI].action &&
	    fields[CXL_DVSEC_FIELD_CONTROL2_DISABLE_CACHING].read != POLICY_READ_SHADOW)
		return policy_error(
			error, -EINVAL,
			"%s: initiate-cache-wbi needs control2.disable_caching in the shadow",
			where);
	for (i = 0; i < ARRAY_SIZE(results); i++)
		if (fields[CXL_DVSEC_FIELD_CONTROL2_INITIATE_CXL_RESET].action &&
		    fields[results[i]].read != POLICY_READ_SHADOW)
			return policy_error(error, -EINVAL,
					    "%s: initiate-cxl-reset needs %s in the shadow", where,
					    policy_fields[results[i]].name);
	for (i = 0; i < POLICY_NR_FIELDS; i++)
		if (fields[i].attribute == CXL_DVSEC_ATTR_RWL && fields[i].write &&
		    (lock->read != POLICY_READ_SHADOW || lock->when != POLICY_ALWAYS))
			return policy_error(error, -EINVAL, "%s: %s: RWL, but lock.config_lock %s",
					    where, policy_fields[i].name,
					    lock->read != POLICY_READ_SHADOW ? "isn't in the shadow"
									     : "has a condition");
	return 0;
}

int policy_parse_based(const char *text, size_t size, const char *origin, unsigned int depth,
		       struct policy *policy, char *error)
{
	struct yaml_policy *yaml = NULL;
	struct yaml_scan *scan = NULL;
	char where[512];
	int err;

	err = scan_text(&scan, false, text, size, origin, error);
	if (err)
		return err;
	err = yaml_load(text, size, origin, scan, &policy_yaml_schema, (cyaml_data_t **)&yaml,
			error);
	if (!err && !yaml)
		err = policy_error(error, -EINVAL, "%s:1: the policy is empty", origin);
	if (err)
		goto out;

	err = check_name(yaml->name, at(where, sizeof(where), origin, scan->name), error);
	if (err)
		goto out;
	if (yaml->based_on) {
		at(where, sizeof(where), origin, scan->based_on);
		if (depth >= POLICY_MAX_DEPTH) {
			err = policy_error(error, -EINVAL,
					   "%s: based on itself, or on more than %u others", where,
					   POLICY_MAX_DEPTH);
			goto out;
		}
		err = policy_load_spec(yaml->based_on, origin, depth + 1, policy, error);
		if (err == -ENOENT)
			err = policy_error(error, -EINVAL, "%s: there is no policy '%s'", where,
					   yaml->based_on);
		if (err)
			goto out;
	} else {
		policy_model_init(policy);
	}

	snprintf(policy->name, sizeof(policy->name), "%s", yaml->name);
	snprintf(policy->description, sizeof(policy->description), "%s",
		 yaml->description ? yaml->description : "");
	if (yaml->access)
		policy->access = yaml->access - 1;
	if (yaml->cxl_reset)
		policy->reset_action = yaml->cxl_reset - 1;
	err = apply_dvsecs(policy, yaml, scan, origin, error);
	if (!err)
		err = check_policy(policy, origin, error);
out:
	if (yaml)
		cyaml_free(&yaml_config, &policy_yaml_schema, yaml, 0);
	free(scan);
	return err;
}

int policy_parse(const char *text, size_t size, const char *origin, struct policy *policy,
		 char *error)
{
	return policy_parse_based(text, size, origin, 0, policy, error);
}
