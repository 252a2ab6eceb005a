# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# For tests/vm/*.sh and tests/vmm/*.sh: boot a machine, run the part of the test that is
# in the folder guest there, and judge what reached the device by QEMU's trace.

set -euo pipefail

top=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd -P)
# shellcheck source=tests/lib/tap.sh
. "$top/tests/lib/tap.sh"
name=$(basename -- "$0" .sh)
folder=$(basename -- "$(dirname -- "$0")")
trace=$top/build/tests/logs/$folder-$name.trace
mkdir -p "${trace%/*}"
: >"$trace"

# guest [OPTION OF tools/vm]...: run the part of this test in a machine
guest() {
	local line plan='' status errors
	local -i count=0
	status=$(mktemp)
	errors=$(mktemp)
	while IFS= read -r line; do
		case $line in
		'ok '* | 'not ok '*)
			count+=1
			tap_count=$((tap_count + 1))
			;;
		1..*)
			plan=${line#1..}
			continue
			;;
		'#'*) ;;
		*) line="# $line" ;;
		esac
		printf '%s\n' "$line"
	done < <(
		code=0
		"$top/tools/vm" --share "$top" --hw-trace "$trace" "$@" -- \
			sh "/share/tests/$folder/guest/$name.sh" 2>"$errors" || code=$?
		printf '%d\n' "$code" >"$status"
	)
	cat "$errors" >&2
	# A race of QEMU's software emulation that strikes once in many runs
	if grep -q 'QEMU says: .*iotlb_to_section: Assertion' "$errors"; then
		note "QEMU failed an assertion of its own: $(grep 'QEMU says' "$errors")"
		rm -f "$status" "$errors"
		exit 75
	fi
	is "the machine ran to its end without a complaint of the kernel" \
		"status $(cat "$status"), $count tests" "status 0, ${plan:-?} tests"
	rm -f "$status" "$errors"
}

# vfio-pci is part of the kernel that the machine runs
built_in() {
	grep -qx CONFIG_VFIO_PCI=y "$top/build/kernel/${CXL_POLICY_VM_KERNEL:-debian}/config"
}

# Writes to the device's DVSECs between "vm-mark N" and the next mark
dvsec_writes() {
	awk -v want="$1" '
	/^# mark / { section = $3; seen = seen || section == want; next }
	section == want && $2 ~ /^@0x1[0-8][0-9a-f]\./ { print }
	END { if (!seen) print "there is no mark " want }' "$trace"
}

# trace_is NAME N: the writes after mark N are the lines on standard input
trace_is() {
	is "$1" "$(dvsec_writes "$2")" "$(cat)"
}

nothing_reached() {
	trace_is "$1" "$2" </dev/null
}
