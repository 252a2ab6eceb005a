#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Programs that fail or ask for what they may not have: the kernel holds.
# shellcheck source=tests/lib/host.sh
. "$(dirname -- "$0")/../lib/host.sh"

guest "$@"
nothing_reached "a failed opened lets nothing through" 1
nothing_reached "verdict 0 lets nothing through, plan or not" 2
nothing_reached "an unknown verdict lets nothing through" 3
nothing_reached "a program that never stops asking lets nothing through" 4
is "a plan wider than its access reaches the bytes of the access alone" \
	"$(dvsec_writes 5 | head -n 4)" '0d:00.0 @0x110.b <- 0xff
0d:00.0 @0x120.b <- 0xff
0d:00.0 @0x122.w <- 0xffff
0d:00.0 @0x124.l <- 0xffffffff'
is "putting it back touches the same bytes and no others" \
	"$(dvsec_writes 5 | tail -n +5 | sort)" '0d:00.0 @0x110.b <- 0x0
0d:00.0 @0x120.b <- 0x0
0d:00.0 @0x122.w <- 0x0
0d:00.0 @0x124.l <- 0x0'
trace_is "bits to keep outside of the written bytes are not written" 6 <<'END'
0d:00.0 @0x110.b <- 0x1
0d:00.0 @0x110.b <- 0x0
END
nothing_reached "the first dword never goes to a program that forwards all" 7
nothing_reached "refused writes to DVSECs of CXL reach nothing whatever else is claimed" 8
nothing_reached "a failed reset lets nothing through" 9
nothing_reached "a policy that an open device refused does not replace the old one" 10
done_testing
