#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# How far Linux's own drivers get in a guest of a real VMM, by their own log.
# shellcheck source=tests/lib/host.sh
. "$(dirname -- "$0")/../lib/host.sh"

guest --memory 1536 --timeout 1200 "$@"
nothing_reached "without a policy, nothing of what the drivers do reaches the DVSECs of the device" 1
nothing_reached "under cxl-device nothing does" 2
nothing_reached "under type3-memory nothing does" 3
nothing_reached "under one with the base in the window nothing does" 4
nothing_reached "under no-cache, locked and read-only nothing does" 6
trace_is "under passthrough the driver sets Mem_Enable of the hardware" 5 <<'TRACE'
0d:00.0 @0x10c.w <- 0x6
TRACE
done_testing
