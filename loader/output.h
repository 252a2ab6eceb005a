/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Everything that the user gets to see: JSON, and the one error of a run.
 */
#ifndef LOADER_OUTPUT_H
#define LOADER_OUTPUT_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

/**
 * enum exit_code - exit status of the program
 * @EXIT_DONE: it did what it was told to
 * @EXIT_FAILED: it failed in another way than those below
 * @EXIT_USAGE: the command line isn't right
 * @EXIT_KERNEL: the kernel lacks something
 * @EXIT_PRIVILEGE: the user may not do that
 * @EXIT_MISSING: a device, a policy or a file isn't there
 * @EXIT_BUSY: it is taken, or another invocation is at work
 * @EXIT_INVALID: a file isn't valid
 * @EXIT_DIFFERENT: done, and what was compared differs, or had to be changed
 */
enum exit_code {
	EXIT_DONE = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
	EXIT_KERNEL = 3,
	EXIT_PRIVILEGE = 4,
	EXIT_MISSING = 5,
	EXIT_BUSY = 6,
	EXIT_INVALID = 7,
	EXIT_DIFFERENT = 8,
};

/**
 * struct output_options - how to print
 * @json: JSON instead of text
 * @pretty: indented JSON
 * @debug: messages of libbpf on standard error
 */
struct output_options {
	bool json;
	bool pretty;
	bool debug;
};

extern struct output_options output_options;

/**
 * enum output_color - what a word on the terminal says
 * @OUTPUT_PLAIN: nothing, or the end of what does
 * @OUTPUT_GOOD: all is well
 * @OUTPUT_WARN: to be looked at
 * @OUTPUT_BAD: wrong
 */
enum output_color {
	OUTPUT_PLAIN,
	OUTPUT_GOOD,
	OUTPUT_WARN,
	OUTPUT_BAD,
};

/**
 * output_color - what to print on standard output before a word, and after it
 * @color: of the word, or %OUTPUT_PLAIN after it
 *
 * Return: the sequence of a terminal that shows it; "" where standard output is no
 * such terminal, for JSON, and where $NO_COLOR is set.
 */
const char *output_color(enum output_color color);

/**
 * error_set - note why the run fails; the first call counts
 * @code: exit status of the program
 * @err: negative errno
 * @hint: the way out, or NULL
 * @fmt: cause, for printf()
 *
 * Return: @err.
 */
int error_set(enum exit_code code, int err, const char *hint, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/**
 * error_print - print what error_set() noted
 * @err: what the verb returned; printed if nothing was noted
 *
 * Return: exit status of the program.
 */
enum exit_code error_print(int err);

#define ERROR_CAUSE_LEN 1024

/**
 * error_take - take what error_set() noted, so that the run can go on to other things
 * @err: as of error_print()
 * @cause: filled in
 *
 * Return: as of error_print().
 */
enum exit_code error_take(int err, char cause[ERROR_CAUSE_LEN]);

/**
 * error_clear - forget what error_set() noted, of something that failed to no effect
 */
void error_clear(void);

/**
 * output_printable - make a text fit for a line on a terminal
 * @text: what is no UTF-8 in it, and control characters, become '?'
 */
void output_printable(char *text);

/**
 * output_json - print an object on a line of its own, and free it
 * @object: the object
 */
void output_json(struct json_object *object);

/**
 * output_add - add a member to an object
 * @object: the object
 * @key: name of the member
 * @value: taken over; NULL is null
 */
void output_add(struct json_object *object, const char *key, struct json_object *value);

/**
 * output_string - make a string
 * @string: NULL or empty gives null; what is no UTF-8 in it becomes '?'
 *
 * Return: the string, NULL for null.
 */
struct json_object *output_string(const char *string);

/**
 * output_hex - make a string of a number as wide as a register
 * @value: the number
 * @size: of the register in bytes
 *
 * Return: the string, such as "0x0002".
 */
struct json_object *output_hex(uint32_t value, unsigned int size);

/**
 * output_time - make a text of a time
 * @boot_ns: ns since boot, suspend included
 * @utc: date and time of UTC, for programs; or else the time of day, for people
 * @text: filled in
 * @size: of @text
 */
void output_time(uint64_t boot_ns, bool utc, char *text, size_t size);

#endif /* LOADER_OUTPUT_H */
