#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A device that is away answers all ones. It must not come back without its
# policy, nor with capabilities that it doesn't have.
# shellcheck source=tests/lib/host.sh
. "$(dirname -- "$0")/../lib/host.sh"

guest "$@"
nothing_reached "a device that was away at open is no way around the policy" 1
nothing_reached "all ones are not taken for the capabilities of the device" 2
trace_is "what couldn't be put back at close is put back once, at the next opening" 3 <<'END'
0d:00.0 @0x110.b <- 0x1
0d:00.0 @0x110.b <- 0x0
END
done_testing
