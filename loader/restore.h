/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Saved shadows that are there for the BPF program to apply.
 */
#ifndef LOADER_RESTORE_H
#define LOADER_RESTORE_H

#include "device.h"
#include "kern.h"

/**
 * restore_state - tell what becomes of a saved shadow
 * @policy: the policy that covers the device, or NULL
 * @device: the device
 *
 * Return: "pending" before the first access of the present or the next opening,
 * "applied" or "refused" in the opening that it was for, or NULL.
 */
const char *restore_state(const struct kern_policy *policy, const struct device *device);

/**
 * restore_forget - drop saved shadows when a policy has gone
 * @fd: map "cxl_restore" of that policy, or a negative number
 * @policies: those that are left
 * @target: what the policy was for
 *
 * They are those for @target, and for devices that no policy covers any more.
 */
void restore_forget(int fd, const struct kern_policies *policies, const struct kern_target *target);

#endif /* LOADER_RESTORE_H */
