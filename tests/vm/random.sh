#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Random accesses under policies that are swapped meanwhile: what is read is judged
# by the oracle, and what reaches the device by QEMU's trace. RANDOM_SEED=N in the
# environment takes other accesses than ever.
# shellcheck source=tests/lib/host.sh
. "$(dirname -- "$0")/../lib/host.sh"

files=${trace%.trace}
rm -f "$files".{seed,fresh,host}*
printf '%d\n' "${RANDOM_SEED:-1}" >"$files.seed"

# bytes N: the writes after mark N, each cut into bytes, as vfio_random has them
bytes() {
	dvsec_writes "$1" | awk '
	function hex(text,   i, n) {
		for (i = 3; i <= length(text); i++)
			n = n * 16 + index("0123456789abcdef", substr(text, i, 1)) - 1
		return n
	}
	{
		split(substr($2, 2), at, ".")
		offset = hex(at[1])
		value = hex($4)
		for (left = at[2] == "b" ? 1 : at[2] == "w" ? 2 : 4; left; left--) {
			printf "%s @0x%x <- 0x%x\n", $1, offset++, value % 256
			value = int(value / 256)
		}
	}'
}

# judge RUN N: the trace after mark N against what the run expects
judge() {
	local accesses=0 hw_writes=0
	bytes "$2" >"$files.$1.bytes"
	is "$1: the bytes that reached the device are those that the oracle expects, in order" \
		"$(diff --speed-large-files "$files.$1" "$files.$1.bytes" 2>&1 | head -n 6)" ""
	is "$1: nothing reached the other DVSECs" \
		"$(dvsec_writes "$2" | grep -m 3 -E '@0x1(3[c-f]|[4-8])')" ""
	read -r _ accesses _ hw_writes <"$files.$1.count" || :
	is "$1: the kernel counted the writes that reached the device" "$hw_writes" \
		"$(dvsec_writes "$2" | wc -l)"
	check "$1: more than 1000 bytes reached the device" \
		[ "$(wc -l <"$files.$1.bytes")" -gt 1000 ]
	note "compared $accesses accesses"
}

guest "$@"
judge fresh 1
judge host 2
done_testing
