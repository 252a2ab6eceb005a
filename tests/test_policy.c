// SPDX-License-Identifier: GPL-2.0-only
/*
 * Policy files: those that are shipped, and those that must be refused with a
 * message that tells where and why.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "policy.h"

static const struct cxl_policy built_in = {
#include "cxl-device.policy.h"
};

static char error[POLICY_ERROR_LEN];
static struct policy policy;
static struct policy_image image;

static int parse(const char *text)
{
	memset(error, 0, sizeof(error));
	return policy_parse(text, strlen(text), "t.yaml", &policy, error);
}

/* Refused, with one line that begins with the place and holds the cause */
static void refused(const char *text, const char *place, const char *cause)
{
	int err = parse(text);

	if (err != -EINVAL && err != -E2BIG)
		fail_msg("not refused but %d: %s", err, text);
	if (strncmp(error, place, strlen(place)) || !strstr(error, cause) || strchr(error, '\n'))
		fail_msg("error '%s', not '%s ... %s ...'", error, place, cause);
}

static void shipped(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "loader/policies/%s.yaml", name);
	error[0] = '\0';
	if (policy_load(path, &policy, error))
		fail_msg("%s", error);
	assert_string_equal(policy.name, name);
	assert_int_not_equal(policy.description[0], '\0');
	if (policy_compile(&policy, &image, error))
		fail_msg("%s", error);
	assert_string_equal(image.table.name, name);
	assert_int_equal(image.table.abi_version, CXL_POLICY_ABI_VERSION);
}

static void shipped_policies_load_and_compile(void **state)
{
	(void)state;
	shipped("cxl-device");
	shipped("read-only");
	shipped("passthrough");
}

static void object_and_loader_carry_the_same_default_policy(void **state)
{
	(void)state;
	shipped("cxl-device");
	assert_memory_equal(&image.table, &built_in, sizeof(built_in));
}

static void shipped_policies_claim_all_dvsecs_of_cxl(void **state)
{
	(void)state;
	shipped("cxl-device");
	assert_int_equal(image.nr_claims, 0);
	shipped("read-only");
	assert_int_equal(image.nr_claims, 0);
	shipped("passthrough");
	assert_int_equal(image.nr_claims, 0);
}

static void a_policy_is_found_by_its_name(void **state)
{
	(void)state;
	assert_int_equal(policy_load("read-only", &policy, error), 0);
	assert_string_equal(policy.name, "read-only");
	assert_int_equal(policy.access, POLICY_ACCESS_READ_ONLY);
}

static void an_unknown_policy_is_enoent_and_named(void **state)
{
	(void)state;
	assert_int_equal(policy_load("no-such", &policy, error), -ENOENT);
	assert_non_null(strstr(error, "no-such"));
	assert_int_equal(policy_load("/no/such.yaml", &policy, error), -ENOENT);
	assert_non_null(strstr(error, "/no/such.yaml"));
}

static void the_smallest_policy_is_a_name(void **state)
{
	(void)state;
	assert_int_equal(parse("name: x\n"), 0);
	assert_string_equal(policy.name, "x");
	assert_int_equal(policy_compile(&policy, &image, error), 0);
}

/* The place of a key may be that of the mapping or of the key before it */
static void unknown_keys_are_refused_with_a_line(void **state)
{
	(void)state;
	refused("name: x\ncolour: red\n", "t.yaml:2:", "colour");
	refused("name: x\ndvsecs:\n  - vendor: 0x1e98\n    id: 0\n    size: 4\n",
		"t.yaml:", "size");
	assert_in_range(error[7], '3', '5');
	refused("name: x\ndvsecs:\n  - vendor: 0x1e98\n    id: 0\n    fields:\n"
		"      - {field: control.mem_enable, mask: 1}\n",
		"t.yaml:6:", "mask");
}

static void duplicate_keys_are_refused_with_a_line(void **state)
{
	(void)state;
	refused("name: x\naccess: read-only\nname: y\n", "t.yaml:", "name");
	assert_in_range(error[7], '1', '3');
	refused("name: x\ndvsecs:\n  - vendor: 0x1e98\n    id: 0\n    id: 0\n", "t.yaml:", "id");
	assert_in_range(error[7], '3', '5');
}

static void missing_keys_are_refused(void **state)
{
	(void)state;
	refused("access: read-only\n", "t.yaml:", "name");
	refused("name: x\ndvsecs:\n  - id: 0\n", "t.yaml:3:", "vendor");
	refused("name: x\ndvsecs:\n  - {vendor: 0x1e98, id: 0, fields: [{value: 1}]}\n",
		"t.yaml:3:", "field");
}

static void numbers_that_overflow_are_refused_with_their_line(void **state)
{
	(void)state;
	refused("name: x\ndvsecs:\n  - vendor: 0x11e98\n    id: 0\n", "t.yaml:3:", "0x11e98");
	refused("name: x\ndvsecs:\n  - vendor: 0x1e98\n    id: 65536\n", "t.yaml:4:", "65536");
	refused("name: x\ndvsecs:\n  - vendor: 0x1e98\n    id: -1\n", "t.yaml:4:", "-1");
	refused("name: x\ndvsecs:\n  - vendor: 0x1e98\n    id: 18446744073709551616\n",
		"t.yaml:4:", "18446744073709551616");
	refused("name: x\ndvsecs:\n  - vendor: 0x1e98\n    id: 0\n    fields:\n"
		"      - {field: range1_base_high.memory_base_high, read: shadow,\n"
		"         value: 0x100000000}\n",
		"t.yaml:7:", "0x100000000");
}

static void numbers_with_a_leading_zero_are_refused_as_they_read_octal(void **state)
{
	(void)state;
	refused("name: x\ndvsecs:\n  - vendor: 0x1e98\n    id: 010\n", "t.yaml:", "010");
	refused("name: x\ndvsecs:\n  - vendor: 017\n    id: 0\n", "t.yaml:", "017");
	refused("name: x\ndvsecs:\n  - vendor: 0x1e98\n    id: 0\n    fields:\n"
		"      - {field: capability.hdm_count, value: 01}\n",
		"t.yaml:", "01");
}

static void numbers_that_are_none_are_refused(void **state)
{
	(void)state;
	refused("name: x\ndvsecs:\n  - vendor: cxl\n    id: 0\n", "t.yaml:3:", "cxl");
	refused("name: x\ndvsecs:\n  - vendor: 0x1e98\n    id: 0x\n", "t.yaml:4:", "0x");
	refused("name: x\ndvsecs:\n  - vendor: 0x1e98\n    id: 1x\n", "t.yaml:4:", "1x");
	refused("name: x\ndvsecs:\n  - vendor: 0x1e98\n    id: ''\n", "t.yaml:4:", "");
	refused("name: x\ndvsecs:\n  - vendor: 0x1e98\n    id: 1.5\n", "t.yaml:4:", "1.5");
}

static void unknown_fields_are_refused_with_their_line(void **state)
{
	(void)state;
	refused("name: x\ndvsecs:\n  - vendor: 0x1e98\n    id: 0\n    fields:\n"
		"      - {field: control.turbo, value: 1}\n",
		"t.yaml:6:", "control.turbo");
	refused("name: x\ndvsecs:\n  - vendor: 0x1e98\n    id: 0\n    fields:\n"
		"      - {field: mem_enable, value: 1}\n",
		"t.yaml:6:", "mem_enable");
}

static void unknown_words_are_refused_with_their_line(void **state)
{
	(void)state;
	refused("name: x\naccess: all\n", "t.yaml:2:", "all");
	refused("name: x\ncxl-reset: maybe\n", "t.yaml:2:", "maybe");
	refused("name: x\ndvsecs:\n  - vendor: 0x1e98\n    id: 0\n    fields:\n"
		"      - {field: control.mem_enable, attribute: RWX}\n",
		"t.yaml:6:", "RWX");
	refused("name: x\ndvsecs:\n  - vendor: 0x1e98\n    id: 0\n    fields:\n"
		"      - {field: control.mem_enable, write: [shadow, moon]}\n",
		"t.yaml:6:", "moon");
}

static void a_name_has_up_to_31_characters(void **state)
{
	(void)state;
	assert_int_equal(parse("name: a123456789b123456789c123456789d\n"), 0);
	assert_string_equal(policy.name, "a123456789b123456789c123456789d");
	assert_int_equal(policy_compile(&policy, &image, error), 0);
	assert_string_equal(image.table.name, "a123456789b123456789c123456789d");
	refused("name: a123456789b123456789c123456789dx\n", "t.yaml:1:", "31");
}

static void names_that_leave_a_folder_or_look_like_options_are_refused(void **state)
{
	(void)state;
	refused("name: ../x\n", "t.yaml:", "../x");
	refused("name: a/b\n", "t.yaml:", "a/b");
	refused("name: -x\n", "t.yaml:", "-x");
	refused("name: ..\n", "t.yaml:", "..");
	refused("name: Über\n", "t.yaml:", "name");
	refused("name: ''\n", "t.yaml:", "");
	refused("name: \"a\\nb\"\n", "t.yaml:", "name");
}

static void files_that_are_no_policy_are_refused(void **state)
{
	(void)state;
	refused("", "t.yaml:", "empty");
	refused("# nothing\n", "t.yaml:", "empty");
	refused("- a\n- b\n", "t.yaml:", "");
	refused("just words\n", "t.yaml:", "");
	refused("name: [x\n", "t.yaml:", "");
	refused("name: x\n\taccess: read-only\n", "t.yaml:", "");
	refused("{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{", "t.yaml:", "");
	refused("name: \x01\x02\n", "t.yaml:", "");
	refused("name: &a x\ndescription: *a\n", "t.yaml:", "");
}

static void a_zero_byte_does_not_end_a_policy(void **state)
{
	static const char text[] = "name: x\n\0access: passthrough\n";

	(void)state;
	error[0] = '\0';
	assert_int_equal(policy_parse(text, sizeof(text) - 1, "t.yaml", &policy, error), -EINVAL);
	assert_int_equal(strncmp(error, "t.yaml", 6), 0);
}

static void a_dvsec_or_field_named_twice_is_refused(void **state)
{
	(void)state;
	refused("name: x\ndvsecs:\n  - {vendor: 0x1e98, id: 3}\n  - {vendor: 7832, id: 3}\n",
		"t.yaml:", "twice");
	refused("name: x\ndvsecs:\n  - vendor: 0x1e98\n    id: 0\n    fields:\n"
		"      - {field: control.mem_enable, attribute: RO}\n"
		"      - {field: control.mem_enable, attribute: RW}\n",
		"t.yaml:", "control.mem_enable");
}

static void more_dvsecs_than_the_kernel_takes_are_refused(void **state)
{
	char text[1024] = "name: x\ndvsecs:\n";
	unsigned int i;

	(void)state;
	for (i = 0; i < 16; i++)
		sprintf(text + strlen(text), "  - {vendor: 0x1e98, id: %u}\n", i);
	assert_int_equal(parse(text), 0);
	assert_int_equal(policy_compile(&policy, &image, error), 0);
	sprintf(text + strlen(text), "  - {vendor: 0x1e98, id: %u}\n", i);
	refused(text, "t.yaml:", "");
}

static void values_must_fit_their_field(void **state)
{
	(void)state;
	assert_int_equal(parse("name: x\ndvsecs:\n  - vendor: 0x1e98\n    id: 0\n    fields:\n"
			       "      - {field: capability.hdm_count, value: 3}\n"),
			 0);
	refused("name: x\ndvsecs:\n  - vendor: 0x1e98\n    id: 0\n    fields:\n"
		"      - {field: capability.hdm_count, value: 4}\n",
		"t.yaml:", "capability.hdm_count");
}

static void locked_fields_never_go_to_the_hardware(void **state)
{
	(void)state;
	refused("name: x\ndvsecs:\n  - vendor: 0x1e98\n    id: 0\n    fields:\n"
		"      - {field: control.mem_enable, read: hardware, write: [hardware]}\n",
		"t.yaml:", "control.mem_enable");
	refused("name: x\ndvsecs:\n  - vendor: 0x1e98\n    id: 0\n    fields:\n"
		"      - {field: lock.config_lock, read: hardware, write: [hardware]}\n",
		"t.yaml:", "lock.config_lock");
}

/* Fields begin in line 6 */
#define DEVICE "name: x\ndvsecs:\n  - vendor: 0x1e98\n    id: 0\n    fields:\n"
#define VENDOR "name: x\ndvsecs:\n  - vendor: 0x8086\n    id: 0x17\n    fields:\n"

#define F(name, offset, bits, attribute, more)                                                     \
	"      - {field: " name ", offset: " offset ", bits: " bits ", attribute: " attribute more \
	"}\n"

static void accepted(const char *text)
{
	if (parse(text) || policy_compile(&policy, &image, error))
		fail_msg("refused: %s", error);
}

static void known_fields_take_no_offset_and_no_bits(void **state)
{
	(void)state;
	refused(DEVICE "      - {field: control.mem_enable, offset: 0x0c, bits: 2}\n",
		"t.yaml:6: ", "control.mem_enable: is known; leave offset and bits out");
	refused(DEVICE "      - {field: control.mem_enable, bits: 2}\n",
		"t.yaml:6: ", "control.mem_enable: is known");
	refused(DEVICE "      - {field: control.mem_enable, offset: 12}\n",
		"t.yaml:6: ", "control.mem_enable: is known");
}

static void an_unknown_field_is_told_with_the_known_one_that_is_near(void **state)
{
	(void)state;
	refused(DEVICE "      - {field: control.mem_enabel, attribute: RO}\n", "t.yaml:6: ",
		"control.mem_enabel: the DVSEC has no such field, is it control.mem_enable?");
	refused(DEVICE "      - {field: config_lock, attribute: RO}\n",
		"t.yaml:6: ", "config_lock: the DVSEC has no such field, is it lock.config_lock?");
	refused(DEVICE "      - {field: colour, attribute: RO}\n",
		"t.yaml:6: ", "colour: the DVSEC has no such field");
	assert_null(strstr(error, "is it"));
	refused(DEVICE "      - {field: Control.mem_enable, attribute: RO}\n",
		"t.yaml:6: ", "is it control.mem_enable?");
	refused(DEVICE "      - {field: '', attribute: RO}\n", "t.yaml:6: ", "no such field");
	refused(DEVICE "      - {field: control.mem_enable, when: capability.mem_capabel}\n",
		"t.yaml:6: ",
		"control.mem_enable: when: capability.mem_capabel: the DVSEC has no such field, "
		"is it capability.mem_capable?");
}

static void a_field_of_another_dvsec_needs_offset_bits_and_attribute(void **state)
{
	(void)state;
	accepted(VENDOR F("a", "0x0c", "7:0", "RW", ""));
	refused(VENDOR "      - {field: a, bits: 0, attribute: RW}\n",
		"t.yaml:6: ", "a: offset is missing");
	refused(VENDOR "      - {field: a, offset: 12, attribute: RW}\n",
		"t.yaml:6: ", "a: bits is missing");
	refused(VENDOR "      - {field: a, offset: 12, bits: 0}\n",
		"t.yaml:6: ", "a: attribute is missing");
	/* Names that are known of the CXL device DVSEC are not known elsewhere */
	refused(VENDOR "      - {field: control.mem_enable, attribute: RW}\n",
		"t.yaml:6: ", "control.mem_enable: offset is missing");
	refused("name: x\ndvsecs:\n  - vendor: 0x1e98\n    id: 7\n    fields:\n"
		"      - {field: control.mem_enable}\n",
		"t.yaml:6: ", "control.mem_enable: offset is missing");
}

static void a_message_names_the_line_of_the_field_that_it_is_about(void **state)
{
	(void)state;
	refused("name: x\n"
		"dvsecs:\n"
		"  - vendor: 0x1e98\n"
		"    id: 0\n"
		"    fields:\n"
		"      - {field: control.mem_enable, attribute: RO}\n"
		"      - {field: control.io_enable, value: 1}\n"
		"  - id: 0x17\n"
		"    vendor: 0x8086\n"
		"    fields:\n"
		"      - {field: a, offset: 0x0c, bits: 0, attribute: RW}\n"
		"      -\n"
		"        attribute: RW\n"
		"        offset: 0x0c\n"
		"        bits: 0\n"
		"        field: b\n",
		"t.yaml:16: ", "b: overlaps a");
}

static void names_of_fields_are_of_few_characters_and_not_too_long(void **state)
{
	(void)state;
	accepted(VENDOR F("a_9.b", "0x0c", "0", "RW", ""));
	accepted(VENDOR F("a123456789b123456789c123456789d123456789e123456789f123456789abc", "0x0c",
			  "0", "RW", ""));
	assert_int_equal(strlen(policy.described[0].name), 63);
	refused(VENDOR F("a123456789b123456789c123456789d123456789e123456789f123456789abcd", "0x0c",
			 "0", "RW", ""),
		"t.yaml:6: ", "more than 63 characters");
	refused(VENDOR F("Enable", "0x0c", "0", "RW", ""), "t.yaml:6: ", "'Enable'");
	refused(VENDOR F("a-b", "0x0c", "0", "RW", ""), "t.yaml:6: ", "'a-b'");
	refused(VENDOR F("''", "0x0c", "0", "RW", ""), "t.yaml:6: ", "''");
	refused(VENDOR F("\"a\\nb\"", "0x0c", "0", "RW", ""), "t.yaml:6: ", "'a?b'");
	refused(VENDOR F("always", "0x0c", "0", "RW", ""), "t.yaml:6: ", "always");
}

static void names_of_fields_are_unique_in_their_dvsec_alone(void **state)
{
	(void)state;
	refused(VENDOR F("a", "0x0c", "0", "RW", "") F("a", "0x0c", "0", "RW", ""),
		"t.yaml:7: ", "a: named twice");
	refused(VENDOR F("a", "0x0c", "0", "RW", "") F("a", "0x0c", "1", "RW", ""),
		"t.yaml:7: ", "a: ");
	accepted(
		VENDOR F("a", "0x0c", "0", "RW", "") "  - vendor: 0x8086\n    id: 0x18\n"
						     "    fields:\n" F("a", "0x0c", "0", "RW", ""));
}

static void offsets_lie_behind_the_header_and_within_a_dvsec(void **state)
{
	(void)state;
	accepted(VENDOR F("a", "0x0a", "15:0", "RW", ""));
	accepted(VENDOR F("a", "11", "7:0", "RW", ""));
	refused(VENDOR F("a", "0x09", "0", "RW", ""),
		"t.yaml:6: ", "a: offset 0x9 is in the DVSEC's header");
	refused(VENDOR F("a", "0", "0", "RW", ""), "t.yaml:6: ", "a: offset 0 is in");
	refused(VENDOR F("a", "0xfff", "0", "RW", ""),
		"t.yaml:6: ", "a: offset 0xfff is behind the longest DVSEC");
	refused(VENDOR F("a", "0xffe", "8", "RW", ""), "t.yaml:6: ", "longest DVSEC");
	refused(VENDOR F("a", "0xffffffff", "31", "RW", ""), "t.yaml:6: ", "longest DVSEC");
	refused(VENDOR F("a", "0xffe", "7", "RW", ""), "t.yaml:6: ", "too far");
}

static void offsets_are_read_as_strictly_as_values(void **state)
{
	(void)state;
	refused(VENDOR F("a", "014", "0", "RW", ""), "t.yaml:6: ", "offset: '014'");
	refused(VENDOR F("a", "1z", "0", "RW", ""), "t.yaml:6: ", "offset: '1z'");
	refused(VENDOR F("a", "-12", "0", "RW", ""), "t.yaml:6: ", "offset: '-12'");
	refused(VENDOR F("a", "'12 '", "0", "RW", ""), "t.yaml:6: ", "offset: '12 '");
	refused(VENDOR F("a", "''", "0", "RW", ""), "t.yaml:6: ", "offset: ''");
	refused(VENDOR F("a", "0x10000000c", "0", "RW", ""), "t.yaml:6: ", "0x10000000c");
	refused(VENDOR "      - field: a\n        offset: 0c\n", "t.yaml:7: ", "offset: '0c'");
}

static void bits_are_a_number_or_two_with_a_colon_and_nothing_else(void **state)
{
	static const char *const wrong[] = {
		"''",  "a",   "7-4",	"7:4:0",       "'7:'",	       "':4'", "':'",
		"0x7", "07",  "7:04",	"'7 :4'",      "' 7'",	       "'7 '", "-1",
		"1.5", "32",  "40:4",	"4:7",	       "+7",	       "7_4",  "190:0",
		"00",  "1e1", "'7:4 '", "99999999999", "4294967296:0",
	};
	char text[256], cause[64];
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		snprintf(text, sizeof(text),
			 VENDOR "      - {field: a, offset: 12, bits: %s, attribute: RW}\n",
			 wrong[i]);
		snprintf(cause, sizeof(cause), "bits: '%.*s'",
			 (int)strcspn(wrong[i] + (wrong[i][0] == '\''), "'"),
			 wrong[i] + (wrong[i][0] == '\''));
		refused(text, "t.yaml:6: ", cause);
	}
	refused(VENDOR "      - {field: a, offset: 12, bits: [7, 4], attribute: RW}\n", "t.yaml:6",
		"");
	/* To YAML 1.1, 20:30 is 1230 */
	accepted(VENDOR F("a", "12", "30:20", "RW", ""));
	assert_int_equal(policy.described[0].hi, 30);
	assert_int_equal(policy.described[0].lo, 20);
	accepted(VENDOR F("a", "12", "'0:0'", "RW", ""));
	accepted(VENDOR F("a", "12", "31", "RW", ""));
	assert_int_equal(policy.described[0].lo, 31);
}

static void a_field_lies_in_one_dword(void **state)
{
	(void)state;
	accepted(VENDOR F("a", "0x0c", "31:0", "RW", "") F("b", "0x13", "7:0", "RW", ""));
	refused(VENDOR F("a", "0x0d", "24:20", "RW", ""),
		"t.yaml:6: ", "a: bits 24:20 from offset 0xd on are not in one dword");
	refused(VENDOR F("a", "0x0e", "16", "RW", ""), "t.yaml:6: ", "one dword");
	refused(VENDOR F("a", "0x0f", "8:7", "RW", ""), "t.yaml:6: ", "one dword");
}

static void fields_of_a_dvsec_do_not_overlap(void **state)
{
	(void)state;
	accepted(VENDOR F("a", "0x0c", "7:4", "RW", "") F("b", "0x0c", "3:0", "RW", "")
			 F("c", "0x0d", "7:0", "RW", ""));
	refused(VENDOR F("a", "0x0c", "7:4", "RW", "") F("b", "0x0c", "4:0", "RW", ""),
		"t.yaml:7: ", "b: overlaps a");
	refused(VENDOR F("a", "0x0c", "23:0", "RW", "") F("b", "0x0e", "0", "RO", ""),
		"t.yaml:7: ", "b: overlaps a");
}

static void an_attribute_means_the_same_in_every_dvsec(void **state)
{
	(void)state;
	refused(VENDOR F("a", "0x0c", "1:0", "RW", ", value: 4"),
		"t.yaml:6: ", "a: 4 doesn't fit in 2 bits");
	refused(VENDOR F("a", "0x0c", "0", "RO", ", write: [shadow]"),
		"t.yaml:6: ", "a: RO, so it isn't written");
	refused(VENDOR F("a", "0x0c", "0", "RsvdZ", ", value: 1"),
		"t.yaml:6: ", "a: RsvdZ, so it reads 0");
	refused(VENDOR F("a", "0x0c", "0", "RW", ", read: hardware, write: [shadow]"),
		"t.yaml:6: ", "a: a write must reach what is read");
	refused(VENDOR F("a", "0x0c", "7:0", "RWL", ", read: hardware, write: [hardware]"),
		"t.yaml:6: ", "a: RWL stays in the shadow");
	refused(VENDOR F("a", "0x0c", "7:0", "RWO", ", read: shadow, write: [shadow, hardware]"),
		"t.yaml:6: ", "a: RWO stays in the shadow");
	refused(VENDOR F("a", "0x0c", "0", "RW", ", action: initiate-cache-wbi"),
		"t.yaml:6: ", "a: no such action of it");
	refused(VENDOR F("a", "0x0c", "0", "RW", ", action: none"),
		"t.yaml:6: ", "a: no such action of it");
	refused(VENDOR F("a", "0x0c", "0", "RW", ", action: dance"), "t.yaml:6", "dance");
}

static void a_status_that_is_cleared_by_1_is_not_kept_in_the_shadow(void **state)
{
	(void)state;
	refused(DEVICE "      - {field: status.viral_status, read: shadow}\n",
		"t.yaml:6: ", "status.viral_status: RW1CS is read from the hardware or as a value");
	refused(DEVICE "      - {field: status.viral_status, read: shadow, write: []}\n",
		"t.yaml:6: ", "status.viral_status: RW1CS");
	refused(DEVICE "      - {field: control2.disable_caching, attribute: RW1C, read: shadow}\n",
		"t.yaml:6: ", "control2.disable_caching: RW1C");
	refused(VENDOR F("a", "0x0c", "0", "RW1C", ", read: shadow"), "t.yaml:6: ", "a: RW1C is");
	refused(VENDOR F("a", "0x0c", "0", "RW1C", ", read: shadow, value: 1, write: []"),
		"t.yaml:6: ", "a: RW1C is read from the hardware or as a value");
	refused(VENDOR F("a", "0x0c", "0", "RW1CS", ", read: shadow, write: [shadow]"),
		"t.yaml:6: ", "a: RW1CS is");
	refused(VENDOR F("a", "0x0c", "0", "RW1C", ", value: 0"),
		"t.yaml:6: ", "a: RW1C can only be cleared if read from the hardware");
	accepted(VENDOR F("a", "0x0c", "0", "RW1C", ", value: 0, write: []"));
	accepted(VENDOR F("a", "0x0c", "0", "RW1C", ", read: hardware, write: [shadow]"));
}

static void a_locked_field_needs_one_lock_of_one_bit_in_its_dvsec(void **state)
{
	(void)state;
	accepted(VENDOR F("a", "0x0c", "0", "RWL", "") F("lock", "0x14", "3", "RWO", ""));
	refused(VENDOR F("a", "0x0c", "0", "RWL", ""),
		"t.yaml:6: ", "a: RWL, but no field of the DVSEC is RWO in the shadow");
	refused(VENDOR F("a", "0x0c", "0", "RWL", "") F("lock", "0x14", "0", "RWO", "")
			F("too", "0x14", "1", "RWO", ""),
		"t.yaml:6: ", "a: RWL, but 2 fields of the DVSEC are RWO in the shadow");
	refused(VENDOR F("lock", "0x14", "1:0", "RWO", "") F("a", "0x0c", "0", "RWL", ""),
		"t.yaml:7: ", "a: RWL, but lock, which is RWO, isn't one bit");
	refused(VENDOR F("a", "0x0c", "0", "RWL", "")
			F("lock", "0x14", "0", "RWO", ", read: hardware, write: []"),
		"t.yaml:6: ", "a: RWL, but no field");
	/* Nor does that of another one do */
	refused(VENDOR F("a", "0x0c", "0", "RWL", "") "  - vendor: 0x8086\n    id: 0x18\n"
						      "    fields:\n" F("lock", "0x14", "0", "RWO",
									""),
		"t.yaml:6: ", "a: RWL, but no field");
	/* What can't be written needs no lock */
	accepted(VENDOR F("a", "0x0c", "0", "RWL", ", read: hardware, write: []"));
}

static void a_lock_needs_no_locked_field(void **state)
{
	(void)state;
	accepted(VENDOR F("a", "0x0c", "0", "RWO", "") F("b", "0x0c", "9:8", "RWO", ""));
}

static void a_condition_is_one_bit_of_the_same_dvsec(void **state)
{
	(void)state;
	/* Whichever of them is named first */
	accepted(VENDOR F("a", "0x0c", "0", "RW", ", when: cap") F("cap", "0x0a", "0", "RO", ""));
	accepted(VENDOR F("cap", "0x0a", "0", "RO", "") F("a", "0x0c", "0", "RW", ", when: cap"));
	accepted(VENDOR F("a", "0x0c", "0", "RW", ", when: always"));
	refused(VENDOR F("cap", "0x0a", "0", "RO", "") F("a", "0x0c", "0", "RW", ", when: cup"),
		"t.yaml:7: ", "a: when: cup: the DVSEC has no such field");
	refused(VENDOR F("a", "0x0c", "0", "RW", ", when: capability.mem_capable"),
		"t.yaml:6: ", "a: when: capability.mem_capable: the DVSEC has no such field");
	refused(DEVICE
		"      - {field: control.mem_enable, when: cap}\n"
		"  - vendor: 0x8086\n    id: 0x17\n    fields:\n" F("cap", "0x0a", "0", "RO", ""),
		"t.yaml:6: ", "control.mem_enable: when: cap: the DVSEC has no such field");
	refused(VENDOR F("cap", "0x0a", "1:0", "RO", "") F("a", "0x0c", "0", "RW", ", when: cap"),
		"t.yaml:7: ", "a: cap can't be a condition, it isn't one bit");
	refused(VENDOR F("cap", "0x0a", "0", "RsvdP", "") F("a", "0x0c", "0", "RW", ", when: cap"),
		"t.yaml:7: ", "a: cap can't be a condition");
	refused(DEVICE "      - {field: control.mem_enable, when: capability.hdm_count}\n",
		"t.yaml:6: ",
		"control.mem_enable: capability.hdm_count can't be a condition, it isn't one bit");
}

static void a_condition_has_none_itself_and_does_not_change_in_the_hardware(void **state)
{
	(void)state;
	refused(VENDOR F("a", "0x0c", "0", "RW", ", when: a"),
		"t.yaml:6: ", "a: a can't be a condition, it has one itself");
	refused(VENDOR F("a", "0x0c", "0", "RW", ", when: b") F("b", "0x0c", "1", "RW", ", when: c")
			F("c", "0x0a", "1", "RO", ""),
		"t.yaml:6: ", "a: b can't be a condition, it has one itself");
	refused(DEVICE "      - {field: control.mem_enable, when: control.direct_p2p_mem_enable}\n",
		"t.yaml:6: ",
		"control.direct_p2p_mem_enable can't be a condition, it has one itself");
	refused(VENDOR F("a", "0x0c", "0", "RW", ", when: b") F("b", "0x0e", "0", "RW1C", ""),
		"t.yaml:6: ", "a: b can't be a condition, it changes in the hardware");
	refused(VENDOR F("a", "0x0c", "0", "RW", ", when: b")
			F("b", "0x0e", "0", "RW", ", read: hardware, write: [hardware]")
				F("c", "0x0e", "7:1", "RsvdP", ""),
		"t.yaml:6: ", "a: b can't be a condition, it changes in the hardware");
	refused(DEVICE "      - {field: control.mem_enable, when: status.viral_status}\n",
		"t.yaml:6: ",
		"status.viral_status can't be a condition, it changes in the hardware");
	/* A bit of the shadow is known at any time */
	accepted(VENDOR F("a", "0x0c", "0", "RW", ", when: b") F("b", "0x0e", "0", "RW", ""));
}

static void a_dword_has_no_more_conditions_than_the_table_holds(void **state)
{
	char text[4096] = VENDOR;
	unsigned int i;

	(void)state;
	for (i = 0; i < 7; i++) {
		if (i == 6)
			accepted(text);
		sprintf(text + strlen(text),
			"      - {field: cap%u, offset: 0x0a, bits: %u, attribute: RO}\n"
			"      - {field: a%u, offset: 0x0c, bits: %u, attribute: RW, when: cap%u}\n",
			i, i, i, i, i);
	}
	refused(text, "t.yaml:19: ", "a6: more than 6 conditions in one dword");
}

static void conditions_on_one_bit_of_two_registers_are_two(void **state)
{
	(void)state;
	accepted(VENDOR F("cap1", "0x0c", "0", "RO", "") F("cap2", "0x10", "0", "RO", "")
			 F("a", "0x14", "0", "RW", ", when: cap1")
				 F("b", "0x14", "1", "RW", ", when: cap2")
					 F("c", "0x14", "2", "RW", ", when: cap1"));
	assert_int_equal(image.table.rules[15 + 5].nr_conds, 2);
	assert_int_equal(image.table.rules[15 + 5].conds[0].bits, 0x5);
	assert_int_equal(image.table.rules[15 + 5].conds[0].cap_rule, 3);
	assert_int_equal(image.table.rules[15 + 5].conds[1].bits, 0x2);
	assert_int_equal(image.table.rules[15 + 5].conds[1].cap_rule, 4);
}

static void a_field_that_goes_to_the_hardware_has_its_bytes_described(void **state)
{
	(void)state;
	accepted(VENDOR F("a", "0x0c", "0", "RW", ", read: shadow, write: [shadow, hardware]")
			 F("b", "0x0c", "6:1", "RsvdP", "") F("c", "0x0c", "7", "RW1C", ""));
	refused(VENDOR F("a", "0x0c", "0", "RW", ", read: shadow, write: [shadow, hardware]"),
		"t.yaml:6: ", "a: a write takes whole bytes, describe bits 7:1 at offset 0xc too");
	refused(VENDOR F("b", "0x0c", "5:4", "RsvdP", "")
			F("a", "0x0c", "0", "RW", ", read: shadow, write: [shadow, hardware]"),
		"t.yaml:7: ", "a: a write takes whole bytes, describe bits 3:1, 7:6 at offset 0xc");
	/* Counted from the register, of all the bytes that it touches */
	refused(VENDOR F("a", "0x0e", "8:7", "RW", ", read: hardware, write: [hardware]"),
		"t.yaml:6: ",
		"a: a write takes whole bytes, describe bits 6:0, 15:9 at offset 0xe");
	/* A status that is cleared in the hardware is written too */
	refused(VENDOR F("a", "0x0c", "3", "RW1C", ", write: [hardware]"), "t.yaml:6: ",
		"a: a write takes whole bytes, describe bits 2:0, 7:4 at offset 0xc too");
	accepted(VENDOR F("a", "0x0c", "31:0", "RW", ", read: hardware, write: [hardware]"));
}

/* Removed by the next one, so that a failed test leaves but a little behind */
static const char *base_file(const char *text)
{
	static char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/tmp/test_policy.%d.yaml", getpid());
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	return path;
}

static const char *based_on(const char *base, const char *dvsecs)
{
	static char text[4096];

	/* Fields begin in line 7 */
	snprintf(text, sizeof(text), "name: y\nbased-on: %s\n%s", base_file(base), dvsecs);
	return text;
}

#define AGAIN "dvsecs:\n  - vendor: 0x8086\n    id: 0x17\n    fields:\n"

static void fields_are_inherited_and_what_is_named_again_is_replaced(void **state)
{
	static const char base[] = VENDOR F("a", "0x0c", "3:0", "RW", ", value: 5")
		F("b", "0x0c", "7:4", "RWL", "") F("lock", "0x14", "0", "RWO", "");

	(void)state;
	accepted(based_on(base, ""));
	assert_int_equal(policy.nr_described, 3);
	assert_int_equal(image.nr_claims, 1);
	assert_int_equal(image.table.rules[15 + 3].shadow, 0xff);
	assert_int_equal(image.table.rules[15 + 3].value, 0x05);
	assert_int_equal(image.table.rules[15 + 3].lock, 0xf0);

	accepted(based_on(base, AGAIN "      - {field: a, attribute: RO, value: 9}\n"
				      "      - {field: b, value: 3}\n"));
	assert_int_equal(policy.nr_described, 3);
	assert_int_equal(image.table.nr_dvsecs, 2);
	assert_int_equal(image.table.rules[15 + 3].shadow, 0xf0);
	assert_int_equal(image.table.rules[15 + 3].write, 0xf0);
	assert_int_equal(image.table.rules[15 + 3].value, 0x39);

	accepted(based_on(base, AGAIN "      - {field: a, offset: 12, bits: 3:0, value: 1}\n" F(
					"c", "0x0c", "8", "RW", ", when: cap")
					F("cap", "0x18", "31", "RO", "")));
	assert_int_equal(policy.nr_described, 5);
	assert_int_equal(image.table.rules[15 + 3].nr_conds, 1);
	assert_int_equal(image.table.dvsecs[1].nr_rules, 7);
	unlink(base_file(""));
}

static void an_inherited_field_stays_where_it_is(void **state)
{
	static const char base[] = VENDOR F("a", "0x0c", "3:0", "RW", "");

	(void)state;
	refused(based_on(base, AGAIN F("a", "0x0e", "3:0", "RW", "")),
		"t.yaml:7: ", "a: is at offset 0xc already, not at 0xe");
	refused(based_on(base, AGAIN F("a", "0x0c", "4:0", "RW", "")),
		"t.yaml:7: ", "a: has bits 3:0 already, not 4:0");
	refused(based_on(base, AGAIN F("b", "0x0c", "3", "RW", "")), "t.yaml:7: ", "b: overlaps a");
	refused(based_on(base, AGAIN "      - {field: b, value: 3}\n"),
		"t.yaml:7: ", "b: offset is missing");
	unlink(base_file(""));
}

static void what_a_policy_inherits_is_checked_with_what_it_adds(void **state)
{
	static const char base[] = VENDOR F("a", "0x0c", "3:0", "RWL", "")
		F("cap", "0x0a", "0", "RO", "") F("b", "0x10", "0", "RW", ", when: cap")
			F("lock", "0x14", "0", "RWO", "");

	(void)state;
	/* Of those that are named here, none is to blame but the DVSEC */
	refused(based_on(base, AGAIN "      - {field: lock, attribute: RW}\n"),
		"t.yaml:4: ", "a: RWL, but no field of the DVSEC is RWO in the shadow");
	refused(based_on(base, AGAIN F("lock2", "0x14", "1", "RWO", "")),
		"t.yaml:4: ", "a: RWL, but 2 fields");
	refused(based_on(base, AGAIN "      - {field: cap, attribute: RW1C}\n"),
		"t.yaml:4: ", "b: cap can't be a condition, it changes in the hardware");
	refused(based_on(base,
			 AGAIN "      - {field: b, read: shadow, write: [shadow, hardware]}\n"),
		"t.yaml:7: ", "b: a write takes whole bytes, describe bits 7:1 at offset 0x10 too");
	accepted(based_on(base, AGAIN "      - {field: b, when: always}\n"));
	assert_int_equal(image.table.rules[15 + 4].nr_conds, 0);
	unlink(base_file(""));
}

/* What the hardware does is as it was first described, whatever a policy makes of it */
static void a_status_that_a_later_policy_hides_is_not_written_back(void **state)
{
	static const char base[] =
		VENDOR F("a", "0x0c", "0", "RW", ", read: shadow, write: [shadow, hardware]")
			F("b", "0x0c", "7:1", "RW1C", "");

	(void)state;
	accepted(based_on(base, AGAIN "      - {field: b, attribute: RO, value: 0}\n"));
	assert_int_equal(image.table.rules[15 + 3].zero, 0xfe);
	assert_int_equal(image.table.rules[15 + 3].ack, 0);
	unlink(base_file(""));
}

static void rules_of_all_dvsecs_fit_in_the_table(void **state)
{
	(void)state;
	/* 128 dwords less the 15 of the CXL device DVSEC */
	accepted(VENDOR F("a", "0x1c0", "31", "RW", ""));
	assert_int_equal(image.table.nr_rules, 128);
	refused(VENDOR F("a", "0x1c4", "0", "RW", ""),
		"t.yaml:6: ", "a: offset 0x1c4 is too far, 113 of 128 dwords of rules are left");
	accepted(VENDOR F("a", "0x1b4", "0", "RW", "") "  - vendor: 0x8086\n    id: 0x18\n"
						       "    fields:\n" F("a", "0x0a", "0", "RW",
									 ""));
	assert_int_equal(image.table.nr_rules, 128);
	assert_int_equal(image.table.dvsecs[2].first_rule, 125);
	refused(VENDOR F("a", "0x1b4", "0", "RW", "") "  - vendor: 0x8086\n    id: 0x18\n"
						      "    fields:\n" F("a", "0x0c", "0", "RW", ""),
		"t.yaml:10: ", "a: offset 0xc is too far, 3 of 128 dwords of rules are left");
	/* The first one can't grow behind the second either */
	refused(VENDOR F("a", "0x1b4", "0", "RW", "") F("b", "0x1c4", "0", "RW", ""),
		"t.yaml:7: ", "b: offset 0x1c4 is too far");
}

static void as_many_fields_as_there_are_bits_can_be_described(void **state)
{
	static char text[512 * 1024];
	unsigned int offset, bit;
	size_t len;

	(void)state;
	len = sprintf(text, VENDOR);
	for (offset = 0x0c; offset <= 0x1c0; offset += 4)
		for (bit = 0; bit < 32; bit++)
			len += sprintf(text + len,
				       "      - {field: f%u.%u, offset: %u, bits: %u, "
				       "attribute: RO, value: 1}\n",
				       offset, bit, offset, bit);
	accepted(text);
	assert_int_equal(policy.nr_described, 110 * 32);
	assert_int_equal(image.table.rules[127].value, 0xffffffff);
	assert_int_equal(image.table.rules[127].hw, 0);
}

static void fields_of_no_more_dvsecs_than_the_table_holds(void **state)
{
	char text[4096] = "name: x\ndvsecs:\n";
	unsigned int i;

	(void)state;
	for (i = 1; i <= 16; i++) {
		if (i == 16)
			accepted(text);
		sprintf(text + strlen(text),
			"  - vendor: 0x8086\n    id: %u\n    fields:\n"
			"      - {field: a, offset: 0x0c, bits: 0, attribute: RW}\n",
			i);
	}
	assert_int_equal(image.table.nr_dvsecs, 16);
	assert_int_equal(image.nr_claims, 15);
	refused(text, "t.yaml:66: ", "a: fields of more than 16 DVSECs, the CXL device's included");
}

static void a_policy_names_no_more_kinds_of_dvsecs_than_it_can_claim(void **state)
{
	char text[1024] = "dvsecs:\n", base[1024] = "name: x\ndvsecs:\n";
	unsigned int i;

	(void)state;
	for (i = 0; i < 8; i++)
		sprintf(base + strlen(base), "  - {vendor: 0x8086, id: %u}\n", i);
	for (i = 4; i < 16; i++)
		sprintf(text + strlen(text), "  - {vendor: 0x8086, id: %u}\n", i);
	accepted(based_on(base, text));
	assert_int_equal(image.nr_claims, 16);
	assert_int_equal(image.claims[15].vendor, 0x8086);
	assert_int_equal(image.claims[15].id, 15);
	sprintf(text + strlen(text), "  - {vendor: 0x8086, id: 16}\n");
	refused(based_on(base, text), "t.yaml:16: ", "more than 16 kinds of DVSECs");
	unlink(base_file(""));
}

static void only_dvsecs_that_are_not_of_cxl_are_claimed(void **state)
{
	(void)state;
	accepted("name: x\ndvsecs:\n  - {vendor: 0x1e98, id: 0}\n  - {vendor: 0x1e98, id: 7}\n"
		 "  - {vendor: 0x1e98, id: 0xffff}\n");
	assert_int_equal(image.nr_claims, 0);
	accepted("name: x\ndvsecs:\n  - {vendor: 0x1e98, id: 7}\n  - {vendor: 0x8086, id: 7}\n"
		 "  - {vendor: 0x1e98, id: 0}\n  - {vendor: 0x1e97, id: 0}\n");
	assert_int_equal(image.nr_claims, 2);
	assert_int_equal(image.claims[0].vendor, 0x8086);
	assert_int_equal(image.claims[0].id, 7);
	assert_int_equal(image.claims[1].vendor, 0x1e97);
	assert_int_equal(image.claims[1].id, 0);
	/* Without fields there are no rules, and what has none is read-only */
	assert_int_equal(image.table.nr_dvsecs, 1);
	assert_int_equal(image.table.nr_rules, 15);
}

static void fields_are_refused_where_access_is_passthrough(void **state)
{
	(void)state;
	refused("access: passthrough\n" VENDOR F("a", "0x0c", "0", "RW", ""),
		"t.yaml:4: ", "fields, but access is passthrough");
	accepted("access: passthrough\nname: x\ndvsecs:\n  - {vendor: 0x8086, id: 0x17}\n");
	assert_int_equal(image.nr_claims, 1);
}

static void passthrough_has_no_rules_for_fields_that_it_inherits(void **state)
{
	(void)state;
	accepted(based_on(VENDOR F("a", "0x0c", "0", "RW", ""), "access: passthrough\n"));
	assert_int_equal(image.table.flags & CXL_POLICY_RAW, CXL_POLICY_RAW);
	assert_int_equal(image.table.nr_dvsecs, 1);
	assert_int_equal(image.nr_claims, 1);
	unlink(base_file(""));
}

static void read_only_takes_the_writes_of_all_dvsecs_away(void **state)
{
	unsigned int i;

	(void)state;
	accepted("access: read-only\n" VENDOR F("a", "0x0c", "0", "RW",
						", read: shadow, write: [shadow, hardware]")
			 F("b", "0x0c", "6:1", "RWL", "")
				 F("c", "0x0c", "7", "RW1C", ", write: [hardware]")
					 F("d", "0x10", "0", "RWO", ""));
	assert_int_equal(image.table.nr_rules, 15 + 5);
	for (i = 0; i < image.table.nr_rules; i++) {
		const struct cxl_rule *rule = &image.table.rules[i];

		assert_int_equal(rule->write | rule->lock | rule->once | rule->fwd | rule->fwd1, 0);
		assert_int_equal(rule->undo | rule->wbi | rule->reset, 0);
	}
	assert_int_equal(image.table.rules[15 + 3].shadow, 0x7f);
	assert_int_equal(image.table.rules[15 + 4].shadow, 0x01);
}

static void fields_make_the_rules_of_their_dvsec_and_of_no_other(void **state)
{
	const struct cxl_policy *table = &image.table;
	const struct cxl_rule *rule;

	(void)state;
	shipped("cxl-device");
	accepted(
		"name: x\nbased-on: cxl-device\ndvsecs:\n"
		"  - vendor: 0x8086\n    id: 0x17\n    fields:\n" F(
			"control.enable", "0x0c", "0", "RW",
			"") F("control.mode", "0x0c", "7:4", "RWL",
			      ", value: 3") F("control.lock", "0x0c", "15", "RWO",
					      "") F("control.boost", "0x0e", "0", "RW",
						    ", when: can_boost")
			F("can_boost", "0x0a", "3", "RO",
			  "") "  - vendor: 0x1e98\n    id: 7\n    fields:\n" F("capability.cache_capable",
									       "0x0a", "0", "RO",
									       ", value: 0")
				F("status.error", "0x10", "2", "RW1C", "") F("status.ready", "0x10",
									     "3", "RO", "")
					F("status.rsvd", "0x10", "15:4", "RsvdZ", "")
						F("status.fatal", "0x10", "0", "RW1CS",
						  ", write: [hardware]")
							F("status.old", "0x10", "1", "HwInit", ""));

	assert_int_equal(table->nr_dvsecs, 3);
	assert_int_equal(table->nr_rules, 15 + 4 + 5);
	assert_memory_equal(table->rules, built_in.rules, 15 * sizeof(table->rules[0]));
	assert_memory_equal(&table->dvsecs[0], &built_in.dvsecs[0], sizeof(table->dvsecs[0]));

	assert_int_equal(table->dvsecs[1].vendor, 0x8086);
	assert_int_equal(table->dvsecs[1].id, 0x17);
	assert_int_equal(table->dvsecs[1].first_rule, 15);
	assert_int_equal(table->dvsecs[1].nr_rules, 4);
	assert_int_equal(table->dvsecs[1].lock_rule, 3);
	assert_int_equal(table->dvsecs[1].lock_mask, 0x8000);
	assert_int_equal(table->rules[15].hw, 0xffffffff);
	assert_int_equal(table->rules[16].hw, 0xffffffff);
	assert_int_equal(table->rules[17].hw, 0xffffffff);
	rule = &table->rules[18];
	assert_int_equal(rule->hw, 0xfffe7f0e);
	assert_int_equal(rule->shadow, 0x000180f1);
	assert_int_equal(rule->value, 0x00000030);
	assert_int_equal(rule->write, 0x000100f1);
	assert_int_equal(rule->lock, 0x000000f0);
	assert_int_equal(rule->once, 0x00008000);
	assert_int_equal(rule->fwd | rule->fwd1 | rule->undo | rule->ack | rule->zero, 0);
	assert_int_equal(rule->nr_conds, 1);
	assert_int_equal(rule->conds[0].bits, 0x00010000);
	assert_int_equal(rule->conds[0].cap_rule, 2);
	assert_int_equal(rule->conds[0].cap_mask, 0x00080000);
	assert_int_equal(rule->conds[0].reserved, 0);

	assert_int_equal(table->dvsecs[2].vendor, 0x1e98);
	assert_int_equal(table->dvsecs[2].id, 7);
	assert_int_equal(table->dvsecs[2].first_rule, 19);
	assert_int_equal(table->dvsecs[2].nr_rules, 5);
	assert_int_equal(table->dvsecs[2].lock_mask, 0);
	assert_int_equal(table->rules[21].hw, 0xfffeffff);
	assert_int_equal(table->rules[21].value, 0);
	rule = &table->rules[23];
	assert_int_equal(rule->hw, 0xffff000f);
	assert_int_equal(rule->ack, 0x0004);
	assert_int_equal(rule->write, 0x0004);
	assert_int_equal(rule->fwd1, 0x0001);
	assert_int_equal(rule->sticky, 0x0001);
	assert_int_equal(rule->zero, 0xfff5);
	assert_int_equal(rule->reserved, 0xfff0);
	assert_int_equal(rule->w1, 0xffff);
	assert_int_equal(rule->shadow | rule->fwd | rule->undo | rule->once, 0);
}

static void a_policy_based_on_itself_is_refused(void **state)
{
	char path[] = "/tmp/test_policy.XXXXXX";
	char file[64], text[128];
	FILE *f;

	(void)state;
	assert_non_null(mkdtemp(path));
	snprintf(file, sizeof(file), "%s/loop.yaml", path);
	f = fopen(file, "w");
	assert_non_null(f);
	snprintf(text, sizeof(text), "name: loop\nbased-on: %s\n", file);
	fputs(text, f);
	fclose(f);
	assert_int_equal(policy_load(file, &policy, error), -EINVAL);
	assert_non_null(strstr(error, "based on itself"));
	unlink(file);
	rmdir(path);
}

static void a_policy_based_on_one_that_is_not_there_is_refused(void **state)
{
	(void)state;
	refused("name: x\nbased-on: no-such\n", "", "no-such");
}

static void a_folder_is_no_policy(void **state)
{
	(void)state;
	assert_int_not_equal(policy_load("/tmp/", &policy, error), 0);
	assert_non_null(strstr(error, "/tmp/"));
}

static void an_action_is_that_of_a_field_that_is_rw(void **state)
{
	(void)state;
	refused("name: t\ndvsecs:\n  - vendor: 0x1e98\n    id: 0\n    fields:\n"
		"      - {field: control2.initiate_cxl_reset, attribute: RW1C,\n"
		"         action: initiate-cxl-reset}\n",
		"t.yaml:6: ", "control2.initiate_cxl_reset: an action, but RW1C and not RW");
	refused("name: t\ndvsecs:\n  - vendor: 0x1e98\n    id: 0\n    fields:\n"
		"      - {field: control2.initiate_cache_wbi, attribute: RsvdP,\n"
		"         action: initiate-cache-wbi}\n",
		"t.yaml:6: ", "control2.initiate_cache_wbi: an action, but RsvdP and not RW");
}

static void what_is_locked_needs_a_lock_in_the_shadow(void **state)
{
	(void)state;
	refused("name: t\ndvsecs:\n  - vendor: 0x1e98\n    id: 0\n    fields:\n"
		"      - {field: lock.config_lock, attribute: RO, value: 1}\n",
		"t.yaml: ", "control.cache_enable: RWL, but lock.config_lock isn't in the shadow");
	refused("name: t\ndvsecs:\n  - vendor: 0x1e98\n    id: 0\n    fields:\n"
		"      - {field: lock.config_lock, when: capability.mem_capable}\n",
		"t.yaml: ", "control.cache_enable: RWL, but lock.config_lock has a condition");
	assert_int_equal(parse("name: t\ndvsecs:\n  - vendor: 0x1e98\n    id: 0\n    fields:\n"
			       "      - {field: lock.config_lock, attribute: RWO, value: 1}\n"),
			 0);
}

static void what_reads_a_value_is_not_written(void **state)
{
	(void)state;
	refused("name: t\ndvsecs:\n  - vendor: 0x1e98\n    id: 0\n    fields:\n"
		"      - {field: control2.disable_caching, attribute: RW, read: value, value: 1,\n"
		"         write: [hardware]}\n",
		"t.yaml:6: ", "control2.disable_caching: a write must reach what is read");
}

static const char *reason_of(unsigned int id)
{
	return policy.texts + policy.fields[id].reason;
}

static void a_reason_is_that_of_its_own_entry(void **state)
{
	const unsigned int reset = CXL_DVSEC_FIELD_CAPABILITY_CXL_RESET_CAPABLE;

	(void)state;
	shipped("cxl-device");
	assert_true(strlen(reason_of(reset)) > 0);
	assert_string_equal(reason_of(CXL_DVSEC_FIELD_CONTROL_IO_ENABLE), "");

	assert_int_equal(
		parse("name: t\nbased-on: loader/policies/cxl-device.yaml\n"
		      "dvsecs:\n  - vendor: 0x1e98\n    id: 0\n    fields:\n"
		      "      - {field: capability.cxl_reset_capable, value: 1}\n"
		      "      - {field: capability.hdm_count, value: 2, reason: so be it}\n"),
		0);
	assert_string_equal(reason_of(reset), "");
	assert_string_equal(reason_of(CXL_DVSEC_FIELD_CAPABILITY_HDM_COUNT), "so be it");
	assert_true(strlen(reason_of(CXL_DVSEC_FIELD_LOCK_CONFIG_LOCK)) > 0);
}

static void reasons_have_a_bounded_length(void **state)
{
	char text[512], word[257];

	(void)state;
	memset(word, 'x', sizeof(word) - 1);
	word[256] = '\0';
	snprintf(text, sizeof(text),
		 "name: t\ndvsecs:\n  - vendor: 0x1e98\n    id: 0\n    fields:\n"
		 "      - {field: capability.hdm_count, value: 2, reason: %s}\n",
		 word);
	refused(text, "t.yaml:6: ", "");
	text[strlen(text) - 3] = '}';
	text[strlen(text) - 2] = '\n';
	text[strlen(text) - 1] = '\0';
	assert_int_equal(parse(text), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shipped_policies_load_and_compile),
		cmocka_unit_test(object_and_loader_carry_the_same_default_policy),
		cmocka_unit_test(shipped_policies_claim_all_dvsecs_of_cxl),
		cmocka_unit_test(a_policy_is_found_by_its_name),
		cmocka_unit_test(an_unknown_policy_is_enoent_and_named),
		cmocka_unit_test(the_smallest_policy_is_a_name),
		cmocka_unit_test(unknown_keys_are_refused_with_a_line),
		cmocka_unit_test(duplicate_keys_are_refused_with_a_line),
		cmocka_unit_test(missing_keys_are_refused),
		cmocka_unit_test(numbers_that_overflow_are_refused_with_their_line),
		cmocka_unit_test(numbers_with_a_leading_zero_are_refused_as_they_read_octal),
		cmocka_unit_test(numbers_that_are_none_are_refused),
		cmocka_unit_test(unknown_fields_are_refused_with_their_line),
		cmocka_unit_test(unknown_words_are_refused_with_their_line),
		cmocka_unit_test(a_name_has_up_to_31_characters),
		cmocka_unit_test(names_that_leave_a_folder_or_look_like_options_are_refused),
		cmocka_unit_test(files_that_are_no_policy_are_refused),
		cmocka_unit_test(a_zero_byte_does_not_end_a_policy),
		cmocka_unit_test(a_dvsec_or_field_named_twice_is_refused),
		cmocka_unit_test(more_dvsecs_than_the_kernel_takes_are_refused),
		cmocka_unit_test(values_must_fit_their_field),
		cmocka_unit_test(locked_fields_never_go_to_the_hardware),
		cmocka_unit_test(known_fields_take_no_offset_and_no_bits),
		cmocka_unit_test(an_unknown_field_is_told_with_the_known_one_that_is_near),
		cmocka_unit_test(a_field_of_another_dvsec_needs_offset_bits_and_attribute),
		cmocka_unit_test(a_message_names_the_line_of_the_field_that_it_is_about),
		cmocka_unit_test(names_of_fields_are_of_few_characters_and_not_too_long),
		cmocka_unit_test(names_of_fields_are_unique_in_their_dvsec_alone),
		cmocka_unit_test(offsets_lie_behind_the_header_and_within_a_dvsec),
		cmocka_unit_test(offsets_are_read_as_strictly_as_values),
		cmocka_unit_test(bits_are_a_number_or_two_with_a_colon_and_nothing_else),
		cmocka_unit_test(a_field_lies_in_one_dword),
		cmocka_unit_test(fields_of_a_dvsec_do_not_overlap),
		cmocka_unit_test(an_attribute_means_the_same_in_every_dvsec),
		cmocka_unit_test(a_status_that_is_cleared_by_1_is_not_kept_in_the_shadow),
		cmocka_unit_test(a_locked_field_needs_one_lock_of_one_bit_in_its_dvsec),
		cmocka_unit_test(a_lock_needs_no_locked_field),
		cmocka_unit_test(a_condition_is_one_bit_of_the_same_dvsec),
		cmocka_unit_test(a_condition_has_none_itself_and_does_not_change_in_the_hardware),
		cmocka_unit_test(a_dword_has_no_more_conditions_than_the_table_holds),
		cmocka_unit_test(conditions_on_one_bit_of_two_registers_are_two),
		cmocka_unit_test(a_field_that_goes_to_the_hardware_has_its_bytes_described),
		cmocka_unit_test(fields_are_inherited_and_what_is_named_again_is_replaced),
		cmocka_unit_test(an_inherited_field_stays_where_it_is),
		cmocka_unit_test(what_a_policy_inherits_is_checked_with_what_it_adds),
		cmocka_unit_test(a_status_that_a_later_policy_hides_is_not_written_back),
		cmocka_unit_test(rules_of_all_dvsecs_fit_in_the_table),
		cmocka_unit_test(as_many_fields_as_there_are_bits_can_be_described),
		cmocka_unit_test(fields_of_no_more_dvsecs_than_the_table_holds),
		cmocka_unit_test(a_policy_names_no_more_kinds_of_dvsecs_than_it_can_claim),
		cmocka_unit_test(only_dvsecs_that_are_not_of_cxl_are_claimed),
		cmocka_unit_test(fields_are_refused_where_access_is_passthrough),
		cmocka_unit_test(passthrough_has_no_rules_for_fields_that_it_inherits),
		cmocka_unit_test(read_only_takes_the_writes_of_all_dvsecs_away),
		cmocka_unit_test(fields_make_the_rules_of_their_dvsec_and_of_no_other),
		cmocka_unit_test(a_policy_based_on_itself_is_refused),
		cmocka_unit_test(a_policy_based_on_one_that_is_not_there_is_refused),
		cmocka_unit_test(a_folder_is_no_policy),
		cmocka_unit_test(an_action_is_that_of_a_field_that_is_rw),
		cmocka_unit_test(what_is_locked_needs_a_lock_in_the_shadow),
		cmocka_unit_test(what_reads_a_value_is_not_written),
		cmocka_unit_test(a_reason_is_that_of_its_own_entry),
		cmocka_unit_test(reasons_have_a_bounded_length),
	};

	setenv(POLICY_DIR_ENV, "loader/policies", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
