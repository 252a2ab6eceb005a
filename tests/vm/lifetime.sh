#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# When policies come and go, and which device they are for.
# shellcheck source=tests/lib/host.sh
. "$(dirname -- "$0")/../lib/host.sh"

guest --devices 2 "$@"
trace_is "each device is under its own policy" 1 <<'END'
0e:00.0 @0x110.b <- 0x1
0e:00.0 @0x110.b <- 0x0
END
done_testing
