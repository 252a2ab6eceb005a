#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A guest of a real VMM while policies are swapped, and over its ends.
# shellcheck source=tests/lib/host.sh
. "$(dirname -- "$0")/../lib/host.sh"

guest --memory 1536 --timeout 1200 "$@"
nothing_reached "of the guest's boot, of lspci and of setpci nothing reaches the DVSECs of the device" 1
nothing_reached "nothing gets through while policies are swapped under a guest" 2
nothing_reached "nothing does while the guest reboots" 3
trace_is "of the guest whose VMM was killed, Disable_Caching got through and was put back" 4 <<'TRACE'
0d:00.0 @0x110.b <- 0x1
0d:00.0 @0x110.b <- 0x0
TRACE
done_testing
