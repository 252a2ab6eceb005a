#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Policies swapped under a user that reads and writes all the time.
# shellcheck source=tests/lib/host.sh
. "$(dirname -- "$0")/../lib/host.sh"

guest "$@"
nothing_reached "no access falls between two policies" 1
nothing_reached "no access falls between two policies that the loader swaps" 2
done_testing
