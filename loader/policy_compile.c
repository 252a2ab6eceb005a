// SPDX-License-Identifier: GPL-2.0-only
/*
 * Policies as tables, which is how the BPF program takes them.
 */
#include <errno.h>
#include <string.h>

#include "cxl_policy_engine.h"
#include "policy_model.h"

_Static_assert(POLICY_NR_RULES <= CXL_ENGINE_RESET_DWORDS, "a CXL reset is of all dwords");

/* Dword that a register lies in */
#define RULE_OF(reg) (policy_registers[reg].offset / 4)

static bool is_sticky(unsigned int attribute)
{
	return attribute == CXL_DVSEC_ATTR_RWS || attribute == CXL_DVSEC_ATTR_RW1CS;
}

int policy_add_condition(struct cxl_rule *rule, const struct policy *policy, unsigned int id)
{
	const struct policy_any_field cap = policy_field_of(policy, policy->fields[id].when);
	bool reserved = policy_is_reserved(policy->fields[id].absent);
	struct cxl_cond *cond;
	unsigned int i;

	for (i = 0; i < rule->nr_conds; i++) {
		cond = &rule->conds[i];
		if (cond->cap_mask == cap.bits && cond->cap_rule == cap.rule &&
		    cond->reserved == reserved)
			break;
	}
	if (i == CXL_POLICY_MAX_CONDS)
		return -E2BIG;
	cond = &rule->conds[i];
	cond->bits |= policy_field_of(policy, id).bits;
	cond->cap_mask = cap.bits;
	cond->cap_rule = cap.rule;
	cond->reserved = reserved;
	if (i == rule->nr_conds)
		rule->nr_conds++;
	return 0;
}

/* Does the device take a 0 that is written for one? */
static bool keeps_value(unsigned int attribute)
{
	switch (attribute) {
	case CXL_DVSEC_ATTR_RW:
	case CXL_DVSEC_ATTR_RWL:
	case CXL_DVSEC_ATTR_RWO:
	case CXL_DVSEC_ATTR_RWS:
	case CXL_DVSEC_ATTR_RSVDP:
		return true;
	default:
		return false;
	}
}

/* A register that tells what happened */
static bool is_status_register(const struct policy *policy, const struct policy_any_field *field)
{
	unsigned int id;

	for (id = 0; policy_next_field(policy, field->dvsec, &id); id++) {
		const struct policy_any_field other = policy_field_of(policy, id);

		if (other.offset == field->offset &&
		    (other.attribute == CXL_DVSEC_ATTR_RSVDZ || policy_is_rw1c(other.attribute)))
			return true;
	}
	return false;
}

static int compile_field(struct cxl_rule *rule, const struct policy *policy, unsigned int id)
{
	const struct policy_field_model *model = &policy->fields[id];
	const struct policy_any_field field = policy_field_of(policy, id);
	uint32_t bits = field.bits;

	switch (model->read) {
	case POLICY_READ_HARDWARE:
		rule->hw |= bits;
		break;
	case POLICY_READ_SHADOW:
		rule->shadow |= bits;
		/* fall through */
	case POLICY_READ_VALUE:
		rule->value |= model->value << (field.offset % 4 * 8 + field.lo);
		break;
	}

	if (policy_is_reserved(model->attribute))
		rule->reserved |= bits;
	if (is_sticky(model->attribute))
		rule->sticky |= bits;
	if (policy_is_rw1c(model->attribute)) {
		if (model->write & POLICY_WRITE_SHADOW)
			rule->write |= bits;
		/* What was acknowledged stays so, even if no more can be */
		if (model->read == POLICY_READ_HARDWARE && !(model->write & POLICY_WRITE_HARDWARE))
			rule->ack |= bits;
		if (model->write & POLICY_WRITE_HARDWARE)
			rule->fwd1 |= bits;
	} else if (model->action == POLICY_ACTION_WBI) {
		rule->wbi |= bits;
		rule->wbi_gate |= policy_field_bits(CXL_DVSEC_FIELD_CONTROL2_DISABLE_CACHING);
		rule->undo |= bits;
	} else if (model->action == POLICY_ACTION_CXL_RESET) {
		rule->reset |= bits;
		rule->reset_complete |=
			policy_field_bits(CXL_DVSEC_FIELD_STATUS2_CXL_RESET_COMPLETE);
		rule->reset_error |= policy_field_bits(CXL_DVSEC_FIELD_STATUS2_CXL_RESET_ERROR);
	} else {
		if (model->write & POLICY_WRITE_SHADOW) {
			if (model->attribute == CXL_DVSEC_ATTR_RWO)
				rule->once |= bits;
			else
				rule->write |= bits;
			if (model->attribute == CXL_DVSEC_ATTR_RWL)
				rule->lock |= bits;
		}
		if (model->write & POLICY_WRITE_HARDWARE) {
			rule->fwd |= bits;
			rule->undo |= bits;
		}
	}

	if (model->when != POLICY_ALWAYS)
		return policy_add_condition(rule, policy, id);
	return 0;
}

/* What the device makes of writes, whatever the policy */
static void compile_side_effects(struct cxl_rule *rule, const struct policy *policy,
				 unsigned int id)
{
	const struct policy_any_field field = policy_field_of(policy, id);

	if (policy_is_rw1c(field.attribute) || policy_is_rw1c(policy->fields[id].attribute) ||
	    policy_action_of(id)) {
		rule->zero |= field.bits;
		rule->w1 |= field.bits;
	}
	if (field.attribute == CXL_DVSEC_ATTR_RSVDZ)
		rule->zero |= field.bits;
	if (is_status_register(policy, &field) && !keeps_value(field.attribute))
		rule->w1 |= field.bits;
}

static void compile_passthrough(struct cxl_rule *rules)
{
	unsigned int id, i;

	for (i = 0; i < POLICY_NR_RULES; i++) {
		rules[i].hw = ~0U;
		rules[i].fwd = ~0U;
	}
	for (id = 0; id < POLICY_NR_FIELDS; id++) {
		struct cxl_rule *rule = &rules[RULE_OF(policy_fields[id].reg)];

		if (policy_action_of(id))
			rule->zero |= policy_field_bits(id);
		switch (policy_fields[id].attribute) {
		case CXL_DVSEC_ATTR_RW:
		case CXL_DVSEC_ATTR_RWL:
		case CXL_DVSEC_ATTR_RWS:
		case CXL_DVSEC_ATTR_RWO:
			rule->undo |= policy_field_bits(id);
			break;
		case CXL_DVSEC_ATTR_RW1C:
		case CXL_DVSEC_ATTR_RW1CS:
		case CXL_DVSEC_ATTR_RSVDZ:
			/* Must not be written back as they are when others are undone */
			rule->zero |= policy_field_bits(id);
			break;
		}
	}
}

static void compile_read_only(struct cxl_rule *rule)
{
	rule->write = 0;
	rule->lock = 0;
	rule->once = 0;
	rule->fwd = 0;
	rule->fwd1 = 0;
	rule->undo = 0;
	rule->wbi = 0;
	rule->wbi_gate = 0;
	rule->reset = 0;
	rule->reset_complete = 0;
	rule->reset_error = 0;
}

/* The DVSECs of CXL are claimed by every policy */
static void compile_claims(const struct policy *policy, struct policy_image *image)
{
	unsigned int i;

	for (i = 0; i < policy->nr_dvsecs; i++) {
		struct vfio_pci_dvsec_id *claim = &image->claims[image->nr_claims];

		if (policy->dvsecs[i].vendor == CXL_DVSEC_VENDOR_ID)
			continue;
		claim->vendor = policy->dvsecs[i].vendor;
		claim->id = policy->dvsecs[i].id;
		image->nr_claims++;
	}
}

static struct cxl_policy_dvsec *add_dvsec(struct cxl_policy *table, uint16_t vendor, uint16_t id,
					  uint16_t nr_rules)
{
	struct cxl_policy_dvsec *dvsec = &table->dvsecs[table->nr_dvsecs++];

	dvsec->vendor = vendor;
	dvsec->id = id;
	dvsec->first_rule = table->nr_rules;
	dvsec->nr_rules = nr_rules;
	table->nr_rules += nr_rules;
	return dvsec;
}

static int compile_fields(const struct policy *policy, int dvsec, struct cxl_rule *rules,
			  unsigned int nr_rules, char *error)
{
	uint32_t described[CXL_POLICY_MAX_RULES] = {};
	unsigned int id, i;
	int err;

	for (id = 0; policy_next_field(policy, dvsec, &id); id++) {
		const struct policy_any_field field = policy_field_of(policy, id);

		described[field.rule] |= field.bits;
		err = compile_field(&rules[field.rule], policy, id);
		if (err)
			return policy_error(error, err,
					    "policy %s: %s: more than %u conditions in one dword",
					    policy->name, field.name, CXL_POLICY_MAX_CONDS);
		compile_side_effects(&rules[field.rule], policy, id);
	}
	for (i = 0; i < nr_rules; i++)
		rules[i].hw |= ~described[i];
	return 0;
}

int policy_compile(const struct policy *policy, struct policy_image *image, char *error)
{
	const unsigned int config_lock = CXL_DVSEC_FIELD_LOCK_CONFIG_LOCK;
	struct cxl_policy *table = &image->table;
	struct cxl_policy_dvsec *dvsec;
	unsigned int i, lock;
	int err;

	memset(image, 0, sizeof(*image));
	table->abi_version = CXL_POLICY_ABI_VERSION;
	memcpy(table->name, policy->name, sizeof(table->name));
	compile_claims(policy, image);

	dvsec = add_dvsec(table, CXL_DVSEC_VENDOR_ID, CXL_DVSEC_ID_DEVICE, POLICY_NR_RULES);
	dvsec->lock_rule = RULE_OF(CXL_DVSEC_REG_LOCK);
	dvsec->reset_action = policy->reset_action;
	if (policy->access == POLICY_ACCESS_PASSTHROUGH) {
		table->flags = CXL_POLICY_RAW | CXL_POLICY_RECORD;
		compile_passthrough(table->rules);
		return 0;
	}
	if (policy->fields[config_lock].read == POLICY_READ_SHADOW)
		dvsec->lock_mask = policy_field_bits(config_lock);
	err = compile_fields(policy, POLICY_DEVICE_DVSEC, table->rules, POLICY_NR_RULES, error);

	for (i = 0; i < policy->nr_dvsecs && !err; i++) {
		const struct policy_dvsec *named = &policy->dvsecs[i];

		if (!named->nr_rules)
			continue;
		dvsec = add_dvsec(table, named->vendor, named->id, named->nr_rules);
		/* Where there are several, nothing is RWL */
		if (policy_find_locks(policy, i, &lock) == 1) {
			dvsec->lock_rule = policy_field_of(policy, lock).rule;
			dvsec->lock_mask = policy_field_of(policy, lock).bits;
		}
		err = compile_fields(policy, i, &table->rules[dvsec->first_rule], named->nr_rules,
				     error);
	}
	if (err)
		return err;

	if (policy->access == POLICY_ACCESS_READ_ONLY)
		for (i = 0; i < table->nr_rules; i++)
			compile_read_only(&table->rules[i]);
	return 0;
}
