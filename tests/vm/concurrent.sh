#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Many invocations of the loader at once, and one that holds the lock.
# shellcheck source=tests/lib/host.sh
. "$(dirname -- "$0")/../lib/host.sh"

guest --devices 2 "$@"
nothing_reached "invocations that run into each other let nothing through" 1
done_testing
