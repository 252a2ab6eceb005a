#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A device that its user lets sleep is woken by what it takes part in, and by no read
# that the policy answers by itself.
# shellcheck source=tests/lib/host.sh
. "$(dirname -- "$0")/../lib/host.sh"

guest "$@"
trace_is "a forwarded write reaches a sleeping device, and is put back at its close" 1 <<'TRACE'
0d:00.0 @0x110.b <- 0x1
0d:00.0 @0x110.b <- 0x0
TRACE
done_testing
