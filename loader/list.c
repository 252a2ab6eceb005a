// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bpf.h"
#include "cmd.h"
#include "device.h"
#include "kern.h"
#include "output.h"
#include "pin.h"

#define SNAPSHOTS   3
#define SNAPSHOT_US 100000

/* All that is listed, of one time */
struct snapshot {
	struct kern_policies policies;
	struct pins pins;
	struct device *devices;
	unsigned int nr;
};

/* One line of it */
struct row {
	const struct device *device;
	bool present;
	bool is_default;
	const struct kern_policy *policy;
	const struct pin *pin;
	char problem[PIN_PATH_LEN + 512];
};

typedef void (*row_fn)(const struct row *row, void *arg);

static void free_snapshot(struct snapshot *snapshot)
{
	kern_free(&snapshot->policies);
	pin_free(&snapshot->pins);
	free(snapshot->devices);
	memset(snapshot, 0, sizeof(*snapshot));
}

static bool same_policies(const struct kern_policies *a, const struct kern_policies *b)
{
	unsigned int i;

	for (i = 0; i < a->nr && i < b->nr; i++)
		if (a->policies[i].link_id != b->policies[i].link_id ||
		    a->policies[i].map_id != b->policies[i].map_id)
			return false;
	return a->nr == b->nr;
}

/* Return: 1 if a policy came or went meanwhile, 0, or a negative errno with the error set */
static int take_snapshot(struct snapshot *snapshot)
{
	struct kern_policies after = {};
	int err;

	memset(snapshot, 0, sizeof(*snapshot));
	err = kern_list(&snapshot->policies);
	if (!err)
		err = device_list(&snapshot->devices, &snapshot->nr);
	if (!err)
		err = pin_list(&snapshot->pins);
	if (!err)
		err = kern_list(&after);
	if (!err)
		err = !same_policies(&snapshot->policies, &after);
	kern_free(&after);
	return err;
}

/* Find the pin that has the name of a target, and what is wrong with it */
static void look_at_pins(const struct snapshot *snapshot, const struct kern_target *target,
			 struct row *row)
{
	unsigned int i;

	row->pin = row->policy ? pin_find(&snapshot->pins, row->policy->link_id) : NULL;
	row->problem[0] = '\0';
	for (i = 0; i < snapshot->pins.nr; i++) {
		const struct pin *pin = &snapshot->pins.pins[i];

		if (pin->named && kern_same_target(&pin->target, target))
			pin_problem(pin, &snapshot->policies, row->problem, sizeof(row->problem));
	}
}

static bool has_row(const struct snapshot *snapshot, const struct kern_target *target,
		    unsigned int nr_policies)
{
	unsigned int i;

	if (target->match == VFIO_PCI_DVSEC_MATCH_ANY)
		return true;
	for (i = 0; i < snapshot->nr; i++)
		if (device_same(&snapshot->devices[i].address, &target->address))
			return true;
	for (i = 0; i < nr_policies; i++)
		if (kern_same_target(&snapshot->policies.policies[i].target, target))
			return true;
	return false;
}

/* Devices; addresses that only a policy or a pin has; other pins; the default */
static unsigned int for_each_row(const struct snapshot *snapshot, row_fn fn, void *arg)
{
	struct kern_target any = { .match = VFIO_PCI_DVSEC_MATCH_ANY };
	const struct kern_policies *policies = &snapshot->policies;
	unsigned int i, problems = 0;
	struct device absent;
	struct row row;

	for (i = 0; i < snapshot->nr; i++) {
		const struct device *device = &snapshot->devices[i];
		struct kern_target target = { VFIO_PCI_DVSEC_MATCH_ADDRESS, device->address };

		/* The default covers what vfio-pci has, but promises nothing of other drivers */
		row = (struct row){ .device = device, .present = true };
		row.policy = device->hooked ? kern_find_effective(policies, &target)
					    : kern_find(policies, &target);
		look_at_pins(snapshot, &target, &row);
		problems += row.problem[0] != '\0';
		fn(&row, arg);
	}
	for (i = 0; i < policies->nr; i++) {
		const struct kern_target *target = &policies->policies[i].target;

		if (has_row(snapshot, target, 0))
			continue;
		absent = (struct device){ .state = "none" };
		kern_target_name(target, absent.name);
		row = (struct row){ .device = &absent, .policy = &policies->policies[i] };
		look_at_pins(snapshot, target, &row);
		problems += row.problem[0] != '\0';
		fn(&row, arg);
	}
	for (i = 0; i < snapshot->pins.nr; i++) {
		const struct pin *pin = &snapshot->pins.pins[i];

		absent = (struct device){ .state = "none" };
		row = (struct row){ .device = &absent };
		if (pin->named && has_row(snapshot, &pin->target, policies->nr))
			continue;
		if (!pin_problem(pin, policies, row.problem, sizeof(row.problem)))
			continue;
		if (pin->named)
			kern_target_name(&pin->target, absent.name);
		problems++;
		fn(&row, arg);
	}
	absent = (struct device){ .name = KERN_DEFAULT };
	row = (struct row){ .device = &absent, .is_default = true };
	row.policy = kern_find(policies, &any);
	look_at_pins(snapshot, &any, &row);
	problems += row.problem[0] != '\0';
	fn(&row, arg);
	return problems;
}

static const char *policy_name(const struct row *row)
{
	return row->device->hooked ? row->device->policy : row->policy ? row->policy->name : "";
}

static void describe(const struct row *row, void *array)
{
	struct json_object *object = json_object_new_object(), *dvsecs = json_object_new_array();
	const struct kern_policy *policy = row->policy;
	const struct device *device = row->device;
	char tag[2 * KERN_TAG_LEN + 1] = "";
	const char *owner = NULL;
	unsigned int i;

	if (row->pin)
		owner = "cxl-policy";
	else if (policy)
		owner = "other";
	for (i = 0; policy && i < KERN_TAG_LEN; i++)
		snprintf(tag + 2 * i, 3, "%02x", policy->tag[i]);

	output_add(object, "device", output_string(device->name));
	output_add(object, "driver", output_string(device->driver));
	output_add(object, "vendor", row->present ? output_hex(device->vendor, 2) : NULL);
	output_add(object, "device_id", row->present ? output_hex(device->device_id, 2) : NULL);
	for (i = 0; i < device->nr_dvsecs; i++) {
		const struct device_dvsec *dvsec = &device->dvsecs[i];
		struct json_object *entry = json_object_new_object();

		output_add(entry, "offset", json_object_new_int(dvsec->offset));
		output_add(entry, "id", json_object_new_int(dvsec->id));
		output_add(entry, "revision", json_object_new_int(dvsec->revision));
		output_add(entry, "length", json_object_new_int(dvsec->length));
		json_object_array_add(dvsecs, entry);
	}
	output_add(object, "dvsecs", dvsecs);
	output_add(object, "state", output_string(device->state));
	output_add(object, "policy", output_string(policy_name(row)));
	output_add(object, "link_id",
		   policy && policy->link_id ? json_object_new_int64(policy->link_id) : NULL);
	output_add(object, "tag", output_string(tag));
	output_add(object, "owner", output_string(owner));
	output_add(object, "abi",
		   policy && policy->abi ? json_object_new_int64(policy->abi) : NULL);
	output_add(object, "current",
		   policy && policy->abi ? json_object_new_boolean(policy->program == bpf_program())
					 : NULL);
	output_add(object, "pin", output_string(row->pin ? row->pin->path : NULL));
	output_add(object, "problem", output_string(row->problem));
	json_object_array_add(array, object);
}

static enum output_color state_color(const struct device *device)
{
	if (!strcmp(device->state, "enforced"))
		return OUTPUT_GOOD;
	if (!strcmp(device->state, "raw") || !strcmp(device->state, "error"))
		return OUTPUT_BAD;
	return device->hooked ? OUTPUT_WARN : OUTPUT_PLAIN;
}

static void add_note(char *note, size_t size, const char *text)
{
	size_t len = strlen(note);

	snprintf(note + len, size - len, "%s%s", len ? ", " : "", text);
}

static void print_row(const struct row *row, void *arg __attribute__((unused)))
{
	char link[16] = "-", id[16] = "-", dvsecs[64] = "-", note[128] = "";
	const struct device *device = row->device;
	size_t len = 0;
	unsigned int i;

	if (!row->is_default && row->policy &&
	    row->policy->target.match == VFIO_PCI_DVSEC_MATCH_ANY)
		add_note(note, sizeof(note), "the default policy");
	else if (row->policy && !row->policy->link_id)
		add_note(note, sizeof(note), "registered without a link");
	else if (row->policy && !row->pin)
		add_note(note, sizeof(note), "not pinned by cxl-policy");
	if (row->policy && row->policy->link_id)
		snprintf(link, sizeof(link), "%u", row->policy->link_id);
	if (row->is_default) {
		if (row->policy)
			printf("default policy: %s (link %s)%s%s\n", row->policy->name, link,
			       note[0] ? "  " : "", note);
		goto problem;
	}
	if (row->present)
		snprintf(id, sizeof(id), "%04x:%04x", device->vendor, device->device_id);
	for (i = 0; i < device->nr_dvsecs && len < sizeof(dvsecs); i++)
		len += snprintf(dvsecs + len, sizeof(dvsecs) - len, "%s%u", i ? "," : "",
				device->dvsecs[i].id);
	if (!row->present)
		add_note(note, sizeof(note), device->name[0] ? "no such device" : "not ours");
	else if (!device->driver[0])
		add_note(note, sizeof(note), "unbound");
	else if (device_in_transit(device))
		add_note(note, sizeof(note), "being bound or unbound");
	else if (!device->hooked && !strncmp(device->driver, "vfio", strlen("vfio")))
		add_note(note, sizeof(note), "no hook in the driver");
	printf("%-13s %-12s %-10s %-14s %s%-9s%s %-20s %-*s%s%s\n",
	       device->name[0] ? device->name : "-", device->driver[0] ? device->driver : "-", id,
	       dvsecs, output_color(state_color(device)), device->state, output_color(OUTPUT_PLAIN),
	       policy_name(row)[0] ? policy_name(row) : "-", note[0] ? 5 : 0, link,
	       note[0] ? " " : "", note);
problem:
	if (row->problem[0])
		printf("  %sproblem:%s %s\n", output_color(OUTPUT_BAD), output_color(OUTPUT_PLAIN),
		       row->problem);
}

static void no_row(const struct row *row __attribute__((unused)), void *arg __attribute__((unused)))
{
}

int cmd_list(const struct cmd_args *args)
{
	struct json_object *array = NULL;
	struct snapshot snapshot = {};
	unsigned int i;
	int err;

	if (args->argc)
		return error_set(EXIT_USAGE, -EINVAL, "see 'cxl-policy help list'",
				 "list takes no argument");
	err = kern_check_privilege();
	if (err)
		return err;
	/* Other invocations may be at work: what is told twice is so */
	for (i = 1; i <= SNAPSHOTS; i++) {
		err = take_snapshot(&snapshot);
		if (err < 0)
			goto out;
		if (!err && !for_each_row(&snapshot, no_row, NULL))
			break;
		if (i == SNAPSHOTS)
			break;
		free_snapshot(&snapshot);
		usleep(SNAPSHOT_US);
	}
	err = 0;

	if (output_options.json) {
		array = json_object_new_array();
		for_each_row(&snapshot, describe, array);
		output_json(array);
		goto out;
	}
	if (snapshot.nr || snapshot.policies.nr || snapshot.pins.nr)
		printf("%-13s %-12s %-10s %-14s %-9s %-20s %-5s %s\n", "DEVICE", "DRIVER", "ID",
		       "CXL DVSECS", "STATE", "POLICY", "LINK", "NOTE");
	else
		printf("no CXL devices\n");
	for_each_row(&snapshot, print_row, NULL);
out:
	free_snapshot(&snapshot);
	return err;
}
