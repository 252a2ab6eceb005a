#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The shipped policies no-cache, locked and type3-memory on QEMU's type-3 device, and
# on a mock device of type 2. QEMU's trace and the mock's record tell what reached them.
# shellcheck source=tests/lib/host.sh
. "$(dirname -- "$0")/../lib/host.sh"

guest --noiommu "$@"
nothing_reached "no-cache: nothing reaches the device, whatever is written" 1
trace_is "locked: CONTROL2 reaches the device as under cxl-device" 2 <<'END'
0d:00.0 @0x110.b <- 0x3
0d:00.0 @0x110.b <- 0x0
END
nothing_reached "locked: nothing else does, by no reset either" 3
trace_is "type3-memory: CONTROL2 reaches the device as under cxl-device" 4 <<'END'
0d:00.0 @0x110.b <- 0x3
0d:00.0 @0x110.b <- 0x0
END
nothing_reached "type3-memory: no base or enable reaches the device" 5
done_testing
