/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The file that a shadow is saved in: JSON, with the identity of the device that it
 * is of. Whoever wrote it isn't trusted.
 */
#ifndef LOADER_STATE_H
#define LOADER_STATE_H

#include <json-c/json.h>
#include <stddef.h>

#include "cxl_policy_abi.h"
#include "device.h"

#define STATE_FORMAT	"cxl-policy-shadow"
#define STATE_VERSION	1
#define STATE_MAX_SIZE	(256 * 1024)
#define STATE_ERROR_LEN 256

/**
 * struct state - the shadow of a device, to be taken elsewhere
 * @device: that it was saved of: address, identity, and of the DVSECs those that the
 *	policy is asked about, in @dvsecs and @others
 * @nr_dwords: number of @dwords in use
 * @dwords: those that hold bits of the user's, by position
 */
struct state {
	struct device device;
	unsigned int nr_dwords;
	struct cxl_restore_dword dwords[CXL_RESTORE_MAX_DWORDS];
};

/**
 * state_take - take what is to be saved from a shadow
 * @shadow: of the device
 * @state: filled in, but for &state.device, which says what DVSECs there are
 *
 * Return: 0, or -E2BIG if there are too many dwords.
 */
int state_take(const struct cxl_shadow *shadow, struct state *state);

/**
 * state_format - make JSON of it
 * @state: the state
 * @time: of the day
 *
 * Return: the object, to be freed.
 */
struct json_object *state_format(const struct state *state, const char *time);

/**
 * state_parse - read JSON
 * @text: what is in the file
 * @len: number of bytes
 * @state: filled in
 * @error: cause of a failure, with the place
 *
 * Return: 0, or -EINVAL if it isn't valid.
 */
int state_parse(const char *text, size_t len, struct state *state, char error[STATE_ERROR_LEN]);

/**
 * state_differs - compare a device with the one that was saved
 * @state: the state
 * @device: to take it over
 * @error: what differs
 *
 * Return: whether it is another one; where it is doesn't matter.
 */
bool state_differs(const struct state *state, const struct device *device,
		   char error[STATE_ERROR_LEN]);

/**
 * state_overlaps - find DVSECs that share registers
 * @state: the state
 * @error: which ones
 *
 * The kernel gives such a register to one of them, and the file may to another.
 *
 * Return: whether there are some.
 */
bool state_overlaps(const struct state *state, char error[STATE_ERROR_LEN]);

#endif /* LOADER_STATE_H */
