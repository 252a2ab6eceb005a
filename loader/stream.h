/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A stream of calls to the policy in force on a device, and what another policy, the
 * candidate, would have made of it. Needs neither a kernel nor libbpf.
 */
#ifndef LOADER_STREAM_H
#define LOADER_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "cxl_policy_engine.h"
#include "policy.h"

/* In what two answers differ: mask in &stream_access.differs */
#define STREAM_DIFFERS_VALUE	(1U << 0) /* a read gives another value */
#define STREAM_DIFFERS_VERDICT	(1U << 1)
#define STREAM_DIFFERS_REFUSED	(1U << 2) /* other bits are refused */
#define STREAM_DIFFERS_HARDWARE (1U << 3) /* other bits or values go to the hardware */
#define STREAM_DIFFERS_UNDO	(1U << 4) /* other bits are put back when it is closed */
#define STREAM_DIFFERS_EVENTS	(1U << 5) /* the host hears of something else */

/**
 * struct stream_answer - what a policy makes of an access
 * @verdict: an &enum vfio_pci_dvsec_verdict
 * @raw: the policy doesn't claim the DVSEC, so the kernel lets the access through
 * @out: the plan
 * @value: of a read: what the user gets
 */
struct stream_answer {
	int verdict;
	bool raw;
	struct cxl_outcome out;
	uint32_t value;
};

/**
 * struct stream_access - an access, with both answers
 * @call: the last call for it; %CXL_CALL_READ or %CXL_CALL_WRITE
 * @hw_known: bits of the access that the kernel read from the hardware for it
 * @hw: what the hardware held there
 * @in_force: answer of the policy in force
 * @candidate: answer of the candidate
 * @differs: STREAM_DIFFERS_*
 * @bits: of the access, in which they differ
 */
struct stream_access {
	struct cxl_call call;
	uint32_t hw_known;
	uint32_t hw;
	struct stream_answer in_force;
	struct stream_answer candidate;
	uint32_t differs;
	uint32_t bits;
};

/**
 * struct stream_side - a policy with the state that it has, or would have
 * @image: the policy
 * @shadow: its state
 * @opened: for each dword: it was told of it in this opening
 * @apart: for each dword: bits that hold another value than in the real hardware
 *	had it been this policy that was in force
 * @value: that value
 */
struct stream_side {
	struct policy_image image;
	struct cxl_shadow shadow;
	bool opened[CXL_SHADOW_DWORDS];
	uint32_t apart[CXL_SHADOW_DWORDS];
	uint32_t value[CXL_SHADOW_DWORDS];
};

/**
 * struct stream_ops - what a stream tells
 * @access: an access was judged
 * @told: the policy was told of an opening, a closing or a reset. Optional.
 * @lost: the stream lost track at this call, which may be NULL; no access is judged
 *	until stream_seed(), or until the device is opened anew. Optional.
 * @hardware: read a dword of the hardware, at that position. Returns 0 or a negative
 *	errno. Optional.
 */
struct stream_ops {
	void (*access)(void *arg, const struct stream_access *access);
	void (*told)(void *arg, const struct cxl_call *call);
	void (*lost)(void *arg, const struct cxl_call *call);
	int (*hardware)(void *arg, uint16_t pos, uint32_t *value);
};

/**
 * struct stream - the state of both sides after the calls so far
 * @ops: whom to tell
 * @arg: for @ops
 * @compare: there is a candidate
 * @synced: the state is that of the device
 * @in_force: the policy in force
 * @candidate: the other one
 * @hw: the hardware, as far as it is known
 * @forwarded: bits of it that were written since the stream began
 * @asked: bits that the policy in force asked for in the call before
 * @is_pending: @pending waits for what the hardware gives
 * @pending: a read
 * @lost: &cxl_call.lost of the call before
 * @nr_accesses: judged
 * @nr_differing: those on which the answers differ
 * @nr_lost: records that were lost
 * @nr_unjudged: calls for accesses that came while not @synced
 * @nr_resyncs: how often track was lost
 */
struct stream {
	const struct stream_ops *ops;
	void *arg;
	bool compare;
	bool synced;
	struct stream_side in_force;
	struct stream_side candidate;
	uint32_t hw[CXL_SHADOW_DWORDS];
	uint32_t forwarded[CXL_SHADOW_DWORDS];
	uint32_t asked;
	bool is_pending;
	struct stream_access pending;
	uint64_t lost;
	uint64_t nr_accesses;
	uint64_t nr_differing;
	uint64_t nr_lost;
	uint64_t nr_unjudged;
	uint64_t nr_resyncs;
};

/**
 * stream_new - begin with a device that isn't open
 * @ops: whom to tell
 * @arg: for @ops
 * @in_force: tables of the policy in force; NULL if each access comes with its answer
 * @candidate: the other policy, or NULL
 *
 * Return: the stream, to be freed by free(), or NULL.
 */
struct stream *stream_new(const struct stream_ops *ops, void *arg,
			  const struct cxl_policy *in_force, const struct policy_image *candidate);

/**
 * stream_swapped - another policy is in force, and the state has yet to be seeded
 * @stream: the stream
 * @in_force: its tables
 */
void stream_swapped(struct stream *stream, const struct cxl_policy *in_force);

/**
 * stream_seed - take over the state of an open device
 * @stream: the stream
 * @shadow: of the policy in force; the candidate gets it as by a swap
 * @hw: the hardware by dword, or NULL to go by @shadow
 */
void stream_seed(struct stream *stream, const struct cxl_shadow *shadow, const uint32_t *hw);

/**
 * stream_call_valid - check a call that comes from elsewhere
 * @call: the call
 *
 * Return: whether it lies within configuration space, as each call of the kernel does.
 */
bool stream_call_valid(const struct cxl_call *call);

/**
 * stream_feed - take the next call
 * @stream: the stream, with tables of the policy in force
 * @call: the call, a valid one
 */
void stream_feed(struct stream *stream, const struct cxl_call *call);

/**
 * stream_feed_told - take the next call that tells the policy of something
 * @stream: the stream
 * @call: %CXL_CALL_OPENED, %CXL_CALL_CLOSED or %CXL_CALL_RESET, a valid one
 */
void stream_feed_told(struct stream *stream, const struct cxl_call *call);

/**
 * stream_feed_answered - take the next access, with the answer of the policy in force
 * @stream: the stream
 * @access: @call, a valid one, @hw_known, @hw and @in_force are filled in
 */
void stream_feed_answered(struct stream *stream, struct stream_access *access);

/**
 * stream_flush - wait no longer for what the hardware gives
 * @stream: the stream
 */
void stream_flush(struct stream *stream);

/**
 * stream_lose - forget the state, which isn't that of the device any more
 * @stream: the stream
 * @call: where that was found out, or NULL
 */
void stream_lose(struct stream *stream, const struct cxl_call *call);

#endif /* LOADER_STREAM_H */
