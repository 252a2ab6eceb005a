// SPDX-License-Identifier: GPL-2.0-only
/*
 * replay: what another policy would have made of recorded accesses. Asks no kernel.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "difference.h"
#include "output.h"
#include "stream_file.h"

struct replay {
	struct stream_file file;
	struct comparison comparison;
	struct policy source;
	struct policy_image image;
	unsigned long printed;
};

static void on_access(void *arg, const struct stream_access *access)
{
	struct replay *replay = arg;

	if (!access->differs)
		return;
	difference_print(&replay->comparison, access, replay->file.record.time);
	replay->printed++;
}

static const struct stream_ops ops = { .access = on_access };

static void feed(struct replay *replay, struct stream *stream)
{
	struct stream_record *record = &replay->file.record;

	switch (record->kind) {
	case STREAM_RECORD_SEED:
		stream_seed(stream, &record->shadow, NULL);
		break;
	case STREAM_RECORD_LOST:
		stream_lose(stream, NULL);
		break;
	case STREAM_RECORD_TOLD:
		stream_feed_told(stream, &record->access.call);
		break;
	case STREAM_RECORD_ACCESS:
		stream_feed_answered(stream, &record->access);
		break;
	}
}

int cmd_replay(const struct cmd_args *args)
{
	struct stream *stream = NULL;
	struct comparison *c;
	struct replay *replay;
	int ret;

	if (args->argc != 1 || !args->policy)
		return error_set(EXIT_USAGE, -EINVAL, "see 'cxl-policy help replay'",
				 "a file and --policy are wanted");
	replay = calloc(1, sizeof(*replay));
	if (!replay)
		return -ENOMEM;
	c = &replay->comparison;
	ret = stream_file_open(args->argv[0], &replay->file);
	if (!ret)
		ret = cmd_load_policy(args->policy, &replay->source, &replay->image);
	if (ret)
		goto out;
	stream = stream_new(&ops, replay, NULL, &replay->image);
	if (!stream) {
		ret = -ENOMEM;
		goto out;
	}
	c->device = replay->file.device;
	c->in_force = replay->file.record.policy;
	c->candidate = replay->image.table.name;
	c->source = &replay->source;
	if (replay->file.open)
		feed(replay, stream);

	while (!ferror(stdout) && (!args->count || replay->printed < args->count)) {
		ret = stream_file_next(&replay->file);
		if (ret <= 0)
			break;
		feed(replay, stream);
		ret = 0;
	}
	if (!ret) {
		difference_summary(c, stream);
		ret = difference_result(stream);
	}
out:
	stream_file_close(&replay->file);
	free(stream);
	free(replay);
	return ret;
}
