// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <string.h>

#include "cxl_dvsec_regs.h"
#include "stream.h"

#define CONFIG_SIZE (CXL_SHADOW_DWORDS * 4)

static uint32_t size_mask(unsigned int size)
{
	return ~0U >> (32 - size * 8);
}

static unsigned int shift_of(const struct cxl_call *call)
{
	return call->offset % 4 * 8;
}

static unsigned int dword_of(const struct cxl_call *call)
{
	return (call->start + call->offset) / 4 % CXL_SHADOW_DWORDS;
}

struct stream *stream_new(const struct stream_ops *ops, void *arg,
			  const struct cxl_policy *in_force, const struct policy_image *candidate)
{
	struct stream *stream = calloc(1, sizeof(*stream));

	if (!stream)
		return NULL;
	stream->ops = ops;
	stream->arg = arg;
	if (in_force)
		stream->in_force.image.table = *in_force;
	stream->compare = candidate;
	if (candidate)
		stream->candidate.image = *candidate;
	return stream;
}

void stream_swapped(struct stream *stream, const struct cxl_policy *in_force)
{
	stream_flush(stream);
	stream->in_force.image.table = *in_force;
	stream->synced = false;
	stream->lost = 0;
	stream->asked = 0;
}

static void seed_side(struct stream_side *side, const struct cxl_shadow *shadow)
{
	side->shadow = *shadow;
	memset(side->opened, 0, sizeof(side->opened));
	memset(side->apart, 0, sizeof(side->apart));
}

void stream_seed(struct stream *stream, const struct cxl_shadow *shadow, const uint32_t *hw)
{
	unsigned int i;

	stream_flush(stream);
	for (i = 0; i < CXL_SHADOW_DWORDS; i++)
		stream->hw[i] = hw ? hw[i] : shadow->dwords[i].hw;
	memset(stream->forwarded, 0, sizeof(stream->forwarded));
	seed_side(&stream->in_force, shadow);
	seed_side(&stream->candidate, shadow);
	stream->asked = 0;
	stream->synced = true;
}

void stream_lose(struct stream *stream, const struct cxl_call *call)
{
	stream_flush(stream);
	if (!stream->synced)
		return;
	stream->synced = false;
	stream->nr_resyncs++;
	if (stream->ops->lost)
		stream->ops->lost(stream->arg, call);
}

bool stream_call_valid(const struct cxl_call *call)
{
	unsigned int end = call->start + call->covered;

	if (call->start < 0x100 || call->start % 4 || end > CONFIG_SIZE || call->covered % 4)
		return false;
	switch (call->op) {
	case CXL_CALL_CLOSED:
		return true;
	case CXL_CALL_OPENED:
	case CXL_CALL_RESET:
		return call->offset >= 4 && call->offset % 4 == 0 &&
		       call->offset + 4U <= call->covered;
	case CXL_CALL_READ:
	case CXL_CALL_WRITE:
		return (call->size == 1 || call->size == 2 || call->size == 4) &&
		       call->offset >= 4 && call->offset % call->size == 0 &&
		       call->offset + call->size <= call->covered;
	default:
		return false;
	}
}

/*
 * One side
 */

static bool claims(const struct stream_side *side, const struct cxl_call *call)
{
	return policy_claims(side->image.claims, side->image.nr_claims, call->vendor, call->id);
}

static uint32_t dvsec_of(const struct stream_side *side, const struct cxl_call *call)
{
	return cxl_engine_find(&side->image.table, call->vendor, call->id);
}

/* As opened() of the BPF program */
static void side_opened(struct stream_side *side, const struct cxl_call *call)
{
	if (side->shadow.open_id != call->open_id) {
		memset(&side->shadow, 0, sizeof(side->shadow));
		memset(side->opened, 0, sizeof(side->opened));
		memset(side->apart, 0, sizeof(side->apart));
		side->shadow.open_id = call->open_id;
		side->shadow.abi_version = CXL_POLICY_ABI_VERSION;
	}
	side->opened[dword_of(call)] = true;
	cxl_engine_open(&side->image.table, dvsec_of(side, call), &side->shadow, call->start,
			call->offset, call->value);
}

static void side_reset(struct stream_side *side, const struct cxl_call *call)
{
	side->opened[dword_of(call)] = true;
	if (call->kind & VFIO_PCI_DVSEC_RESET_CONVENTIONAL)
		side->apart[dword_of(call)] = 0;
	cxl_engine_reset(&side->image.table, dvsec_of(side, call), &side->shadow, call->start,
			 call->offset, call->value, call->kind);
}

/* What the hardware would hold in a dword */
static uint32_t side_hw(const struct stream *stream, const struct stream_side *side,
			unsigned int dword)
{
	return (stream->hw[dword] & ~side->apart[dword]) |
	       (side->value[dword] & side->apart[dword]);
}

/* A policy that takes an open device over is told of each dword, before the first access */
static void side_take_over(struct stream *stream, struct stream_side *side,
			   const struct cxl_call *call)
{
	uint32_t dvsec = dvsec_of(side, call);
	unsigned int offset, dword;

	for (offset = 4; offset < call->covered; offset += 4) {
		dword = (call->start + offset) / 4 % CXL_SHADOW_DWORDS;
		if (side->opened[dword])
			continue;
		side->opened[dword] = true;
		cxl_engine_open(&side->image.table, dvsec, &side->shadow, call->start, offset,
				stream->hw[dword]);
	}
}

static void decide(struct stream_side *side, const struct cxl_call *call, bool again, uint32_t hw,
		   struct stream_answer *answer)
{
	const struct cxl_access access = {
		.start = call->start,
		.length = call->length,
		.offset = call->offset,
		.size = call->size,
		.again = again,
		.value = call->value,
		.hw = hw,
	};
	uint32_t dvsec = dvsec_of(side, call);

	memset(answer, 0, sizeof(*answer));
	answer->verdict = call->op == CXL_CALL_WRITE
				  ? cxl_engine_write(&side->image.table, dvsec, &side->shadow,
						     &access, &answer->out)
				  : cxl_engine_read(&side->image.table, dvsec, &side->shadow,
						    &access, &answer->out);
}

/* What the user gets of a read, and nothing where there was no decision */
static void set_value(const struct stream *stream, const struct stream_side *side,
		      const struct stream_access *access, struct stream_answer *answer)
{
	uint32_t hw = side_hw(stream, side, dword_of(&access->call)) >> shift_of(&access->call);
	uint32_t mask = answer->out.hw_mask;

	if (access->call.op != CXL_CALL_READ || answer->verdict != VFIO_PCI_DVSEC_DONE)
		return;
	answer->value = ((answer->out.result & ~mask) | (hw & mask)) & size_mask(access->call.size);
}

/*
 * Both sides
 */

/* Take what the kernel saw of the hardware */
static void note_hw(struct stream *stream, const struct stream_access *access)
{
	unsigned int shift = shift_of(&access->call);
	uint32_t *hw = &stream->hw[dword_of(&access->call)];

	*hw = (*hw & ~(access->hw_known << shift)) | (access->hw & access->hw_known) << shift;
}

/*
 * Look for bits that an answer depends on, if the kernel didn't. Those that were
 * written meanwhile may have been written again since.
 */
static void refresh(struct stream *stream, const struct stream_access *access, uint32_t bits)
{
	const struct cxl_call *call = &access->call;
	unsigned int dword = dword_of(call);
	uint32_t value;

	bits = (bits & ~access->hw_known) << shift_of(call) & ~stream->forwarded[dword];
	if (!bits || !stream->ops->hardware ||
	    stream->ops->hardware(stream->arg, dword * 4, &value))
		return;
	stream->hw[dword] = (stream->hw[dword] & ~bits) | (value & bits);
}

static void answer(struct stream *stream, const struct stream_access *access,
		   struct stream_answer *answer)
{
	const struct cxl_call *call = &access->call;
	struct stream_side *side = &stream->candidate;
	uint32_t all = size_mask(call->size), hw;

	if (!claims(side, call)) {
		memset(answer, 0, sizeof(*answer));
		answer->verdict = VFIO_PCI_DVSEC_DONE;
		answer->raw = true;
		if (call->op == CXL_CALL_WRITE) {
			answer->out.hw_value = call->value & all;
			answer->out.hw_write = all;
			answer->out.hw_keep = all;
			answer->out.flags = CXL_EVENT_FORWARDED;
		} else {
			answer->out.hw_mask = all;
		}
	} else {
		side_take_over(stream, side, call);
		decide(side, call, false, 0, answer);
		if (answer->verdict == VFIO_PCI_DVSEC_NEED_HW) {
			refresh(stream, access, answer->out.hw_mask);
			hw = side_hw(stream, side, dword_of(call)) >> shift_of(call);
			decide(side, call, true, hw & answer->out.hw_mask & all, answer);
		}
	}
	if (call->op == CXL_CALL_READ)
		refresh(stream, access, answer->out.hw_mask);
	set_value(stream, side, access, answer);
}

/*
 * The effect of a write on a dword of the hardware. A bit that isn't kept is one
 * that does something if 1 is written: clear itself, or start what it stands for.
 */
static uint32_t written(uint32_t hw, const struct stream_answer *answer, unsigned int shift)
{
	const struct cxl_outcome *out = &answer->out;
	uint32_t plain = out->hw_write & out->hw_keep;
	uint32_t special = out->hw_write & ~out->hw_keep & out->hw_value;

	return (hw & ~((plain | special) << shift)) | (out->hw_value & plain) << shift;
}

static void note_write(struct stream *stream, const struct stream_access *access)
{
	unsigned int shift = shift_of(&access->call), dword = dword_of(&access->call);
	struct stream_side *side = &stream->candidate;
	uint32_t would = side_hw(stream, side, dword), touched;

	stream->hw[dword] = written(stream->hw[dword], &access->in_force, shift);
	stream->forwarded[dword] |= access->in_force.out.hw_write << shift;
	if (!stream->compare)
		return;
	would = written(would, &access->candidate, shift);
	touched = (access->in_force.out.hw_write | access->candidate.out.hw_write) << shift;
	side->apart[dword] &= ~touched;
	side->apart[dword] |= (would ^ stream->hw[dword]) & touched;
	side->value[dword] = (side->value[dword] & ~touched) | (would & touched);
}

static void compare(struct stream_access *access)
{
	const struct stream_answer *a = &access->in_force, *b = &access->candidate;
	uint32_t write, value, undo, all = size_mask(access->call.size);

	access->differs = 0;
	access->bits = 0;
	if (a->verdict != b->verdict)
		access->differs |= STREAM_DIFFERS_VERDICT;
	if (access->call.op == CXL_CALL_READ) {
		access->bits = (a->value ^ b->value) & all;
		if (access->bits)
			access->differs |= STREAM_DIFFERS_VALUE;
		return;
	}

	write = a->out.hw_write ^ b->out.hw_write;
	value = ((a->out.hw_value & a->out.hw_write) ^ (b->out.hw_value & b->out.hw_write));
	undo = (a->out.hw_undo & a->out.hw_write) ^ (b->out.hw_undo & b->out.hw_write);
	if (a->out.refused ^ b->out.refused)
		access->differs |= STREAM_DIFFERS_REFUSED;
	if (write | value)
		access->differs |= STREAM_DIFFERS_HARDWARE;
	/* What is kept matters where the same bits are written */
	if (!write && a->out.hw_keep != b->out.hw_keep) {
		access->differs |= STREAM_DIFFERS_HARDWARE;
		access->bits |= a->out.hw_keep ^ b->out.hw_keep;
	}
	if (undo)
		access->differs |= STREAM_DIFFERS_UNDO;
	if (a->out.flags != b->out.flags)
		access->differs |= STREAM_DIFFERS_EVENTS;
	access->bits |= (a->out.refused ^ b->out.refused) | write | value | undo;
	access->bits &= all;
}

static void judge(struct stream *stream, struct stream_access *access)
{
	stream->nr_accesses++;
	if (stream->compare) {
		answer(stream, access, &access->candidate);
		compare(access);
		if (access->differs)
			stream->nr_differing++;
	}
	if (access->call.op == CXL_CALL_WRITE)
		note_write(stream, access);
	stream->ops->access(stream->arg, access);
}

/* A read has all that it will get of the hardware */
static void finish(struct stream *stream)
{
	struct stream_access *access = &stream->pending;

	if (!stream->is_pending)
		return;
	stream->is_pending = false;
	note_hw(stream, access);
	refresh(stream, access, access->in_force.out.hw_mask);
	set_value(stream, &stream->in_force, access, &access->in_force);
	judge(stream, access);
}

void stream_flush(struct stream *stream)
{
	finish(stream);
}

static void feed_hardware(struct stream *stream, const struct cxl_call *call)
{
	struct stream_access *access = &stream->pending;
	unsigned int pos = access->call.start + access->call.offset, from, to;

	if (!stream->is_pending || call->size < 1 || call->size > 4 || call->size == 3)
		return;
	from = call->start > pos ? call->start : pos;
	to = pos + access->call.size;
	if (call->start + call->size < to)
		to = call->start + call->size;
	if (from >= to)
		return;
	access->hw_known |= size_mask(to - from) << (from - pos) * 8;
	access->hw |= (call->value >> (from - call->start) * 8 & size_mask(to - from))
		      << (from - pos) * 8;
	if (!(access->in_force.out.hw_mask & ~access->hw_known))
		finish(stream);
}

void stream_feed_told(struct stream *stream, const struct cxl_call *call)
{
	bool known = stream->in_force.shadow.open_id == call->open_id;

	switch (call->op) {
	case CXL_CALL_OPENED:
		/* A new opening starts from nothing, whatever was before */
		if (!known) {
			memset(stream->forwarded, 0, sizeof(stream->forwarded));
			stream->synced = true;
		}
		stream->hw[dword_of(call)] = call->value;
		side_opened(&stream->in_force, call);
		if (claims(&stream->candidate, call))
			side_opened(&stream->candidate, call);
		break;
	case CXL_CALL_RESET:
		stream->hw[dword_of(call)] = call->value;
		stream->forwarded[dword_of(call)] = 0;
		if (!stream->synced || !known)
			break;
		side_reset(&stream->in_force, call);
		if (claims(&stream->candidate, call))
			side_reset(&stream->candidate, call);
		break;
	case CXL_CALL_CLOSED:
		stream->in_force.shadow.open_id = 0;
		stream->candidate.shadow.open_id = 0;
		stream->synced = false;
		break;
	}
	if (stream->ops->told)
		stream->ops->told(stream->arg, call);
}

/* Did the kernel's program answer as it is believed to? */
static bool same_answer(const struct cxl_call *call, const struct stream_answer *answer)
{
	const struct cxl_outcome *out = &answer->out;

	if (call->ret != answer->verdict || call->hw_mask != out->hw_mask)
		return false;
	if (call->op == CXL_CALL_READ)
		return call->result == out->result;
	return call->hw_value == out->hw_value && call->hw_write == out->hw_write &&
	       call->hw_keep == out->hw_keep && call->hw_undo == out->hw_undo;
}

static void feed_access(struct stream *stream, const struct cxl_call *call)
{
	struct stream_access access = { .call = *call };

	if (!stream->synced) {
		stream->nr_unjudged++;
		return;
	}
	decide(&stream->in_force, call, call->again, call->hw, &access.in_force);
	if (stream->in_force.shadow.open_id != call->open_id ||
	    !same_answer(call, &access.in_force)) {
		stream_lose(stream, call);
		stream->nr_unjudged++;
		return;
	}
	if (call->ret == VFIO_PCI_DVSEC_NEED_HW) {
		stream->asked = call->hw_mask;
		return;
	}
	if (call->again) {
		access.hw_known = stream->asked;
		access.hw = call->hw;
		note_hw(stream, &access);
	}
	stream->asked = 0;
	stream->pending = access;
	stream->is_pending = true;
	if (call->op == CXL_CALL_WRITE || !(call->hw_mask & ~access.hw_known))
		finish(stream);
}

void stream_feed(struct stream *stream, const struct cxl_call *call)
{
	if (call->lost != stream->lost) {
		stream->nr_lost += call->lost - stream->lost;
		stream->lost = call->lost;
		stream_lose(stream, call);
	}
	if (call->op == CXL_CALL_HARDWARE) {
		feed_hardware(stream, call);
		return;
	}
	finish(stream);
	if (call->op == CXL_CALL_READ || call->op == CXL_CALL_WRITE)
		feed_access(stream, call);
	else
		stream_feed_told(stream, call);
}

void stream_feed_answered(struct stream *stream, struct stream_access *access)
{
	if (!stream->synced) {
		stream->nr_unjudged++;
		return;
	}
	/* What the user got of the hardware is known, too */
	if (access->call.op == CXL_CALL_READ && access->in_force.verdict == VFIO_PCI_DVSEC_DONE) {
		access->hw &= access->hw_known;
		access->hw |= access->in_force.value & access->in_force.out.hw_mask &
			      ~access->hw_known;
		access->hw_known |= access->in_force.out.hw_mask;
	}
	note_hw(stream, access);
	judge(stream, access);
}
