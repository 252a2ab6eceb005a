// SPDX-License-Identifier: GPL-2.0-only
/*
 * restore: a saved shadow, for the BPF program to apply.
 *
 * The shadow is the program's alone to write, so a saved one is put beside it and
 * the program takes it over at the first access of an opening, with the kernel's
 * lock of the device held.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"
#include "cxl_policy_engine.h"
#include "describe.h"
#include "fields.h"
#include "output.h"
#include "pin.h"
#include "restore.h"
#include "state.h"

#define SETTLE_STEP_US 1000
#define SETTLE_STEPS   2000

/**
 * struct job - what is to be restored, and where to
 * @state: what the file has
 * @target: the device
 * @device: the device, as it is
 * @policy: that covers it
 * @map_fd: map "cxl_restore" of @policy
 * @key: of the device in that map
 * @not_restored: names of the fields that the guest will see otherwise
 */
struct job {
	struct state state;
	struct kern_target target;
	struct device device;
	const struct kern_policy *policy;
	int map_fd;
	struct cxl_restore_key key;
	struct json_object *not_restored;
};

/*
 * The map
 */

const char *restore_state(const struct kern_policy *policy, const struct device *device)
{
	struct cxl_restore restore;

	if (!policy || kern_read_restore(policy, &device->address, &restore))
		return NULL;
	if (restore.state == CXL_RESTORE_PENDING)
		return !restore.open_id || restore.open_id == device->open_id ? "pending" : NULL;
	if (!device->open_id || restore.applied_id != device->open_id)
		return NULL;
	return restore.state == CXL_RESTORE_APPLIED ? "applied" : "refused";
}

void restore_forget(int fd, const struct kern_policies *policies, const struct kern_target *target)
{
	struct kern_target of = { .match = VFIO_PCI_DVSEC_MATCH_ADDRESS };
	struct cxl_restore_key keys[CXL_SHADOW_MAX_DEVICES], *last = NULL;
	unsigned int nr = 0, i;

	if (fd < 0)
		return;
	for (; nr < CXL_SHADOW_MAX_DEVICES && !bpf_map_get_next_key(fd, last, &keys[nr]); nr++)
		last = &keys[nr];
	for (i = 0; i < nr; i++) {
		of.address.segment = keys[i].segment;
		of.address.bus = keys[i].bus;
		of.address.devfn = keys[i].devfn;
		if ((target->match == of.match && device_same(&target->address, &of.address)) ||
		    !kern_find_effective(policies, &of))
			bpf_map_delete_elem(fd, &keys[i]);
	}
}

/*
 * Wait while a first access is being decided, after which the program uses nothing
 * that was in the map before. Return: an &enum cxl_accesses or a negative errno; a
 * device that isn't open has none.
 */
static int settle(const struct job *job, uint64_t open_id)
{
	struct cxl_shadow shadow;
	int i, err;

	for (i = 0; i < SETTLE_STEPS && open_id; i++) {
		err = kern_read_shadow(job->policy, open_id, &shadow);
		if (err == -ENOENT)
			return CXL_ACCESSES_NONE;
		if (err)
			return error_set(EXIT_FAILED, err, "--debug tells more",
					 "can't read the shadow of %s: %s", job->device.name,
					 strerror(-err));
		if (shadow.accesses != CXL_ACCESSES_FIRST)
			return shadow.accesses;
		usleep(SETTLE_STEP_US);
	}
	if (!open_id)
		return CXL_ACCESSES_NONE;
	return error_set(EXIT_FAILED, -ETIMEDOUT, "look at the kernel's log",
			 "the first access to %s doesn't end", job->device.name);
}

/* Take away what is there; the program may be at it just now */
static int take_away(const struct job *job)
{
	int err;

	if (bpf_map_delete_elem(job->map_fd, &job->key) && errno != ENOENT)
		return error_set(EXIT_FAILED, -errno, "--debug tells more",
				 "can't take the saved state of %s away: %s", job->device.name,
				 strerror(errno));
	err = settle(job, job->device.open_id);
	return err < 0 ? err : 0;
}

/*
 * The file
 */

static int read_file(const char *path, struct state *state)
{
	char error[STATE_ERROR_LEN], *text;
	bool standard = !strcmp(path, "-");
	size_t len;
	FILE *f;
	int err;

	f = standard ? stdin : fopen(path, "re");
	if (!f) {
		err = -errno;
		return error_set(err == -EACCES ? EXIT_PRIVILEGE : EXIT_MISSING, err,
				 "name a file that 'cxl-policy save' wrote", "can't read %s: %s",
				 path, strerror(-err));
	}
	text = calloc(1, STATE_MAX_SIZE + 2);
	if (!text) {
		err = -ENOMEM;
		goto out;
	}
	len = fread(text, 1, STATE_MAX_SIZE + 1, f);
	if (ferror(f)) {
		err = error_set(errno == EISDIR ? EXIT_INVALID : EXIT_FAILED, -EIO,
				"name a file that 'cxl-policy save' wrote", "can't read %s: %s",
				path, strerror(errno));
		goto out;
	}
	err = state_parse(text, len, state, error);
	if (err)
		error_set(EXIT_INVALID, err, "name a file as 'cxl-policy save' wrote it", "%s: %s",
			  path, error);
out:
	free(text);
	if (!standard)
		fclose(f);
	return err;
}

/*
 * What becomes of it
 */

static bool is_claimed(const struct kern_policy *policy, const struct device_dvsec *dvsec)
{
	return policy_claims(policy->claims, policy->nr_claims, dvsec->vendor, dvsec->id);
}

/* The shadow as it is, or will be when the device is opened */
static int open_shadow(const struct job *job, const struct cxl_policy *table,
		       struct cxl_shadow *shadow)
{
	const struct device *device = &job->device;
	uint32_t hw[DEVICE_CONFIG_SIZE / 4];
	unsigned int i, n;
	int err;

	if (device->open_id && !kern_read_shadow(job->policy, device->open_id, shadow))
		return 0;
	memset(shadow, 0, sizeof(*shadow));
	err = device_read(device, 0, hw, DEVICE_CONFIG_SIZE / 4);
	if (err)
		return cmd_read_failed(device, err);
	for (i = 0; i < device->nr_dvsecs + device->nr_others; i++) {
		const struct device_dvsec *dvsec = i < device->nr_dvsecs
							   ? &device->dvsecs[i]
							   : &device->others[i - device->nr_dvsecs];
		uint32_t index = cxl_engine_find(table, dvsec->vendor, dvsec->id);

		if (!is_claimed(job->policy, dvsec))
			continue;
		for (n = 1; n * 4U < dvsec->length && dvsec->offset / 4 + n < CXL_SHADOW_DWORDS;
		     n++)
			cxl_engine_open(table, index, shadow, dvsec->offset, n * 4,
					hw[dvsec->offset / 4 + n]);
	}
	return 0;
}

/* Bits that the guest will see otherwise than it did before */
static uint32_t differing(const struct cxl_policy *table, struct cxl_shadow *shadow,
			  const struct cxl_restore_dword *saved)
{
	const struct cxl_shadow_dword *dword =
		&shadow->dwords[(saved->start + saved->offset) / 4 % CXL_SHADOW_DWORDS];
	uint32_t index = cxl_engine_find(table, saved->header1, saved->id);
	const struct cxl_rule *rule = cxl_engine_rule(table, index, saved->offset / 4);
	uint32_t seen = dword->hw;

	if (rule)
		seen = (dword->hw & rule->hw) | (dword->value & rule->shadow) |
		       (rule->value & ~rule->hw & ~rule->shadow);
	return (seen ^ saved->value) & saved->valid;
}

static void add_names(struct job *job, const struct policy *source,
		      const struct cxl_restore_dword *saved, uint32_t bits)
{
	struct json_object *names =
		fields_names(source, saved->header1, saved->id, saved->offset, bits);
	char text[64];
	size_t i;

	for (i = 0; i < json_object_array_length(names); i++)
		json_object_array_add(job->not_restored,
				      json_object_get(json_object_array_get_idx(names, i)));
	if (!i) {
		snprintf(text, sizeof(text), "DVSEC 0x%04x:%u +0x%02x bits 0x%08x",
			 saved->header1 & 0xffff, saved->id, saved->offset, bits);
		json_object_array_add(job->not_restored, output_string(text));
	}
	json_object_put(names);
}

/* Restore it into a copy of the shadow, and look what differs */
static int foresee(struct job *job)
{
	const struct state *state = &job->state;
	struct policy *source = calloc(1, sizeof(*source));
	struct cxl_shadow shadow;
	struct cxl_policy table;
	unsigned int stage, i;
	bool named;
	int err;

	if (!source)
		return -ENOMEM;
	err = kern_read_table(job->policy, &table);
	if (err) {
		err = error_set(EXIT_KERNEL, err, "use the cxl-policy that attached it",
				"can't read the table of policy %s", job->policy->name);
		goto out;
	}
	table.name[sizeof(table.name) - 1] = '\0';
	err = open_shadow(job, &table, &shadow);
	if (err)
		goto out;
	for (i = 0; i < state->nr_dwords; i++) {
		if (cxl_engine_restore_fits(&shadow, &state->dwords[i]))
			continue;
		err = error_set(EXIT_INVALID, -EINVAL, "restore it to a device of the same kind",
				"%s has other DVSECs than the one that was saved",
				job->device.name);
		goto out;
	}
	for (stage = CXL_RESTORE_BITS; stage <= CXL_RESTORE_ONCE; stage++)
		for (i = 0; i < state->nr_dwords; i++)
			cxl_engine_restore(&table, &shadow, &state->dwords[i], stage);

	named = describe_find_source(&table, source);
	job->not_restored = json_object_new_array();
	for (i = 0; i < state->nr_dwords; i++) {
		uint32_t bits = differing(&table, &shadow, &state->dwords[i]);

		if (bits)
			add_names(job, named ? source : NULL, &state->dwords[i], bits);
	}
out:
	free(source);
	return err;
}

/*
 * The verb
 */

static int too_late(const struct job *job)
{
	return error_set(EXIT_BUSY, -EBUSY,
			 "let it close the device, restore, and let it open the device again",
			 "the user of %s has made an access since it opened the device: too late",
			 job->device.name);
}

static int find_policy(struct job *job, const struct kern_policies *policies)
{
	const struct kern_policy *policy;

	/* The default covers what vfio-pci has, but promises nothing of other drivers */
	policy = job->device.hooked ? kern_find_effective(policies, &job->target)
				    : kern_find(policies, &job->target);
	job->policy = policy;
	if (!policy)
		return error_set(EXIT_MISSING, -ENOENT, "'cxl-policy attach' attaches one",
				 "no policy covers %s", job->device.name);
	job->map_fd = kern_open_map(policy->restore_id, CXL_RESTORE_MAP_NAME);
	if (job->map_fd >= 0)
		return 0;
	if (policy->shadow_id && policy->table_id)
		return error_set(EXIT_KERNEL, -EOPNOTSUPP,
				 "swap it for one of this version by 'cxl-policy swap'",
				 "policy %s of %s was loaded by a version without restore",
				 policy->name, job->device.name);
	return error_set(EXIT_KERNEL, -EOPNOTSUPP, "attach a policy by 'cxl-policy attach'",
			 "the policy of %s is another program (link %u)", job->device.name,
			 policy->link_id);
}

static void print_done(const struct job *job, const char *path, bool applied)
{
	const char *opening = job->device.open_id ? "present" : "next";
	struct json_object *object;
	size_t i, nr = json_object_array_length(job->not_restored);

	if (!output_options.json) {
		if (applied)
			printf("%s: the state in %s was applied", job->device.name, path);
		else
			printf("%s: the state in %s will be applied at the first access of the %s "
			       "opening",
			       job->device.name, path, opening);
		printf("%s",
		       nr ? "\n  not restored, as it reaches the hardware or isn't the guest's "
			    "under this policy:\n"
			  : "\n");
		for (i = 0; i < nr; i++)
			printf("    %s\n", json_object_get_string(json_object_array_get_idx(
						   job->not_restored, i)));
		return;
	}
	object = json_object_new_object();
	output_add(object, "device", output_string(job->device.name));
	output_add(object, "restore", output_string(applied ? "applied" : "pending"));
	output_add(object, "opening", output_string(opening));
	output_add(object, "policy", output_string(job->policy->name));
	output_add(object, "saved_from", output_string(job->state.device.name));
	output_add(object, "dwords", json_object_new_int(job->state.nr_dwords));
	output_add(object, "not_restored", json_object_get(job->not_restored));
	output_json(object);
}

/* The user may open, access and close the device meanwhile: see what became of it */
static int verify(struct job *job, uint64_t open_id, bool *applied)
{
	struct cxl_restore restore;
	struct device now;
	int accesses, err;

	err = device_get(&job->target.address, &now);
	if (err)
		return error_set(EXIT_MISSING, err, "'cxl-policy list' shows those there are",
				 "%s has just gone", job->device.name);
	job->device = now;
	accesses = settle(job, now.open_id);
	if (accesses < 0)
		return accesses;
	err = bpf_map_lookup_elem(job->map_fd, &job->key, &restore);
	if (err)
		return error_set(EXIT_FAILED, err, "try again",
				 "the saved state of %s has just gone", job->device.name);
	*applied = restore.state == CXL_RESTORE_APPLIED;
	if (*applied)
		return 0;
	if (restore.state != CXL_RESTORE_PENDING)
		return error_set(EXIT_FAILED, -EIO, "restore it to a device of the same kind",
				 "the program refused the saved state of %s: %s", job->device.name,
				 restore.state == CXL_RESTORE_LAYOUT ? "other DVSECs"
								     : "another version");
	if (open_id && now.open_id != open_id) {
		take_away(job);
		return error_set(EXIT_BUSY, -EBUSY, "try again",
				 "%s was closed by its user meanwhile", job->device.name);
	}
	if (accesses == CXL_ACCESSES_NONE)
		return 0;
	err = take_away(job);
	return err ? err : too_late(job);
}

static int arm(struct job *job, const char *path)
{
	struct cxl_restore *restore;
	uint64_t open_id = job->device.open_id;
	bool applied;
	int err;

	if (!strcmp(job->device.state, "error"))
		return error_set(EXIT_FAILED, -EIO, "the kernel's log tells why",
				 "the policy failed on %s", job->device.name);
	err = settle(job, open_id);
	if (err == CXL_ACCESSES_DONE)
		err = too_late(job);
	if (err < 0)
		return err;
	err = foresee(job);
	if (err)
		return err;

	restore = calloc(1, sizeof(*restore));
	if (!restore)
		return -ENOMEM;
	restore->open_id = open_id;
	restore->abi_version = CXL_POLICY_ABI_VERSION;
	restore->state = CXL_RESTORE_PENDING;
	restore->nr_dwords = job->state.nr_dwords;
	memcpy(restore->dwords, job->state.dwords, sizeof(restore->dwords));
	err = bpf_map_update_elem(job->map_fd, &job->key, restore, BPF_ANY);
	free(restore);
	if (err)
		return error_set(EXIT_FAILED, err, "take some away by 'cxl-policy restore --clear'",
				 "can't put the saved state of %s there: %s", job->device.name,
				 strerror(-err));
	err = verify(job, open_id, &applied);
	if (!err)
		print_done(job, path, applied);
	return err;
}

static int clear(struct job *job)
{
	const char *state = restore_state(job->policy, &job->device);
	bool pending = state && !strcmp(state, "pending");
	int before = 0, after = 0, err;

	if (pending)
		before = settle(job, job->device.open_id);
	err = before < 0 ? before : take_away(job);
	if (!err && pending)
		after = settle(job, job->device.open_id);
	if (err || after < 0)
		return err ? err : after;
	if (after != before)
		return error_set(EXIT_BUSY, -EBUSY, "'cxl-policy show' tells what it sees",
				 "the user of %s made its first access meanwhile: the state may "
				 "have been applied",
				 job->device.name);
	if (output_options.json) {
		struct json_object *object = json_object_new_object();

		output_add(object, "device", output_string(job->device.name));
		output_add(object, "restore", NULL);
		output_add(object, "cleared", json_object_new_boolean(pending));
		output_json(object);
	} else {
		printf("%s: %s\n", job->device.name,
		       pending ? "the saved state was taken away, and will not be applied"
			       : "there was no saved state to be applied");
	}
	return 0;
}

int cmd_restore(const struct cmd_args *args)
{
	struct kern_policies policies = {};
	struct job *job;
	int lock, err;

	if (args->argc != (args->clear ? 1 : 2))
		return error_set(EXIT_USAGE, -EINVAL, "see 'cxl-policy help restore'",
				 "one device and one file are wanted, or one device and --clear");
	job = calloc(1, sizeof(*job));
	if (!job)
		return -ENOMEM;
	job->map_fd = -1;
	err = cmd_parse_device(args->argv[0], false, &job->target);
	if (!err)
		err = kern_check();
	if (!err)
		err = cmd_check_device(&job->target, true);
	if (!err && !args->clear)
		err = read_file(args->argv[1], &job->state);
	if (err)
		goto out;
	job->key.segment = job->target.address.segment;
	job->key.bus = job->target.address.bus;
	job->key.devfn = job->target.address.devfn;

	lock = pin_lock();
	if (lock < 0) {
		err = lock;
		goto out;
	}
	err = device_get(&job->target.address, &job->device);
	if (err)
		err = error_set(EXIT_MISSING, err, "'cxl-policy list' shows those there are",
				"no device %s", args->argv[0]);
	if (!err && !args->clear) {
		char error[STATE_ERROR_LEN];

		if (state_differs(&job->state, &job->device, error))
			err = error_set(EXIT_INVALID, -EINVAL,
					"restore it to a device of the same kind",
					"%s isn't of the kind of %s: %s", job->device.name,
					args->argv[1], error);
		else if (state_overlaps(&job->state, error))
			err = error_set(EXIT_INVALID, -EINVAL,
					"start the guest anew, there is no way to restore it",
					"the state of %s can't be told apart: %s", job->device.name,
					error);
	}
	if (!err)
		err = kern_list(&policies);
	if (!err)
		err = find_policy(job, &policies);
	if (!err)
		err = args->clear ? clear(job) : arm(job, args->argv[1]);
	if (job->map_fd >= 0)
		close(job->map_fd);
	kern_free(&policies);
	pin_unlock(lock);
out:
	json_object_put(job->not_restored);
	free(job);
	return err;
}
