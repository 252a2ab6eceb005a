// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "device.h"
#include "kern.h"
#include "output.h"

static struct json_object *describe(const struct device *device, const struct kern_policy *policy,
				    bool present)
{
	struct json_object *object = json_object_new_object(), *dvsecs = json_object_new_array();
	unsigned int i;

	output_add(object, "device", output_string(device->name));
	output_add(object, "driver", output_string(device->driver));
	output_add(object, "vendor", present ? output_hex(device->vendor, 2) : NULL);
	output_add(object, "device_id", present ? output_hex(device->device_id, 2) : NULL);
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
	if (device->hooked)
		output_add(object, "policy", output_string(device->policy));
	else
		output_add(object, "policy", output_string(policy ? policy->name : NULL));
	output_add(object, "link_id", policy ? json_object_new_int64(policy->link_id) : NULL);
	return object;
}

static void print_device(const struct device *device, const struct kern_policy *policy,
			 bool present)
{
	const char *name = device->hooked ? device->policy : policy ? policy->name : "";
	const char *note = "";
	char link[16] = "-", id[16] = "-", dvsecs[64] = "-";
	size_t len = 0;
	unsigned int i;

	if (policy)
		snprintf(link, sizeof(link), "%u", policy->link_id);
	if (present)
		snprintf(id, sizeof(id), "%04x:%04x", device->vendor, device->device_id);
	for (i = 0; i < device->nr_dvsecs && len < sizeof(dvsecs); i++)
		len += snprintf(dvsecs + len, sizeof(dvsecs) - len, "%s%u", i ? "," : "",
				device->dvsecs[i].id);
	if (!present)
		note = "  no such device";
	else if (!device->driver[0])
		note = "  unbound";
	else if (!device->hooked && !strncmp(device->driver, "vfio", strlen("vfio")))
		note = "  no hook in the driver";
	printf("%-13s %-12s %-10s %-14s %-9s %-20s %s%s\n", device->name,
	       device->driver[0] ? device->driver : "-", id, dvsecs, device->state,
	       name[0] ? name : "-", link, note);
}

int cmd_list(const struct cmd_args *args)
{
	const struct kern_target any = { .match = VFIO_PCI_DVSEC_MATCH_ANY };
	struct json_object *array = NULL;
	struct kern_policies policies = {};
	const struct kern_policy *policy;
	struct device *devices = NULL;
	unsigned int nr = 0, i, j;
	int err;

	if (args->argc)
		return error_set(EXIT_USAGE, -EINVAL, "see 'cxl-policy help list'",
				 "list takes no argument");
	err = kern_check_privilege();
	if (!err)
		err = kern_list(&policies);
	if (!err)
		err = device_list(&devices, &nr);
	if (err)
		goto out;

	if (output_options.json)
		array = json_object_new_array();
	else if (nr || policies.nr)
		printf("%-13s %-12s %-10s %-14s %-9s %-20s %s\n", "DEVICE", "DRIVER", "ID",
		       "CXL DVSECS", "STATE", "POLICY", "LINK");
	else
		printf("no CXL devices\n");

	for (i = 0; i < nr; i++) {
		struct kern_target target = { VFIO_PCI_DVSEC_MATCH_ADDRESS, devices[i].address };

		/* The default covers what vfio-pci has, but promises nothing of other drivers */
		policy = devices[i].hooked ? kern_find_effective(&policies, &target)
					   : kern_find(&policies, &target);
		if (array)
			json_object_array_add(array, describe(&devices[i], policy, true));
		else
			print_device(&devices[i], policy, true);
	}
	for (j = 0; j < policies.nr; j++) {
		struct device absent = { .state = "none" };

		policy = &policies.policies[j];
		if (policy->target.match != VFIO_PCI_DVSEC_MATCH_ADDRESS)
			continue;
		for (i = 0; i < nr; i++)
			if (device_same(&devices[i].address, &policy->target.address))
				break;
		if (i < nr)
			continue;
		kern_target_name(&policy->target, absent.name);
		if (array)
			json_object_array_add(array, describe(&absent, policy, false));
		else
			print_device(&absent, policy, false);
	}

	policy = kern_find(&policies, &any);
	if (array)
		output_json(array);
	else if (policy)
		printf("default policy: %s (link %u)\n", policy->name, policy->link_id);
out:
	free(devices);
	kern_free(&policies);
	return err;
}
