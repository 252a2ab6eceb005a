#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Mistakes that emulations of this DVSEC have made, and that only the whole path
# can make; the others are in test_pitfalls.c.
# shellcheck source=tests/lib/host.sh
. "$(dirname -- "$0")/../lib/host.sh"

raw=$top/build/tests/logs/vm-$name.raw
guest --hw-trace-raw "$raw" "$@"
nothing_reached "pitfall 10: nothing reaches the adjacent DVSECs" 10
nothing_reached "pitfall 11: every DVSEC of CXL is closed, not the one of the device alone" 11
nothing_reached "pitfall 13: races for the shadow reach nothing" 13

# From the port's secondary bus reset to its end
is "pitfall 13: no write reaches a device that is being reset" "$(awk '
	$1 != "pci_cfg_write" { next }
	$2 == "cxl-rp" && $4 == "@0x3e" { reset = $6 == "0x42"; resets += reset; next }
	$2 == "cxl-type3" && $4 ~ /^@0x11/ { writes++; during += reset }
	END { print (resets >= 25) " " (writes > 500) " " during + 0 }' "$raw")" "1 1 0"
rm -f "$raw"
done_testing
