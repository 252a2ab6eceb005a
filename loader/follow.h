/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * To follow the stream of a device under whatever policy is in force, for trial and
 * record.
 */
#ifndef LOADER_FOLLOW_H
#define LOADER_FOLLOW_H

#include "cmd.h"
#include "stream.h"
#include "trace.h"

struct follow;

/**
 * struct follow_ops - whom to tell
 * @stream: what the stream tells, but for &stream_ops.hardware; @arg is that of
 *	follow_open()
 * @seeded: the stream has the state of the open device; @shadow isn't &follow.stream's
 * @swapped: another policy came in force
 * @full: nothing more is wanted
 */
struct follow_ops {
	struct stream_ops stream;
	void (*seeded)(void *arg, const struct cxl_shadow *shadow);
	void (*swapped)(void *arg);
	bool (*full)(void *arg);
};

/**
 * struct follow - a device that is followed
 * @ops: whom to tell
 * @arg: for @ops
 * @target: the device
 * @name: of it
 * @device: as it was when it was looked at last
 * @policy: in force
 * @table: its tables
 * @stream_ops: what the stream tells
 * @stream: the stream
 * @trace: where its calls come from
 * @started: the first seed was taken, or the device wasn't open
 * @wanted: the shadow was asked for with the next call
 * @read: when each dword of the hardware was read last, in ms
 * @value: what it held
 */
struct follow {
	const struct follow_ops *ops;
	void *arg;
	struct kern_target target;
	char name[DEVICE_ADDRESS_LEN];
	struct device device;
	struct kern_policy policy;
	struct cxl_policy table;
	struct stream_ops stream_ops;
	struct stream *stream;
	struct trace *trace;
	bool started;
	bool wanted;
	int64_t read[CXL_SHADOW_DWORDS];
	uint32_t value[CXL_SHADOW_DWORDS];
};

/**
 * follow_open - begin to follow a device that has a policy
 * @args: arguments of the verb, the device among them
 * @ops: whom to tell
 * @arg: for @ops
 * @candidate: for the stream, or NULL
 * @follow: filled in, to be given to follow_close(), also upon an error
 *
 * Return: 0 or a negative errno, with the error set.
 */
int follow_open(const struct cmd_args *args, const struct follow_ops *ops, void *arg,
		const struct policy_image *candidate, struct follow *follow);

/**
 * follow_run - follow it until a signal comes, the time is up, or nothing more is wanted
 * @follow: the device
 * @timeout: in seconds, or 0
 *
 * Return: 0; -ENOENT, with the error set, if the policy was detached; another negative
 * errno, with the error set.
 */
int follow_run(struct follow *follow, unsigned long timeout);

/**
 * follow_close - end it
 * @follow: the device
 */
void follow_close(struct follow *follow);

#endif /* LOADER_FOLLOW_H */
