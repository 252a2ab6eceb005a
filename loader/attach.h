/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Changing the policy in force on one target. All of it is for whoever holds the lock
 * of pin_lock(), and has listed what is in force since.
 */
#ifndef LOADER_ATTACH_H
#define LOADER_ATTACH_H

#include "kern.h"
#include "policy.h"

/**
 * attach_policy - put a policy in force on a target that has none of its own
 * @target: what for
 * @image: the policy
 * @policies: those in force
 * @link_id: filled in: of the link that keeps it in force
 *
 * Return: 0 or a negative errno, with the error set and nothing changed.
 */
int attach_policy(const struct kern_target *target, const struct policy_image *image,
		  const struct kern_policies *policies, uint32_t *link_id);

/**
 * attach_swap - put a policy in force in the place of another
 * @target: what for
 * @image: the policy
 * @policies: those in force
 * @old: of them, that of the target
 * @link_id: filled in: of the link that keeps it in force
 *
 * Return: 0 or a negative errno, with the error set and nothing changed.
 */
int attach_swap(const struct kern_target *target, const struct policy_image *image,
		const struct kern_policies *policies, const struct kern_policy *old,
		uint32_t *link_id);

/**
 * attach_end - end the policy of a target
 * @target: what for
 * @old: that is in force
 * @after: filled in: those that are left, to be freed by kern_free()
 *
 * Return: 0 or a negative errno, with the error set.
 */
int attach_end(const struct kern_target *target, const struct kern_policy *old,
	       struct kern_policies *after);

#endif /* LOADER_ATTACH_H */
