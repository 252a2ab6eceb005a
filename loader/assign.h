/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which device gets which policy: as it is written, and what has to be done for it.
 * Needs neither libbpf nor a kernel.
 */
#ifndef LOADER_ASSIGN_H
#define LOADER_ASSIGN_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "device.h"
#include "policy.h"

/* Instead of the name of a policy: the device has none of its own */
#define ASSIGN_NONE "none"

#define ASSIGN_FILE_LEN (sizeof("devices.d/") + NAME_MAX)

/* What an assignment is for, in order of precedence */
enum assign_kind {
	ASSIGN_ADDRESS,
	ASSIGN_ID,
	ASSIGN_CLASS_PROG_IF,
	ASSIGN_CLASS,
};

/**
 * struct assign_match - what an assignment is for
 * @kind: an &enum assign_kind
 * @address: with %ASSIGN_ADDRESS
 * @vendor: Vendor ID, with %ASSIGN_ID
 * @device_id: Device ID, with %ASSIGN_ID
 * @class: base class and sub-class, with %ASSIGN_CLASS_PROG_IF the programming
 *	interface behind them
 */
struct assign_match {
	unsigned int kind;
	struct device_address address;
	uint16_t vendor;
	uint16_t device_id;
	uint32_t class;
};

/**
 * struct assignment - an entry of an assignment file
 * @match: what it is for
 * @policy: name of the policy; empty for %ASSIGN_NONE
 * @file: that it is in, from the folder on
 * @line: where it begins
 */
struct assignment {
	struct assign_match match;
	char policy[CXL_POLICY_NAME_LEN];
	char file[ASSIGN_FILE_LEN];
	unsigned int line;
};

/**
 * struct assignments - all of them
 * @nr: number of @entries
 * @entries: no two are for the same
 */
struct assignments {
	unsigned int nr;
	struct assignment *entries;
};

/**
 * assign_parse - read a file of assignments
 * @text: YAML
 * @size: of @text in bytes
 * @origin: where @text is from, for messages
 * @file: as of &assignment.file
 * @all: those of the files before; one that is for the same gives way
 * @error: POLICY_ERROR_LEN bytes for the cause of a failure, with file and line
 *
 * Return: 0; -EINVAL if it isn't valid; -ENOMEM.
 */
int assign_parse(const char *text, size_t size, const char *origin, const char *file,
		 struct assignments *all, char *error);

/**
 * assign_free - free what assign_parse() read
 * @all: the assignments
 */
void assign_free(struct assignments *all);

/**
 * assign_match_text - what an assignment is for, as text
 * @match: what it is for
 * @text: filled in
 * @size: of @text
 *
 * Return: the key that it is written by.
 */
const char *assign_match_text(const struct assign_match *match, char *text, size_t size);

/**
 * struct assign_device - an address, and what is there
 * @address: of it
 * @cxl: a CXL device is there, so it may have a policy by what it is
 * @vendor: with @cxl, Vendor ID
 * @device_id: with @cxl, Device ID
 * @class: with @cxl, Class Code
 * @attached: a policy of its own is in force
 * @policy: with @attached, its name
 * @ours: with @attached, cxl-policy keeps it in force
 * @stale: with @attached, its program is of another build of cxl-policy
 * @image: with @attached, its tables; NULL if they aren't known
 */
struct assign_device {
	struct device_address address;
	bool cxl;
	uint16_t vendor;
	uint16_t device_id;
	uint32_t class;
	bool attached;
	const char *policy;
	bool ours;
	bool stale;
	const struct policy_image *image;
};

/**
 * assign_find - find the assignment of a device
 * @all: the assignments
 * @device: the device
 *
 * Return: the most specific that matches, or NULL.
 */
const struct assignment *assign_find(const struct assignments *all,
				     const struct assign_device *device);

/**
 * enum assign_step - what to do with a device
 * @ASSIGN_NOTHING: no policy is wanted, and none is there
 * @ASSIGN_LEAVE: no policy is wanted, but the one that is there isn't to be touched
 * @ASSIGN_KEEP: all is as it is assigned
 * @ASSIGN_ATTACH: put the policy in force
 * @ASSIGN_SWAP: put it in the place of another, of what it was before, or of what another
 *	build of cxl-policy made of it
 * @ASSIGN_DETACH: end the policy
 */
enum assign_step {
	ASSIGN_NOTHING,
	ASSIGN_LEAVE,
	ASSIGN_KEEP,
	ASSIGN_ATTACH,
	ASSIGN_SWAP,
	ASSIGN_DETACH,
};

/**
 * struct assign_action - what to do with a device, and why
 * @step: an &enum assign_step
 * @why: the assignment, or NULL
 * @image: of the policy to put in force, or NULL
 */
struct assign_action {
	unsigned int step;
	const struct assignment *why;
	const struct policy_image *image;
};

/**
 * assign_same - compare the policy that a device has with the one that it is to have
 * @device: the device
 * @action: what to do with it
 *
 * Return: whether they have the same name and content.
 */
bool assign_same(const struct assign_device *device, const struct assign_action *action);

/**
 * assign_plan - find out what has to be done
 * @all: the assignments
 * @images: all policies that they name
 * @nr_images: number of @images
 * @devices: the devices
 * @nr: number of @devices
 * @keep_others: what has no assignment keeps its policy
 * @actions: filled in, one for each device
 *
 * What has no assignment, but a policy that isn't of cxl-policy, is left alone.
 *
 * Return: how many devices have to be changed.
 */
unsigned int assign_plan(const struct assignments *all, const struct policy_image *const *images,
			 unsigned int nr_images, const struct assign_device *devices,
			 unsigned int nr, bool keep_others, struct assign_action *actions);

#endif /* LOADER_ASSIGN_H */
