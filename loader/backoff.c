// SPDX-License-Identifier: GPL-2.0-only
#include "backoff.h"

int64_t backoff_next(struct backoff *backoff, int64_t now, bool failed)
{
	if (!backoff->tried || now - backoff->last >= BACKOFF_CALM_MS)
		backoff->wait = failed ? BACKOFF_MIN_MS : 0;
	else if (!backoff->wait)
		backoff->wait = BACKOFF_MIN_MS;
	else if (backoff->wait < BACKOFF_MAX_MS / 2)
		backoff->wait *= 2;
	else
		backoff->wait = BACKOFF_MAX_MS;
	backoff->tried = true;
	backoff->last = now + backoff->wait;
	return backoff->last;
}
