/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Let the devices have the policies that a folder assigns to them.
 */
#ifndef LOADER_APPLY_H
#define LOADER_APPLY_H

#include <json-c/json.h>

#include "assign_dir.h"
#include "output.h"

/**
 * struct apply_folder - a folder that is valid
 * @dir: what is in it
 * @images: its policies, and those that it names
 * @nr_images: number of @images
 */
struct apply_folder {
	struct assign_dir dir;
	const struct policy_image **images;
	unsigned int nr_images;
};

/* What became of a device */
enum apply_result {
	APPLY_UNCHANGED,
	APPLY_CHANGED,
	APPLY_WOULD_CHANGE,
	APPLY_FAILED,
};

/**
 * struct apply_record - what was done with a device
 * @device: as it was before
 * @action: what was planned for it
 * @result: an &enum apply_result
 * @code: if it failed, the exit status for that
 * @cause: if it failed, why, else NULL
 */
struct apply_record {
	const struct assign_device *device;
	const struct assign_action *action;
	enum apply_result result;
	enum exit_code code;
	const char *cause;
};

/**
 * struct apply_options - what to do, and whom to tell
 * @dry_run: change nothing
 * @keep_others: what has no assignment keeps its policy
 * @only: of all devices this one, or NULL
 * @tell: called for each device that has an assignment or a policy
 * @arg: for @tell
 */
struct apply_options {
	bool dry_run;
	bool keep_others;
	const struct device_address *only;
	void (*tell)(void *arg, const struct apply_record *record);
	void *arg;
};

/**
 * apply_read - read a folder
 * @path: of it
 * @folder: filled in, to be given to apply_forget(), whatever is returned
 *
 * Return: 0; a negative errno, with the error set, also if it isn't valid.
 */
int apply_read(const char *path, struct apply_folder *folder);

/**
 * apply_forget - free what apply_read() read
 * @folder: the folder, or one that is all 0
 */
void apply_forget(struct apply_folder *folder);

/**
 * apply_run - let the devices have their policies
 * @folder: says which
 * @options: what to do
 *
 * Return: 0, also if it failed for some devices, which is told by @options; a negative
 * errno, with the error set, if it could not begin.
 */
int apply_run(const struct apply_folder *folder, const struct apply_options *options);

/**
 * apply_json - what was done, for programs
 * @record: what was done
 *
 * Return: an object.
 */
struct json_object *apply_json(const struct apply_record *record);

/**
 * apply_text - what was done, for people
 * @record: what was done
 * @text: filled in: a line without its end
 * @size: of @text
 *
 * Return: whether there is something to tell.
 */
bool apply_text(const struct apply_record *record, char *text, size_t size);

#endif /* LOADER_APPLY_H */
