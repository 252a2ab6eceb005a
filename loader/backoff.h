/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * When to try again what fails, or doesn't last.
 */
#ifndef LOADER_BACKOFF_H
#define LOADER_BACKOFF_H

#include <stdbool.h>
#include <stdint.h>

#define BACKOFF_MIN_MS 1000
#define BACKOFF_MAX_MS 60000
/* What has lasted so long starts anew */
#define BACKOFF_CALM_MS 60000

/**
 * struct backoff - what became of the tries so far; all 0 before the first
 * @tried: there was one
 * @last: when the last one was due, in ms
 * @wait: how long it was waited for, in ms
 */
struct backoff {
	bool tried;
	int64_t last;
	int64_t wait;
};

/**
 * backoff_next - find out when to try again
 * @backoff: the tries so far
 * @now: in ms
 * @failed: the last try failed, just now; else it was of use until now
 *
 * Return: when, in ms: at once for what had lasted, later for what had not.
 */
int64_t backoff_next(struct backoff *backoff, int64_t now, bool failed);

#endif /* LOADER_BACKOFF_H */
