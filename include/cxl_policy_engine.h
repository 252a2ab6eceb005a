/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The verdict on an access: a function of policy, shadow, access and what the
 * hardware holds. Compiled for BPF and for the host; it calls nothing.
 *
 * Accesses are naturally aligned and lie in one dword. Masks of rules count from
 * the first bit of the dword, those of accesses and outcomes from the first bit
 * of the access.
 */
#ifndef CXL_POLICY_ENGINE_H
#define CXL_POLICY_ENGINE_H

#include "cxl_policy_abi.h"
#include "vfio_pci_dvsec.h"

#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif

/*
 * Bound the index @i of an array of @n, a power of two. The verifier has to see
 * the mask just before the use, whatever clang makes of the loop around.
 */
#ifdef __bpf__
#define CXL_ENGINE_BOUND(i, n)                                                                     \
	({                                                                                         \
		asm volatile("" : "+r"(i));                                                        \
		(i) & ((n)-1);                                                                     \
	})
#else
#define CXL_ENGINE_BOUND(i, n) ((i) & ((n)-1))
#endif

/* Have @x at hand from here on, and not what it is made of: BPF has few registers */
#ifdef __bpf__
#define CXL_ENGINE_NOW(x) asm volatile("" : "+r"(x))
#else
#define CXL_ENGINE_NOW(x) ((void)(x))
#endif
CXL_ABI_ASSERT(!(CXL_POLICY_MAX_RULES & (CXL_POLICY_MAX_RULES - 1)));
CXL_ABI_ASSERT(!(CXL_POLICY_MAX_DVSECS & (CXL_POLICY_MAX_DVSECS - 1)));
CXL_ABI_ASSERT(!(CXL_SHADOW_DWORDS & (CXL_SHADOW_DWORDS - 1)));

/* Instead of an index into &cxl_policy.dvsecs: the policy has no rules for it */
#define CXL_ENGINE_NO_RULES 0xffffU
/* A CXL Reset is emulated for DVSECs of up to that many dwords */
#define CXL_ENGINE_RESET_DWORDS 16

/**
 * struct cxl_access - an access of the user
 * @start: position of the DVSEC in configuration space, a multiple of 4
 * @length: DVSEC Length, as the device tells it
 * @offset: of the access from @start
 * @size: in bytes: 1, 2 or 4
 * @again: @hw holds what the outcome asked for in @hw_mask
 * @value: of a write
 * @hw: what the hardware holds, if @again
 */
struct cxl_access {
	__u16 start;
	__u16 length;
	__u16 offset;
	__u8 size;
	__u8 again;
	__u32 value;
	__u32 hw;
};

/**
 * struct cxl_outcome - what is to be done
 * @result: of a read: value of the bits that are not in @hw_mask
 * @hw_mask: of a read, or with VFIO_PCI_DVSEC_NEED_HW: bits to read from the
 *	hardware
 * @hw_value: of a write: value for @hw_write
 * @hw_write: of a write: bits to write to the hardware
 * @hw_keep: of a write: bits to write back as the hardware has them, where they
 *	are not in @hw_write, and when the write is undone
 * @hw_undo: of a write: bits to put back when the device is closed, to 0 if they
 *	are not in @hw_keep
 * @flags: CXL_EVENT_*, 0 for an outcome that nobody needs to hear of
 * @refused: bits that the user wanted to change and could not
 */
struct cxl_outcome {
	__u32 result;
	__u32 hw_mask;
	__u32 hw_value;
	__u32 hw_write;
	__u32 hw_keep;
	__u32 hw_undo;
	__u32 flags;
	__u32 refused;
};

/* Bits of the dword at @offset that lie in a DVSEC of @length bytes */
static __always_inline __u32 cxl_engine_extent(__u16 length, __u16 offset)
{
	if (offset + 4 <= length)
		return ~0U;
	if (offset >= length)
		return 0;
	return (1U << ((length - offset) * 8)) - 1;
}

static __always_inline __u32 cxl_engine_bytes(__u32 bits)
{
	bits |= (bits >> 4) & 0x0f0f0f0f;
	bits |= (bits >> 2) & 0x33333333;
	bits |= (bits >> 1) & 0x55555555;
	return (bits & 0x01010101) * 0xff;
}

/**
 * cxl_engine_find - index of a DVSEC's rules in a policy
 * @policy: the policy
 * @vendor: DVSEC Vendor ID
 * @id: DVSEC ID
 *
 * Return: an index into &cxl_policy.dvsecs, or CXL_ENGINE_NO_RULES.
 */
static __always_inline __u32 cxl_engine_find(const struct cxl_policy *policy, __u16 vendor,
					     __u16 id)
{
	__u32 i;

	for (i = 0; i < CXL_POLICY_MAX_DVSECS; i++) {
		if (i >= policy->nr_dvsecs)
			break;
		if (policy->dvsecs[i].vendor == vendor && policy->dvsecs[i].id == id)
			return i;
	}
	return CXL_ENGINE_NO_RULES;
}

/* Rule number @n of a DVSEC, NULL if it has none */
static __always_inline const struct cxl_rule *cxl_engine_rule(const struct cxl_policy *policy,
							      __u32 dvsec, __u32 n)
{
	__u32 i;

	if (dvsec >= CXL_POLICY_MAX_DVSECS || n >= policy->dvsecs[dvsec].nr_rules)
		return 0;
	i = policy->dvsecs[dvsec].first_rule + n;
	if (i >= CXL_POLICY_MAX_RULES)
		return 0;
	return &policy->rules[CXL_ENGINE_BOUND(i, CXL_POLICY_MAX_RULES)];
}

static __always_inline struct cxl_shadow_dword *cxl_engine_dword(struct cxl_shadow *shadow,
								 __u16 start, __u32 n)
{
	__u32 i = start / 4 + n;

	return &shadow->dwords[CXL_ENGINE_BOUND(i, CXL_SHADOW_DWORDS)];
}

/* Bits that may have a condition; what isn't in use has none */
static __always_inline __u32 cxl_engine_conditional(const struct cxl_rule *rule)
{
	CXL_ABI_ASSERT(CXL_POLICY_MAX_CONDS == 6);
	return rule->conds[0].bits | rule->conds[1].bits | rule->conds[2].bits |
	       rule->conds[3].bits | rule->conds[4].bits | rule->conds[5].bits;
}

/* A function of its own: what is rarely needed takes no registers from the rest */
#define CXL_ENGINE_APART static __attribute__((__noinline__, __unused__))

#define CXL_ENGINE_COULD (1ULL << 63)

/* A DVSEC, in one argument, as BPF has no more than five */
static __always_inline __u64 cxl_engine_place(__u32 dvsec, const struct cxl_access *access)
{
	return (__u64)dvsec << 32 | (__u32)access->length << 16 | access->start;
}

/*
 * What of the conditional @bits of @rule isn't there, and in the upper half that of
 * it which is reserved. With %CXL_ENGINE_COULD in @place, a capability that the user
 * could set counts as set.
 */
CXL_ENGINE_APART __u64 cxl_engine_absent(const struct cxl_policy *policy,
					 const struct cxl_rule *rule, struct cxl_shadow *shadow,
					 __u64 place, __u32 bits)
{
	__u16 start = place, length = place >> 16, dvsec = place >> 32;
	__u32 absent = 0, reserved = 0, i;

	for (i = 0; i < CXL_POLICY_MAX_CONDS; i++) {
		const struct cxl_cond *cond = &rule->conds[i];
		const struct cxl_shadow_dword *dword;
		const struct cxl_rule *cap;
		__u32 seen;

		if (i >= rule->nr_conds)
			break;
		if (!(cond->bits & bits))
			continue;
		cap = cxl_engine_rule(policy, dvsec, cond->cap_rule);
		if (cap) {
			dword = cxl_engine_dword(shadow, start, cond->cap_rule);
			seen = (dword->hw & cap->hw) | (dword->value & cap->shadow) |
			       (cap->value & ~cap->hw & ~cap->shadow);
			if (place & CXL_ENGINE_COULD)
				seen |= cap->shadow & (cap->write | cap->once);
			seen &= cxl_engine_extent(length, cond->cap_rule * 4);
			if ((seen & cond->cap_mask) == cond->cap_mask)
				continue;
		}
		absent |= cond->bits;
		if (cond->reserved)
			reserved |= cond->bits;
	}
	return (__u64)reserved << 32 | absent;
}

/**
 * cxl_engine_open - set up the shadow of one dword
 * @policy: policy that takes over
 * @dvsec: as of cxl_engine_find()
 * @shadow: of the device
 * @start: position of the DVSEC in configuration space
 * @offset: of the dword in the DVSEC, a multiple of 4
 * @hw: what the hardware holds
 *
 * Bits that have a value already keep it, whichever policy gave it to them.
 */
static __always_inline void cxl_engine_open(const struct cxl_policy *policy, __u32 dvsec,
					    struct cxl_shadow *shadow, __u16 start, __u16 offset,
					    __u32 hw)
{
	struct cxl_shadow_dword *dword = cxl_engine_dword(shadow, start, offset / 4);
	const struct cxl_rule *rule = cxl_engine_rule(policy, dvsec, offset / 4);
	__u32 fresh, stale;

	dword->hw = hw;
	if (!rule)
		return;
	fresh = rule->shadow & ~dword->valid;
	dword->value = (dword->value & ~fresh) | (rule->value & fresh);
	dword->valid |= fresh;
	/*
	 * What is acknowledged isn't valid, so neither is taken for the other. It is
	 * forgotten where nobody looks whether the hardware has cleared it.
	 */
	stale = rule->ack & dword->valid;
	dword->valid &= ~stale;
	dword->value &= dword->valid | (rule->ack & ~stale);
}

/**
 * cxl_engine_reset - the effect of a reset on one dword
 * @policy: policy in force
 * @dvsec: as of cxl_engine_find()
 * @shadow: of the device
 * @start: position of the DVSEC in configuration space
 * @offset: of the dword in the DVSEC, a multiple of 4
 * @hw: what the hardware holds now
 * @kind: mask of &enum vfio_pci_dvsec_reset
 *
 * A conventional reset gives the values at open (CXL 3.x, 9.2 to 9.4); a
 * function reset changes nothing (9.5).
 */
static __always_inline void cxl_engine_reset(const struct cxl_policy *policy, __u32 dvsec,
					     struct cxl_shadow *shadow, __u16 start, __u16 offset,
					     __u32 hw, __u32 kind)
{
	if (kind & VFIO_PCI_DVSEC_RESET_CONVENTIONAL) {
		struct cxl_shadow_dword *dword = cxl_engine_dword(shadow, start, offset / 4);

		dword->value = 0;
		dword->valid = 0;
	}
	cxl_engine_open(policy, dvsec, shadow, start, offset, hw);
}

/* The bits of an access in its dword, without those behind the end of the DVSEC */
static __always_inline __u32 cxl_engine_there(const struct cxl_access *access)
{
	return cxl_engine_extent(access->length, access->offset & ~3) &
	       (~0U >> (32 - access->size * 8)) << access->offset % 4 * 8;
}

/**
 * cxl_engine_read_plain - verdict on a read of which nothing depends on anything
 * @policy: policy in force
 * @dvsec: as of cxl_engine_find()
 * @shadow: of the device
 * @access: the access
 * @out: what to do, zeroed by the caller
 *
 * Most reads are of that kind, and this is quick to tell.
 *
 * Return: as of cxl_engine_read_full(), which is to be asked upon VFIO_PCI_DVSEC_INVALID.
 */
static __always_inline int cxl_engine_read_plain(const struct cxl_policy *policy, __u32 dvsec,
						 struct cxl_shadow *shadow,
						 const struct cxl_access *access,
						 struct cxl_outcome *out)
{
	__u32 shift = access->offset % 4 * 8, there = cxl_engine_there(access);
	__u32 value, hw, absent;
	const struct cxl_shadow_dword *dword =
		cxl_engine_dword(shadow, access->start, access->offset / 4);
	const struct cxl_rule *rule = cxl_engine_rule(policy, dvsec, access->offset / 4);

	if (!rule || (rule->shadow & ~dword->valid))
		return VFIO_PCI_DVSEC_INVALID;
	hw = rule->hw & there;
	value = (rule->value & ~rule->shadow & ~rule->hw) | (dword->value & rule->shadow);
	value &= there;
	/* A bit that reads 0 in any case needs no look at its condition */
	if (rule->ack & dword->value & hw)
		return VFIO_PCI_DVSEC_INVALID;
	if (rule->nr_conds && ((value | hw) & cxl_engine_conditional(rule))) {
		absent = cxl_engine_absent(policy, rule, shadow, cxl_engine_place(dvsec, access),
					   value | hw);
		value &= ~absent;
		hw &= ~absent;
	}
	out->result = value >> shift;
	out->hw_mask = hw >> shift;
	return VFIO_PCI_DVSEC_DONE;
}

/**
 * cxl_engine_read_full - verdict on any read
 * @policy: policy in force
 * @dvsec: as of cxl_engine_find()
 * @shadow: of the device; an acknowledged RW1C bit that the hardware has cleared
 *	is forgotten
 * @access: the access
 * @out: what to do, zeroed by the caller
 *
 * Return: an &enum vfio_pci_dvsec_verdict.
 */
static __always_inline int cxl_engine_read_full(const struct cxl_policy *policy, __u32 dvsec,
						struct cxl_shadow *shadow,
						const struct cxl_access *access,
						struct cxl_outcome *out)
{
	__u32 shift = access->offset % 4 * 8, absent = 0, hw, ack, value;
	__u32 there = cxl_engine_there(access);
	struct cxl_shadow_dword *dword =
		cxl_engine_dword(shadow, access->start, access->offset / 4);
	const struct cxl_rule *rule = cxl_engine_rule(policy, dvsec, access->offset / 4);

	if (!rule) {
		out->hw_mask = there >> shift;
		return VFIO_PCI_DVSEC_DONE;
	}
	if (rule->shadow & ~dword->valid)
		return VFIO_PCI_DVSEC_INVALID;
	value = (rule->value & ~rule->shadow & ~rule->hw) | (dword->value & rule->shadow);
	if (rule->nr_conds)
		absent = cxl_engine_absent(policy, rule, shadow, cxl_engine_place(dvsec, access),
					   (value | rule->hw) & there);

	hw = rule->hw & ~absent & there;
	ack = rule->ack & dword->value & hw;
	if (ack) {
		if (!access->again) {
			out->hw_mask = ack >> shift;
			return VFIO_PCI_DVSEC_NEED_HW;
		}
		dword->value &= ~(ack & ~(access->hw << shift));
		hw &= ~ack;
	}
	out->result = (value & ~absent & there) >> shift;
	out->hw_mask = hw >> shift;
	return VFIO_PCI_DVSEC_DONE;
}

/**
 * cxl_engine_read - verdict on a read
 * @policy: policy in force
 * @dvsec: as of cxl_engine_find()
 * @shadow: of the device
 * @access: the access
 * @out: what to do, zeroed by the caller
 *
 * Return: as of cxl_engine_read_full().
 */
static __always_inline int cxl_engine_read(const struct cxl_policy *policy, __u32 dvsec,
					   struct cxl_shadow *shadow,
					   const struct cxl_access *access, struct cxl_outcome *out)
{
	int verdict = cxl_engine_read_plain(policy, dvsec, shadow, access, out);

	if (!verdict)
		verdict = cxl_engine_read_full(policy, dvsec, shadow, access, out);
	return verdict;
}

/* Is the DVSEC locked? Behind its end is the shadow of another one. */
static __always_inline __u32 cxl_engine_locked(const struct cxl_policy *policy, __u32 dvsec,
					       struct cxl_shadow *shadow,
					       const struct cxl_access *access)
{
	const struct cxl_policy_dvsec *d;
	__u32 locked;

	if (dvsec >= CXL_POLICY_MAX_DVSECS)
		return 0;
	d = &policy->dvsecs[dvsec];
	locked = cxl_engine_dword(shadow, access->start, d->lock_rule)->value & d->lock_mask;
	return locked ? locked & cxl_engine_extent(access->length, d->lock_rule * 4) : 0;
}

/* Bits of dword @n that a CXL Reset (CXL 3.x, 9.7) gives their value at open, but for forwarded ones */
static __always_inline __u32 cxl_engine_cxl_reset_bits(const struct cxl_rule *rule, __u32 locked,
						       const struct cxl_access *access, __u32 n)
{
	__u32 kept = rule->sticky | rule->once | rule->fwd;

	if (locked)
		kept |= rule->lock;
	return rule->shadow & ~kept & cxl_engine_extent(access->length, n * 4);
}

/**
 * cxl_engine_cxl_reset - the effect of an emulated CXL Reset on the other dwords
 * @policy: policy in force
 * @dvsec: as of cxl_engine_find()
 * @shadow: of the device
 * @access: the write that initiated it, on whose own dword it has had its effect
 */
static __always_inline void cxl_engine_cxl_reset(const struct cxl_policy *policy, __u32 dvsec,
						 struct cxl_shadow *shadow,
						 const struct cxl_access *access)
{
	__u32 locked = cxl_engine_locked(policy, dvsec, shadow, access), i;

	for (i = 0; i < CXL_ENGINE_RESET_DWORDS; i++) {
		const struct cxl_rule *rule = cxl_engine_rule(policy, dvsec, i);
		struct cxl_shadow_dword *dword = cxl_engine_dword(shadow, access->start, i);
		__u32 bits;

		if (!rule)
			break;
		if (i == access->offset / 4)
			continue;
		bits = cxl_engine_cxl_reset_bits(rule, locked, access, i);
		dword->value = (dword->value & ~bits) | (rule->value & bits);
	}
}

/**
 * cxl_engine_write_plain - verdict on a write that is kept in the shadow, or refused
 * @policy: policy in force
 * @dvsec: as of cxl_engine_find()
 * @shadow: of the device, takes what the user changes
 * @access: the access
 * @out: what to do, zeroed by the caller
 *
 * Most writes are of that kind, and this is quick to tell.
 *
 * Return: as of cxl_engine_write_full(), which is to be asked upon
 * VFIO_PCI_DVSEC_INVALID.
 */
static __always_inline int cxl_engine_write_plain(const struct cxl_policy *policy, __u32 dvsec,
						  struct cxl_shadow *shadow,
						  const struct cxl_access *access,
						  struct cxl_outcome *out)
{
	__u32 shift = access->offset % 4 * 8, there = cxl_engine_there(access);
	__u32 val = access->value << shift, old, view, change, locked = 0, refused;
	struct cxl_shadow_dword *dword;
	const struct cxl_rule *rule;

	CXL_ENGINE_NOW(there);
	CXL_ENGINE_NOW(val);
	dword = cxl_engine_dword(shadow, access->start, access->offset / 4);
	rule = cxl_engine_rule(policy, dvsec, access->offset / 4);
	CXL_ENGINE_NOW(dword);
	CXL_ENGINE_NOW(rule);
	if (!rule || (rule->shadow & ~dword->valid))
		return VFIO_PCI_DVSEC_INVALID;
	if ((rule->ack | rule->once | rule->fwd | rule->fwd1 | rule->wbi | rule->reset) & there)
		return VFIO_PCI_DVSEC_INVALID;
	old = dword->value;
	view = (old & rule->shadow) | (dword->hw & rule->hw) |
	       (rule->value & ~rule->shadow & ~rule->hw);
	/* A bit that is and stays 0 needs no look at its condition */
	if (rule->nr_conds && ((val | old | view) & there & cxl_engine_conditional(rule)))
		return VFIO_PCI_DVSEC_INVALID;
	CXL_ENGINE_NOW(view);

	change = rule->write & there;
	if (rule->lock && cxl_engine_locked(policy, dvsec, shadow, access)) {
		locked = (val ^ old) & change & rule->lock;
		change &= ~rule->lock;
	}
	dword->value = (old & ~change) | (val & change);

	refused = ((val ^ view) | (val & rule->w1)) & there & ~(rule->write | rule->reserved);
	if (refused)
		refused &= ((val ^ view) & ~rule->w1) | (val & rule->w1 & (rule->zero | ~view));
	if (refused)
		out->flags |= CXL_EVENT_REFUSED;
	if (locked)
		out->flags |= CXL_EVENT_LOCKED;
	out->refused = (refused | locked) >> shift;
	return out->refused ? VFIO_PCI_DVSEC_DENIED : VFIO_PCI_DVSEC_DONE;
}

/**
 * cxl_engine_write_full - verdict on any write, but for what it causes elsewhere
 * @policy: policy in force
 * @dvsec: as of cxl_engine_find()
 * @shadow: of the device, takes what the user changes
 * @access: the access
 * @out: what to do, zeroed by the caller; with CXL_EVENT_RESET_EMULATED the caller
 *	has to call cxl_engine_cxl_reset()
 *
 * Return: an &enum vfio_pci_dvsec_verdict; VFIO_PCI_DVSEC_DENIED if @refused.
 */
static __always_inline int cxl_engine_write_full(const struct cxl_policy *policy, __u32 dvsec,
						 struct cxl_shadow *shadow,
						 const struct cxl_access *access,
						 struct cxl_outcome *out)
{
	__u32 shift = access->offset % 4 * 8;
	__u32 there = cxl_engine_there(access);
	struct cxl_shadow_dword *dword =
		cxl_engine_dword(shadow, access->start, access->offset / 4);
	const struct cxl_rule *rule = cxl_engine_rule(policy, dvsec, access->offset / 4);
	__u32 val = access->value << shift;
	__u32 absent = 0, reserved = 0, locked = 0, live, mask, old, new;
	__u32 fwd, fwd1, refused, known;

	if (!rule) {
		if (policy->flags & CXL_POLICY_RAW) {
			out->hw_value = access->value;
			out->hw_write = there >> shift;
			out->hw_keep = there >> shift;
			out->hw_undo = there >> shift;
		} else {
			out->refused = ((val ^ dword->hw) & there) >> shift;
		}
		goto out;
	}
	if ((rule->shadow & ~dword->valid) || dvsec >= CXL_POLICY_MAX_DVSECS)
		return VFIO_PCI_DVSEC_INVALID;

	old = dword->value;
	mask = (val | old | dword->hw | rule->value | rule->fwd) & there;
	/* A bit that is and stays 0 needs no look at its condition */
	if (rule->nr_conds && (mask & cxl_engine_conditional(rule))) {
		__u64 both = cxl_engine_absent(policy, rule, shadow,
					       cxl_engine_place(dvsec, access), mask);

		absent = both;
		reserved = both >> 32;
	}
	live = there & ~absent;
	if (rule->lock && cxl_engine_locked(policy, dvsec, shadow, access))
		locked = rule->lock;

	mask = rule->ack & rule->write & val & live;
	if (mask && !access->again) {
		out->hw_mask = mask >> shift;
		return VFIO_PCI_DVSEC_NEED_HW;
	}

	new = (old & ~mask) | (mask & access->hw << shift);
	mask = rule->write & ~rule->ack & live & ~locked;
	new = (new & ~mask) | (val & mask);
	mask = val & live & rule->once;
	new |= mask;

	/* Of what the user wanted to change, this could not be */
	known = rule->write | rule->once | rule->fwd | rule->fwd1 | rule->wbi | rule->reset |
		rule->reserved;
	mask = (old & rule->shadow) | (dword->hw & rule->hw) |
	       (rule->value & ~rule->shadow & ~rule->hw);
	refused = ((val ^ mask) & ~rule->w1) | (val & rule->w1 & (rule->zero | ~mask));
	refused &= live & ~known;
	refused |= ~val & old & rule->once & live;
	refused |= val & absent & there & ~reserved & ~rule->reset;
	if (refused)
		out->flags |= CXL_EVENT_REFUSED;
	mask = (val ^ old) & rule->write & locked & live;
	if (mask)
		out->flags |= CXL_EVENT_LOCKED;
	refused |= mask;

	fwd = rule->fwd & live & ~locked;
	fwd1 = rule->fwd1 & val & live;
	mask = rule->reset & val & there;
	if (mask & absent) {
		refused |= mask;
		out->flags |= CXL_EVENT_RESET_DROPPED;
	} else if (mask) {
		/* Both are cleared before the flow starts */
		new &= ~(rule->reset_complete | rule->reset_error);
		if (policy->dvsecs[dvsec].reset_action == CXL_RESET_EMULATE) {
			mask = cxl_engine_cxl_reset_bits(
				rule, cxl_engine_locked(policy, dvsec, shadow, access), access,
				access->offset / 4);
			new = (new & ~mask) | (rule->value & mask) | rule->reset_complete;
			mask = rule->fwd & rule->shadow & ~rule->sticky & fwd;
			new = (new & ~mask) | (rule->value & mask);
			val = (val & ~mask) | (rule->value & mask);
			out->flags |= CXL_EVENT_RESET_EMULATED;
		} else {
			new |= rule->reset_error;
			refused |= mask;
			out->flags |= CXL_EVENT_RESET_REJECTED;
		}
	}
	dword->value = new;

	/* A CXL reset resets Disable_Caching too, which a write-back needs */
	mask = rule->wbi & val & live;
	if (mask && (new & rule->wbi_gate & ~absent)) {
		fwd |= mask;
	} else if (mask) {
		refused |= mask;
		out->flags |= CXL_EVENT_WBI_DROPPED;
	}

	mask = cxl_engine_bytes(fwd | fwd1);
	out->hw_value = (val & (fwd | fwd1)) >> shift;
	out->hw_write = (fwd | fwd1) >> shift;
	out->hw_keep = (mask & ~(rule->zero | rule->w1)) >> shift;
	out->hw_undo = (fwd & rule->undo) >> shift;
	out->refused = refused >> shift;
out:
	if (out->hw_write)
		out->flags |= CXL_EVENT_FORWARDED;
	if (out->refused && !(out->flags & CXL_EVENT_DENIED))
		out->flags |= CXL_EVENT_REFUSED;
	return out->refused ? VFIO_PCI_DVSEC_DENIED : VFIO_PCI_DVSEC_DONE;
}

/**
 * cxl_engine_write - verdict on a write
 * @policy: policy in force
 * @dvsec: as of cxl_engine_find()
 * @shadow: of the device, takes what the user changes
 * @access: the access
 * @out: what to do, zeroed by the caller
 *
 * Return: an &enum vfio_pci_dvsec_verdict; VFIO_PCI_DVSEC_DENIED if @refused.
 */
static __always_inline int cxl_engine_write(const struct cxl_policy *policy, __u32 dvsec,
					    struct cxl_shadow *shadow,
					    const struct cxl_access *access,
					    struct cxl_outcome *out)
{
	int verdict = cxl_engine_write_plain(policy, dvsec, shadow, access, out);

	if (!verdict)
		verdict = cxl_engine_write_full(policy, dvsec, shadow, access, out);

	if (out->flags & CXL_EVENT_RESET_EMULATED)
		cxl_engine_cxl_reset(policy, dvsec, shadow, access);
	return verdict;
}

/**
 * enum cxl_restore_stage - the order in which a saved shadow is restored
 * @CXL_RESTORE_CHECK: look whether it fits, see cxl_engine_restore_fits()
 * @CXL_RESTORE_BITS: what the user could write
 * @CXL_RESTORE_ONCE: what can only be set, as CONFIG_LOCK, which locks the former
 *
 * Every dword goes through a stage before any goes through the next one.
 */
enum cxl_restore_stage {
	CXL_RESTORE_CHECK = 0,
	CXL_RESTORE_BITS = 1,
	CXL_RESTORE_ONCE = 2,
};

/**
 * cxl_engine_restore_fits - check that a DVSEC is the one that was saved
 * @shadow: of the device
 * @saved: a dword of the DVSEC
 *
 * One that the policy isn't asked about fits, as none of it is restored.
 *
 * Return: whether it is.
 */
static __always_inline __u32 cxl_engine_restore_fits(struct cxl_shadow *shadow,
						     const struct cxl_restore_dword *saved)
{
	__u32 header1, header2;

	if (saved->start % 4 || saved->offset % 4 ||
	    saved->start / 4 + saved->offset / 4 >= CXL_SHADOW_DWORDS)
		return 0;
	header1 = cxl_engine_dword(shadow, saved->start, 1)->hw;
	header2 = cxl_engine_dword(shadow, saved->start, 2)->hw;
	return !header1 || (header1 == saved->header1 && (header2 & 0xffff) == saved->id);
}

/**
 * cxl_engine_restore - give the bits of a dword the values that were saved
 * @policy: policy in force
 * @shadow: of the device, at the first access of an opening
 * @saved: the dword; cxl_engine_restore_fits() says that it fits
 * @stage: %CXL_RESTORE_BITS or %CXL_RESTORE_ONCE
 *
 * These are the bits that the user could have brought to those values by accesses
 * under this policy, without a trace in the hardware. So nothing read-only is
 * restored, no status bit of the hardware's, nothing that the policy locks from the
 * open on; and nothing of which a write reaches the hardware or opens the way there
 * for another, as the device would not know of it.
 *
 * Return: the bits that were restored.
 */
static __always_inline __u32 cxl_engine_restore(const struct cxl_policy *policy,
						struct cxl_shadow *shadow,
						const struct cxl_restore_dword *saved, __u32 stage)
{
	const struct cxl_access access = {
		.start = saved->start,
		.length = saved->header1 >> 20,
		.offset = saved->offset,
	};
	struct cxl_shadow_dword *dword;
	const struct cxl_rule *rule;
	__u32 dvsec, bits, ours;

	dvsec = cxl_engine_find(policy, saved->header1, saved->id);
	rule = cxl_engine_rule(policy, dvsec, saved->offset / 4);
	if (!rule || dvsec >= CXL_POLICY_MAX_DVSECS)
		return 0;
	dword = cxl_engine_dword(shadow, saved->start, saved->offset / 4);

	bits = ~cxl_engine_absent(policy, rule, shadow,
				  cxl_engine_place(dvsec, &access) | CXL_ENGINE_COULD, ~0U);
	if (stage == CXL_RESTORE_ONCE) {
		ours = rule->once & saved->value;
	} else {
		ours = rule->write & ~rule->once;
		if (cxl_engine_locked(policy, dvsec, shadow, &access))
			ours &= ~rule->lock;
		if (rule->reset & bits)
			ours |= policy->dvsecs[dvsec].reset_action == CXL_RESET_EMULATE
					? rule->reset_complete
					: rule->reset_error;
	}
	bits &= ours & saved->valid & dword->valid & rule->shadow;
	bits &= ~(rule->fwd | rule->fwd1 | rule->wbi_gate);
	bits &= cxl_engine_extent(access.length, saved->offset);
	dword->value = (dword->value & ~bits) | (saved->value & bits);
	return bits;
}

#endif /* CXL_POLICY_ENGINE_H */
