// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "assign_dir.h"
#include "cmd.h"
#include "device.h"
#include "kern.h"
#include "output.h"

/* After those of the kernel, as long as a user has the device open */
enum {
	EVENTS = DEVICE_NR_COUNTERS,
	EVENTS_LOST,
	NR_COUNTERS,
};

/* In the order of enum device_counter */
static const struct {
	const char *key;
	const char *title;
	const char *metric;
	const char *help;
} counters[NR_COUNTERS] = {
	[DEVICE_READS] = { "reads", "READS", "cxl_policy_reads_total",
			   "Reads of DVSECs by users since the device was bound." },
	[DEVICE_WRITES] = { "writes", "WRITES", "cxl_policy_writes_total",
			    "Writes to DVSECs by users since the device was bound." },
	[DEVICE_WRITES_DENIED] = { "writes_denied", "DENIED", "cxl_policy_writes_denied_total",
				   "Writes of which some bit that is not reserved was refused." },
	[DEVICE_HW_READS] = { "hw_reads", "HW READS", "cxl_policy_hardware_reads_total",
			      "Reads of the device that accesses to its DVSECs made." },
	[DEVICE_HW_WRITES] = { "hw_writes", "HW WRITES", "cxl_policy_hardware_writes_total",
			       "Writes to the device that accesses to its DVSECs made." },
	[DEVICE_ERRORS] = { "errors", "ERRORS", "cxl_policy_errors_total",
			    "Accesses and devices on which a policy failed." },
	[EVENTS] = { "events", "EVENTS", "cxl_policy_events_sent_total",
		     "Events sent, shown while a user has the device open." },
	[EVENTS_LOST] = { "events_lost", "LOST", "cxl_policy_events_lost_total",
			  "Events not sent by rate limit or for want of room, shown while it is open." },
};

static const char *const states[] = { "none", "raw", "enforced", "error" };

struct row {
	struct device device;
	uint64_t counts[NR_COUNTERS];
};

static int count_events(const struct kern_policies *policies, struct row *row)
{
	const struct kern_target target = { VFIO_PCI_DVSEC_MATCH_ADDRESS, row->device.address };
	const struct kern_policy *policy = kern_find_effective(policies, &target);
	struct cxl_shadow *shadow;
	int err;

	if (!row->device.open_id || !policy)
		return 0;
	shadow = malloc(sizeof(*shadow));
	if (!shadow)
		return -ENOMEM;
	err = kern_read_shadow(policy, row->device.open_id, shadow);
	if (!err) {
		row->counts[EVENTS] = shadow->events;
		row->counts[EVENTS_LOST] = shadow->events_lost;
	}
	free(shadow);
	/* The policy of another loader may have none */
	return err == -ENOENT || err == -EINVAL ? 0 : err;
}

static int find_devices(const struct cmd_args *args, struct device **devices, unsigned int *nr)
{
	struct kern_target target;
	int err;

	*nr = 0;
	*devices = NULL;
	if (!args->argc)
		return device_list(devices, nr);
	err = cmd_parse_target(args, false, &target);
	if (err)
		return err;
	*devices = calloc(1, sizeof(**devices));
	if (!*devices)
		return -ENOMEM;
	*nr = 1;
	if (device_get(&target.address, *devices))
		return error_set(EXIT_MISSING, -ENODEV, "'cxl-policy list' shows those there are",
				 "no device %s", args->argv[0]);
	if ((*devices)->hooked)
		return 0;
	if (device_in_transit(*devices))
		return error_set(EXIT_BUSY, -EBUSY, "try again",
				 "%s is being bound to %s, or unbound", (*devices)->name,
				 (*devices)->driver);
	if (!strncmp((*devices)->driver, "vfio", strlen("vfio")))
		return error_set(EXIT_KERNEL, -EOPNOTSUPP,
				 "load the patched vfio-pci (see kernel/)",
				 "the driver %s of %s has no hook, so nothing is counted",
				 (*devices)->driver, (*devices)->name);
	return error_set(EXIT_MISSING, -ENODEV, "bind it",
			 "%s isn't bound to vfio-pci, so nothing is counted", (*devices)->name);
}

static struct json_object *describe(const struct row *row)
{
	struct json_object *object = json_object_new_object();
	unsigned int i;

	output_add(object, "device", output_string(row->device.name));
	output_add(object, "state", output_string(row->device.state));
	output_add(object, "policy", output_string(row->device.policy));
	output_add(object, "open_id",
		   row->device.open_id ? json_object_new_uint64(row->device.open_id) : NULL);
	for (i = 0; i < NR_COUNTERS; i++)
		output_add(object, counters[i].key,
			   row->counts[i] == DEVICE_NO_COUNT
				   ? NULL
				   : json_object_new_uint64(row->counts[i]));
	return object;
}

static void print_json(const struct row *rows, unsigned int nr)
{
	struct json_object *array = json_object_new_array();
	unsigned int i;

	for (i = 0; i < nr; i++)
		json_object_array_add(array, describe(&rows[i]));
	output_json(array);
}

static void print_text(const struct row *rows, unsigned int nr, bool privileged)
{
	bool open = false;
	unsigned int i, j;

	if (!nr) {
		printf("no CXL device is bound to a vfio-pci that has the hook\n");
		return;
	}
	printf("%-13s %-9s %-20s %-4s", "DEVICE", "STATE", "POLICY", "OPEN");
	for (j = 0; j < NR_COUNTERS; j++)
		printf(" %9s", counters[j].title);
	printf("\n");
	for (i = 0; i < nr; i++) {
		const struct device *device = &rows[i].device;

		printf("%-13s %-9s %-20s %-4s", device->name, device->state,
		       device->policy[0] ? device->policy : "-", device->open_id ? "yes" : "no");
		for (j = 0; j < NR_COUNTERS; j++)
			if (rows[i].counts[j] == DEVICE_NO_COUNT)
				printf(" %9s", "-");
			else
				printf(" %9" PRIu64, rows[i].counts[j]);
		printf("\n");
		open |= device->open_id;
	}
	if (open && !privileged)
		printf("events are shown to root only (CAP_SYS_ADMIN)\n");
}

/*
 * Prometheus, text format 0.0.4
 */

static void print_label(FILE *f, const char *name, const char *value)
{
	fprintf(f, "%s=\"", name);
	for (; *value; value++) {
		if (*value == '\n')
			fputs("\\n", f);
		else if (*value == '"' || *value == '\\')
			fprintf(f, "\\%c", *value);
		else
			fputc(*value, f);
	}
	fputc('"', f);
}

static void print_family(FILE *f, const char *name, const char *type, const char *help)
{
	fprintf(f, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void print_sample(FILE *f, const char *name, const char *device, const char *label,
			 const char *value, uint64_t number)
{
	fprintf(f, "%s{", name);
	print_label(f, "device", device);
	if (label) {
		fputc(',', f);
		print_label(f, label, value);
	}
	fprintf(f, "} %" PRIu64 "\n", number);
}

static void print_states(FILE *f, const struct device *device)
{
	bool known = false;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(states); i++) {
		bool is = !strcmp(device->state, states[i]);

		print_sample(f, "cxl_policy_state", device->name, "state", states[i], is);
		known |= is;
	}
	if (!known && device->state[0])
		print_sample(f, "cxl_policy_state", device->name, "state", device->state, 1);
}

static bool enforced(const struct device *device)
{
	return device->hooked && !strcmp(device->state, "enforced");
}

/* One that a driver of vfio without the hook has, so that its users write the DVSECs */
static bool unhooked(const struct device *device)
{
	return !device->hooked && !strcmp(device->state, "raw") && !device_in_transit(device);
}

/*
 * By name: whether its content is the assigned one is what 'apply --dry-run' tells.
 * Where nothing is assigned by files there is no sample.
 */
static void print_assignments(FILE *f, const struct device *devices, unsigned int nr,
			      const struct assign_dir *dir)
{
	const struct assignment *why;
	struct assign_device wanted;
	bool any = false;
	unsigned int i;

	if (!dir->nr_files)
		return;
	print_family(f, "cxl_policy_assignments_valid", "gauge",
		     "Whether " ASSIGN_DIR " is valid, so that its assignments can be applied.");
	fprintf(f, "cxl_policy_assignments_valid %d\n", !dir->problems.nr);
	for (i = 0; i < nr; i++) {
		const struct device *device = &devices[i];

		if (!device->hooked && !unhooked(device))
			continue;
		memset(&wanted, 0, sizeof(wanted));
		wanted.address = device->address;
		wanted.cxl = true;
		wanted.vendor = device->vendor;
		wanted.device_id = device->device_id;
		wanted.class = device->class;
		why = assign_find(&dir->all, &wanted);
		if (!why || !why->policy[0])
			continue;
		if (!any)
			print_family(
				f, "cxl_policy_assigned", "gauge",
				"The policy assigned to a device, 1 if one of its name is enforced.");
		any = true;
		print_sample(f, "cxl_policy_assigned", device->name, "policy", why->policy,
			     enforced(device) && !strcmp(device->policy, why->policy));
	}
}

/* With those that a stock vfio-pci has: there nothing is enforced or counted */
static void print_enforced(FILE *f, const struct device *devices, unsigned int nr)
{
	bool any = false;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		if (!devices[i].hooked && !unhooked(&devices[i]))
			continue;
		if (!any)
			print_family(f, "cxl_policy_enforced", "gauge",
				     "Whether a policy is enforced on a device that vfio has.");
		any = true;
		print_sample(f, "cxl_policy_enforced", devices[i].name, "driver", devices[i].driver,
			     enforced(&devices[i]));
	}
	if (!any)
		return;
	print_family(f, "cxl_policy_state", "gauge",
		     "State of a device that vfio has, 1 for the one it is in.");
	for (i = 0; i < nr; i++)
		if (devices[i].hooked || unhooked(&devices[i]))
			print_states(f, &devices[i]);
}

static void print_rows(FILE *f, const struct row *rows, unsigned int nr)
{
	unsigned int i, j;
	bool any;

	if (!nr)
		return;
	print_family(f, "cxl_policy_info", "gauge",
		     "Name of the policy in force, empty if there is none; always 1.");
	for (i = 0; i < nr; i++)
		print_sample(f, "cxl_policy_info", rows[i].device.name, "policy",
			     rows[i].device.policy, 1);
	print_family(f, "cxl_policy_open", "gauge", "Whether a user has the device open.");
	for (i = 0; i < nr; i++)
		print_sample(f, "cxl_policy_open", rows[i].device.name, NULL, NULL,
			     rows[i].device.open_id != 0);
	for (j = 0; j < NR_COUNTERS; j++) {
		any = false;
		for (i = 0; i < nr; i++) {
			if (rows[i].counts[j] == DEVICE_NO_COUNT)
				continue;
			if (!any)
				print_family(f, counters[j].metric, "counter", counters[j].help);
			any = true;
			print_sample(f, counters[j].metric, rows[i].device.name, NULL, NULL,
				     rows[i].counts[j]);
		}
	}
}

/*
 * @devices: those that @rows are of, and those without the hook
 * @dir: the assignments, or NULL if they aren't asked for
 */
static int print_prometheus(const struct row *rows, unsigned int nr, const struct device *devices,
			    unsigned int nr_devices, const struct assign_dir *dir)
{
	char *text = NULL;
	size_t size = 0;
	FILE *f;

	/* At once: all of it or nothing */
	f = open_memstream(&text, &size);
	if (!f)
		return -errno;
	print_enforced(f, devices, nr_devices);
	if (dir)
		print_assignments(f, devices, nr_devices, dir);
	print_rows(f, rows, nr);
	if (fclose(f)) {
		free(text);
		return -ENOMEM;
	}
	setvbuf(stdout, NULL, _IOFBF, size + 1);
	fwrite(text, 1, size, stdout);
	fflush(stdout);
	free(text);
	return 0;
}

/* A folder that isn't there, or can't be read, has no assignments */
static int print_host(const struct row *rows, unsigned int nr, const struct device *devices,
		      unsigned int nr_devices)
{
	struct assign_dir dir;
	int err;

	err = assign_dir_load(ASSIGN_DIR, &dir);
	if (err != -ENOMEM)
		err = print_prometheus(rows, nr, devices, nr_devices, err ? NULL : &dir);
	assign_dir_free(&dir);
	return err;
}

int cmd_stats(const struct cmd_args *args)
{
	bool privileged = kern_has_capability(CAP_SYS_ADMIN);
	struct kern_policies policies = {};
	struct device *devices = NULL;
	unsigned int found, nr = 0, i;
	struct row *rows = NULL;
	int err;

	if (args->prometheus && output_options.json)
		return error_set(EXIT_USAGE, -EINVAL, "see 'cxl-policy help stats'",
				 "--prometheus and --json don't go together");
	err = find_devices(args, &devices, &found);
	if (!err && privileged)
		err = kern_list(&policies);
	if (err)
		goto out;
	rows = calloc(found + 1, sizeof(*rows));
	if (!rows) {
		err = -ENOMEM;
		goto out;
	}
	for (i = 0; i < found; i++) {
		struct row *row = &rows[nr];

		if (!devices[i].hooked)
			continue;
		row->device = devices[i];
		memcpy(row->counts, devices[i].counts, sizeof(devices[i].counts));
		row->counts[EVENTS] = DEVICE_NO_COUNT;
		row->counts[EVENTS_LOST] = DEVICE_NO_COUNT;
		err = count_events(&policies, row);
		if (err)
			goto out;
		nr++;
	}
	if (args->prometheus && args->argc)
		err = print_prometheus(rows, nr, devices, found, NULL);
	else if (args->prometheus)
		err = print_host(rows, nr, devices, found);
	else if (output_options.json)
		print_json(rows, nr);
	else
		print_text(rows, nr, privileged);
out:
	kern_free(&policies);
	free(devices);
	free(rows);
	return err;
}
