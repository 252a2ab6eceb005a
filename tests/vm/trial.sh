#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A policy on trial beside the one in force, and streams recorded and replayed.
# shellcheck source=tests/lib/host.sh
. "$(dirname -- "$0")/../lib/host.sh"

guest "$@"
trace_is "of a trial, what reaches the device is what the policy in force forwards" 1 <<'END'
0d:00.0 @0x110.b <- 0x1
0d:00.0 @0x110.b <- 0x0
END
nothing_reached "passthrough on trial lets nothing through" 2
done_testing
