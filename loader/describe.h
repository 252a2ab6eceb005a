/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tables of a policy do with each bit, as a guest and a host see it. Two
 * bits that are described alike can't be told apart by any access, whatever the
 * members of their rules are.
 */
#ifndef LOADER_DESCRIBE_H
#define LOADER_DESCRIBE_H

#include "policy.h"

/**
 * enum describe_flag - what holds for a bit
 * @DESCRIBE_HARDWARE: reads get it from the hardware
 * @DESCRIBE_SHADOW: reads get it from the shadow; with neither it is constant
 * @DESCRIBE_VALUE: it is 1, with %DESCRIBE_SHADOW at open
 * @DESCRIBE_WRITE: a write changes it in the shadow
 * @DESCRIBE_ONCE: a 1 is set in the shadow until a conventional reset
 * @DESCRIBE_ACK: what is 1 in the shadow hides it; with %DESCRIBE_WRITE a 1 does so
 * @DESCRIBE_FORWARD: a write goes to the hardware
 * @DESCRIBE_CLEAR: a write of 1 goes to the hardware
 * @DESCRIBE_WBI: a write of 1 goes to the hardware if a %DESCRIBE_GATE is set
 * @DESCRIBE_GATE: lets %DESCRIBE_WBI of the same dword through
 * @DESCRIBE_RESET: a write of 1 asks for a CXL reset, which is rejected
 * @DESCRIBE_EMULATE: with %DESCRIBE_RESET: which is emulated
 * @DESCRIBE_DROP: a write of 1 asks for a CXL reset that the guest can't see
 * @DESCRIBE_RESULT: a CXL reset of the same dword sets it
 * @DESCRIBE_RESULT_CLEAR: a CXL reset of the same dword clears it
 * @DESCRIBE_RESETS: an emulated CXL reset gives it its value at open
 * @DESCRIBE_LOCKED: a lock freezes it
 * @DESCRIBE_LOCKS: it is that lock
 * @DESCRIBE_UNDO: what a write changed in the hardware is put back at close
 * @DESCRIBE_KEPT: the hardware's is written along with others of its byte, else 0
 * @DESCRIBE_IGNORE: a write that does nothing is none that was refused
 * @DESCRIBE_REFUSE_0: a 0 over a 1 is a write that was refused
 * @DESCRIBE_REFUSE_1: a 1 over a 1 is
 * @DESCRIBE_BROKEN: all accesses to the dword fail
 * @DESCRIBE_FREE: no policy is asked
 * @DESCRIBE_NEVER: it is never there, as a capability is 0 for every guest
 */
enum describe_flag {
	DESCRIBE_HARDWARE = 1 << 0,
	DESCRIBE_SHADOW = 1 << 1,
	DESCRIBE_VALUE = 1 << 2,
	DESCRIBE_WRITE = 1 << 3,
	DESCRIBE_ONCE = 1 << 4,
	DESCRIBE_ACK = 1 << 5,
	DESCRIBE_FORWARD = 1 << 6,
	DESCRIBE_CLEAR = 1 << 7,
	DESCRIBE_WBI = 1 << 8,
	DESCRIBE_GATE = 1 << 9,
	DESCRIBE_RESET = 1 << 10,
	DESCRIBE_EMULATE = 1 << 11,
	DESCRIBE_DROP = 1 << 12,
	DESCRIBE_RESULT = 1 << 13,
	DESCRIBE_RESULT_CLEAR = 1 << 14,
	DESCRIBE_RESETS = 1 << 15,
	DESCRIBE_LOCKED = 1 << 16,
	DESCRIBE_LOCKS = 1 << 17,
	DESCRIBE_UNDO = 1 << 18,
	DESCRIBE_KEPT = 1 << 19,
	DESCRIBE_IGNORE = 1 << 20,
	DESCRIBE_REFUSE_0 = 1 << 21,
	DESCRIBE_REFUSE_1 = 1 << 22,
	DESCRIBE_BROKEN = 1 << 23,
	DESCRIBE_FREE = 1 << 24,
	DESCRIBE_NEVER = 1 << 25,
};
#define DESCRIBE_NR_FLAGS 26

/**
 * enum describe_effect - what a write of a bit does, the main thing alone
 * @DESCRIBE_REFUSED: nothing, and the host is told
 * @DESCRIBE_IGNORED: nothing
 * @DESCRIBE_TO_SHADOW: it changes the shadow
 * @DESCRIBE_SET_ONCE: a 1 is set in the shadow until a conventional reset
 * @DESCRIBE_TO_BOTH: it changes the shadow and the hardware
 * @DESCRIBE_TO_HARDWARE: it changes the hardware
 * @DESCRIBE_CLEARS: a 1 clears it in the hardware
 * @DESCRIBE_ACKNOWLEDGES: a 1 clears it for the guest alone
 * @DESCRIBE_WRITE_BACK: a 1 goes to the hardware if Disable_Caching is set
 * @DESCRIBE_RESET_REJECTED: a 1 asks for a CXL reset, which fails
 * @DESCRIBE_RESET_EMULATED: a 1 asks for a CXL reset, which the shadow gets
 * @DESCRIBE_RESET_DROPPED: a 1 asks for a CXL reset that the guest can't see
 * @DESCRIBE_FAILS: the access fails
 * @DESCRIBE_NR_EFFECTS: number of effects
 */
enum describe_effect {
	DESCRIBE_REFUSED,
	DESCRIBE_IGNORED,
	DESCRIBE_TO_SHADOW,
	DESCRIBE_SET_ONCE,
	DESCRIBE_TO_BOTH,
	DESCRIBE_TO_HARDWARE,
	DESCRIBE_CLEARS,
	DESCRIBE_ACKNOWLEDGES,
	DESCRIBE_WRITE_BACK,
	DESCRIBE_RESET_REJECTED,
	DESCRIBE_RESET_EMULATED,
	DESCRIBE_RESET_DROPPED,
	DESCRIBE_FAILS,
	DESCRIBE_NR_EFFECTS,
};

/**
 * struct describe_cap - capabilities in one dword that a bit depends on
 * @rule: dword of the DVSEC
 * @mask: bits that all have to be seen, or the bit isn't there
 * @reserved: without those of them a write of the bit is ignored, else refused
 */
struct describe_cap {
	uint16_t rule;
	uint32_t mask;
	uint32_t reserved;
};

/**
 * struct describe - what a policy does with a bit
 * @flags: a mask of &enum describe_flag
 * @nr_caps: number of @caps in use
 * @caps: that it depends on, in order
 * @depends: a capability that it depends on, whether or not that makes a difference;
 *	with %DESCRIBE_NEVER one that is 0
 */
struct describe {
	uint32_t flags;
	uint32_t nr_caps;
	struct describe_cap caps[CXL_POLICY_MAX_CONDS];
	struct describe_cap depends;
};

/**
 * struct describe_dvsec - a kind of DVSEC under a policy
 * @table: the policy
 * @vendor: DVSEC Vendor ID
 * @id: DVSEC ID
 * @index: as of cxl_engine_find()
 * @enforced: the policy is asked
 * @nr: number of @flags in use
 * @flags: by dword and flag: bits for which it holds
 */
struct describe_dvsec {
	const struct cxl_policy *table;
	uint16_t vendor;
	uint16_t id;
	uint32_t index;
	bool enforced;
	unsigned int nr;
	uint32_t flags[CXL_POLICY_MAX_RULES][DESCRIBE_NR_FLAGS];
};

/**
 * struct describe_field - bits side by side that are described alike
 * @name: of the field that they are of, or all of; NULL if it isn't known
 * @whole: they are all of the field
 * @attribute: an &enum cxl_dvsec_attribute, or -1 if it isn't known
 * @offset: of the register, or of the dword if it isn't known
 * @hi: last bit, counted from @offset
 * @lo: first bit
 * @rule: dword of the DVSEC
 * @mask: bits in that dword
 * @value: those that %DESCRIBE_VALUE holds for, counted from the first bit
 * @is: what holds for each of them, but for the values
 */
struct describe_field {
	const char *name;
	bool whole;
	int attribute;
	unsigned int offset;
	unsigned int hi;
	unsigned int lo;
	unsigned int rule;
	uint32_t mask;
	uint32_t value;
	struct describe is;
};

/**
 * describe_start - look at a kind of DVSEC
 * @dvsec: filled in
 * @table: the policy; must stay
 * @vendor: DVSEC Vendor ID
 * @id: DVSEC ID
 * @enforced: the policy is asked: it is CXL's, or claimed
 */
void describe_start(struct describe_dvsec *dvsec, const struct cxl_policy *table, uint16_t vendor,
		    uint16_t id, bool enforced);

/**
 * describe_bit - describe a bit
 * @dvsec: the DVSEC
 * @rule: dword, which may be behind the last rule
 * @bit: of the dword
 * @is: filled in
 */
void describe_bit(const struct describe_dvsec *dvsec, unsigned int rule, unsigned int bit,
		  struct describe *is);

/**
 * describe_same - can an access tell them apart?
 * @a: what holds for a bit
 * @b: what holds for another
 *
 * Return: whether none can.
 */
bool describe_same(const struct describe *a, const struct describe *b);

/**
 * describe_alike - are they alike but for their values?
 * @a: what holds for a bit
 * @b: what holds for another
 *
 * Return: whether they are.
 */
bool describe_alike(const struct describe *a, const struct describe *b);

/**
 * describe_effect - what a write does
 * @flags: of &struct describe
 *
 * Return: the effect.
 */
enum describe_effect describe_effect(uint32_t flags);

/**
 * describe_effect_name - name of an effect
 * @effect: the effect
 *
 * Return: one word, with dashes.
 */
const char *describe_effect_name(enum describe_effect effect);

/**
 * describe_effect_text - an effect in a few words
 * @effect: the effect
 *
 * Return: the words.
 */
const char *describe_effect_text(enum describe_effect effect);

/**
 * describe_find_field - find the field that has a bit
 * @source: that describes fields of DVSECs other than the CXL device's, or NULL
 * @vendor: DVSEC Vendor ID
 * @id: DVSEC ID
 * @rule: dword of the DVSEC
 * @bit: of the dword
 * @field: filled in but for @value and @is
 *
 * Return: whether there is one; else @field is all of the dword.
 */
bool describe_find_field(const struct policy *source, uint16_t vendor, uint16_t id,
			 unsigned int rule, unsigned int bit, struct describe_field *field);

/**
 * describe_cap_name - name of a capability
 * @source: as of describe_find_field()
 * @vendor: DVSEC Vendor ID
 * @id: DVSEC ID
 * @cap: the capability
 *
 * Return: the name, or NULL if it isn't known.
 */
const char *describe_cap_name(const struct policy *source, uint16_t vendor, uint16_t id,
			      const struct describe_cap *cap);

/**
 * describe_lock_name - name of the field that freezes others
 * @table: the policy
 * @source: as of describe_find_field()
 * @vendor: DVSEC Vendor ID
 * @id: DVSEC ID
 *
 * Return: the name, or NULL if it isn't known.
 */
const char *describe_lock_name(const struct cxl_policy *table, const struct policy *source,
			       uint16_t vendor, uint16_t id);

/**
 * describe_next - go on to the next bits that are alike
 * @dvsec: the DVSEC
 * @source: as of describe_find_field()
 * @at: bit of the DVSEC to go on from, set to the first behind @field
 * @field: filled in
 *
 * Return: whether there are some.
 */
bool describe_next(const struct describe_dvsec *dvsec, const struct policy *source,
		   unsigned int *at, struct describe_field *field);

/**
 * describe_cut - make a field of a part of it
 * @field: the field
 * @first: bit of the dword
 * @last: bit of the dword
 */
void describe_cut(struct describe_field *field, unsigned int first, unsigned int last);

/**
 * describe_find_source - find the policy that tables were made of, which have no names
 * @table: the tables
 * @source: filled in
 *
 * Return: whether one of that name makes the same.
 */
bool describe_find_source(const struct cxl_policy *table, struct policy *source);

#endif /* LOADER_DESCRIBE_H */
