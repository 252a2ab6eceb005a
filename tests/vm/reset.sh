#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What each kind of reset, re-opening and closing do to a user's state.
# shellcheck source=tests/lib/host.sh
. "$(dirname -- "$0")/../lib/host.sh"

guest "$@"
nothing_reached "locks, bases and resets reach nothing" 1
trace_is "what was forwarded is put back when the user closes the device" 2 <<'END'
0d:00.0 @0x110.b <- 0x1
0d:00.0 @0x110.b <- 0x0
END
trace_is "what was forwarded is put back when the user is killed" 3 <<'END'
0d:00.0 @0x110.b <- 0x3
0d:00.0 @0x110.b <- 0x0
END
trace_is "the host's neighbouring bits survive forwarding and putting back" 4 <<'END'
0d:00.0 @0x110.b <- 0x9
0d:00.0 @0x110.b <- 0x8
0d:00.0 @0x110.b <- 0x8
0d:00.0 @0x110.b <- 0x9
0d:00.0 @0x110.b <- 0x0
END
trace_is "what was forwarded is put back though the policy went before" 5 <<'END'
0d:00.0 @0x110.b <- 0x1
0d:00.0 @0x110.b <- 0x0
END
trace_is "a write that changed nothing is not put back" 6 <<'END'
0d:00.0 @0x110.b <- 0x0
END
trace_is "putting back never initiates a write-back" 7 <<'END'
0d:00.0 @0x110.b <- 0x2
0d:00.0 @0x110.b <- 0x3
0d:00.0 @0x110.b <- 0x0
END
done_testing
