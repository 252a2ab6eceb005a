#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What a user sees and what reaches the device under each policy, and under none.
# shellcheck source=tests/lib/host.sh
. "$(dirname -- "$0")/../lib/host.sh"

guest "$@"
for section in 1 2 3 4 5 6; do
	trace_is "all ones everywhere: CONTROL2 bits 0 and 1 reach the device, as a byte ($section)" \
		$section <<'END'
0d:00.0 @0x110.b <- 0x3
0d:00.0 @0x110.b <- 0x0
END
done
nothing_reached "nothing reaches the other CXL DVSECs or the headers" 7
trace_is "the bits of CONTROL2 that a policy forwards, and no others" 8 <<'END'
0d:00.0 @0x110.b <- 0x0
0d:00.0 @0x110.b <- 0x1
0d:00.0 @0x110.b <- 0x3
0d:00.0 @0x110.b <- 0x1
0d:00.0 @0x110.b <- 0x0
END
nothing_reached "read-only lets nothing through" 9
is "passthrough lets writes through as they are" "$(dvsec_writes 10 | head -n 3)" \
	'0d:00.0 @0x10c.w <- 0x4a56
0d:00.0 @0x121.b <- 0x5a
0d:00.0 @0x124.l <- 0xa0000000'
nothing_reached "without a policy nothing gets through" 11
# The modules were loaded again in the machine for this; without modules it takes another
! built_in || guest --append vfio_pci_core.dvsec_raw=1 "$@"
trace_is "dvsec_raw=1 gives raw writes without a policy, and none with one" 12 <<'END'
0d:00.0 @0x10c.w <- 0x4a56
0d:00.0 @0x10d.b <- 0x0
0d:00.0 @0x14a.b <- 0xff
0d:00.0 @0x10c.w <- 0x2
END
done_testing
