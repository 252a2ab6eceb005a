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
		cmocka_unit_test(a_policy_based_on_itself_is_refused),
		cmocka_unit_test(a_policy_based_on_one_that_is_not_there_is_refused),
		cmocka_unit_test(a_folder_is_no_policy),
	};

	setenv(POLICY_DIR_ENV, "loader/policies", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
