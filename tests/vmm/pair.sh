#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Two guests of a real VMM at once, of which one misbehaves.
# shellcheck source=tests/lib/host.sh
. "$(dirname -- "$0")/../lib/host.sh"

guest --devices 2 --memory 1536 --timeout 1200 "$@"
nothing_reached "of two guests nothing reaches the hardware but what their policies forward" 1
is "of random writes to all DVSECs, bits 1:0 of CONTROL2 alone reach the one device" \
	"$(dvsec_writes 2 | sort -u | grep -v -x '0d:00.0 @0x110\.b <- 0x[0-3]')" ""
check "and some did" [ "$(dvsec_writes 2 | grep -c '0d:00.0 @0x110\.b <- 0x1')" -gt 0 ]
done_testing
