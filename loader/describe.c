// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cxl_policy_engine.h"
#include "describe.h"

/* cxl_engine_locked() counts offsets modulo 64 KiB */
#define LOCK_RULE(d) ((d)->lock_rule & 0x3fff)

static const struct cxl_rule *rule_of(const struct describe_dvsec *dvsec, unsigned int n)
{
	return cxl_engine_rule(dvsec->table, dvsec->index, n);
}

/**
 * struct facts - what has to be known of all of a DVSEC first
 * @never: by dword: bits that are never there
 * @ignored: by dword: those of @never that are reserved then
 * @caps: by dword: bits that others depend on
 * @initiate: by dword: initiate bits that can be there
 * @alive: by dword: bits that can be 1 in the shadow
 * @lock: bits of the lock's dword that can lock
 * @emulate: a CXL reset is emulated
 */
struct facts {
	uint32_t never[CXL_POLICY_MAX_RULES];
	uint32_t ignored[CXL_POLICY_MAX_RULES];
	uint32_t caps[CXL_POLICY_MAX_RULES];
	uint32_t initiate[CXL_POLICY_MAX_RULES];
	uint32_t alive[CXL_POLICY_MAX_RULES];
	uint32_t lock;
	bool emulate;
};

static unsigned int nr_conds(const struct cxl_rule *rule)
{
	return rule->nr_conds < CXL_POLICY_MAX_CONDS ? rule->nr_conds : CXL_POLICY_MAX_CONDS;
}

/* Those of a condition's capabilities that no guest sees */
static uint32_t hidden(const struct cxl_rule *cap, const struct cxl_cond *cond)
{
	return cond->cap_mask & ~(cap->hw | cap->shadow | cap->value);
}

/* Those that every guest sees who sees the bit: constant, and not behind it in the DVSEC */
static uint32_t shown(const struct cxl_rule *cap, const struct cxl_cond *cond, unsigned int n,
		      unsigned int bit)
{
	uint32_t bits = cap->value & ~(cap->hw | cap->shadow);

	if (cond->cap_rule > n)
		return 0;
	return cond->cap_rule < n ? bits : bits & CXL_DVSEC_BITS(bit | 7, 0);
}

/* As cxl_engine_absent() goes through them */
static void find_never(const struct describe_dvsec *dvsec, unsigned int n, struct facts *facts)
{
	const struct cxl_rule *rule = rule_of(dvsec, n);
	unsigned int i;

	for (i = 0; i < nr_conds(rule); i++) {
		const struct cxl_cond *cond = &rule->conds[i];
		const struct cxl_rule *cap = rule_of(dvsec, cond->cap_rule);

		if (cap && cond->bits)
			facts->caps[cond->cap_rule] |= cond->cap_mask;
		if (cap && !hidden(cap, cond))
			continue;
		facts->never[n] |= cond->bits;
		if (cond->reserved)
			facts->ignored[n] |= cond->bits;
	}
}

static bool is_broken(const struct cxl_rule *rule)
{
	/* cxl_engine_open() leaves such a bit without a value */
	return rule->ack & rule->shadow;
}

/* Bits on which a write is never refused as if they were read-only */
static uint32_t known_bits(const struct cxl_rule *rule)
{
	return rule->write | rule->once | rule->fwd | rule->fwd1 | rule->wbi | rule->reset |
	       rule->reserved;
}

/* Bits whose value in the shadow anybody looks at; the hardware's comes first */
static uint32_t in_shadow(const struct describe_dvsec *dvsec, const struct facts *facts,
			  unsigned int n)
{
	const struct cxl_rule *rule = rule_of(dvsec, n);

	return rule->shadow & (~rule->hw | facts->caps[n] | ~known_bits(rule));
}

static void results(const struct describe_dvsec *dvsec, const struct facts *facts, unsigned int n,
		    uint32_t *set, uint32_t *clear)
{
	const struct cxl_rule *rule = rule_of(dvsec, n);

	*set = 0;
	*clear = 0;
	if (!facts->initiate[n])
		return;
	*set = facts->emulate ? rule->reset_complete : rule->reset_error;
	*clear = (rule->reset_complete | rule->reset_error) & ~*set;
	/* Where the value at open is 0, it is one or the other */
	if (facts->emulate)
		*clear |= in_shadow(dvsec, facts, n) & ~(rule->once | rule->fwd | rule->sticky) &
			  ~(rule->value | rule->lock | *set);
	/* The value at open that it gives to what it forwards comes last */
	if (facts->emulate)
		*set &= ~(cxl_engine_bytes(facts->initiate[n]) & rule->fwd & rule->shadow &
			  ~(rule->sticky | rule->lock | facts->never[n]));
}

/* Bits that an emulated CXL reset gives their value at open */
static uint32_t reset_bits(const struct describe_dvsec *dvsec, const struct facts *facts,
			   unsigned int n)
{
	const struct cxl_rule *rule = rule_of(dvsec, n);
	uint32_t bits = 0, set, clear;

	if (!facts->emulate)
		return 0;
	/* What it sets or clears anyway is left out */
	results(dvsec, facts, n, &set, &clear);
	if (n < CXL_ENGINE_RESET_DWORDS || facts->initiate[n])
		bits = in_shadow(dvsec, facts, n) & ~(rule->once | rule->fwd | set) &
		       ~(clear & ~rule->value);
	if (facts->initiate[n])
		bits |= in_shadow(dvsec, facts, n) & rule->fwd & ~facts->never[n];
	return bits & ~rule->sticky;
}

static uint32_t lockable(const struct describe_dvsec *dvsec, const struct facts *facts,
			 unsigned int n)
{
	const struct cxl_rule *rule = rule_of(dvsec, n);

	if (is_broken(rule))
		return 0;
	return rule->lock & (((rule->write | rule->fwd) & ~facts->never[n]) |
			     (reset_bits(dvsec, facts, n) & ~rule->fwd));
}

static void find_facts(const struct describe_dvsec *dvsec, struct facts *facts)
{
	const struct cxl_policy_dvsec *d;
	uint32_t any = 0, set, clear;
	unsigned int n;

	memset(facts, 0, sizeof(*facts));
	if (!dvsec->nr)
		return;
	d = &dvsec->table->dvsecs[dvsec->index];
	for (n = 0; n < dvsec->nr; n++)
		find_never(dvsec, n, facts);
	for (n = 1; n < dvsec->nr; n++) {
		if (!is_broken(rule_of(dvsec, n)))
			facts->initiate[n] = rule_of(dvsec, n)->reset & ~facts->never[n];
		any |= facts->initiate[n];
	}
	facts->emulate = any && d->reset_action == CXL_RESET_EMULATE;
	for (n = 1; n < dvsec->nr; n++) {
		const struct cxl_rule *rule = rule_of(dvsec, n);

		results(dvsec, facts, n, &set, &clear);
		facts->alive[n] = rule->shadow | ((rule->write | rule->once) & ~facts->never[n]) |
				  set;
	}
	for (n = 1, any = 0; n < dvsec->nr; n++)
		any |= lockable(dvsec, facts, n);
	if (any && LOCK_RULE(d) < dvsec->nr)
		facts->lock = d->lock_mask & facts->alive[LOCK_RULE(d)];
}

#define FLAG(name) flags[__builtin_ctz(DESCRIBE_##name)]

static void find_flags(const struct describe_dvsec *dvsec, const struct facts *facts,
		       unsigned int n, uint32_t *flags)
{
	const struct cxl_policy_dvsec *d = &dvsec->table->dvsecs[dvsec->index];
	const struct cxl_rule *rule = rule_of(dvsec, n);
	const uint32_t there = ~facts->never[n], reset = reset_bits(dvsec, facts, n);
	const uint32_t known = known_bits(rule), shadow = in_shadow(dvsec, facts, n);
	uint32_t seen, gate, kept, set, clear, changes;

	FLAG(NEVER) = ~there;
	FLAG(LOCKS) = facts->lock && LOCK_RULE(d) == n ? facts->lock : 0;
	/* The kernel answers for the first dword; a condition may look at it none the less */
	seen = (n ? there : 0) | facts->caps[n] | FLAG(LOCKS);
	FLAG(HARDWARE) = rule->hw & seen;
	FLAG(SHADOW) = shadow & seen;
	FLAG(VALUE) = rule->value & (shadow | ~rule->hw) & seen;
	if (!n)
		return;
	FLAG(RESETS) = reset & seen;
	FLAG(LOCKED) = facts->lock ? lockable(dvsec, facts, n) : 0;
	if (is_broken(rule)) {
		FLAG(BROKEN) = ~0U;
		return;
	}

	FLAG(ONCE) = rule->once & there;
	FLAG(FORWARD) = rule->fwd & there;
	FLAG(CLEAR) = rule->fwd1 & there & ~(FLAG(FORWARD) & ~FLAG(LOCKED));
	FLAG(RESET) = facts->initiate[n];
	FLAG(EMULATE) = facts->emulate ? facts->initiate[n] : 0;
	FLAG(DROP) = rule->reset & ~there;

	gate = rule->wbi_gate & facts->alive[n] & there;
	/* One that is a gate of its own and forwarded anyway */
	FLAG(WBI) = rule->wbi & there &
		    ~(gate & rule->fwd & ~FLAG(LOCKED) & rule->write & ~rule->ack);
	FLAG(GATE) = FLAG(WBI) ? gate : 0;
	FLAG(UNDO) = rule->undo & (FLAG(FORWARD) | (gate ? FLAG(WBI) : 0));

	/* Where a change of the shadow has consequences */
	changes = shadow | (rule->ack & rule->hw) | rule->once | FLAG(GATE) | FLAG(LOCKS) |
		  (rule->write & FLAG(LOCKED));
	FLAG(WRITE) = rule->write & there & changes;
	FLAG(ACK) = rule->ack & there & (rule->hw | FLAG(WRITE));
	results(dvsec, facts, n, &set, &clear);
	changes &= there | (shadow & seen);
	FLAG(RESULT) = set & changes;
	FLAG(RESULT_CLEAR) = clear & changes & ~(facts->emulate ? FLAG(RESETS) & ~FLAG(LOCKED) : 0);

	FLAG(IGNORE) = (known & there) | (facts->ignored[n] & ~there & ~rule->reset);
	kept = (rule->hw | rule->shadow | rule->value) & there & ~known;
	FLAG(REFUSE_0) = kept & ~rule->w1;
	FLAG(REFUSE_1) = kept & rule->w1 & rule->zero;
	kept = cxl_engine_bytes(FLAG(FORWARD) | FLAG(CLEAR) | (gate ? FLAG(WBI) : 0));
	FLAG(KEPT) = kept & ~(rule->zero | rule->w1);
}

void describe_start(struct describe_dvsec *dvsec, const struct cxl_policy *table, uint16_t vendor,
		    uint16_t id, bool enforced)
{
	struct facts facts;
	unsigned int n;

	memset(dvsec, 0, sizeof(*dvsec));
	dvsec->table = table;
	dvsec->vendor = vendor;
	dvsec->id = id;
	dvsec->enforced = enforced;
	dvsec->index = cxl_engine_find(table, vendor, id);
	while (enforced && dvsec->nr < CXL_POLICY_MAX_RULES && rule_of(dvsec, dvsec->nr))
		dvsec->nr++;
	find_facts(dvsec, &facts);
	for (n = 0; n < dvsec->nr; n++)
		find_flags(dvsec, &facts, n, dvsec->flags[n]);
}

static void add_cap(struct describe *is, uint16_t rule, uint32_t mask, uint32_t reserved)
{
	unsigned int i, j;

	if (!mask && !reserved)
		return;
	for (i = 0; i < is->nr_caps && is->caps[i].rule < rule; i++)
		;
	if (i == is->nr_caps || is->caps[i].rule != rule) {
		for (j = is->nr_caps++; j > i; j--)
			is->caps[j] = is->caps[j - 1];
		is->caps[i] = (struct describe_cap){ .rule = rule };
	}
	is->caps[i].mask |= mask;
	is->caps[i].reserved |= reserved;
}

static bool are_reserved(const struct describe *is)
{
	unsigned int i;

	for (i = 0; i < is->nr_caps; i++)
		if (is->caps[i].mask & ~is->caps[i].reserved)
			return false;
	return true;
}

static void find_caps(const struct describe_dvsec *dvsec, unsigned int n, unsigned int bit,
		      struct describe *is)
{
	const uint32_t nothing = ~(DESCRIBE_IGNORE | DESCRIBE_KEPT);
	const struct cxl_rule *rule = rule_of(dvsec, n);
	bool never = is->flags & DESCRIBE_NEVER, reserved = false, lacking = false;
	unsigned int i;
	uint32_t mask;

	for (i = 0; i < nr_conds(rule); i++) {
		const struct cxl_cond *cond = &rule->conds[i];
		const struct cxl_rule *cap = rule_of(dvsec, cond->cap_rule);

		if (!cap || !(cond->bits >> bit & 1))
			continue;
		if (!is->depends.mask || (hidden(cap, cond) && !lacking)) {
			is->depends.rule = cond->cap_rule;
			is->depends.mask = cond->cap_mask;
		}
		lacking = lacking || hidden(cap, cond);
		if (hidden(cap, cond) && never)
			continue;
		mask = cond->cap_mask & ~shown(cap, cond, n, bit);
		if (!mask)
			continue;
		reserved |= cond->reserved;
		add_cap(is, cond->cap_rule, never ? 0 : mask,
			cond->reserved && !(rule->reset >> bit & 1) ? mask : 0);
	}
	if (never && is->flags & DESCRIBE_IGNORE)
		is->nr_caps = 0;
	/* There or not, it makes no difference */
	else if (!never && !(is->flags & nothing) &&
		 (is->flags & DESCRIBE_IGNORE ? are_reserved(is) : !reserved))
		is->nr_caps = 0;
}

void describe_bit(const struct describe_dvsec *dvsec, unsigned int rule, unsigned int bit,
		  struct describe *is)
{
	unsigned int i;

	memset(is, 0, sizeof(*is));
	/* The kernel answers for the first dword */
	if (!rule && !dvsec->nr) {
		is->flags = 0;
	} else if (!dvsec->enforced) {
		is->flags = DESCRIBE_FREE | DESCRIBE_HARDWARE | DESCRIBE_FORWARD | DESCRIBE_IGNORE;
	} else if (rule >= dvsec->nr && dvsec->table->flags & CXL_POLICY_RAW) {
		is->flags = DESCRIBE_HARDWARE | DESCRIBE_FORWARD | DESCRIBE_UNDO | DESCRIBE_KEPT |
			    DESCRIBE_IGNORE;
	} else if (rule >= dvsec->nr) {
		is->flags = DESCRIBE_HARDWARE | DESCRIBE_REFUSE_0;
	} else {
		for (i = 0; i < DESCRIBE_NR_FLAGS; i++)
			is->flags |= (dvsec->flags[rule][i] >> bit & 1) << i;
		if (rule && !(is->flags & DESCRIBE_BROKEN))
			find_caps(dvsec, rule, bit, is);
	}
}

static bool are_same(const struct describe *a, const struct describe *b, uint32_t ignore)
{
	unsigned int i;

	if (((a->flags ^ b->flags) & ~(ignore | DESCRIBE_NEVER)) || a->nr_caps != b->nr_caps)
		return false;
	for (i = 0; i < a->nr_caps; i++)
		if (a->caps[i].rule != b->caps[i].rule || a->caps[i].mask != b->caps[i].mask ||
		    a->caps[i].reserved != b->caps[i].reserved)
			return false;
	return true;
}

bool describe_same(const struct describe *a, const struct describe *b)
{
	return are_same(a, b, 0);
}

bool describe_alike(const struct describe *a, const struct describe *b)
{
	const uint32_t changes = DESCRIBE_HARDWARE | DESCRIBE_SHADOW;

	/* What is refused of a constant depends on its value */
	return are_same(a, b,
			(a->flags | b->flags) & changes
				? DESCRIBE_VALUE
				: DESCRIBE_VALUE | DESCRIBE_REFUSE_0 | DESCRIBE_REFUSE_1);
}

/*
 * Words
 */

enum describe_effect describe_effect(uint32_t flags)
{
	if (flags & DESCRIBE_BROKEN)
		return DESCRIBE_FAILS;
	if (flags & DESCRIBE_WBI)
		return DESCRIBE_WRITE_BACK;
	if (flags & DESCRIBE_RESET)
		return flags & DESCRIBE_EMULATE ? DESCRIBE_RESET_EMULATED : DESCRIBE_RESET_REJECTED;
	if (flags & DESCRIBE_DROP)
		return DESCRIBE_RESET_DROPPED;
	if (flags & DESCRIBE_ACK && flags & DESCRIBE_WRITE)
		return DESCRIBE_ACKNOWLEDGES;
	if (flags & DESCRIBE_CLEAR)
		return DESCRIBE_CLEARS;
	if (flags & DESCRIBE_ONCE)
		return DESCRIBE_SET_ONCE;
	if (flags & DESCRIBE_WRITE)
		return flags & DESCRIBE_FORWARD ? DESCRIBE_TO_BOTH : DESCRIBE_TO_SHADOW;
	if (flags & DESCRIBE_FORWARD)
		return DESCRIBE_TO_HARDWARE;
	return flags & DESCRIBE_IGNORE ? DESCRIBE_IGNORED : DESCRIBE_REFUSED;
}

static const struct {
	const char *name;
	const char *text;
} effects[DESCRIBE_NR_EFFECTS] = {
	[DESCRIBE_REFUSED] = { "refused", "refused" },
	[DESCRIBE_IGNORED] = { "ignored", "ignored" },
	[DESCRIBE_TO_SHADOW] = { "shadow", "shadow" },
	[DESCRIBE_SET_ONCE] = { "shadow-once", "shadow, 1 once" },
	[DESCRIBE_TO_BOTH] = { "shadow-and-hardware", "shadow and hardware" },
	[DESCRIBE_TO_HARDWARE] = { "hardware", "hardware" },
	[DESCRIBE_CLEARS] = { "clear-hardware", "1 clears the hardware" },
	[DESCRIBE_ACKNOWLEDGES] = { "acknowledge", "1 clears for the guest" },
	[DESCRIBE_WRITE_BACK] = { "write-back", "1 if Disable_Caching" },
	[DESCRIBE_RESET_REJECTED] = { "reset-rejected", "1 is rejected" },
	[DESCRIBE_RESET_EMULATED] = { "reset-emulated", "1 is emulated" },
	[DESCRIBE_RESET_DROPPED] = { "reset-dropped", "1 is dropped" },
	[DESCRIBE_FAILS] = { "fails", "fails" },
};

const char *describe_effect_name(enum describe_effect effect)
{
	return effects[effect].name;
}

const char *describe_effect_text(enum describe_effect effect)
{
	return effects[effect].text;
}

/*
 * Fields
 */

void describe_cut(struct describe_field *field, unsigned int first, unsigned int last)
{
	const uint32_t mask = CXL_DVSEC_BITS(last, first);

	field->value = field->value << __builtin_ctz(field->mask) & mask;
	field->value >>= first;
	field->whole = field->whole && field->mask == mask;
	field->mask = mask;
	field->lo = first - field->offset % 4 * 8;
	field->hi = last - field->offset % 4 * 8;
}

static bool is_field(const struct policy *source, unsigned int i, uint16_t vendor, uint16_t id,
		     struct describe_field *field)
{
	if (i < POLICY_NR_FIELDS) {
		const struct policy_field *known = &policy_fields[i];

		field->name = known->name;
		field->attribute = known->attribute;
		field->offset = policy_registers[known->reg].offset;
		field->hi = known->hi;
		field->lo = known->lo;
		if (vendor != CXL_DVSEC_VENDOR_ID || id != CXL_DVSEC_ID_DEVICE)
			return false;
	} else {
		const struct policy_described *known = &source->described[i - POLICY_NR_FIELDS];
		const struct policy_dvsec *dvsec = &source->dvsecs[known->dvsec];

		field->name = known->name;
		field->attribute = known->attribute;
		field->offset = known->offset;
		field->hi = known->hi;
		field->lo = known->lo;
		if (dvsec->vendor != vendor || dvsec->id != id)
			return false;
	}
	field->whole = true;
	field->rule = field->offset / 4;
	field->mask = CXL_DVSEC_BITS(field->hi, field->lo) << (field->offset % 4 * 8);
	return true;
}

bool describe_find_field(const struct policy *source, uint16_t vendor, uint16_t id,
			 unsigned int rule, unsigned int bit, struct describe_field *field)
{
	const bool known = vendor == CXL_DVSEC_VENDOR_ID && id == CXL_DVSEC_ID_DEVICE;
	unsigned int nr = POLICY_NR_FIELDS + (source ? source->nr_described : 0), i;

	memset(field, 0, sizeof(*field));
	for (i = known ? 0 : POLICY_NR_FIELDS; i < nr; i++)
		if (is_field(source, i, vendor, id, field) && field->rule == rule &&
		    (field->mask >> bit & 1))
			return true;
	memset(field, 0, sizeof(*field));
	field->attribute = -1;
	field->offset = rule * 4;
	field->hi = 31;
	field->rule = rule;
	field->mask = ~0U;
	return false;
}

const char *describe_cap_name(const struct policy *source, uint16_t vendor, uint16_t id,
			      const struct describe_cap *cap)
{
	uint32_t mask = cap->mask | cap->reserved;
	struct describe_field field;

	if (!mask ||
	    !describe_find_field(source, vendor, id, cap->rule, __builtin_ctz(mask), &field))
		return NULL;
	return field.name;
}

const char *describe_lock_name(const struct cxl_policy *table, const struct policy *source,
			       uint16_t vendor, uint16_t id)
{
	uint32_t i = cxl_engine_find(table, vendor, id);
	struct describe_cap lock = {};

	if (i == CXL_ENGINE_NO_RULES)
		return NULL;
	lock.rule = LOCK_RULE(&table->dvsecs[i]);
	lock.mask = table->dvsecs[i].lock_mask;
	return describe_cap_name(source, vendor, id, &lock);
}

bool describe_next(const struct describe_dvsec *dvsec, const struct policy *source,
		   unsigned int *at, struct describe_field *field)
{
	const unsigned int rule = *at / 32, first = *at % 32;
	struct describe_field other;
	struct describe is;
	unsigned int last;
	uint32_t value = 0;
	bool named;

	if (rule >= dvsec->nr)
		return false;
	named = describe_find_field(source, dvsec->vendor, dvsec->id, rule, first, field);
	describe_bit(dvsec, rule, first, &field->is);
	for (last = first;; last++) {
		describe_bit(dvsec, rule, last, &is);
		value |= is.flags & DESCRIBE_VALUE ? 1U << (last - first) : 0;
		if (last == 31)
			break;
		describe_bit(dvsec, rule, last + 1, &is);
		if (!(field->mask >> (last + 1) & 1) || !describe_alike(&field->is, &is))
			break;
		if (!named &&
		    describe_find_field(source, dvsec->vendor, dvsec->id, rule, last + 1, &other))
			break;
	}
	describe_cut(field, first, last);
	field->value = value;
	*at = rule * 32 + last + 1;
	return true;
}

bool describe_find_source(const struct cxl_policy *table, struct policy *source)
{
	char error[POLICY_ERROR_LEN];
	struct policy_image *image;
	bool found;

	image = malloc(sizeof(*image));
	found = image && !policy_is_file(table->name) && !policy_load(table->name, source, error) &&
		!policy_compile(source, image, error) &&
		!memcmp(&image->table, table, sizeof(*table));
	free(image);
	return found;
}
