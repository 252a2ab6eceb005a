// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <cyaml/cyaml.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yaml.h>

#include "policy.h"

#define ARRAY_SIZE(a)		   (sizeof(a) / sizeof((a)[0]))
#define sizeof_field(type, member) sizeof(((type *)0)->member)

#define POLICY_MAX_SIZE	   (1024 * 1024)
#define POLICY_MAX_DEPTH   8
#define POLICY_MAX_ENTRIES 1024

/* Dword that a register lies in */
#define RULE_OF(reg) (policy_registers[reg].offset / 4)

/* The loader has policies in it, other programs need none */
const struct policy_text policy_embedded[] __attribute__((weak)) = { { NULL, NULL } };

const struct policy_register policy_registers[CXL_DVSEC_NR_REGS] = {
#define POLICY_R(name, NAME, offset, size) { #name, offset, size },
	CXL_DVSEC_REGISTERS(POLICY_R)
#undef POLICY_R
};

const struct policy_field policy_fields[POLICY_NR_FIELDS] = {
#define POLICY_F(reg, REG, name, NAME, hi, lo, attr)                                               \
	{ #reg "." #name, CXL_DVSEC_REG_##REG, hi, lo, CXL_DVSEC_ATTR_##attr },
	CXL_DVSEC_FIELDS(POLICY_F)
#undef POLICY_F
};

static const struct {
	const char *field;
	const char *when;
	uint8_t absent;
} conditions[] = {
#define POLICY_C(reg, name, cap_reg, cap, attr)                                                    \
	{ #reg "." #name, #cap_reg "." #cap, CXL_DVSEC_ATTR_##attr },
	CXL_DVSEC_CONDITIONS(POLICY_C)
#undef POLICY_C
};

static const char *const attribute_names[CXL_DVSEC_NR_ATTRS] = {
	[CXL_DVSEC_ATTR_RO] = "RO",	  [CXL_DVSEC_ATTR_RW] = "RW",
	[CXL_DVSEC_ATTR_RWL] = "RWL",	  [CXL_DVSEC_ATTR_RWO] = "RWO",
	[CXL_DVSEC_ATTR_RWS] = "RWS",	  [CXL_DVSEC_ATTR_RW1C] = "RW1C",
	[CXL_DVSEC_ATTR_RW1CS] = "RW1CS", [CXL_DVSEC_ATTR_RSVDP] = "RsvdP",
	[CXL_DVSEC_ATTR_RSVDZ] = "RsvdZ", [CXL_DVSEC_ATTR_HWINIT] = "HwInit",
};

const char *policy_attribute_name(unsigned int attribute)
{
	return attribute < CXL_DVSEC_NR_ATTRS ? attribute_names[attribute] : "?";
}

uint32_t policy_field_bits(unsigned int id)
{
	const struct policy_field *field = &policy_fields[id];
	unsigned int shift = policy_registers[field->reg].offset % 4 * 8;

	return CXL_DVSEC_BITS(field->hi, field->lo) << shift;
}

static int set_error(char *error, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static int set_error(char *error, int err, const char *fmt, ...)
{
	va_list args;
	char *c;

	va_start(args, fmt);
	vsnprintf(error, POLICY_ERROR_LEN, fmt, args);
	va_end(args);
	/* It may quote the file, and it is printed as one line */
	for (c = error; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	return err;
}

static bool is_reserved(unsigned int attribute)
{
	return attribute == CXL_DVSEC_ATTR_RSVDP || attribute == CXL_DVSEC_ATTR_RSVDZ;
}

static bool is_rw1c(unsigned int attribute)
{
	return attribute == CXL_DVSEC_ATTR_RW1C || attribute == CXL_DVSEC_ATTR_RW1CS;
}

static bool is_sticky(unsigned int attribute)
{
	return attribute == CXL_DVSEC_ATTR_RWS || attribute == CXL_DVSEC_ATTR_RW1CS;
}

static unsigned int action_of(unsigned int id)
{
	switch (id) {
	case CXL_DVSEC_FIELD_CONTROL2_INITIATE_CACHE_WBI:
		return POLICY_ACTION_WBI;
	case CXL_DVSEC_FIELD_CONTROL2_INITIATE_CXL_RESET:
		return POLICY_ACTION_CXL_RESET;
	default:
		return POLICY_ACTION_NONE;
	}
}

/* Results of Initiate_CXL_Reset are those of the shadow, as the reset is */
static bool is_reset_result(unsigned int id)
{
	return id == CXL_DVSEC_FIELD_STATUS2_CXL_RESET_COMPLETE ||
	       id == CXL_DVSEC_FIELD_STATUS2_CXL_RESET_ERROR;
}

/*
 * Model
 */

/* What the attribute alone says of a field */
static void model_set_attribute(struct policy_field_model *model, unsigned int attribute)
{
	model->attribute = attribute;
	model->read = POLICY_READ_HARDWARE;
	model->write = 0;
	model->action = POLICY_ACTION_NONE;
	model->value = 0;

	switch (attribute) {
	case CXL_DVSEC_ATTR_RW:
	case CXL_DVSEC_ATTR_RWL:
	case CXL_DVSEC_ATTR_RWO:
	case CXL_DVSEC_ATTR_RWS:
		model->read = POLICY_READ_SHADOW;
		model->write = POLICY_WRITE_SHADOW;
		break;
	case CXL_DVSEC_ATTR_RW1C:
	case CXL_DVSEC_ATTR_RW1CS:
		model->write = POLICY_WRITE_SHADOW;
		break;
	case CXL_DVSEC_ATTR_RSVDP:
	case CXL_DVSEC_ATTR_RSVDZ:
		model->read = POLICY_READ_VALUE;
		break;
	}
}

static void model_set_action(struct policy_field_model *model, unsigned int action)
{
	model->read = POLICY_READ_VALUE;
	model->value = 0;
	model->write = action == POLICY_ACTION_WBI ? POLICY_WRITE_HARDWARE : 0;
	model->action = action;
}

/* What the attribute says of a field, and the specification beyond it */
static void model_set_default(struct policy_field_model *model, unsigned int id,
			      unsigned int attribute)
{
	model_set_attribute(model, attribute);
	if (attribute != policy_fields[id].attribute)
		return;
	if (action_of(id))
		model_set_action(model, action_of(id));
	if (is_reset_result(id))
		model->read = POLICY_READ_SHADOW;
}

static void model_init(struct policy *policy)
{
	unsigned int id, i, cap;

	memset(policy, 0, sizeof(*policy));
	for (id = 0; id < POLICY_NR_FIELDS; id++) {
		struct policy_field_model *model = &policy->fields[id];

		model_set_default(model, id, policy_fields[id].attribute);
		model->when = POLICY_ALWAYS;
		model->absent = CXL_DVSEC_ATTR_RO;
		for (i = 0; i < ARRAY_SIZE(conditions); i++) {
			if (strcmp(conditions[i].field, policy_fields[id].name))
				continue;
			for (cap = 0; cap < POLICY_NR_FIELDS; cap++)
				if (!strcmp(conditions[i].when, policy_fields[cap].name))
					model->when = cap;
			model->absent = conditions[i].absent;
		}
	}
}

/*
 * YAML
 */

/* Numbers of enumerations count from 1, so that 0 is a key that isn't there */
struct yaml_field {
	unsigned int field;
	unsigned int attribute;
	unsigned int read;
	unsigned int *write;
	uint32_t *value;
	unsigned int action;
	unsigned int when;
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

#define WHEN_ALWAYS (POLICY_NR_FIELDS + 1)

static const cyaml_strval_t yaml_field_names[] = {
#define POLICY_F(reg, REG, name, NAME, hi, lo, attr)                                               \
	{ #reg "." #name, CXL_DVSEC_FIELD_##REG##_##NAME + 1 },
	CXL_DVSEC_FIELDS(POLICY_F)
#undef POLICY_F
};

/* clang-format off */
static const cyaml_strval_t yaml_conditions[] = {
#define POLICY_F(reg, REG, name, NAME, hi, lo, attr) \
	{ #reg "." #name, CXL_DVSEC_FIELD_##REG##_##NAME + 1 },
	CXL_DVSEC_FIELDS(POLICY_F)
#undef POLICY_F
	{ "always", WHEN_ALWAYS },
};

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
	YAML_ENUM("field", CYAML_FLAG_DEFAULT, struct yaml_field, field, yaml_field_names),
	YAML_ENUM("attribute", CYAML_FLAG_OPTIONAL, struct yaml_field, attribute, yaml_attributes),
	YAML_ENUM("read", CYAML_FLAG_OPTIONAL, struct yaml_field, read, yaml_reads),
	CYAML_FIELD_FLAGS_PTR("write", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT,
			      struct yaml_field, write, yaml_writes, ARRAY_SIZE(yaml_writes)),
	CYAML_FIELD_UINT_PTR("value", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct yaml_field,
			     value),
	YAML_ENUM("action", CYAML_FLAG_OPTIONAL, struct yaml_field, action, yaml_actions),
	YAML_ENUM("when", CYAML_FLAG_OPTIONAL, struct yaml_field, when, yaml_conditions),
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
				   VFIO_PCI_DVSEC_MAX_CLAIMS),
	CYAML_FIELD_END
};

static const cyaml_schema_value_t yaml_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct yaml_policy, yaml_policy_schema),
};

/*
 * libcyaml tells no lines but in messages of its own, reads 010 as 8 and 1z as 1,
 * and takes no notice of a second document. So the text is scanned before.
 */

/**
 * struct yaml_scan - what libcyaml doesn't tell
 * @nr_events: number of @events
 * @events: line of each event; 0: of one that ends something
 * @nr_fields: number of @fields
 * @fields: line of each key "field"
 * @nr_dvsecs: number of @dvsecs
 * @dvsecs: line of each key "vendor"
 * @name: line of the key "name"
 * @based_on: line of the key "based-on"
 */
struct yaml_scan {
	unsigned int nr_events;
	unsigned int *events;
	unsigned int nr_fields;
	unsigned int fields[VFIO_PCI_DVSEC_MAX_CLAIMS * POLICY_NR_FIELDS];
	unsigned int nr_dvsecs;
	unsigned int dvsecs[VFIO_PCI_DVSEC_MAX_CLAIMS];
	unsigned int name;
	unsigned int based_on;
};

#define SCAN_MAX_DEPTH	8
#define SCAN_MAX_EVENTS 65536

static bool is_number(const char *text)
{
	if (!strncmp(text, "0x", 2))
		return text[2] && !text[2 + strspn(text + 2, "0123456789abcdefABCDEF")];
	if (text[0] == '0')
		return !text[1];
	return text[0] && !text[strspn(text, "0123456789")];
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
	unsigned int line = event->start_mark.line + 1;

	if ((!strcmp(key, "value") || !strcmp(key, "vendor") || !strcmp(key, "id")) &&
	    !is_number(value))
		return set_error(error, -EINVAL,
				 "%s:%u: %s: '%s' is no number, write it as 10 or 0xa", origin,
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
			return set_error(error, -EINVAL, "%s:%zu: %s", origin,
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
			err = set_error(error, -EINVAL, "%s:%u: more than a policy can hold",
					origin, line);

		if (event.type == YAML_STREAM_END_EVENT)
			end = true;
		else if (event.type == YAML_DOCUMENT_START_EVENT && ++documents > 1)
			err = set_error(error, -EINVAL, "%s:%u: a second document", origin, line);
		else if (event.type == YAML_ALIAS_EVENT)
			err = set_error(error, -EINVAL, "%s:%u: an alias", origin, line);
		else if (opens && depth && stack[depth - 1].mapping && !stack[depth - 1].value)
			err = set_error(error, -EINVAL, "%s:%u: a key that is no text", origin,
					line);
		else if (opens && depth == SCAN_MAX_DEPTH)
			err = set_error(error, -EINVAL, "%s:%u: too deep", origin, line);
		else if (closes && depth)
			depth--;

		if (!err && event.type == YAML_SCALAR_EVENT) {
			const char *text = (const char *)event.data.scalar.value;

			if (event.data.scalar.tag)
				err = set_error(error, -EINVAL, "%s:%u: a tag", origin, line);
			else if (strlen(text) != event.data.scalar.length)
				err = set_error(error, -EINVAL, "%s:%u: a NUL in a text", origin,
						line);
			else if (depth && stack[depth - 1].mapping && !stack[depth - 1].value)
				snprintf(key, sizeof(key), "%s", text);
			else if (depth && stack[depth - 1].mapping)
				err = scan_value(scan, key, &event, origin, error);
		}
		/* Keys and values take turns */
		if ((event.type == YAML_SCALAR_EVENT || opens) && depth && !err)
			stack[depth - 1].value = !stack[depth - 1].value;
		if (opens && !err) {
			stack[depth].mapping = event.type == YAML_MAPPING_START_EVENT;
			stack[depth].value = false;
			depth++;
		}
		yaml_event_delete(&event);
	}
	return err;
}

static int scan_text(struct yaml_scan *scan, const char *text, size_t size, const char *origin,
		     char *error)
{
	yaml_parser_t parser;
	int err;

	memset(scan, 0, sizeof(*scan));
	scan->events = calloc(SCAN_MAX_EVENTS, sizeof(*scan->events));
	if (!scan->events || !yaml_parser_initialize(&parser)) {
		free(scan->events);
		return set_error(error, -ENOMEM, "%s: out of memory", origin);
	}
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, size);
	err = scan_events(scan, &parser, origin, error);
	yaml_parser_delete(&parser);
	if (err)
		free(scan->events);
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

static int yaml_load(const char *text, size_t size, const char *origin,
		     const struct yaml_scan *scan, struct yaml_policy **yaml, char *error)
{
	struct yaml_log log = { .scan = scan };
	cyaml_config_t config = yaml_config;
	cyaml_err_t ret;

	*yaml = NULL;
	config.log_ctx = &log;
	ret = cyaml_load_data((const uint8_t *)text, size, &config, &yaml_schema,
			      (cyaml_data_t **)yaml, NULL);
	if (ret == CYAML_ERR_OOM)
		return set_error(error, -ENOMEM, "%s: out of memory", origin);
	if (ret != CYAML_OK)
		return set_error(error, -EINVAL, "%s:%u: %s", origin, log.line ? log.line : 1,
				 log.cause[0] ? log.cause : cyaml_strerror(ret));
	if (!*yaml)
		return set_error(error, -EINVAL, "%s:1: the policy is empty", origin);
	return 0;
}

static int apply_field(struct policy *policy, const struct yaml_field *yaml, const char *where,
		       char *error)
{
	unsigned int id = yaml->field - 1;
	const struct policy_field *field = &policy_fields[id];
	struct policy_field_model *model = &policy->fields[id];
	bool to_shadow, to_hardware;

	if (yaml->attribute)
		model_set_default(model, id, yaml->attribute - 1);
	if (yaml->action) {
		if (action_of(id) == POLICY_ACTION_NONE ||
		    (yaml->action - 1 != POLICY_ACTION_NONE && yaml->action - 1 != action_of(id)))
			return set_error(error, -EINVAL, "%s: %s: no such action of it", where,
					 field->name);
		model_set_action(model, yaml->action - 1);
	}
	if (yaml->value) {
		if (*yaml->value & ~(CXL_DVSEC_BITS(field->hi, field->lo) >> field->lo))
			return set_error(error, -EINVAL, "%s: %s: %u doesn't fit in %u bit%s",
					 where, field->name, *yaml->value,
					 field->hi - field->lo + 1,
					 field->hi == field->lo ? "" : "s");
		model->value = *yaml->value;
		if (model->read == POLICY_READ_HARDWARE)
			model->read = POLICY_READ_VALUE;
	}
	if (yaml->read) {
		if (yaml->read - 1 == POLICY_READ_HARDWARE && yaml->value)
			return set_error(error, -EINVAL,
					 "%s: %s: a value, but read from the hardware", where,
					 field->name);
		if (yaml->read - 1 == POLICY_READ_VALUE && !yaml->value)
			return set_error(error, -EINVAL, "%s: %s: read: value without value", where,
					 field->name);
		model->read = yaml->read - 1;
	}
	if (yaml->write)
		model->write = *yaml->write;
	if (yaml->when) {
		const struct policy_field *cap = &policy_fields[yaml->when - 1];

		model->when = POLICY_ALWAYS;
		if (yaml->when != WHEN_ALWAYS) {
			if (cap->hi != cap->lo || is_reserved(cap->attribute))
				return set_error(
					error, -EINVAL,
					"%s: %s: %s can't be a condition, it isn't one bit", where,
					field->name, cap->name);
			model->when = yaml->when - 1;
		}
	}

	to_shadow = model->write & POLICY_WRITE_SHADOW;
	to_hardware = model->write & POLICY_WRITE_HARDWARE;
	if (model->action != POLICY_ACTION_NONE &&
	    (model->read != POLICY_READ_VALUE || model->value || to_shadow ||
	     to_hardware != (model->action == POLICY_ACTION_WBI)))
		return set_error(error, -EINVAL, "%s: %s: an action fixes what is read and written",
				 where, field->name);
	if (is_reserved(model->attribute) &&
	    (model->read != POLICY_READ_VALUE || model->value || model->write))
		return set_error(error, -EINVAL, "%s: %s: %s, so it reads 0 and isn't written",
				 where, field->name, policy_attribute_name(model->attribute));
	if (is_rw1c(model->attribute)) {
		if (model->write && model->read != POLICY_READ_HARDWARE)
			return set_error(error, -EINVAL,
					 "%s: %s: %s can only be cleared if read from the hardware",
					 where, field->name,
					 policy_attribute_name(model->attribute));
		if (to_shadow && to_hardware)
			return set_error(
				error, -EINVAL,
				"%s: %s: cleared in the shadow or in the hardware, not in both",
				where, field->name);
	} else if (model->action == POLICY_ACTION_NONE && model->write) {
		if (model->attribute == CXL_DVSEC_ATTR_RO ||
		    model->attribute == CXL_DVSEC_ATTR_HWINIT)
			return set_error(error, -EINVAL, "%s: %s: %s, so it isn't written", where,
					 field->name, policy_attribute_name(model->attribute));
		if (to_shadow != (model->read == POLICY_READ_SHADOW))
			return set_error(error, -EINVAL, "%s: %s: a write must reach what is read",
					 where, field->name);
		if (to_hardware && (model->attribute == CXL_DVSEC_ATTR_RWL ||
				    model->attribute == CXL_DVSEC_ATTR_RWO))
			return set_error(error, -EINVAL,
					 "%s: %s: %s stays in the shadow, as the lock does", where,
					 field->name, policy_attribute_name(model->attribute));
	}
	return 0;
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

static int claim_dvsec(struct policy *policy, const struct yaml_dvsec *yaml, const char *where,
		       char *error)
{
	unsigned int i;

	for (i = 0; i < policy->nr_dvsecs; i++)
		if (policy->dvsecs[i].vendor == yaml->vendor && policy->dvsecs[i].id == yaml->id)
			return 0;
	if (i == VFIO_PCI_DVSEC_MAX_CLAIMS)
		return set_error(error, -E2BIG, "%s: more than %u kinds of DVSECs", where,
				 VFIO_PCI_DVSEC_MAX_CLAIMS);
	policy->dvsecs[i].vendor = yaml->vendor;
	policy->dvsecs[i].id = yaml->id;
	policy->nr_dvsecs++;
	return 0;
}

static int apply_dvsecs(struct policy *policy, const struct yaml_policy *yaml,
			const struct yaml_scan *scan, const char *origin, char *error)
{
	uint8_t seen[POLICY_NR_FIELDS] = {};
	unsigned int i, j, nr = 0;
	char where[512];
	int err;

	for (i = 0; i < yaml->nr_dvsecs; i++) {
		const struct yaml_dvsec *dvsec = &yaml->dvsecs[i];

		at(where, sizeof(where), origin, scan->dvsecs[i]);
		for (j = 0; j < i; j++)
			if (dvsec->vendor == yaml->dvsecs[j].vendor &&
			    dvsec->id == yaml->dvsecs[j].id)
				return set_error(error, -EINVAL, "%s: DVSEC %#x:%u: named twice",
						 where, dvsec->vendor, dvsec->id);
		err = claim_dvsec(policy, dvsec, where, error);
		if (err)
			return err;
		if (dvsec->nr_fields &&
		    (dvsec->vendor != CXL_DVSEC_VENDOR_ID || dvsec->id != CXL_DVSEC_ID_DEVICE))
			return set_error(error, -EINVAL, "%s: no fields are known of DVSEC %#x:%u",
					 where, dvsec->vendor, dvsec->id);
		if (dvsec->nr_fields && policy->access == POLICY_ACCESS_PASSTHROUGH)
			return set_error(error, -EINVAL, "%s: fields, but access is passthrough",
					 where);
		for (j = 0; j < dvsec->nr_fields; j++, nr++) {
			unsigned int id = dvsec->fields[j].field - 1;

			at(where, sizeof(where), origin,
			   nr < scan->nr_fields ? scan->fields[nr] : 0);
			if (seen[id]++)
				return set_error(error, -EINVAL, "%s: %s: named twice", where,
						 policy_fields[id].name);
			err = apply_field(policy, &dvsec->fields[j], where, error);
			if (err)
				return err;
		}
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
		return set_error(error, -EINVAL,
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
	unsigned int i;

	if (policy->access == POLICY_ACCESS_PASSTHROUGH)
		return 0;
	if (fields[CXL_DVSEC_FIELD_CONTROL2_INITIATE_CACHE_WBI].action &&
	    fields[CXL_DVSEC_FIELD_CONTROL2_DISABLE_CACHING].read != POLICY_READ_SHADOW)
		return set_error(
			error, -EINVAL,
			"%s: initiate-cache-wbi needs control2.disable_caching in the shadow",
			where);
	for (i = 0; i < ARRAY_SIZE(results); i++)
		if (fields[CXL_DVSEC_FIELD_CONTROL2_INITIATE_CXL_RESET].action &&
		    fields[results[i]].read != POLICY_READ_SHADOW)
			return set_error(error, -EINVAL,
					 "%s: initiate-cxl-reset needs %s in the shadow", where,
					 policy_fields[results[i]].name);
	return 0;
}

static int load_spec(const char *spec, const char *from, unsigned int depth, struct policy *policy,
		     char *error);

static int parse(const char *text, size_t size, const char *origin, unsigned int depth,
		 struct policy *policy, char *error)
{
	struct yaml_policy *yaml = NULL;
	struct yaml_scan scan;
	char where[512];
	int err;

	err = scan_text(&scan, text, size, origin, error);
	if (err)
		return err;
	err = yaml_load(text, size, origin, &scan, &yaml, error);
	if (err)
		goto out;

	err = check_name(yaml->name, at(where, sizeof(where), origin, scan.name), error);
	if (err)
		goto out;
	if (yaml->based_on) {
		at(where, sizeof(where), origin, scan.based_on);
		if (depth >= POLICY_MAX_DEPTH) {
			err = set_error(error, -EINVAL,
					"%s: based on itself, or on more than %u others", where,
					POLICY_MAX_DEPTH);
			goto out;
		}
		err = load_spec(yaml->based_on, origin, depth + 1, policy, error);
		if (err == -ENOENT)
			err = set_error(error, -EINVAL, "%s: there is no policy '%s'", where,
					yaml->based_on);
		if (err)
			goto out;
	} else {
		model_init(policy);
	}

	snprintf(policy->name, sizeof(policy->name), "%s", yaml->name);
	snprintf(policy->description, sizeof(policy->description), "%s",
		 yaml->description ? yaml->description : "");
	if (yaml->access)
		policy->access = yaml->access - 1;
	if (yaml->cxl_reset)
		policy->reset_action = yaml->cxl_reset - 1;
	err = apply_dvsecs(policy, yaml, &scan, origin, error);
	if (!err)
		err = check_policy(policy, origin, error);
out:
	if (yaml)
		cyaml_free(&yaml_config, &yaml_schema, yaml, 0);
	free(scan.events);
	return err;
}

int policy_parse(const char *text, size_t size, const char *origin, struct policy *policy,
		 char *error)
{
	return parse(text, size, origin, 0, policy, error);
}

/*
 * Files
 */

bool policy_is_file(const char *spec)
{
	size_t len = strlen(spec);

	return strchr(spec, '/') || (len > 5 && !strcmp(spec + len - 5, ".yaml"));
}

static int load_file(const char *path, unsigned int depth, struct policy *policy, char *error)
{
	char *text = NULL;
	size_t size = 0;
	ssize_t ret;
	int fd, err;
	struct stat st;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return set_error(error, -errno, "%s: %s", path, strerror(errno));

	if (fstat(fd, &st)) {
		err = set_error(error, -errno, "%s: %s", path, strerror(errno));
		goto out;
	}
	if (!S_ISREG(st.st_mode) && !S_ISFIFO(st.st_mode)) {
		err = set_error(error, -EINVAL, "%s: not a file", path);
		goto out;
	}
	text = malloc(POLICY_MAX_SIZE + 1);
	if (!text) {
		err = set_error(error, -ENOMEM, "%s: out of memory", path);
		goto out;
	}
	do {
		ret = read(fd, text + size, POLICY_MAX_SIZE + 1 - size);
		if (ret < 0 && errno != EINTR) {
			err = set_error(error, -errno, "%s: %s", path, strerror(errno));
			goto out;
		}
		if (ret > 0)
			size += ret;
	} while (ret && size <= POLICY_MAX_SIZE);
	if (size > POLICY_MAX_SIZE)
		err = set_error(error, -EINVAL, "%s: larger than 1 MiB", path);
	else
		err = parse(text, size, path, depth, policy, error);
out:
	free(text);
	close(fd);
	return err;
}

/* Call @fn for each folder of policies until it returns non-zero */
static int for_each_dir(int (*fn)(const char *dir, void *arg), void *arg)
{
	static const char *const dirs[] = {
		"/etc/cxl-policy/policies",
		"/usr/share/cxl-policy/policies",
	};
	char *env = getenv(POLICY_DIR_ENV), *copy, *dir, *rest;
	unsigned int i;
	int ret = 0;

	if (env) {
		copy = strdup(env);
		if (!copy)
			return -ENOMEM;
		for (dir = strtok_r(copy, ":", &rest); dir && !ret;
		     dir = strtok_r(NULL, ":", &rest))
			ret = fn(dir, arg);
		free(copy);
	}
	for (i = 0; i < ARRAY_SIZE(dirs) && !ret; i++)
		ret = fn(dirs[i], arg);
	return ret;
}

struct find_arg {
	const char *name;
	char *path;
};

static int find_file(const char *dir, void *arg)
{
	struct find_arg *find = arg;

	if (asprintf(&find->path, "%s/%s.yaml", dir, find->name) < 0) {
		find->path = NULL;
		return -ENOMEM;
	}
	if (!access(find->path, F_OK))
		return 1;
	free(find->path);
	find->path = NULL;
	return 0;
}

static int load_name(const char *name, unsigned int depth, struct policy *policy, char *error)
{
	struct find_arg find = { .name = name };
	char origin[CXL_POLICY_NAME_LEN + 16];
	const struct policy_text *text;
	int ret;

	ret = for_each_dir(find_file, &find);
	if (ret < 0)
		return set_error(error, ret, "out of memory");
	if (ret) {
		ret = load_file(find.path, depth, policy, error);
		free(find.path);
		return ret;
	}
	for (text = policy_embedded; text->name; text++)
		if (!strcmp(text->name, name)) {
			snprintf(origin, sizeof(origin), "%s (built in)", name);
			return parse(text->text, strlen(text->text), origin, depth, policy, error);
		}
	return set_error(error, -ENOENT, "no policy '%s'", name);
}

static int load_spec(const char *spec, const char *from, unsigned int depth, struct policy *policy,
		     char *error)
{
	char *copy, *path;
	int err;

	if (!policy_is_file(spec))
		return load_name(spec, depth, policy, error);
	if (!from || spec[0] == '/')
		return load_file(spec, depth, policy, error);

	copy = strdup(from);
	if (!copy || asprintf(&path, "%s/%s", dirname(copy), spec) < 0) {
		free(copy);
		return set_error(error, -ENOMEM, "%s: out of memory", from);
	}
	err = load_file(path, depth, policy, error);
	free(path);
	free(copy);
	return err;
}

int policy_load(const char *spec, struct policy *policy, char *error)
{
	return load_spec(spec, NULL, 0, policy, error);
}

struct names_arg {
	void (*fn)(const char *name, void *arg);
	void *arg;
	unsigned int nr;
	char names[64][CXL_POLICY_NAME_LEN];
};

static void add_name(struct names_arg *names, const char *name)
{
	unsigned int i;

	for (i = 0; i < names->nr; i++)
		if (!strcmp(names->names[i], name))
			return;
	if (names->nr == ARRAY_SIZE(names->names))
		return;
	snprintf(names->names[names->nr++], CXL_POLICY_NAME_LEN, "%s", name);
	names->fn(name, names->arg);
}

static int list_dir(const char *dir, void *arg)
{
	struct dirent *entry;
	DIR *d = opendir(dir);

	while (d && (entry = readdir(d))) {
		char *dot = strrchr(entry->d_name, '.');

		if (!dot || dot == entry->d_name || strcmp(dot, ".yaml") ||
		    dot - entry->d_name >= CXL_POLICY_NAME_LEN)
			continue;
		*dot = '\0';
		add_name(arg, entry->d_name);
	}
	if (d)
		closedir(d);
	return 0;
}

void policy_for_each_name(void (*fn)(const char *name, void *arg), void *arg)
{
	struct names_arg names = { .fn = fn, .arg = arg };
	const struct policy_text *text;

	for (text = policy_embedded; text->name; text++)
		add_name(&names, text->name);
	for_each_dir(list_dir, &names);
}

/*
 * Tables
 */

static uint32_t field_value(unsigned int id, uint32_t value)
{
	const struct policy_field *field = &policy_fields[id];

	return value << (policy_registers[field->reg].offset % 4 * 8 + field->lo);
}

static int add_condition(struct cxl_rule *rule, unsigned int id,
			 const struct policy_field_model *model)
{
	bool reserved = is_reserved(model->absent);
	uint32_t cap_mask = policy_field_bits(model->when);
	uint16_t cap_rule = RULE_OF(policy_fields[model->when].reg);
	struct cxl_cond *cond;
	unsigned int i;

	for (i = 0; i < rule->nr_conds; i++) {
		cond = &rule->conds[i];
		if (cond->cap_mask == cap_mask && cond->cap_rule == cap_rule &&
		    cond->reserved == reserved)
			break;
	}
	if (i == CXL_POLICY_MAX_CONDS)
		return -E2BIG;
	cond = &rule->conds[i];
	cond->bits |= policy_field_bits(id);
	cond->cap_mask = cap_mask;
	cond->cap_rule = cap_rule;
	cond->reserved = reserved;
	if (i == rule->nr_conds)
		rule->nr_conds++;
	return 0;
}

/* A register that tells what happened: writing 0 to any bit of it means nothing */
static bool is_status_register(unsigned int reg)
{
	unsigned int id;

	for (id = 0; id < POLICY_NR_FIELDS; id++)
		if (policy_fields[id].reg == reg &&
		    (policy_fields[id].attribute == CXL_DVSEC_ATTR_RSVDZ ||
		     is_rw1c(policy_fields[id].attribute)))
			return true;
	return false;
}

static int compile_field(struct cxl_rule *rule, unsigned int id,
			 const struct policy_field_model *model)
{
	uint32_t bits = policy_field_bits(id);

	switch (model->read) {
	case POLICY_READ_HARDWARE:
		rule->hw |= bits;
		break;
	case POLICY_READ_SHADOW:
		rule->shadow |= bits;
		/* fall through */
	case POLICY_READ_VALUE:
		rule->value |= field_value(id, model->value);
		break;
	}

	if (is_reserved(model->attribute))
		rule->reserved |= bits;
	if (is_sticky(model->attribute))
		rule->sticky |= bits;
	if (is_rw1c(model->attribute)) {
		if (model->write & POLICY_WRITE_SHADOW)
			rule->write |= bits;
		/* What was acknowledged stays so, even if no more can be */
		if (model->read == POLICY_READ_HARDWARE && !(model->write & POLICY_WRITE_HARDWARE))
			rule->ack |= bits;
		if (model->write & POLICY_WRITE_HARDWARE)
			rule->fwd1 |= bits;
	} else if (model->action == POLICY_ACTION_WBI) {
		rule->wbi |= bits;
		rule->wbi_gate |= policy_field_bits(CXL_DVSEC_FIELD_CONTROL2_DISABLE_CACHING);
		rule->undo |= bits;
	} else if (model->action == POLICY_ACTION_CXL_RESET) {
		rule->reset |= bits;
		rule->reset_complete |=
			policy_field_bits(CXL_DVSEC_FIELD_STATUS2_CXL_RESET_COMPLETE);
		rule->reset_error |= policy_field_bits(CXL_DVSEC_FIELD_STATUS2_CXL_RESET_ERROR);
	} else {
		if (model->write & POLICY_WRITE_SHADOW) {
			if (model->attribute == CXL_DVSEC_ATTR_RWO)
				rule->once |= bits;
			else
				rule->write |= bits;
			if (model->attribute == CXL_DVSEC_ATTR_RWL)
				rule->lock |= bits;
		}
		if (model->write & POLICY_WRITE_HARDWARE) {
			rule->fwd |= bits;
			rule->undo |= bits;
		}
	}

	if (model->when != POLICY_ALWAYS)
		return add_condition(rule, id, model);
	return 0;
}

/* What the device makes of writes, whatever the policy */
static void compile_side_effects(struct cxl_rule *rule, unsigned int id,
				 const struct policy_field_model *model)
{
	const struct policy_field *field = &policy_fields[id];
	uint32_t bits = policy_field_bits(id);

	if (is_rw1c(field->attribute) || is_rw1c(model->attribute) || action_of(id)) {
		rule->zero |= bits;
		rule->w1 |= bits;
	}
	if (field->attribute == CXL_DVSEC_ATTR_RSVDZ)
		rule->zero |= bits;
	if (field->attribute == CXL_DVSEC_ATTR_RO && is_status_register(field->reg))
		rule->w1 |= bits;
}

static void compile_passthrough(struct cxl_rule *rules)
{
	unsigned int id, i;

	for (i = 0; i < POLICY_NR_RULES; i++) {
		rules[i].hw = ~0U;
		rules[i].fwd = ~0U;
	}
	for (id = 0; id < POLICY_NR_FIELDS; id++) {
		struct cxl_rule *rule = &rules[RULE_OF(policy_fields[id].reg)];

		if (action_of(id))
			rule->zero |= policy_field_bits(id);
		switch (policy_fields[id].attribute) {
		case CXL_DVSEC_ATTR_RW:
		case CXL_DVSEC_ATTR_RWL:
		case CXL_DVSEC_ATTR_RWS:
		case CXL_DVSEC_ATTR_RWO:
			rule->undo |= policy_field_bits(id);
			break;
		case CXL_DVSEC_ATTR_RW1C:
		case CXL_DVSEC_ATTR_RW1CS:
		case CXL_DVSEC_ATTR_RSVDZ:
			/* Must not be written back as they are when others are undone */
			rule->zero |= policy_field_bits(id);
			break;
		}
	}
}

static void compile_read_only(struct cxl_rule *rule)
{
	rule->write = 0;
	rule->lock = 0;
	rule->once = 0;
	rule->fwd = 0;
	rule->fwd1 = 0;
	rule->undo = 0;
	rule->wbi = 0;
	rule->wbi_gate = 0;
	rule->reset = 0;
	rule->reset_complete = 0;
	rule->reset_error = 0;
}

static int add_claim(struct policy_image *image, uint16_t vendor, uint16_t id, char *error)
{
	unsigned int i;

	for (i = 0; i < image->nr_claims; i++)
		if (image->claims[i].vendor == vendor && image->claims[i].id == id)
			return 0;
	if (i == VFIO_PCI_DVSEC_MAX_CLAIMS)
		return set_error(error, -E2BIG, "more than %u kinds of DVSECs, CXL's included",
				 VFIO_PCI_DVSEC_MAX_CLAIMS);
	image->claims[i].vendor = vendor;
	image->claims[i].id = id;
	image->nr_claims++;
	return 0;
}

/* A list of claims takes the place of "all of CXL", so it has to hold those too */
static int compile_claims(const struct policy *policy, struct policy_image *image, char *error)
{
	static const uint8_t cxl_ids[] = {
		CXL_DVSEC_ID_DEVICE,	       CXL_DVSEC_ID_FUNCTION_MAP, CXL_DVSEC_ID_PORT,
		CXL_DVSEC_ID_PORT_GPF,	       CXL_DVSEC_ID_DEVICE_GPF,	  CXL_DVSEC_ID_FLEXBUS_PORT,
		CXL_DVSEC_ID_REGISTER_LOCATOR, CXL_DVSEC_ID_MLD,	  CXL_DVSEC_ID_TEST,
	};
	bool others = false;
	unsigned int i;
	int err = 0;

	for (i = 0; i < policy->nr_dvsecs; i++)
		others |= policy->dvsecs[i].vendor != CXL_DVSEC_VENDOR_ID;
	if (!others)
		return 0;
	for (i = 0; i < ARRAY_SIZE(cxl_ids) && !err; i++)
		err = add_claim(image, CXL_DVSEC_VENDOR_ID, cxl_ids[i], error);
	for (i = 0; i < policy->nr_dvsecs && !err; i++)
		err = add_claim(image, policy->dvsecs[i].vendor, policy->dvsecs[i].id, error);
	return err;
}

int policy_compile(const struct policy *policy, struct policy_image *image, char *error)
{
	const unsigned int lock = CXL_DVSEC_FIELD_LOCK_CONFIG_LOCK;
	struct cxl_policy *table = &image->table;
	struct cxl_policy_dvsec *dvsec = &table->dvsecs[0];
	uint32_t known[POLICY_NR_RULES] = {};
	struct cxl_rule *rules = table->rules;
	unsigned int id, i;
	int err;

	memset(image, 0, sizeof(*image));
	table->abi_version = CXL_POLICY_ABI_VERSION;
	memcpy(table->name, policy->name, sizeof(table->name));
	table->nr_dvsecs = 1;
	table->nr_rules = POLICY_NR_RULES;
	dvsec->vendor = CXL_DVSEC_VENDOR_ID;
	dvsec->id = CXL_DVSEC_ID_DEVICE;
	dvsec->nr_rules = POLICY_NR_RULES;
	dvsec->lock_rule = RULE_OF(CXL_DVSEC_REG_LOCK);
	dvsec->reset_action = policy->reset_action;

	err = compile_claims(policy, image, error);
	if (err)
		return err;

	if (policy->access == POLICY_ACCESS_PASSTHROUGH) {
		table->flags = CXL_POLICY_RAW | CXL_POLICY_RECORD;
		compile_passthrough(rules);
		return 0;
	}

	for (id = 0; id < POLICY_NR_FIELDS; id++) {
		i = RULE_OF(policy_fields[id].reg);
		known[i] |= policy_field_bits(id);
		err = compile_field(&rules[i], id, &policy->fields[id]);
		if (err)
			return set_error(error, err,
					 "policy %s: %s: more than %u conditions in one dword",
					 policy->name, policy_fields[id].name,
					 CXL_POLICY_MAX_CONDS);
		compile_side_effects(&rules[i], id, &policy->fields[id]);
	}
	for (i = 0; i < POLICY_NR_RULES; i++)
		rules[i].hw |= ~known[i];
	if (policy->fields[lock].read == POLICY_READ_SHADOW)
		dvsec->lock_mask = policy_field_bits(lock);

	if (policy->access == POLICY_ACCESS_READ_ONLY)
		for (i = 0; i < POLICY_NR_RULES; i++)
			compile_read_only(&rules[i]);
	return 0;
}
