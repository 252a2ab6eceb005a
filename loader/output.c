// SPDX-License-Identifier: GPL-2.0-only
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "output.h"

struct output_options output_options;

static struct {
	enum exit_code code;
	char cause[ERROR_CAUSE_LEN];
	char hint[1024];
} error;

/* Length of the character of UTF-8 that @text begins with, 0 if it is none */
static size_t utf8_len(const unsigned char *text)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t len = text[0] < 0x80	    ? 1
		     : text[0] >> 5 == 0x06 ? 2
		     : text[0] >> 4 == 0x0e ? 3
		     : text[0] >> 3 == 0x1e ? 4
					    : 0;
	uint32_t code = len > 1 ? text[0] & (0x7f >> len) : text[0];
	size_t i;

	for (i = 1; i < len; i++) {
		if (text[i] >> 6 != 2)
			return 0;
		code = code << 6 | (text[i] & 0x3f);
	}
	if (!len || code < least[len] || code > 0x10ffff || code >> 11 == 0xd800 >> 11)
		return 0;
	return len;
}

/* Others than those of UTF-8 become '?', as JSON can't hold them */
static void keep_utf8(char *text)
{
	size_t len;

	for (; *text; text += len ? len : 1) {
		len = utf8_len((unsigned char *)text);
		if (!len)
			*text = '?';
	}
}

void output_printable(char *text)
{
	keep_utf8(text);
	for (; *text; text++) {
		unsigned char *c = (unsigned char *)text;

		if (*c < ' ' || *c == 0x7f)
			*c = '?';
		/* Control characters have codes from 0x80 on, too */
		else if (*c == 0xc2 && c[1] < 0xa0)
			c[0] = c[1] = '?';
	}
}

int error_set(enum exit_code code, int err, const char *hint, const char *fmt, ...)
{
	va_list args;

	if (error.code)
		return err;
	error.code = code;
	snprintf(error.hint, sizeof(error.hint), "%s", hint ? hint : "");
	va_start(args, fmt);
	vsnprintf(error.cause, sizeof(error.cause), fmt, args);
	va_end(args);
	/* They quote files and the command line, and are printed as one line */
	output_printable(error.cause);
	output_printable(error.hint);
	return err;
}

void error_clear(void)
{
	memset(&error, 0, sizeof(error));
}

enum exit_code error_take(int err, char cause[ERROR_CAUSE_LEN])
{
	enum exit_code code;

	error_set(EXIT_FAILED, err, NULL, "%s", strerror(-err));
	code = error.code;
	memcpy(cause, error.cause, ERROR_CAUSE_LEN);
	error_clear();
	return code;
}

enum exit_code error_print(int err)
{
	static const char *const kinds[] = {
		[EXIT_FAILED] = "failed",   [EXIT_USAGE] = "usage",
		[EXIT_KERNEL] = "kernel",   [EXIT_PRIVILEGE] = "privilege",
		[EXIT_MISSING] = "missing", [EXIT_BUSY] = "busy",
		[EXIT_INVALID] = "invalid",
	};
	struct json_object *object;

	error_set(EXIT_FAILED, err, "--debug tells more", "%s", strerror(-err));
	if (output_options.json) {
		object = json_object_new_object();
		output_add(object, "error", output_string(error.cause));
		output_add(object, "hint", output_string(error.hint));
		output_add(object, "kind", output_string(kinds[error.code]));
		output_add(object, "status", json_object_new_int(error.code));
		output_json(object);
	} else {
		fprintf(stderr, "cxl-policy: %s%s%s\n", error.cause, error.hint[0] ? ": " : "",
			error.hint);
	}
	return error.code;
}

const char *output_color(enum output_color color)
{
	static const char *const sequences[] = {
		[OUTPUT_PLAIN] = "\033[0m",
		[OUTPUT_GOOD] = "\033[32m",
		[OUTPUT_WARN] = "\033[33m",
		[OUTPUT_BAD] = "\033[1;31m",
	};
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

	if (output_options.json || (no_color && no_color[0]) || !term || !strcmp(term, "dumb") ||
	    !isatty(STDOUT_FILENO))
		return "";
	return sequences[color];
}

void output_json(struct json_object *object)
{
	int flags = JSON_C_TO_STRING_NOSLASHESCAPE |
		    (output_options.pretty ? JSON_C_TO_STRING_PRETTY : JSON_C_TO_STRING_PLAIN);

	printf("%s\n", json_object_to_json_string_ext(object, flags));
	fflush(stdout);
	json_object_put(object);
}

void output_add(struct json_object *object, const char *key, struct json_object *value)
{
	if (json_object_object_add(object, key, value)) {
		fprintf(stderr, "cxl-policy: out of memory\n");
		exit(EXIT_FAILED);
	}
}

struct json_object *output_string(const char *string)
{
	struct json_object *object;
	char *copy;

	if (!string || !string[0])
		return NULL;
	copy = strdup(string);
	if (!copy)
		return NULL;
	keep_utf8(copy);
	object = json_object_new_string(copy);
	free(copy);
	return object;
}

struct json_object *output_hex(uint32_t value, unsigned int size)
{
	char text[16];

	snprintf(text, sizeof(text), "0x%0*x", size * 2, value);
	return json_object_new_string(text);
}

void output_time(uint64_t boot_ns, bool utc, char *text, size_t size)
{
	struct timespec now, boot;
	char whole[32];
	struct tm tm;
	time_t secs;
	int64_t ns;

	clock_gettime(CLOCK_REALTIME, &now);
	clock_gettime(CLOCK_BOOTTIME, &boot);
	ns = (now.tv_sec - boot.tv_sec) * 1000000000LL + now.tv_nsec - boot.tv_nsec +
	     (int64_t)boot_ns;
	secs = ns / 1000000000;
	if (utc)
		strftime(whole, sizeof(whole), "%Y-%m-%dT%H:%M:%S", gmtime_r(&secs, &tm));
	else
		strftime(whole, sizeof(whole), "%H:%M:%S", localtime_r(&secs, &tm));
	snprintf(text, size, "%s.%03u%s", whole, (unsigned int)(ns / 1000000 % 1000),
		 utc ? "Z" : "");
}
