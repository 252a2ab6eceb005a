// SPDX-License-Identifier: GPL-2.0-only
/*
 * save: the shadow of an open device as a file.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cmd.h"
#include "output.h"
#include "restore.h"
#include "state.h"

static int find_state(struct state *state, const struct kern_policy *policy)
{
	struct device *device = &state->device;
	struct cxl_shadow shadow;
	unsigned int i, nr = 0;
	const char *pending;
	int err;

	if (!policy)
		return error_set(EXIT_MISSING, -ENOENT, "'cxl-policy list' shows those in force",
				 "no policy covers %s, so there is no state", device->name);
	if (!policy->shadow_id || !policy->table_id)
		return error_set(EXIT_KERNEL, -EOPNOTSUPP,
				 "only what cxl-policy's own program keeps can be saved",
				 "the policy of %s is another program (link %u)", device->name,
				 policy->link_id);
	if (!strcmp(device->state, "error"))
		return error_set(EXIT_FAILED, -EIO, "the kernel's log tells why",
				 "the policy failed on %s, so there is no state", device->name);
	if (!device->open_id)
		return error_set(EXIT_MISSING, -ENOENT, "save it while the guest has the device",
				 "nobody has %s open, so there is no state", device->name);
	pending = restore_state(policy, device);
	if (pending && !strcmp(pending, "pending"))
		return error_set(EXIT_BUSY, -EBUSY, "use the file that is to be restored",
				 "%s has yet to take over a saved state", device->name);
	err = kern_read_shadow(policy, device->open_id, &shadow);
	if (err == -ENOENT)
		return error_set(EXIT_MISSING, err, "try again",
				 "the program has no state of %s: was it closed just now?",
				 device->name);
	if (err)
		return error_set(EXIT_FAILED, err, "--debug tells more",
				 "can't read the shadow of %s: %s", device->name, strerror(-err));

	for (i = 0; i < device->nr_others; i++)
		if (policy_claims(policy->claims, policy->nr_claims, device->others[i].vendor,
				  device->others[i].id))
			device->others[nr++] = device->others[i];
	device->nr_others = nr;
	if (state_take(&shadow, state))
		return error_set(EXIT_FAILED, -E2BIG, "detach policies for other DVSECs before",
				 "%s has state in more than %u dwords", device->name,
				 CXL_RESTORE_MAX_DWORDS);
	return 0;
}

static int write_all(int fd, const char *text)
{
	size_t len = strlen(text);
	ssize_t done;

	for (; len; text += done, len -= done) {
		done = write(fd, text, len);
		if (done < 0 && errno == EINTR)
			done = 0;
		else if (done < 0)
			return -errno;
	}
	return fsync(fd) ? -errno : 0;
}

/* All of it or nothing, and only for its owner's eyes */
static int write_file(const char *path, const char *text)
{
	struct stat old;
	char *temporary;
	int fd, err;

	if (!lstat(path, &old) && !S_ISREG(old.st_mode))
		return error_set(EXIT_USAGE, -EINVAL, "name a new file, or one to replace",
				 "%s isn't a regular file", path);
	if (asprintf(&temporary, "%s.XXXXXX", path) < 0)
		return -ENOMEM;
	fd = mkstemp(temporary);
	if (fd < 0) {
		err = -errno;
		goto out;
	}
	err = write_all(fd, text);
	if (close(fd) && !err)
		err = -errno;
	if (!err && rename(temporary, path))
		err = -errno;
	if (err)
		unlink(temporary);
out:
	free(temporary);
	if (err == -ENOENT || err == -ENOTDIR)
		return error_set(EXIT_MISSING, err, "make it first", "no folder for %s", path);
	if (err == -EACCES || err == -EPERM || err == -EROFS)
		return error_set(EXIT_PRIVILEGE, err, "name another place", "can't write %s: %s",
				 path, strerror(-err));
	if (err)
		return error_set(EXIT_FAILED, err, "is there room on the disk?",
				 "can't write %s: %s", path, strerror(-err));
	return 0;
}

static void print_saved(const struct state *state, const char *path)
{
	struct json_object *object;

	if (!output_options.json) {
		printf("%s: state of policy %s saved to %s, %u registers of 32 bits\n",
		       state->device.name, state->device.policy, path, state->nr_dwords);
		return;
	}
	object = json_object_new_object();
	output_add(object, "device", output_string(state->device.name));
	output_add(object, "policy", output_string(state->device.policy));
	output_add(object, "file", output_string(path));
	output_add(object, "dwords", json_object_new_int(state->nr_dwords));
	output_json(object);
}

int cmd_save(const struct cmd_args *args)
{
	struct kern_policies policies = {};
	struct json_object *object;
	struct kern_target target;
	struct state state = {};
	char now[32], text[STATE_MAX_SIZE];
	time_t secs;
	struct tm tm;
	int err;

	if (args->argc != 1 && args->argc != 2)
		return error_set(EXIT_USAGE, -EINVAL, "see 'cxl-policy help save'",
				 "one device and at most one file are wanted");
	err = cmd_parse_device(args->argv[0], false, &target);
	if (!err)
		err = kern_check();
	if (!err)
		err = cmd_check_device(&target, false);
	if (!err)
		err = kern_list(&policies);
	if (err)
		return err;
	err = device_get(&target.address, &state.device);
	if (err)
		err = error_set(EXIT_MISSING, err, "'cxl-policy list' shows those there are",
				"no device %s", args->argv[0]);
	else
		err = find_state(&state, kern_find_effective(&policies, &target));
	kern_free(&policies);
	if (err)
		return err;

	secs = time(NULL);
	strftime(now, sizeof(now), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&secs, &tm));
	object = state_format(&state, now);
	if (args->argc == 1 || !strcmp(args->argv[1], "-")) {
		output_json(object);
		return 0;
	}
	snprintf(text, sizeof(text), "%s\n",
		 json_object_to_json_string_ext(object, JSON_C_TO_STRING_PRETTY |
								JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(object);
	err = write_file(args->argv[1], text);
	if (!err)
		print_saved(&state, args->argv[1]);
	return err;
}
