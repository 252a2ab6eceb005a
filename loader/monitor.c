// SPDX-License-Identifier: GPL-2.0-only
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"
#include "cxl_policy_abi.h"
#include "describe.h"
#include "device.h"
#include "fields.h"
#include "kern.h"
#include "output.h"
#include "pin.h"

#define MAX_BUFFERS  16
#define MAX_POLICIES 64
#define RESCAN_MS    1000

static const struct {
	uint32_t flag;
	const char *key;
	const char *text;
} kinds[] = {
	{ CXL_EVENT_REFUSED, "refused", NULL },
	{ CXL_EVENT_LOCKED, "locked", "CONFIG_LOCK is set" },
	{ CXL_EVENT_WBI_DROPPED, "wbi-dropped",
	  "Initiate_Cache_WBI dropped, Disable_Caching is not set" },
	{ CXL_EVENT_RESET_DROPPED, "reset-dropped",
	  "Initiate_CXL_Reset dropped, the guest sees no such capability" },
	{ CXL_EVENT_RESET_REJECTED, "reset-rejected",
	  "Initiate_CXL_Reset rejected, CXL_Reset_Error set" },
	{ CXL_EVENT_RESET_EMULATED, "reset-emulated",
	  "Initiate_CXL_Reset emulated, CXL_Reset_Complete set" },
	{ CXL_EVENT_FORWARDED, "forwarded", NULL },
	{ CXL_EVENT_WRITE, "write", "recorded" },
	{ CXL_EVENT_OPENED, "opened", "opened by a user" },
	{ CXL_EVENT_CLOSED, "closed", "closed by its user" },
	{ CXL_EVENT_HOST_STATE_LOST, "host-state-lost",
	  "a conventional reset wiped what the host had set in the CXL device DVSEC" },
	{ CXL_EVENT_ERROR, "error", "the policy could not decide" },
};

/* Events that are of a device, not of an access */
#define NO_ACCESS (CXL_EVENT_OPENED | CXL_EVENT_CLOSED | CXL_EVENT_HOST_STATE_LOST)

/**
 * struct names - a policy that has names for the fields of further DVSECs
 * @table_id: of the tables in force that it makes
 * @name: of the policy
 * @source: the policy, NULL if it isn't known
 */
struct names {
	uint32_t table_id;
	char name[VFIO_PCI_DVSEC_NAME_LEN];
	struct policy *source;
};

struct monitor {
	struct ring_buffer *ring;
	unsigned int nr_maps;
	uint32_t maps[MAX_BUFFERS];
	unsigned int nr_names;
	struct names names[MAX_POLICIES];
	unsigned long count;
	unsigned long limit;
	unsigned int nr_lost;
	struct {
		struct device_address address;
		uint64_t lost;
	} lost[CXL_SHADOW_MAX_DEVICES];
};

static struct json_object *field_names(const struct monitor *monitor, const struct cxl_event *event,
				       uint32_t bits)
{
	const struct policy *source = NULL;
	unsigned int i;

	for (i = 0; i < monitor->nr_names; i++)
		if (!strcmp(monitor->names[i].name, event->policy))
			source = monitor->names[i].source;
	return fields_names(source, event->vendor, event->id, event->offset, bits);
}

/* How many events of the device got lost since the one printed before */
static uint64_t newly_lost(struct monitor *monitor, const struct cxl_event *event)
{
	struct device_address address = { event->segment, event->bus, event->devfn };
	uint64_t before = 0;
	unsigned int i;

	for (i = 0; i < monitor->nr_lost; i++)
		if (device_same(&monitor->lost[i].address, &address))
			break;
	if (i == CXL_SHADOW_MAX_DEVICES)
		return 0;
	if (i == monitor->nr_lost)
		monitor->lost[monitor->nr_lost++].address = address;
	else
		before = monitor->lost[i].lost;
	monitor->lost[i].lost = event->lost;
	return event->lost > before ? event->lost - before : 0;
}

static void print_json(const struct monitor *monitor, const struct cxl_event *event,
		       const char *device, const char *time, uint64_t lost)
{
	struct json_object *object = json_object_new_object(), *names = json_object_new_array();
	bool access = !(event->flags & NO_ACCESS);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++)
		if (event->flags & kinds[i].flag)
			json_object_array_add(names, output_string(kinds[i].key));
	output_add(object, "time", output_string(time));
	output_add(object, "boot_ns", json_object_new_uint64(event->time));
	output_add(object, "device", output_string(device));
	output_add(object, "policy", output_string(event->policy));
	output_add(object, "events", names);
	if (access) {
		output_add(object, "vendor", output_hex(event->vendor, 2));
		output_add(object, "id", json_object_new_int(event->id));
		output_add(object, "offset", json_object_new_int(event->offset));
		output_add(object, "size", json_object_new_int(event->size));
		output_add(object, "value", output_hex(event->value, event->size));
		output_add(object, "refused", output_hex(event->refused, event->size));
		output_add(object, "refused_fields", field_names(monitor, event, event->refused));
		output_add(object, "forwarded", output_hex(event->forwarded, event->size));
		output_add(object, "forwarded_fields",
			   field_names(monitor, event, event->forwarded));
	}
	output_add(object, "lost", json_object_new_uint64(lost));
	output_json(object);
}

static void print_fields(const struct monitor *monitor, const struct cxl_event *event, bool more,
			 const char *what, uint32_t bits)
{
	struct json_object *names = field_names(monitor, event, bits);
	size_t i;

	printf("%s%s 0x%0*x", more ? "; " : "", what, event->size * 2, bits);
	for (i = 0; i < json_object_array_length(names); i++)
		printf("%s%s", i ? ", " : " (",
		       json_object_get_string(json_object_array_get_idx(names, i)));
	printf("%s", i ? ")" : "");
	json_object_put(names);
}

static void print_text(const struct monitor *monitor, const struct cxl_event *event,
		       const char *device, const char *time, uint64_t lost)
{
	bool cxl = event->vendor == CXL_DVSEC_VENDOR_ID;
	bool known = cxl && event->id == CXL_DVSEC_ID_DEVICE;
	unsigned int i, printed = 0;
	const char *text;

	printf("%s %s %s: ", time, device, event->policy);
	if (!(event->flags & NO_ACCESS)) {
		if (known)
			printf("dvsec+0x%x", event->offset);
		else if (cxl)
			printf("dvsec%u+0x%x", event->id, event->offset);
		else
			printf("dvsec %#x:%u+0x%x", event->vendor, event->id, event->offset);
		printf(".%c=0x%0*x: ",
		       event->size == 1	  ? 'b'
		       : event->size == 2 ? 'w'
					  : 'l',
		       event->size * 2, event->value);
	}
	if (event->refused)
		print_fields(monitor, event, printed++, "refused", event->refused);
	if (event->forwarded)
		print_fields(monitor, event, printed++, "to the hardware", event->forwarded);
	/* Of two kinds, the bits have been told */
	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		text = kinds[i].text;
		if (kinds[i].flag == CXL_EVENT_LOCKED && !known)
			text = "the DVSEC's lock is set";
		if ((event->flags & kinds[i].flag) && text)
			printf("%s%s", printed++ ? "; " : "", text);
	}
	if (lost)
		printf("; %llu events were lost", (unsigned long long)lost);
	printf("\n");
	fflush(stdout);
}

static int on_event(void *ctx, void *data, size_t size)
{
	char device[DEVICE_ADDRESS_LEN], time[64];
	struct monitor *monitor = ctx;
	struct cxl_event event;
	uint64_t lost;

	if (size < sizeof(event))
		return 0;
	memcpy(&event, data, sizeof(event));
	event.policy[sizeof(event.policy) - 1] = '\0';
	device_format(&(struct device_address){ event.segment, event.bus, event.devfn }, device);
	output_time(event.time, output_options.json, time, sizeof(time));
	lost = newly_lost(monitor, &event);
	if (output_options.json)
		print_json(monitor, &event, device, time, lost);
	else
		print_text(monitor, &event, device, time, lost);
	monitor->count++;
	/* The rest stays in the buffer for the next one */
	if (cmd_stop || ferror(stdout) || (monitor->limit && monitor->count >= monitor->limit))
		return -ECANCELED;
	return 0;
}

/* Further DVSECs have names only in the policy that the tables were made of */
static void add_names(struct monitor *monitor, const struct kern_policy *policy)
{
	struct cxl_policy *table;
	struct names *names;
	unsigned int i;

	for (i = 0; i < monitor->nr_names; i++)
		if (!strcmp(monitor->names[i].name, policy->name))
			break;
	if (!policy->table_id || i == MAX_POLICIES)
		return;
	names = &monitor->names[i];
	/* The same name may stand for another policy after a swap */
	if (names->table_id == policy->table_id)
		return;
	if (i == monitor->nr_names)
		monitor->nr_names++;
	memcpy(names->name, policy->name, sizeof(names->name));
	names->table_id = policy->table_id;

	table = malloc(sizeof(*table));
	if (!names->source)
		names->source = malloc(sizeof(*names->source));
	if (!table || !names->source || kern_read_table(policy, table) ||
	    !describe_find_source(table, names->source)) {
		free(names->source);
		names->source = NULL;
	}
	free(table);
}

static void free_names(struct monitor *monitor)
{
	unsigned int i;

	for (i = 0; i < monitor->nr_names; i++)
		free(monitor->names[i].source);
}

/* Events of all policies in force; there is one buffer unless others registered theirs */
static int add_buffers(struct monitor *monitor)
{
	struct kern_policies policies = {};
	unsigned int i, j;
	int fd, err;

	err = kern_list(&policies);
	if (err)
		return err;
	for (i = 0; i < policies.nr && !err; i++) {
		uint32_t id = policies.policies[i].events_id;

		add_names(monitor, &policies.policies[i]);
		for (j = 0; j < monitor->nr_maps; j++)
			if (monitor->maps[j] == id)
				break;
		if (!id || j < monitor->nr_maps || j == MAX_BUFFERS)
			continue;
		fd = kern_open_map(id, CXL_EVENTS_MAP_NAME);
		if (fd < 0)
			continue;
		if (!monitor->ring) {
			monitor->ring = ring_buffer__new(fd, on_event, monitor, NULL);
			err = monitor->ring ? 0 : -errno;
		} else {
			err = ring_buffer__add(monitor->ring, fd, on_event, monitor);
		}
		close(fd);
		monitor->maps[monitor->nr_maps++] = id;
		if (err)
			error_set(EXIT_FAILED, err, "--debug tells more",
				  "can't open the events of policy %s: %s",
				  policies.policies[i].name, strerror(-err));
	}
	kern_free(&policies);
	return err;
}

int cmd_monitor(const struct cmd_args *args)
{
	struct monitor *monitor;
	int64_t start, scanned, left;
	int lock = -1, err, wait;

	if (args->argc)
		return error_set(EXIT_USAGE, -EINVAL, "see 'cxl-policy help monitor'",
				 "monitor takes no argument");
	err = kern_check();
	if (err)
		return err;
	monitor = calloc(1, sizeof(*monitor));
	if (!monitor)
		return -ENOMEM;
	monitor->limit = args->count;
	lock = pin_lock_monitor();
	if (lock < 0) {
		err = lock;
		goto out;
	}
	err = add_buffers(monitor);
	if (err)
		goto out;
	if (!monitor->ring) {
		err = error_set(EXIT_MISSING, -ENOENT, "attach one by 'cxl-policy attach'",
				"no policy is in force");
		goto out;
	}
	cmd_stop_on_signal();

	/* From here on, so that what is there is read even where all the above took long */
	start = cmd_now_ms();
	scanned = start;
	while (!cmd_stop && (!monitor->limit || monitor->count < monitor->limit)) {
		wait = RESCAN_MS;
		if (args->timeout) {
			left = start + args->timeout * 1000LL - cmd_now_ms();
			if (left <= 0)
				break;
			if (left < wait)
				wait = left;
		}
		err = ring_buffer__poll(monitor->ring, wait);
		if (err < 0 && err != -EINTR && err != -ECANCELED) {
			error_set(EXIT_FAILED, err, NULL, "can't read the events: %s",
				  strerror(-err));
			break;
		}
		err = 0;
		if (ferror(stdout))
			break;
		if (cmd_now_ms() - scanned >= RESCAN_MS) {
			err = add_buffers(monitor);
			if (err)
				break;
			scanned = cmd_now_ms();
		}
	}
out:
	ring_buffer__free(monitor->ring);
	free_names(monitor);
	free(monitor);
	if (lock >= 0)
		close(lock);
	return err;
}
