/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What trial and replay tell of two policies.
 */
#ifndef LOADER_DIFFERENCE_H
#define LOADER_DIFFERENCE_H

#include "device.h"
#include "stream.h"

#define MAX_UNSEEN (2 * DEVICE_MAX_DVSECS)

/**
 * struct comparison - two policies on one device
 * @device: its name
 * @in_force: name of the policy in force
 * @candidate: name of the other one
 * @source: the candidate, for the names of its fields
 * @nr_swaps: how often another policy came in force
 * @nr_unseen: number of @unseen in use
 * @unseen: DVSECs that the candidate claims and the policy in force doesn't, so that
 *	nobody is asked about accesses to them
 */
struct comparison {
	const char *device;
	const char *in_force;
	const char *candidate;
	const struct policy *source;
	unsigned int nr_swaps;
	unsigned int nr_unseen;
	struct device_dvsec unseen[MAX_UNSEEN];
};

/**
 * difference_print - print an access on which the answers differ
 * @comparison: whose answers
 * @access: the access
 * @time: of it
 */
void difference_print(const struct comparison *comparison, const struct stream_access *access,
		      const char *time);

/**
 * difference_note - print something that isn't of one access
 * @comparison: of what
 * @note: a word for programs
 * @text: for people
 */
void difference_note(const struct comparison *comparison, const char *note, const char *text);

/**
 * difference_summary - print what it comes to
 * @comparison: of what
 * @stream: at its end
 */
void difference_summary(const struct comparison *comparison, const struct stream *stream);

/**
 * difference_result - what a verb that compares returns
 * @stream: at its end
 *
 * Return: 0, %EXIT_DIFFERENT, or a negative errno, with the error set.
 */
int difference_result(const struct stream *stream);

#endif /* LOADER_DIFFERENCE_H */
