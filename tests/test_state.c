// SPDX-License-Identifier: GPL-2.0-only
/*
 * The file that a shadow is saved in: what is written is read back, and what isn't
 * right is refused with the place.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cxl_dvsec_regs.h"
#include "state.h"

/* Of device.c, which needs libpci: not under test */
int device_parse(const char *text, struct device_address *address)
{
	(void)text;
	(void)address;
	return -1;
}

void device_format(const struct device_address *address, char text[DEVICE_ADDRESS_LEN])
{
	(void)address;
	text[0] = '\0';
}

#define HEAD                                                                                       \
	"{\"format\":\"cxl-policy-shadow\",\"version\":1,\"abi\":1,\"vendor\":\"0x8086\","         \
	"\"device_id\":\"0x0d93\",\"revision\":\"0x01\",\"subsystem_vendor\":\"0x1af4\","          \
	"\"subsystem_id\":\"0x1100\","
#define DVSEC                                                                                      \
	"{\"vendor\":\"0x1e98\",\"id\":0,\"offset\":256,\"revision\":3,\"length\":60,\"dwords\":"
#define OTHER(offset)                                                                              \
	"{\"vendor\":\"0x8086\",\"id\":1,\"offset\":" #offset                                      \
	",\"revision\":1,\"length\":16,\"dwords\":[]}"
#define CONTROL "{\"offset\":12,\"value\":\"0x00000004\",\"valid\":\"0x00005ffd\"}"
#define GOOD	HEAD "\"dvsecs\":[" DVSEC "[" CONTROL "]}]}"

static struct state state;
static char error[STATE_ERROR_LEN];

static int parse(const char *text)
{
	/* So that a read behind the end is noticed */
	char *copy = malloc(strlen(text) + 1);
	int err;

	strcpy(copy, text);
	error[0] = '\0';
	err = state_parse(copy, strlen(copy), &state, error);
	free(copy);
	return err;
}

static void refused(const char *text, const char *cause)
{
	if (!parse(text))
		fail_msg("it is taken: %s", text);
	if (!strstr(error, cause))
		fail_msg("'%s' isn't in '%s'", cause, error);
}

/* The good file with one piece replaced */
static void refused_with(const char *piece, const char *by, const char *cause)
{
	const char *at = strstr(GOOD, piece);
	char text[1024];

	assert_non_null(at);
	snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - GOOD), GOOD, by, at + strlen(piece));
	refused(text, cause);
}

static void a_good_file_is_read(void **unused)
{
	(void)unused;
	assert_int_equal(parse(GOOD), 0);
	assert_int_equal(state.device.vendor, 0x8086);
	assert_int_equal(state.device.device_id, 0x0d93);
	assert_int_equal(state.device.revision, 1);
	assert_int_equal(state.device.subsystem_vendor, 0x1af4);
	assert_int_equal(state.device.subsystem_id, 0x1100);
	assert_int_equal(state.device.nr_dvsecs, 1);
	assert_int_equal(state.nr_dwords, 1);
	assert_int_equal(state.dwords[0].value, 4);
	assert_int_equal(state.dwords[0].valid, 0x5ffd);
	assert_int_equal(state.dwords[0].header1, 0x03c31e98);
	assert_int_equal(state.dwords[0].id, 0);
	assert_int_equal(state.dwords[0].start, 0x100);
	assert_int_equal(state.dwords[0].offset, 0x0c);
	assert_int_equal(parse(GOOD "\n  \n"), 0);
}

static void what_is_written_is_read_back(void **unused)
{
	static const struct device device = {
		.name = "0000:0d:00.0",
		.policy = "cxl-device",
		.vendor = 0xffff,
		.device_id = 0x8000,
		.revision = 0xff,
		.subsystem_vendor = 1,
		.nr_dvsecs = 2,
		.dvsecs = { { 0x1e98, 0x10c, 0, 3, 0x3a }, { 0x1e98, 0x200, 0xffff, 0, 0x10 } },
		.nr_others = 1,
		.others = { { 0x8086, 0x150, 0x17, 15, 0xffc } },
	};
	static struct cxl_shadow shadow;
	static struct state saved;
	struct json_object *object;
	unsigned int i;

	(void)unused;
	saved.device = device;
	for (i = 0; i < CXL_SHADOW_DWORDS; i++) {
		shadow.dwords[i].value = 0xa5a50000 + i;
		shadow.dwords[i].valid = i % 7 ? 0 : 0xfffffff0;
	}
	shadow.dwords[(0x10c + 0x38) / 4].valid = ~0U;
	assert_int_equal(state_take(&shadow, &saved), 0);
	assert_in_range(saved.nr_dwords, 100, CXL_RESTORE_MAX_DWORDS);
	object = state_format(&saved, "2030-01-01T00:00:00Z");
	assert_int_equal(parse(json_object_to_json_string(object)), 0);
	json_object_put(object);
	assert_int_equal(state.nr_dwords, saved.nr_dwords);
	assert_memory_equal(state.dwords, saved.dwords, sizeof(state.dwords));
	assert_false(state_differs(&state, &device, error));
	for (i = 0; i < state.nr_dwords; i++)
		if (state.dwords[i].start == 0x10c && state.dwords[i].offset == 0x38)
			assert_int_equal(state.dwords[i].valid, 0x0000ffff);
}

static void too_many_dwords_are_not_saved_in_part(void **unused)
{
	static const struct device device = {
		.nr_dvsecs = 2,
		.dvsecs = { { 0x1e98, 0x100, 0, 3, 0x408 }, { 0x1e98, 0x600, 1, 3, 0x14 } },
	};
	static struct cxl_shadow shadow;
	static struct state saved;
	unsigned int i;

	(void)unused;
	saved.device = device;
	for (i = 0; i < CXL_SHADOW_DWORDS; i++)
		shadow.dwords[i].valid = 1;
	assert_int_equal(state_take(&shadow, &saved), -E2BIG);
	saved.device.dvsecs[1].length = 0x10;
	assert_int_equal(state_take(&shadow, &saved), 0);
	assert_int_equal(saved.nr_dwords, CXL_RESTORE_MAX_DWORDS);
}

static void what_is_no_json_is_refused_with_its_line(void **unused)
{
	char text[sizeof(GOOD)];
	size_t len;

	(void)unused;
	for (len = 0; len < sizeof(GOOD) - 1; len++) {
		snprintf(text, sizeof(text), "%.*s", (int)len, GOOD);
		refused(text, "line 1: it isn't JSON: it ends too early");
	}
	refused("{\n\n x", "line 3: it isn't JSON");
	refused(GOOD "\n\n{}", "line 3: it isn't JSON");
	refused_with("\"version\":1", "'version':1", "it isn't JSON");
	refused_with("256", "/* */ 256", "it isn't JSON");
	refused_with("256", "NaN", "");
	refused_with("[" CONTROL "]", "[[[[[[[[[[]]]]]]]]]]", "it isn't JSON");
	assert_int_equal(state_parse(GOOD "\0{}", sizeof(GOOD) + 2, &state, error), -EINVAL);
}

static void a_member_twice_unknown_or_missing_is_refused_with_its_place(void **unused)
{
	(void)unused;
	refused_with("\"id\":0", "\"id\":0,\"id\":0", "twice");
	refused_with("\"version\":1", "\"a:\\\":\":1,\"version\":1",
		     "/a:\":: there is no such member");
	refused_with("\"id\":0", "\"id\":0,\"index\":0",
		     "/dvsecs/0/index: there is no such member");
	refused_with("\"valid\"", "\"mask\"", "/dvsecs/0/dwords/0/valid: it is missing");
	refused_with("\"length\":60,", "", "/dvsecs/0/length: it is missing");
	refused_with("\"device_id\":\"0x0d93\",", "", "/device_id: it is missing");
	refused_with("\"offset\":12", "\"offset\":12,\"fields\":{}",
		     "/dvsecs/0/dwords/0/fields: there is no such member");
}

static void what_is_for_people_may_be_anything_or_be_missing(void **unused)
{
	(void)unused;
	assert_int_equal(parse(HEAD "\"time\":[1,{\"a:b\":\"\\\"::\"}],\"device\":7,"
				    "\"policy\":null,\"dvsecs\":[" DVSEC
				    "[],\"fields\":{\"x\":1}}]}"),
			 0);
	assert_int_equal(state.nr_dwords, 0);
}

static void another_format_or_version_is_refused(void **unused)
{
	(void)unused;
	refused("{}", "/format: it isn't \"cxl-policy-shadow\"");
	refused("[]", "an object is wanted");
	refused("7", "an object is wanted");
	refused_with("cxl-policy-shadow", "cxl-policy-log", "/format");
	refused_with("\"version\":1", "\"version\":2",
		     "/version: it is 2, and this program knows 1");
	refused_with("\"abi\":1", "\"abi\":0", "/abi: it is 0, and this program knows 1");
	refused_with("\"version\":1", "\"version\":\"1\"", "/version: a whole number");
}

static void numbers_out_of_range_are_refused(void **unused)
{
	(void)unused;
	refused_with("\"id\":0", "\"id\":65536", "/dvsecs/0/id: it isn't between 0 and 65535");
	refused_with("\"id\":0", "\"id\":-1", "/dvsecs/0/id");
	refused_with("\"id\":0", "\"id\":18446744073709551616", "/dvsecs/0/id");
	refused_with("\"id\":0", "\"id\":0.0", "/dvsecs/0/id: a whole number");
	refused_with("\"id\":0", "\"id\":null", "/dvsecs/0/id: a whole number");
	refused_with("\"revision\":3", "\"revision\":16", "/dvsecs/0/revision");
	refused_with("\"length\":60", "\"length\":4096", "/dvsecs/0/length");
	refused_with("\"offset\":256", "\"offset\":252", "/dvsecs/0/offset: no DVSEC");
	refused_with("\"offset\":256", "\"offset\":258", "/dvsecs/0/offset: no DVSEC");
	refused_with("\"offset\":256", "\"offset\":4096", "/dvsecs/0/offset");
	refused_with("\"0x8086\"", "\"0x18086\"", "/vendor: a string of 0x and 4 digits");
	refused_with("\"0x8086\"", "\"0x808G\"", "/vendor");
	refused_with("\"0x8086\"", "\"32902\"", "/vendor");
	refused_with("\"0x8086\"", "32902", "/vendor");
	refused_with("\"0x8086\"", "\"0x8086\\u0000\"", "/vendor");
}

static void dwords_have_to_lie_in_their_dvsec(void **unused)
{
	(void)unused;
	refused_with("\"offset\":12", "\"offset\":60", "/dvsecs/0/dwords/0/offset");
	refused_with("\"offset\":12", "\"offset\":8", "/dvsecs/0/dwords/0/offset");
	refused_with("\"offset\":12", "\"offset\":14", "/dvsecs/0/dwords/0/offset");
	refused_with("\"length\":60", "\"length\":0", "/dvsecs/0/dwords/0/offset");
	refused_with("\"length\":60", "\"length\":13", "/dvsecs/0/dwords/0/valid: ");
	refused_with(CONTROL, CONTROL "," CONTROL, "/dvsecs/0/dwords/1/offset: it isn't above");
	refused_with("0x00005ffd", "0x00000003", "/dvsecs/0/dwords/0/value");
	refused_with("0x00005ffd", "0x00000000", "/dvsecs/0/dwords/0/valid");
	refused_with("\"offset\":256,\"revision\":3,\"length\":60",
		     "\"offset\":4084,\"revision\":3,\"length\":60", "/dwords/0/offset");
	refused_with("[" CONTROL "]}", "[" CONTROL "]}," DVSEC "[]}",
		     "/dvsecs/1/offset: it isn't above");
}

static void a_file_of_any_size_is_refused_or_read(void **unused)
{
	static char big[STATE_MAX_SIZE + 2];
	static char many[STATE_MAX_SIZE];
	size_t len;
	int i;

	(void)unused;
	memset(big, ' ', sizeof(big));
	memcpy(big, GOOD, strlen(GOOD));
	big[STATE_MAX_SIZE] = '\0';
	assert_int_equal(state_parse(big, STATE_MAX_SIZE, &state, error), 0);
	big[STATE_MAX_SIZE] = ' ';
	big[STATE_MAX_SIZE + 1] = '\0';
	assert_int_equal(state_parse(big, STATE_MAX_SIZE + 1, &state, error), -EINVAL);

	len = sprintf(many, HEAD "\"dvsecs\":[{\"vendor\":\"0x1e98\",\"id\":0,\"offset\":256,"
				 "\"revision\":3,\"length\":2048,\"dwords\":[");
	for (i = 0; i <= CXL_RESTORE_MAX_DWORDS; i++)
		len += sprintf(
			many + len,
			"%s{\"offset\":%d,\"value\":\"0x00000000\",\"valid\":\"0x00000001\"}",
			i ? "," : "", 12 + 4 * i);
	sprintf(many + len, "]}]}");
	refused(many, "/dvsecs/0/dwords/256: it is one dword too many");

	len = sprintf(many, HEAD "\"dvsecs\":[");
	for (i = 0; i <= DEVICE_MAX_DVSECS; i++)
		len += sprintf(many + len,
			       "%s{\"vendor\":\"0x1e98\",\"id\":%d,\"offset\":%d,\"revision\":0,"
			       "\"length\":16,\"dwords\":[]}",
			       i ? "," : "", i, 256 + 16 * i);
	sprintf(many + len, "]}");
	refused(many, "/dvsecs/32: it is one DVSEC too many");
}

/* A dword of the one could be restored as the other's, past what locks it there */
static void dvsecs_that_share_registers_are_noticed(void **unused)
{
	(void)unused;
	assert_int_equal(parse(GOOD), 0);
	assert_false(state_overlaps(&state, error));
	assert_int_equal(parse(HEAD "\"dvsecs\":[" DVSEC "[]}," OTHER(316) "]}"), 0);
	assert_false(state_overlaps(&state, error));
	assert_int_equal(parse(HEAD "\"dvsecs\":[" DVSEC "[]}," OTHER(312) "]}"), 0);
	assert_true(state_overlaps(&state, error));
	assert_non_null(strstr(error, "0x8086:1"));
}

static void each_part_of_the_identity_counts(void **unused)
{
	struct device here, other;

	(void)unused;
	assert_int_equal(parse(GOOD), 0);
	here = state.device;
	strcpy(here.name, "0000:99:00.0");
	here.address.bus = 0x99;
	assert_false(state_differs(&state, &here, error));
#define DIFFERS(member, new, cause)                                                                \
	do {                                                                                       \
		other = here;                                                                      \
		other.member = new;                                                                \
		assert_true(state_differs(&state, &other, error));                                 \
		if (!strstr(error, cause))                                                         \
			fail_msg("'%s' isn't in '%s'", cause, error);                              \
	} while (0)
	DIFFERS(vendor, 0x8087, "the Vendor ID is 0x8086 in the file and 0x8087 here");
	DIFFERS(device_id, 1, "the Device ID is 0x0d93");
	DIFFERS(revision, 2, "the Revision ID is 0x01 in the file and 0x02 here");
	DIFFERS(subsystem_vendor, 1, "the Subsystem Vendor ID");
	DIFFERS(subsystem_id, 1, "the Subsystem ID");
	DIFFERS(dvsecs[0].id, 3, "DVSEC 0x1e98:0 at 0x100 is in the file and not here");
	DIFFERS(dvsecs[0].offset, 0x10c, "the offset of DVSEC 0x1e98:0 is 0x100");
	DIFFERS(dvsecs[0].revision, 2, "the revision of DVSEC 0x1e98:0 is 0x3");
	DIFFERS(dvsecs[0].length, 0x38, "the length of DVSEC 0x1e98:0 is 0x03c");
	DIFFERS(nr_dvsecs, 0, "is in the file and not here");
	other = here;
	other.dvsecs[other.nr_dvsecs++] = (struct device_dvsec){ 0x1e98, 0x200, 8, 0, 0x10 };
	assert_true(state_differs(&state, &other, error));
	assert_non_null(strstr(error, "DVSEC 0x1e98:8 at 0x200 is here and not in the file"));
	other = here;
	other.others[other.nr_others++] = (struct device_dvsec){ 0x8086, 0x200, 8, 0, 0x10 };
	assert_false(state_differs(&state, &other, error));
	assert_true(state_differs(&(struct state){ .device = other }, &here, error));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_good_file_is_read),
		cmocka_unit_test(what_is_written_is_read_back),
		cmocka_unit_test(too_many_dwords_are_not_saved_in_part),
		cmocka_unit_test(what_is_no_json_is_refused_with_its_line),
		cmocka_unit_test(a_member_twice_unknown_or_missing_is_refused_with_its_place),
		cmocka_unit_test(what_is_for_people_may_be_anything_or_be_missing),
		cmocka_unit_test(another_format_or_version_is_refused),
		cmocka_unit_test(numbers_out_of_range_are_refused),
		cmocka_unit_test(dwords_have_to_lie_in_their_dvsec),
		cmocka_unit_test(a_file_of_any_size_is_refused_or_read),
		cmocka_unit_test(dvsecs_that_share_registers_are_noticed),
		cmocka_unit_test(each_part_of_the_identity_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
