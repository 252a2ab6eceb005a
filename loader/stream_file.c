// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "output.h"
#include "stream_file.h"

/* A seed of all dwords has room in it */
#define MAX_LINE (256 * 1024)
#define MAX_KEYS 32
/* Objects in arrays in the object */
#define MAX_DEPTH 4

const struct stream_event_name stream_event_names[] = {
	{ CXL_EVENT_REFUSED, "refused" },
	{ CXL_EVENT_LOCKED, "locked" },
	{ CXL_EVENT_WBI_DROPPED, "wbi-dropped" },
	{ CXL_EVENT_RESET_DROPPED, "reset-dropped" },
	{ CXL_EVENT_RESET_REJECTED, "reset-rejected" },
	{ CXL_EVENT_RESET_EMULATED, "reset-emulated" },
	{ CXL_EVENT_FORWARDED, "forwarded" },
	{ 0, NULL },
};

static const char *const verdicts[] = {
	[VFIO_PCI_DVSEC_INVALID] = "invalid",
	[VFIO_PCI_DVSEC_DONE] = "done",
	[VFIO_PCI_DVSEC_DENIED] = "denied",
};

#define NR_VERDICTS (sizeof(verdicts) / sizeof(verdicts[0]))

static const char *const ops[] = {
	[CXL_CALL_OPENED] = "opened", [CXL_CALL_CLOSED] = "closed", [CXL_CALL_RESET] = "reset",
	[CXL_CALL_READ] = "read",     [CXL_CALL_WRITE] = "write",
};

#define NR_OPS (sizeof(ops) / sizeof(ops[0]))

const char *stream_verdict_name(int verdict)
{
	return verdicts[verdict > 0 && verdict < (int)NR_VERDICTS ? verdict : 0];
}

/*
 * Writing
 */

static void add_int(struct json_object *object, const char *key, int64_t value)
{
	output_add(object, key, json_object_new_int64(value));
}

static void add_state(struct json_object *object, const char *policy,
		      const struct cxl_shadow *shadow, const uint32_t *hw)
{
	struct json_object *dwords = json_object_new_array(), *dword;
	unsigned int i;

	for (i = 0; shadow && i < CXL_SHADOW_DWORDS; i++) {
		const struct cxl_shadow_dword *d = &shadow->dwords[i];

		if (!d->value && !d->valid && !hw[i])
			continue;
		dword = json_object_new_object();
		add_int(dword, "position", i * 4);
		output_add(dword, "value", output_hex(d->value, 4));
		output_add(dword, "valid", output_hex(d->valid, 4));
		output_add(dword, "hw", output_hex(hw[i], 4));
		json_object_array_add(dwords, dword);
	}
	output_add(object, "policy", output_string(policy));
	output_add(object, "open_id", shadow ? json_object_new_uint64(shadow->open_id) : NULL);
	output_add(object, "dwords", dwords);
}

static void add_dvsecs(struct json_object *array, const struct device_dvsec *dvsecs,
		       unsigned int nr)
{
	struct json_object *dvsec;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		dvsec = json_object_new_object();
		output_add(dvsec, "vendor", output_hex(dvsecs[i].vendor, 2));
		add_int(dvsec, "id", dvsecs[i].id);
		add_int(dvsec, "start", dvsecs[i].offset);
		add_int(dvsec, "revision", dvsecs[i].revision);
		add_int(dvsec, "length", dvsecs[i].length);
		json_object_array_add(array, dvsec);
	}
}

struct json_object *stream_file_header(const struct device *device, const char *policy,
				       const struct cxl_shadow *shadow, const uint32_t *hw)
{
	struct json_object *object = json_object_new_object(), *dvsecs = json_object_new_array();

	add_dvsecs(dvsecs, device->dvsecs, device->nr_dvsecs);
	add_dvsecs(dvsecs, device->others, device->nr_others);
	output_add(object, "format", output_string(STREAM_FILE_FORMAT));
	add_int(object, "version", STREAM_FILE_VERSION);
	output_add(object, "device", output_string(device->name));
	output_add(object, "dvsecs", dvsecs);
	add_state(object, policy, shadow, hw);
	return object;
}

struct json_object *stream_file_seed(const char *time, const char *policy,
				     const struct cxl_shadow *shadow, const uint32_t *hw)
{
	struct json_object *object = json_object_new_object();

	output_add(object, "op", output_string("seed"));
	output_add(object, "time", output_string(time));
	add_state(object, policy, shadow, hw);
	return object;
}

struct json_object *stream_file_lost(const char *time)
{
	struct json_object *object = json_object_new_object();

	output_add(object, "op", output_string("lost"));
	output_add(object, "time", output_string(time));
	return object;
}

static struct json_object *new_call(const char *time, const struct cxl_call *call)
{
	struct json_object *object = json_object_new_object();

	output_add(object, "op", output_string(ops[call->op]));
	output_add(object, "time", output_string(time));
	output_add(object, "vendor", output_hex(call->vendor, 2));
	add_int(object, "id", call->id);
	add_int(object, "start", call->start);
	add_int(object, "length", call->length);
	add_int(object, "covered", call->covered);
	return object;
}

struct json_object *stream_file_told(const char *time, const struct cxl_call *call)
{
	struct json_object *object = new_call(time, call);

	output_add(object, "open_id", json_object_new_uint64(call->open_id));
	if (call->op == CXL_CALL_CLOSED)
		return object;
	add_int(object, "offset", call->offset);
	output_add(object, "hw", output_hex(call->value, 4));
	if (call->op == CXL_CALL_RESET)
		output_add(object, "kind",
			   output_string(call->kind & VFIO_PCI_DVSEC_RESET_CONVENTIONAL
						 ? "conventional"
						 : "function"));
	return object;
}

struct json_object *stream_file_access(const char *time, const struct stream_access *access)
{
	const struct stream_answer *answer = &access->in_force;
	struct json_object *object = new_call(time, &access->call), *events;
	const struct stream_event_name *event;
	unsigned int size = access->call.size;
	bool is_read = access->call.op == CXL_CALL_READ;

	add_int(object, "offset", access->call.offset);
	add_int(object, "size", size);
	output_add(object, "value", output_hex(is_read ? answer->value : access->call.value, size));
	output_add(object, "verdict", output_string(stream_verdict_name(answer->verdict)));
	output_add(object, "hw_known", output_hex(access->hw_known, size));
	output_add(object, "hw", output_hex(access->hw & access->hw_known, size));
	if (is_read) {
		output_add(object, "from_hardware", output_hex(answer->out.hw_mask, size));
		return object;
	}
	output_add(object, "refused", output_hex(answer->out.refused, size));
	output_add(object, "forwarded", output_hex(answer->out.hw_write, size));
	output_add(object, "forwarded_value",
		   output_hex(answer->out.hw_value & answer->out.hw_write, size));
	output_add(object, "kept", output_hex(answer->out.hw_keep, size));
	output_add(object, "undo", output_hex(answer->out.hw_undo, size));
	events = json_object_new_array();
	for (event = stream_event_names; event->name; event++)
		if (answer->out.flags & event->flag)
			json_object_array_add(events, output_string(event->name));
	output_add(object, "events", events);
	return object;
}

/*
 * Reading. What is wrong first is noted in the reader, and makes all that follows
 * give 0, so that it is looked at but once.
 */

struct reader {
	struct json_object *object;
	const char *keys[MAX_KEYS];
	unsigned int nr_keys;
	char *error;
};

#define ERROR_LEN 160

static void __attribute__((format(printf, 2, 3)))
complain(struct reader *reader, const char *fmt, ...)
{
	va_list args;

	if (reader->error[0])
		return;
	va_start(args, fmt);
	vsnprintf(reader->error, ERROR_LEN, fmt, args);
	va_end(args);
}

static struct json_object *get(struct reader *reader, const char *key, enum json_type type)
{
	struct json_object *value;

	if (reader->nr_keys < MAX_KEYS)
		reader->keys[reader->nr_keys++] = key;
	if (!json_object_object_get_ex(reader->object, key, &value)) {
		complain(reader, "there is no '%s'", key);
		return NULL;
	}
	if (!json_object_is_type(value, type)) {
		complain(reader, "'%s' isn't %s", key,
			 type == json_type_int	    ? "a whole number"
			 : type == json_type_string ? "a string"
			 : type == json_type_array  ? "an array"
						    : "null");
		return NULL;
	}
	return value;
}

static uint64_t get_int(struct reader *reader, const char *key, uint64_t max)
{
	struct json_object *value = get(reader, key, json_type_int);

	if (!value)
		return 0;
	if (json_object_get_int64(value) < 0 || json_object_get_uint64(value) > max) {
		complain(reader, "'%s' is out of range", key);
		return 0;
	}
	return json_object_get_uint64(value);
}

static const char *get_string(struct reader *reader, const char *key)
{
	struct json_object *value = get(reader, key, json_type_string);

	if (!value)
		return "";
	if (strlen(json_object_get_string(value)) != (size_t)json_object_get_string_len(value))
		complain(reader, "'%s' has a NUL in it", key);
	return json_object_get_string(value);
}

/* A number as output_hex() writes it */
static uint32_t get_hex(struct reader *reader, const char *key, unsigned int size)
{
	const char *text = get_string(reader, key);
	unsigned int i;

	if (reader->error[0])
		return 0;
	for (i = 2; isxdigit((unsigned char)text[i]); i++)
		if (i >= 2 + 2 * size)
			break;
	if (text[0] != '0' || text[1] != 'x' || i != 2 + 2 * size || text[i]) {
		complain(reader, "'%s' isn't a number of %u hexadecimal digits, such as 0x%0*x",
			 key, 2 * size, 2 * size, 2);
		return 0;
	}
	return strtoul(text, NULL, 16);
}

/* What gets to a terminal is printable */
static void get_text(struct reader *reader, const char *key, char *text, size_t size)
{
	const char *value = get_string(reader, key), *c;

	for (c = value; *c; c++)
		if (!isprint((unsigned char)*c) || (size_t)(c - value) >= size - 1) {
			complain(reader,
				 "'%s' is too long, or has a character in it that isn't "
				 "printable",
				 key);
			return;
		}
	snprintf(text, size, "%s", value);
}

static void begin(struct reader *reader, struct json_object *object, char *error)
{
	reader->object = object;
	reader->nr_keys = 0;
	reader->error = error;
	if (!json_object_is_type(object, json_type_object))
		complain(reader, "that isn't an object");
}

/* All that is there was asked for */
static void end(struct reader *reader)
{
	unsigned int i;

	if (reader->error[0])
		return;
	json_object_object_foreach(reader->object, key, value)
	{
		(void)value;
		for (i = 0; i < reader->nr_keys; i++)
			if (!strcmp(reader->keys[i], key))
				break;
		if (i == reader->nr_keys)
			complain(reader, "'%.40s' isn't known", key);
	}
}

/* Return: whether the device was open */
static bool get_state(struct reader *reader, struct stream_record *record)
{
	struct json_object *dwords, *object;
	struct cxl_shadow *shadow = &record->shadow;
	bool open = false;
	size_t i;

	memset(shadow, 0, sizeof(*shadow));
	shadow->abi_version = CXL_POLICY_ABI_VERSION;
	get_text(reader, "policy", record->policy, sizeof(record->policy));
	if (json_object_object_get_ex(reader->object, "open_id", &object) && object) {
		shadow->open_id = get_int(reader, "open_id", UINT64_MAX);
		open = true;
		if (!shadow->open_id)
			complain(reader, "'open_id' is out of range");
	} else {
		get(reader, "open_id", json_type_null);
	}
	dwords = get(reader, "dwords", json_type_array);
	for (i = 0; dwords && i < json_object_array_length(dwords) && !reader->error[0]; i++) {
		struct cxl_shadow_dword *dword;
		struct reader inner;
		uint64_t pos;

		begin(&inner, json_object_array_get_idx(dwords, i), reader->error);
		if (reader->error[0])
			break;
		pos = get_int(&inner, "position", CXL_SHADOW_DWORDS * 4 - 4);
		if (pos % 4)
			complain(&inner, "'position' isn't a multiple of 4");
		dword = &shadow->dwords[pos / 4];
		dword->value = get_hex(&inner, "value", 4);
		dword->valid = get_hex(&inner, "valid", 4);
		dword->hw = get_hex(&inner, "hw", 4);
		end(&inner);
	}
	return open;
}

static int find_name(struct reader *reader, const char *key, const char *const *names,
		     unsigned int nr)
{
	const char *text = get_string(reader, key);
	unsigned int i;

	for (i = 0; i < nr; i++)
		if (names[i] && !strcmp(names[i], text))
			return i;
	complain(reader, "'%s' isn't known: %.40s", key, text);
	return 0;
}

static void get_call(struct reader *reader, struct cxl_call *call)
{
	call->vendor = get_hex(reader, "vendor", 2);
	call->id = get_int(reader, "id", UINT16_MAX);
	call->start = get_int(reader, "start", DEVICE_CONFIG_SIZE - 4);
	call->length = get_int(reader, "length", DEVICE_CONFIG_SIZE);
	call->covered = get_int(reader, "covered", DEVICE_CONFIG_SIZE);
	if (call->op != CXL_CALL_CLOSED)
		call->offset = get_int(reader, "offset", DEVICE_CONFIG_SIZE - 1);
}

static void get_told(struct reader *reader, struct cxl_call *call)
{
	static const char *const kinds[] = { NULL, "function", "conventional" };

	call->open_id = get_int(reader, "open_id", UINT64_MAX);
	if (!call->open_id)
		complain(reader, "'open_id' is out of range");
	if (call->op == CXL_CALL_CLOSED)
		return;
	call->size = 4;
	call->value = get_hex(reader, "hw", 4);
	if (call->op == CXL_CALL_RESET)
		call->kind = find_name(reader, "kind", kinds, 3);
}

static void get_events(struct reader *reader, struct cxl_outcome *out)
{
	struct json_object *events = get(reader, "events", json_type_array);
	const struct stream_event_name *event;
	size_t i;

	for (i = 0; events && i < json_object_array_length(events); i++) {
		struct json_object *name = json_object_array_get_idx(events, i);

		for (event = stream_event_names; event->name; event++)
			if (json_object_is_type(name, json_type_string) &&
			    !strcmp(json_object_get_string(name), event->name))
				break;
		if (!event->name) {
			complain(reader, "'events' has one that isn't known");
			return;
		}
		out->flags |= event->flag;
	}
}

static void get_access(struct reader *reader, struct stream_access *access)
{
	struct cxl_outcome *out = &access->in_force.out;
	unsigned int size = get_int(reader, "size", 4);
	uint32_t value;

	if (size != 1 && size != 2 && size != 4) {
		complain(reader, "'size' isn't 1, 2 or 4");
		return;
	}
	access->call.size = size;
	value = get_hex(reader, "value", size);
	access->in_force.verdict = find_name(reader, "verdict", verdicts, NR_VERDICTS);
	access->hw_known = get_hex(reader, "hw_known", size);
	access->hw = get_hex(reader, "hw", size);
	if (access->call.op == CXL_CALL_READ) {
		access->in_force.value = value;
		out->hw_mask = get_hex(reader, "from_hardware", size);
		out->result = value & ~out->hw_mask;
		return;
	}
	access->call.value = value;
	out->refused = get_hex(reader, "refused", size);
	out->hw_write = get_hex(reader, "forwarded", size);
	out->hw_value = get_hex(reader, "forwarded_value", size);
	out->hw_keep = get_hex(reader, "kept", size);
	out->hw_undo = get_hex(reader, "undo", size);
	get_events(reader, out);
}

static void get_record(struct reader *reader, struct stream_record *record)
{
	struct cxl_call *call = &record->access.call;
	const char *op = get_string(reader, "op");

	memset(&record->access, 0, sizeof(record->access));
	get_text(reader, "time", record->time, sizeof(record->time));
	if (!strcmp(op, "seed")) {
		record->kind = STREAM_RECORD_SEED;
		if (!get_state(reader, record))
			complain(reader, "'open_id' is null");
	} else if (!strcmp(op, "lost")) {
		record->kind = STREAM_RECORD_LOST;
	} else {
		call->op = find_name(reader, "op", ops, NR_OPS);
		if (reader->error[0])
			return;
		get_call(reader, call);
		if (call->op == CXL_CALL_READ || call->op == CXL_CALL_WRITE) {
			record->kind = STREAM_RECORD_ACCESS;
			get_access(reader, &record->access);
		} else {
			record->kind = STREAM_RECORD_TOLD;
			get_told(reader, call);
		}
		if (!stream_call_valid(call))
			complain(reader, "the access isn't one to a DVSEC in configuration space");
	}
	end(reader);
}

static void get_dvsecs(struct reader *reader, struct stream_file *file)
{
	struct json_object *dvsecs = get(reader, "dvsecs", json_type_array);
	struct device_dvsec *dvsec = file->dvsecs;
	struct reader inner;
	size_t i;

	if (!dvsecs)
		return;
	if (json_object_array_length(dvsecs) > 2 * DEVICE_MAX_DVSECS) {
		complain(reader, "'dvsecs' has too many");
		return;
	}
	for (i = 0; i < json_object_array_length(dvsecs); i++, dvsec++) {
		begin(&inner, json_object_array_get_idx(dvsecs, i), reader->error);
		if (reader->error[0])
			return;
		dvsec->vendor = get_hex(&inner, "vendor", 2);
		dvsec->id = get_int(&inner, "id", UINT16_MAX);
		dvsec->offset = get_int(&inner, "start", DEVICE_CONFIG_SIZE - 4);
		dvsec->revision = get_int(&inner, "revision", 15);
		dvsec->length = get_int(&inner, "length", DEVICE_CONFIG_SIZE);
		end(&inner);
		file->nr_dvsecs++;
	}
}

static void get_header(struct reader *reader, struct stream_file *file)
{
	struct device_address address;
	uint64_t version;

	if (strcmp(get_string(reader, "format"), STREAM_FILE_FORMAT)) {
		reader->error[0] = '\0';
		complain(reader, "that isn't a record of 'cxl-policy record'");
	}
	version = get_int(reader, "version", INT32_MAX);
	if (version != STREAM_FILE_VERSION)
		complain(reader, "version %llu isn't known, only version %d",
			 (unsigned long long)version, STREAM_FILE_VERSION);
	get_text(reader, "device", file->device, sizeof(file->device));
	if (!reader->error[0] && device_parse(file->device, &address))
		complain(reader, "'device' isn't a PCI address");
	get_dvsecs(reader, file);
	file->open = get_state(reader, &file->record);
	file->record.kind = STREAM_RECORD_SEED;
	end(reader);
}

static int invalid(const struct stream_file *file, const char *cause)
{
	return error_set(EXIT_INVALID, -EINVAL, "make one by 'cxl-policy record'", "%s:%lu: %s",
			 file->path, file->line, cause);
}

/* Return: 1; 0 at the end; or a negative errno, with the error set */
static int read_line(struct stream_file *file)
{
	size_t len = 0;
	int c;

	file->line++;
	while ((c = getc_unlocked(file->file)) != EOF && c != '\n') {
		if (!c)
			return invalid(file, "a NUL in the line");
		if (len == MAX_LINE - 1)
			return invalid(file, "the line is too long");
		file->text[len++] = c;
	}
	file->text[len] = '\0';
	if (ferror(file->file))
		return error_set(errno == EISDIR ? EXIT_INVALID : EXIT_FAILED, -EIO,
				 "give the path of a record", "can't read %s: %s", file->path,
				 strerror(errno));
	if (c == EOF && len)
		return invalid(file, "the line is cut off");
	return c == EOF ? 0 : 1;
}

static int parse_line(struct stream_file *file, bool header)
{
	struct json_tokener *tokener = json_tokener_new_ex(MAX_DEPTH);
	char error[ERROR_LEN] = "";
	struct json_object *object;
	struct reader reader;
	size_t len = strlen(file->text);

	if (!tokener)
		return -ENOMEM;
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
	/* With the NUL at its end, so that a number there is complete */
	object = json_tokener_parse_ex(tokener, file->text, len + 1);
	if (json_tokener_get_error(tokener) != json_tokener_success ||
	    json_tokener_get_parse_end(tokener) < len) {
		snprintf(error, sizeof(error), "no JSON: %s",
			 json_tokener_error_desc(json_tokener_get_error(tokener)));
	} else {
		begin(&reader, object, error);
		if (!error[0] && header)
			get_header(&reader, file);
		else if (!error[0])
			get_record(&reader, &file->record);
	}
	json_object_put(object);
	json_tokener_free(tokener);
	return error[0] ? invalid(file, error) : 0;
}

int stream_file_open(const char *path, struct stream_file *file)
{
	int ret;

	memset(file, 0, sizeof(*file));
	file->path = strcmp(path, "-") ? path : "standard input";
	file->file = strcmp(path, "-") ? fopen(path, "re") : stdin;
	if (!file->file) {
		ret = -errno;
		return error_set(ret == -EACCES ? EXIT_PRIVILEGE : EXIT_MISSING, ret,
				 "give the path of a record", "can't open %s: %s", path,
				 strerror(-ret));
	}
	file->text = malloc(MAX_LINE);
	if (!file->text)
		return -ENOMEM;
	ret = read_line(file);
	if (!ret)
		return invalid(file, "the file is empty");
	return ret < 0 ? ret : parse_line(file, true);
}

int stream_file_next(struct stream_file *file)
{
	int ret = read_line(file);

	if (ret > 0)
		ret = parse_line(file, false);
	else
		return ret;
	return ret ? ret : 1;
}

void stream_file_close(struct stream_file *file)
{
	if (file->file && file->file != stdin)
		fclose(file->file);
	free(file->text);
}
