// SPDX-License-Identifier: GPL-2.0-only
#include <bpf/bpf.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cxl_dvsec_regs.h"
#include "follow.h"
#include "output.h"

#define POLL_MS 20
/* How often to look whether the policy was swapped by its link, or in any other way */
#define LINK_MS	 200
#define TOTAL_MS 1000
/* What the hardware holds is read anew after that time */
#define HARDWARE_MS 100

/* Dwords of the hardware change seldom, and to read one takes its time */
static int read_hardware(void *arg, uint16_t pos, uint32_t *value)
{
	struct follow *follow = arg;
	int64_t now = cmd_now_ms(), *read = &follow->read[pos / 4];
	int err;

	if (!*read || now - *read >= HARDWARE_MS) {
		err = device_read(&follow->device, pos, &follow->value[pos / 4], 1);
		if (err)
			return err;
		*read = now;
	}
	*value = follow->value[pos / 4];
	return 0;
}

static void forward_access(void *arg, const struct stream_access *access)
{
	struct follow *follow = arg;

	follow->ops->stream.access(follow->arg, access);
}

static void forward_told(void *arg, const struct cxl_call *call)
{
	struct follow *follow = arg;

	if (follow->ops->stream.told)
		follow->ops->stream.told(follow->arg, call);
}

static void forward_lost(void *arg, const struct cxl_call *call)
{
	struct follow *follow = arg;

	if (follow->ops->stream.lost)
		follow->ops->stream.lost(follow->arg, call);
	trace_want_seed(follow->trace);
	follow->wanted = true;
}

static const struct stream_ops ops = {
	.access = forward_access,
	.told = forward_told,
	.lost = forward_lost,
	.hardware = read_hardware,
};

/* What the hardware holds in the DVSECs, as a policy that takes over is told it */
static void seed(struct follow *follow, const struct cxl_shadow *shadow)
{
	const struct device_dvsec *dvsec;
	uint32_t hw[CXL_SHADOW_DWORDS];
	unsigned int i, nr, pos;

	for (i = 0; i < CXL_SHADOW_DWORDS; i++)
		hw[i] = shadow->dwords[i].hw;
	for (i = 0; i < follow->device.nr_dvsecs + follow->device.nr_others; i++) {
		dvsec = i < follow->device.nr_dvsecs
				? &follow->device.dvsecs[i]
				: &follow->device.others[i - follow->device.nr_dvsecs];
		pos = dvsec->offset;
		nr = (dvsec->length + 3) / 4;
		if (pos / 4 + nr > CXL_SHADOW_DWORDS)
			nr = CXL_SHADOW_DWORDS - pos / 4;
		/* What can't be read stays as the policy was told it */
		device_read(&follow->device, pos, &hw[pos / 4], nr);
	}
	stream_seed(follow->stream, shadow, hw);
	follow->wanted = false;
	if (follow->ops->seeded)
		follow->ops->seeded(follow->arg, shadow);
}

static void on_record(void *arg, const struct cxl_call *call, const struct cxl_shadow *shadow)
{
	struct follow *follow = arg;

	/* The rest of what came is nobody's concern any more */
	if (follow->ops->full(follow->arg))
		return;
	if (call)
		stream_feed(follow->stream, call);
	else if (!shadow->open_id)
		/* It came with the close of the device */
		follow->wanted = false;
	else if (!follow->stream->synced && shadow->abi_version == CXL_POLICY_ABI_VERSION)
		seed(follow, shadow);
}

static int poll_trace(struct follow *follow)
{
	int nr = trace_poll(follow->trace);

	if (nr < 0)
		error_set(EXIT_FAILED, nr, "--debug tells more", "can't read the calls: %s",
			  strerror(-nr));
	return nr;
}

/*
 * The state of a device that is open already. If it is at rest it can be read; on a
 * busy one it comes along with the next call, which isn't judged then.
 */
static int try_seed(struct follow *follow)
{
	struct cxl_shadow *shadow;
	int err, nr;

	if (device_get(&follow->target.address, &follow->device) || !follow->device.open_id)
		return 0;
	shadow = malloc(sizeof(*shadow));
	if (!shadow)
		return -ENOMEM;
	err = trace_seed(follow->trace, follow->device.open_id, shadow);
	nr = poll_trace(follow);
	if (nr < 0) {
		err = nr;
	} else if (!err && !nr && !follow->stream->synced) {
		seed(follow, shadow);
	} else {
		err = 0;
		if (!follow->wanted)
			trace_want_seed(follow->trace);
		follow->wanted = true;
	}
	free(shadow);
	return err;
}

/* Those that were lost after the last record that came */
static void count_lost(struct follow *follow)
{
	follow->stream->nr_lost += trace_lost(follow->trace) - follow->stream->lost;
	follow->stream->lost = trace_lost(follow->trace);
}

static int find_policy(struct follow *follow, struct kern_policy *policy)
{
	struct kern_policies policies = {};
	const struct kern_policy *found;
	int err;

	err = kern_list(&policies);
	if (err)
		return err;
	found = kern_find_effective(&policies, &follow->target);
	if (found)
		*policy = *found;
	kern_free(&policies);
	return found ? 0 : -ENOENT;
}

/* Look at the programs of &follow.policy; -ENOENT, with no error set, if they are gone */
static int attach(struct follow *follow)
{
	int err = kern_read_table(&follow->policy, &follow->table), fd;

	if (err && follow->policy.table_id) {
		fd = bpf_map_get_fd_by_id(follow->policy.table_id);
		if (fd < 0)
			return -ENOENT;
		close(fd);
	}
	if (err || !follow->policy.shadow_id)
		return error_set(EXIT_FAILED, -EINVAL, "replace it by 'cxl-policy swap'",
				 "the policy in force on %s, %s, has no tables: it isn't a program "
				 "of this version of cxl-policy",
				 follow->name,
				 follow->policy.name[0] ? follow->policy.name : "without a name");
	follow->wanted = false;
	return trace_open(&follow->policy, &follow->target.address, on_record, follow,
			  &follow->trace);
}

int follow_open(const struct cmd_args *args, const struct follow_ops *follow_ops, void *arg,
		const struct policy_image *candidate, struct follow *follow)
{
	int err, tries;

	memset(follow, 0, sizeof(*follow));
	follow->ops = follow_ops;
	follow->arg = arg;
	if (!args->argc)
		return error_set(EXIT_USAGE, -EINVAL, "see 'cxl-policy help'",
				 "one device is wanted, as segment:bus:device.function");
	err = cmd_parse_device(args->argv[0], false, &follow->target);
	if (!err)
		err = kern_check();
	if (err)
		return err;
	kern_target_name(&follow->target, follow->name);
	err = cmd_check_device(&follow->target, true);
	if (err)
		return err;
	if (device_get(&follow->target.address, &follow->device))
		return error_set(EXIT_MISSING, -ENODEV, "'cxl-policy list' shows those there are",
				 "no device %s", follow->name);

	/* One that is swapped just now is looked for again */
	for (tries = 0; tries < 10; tries++) {
		err = find_policy(follow, &follow->policy);
		/* The default covers what vfio-pci has, but promises nothing of other drivers */
		if (!err && !follow->device.hooked &&
		    follow->policy.target.match == VFIO_PCI_DVSEC_MATCH_ANY)
			return error_set(
				EXIT_MISSING, -ENOENT,
				"bind it to vfio-pci, or attach one by 'cxl-policy attach'",
				"no policy is in force on %s, as the default policy is for "
				"what vfio-pci has",
				follow->name);
		if (err == -ENOENT)
			return error_set(EXIT_MISSING, err, "attach one by 'cxl-policy attach'",
					 "no policy is in force on %s", follow->name);
		if (!err)
			err = attach(follow);
		if (err != -ENOENT)
			break;
	}
	if (err == -ENOENT)
		return error_set(EXIT_BUSY, -EBUSY, "try again",
				 "the policy of %s is swapped all the time", follow->name);
	if (err)
		return err;
	follow->stream_ops = ops;
	follow->stream = stream_new(&follow->stream_ops, follow, &follow->table, candidate);
	return follow->stream ? 0 : -ENOMEM;
}

/* Has the link another map now? Nothing is held meanwhile, or else it would stay. */
static bool link_changed(const struct follow *follow)
{
	struct bpf_link_info info = {};
	__u32 len = sizeof(info);
	int fd, err;

	fd = bpf_link_get_fd_by_id(follow->policy.link_id);
	if (fd < 0)
		return true;
	err = bpf_link_get_info_by_fd(fd, &info, &len);
	close(fd);
	return err || info.struct_ops.map_id != follow->policy.map_id;
}

/* Follow another policy, if there is one now */
static int follow_policy(struct follow *follow)
{
	struct kern_policy policy;
	int err;

	do {
		err = find_policy(follow, &policy);
		if (!err && follow->trace && policy.link_id == follow->policy.link_id &&
		    policy.map_id == follow->policy.map_id)
			return 0;
		if (err && err != -ENOENT)
			return err;

		/* What came under the former one */
		if (follow->trace) {
			if (poll_trace(follow) < 0)
				return -EIO;
			stream_flush(follow->stream);
			count_lost(follow);
			trace_close(follow->trace);
			follow->trace = NULL;
		}
		if (err)
			return error_set(EXIT_MISSING, err, "attach one by 'cxl-policy attach'",
					 "the policy in force on %s, %s, was detached",
					 follow->name, follow->policy.name);
		follow->policy = policy;
		err = attach(follow);
		/* It may be gone again */
	} while (err == -ENOENT && !cmd_stop);
	if (err)
		return err;
	stream_swapped(follow->stream, &follow->table);
	if (follow->ops->swapped)
		follow->ops->swapped(follow->arg);
	return try_seed(follow);
}

static void show_progress(const struct follow *follow)
{
	fprintf(stderr, "\r%llu accesses", (unsigned long long)follow->stream->nr_accesses);
	if (follow->stream->compare)
		fprintf(stderr, ", %llu differ", (unsigned long long)follow->stream->nr_differing);
	fprintf(stderr, "\033[K");
}

int follow_run(struct follow *follow, unsigned long timeout)
{
	int64_t start = cmd_now_ms(), linked = start, total = start, now, quiet = start;
	bool progress = isatty(STDERR_FILENO), shown = false;
	int err = 0, nr;

	cmd_stop_on_signal();
	/* A reader that went away ends it as a signal does */
	signal(SIGPIPE, SIG_IGN);

	while (!cmd_stop && !follow->ops->full(follow->arg) && !ferror(stdout)) {
		nr = poll_trace(follow);
		if (nr < 0)
			return nr;
		now = cmd_now_ms();
		if (nr)
			quiet = now;
		else if (now - quiet >= POLL_MS)
			stream_flush(follow->stream);
		if (!follow->stream->synced && (!follow->started || now - linked >= LINK_MS)) {
			err = try_seed(follow);
			if (err)
				return err;
		}
		if (!follow->started) {
			follow->started = true;
			fprintf(stderr, "cxl-policy: looking at %s under %s%s\n", follow->name,
				follow->policy.name,
				follow->device.open_id ? "" : ", which isn't open yet");
		}
		if (timeout && now - start >= (int64_t)timeout * 1000)
			break;
		if (now - total >= TOTAL_MS || (now - linked >= LINK_MS && link_changed(follow))) {
			err = follow_policy(follow);
			if (err)
				return err == -ENOENT && cmd_stop ? 0 : err;
			total = cmd_now_ms();
			if (progress)
				show_progress(follow);
			shown = progress;
		}
		if (now - linked >= LINK_MS)
			linked = now;
		usleep(POLL_MS * 1000);
	}
	nr = poll_trace(follow);
	if (!follow->ops->full(follow->arg)) {
		stream_flush(follow->stream);
		count_lost(follow);
	}
	if (shown)
		fprintf(stderr, "\r\033[K");
	return nr < 0 ? nr : 0;
}

void follow_close(struct follow *follow)
{
	trace_close(follow->trace);
	free(follow->stream);
}
