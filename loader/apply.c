// SPDX-License-Identifier: GPL-2.0-only
/*
 * apply: let the devices have the policies that a folder assigns to them.
 *
 * Each device is changed in one step, as by attach, swap and detach, so that it has
 * either what it had or what is assigned, whatever becomes of the others.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apply.h"
#include "attach.h"
#include "bpf.h"
#include "cmd.h"
#include "output.h"
#include "pin.h"

/* All that a plan is made of, and the plan */
struct state {
	struct kern_policies policies;
	struct pins pins;
	struct device *found;
	unsigned int nr_found;
	unsigned int nr;
	struct assign_device *devices;
	struct assign_action *actions;
	unsigned int changes;
};

static void free_state(struct state *state)
{
	unsigned int i;

	for (i = 0; i < state->nr; i++)
		free((void *)state->devices[i].image);
	free(state->actions);
	free(state->devices);
	free(state->found);
	pin_free(&state->pins);
	kern_free(&state->policies);
	memset(state, 0, sizeof(*state));
}

static int compare_devices(const void *a, const void *b)
{
	const struct assign_device *x = a, *y = b;

	return device_order(&x->address, &y->address);
}

static struct assign_device *add_device(struct state *state, const struct device_address *address)
{
	struct assign_device *device;
	unsigned int i;

	for (i = 0; i < state->nr; i++)
		if (device_same(&state->devices[i].address, address))
			return &state->devices[i];
	device = &state->devices[state->nr++];
	device->address = *address;
	return device;
}

/* What is in force on a device by a policy of its own */
static int look_at(struct state *state, struct assign_device *device)
{
	const struct kern_target target = { VFIO_PCI_DVSEC_MATCH_ADDRESS, device->address };
	const struct kern_policy *policy = kern_find(&state->policies, &target);
	struct policy_image *image;

	if (!policy)
		return 0;
	device->attached = true;
	device->policy = policy->name;
	device->ours = pin_find(&state->pins, policy->link_id);
	device->stale = policy->program != bpf_program();
	image = calloc(1, sizeof(*image));
	if (!image)
		return -ENOMEM;
	/* A program that has none is another one */
	if (kern_read_table(policy, &image->table)) {
		free(image);
		return 0;
	}
	image->nr_claims = policy->nr_claims;
	memcpy(image->claims, policy->claims, sizeof(image->claims));
	device->image = image;
	return 0;
}

/*
 * The DVSECs of a device can't be read while its link is down. Has it a policy, it is no
 * other device for that, and what is assigned to its kind is.
 */
static void identify(struct assign_device *device)
{
	struct device found;

	if (device->cxl || !device->attached || device_get(&device->address, &found))
		return;
	device->cxl = true;
	device->vendor = found.vendor;
	device->device_id = found.device_id;
	device->class = found.class;
}

/* The CXL devices, or the one that is wanted if it is one */
static int find_devices(struct state *state, const struct device_address *only)
{
	struct device *device;
	int err;

	if (!only)
		return device_list(&state->found, &state->nr_found);
	state->found = device = calloc(1, sizeof(*device));
	if (!device)
		return -ENOMEM;
	err = device_get(only, device);
	if (!err && device->nr_dvsecs && !device->bridge)
		state->nr_found = 1;
	return err == -ENODEV ? 0 : err;
}

/* The CXL devices, and what addresses have an assignment or a policy besides */
static int make_plan(const struct apply_folder *folder, const struct apply_options *options,
		     struct state *state)
{
	const struct assignments *all = &folder->dir.all;
	const struct device_address *only = options->only, *address;
	struct assign_device *device;
	unsigned int i, max;
	int err;

	memset(state, 0, sizeof(*state));
	err = kern_list(&state->policies);
	if (!err)
		err = find_devices(state, only);
	if (!err)
		err = pin_list(&state->pins);
	if (err)
		return err;
	max = state->nr_found + all->nr + state->policies.nr + 1;
	state->devices = calloc(max, sizeof(*state->devices));
	state->actions = calloc(max, sizeof(*state->actions));
	if (!state->devices || !state->actions)
		return -ENOMEM;

	for (i = 0; i < state->nr_found; i++) {
		device = add_device(state, &state->found[i].address);
		device->cxl = true;
		device->vendor = state->found[i].vendor;
		device->device_id = state->found[i].device_id;
		device->class = state->found[i].class;
	}
	for (i = 0; i < all->nr; i++) {
		address = &all->entries[i].match.address;
		if (all->entries[i].match.kind == ASSIGN_ADDRESS &&
		    (!only || device_same(only, address)))
			add_device(state, address);
	}
	for (i = 0; i < state->policies.nr; i++) {
		address = &state->policies.policies[i].target.address;
		if (state->policies.policies[i].target.match == VFIO_PCI_DVSEC_MATCH_ADDRESS &&
		    (!only || device_same(only, address)))
			add_device(state, address);
	}
	qsort(state->devices, state->nr, sizeof(*state->devices), compare_devices);
	for (i = 0; i < state->nr; i++) {
		err = look_at(state, &state->devices[i]);
		if (err)
			return err;
		identify(&state->devices[i]);
	}
	state->changes = assign_plan(all, folder->images, folder->nr_images, state->devices,
				     state->nr, options->keep_others, state->actions);
	return 0;
}

/*
 * One that isn't there, or is bound to another driver, has the policy from the moment
 * on at which vfio-pci takes it.
 */
static int check_target(const struct kern_target *target)
{
	struct device device;
	int err;

	err = device_get(&target->address, &device);
	if (err == -ENODEV)
		return 0;
	return err ? err : cmd_check_device(target, strcmp(device.state, "raw"));
}

static int check_outcome(const struct kern_target *target)
{
	struct device device;

	if (device_get(&target->address, &device) || !device.hooked ||
	    strcmp(device.state, "error"))
		return 0;
	return error_set(EXIT_FAILED, -EINVAL, "the kernel's log tells why",
			 "the policy failed on it, so its DVSECs are read-only");
}

/* What was planned is of the same moment, but for programs that don't take the lock */
static int change(const struct assign_device *device, const struct assign_action *action)
{
	const struct kern_target target = { VFIO_PCI_DVSEC_MATCH_ADDRESS, device->address };
	struct kern_policies policies = {}, after = {};
	const struct kern_policy *old;
	uint32_t link_id;
	int err;

	err = kern_list(&policies);
	if (err)
		return err;
	old = kern_find(&policies, &target);
	if (!!old != device->attached)
		err = error_set(EXIT_BUSY, -EBUSY, "try again",
				"another program has just changed its policy");
	else if (action->step == ASSIGN_ATTACH)
		err = attach_policy(&target, action->image, &policies, &link_id);
	else if (action->step == ASSIGN_SWAP)
		err = attach_swap(&target, action->image, &policies, old, &link_id);
	else
		err = attach_end(&target, old, &after);
	kern_free(&after);
	kern_free(&policies);
	return err;
}

static const char *const step_names[] = {
	[ASSIGN_LEAVE] = "leave", [ASSIGN_KEEP] = "keep",     [ASSIGN_ATTACH] = "attach",
	[ASSIGN_SWAP] = "swap",	  [ASSIGN_DETACH] = "detach",
};

static const char *const result_names[] = {
	[APPLY_UNCHANGED] = "unchanged",
	[APPLY_CHANGED] = "changed",
	[APPLY_WOULD_CHANGE] = "would-change",
	[APPLY_FAILED] = "failed",
};

struct json_object *apply_json(const struct apply_record *record)
{
	struct json_object *object = json_object_new_object(), *source = NULL;
	const struct assign_action *action = record->action;
	const struct assign_device *device = record->device;
	const char *policy = action->why ? action->why->policy : NULL;
	char name[DEVICE_ADDRESS_LEN];

	/* What is to be in force, or stays so */
	if (action->step == ASSIGN_LEAVE)
		policy = device->policy;
	if (action->why) {
		source = json_object_new_object();
		output_add(source, "file", output_string(action->why->file));
		output_add(source, "line", json_object_new_int(action->why->line));
	}
	device_format(&device->address, name);
	output_add(object, "device", output_string(name));
	output_add(object, "action", output_string(step_names[action->step]));
	output_add(object, "policy", output_string(policy));
	output_add(object, "previous", output_string(device->policy));
	output_add(object, "source", source);
	output_add(object, "result", output_string(result_names[record->result]));
	output_add(object, "error", output_string(record->cause));
	return object;
}

bool apply_text(const struct apply_record *record, char *text, size_t size)
{
	char name[DEVICE_ADDRESS_LEN], source[ASSIGN_FILE_LEN + 16] = "no assignment";
	const struct assign_action *action = record->action;
	const char *old = record->device->policy, *new = action->why ? action->why->policy : "";
	bool dry_run = record->result == APPLY_WOULD_CHANGE;
	const char *be = dry_run ? "would be " : "", *colon = dry_run ? ":" : "";

	text[0] = '\0';
	device_format(&record->device->address, name);
	if (action->why)
		snprintf(source, sizeof(source), "%s:%u", action->why->file, action->why->line);
	if (!old || !old[0])
		old = "one with no name";
	if (record->result == APPLY_FAILED)
		snprintf(text, size, "%s: can't %s %s (%s): %s", name, step_names[action->step],
			 action->step == ASSIGN_DETACH ? old : new, source, record->cause);
	else if (action->step == ASSIGN_ATTACH)
		snprintf(text, size, "%s: %sattached%s %s (%s)", name, be, colon, new, source);
	else if (action->step == ASSIGN_DETACH)
		snprintf(text, size, "%s: %sdetached%s %s (%s)", name, be, colon, old, source);
	else if (action->step == ASSIGN_SWAP && assign_same(record->device, action))
		snprintf(text, size, "%s: %sgiven%s the program of this version, policy %s (%s)",
			 name, be, colon, old, source);
	else if (action->step == ASSIGN_SWAP && !strcmp(old, new))
		snprintf(text, size, "%s: %sswapped%s %s for its new content (%s)", name, be, colon,
			 old, source);
	else if (action->step == ASSIGN_SWAP)
		snprintf(text, size, "%s: %sswapped%s %s for %s (%s)", name, be, colon, old, new,
			 source);
	return text[0];
}

static void run_action(const struct apply_options *options, const struct assign_device *device,
		       const struct assign_action *action)
{
	const struct kern_target target = { VFIO_PCI_DVSEC_MATCH_ADDRESS, device->address };
	const bool dry_run = options->dry_run, changes = action->step >= ASSIGN_ATTACH;
	struct apply_record record = { .device = device, .action = action };
	char cause[ERROR_CAUSE_LEN];
	int err = 0;

	if (action->step == ASSIGN_NOTHING)
		return;
	/* One that is kept may have come to a driver that doesn't ask it */
	if (action->image)
		err = check_target(&target);
	if (!err && changes && !dry_run)
		err = change(device, action);
	if (!err && action->image && !(changes && dry_run))
		err = check_outcome(&target);

	if (err) {
		record.result = APPLY_FAILED;
		record.code = error_take(err, cause);
		record.cause = cause;
	} else if (changes) {
		record.result = dry_run ? APPLY_WOULD_CHANGE : APPLY_CHANGED;
	}
	error_clear();
	options->tell(options->arg, &record);
}

int apply_run(const struct apply_folder *folder, const struct apply_options *options)
{
	struct state state = {};
	int lock = -1, err;
	unsigned int i;

	err = kern_check_privilege();
	if (err)
		return err;
	/* Without the hook, and a pin, nothing can be in force that would have to end */
	if (!folder->dir.all.nr && kern_hook() != KERN_HOOK_PRESENT && !pin_any())
		return 0;
	err = kern_check();
	if (!err)
		err = make_plan(folder, options, &state);
	/* Where nothing is to be done, nobody is waited for */
	if (!err && state.changes && !options->dry_run) {
		free_state(&state);
		lock = pin_lock();
		err = lock < 0 ? lock : make_plan(folder, options, &state);
	}
	for (i = 0; !err && i < state.nr; i++)
		run_action(options, &state.devices[i], &state.actions[i]);
	free_state(&state);
	if (lock >= 0)
		pin_unlock(lock);
	return err;
}

int apply_read(const char *path, struct apply_folder *folder)
{
	struct assign_dir *dir = &folder->dir;
	char hint[512], more[64] = "";
	unsigned int i;
	int err;

	memset(folder, 0, sizeof(*folder));
	err = cmd_load_dir(path, dir);
	if (err)
		return err;
	if (dir->problems.nr) {
		if (dir->problems.nr > 1)
			snprintf(more, sizeof(more), " (and %u more)", dir->problems.nr - 1);
		snprintf(hint, sizeof(hint), "'cxl-policy check %s' tells all; nothing was changed",
			 path);
		return error_set(EXIT_INVALID, -EINVAL, hint, "%s%s", dir->problems.texts[0], more);
	}
	folder->images = calloc(dir->nr_policies + 1, sizeof(*folder->images));
	if (!folder->images)
		return -ENOMEM;
	for (i = 0; i < dir->nr_policies; i++)
		folder->images[folder->nr_images++] = dir->policies[i].image;
	return 0;
}

void apply_forget(struct apply_folder *folder)
{
	free(folder->images);
	assign_dir_free(&folder->dir);
	memset(folder, 0, sizeof(*folder));
}

/*
 * The verb
 */

static void add_record(void *arg, const struct apply_record *record)
{
	char text[ERROR_CAUSE_LEN + 512];
	struct cmd_tally *tally = arg;

	if (record->result == APPLY_FAILED)
		cmd_tally_failed(tally, record->code);
	else if (record->result != APPLY_UNCHANGED)
		tally->changed++;
	else if (record->action->step == ASSIGN_KEEP)
		tally->kept++;
	else
		tally->left++;
	if (tally->array) {
		json_object_array_add(tally->array, apply_json(record));
	} else if (!apply_text(record, text, sizeof(text))) {
		;
	} else if (record->result == APPLY_FAILED) {
		/* Between the lines of the others, where both go to one file */
		fflush(stdout);
		fprintf(stderr, "cxl-policy: %s\n", text);
	} else {
		printf("%s\n", text);
	}
}

int cmd_apply(const struct cmd_args *args)
{
	struct cmd_tally tally = {};
	struct apply_options options = {
		.dry_run = args->dry_run,
		.keep_others = args->keep_others,
		.tell = add_record,
		.arg = &tally,
	};
	struct apply_folder folder = {};
	struct kern_target target;
	int err = 0;

	if (args->argc > 1)
		return error_set(EXIT_USAGE, -EINVAL, "see 'cxl-policy help apply'",
				 "at most one folder is wanted");
	if (args->device)
		err = cmd_parse_device(args->device, false, &target);
	if (err)
		return err;
	if (args->device)
		options.only = &target.address;
	if (output_options.json)
		tally.array = json_object_new_array();
	err = apply_read(args->argc ? args->argv[0] : ASSIGN_DIR, &folder);
	if (!err)
		err = apply_run(&folder, &options);
	apply_forget(&folder);
	if (err) {
		json_object_put(tally.array);
		return err;
	}
	return cmd_tally_end(&tally, args->dry_run);
}
