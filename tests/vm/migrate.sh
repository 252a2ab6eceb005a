#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The state of a guest saved, and restored to this device and to another one.
# shellcheck source=tests/lib/host.sh
. "$(dirname -- "$0")/../lib/host.sh"

guest --devices 2 --timeout 600 "$@"
trace_is "a guest's Disable_Caching reaches the device, and is put back at the close" 1 <<'END'
0d:00.0 @0x110.b <- 0x1
0d:00.0 @0x110.b <- 0x0
END
nothing_reached "restoring a state in which Disable_Caching is set writes nothing" 2
trace_is "under a hostile state a write-back is dropped, Disable_Caching=0 alone goes through" 3 <<'END'
0d:00.0 @0x110.b <- 0x0
END
trace_is "after a restore the guest's own write reaches the device" 4 <<'END'
0e:00.0 @0x110.b <- 0x1
0e:00.0 @0x110.b <- 0x0
END
nothing_reached "the rest reaches nothing" 5
done_testing
