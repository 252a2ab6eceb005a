/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * To look on: the calls of the kernel to the policy in force on a device, as they
 * are made. Nothing of it outlives the process.
 */
#ifndef LOADER_TRACE_H
#define LOADER_TRACE_H

#include "cxl_policy_abi.h"
#include "kern.h"

struct trace;

/**
 * typedef trace_fn - what becomes of the records
 * @arg: as given to trace_open()
 * @call: a call, or NULL
 * @shadow: if not @call: the shadow of the device after the call before
 */
typedef void (*trace_fn)(void *arg, const struct cxl_call *call, const struct cxl_shadow *shadow);

/**
 * trace_open - begin to look on
 * @policy: in force on the device
 * @address: of the device
 * @fn: called by trace_poll()
 * @arg: for @fn
 * @trace: what is to be given to trace_close()
 *
 * Return: 0 or a negative errno, with the error set; -ENOENT, with none set, if the
 * policy isn't in force any more.
 */
int trace_open(const struct kern_policy *policy, const struct device_address *address, trace_fn fn,
	       void *arg, struct trace **trace);

/**
 * trace_poll - hand over the records that have come
 * @trace: of trace_open()
 *
 * Return: their number, or a negative errno.
 */
int trace_poll(struct trace *trace);

/**
 * trace_seed - read the shadow of the device between two calls
 * @trace: of trace_open(), all of whose records were handed over
 * @open_id: of the opening
 * @shadow: filled in: as it is before the next record
 *
 * Return: 0; -EAGAIN if the device isn't at rest; -ENOENT if there is no shadow of
 * this opening; another negative errno.
 */
int trace_seed(struct trace *trace, uint64_t open_id, struct cxl_shadow *shadow);

/**
 * trace_want_seed - have the shadow recorded after the next call
 * @trace: of trace_open()
 */
void trace_want_seed(struct trace *trace);

/**
 * trace_lost - count what found no room, or could not be recorded
 * @trace: of trace_open()
 *
 * Return: number of records.
 */
uint64_t trace_lost(const struct trace *trace);

/**
 * trace_close - look away
 * @trace: of trace_open(), or NULL
 */
void trace_close(struct trace *trace);

#endif /* LOADER_TRACE_H */
