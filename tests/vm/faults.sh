#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Each allocation that the kernel makes fails in turn: nothing opens by that.
# shellcheck source=tests/lib/host.sh
. "$(dirname -- "$0")/../lib/host.sh"

if ! grep -qx CONFIG_FAILSLAB=y "$top/build/kernel/${CXL_POLICY_VM_KERNEL:-debian}/config"; then
	echo "1..0 # SKIP this kernel can't let allocations fail (CONFIG_FAILSLAB); make test-hardened"
	exit
fi
guest --timeout 600 "$@"
nothing_reached "no allocation that fails lets a write through" 1
done_testing
