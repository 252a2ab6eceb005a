// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which device gets which policy, and what has to be done for it.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "assign_dir.h"

static char error[POLICY_ERROR_LEN];

static int setup(void **state)
{
	*state = calloc(1, sizeof(struct assignments));
	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	assign_free(*state);
	free(*state);
	return 0;
}

static void read_file(struct assignments *all, const char *file, const char *text)
{
	char origin[64];
	int err;

	snprintf(origin, sizeof(origin), "/etc/x/%s", file);
	err = assign_parse(text, strlen(text), origin, file, all, error);
	if (err)
		fail_msg("%s", error);
}

static void refuse(struct assignments *all, const char *text, const char *want)
{
	assert_int_not_equal(
		assign_parse(text, strlen(text), "/etc/x/f.yaml", "f.yaml", all, error), 0);
	if (!strstr(error, want))
		fail_msg("'%s' has no '%s'", error, want);
}

static struct assign_device device_at(const char *address, uint16_t vendor, uint16_t id,
				      uint32_t class)
{
	struct assign_device device = { .cxl = true,
					.vendor = vendor,
					.device_id = id,
					.class = class };

	assert_int_equal(device_parse(address, &device.address), 0);
	return device;
}

/* Nothing is there that can be seen */
static struct assign_device absent_at(const char *address)
{
	struct assign_device device = {};

	assert_int_equal(device_parse(address, &device.address), 0);
	return device;
}

static const char *policy_of(const struct assignments *all, const struct assign_device *device)
{
	const struct assignment *found = assign_find(all, device);

	return found ? found->policy : NULL;
}

/*
 * What is written
 */

static void the_most_specific_assignment_wins(void **state)
{
	const struct assign_device first = device_at("0000:0d:00.0", 0x8086, 0x0d93, 0x050210);
	const struct assign_device second = device_at("0000:0e:00.0", 0x8086, 0x0d93, 0x050210);
	const struct assign_device third = device_at("0000:0f:00.0", 0x8086, 0x0d94, 0x050210);
	const struct assign_device fourth = device_at("0000:10:00.0", 0x8086, 0x0d94, 0x050200);
	const struct assign_device other = device_at("0000:11:00.0", 0x8087, 0x0d93, 0x120010);
	/* Each is before the more specific ones, and in another order after them */
	static const char *const texts[] = {
		"devices:\n"
		"  - {class: 0502, policy: by-class}\n"
		"  - {class: 050210, policy: by-prog-if}\n"
		"  - {id: 8086:0d93, policy: by-id}\n"
		"  - {address: 0000:0d:00.0, policy: by-address}\n",
		"devices:\n"
		"  - {address: '0d:00.0', policy: by-address}\n"
		"  - {id: '8086:0D93', policy: by-id}\n"
		"  - {class: '050210', policy: by-prog-if}\n"
		"  - {class: '0502', policy: by-class}\n",
	};
	struct assignments *all = *state;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(texts); i++) {
		read_file(all, "devices.yaml", texts[i]);
		assert_string_equal(policy_of(all, &first), "by-address");
		assert_string_equal(policy_of(all, &second), "by-id");
		assert_string_equal(policy_of(all, &third), "by-prog-if");
		assert_string_equal(policy_of(all, &fourth), "by-class");
		assert_null(policy_of(all, &other));
		assign_free(all);
	}
}

static void a_later_file_overrides_the_same_match_alone(void **state)
{
	const struct assign_device first = device_at("0000:0d:00.0", 0x8086, 0x0d93, 0x050210);
	const struct assign_device second = device_at("0000:0e:00.0", 0x8086, 0x0d93, 0x050210);
	struct assignments *all = *state;

	read_file(all, "devices.yaml",
		  "devices:\n"
		  "  - {address: 0000:0d:00.0, policy: old}\n"
		  "  - {id: 8086:0d93, policy: by-id}\n");
	read_file(all, "devices.d/10.yaml",
		  "devices:\n"
		  "  - {id: 8086:0d94, policy: unrelated}\n"
		  "\n"
		  "  - address: 0d:00.0\n"
		  "    policy: new\n");
	assert_int_equal(all->nr, 3);
	assert_string_equal(policy_of(all, &first), "new");
	assert_string_equal(assign_find(all, &first)->file, "devices.d/10.yaml");
	assert_int_equal(assign_find(all, &first)->line, 4);
	assert_string_equal(policy_of(all, &second), "by-id");
	assert_string_equal(assign_find(all, &second)->file, "devices.yaml");
	assert_int_equal(assign_find(all, &second)->line, 3);
}

static void the_same_match_twice_in_a_file_is_refused(void **state)
{
	refuse(*state,
	       "devices:\n"
	       "  - {address: 0000:0d:00.0, policy: a}\n"
	       "  - {id: 8086:0d93, policy: a}\n"
	       "  - {address: 0d:00.0, policy: b}\n",
	       "/etc/x/f.yaml:4: address 0000:0d:00.0 has an assignment already, in line 2");
	assign_free(*state);
	refuse(*state,
	       "devices:\n"
	       "  - {id: 8086:0D93, policy: a}\n"
	       "  - {id: 8086:0d93, policy: a}\n",
	       "/etc/x/f.yaml:3: id 8086:0d93 has");
	assign_free(*state);
	/* These are two matches */
	read_file(*state, "f.yaml",
		  "devices:\n"
		  "  - {class: '0502', policy: a}\n"
		  "  - {class: '050200', policy: a}\n"
		  "  - {class: '000502', policy: a}\n");
}

static void what_is_no_assignment_is_refused_with_its_line(void **state)
{
	static const struct {
		const char *text;
		const char *want;
	} cases[] = {
		{ "", ":1: nothing is in it" },
		{ "# nothing\n", "write 'devices: []'" },
		{ "devices: 3\n", ":1: Expecting SEQUENCE" },
		{ "\ndevice: []\n", ":2: Unexpected key: device" },
		{ "devices:\n\n  - {policy: a}\n", ":3: no match, write one of address" },
		{ "devices:\n  - {id: 8086:0d93, class: '0502', policy: a}\n",
		  ":2: more than one" },
		{ "devices:\n  - {id: 8086:0d93}\n", ":2: Missing required mapping field: policy" },
		{ "devices:\n  - {id: 8086:0d93, policy: a, x: 1}\n", ":2: Unexpected key: x" },
		{ "devices:\n  - {id: 8086:d93, policy: a}\n", ":2: id: '8086:d93' is no" },
		{ "devices:\n  - {id: 0x8086:0x0d93, policy: a}\n", "write them as 8086:0d93" },
		{ "devices:\n  - {id: 8086:0d93x, policy: a}\n", ":2: id: " },
		{ "devices:\n  - {class: 502, policy: a}\n", ":2: class: '502' is no" },
		{ "devices:\n  - {class: '05021', policy: a}\n", "write it as 0502" },
		{ "devices:\n  - {class: '0502100', policy: a}\n", ":2: class: " },
		{ "devices:\n  - {class: '0x0502', policy: a}\n", ":2: class: " },
		{ "devices:\n  - {address: '*', policy: a}\n", ":2: address: '*' is no PCI" },
		{ "devices:\n  - {address: '0d:20.0', policy: a}\n", "write it as 0000:0d:00.0" },
		{ "devices:\n  - {id: 8086:0d93, policy: ./a.yaml}\n",
		  ":2: policy: './a.yaml' is" },
		{ "devices:\n  - {id: 8086:0d93, policy: a.yaml}\n", "write the name of a policy" },
		{ "devices:\n  - {id: 8086:0d93, policy: ''}\n", ":2: STRING length < 1" },
		{ "devices:\n  - {id: 8086:0d93, policy: abcdefghijklmnopqrstuvwxyz012345}\n",
		  "more than 31 characters" },
		{ "devices: []\n---\ndevices: []\n", ":2: a second document" },
		{ "devices:\n  - &a {id: 8086:0d93, policy: a}\n  - *a\n", ":3: an alias" },
		{ "devices:\n  - [\n", ":3: " },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		refuse(*state, cases[i].text, cases[i].want);
		assign_free(*state);
	}
	read_file(*state, "f.yaml", "devices: []\n");
	assert_int_equal(((struct assignments *)*state)->nr, 0);
}

/*
 * What has to be done
 */

static struct policy parsed;

static void compile(const char *text, struct policy_image *image)
{
	if (policy_parse(text, strlen(text), "test", &parsed, error) ||
	    policy_compile(&parsed, image, error))
		fail_msg("%s", error);
}

static struct policy_image image_a, image_b, image_a_in_force, image_a_before;
static const struct policy_image *const images[] = { &image_a, &image_b };

static int compile_all(void **state)
{
	compile("name: a\nbased-on: cxl-device\n", &image_a);
	/* Written in another way, it is the same to all who can look at it */
	compile("name: a\nbased-on: cxl-device\ndescription: says the same\n", &image_a_in_force);
	compile("name: a\nbased-on: read-only\n", &image_a_before);
	compile("name: b\nbased-on: cxl-device\n", &image_b);
	return setup(state);
}

static struct assign_device attached(struct assign_device device, const struct policy_image *image,
				     bool ours)
{
	device.attached = true;
	device.policy = image->table.name;
	device.image = image;
	device.ours = ours;
	return device;
}

static struct assign_action plan_one(const struct assignments *all,
				     const struct assign_device *device, bool keep_others)
{
	struct assign_action action;
	unsigned int changes;

	changes = assign_plan(all, images, ARRAY_SIZE(images), device, 1, keep_others, &action);
	assert_int_equal(changes, action.step >= ASSIGN_ATTACH);
	return action;
}

static unsigned int step(const struct assignments *all, const struct assign_device *device)
{
	return plan_one(all, device, false).step;
}

static void a_device_gets_what_it_lacks_and_keeps_what_it_has(void **state)
{
	struct assign_device device = device_at("0000:0d:00.0", 0x8086, 0x0d93, 0x050210);
	struct assign_action action;
	struct assignments *all = *state;

	read_file(all, "f.yaml", "devices: [{id: 8086:0d93, policy: a}]\n");
	action = plan_one(all, &device, false);
	assert_int_equal(action.step, ASSIGN_ATTACH);
	assert_ptr_equal(action.image, &image_a);
	assert_ptr_equal(action.why, &all->entries[0]);

	device = attached(device, &image_a_in_force, true);
	assert_int_equal(step(all, &device), ASSIGN_KEEP);
	/* Whoever attached it */
	device.ours = false;
	assert_int_equal(step(all, &device), ASSIGN_KEEP);
}

static void another_policy_or_another_content_is_swapped(void **state)
{
	const struct assign_device device = device_at("0000:0d:00.0", 0x8086, 0x0d93, 0x050210);
	struct assign_device has;
	struct assign_action action;

	read_file(*state, "f.yaml", "devices: [{id: 8086:0d93, policy: a}]\n");
	/* The same but for its name, which events tell */
	has = attached(device, &image_b, true);
	assert_int_equal(step(*state, &has), ASSIGN_SWAP);
	has = attached(device, &image_a_before, true);
	action = plan_one(*state, &has, false);
	assert_int_equal(action.step, ASSIGN_SWAP);
	assert_ptr_equal(action.image, &image_a);
	/* A program that has no table */
	has = attached(device, &image_a, true);
	has.image = NULL;
	assert_int_equal(step(*state, &has), ASSIGN_SWAP);
	/* The program of another build */
	has = attached(device, &image_a, true);
	assert_int_equal(step(*state, &has), ASSIGN_KEEP);
	has.stale = true;
	assert_int_equal(step(*state, &has), ASSIGN_SWAP);
}

static void a_claim_is_content_too(void **state)
{
	struct assign_device device = device_at("0000:0d:00.0", 0x8086, 0x0d93, 0x050210);
	static struct policy_image claims;

	compile("name: a\nbased-on: cxl-device\ndvsecs: [{vendor: 0x8086, id: 0x17}]\n", &claims);
	assert_int_equal(claims.nr_claims, 1);
	read_file(*state, "f.yaml", "devices: [{id: 8086:0d93, policy: a}]\n");
	device = attached(device, &claims, true);
	assert_int_equal(step(*state, &device), ASSIGN_SWAP);
}

static void none_takes_a_policy_away_and_beats_what_is_less_specific(void **state)
{
	const struct assign_device device = device_at("0000:0d:00.0", 0x8086, 0x0d93, 0x050210);
	struct assign_device has = attached(device, &image_a, true);

	read_file(*state, "f.yaml",
		  "devices:\n"
		  "  - {id: 8086:0d93, policy: a}\n"
		  "  - {address: 0000:0d:00.0, policy: none}\n");
	assert_int_equal(step(*state, &has), ASSIGN_DETACH);
	/* Who says none means everybody's */
	has.ours = false;
	assert_int_equal(step(*state, &has), ASSIGN_DETACH);
	assert_int_equal(plan_one(*state, &has, true).step, ASSIGN_DETACH);
	assert_int_equal(step(*state, &device), ASSIGN_KEEP);
}

static void what_has_no_assignment_loses_our_policy_unless_told_otherwise(void **state)
{
	const struct assign_device device = device_at("0000:0d:00.0", 0x8086, 0x0d93, 0x050210);
	struct assign_device has = attached(device, &image_a, true);

	read_file(*state, "f.yaml", "devices: []\n");
	assert_int_equal(step(*state, &device), ASSIGN_NOTHING);
	assert_int_equal(step(*state, &has), ASSIGN_DETACH);
	assert_null(plan_one(*state, &has, false).why);
	assert_int_equal(plan_one(*state, &has, true).step, ASSIGN_LEAVE);
	has.ours = false;
	assert_int_equal(step(*state, &has), ASSIGN_LEAVE);
	/* What is left of one that went */
	has = attached(absent_at("0000:0e:00.0"), &image_a, true);
	assert_int_equal(step(*state, &has), ASSIGN_DETACH);
}

static void an_absent_device_is_known_by_its_address_alone(void **state)
{
	struct assign_device device = absent_at("0000:0d:00.0");

	read_file(*state, "f.yaml",
		  "devices: [{id: 0000:0000, policy: a}, {class: '0000', policy: a}]\n");
	assert_int_equal(step(*state, &device), ASSIGN_NOTHING);
	read_file(*state, "g.yaml", "devices: [{address: 0000:0d:00.0, policy: b}]\n");
	assert_int_equal(step(*state, &device), ASSIGN_ATTACH);
	device = attached(device, &image_b, true);
	assert_int_equal(step(*state, &device), ASSIGN_KEEP);
}

static void an_id_is_for_each_device_that_has_it(void **state)
{
	struct assign_device devices[4] = {
		device_at("0000:0d:00.0", 0x8086, 0x0d93, 0x050210),
		device_at("0000:0e:00.0", 0x8086, 0x0d93, 0x050210),
		device_at("0000:0f:00.0", 0x8086, 0x0d94, 0x050210),
		device_at("0001:0d:00.0", 0x8086, 0x0d93, 0x050210),
	};
	struct assign_action actions[4];

	read_file(*state, "f.yaml",
		  "devices: [{id: 8086:0d93, policy: a}, {address: 0000:0e:00.0, policy: b}]\n");
	devices[3] = attached(devices[3], &image_a, true);
	assert_int_equal(assign_plan(*state, images, 2, devices, 4, false, actions), 2);
	assert_int_equal(actions[0].step, ASSIGN_ATTACH);
	assert_ptr_equal(actions[0].image, &image_a);
	assert_int_equal(actions[1].step, ASSIGN_ATTACH);
	assert_ptr_equal(actions[1].image, &image_b);
	assert_int_equal(actions[2].step, ASSIGN_NOTHING);
	assert_int_equal(actions[3].step, ASSIGN_KEEP);
}

/*
 * The folder
 */

struct folder {
	char path[32];
	struct assign_dir dir;
};

static int make_folder(void **state)
{
	struct folder *folder = calloc(1, sizeof(*folder));

	*state = folder;
	if (!folder)
		return -1;
	strcpy(folder->path, "/tmp/test_apply.XXXXXX");
	return mkdtemp(folder->path) ? 0 : -1;
}

static int remove_folder(void **state)
{
	struct folder *folder = *state;
	char command[64];
	int err;

	assign_dir_free(&folder->dir);
	snprintf(command, sizeof(command), "rm -r %s", folder->path);
	err = system(command);
	free(folder);
	return err;
}

static void put(const struct folder *folder, const char *name, const char *text)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/devices.d", folder->path);
	mkdir(path, 0755);
	snprintf(path, sizeof(path), "%s/policies", folder->path);
	mkdir(path, 0755);
	snprintf(path, sizeof(path), "%s/%s", folder->path, name);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
	assert_int_equal(fclose(f), 0);
}

static const struct assign_dir *load(struct folder *folder)
{
	assign_dir_free(&folder->dir);
	assert_int_equal(assign_dir_load(folder->path, &folder->dir), 0);
	return &folder->dir;
}

static bool told(const struct assign_texts *texts, const char *want)
{
	unsigned int i;

	for (i = 0; i < texts->nr; i++)
		if (strstr(texts->texts[i], want))
			return true;
	return false;
}

static void files_are_read_in_order_of_their_names(void **state)
{
	struct folder *folder = *state;
	const struct assign_device device = device_at("0000:0d:00.0", 0x8086, 0x0d93, 0x050210);
	const struct assign_dir *dir;

	put(folder, "devices.d/9-b.yaml", "devices: [{id: 8086:0d93, policy: locked}]\n");
	put(folder, "devices.d/10-a.yaml", "devices: [{id: 8086:0d93, policy: read-only}]\n");
	put(folder, "devices.yaml", "devices: [{id: 8086:0d93, policy: cxl-device}]\n");
	put(folder, "devices.d/30-c.yml", "devices: [{id: 8086:0d93, policy: no-cache}]\n");
	put(folder, "devices.d/.40-d.yaml", "not read");
	put(folder, "devices.d/50-e.yaml~", "not read");
	put(folder, "devices.d/README", "not read");
	dir = load(folder);
	assert_int_equal(dir->problems.nr, 0);
	assert_int_equal(dir->nr_files, 3);
	assert_string_equal(policy_of(&dir->all, &device), "locked");
	assert_string_equal(assign_find(&dir->all, &device)->file, "devices.d/9-b.yaml");
	assert_int_equal(dir->warnings.nr, 1);
	assert_true(told(&dir->warnings, "30-c.yml: not read"));
}

static void a_folder_without_assignments_is_a_problem(void **state)
{
	struct folder *folder = *state;

	assert_int_equal(load(folder)->problems.nr, 1);
	assert_true(told(&folder->dir.problems, "devices.d/*.yaml"));
	put(folder, "devices.yaml", "devices: []\n");
	assert_int_equal(load(folder)->problems.nr, 0);
	assign_dir_free(&folder->dir);
	assert_int_equal(assign_dir_load("/nonexistent/folder", &folder->dir), -ENOENT);
}

static void a_link_to_nothing_is_a_problem(void **state)
{
	struct folder *folder = *state;
	char path[64];

	put(folder, "devices.d/a.yaml", "devices: []\n");
	snprintf(path, sizeof(path), "%s/devices.yaml", folder->path);
	assert_int_equal(symlink("nothing", path), 0);
	assert_int_equal(load(folder)->problems.nr, 1);
	assert_true(told(&folder->dir.problems, "devices.yaml: No such file"));
}

static void local_policies_come_before_those_elsewhere(void **state)
{
	struct folder *folder = *state;
	const struct assign_dir *dir;

	put(folder, "policies/read-only.yaml", "name: read-only\nbased-on: cxl-device\n");
	put(folder, "policies/lab.yaml", "name: lab\nbased-on: read-only\n");
	put(folder, "devices.yaml",
	    "devices: [{id: 8086:0d93, policy: lab}, {id: 8086:0d94, policy: locked}]\n");
	compile("name: a\nbased-on: cxl-device\n", &image_a);
	dir = load(folder);
	assert_int_equal(dir->problems.nr, 0);
	assert_int_equal(dir->nr_policies, 3);
	assert_string_equal(dir->policies[0].name, "lab");
	/* What is based on the one that is overridden has rules of cxl-device */
	assert_memory_equal(dir->policies[0].image->table.rules, image_a.table.rules,
			    sizeof(image_a.table.rules));
	assert_true(dir->policies[0].used && dir->policies[0].local);
	assert_string_equal(dir->policies[2].name, "locked");
	assert_true(dir->policies[2].used && !dir->policies[2].local);
	assert_int_equal(dir->warnings.nr, 1);
	assert_true(told(&dir->warnings, "policies/read-only.yaml: no device"));
	/* Nobody finds them any more */
	assign_dir_free(&folder->dir);
	assert_int_not_equal(policy_load("lab", &parsed, error), 0);
}

static void all_problems_are_told(void **state)
{
	struct folder *folder = *state;
	const struct assign_texts *problems = &folder->dir.problems;

	put(folder, "devices.yaml",
	    "devices:\n"
	    "  - {id: 8086:0d93, policy: nowhere}\n"
	    "  - {id: 8086:0d94, policy: broken}\n");
	put(folder, "devices.d/a.yaml", "devices: [{id: 1, policy: a}]\n");
	put(folder, "policies/broken.yaml", "name: broken\nrules: all\n");
	put(folder, "policies/other.yaml", "name: another\n");
	put(folder, "policies/none.yaml", "name: none\n");
	load(folder);
	assert_true(told(problems, "/devices.yaml:2: there is no policy 'nowhere'"));
	assert_true(told(problems, "/devices.d/a.yaml:1: id: '1' is no"));
	assert_true(told(problems, "/policies/broken.yaml:2: Unexpected key: rules"));
	assert_true(told(problems, "/policies/other.yaml: name 'another' isn't"));
	assert_true(told(problems, "/policies/none.yaml: name 'none' stands for"));
	assert_int_equal(problems->nr, 5);
}

static void any_change_in_the_folder_changes_its_signature(void **state)
{
	static const char *const files[] = {
		"devices.yaml",
		"devices.d/a.yaml",
		"policies/p.yaml",
	};
	struct folder *folder = *state;
	uint64_t before, after;
	char path[128];
	unsigned int i;

	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		before = assign_dir_signature(folder->path);
		assert_true(assign_dir_signature(folder->path) == before);
		put(folder, files[i], "devices: []\n");
		after = assign_dir_signature(folder->path);
		assert_true(after != before);
		put(folder, files[i], "devices: []  # more\n");
		before = assign_dir_signature(folder->path);
		assert_true(after != before);
		snprintf(path, sizeof(path), "%s/%s", folder->path, files[i]);
		assert_int_equal(unlink(path), 0);
		assert_true(assign_dir_signature(folder->path) != before);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_most_specific_assignment_wins, setup, teardown),
		cmocka_unit_test_setup_teardown(a_later_file_overrides_the_same_match_alone, setup,
						teardown),
		cmocka_unit_test_setup_teardown(the_same_match_twice_in_a_file_is_refused, setup,
						teardown),
		cmocka_unit_test_setup_teardown(what_is_no_assignment_is_refused_with_its_line,
						setup, teardown),
#define PLAN(test) cmocka_unit_test_setup_teardown(test, compile_all, teardown)
		PLAN(a_device_gets_what_it_lacks_and_keeps_what_it_has),
		PLAN(another_policy_or_another_content_is_swapped),
		PLAN(a_claim_is_content_too),
		PLAN(none_takes_a_policy_away_and_beats_what_is_less_specific),
		PLAN(what_has_no_assignment_loses_our_policy_unless_told_otherwise),
		PLAN(an_absent_device_is_known_by_its_address_alone),
		PLAN(an_id_is_for_each_device_that_has_it),
#define FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)
		FOLDER(files_are_read_in_order_of_their_names),
		FOLDER(a_folder_without_assignments_is_a_problem),
		FOLDER(a_link_to_nothing_is_a_problem),
		FOLDER(local_policies_come_before_those_elsewhere),
		FOLDER(all_problems_are_told),
		FOLDER(any_change_in_the_folder_changes_its_signature),
	};

	unsetenv(POLICY_DIR_ENV);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
