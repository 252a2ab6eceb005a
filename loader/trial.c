// SPDX-License-Identifier: GPL-2.0-only
/*
 * trial: a policy beside the one in force, on the accesses of a user, without effect.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "difference.h"
#include "follow.h"
#include "output.h"

struct trial {
	struct follow follow;
	struct comparison comparison;
	struct policy source;
	struct policy_image image;
	unsigned long limit;
	unsigned long printed;
};

static void on_access(void *arg, const struct stream_access *access)
{
	struct trial *trial = arg;
	char time[64];

	if (!access->differs)
		return;
	output_time(access->call.time, output_options.json, time, sizeof(time));
	difference_print(&trial->comparison, access, time);
	trial->printed++;
}

static void on_lost(void *arg, const struct cxl_call *call)
{
	struct trial *trial = arg;

	(void)call;
	difference_note(&trial->comparison, "lost",
			"lost track of the state; going on from that of the policy in force");
}

/* What the kernel doesn't ask the policy in force about isn't in the stream */
static void find_unseen(struct trial *trial)
{
	const struct kern_policy *policy = &trial->follow.policy;
	const struct device *device = &trial->follow.device;
	struct comparison *c = &trial->comparison;
	unsigned int i;

	c->nr_unseen = 0;
	for (i = 0; i < device->nr_others; i++) {
		const struct device_dvsec *dvsec = &device->others[i];

		if (policy_claims(trial->image.claims, trial->image.nr_claims, dvsec->vendor,
				  dvsec->id) &&
		    !policy_claims(policy->claims, policy->nr_claims, dvsec->vendor, dvsec->id))
			c->unseen[c->nr_unseen++] = *dvsec;
	}
}

static void on_swapped(void *arg)
{
	struct trial *trial = arg;
	char text[128];

	trial->comparison.nr_swaps++;
	find_unseen(trial);
	snprintf(text, sizeof(text),
		 "%s is in force now; going on from its state, accesses in between weren't seen",
		 trial->comparison.in_force);
	difference_note(&trial->comparison, "swapped", text);
}

static bool is_full(void *arg)
{
	const struct trial *trial = arg;

	return trial->limit && trial->printed >= trial->limit;
}

static const struct follow_ops ops = {
	.stream = { .access = on_access, .lost = on_lost },
	.swapped = on_swapped,
	.full = is_full,
};

int cmd_trial(const struct cmd_args *args)
{
	struct trial *trial;
	struct cmd_args device = *args;
	int err;

	if (args->argc != 2)
		return error_set(EXIT_USAGE, -EINVAL, "see 'cxl-policy help trial'",
				 "a device and a policy are wanted");
	trial = calloc(1, sizeof(*trial));
	if (!trial)
		return -ENOMEM;
	device.argc = 1;
	trial->limit = args->count;
	err = cmd_load_policy(args->argv[1], &trial->source, &trial->image);
	if (!err)
		err = follow_open(&device, &ops, trial, &trial->image, &trial->follow);
	if (err)
		goto out;
	trial->comparison.device = trial->follow.name;
	trial->comparison.in_force = trial->follow.policy.name;
	trial->comparison.candidate = trial->image.table.name;
	trial->comparison.source = &trial->source;
	find_unseen(trial);
	if (trial->comparison.nr_unseen && !output_options.json)
		fprintf(stderr,
			"cxl-policy: %s claims %u DVSECs that %s doesn't: accesses to them "
			"can't be seen\n",
			trial->comparison.candidate, trial->comparison.nr_unseen,
			trial->comparison.in_force);

	err = follow_run(&trial->follow, args->timeout);
	difference_summary(&trial->comparison, trial->follow.stream);
	if (!err)
		err = difference_result(trial->follow.stream);
out:
	follow_close(&trial->follow);
	free(trial);
	return err;
}
