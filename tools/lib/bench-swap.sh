#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# In the machine, for tools/bench: what an access takes while the policy is swapped, and
# while the same is done to another device, which takes the processor as well.
# bench-swap.sh KERNEL
set -eu
kernel=$1
ours=0000:0d:00.0
other=0000:0e:00.0

cxl-policy attach "$ours" >/dev/null
cxl-policy attach "$other" >/dev/null

# Until the file is gone, so that no process is left with half of its work
swaps() {
	while [ -e /tmp/swapping ]; do
		cxl-policy swap "$1" --policy no-cache >/dev/null
		cxl-policy swap "$1" --policy cxl-device >/dev/null
		echo >>/tmp/swaps
	done
}

row() {
	printf '{"kernel":"%s","case":"swap","variant":"%s","metric":"%s","value":%s}\n' \
		"$kernel" "$@"
}

for name in without with; do
	: >/tmp/swaps
	: >/tmp/swapping
	case $name in
	with) swaps "$ours" & ;;
	without) swaps "$other" & ;;
	esac
	/share/build/tests/bin/vfio_bench "$kernel" "$name" latency 2 "$ours"
	rm /tmp/swapping
	wait
	row "$name" swaps "$((2 * $(wc -l </tmp/swaps)))"
done

# What accesses wait for: the new program is told of each register, with the device's lock
# held. Its calls are counted while a user has the device open.
echo 1 >/proc/sys/kernel/bpf_stats_enabled
/share/build/tests/bin/vfio_bench "$kernel" made_of latency 2 "$ours" >/dev/null &
sleep 0.5
cxl-policy swap "$ours" --policy no-cache >/dev/null
bpftool -j prog show name cxl_opened | jq -r '[.. | objects | select(.run_cnt?)] |
	max_by(.id) | "opened_calls \(.run_cnt)\nopened_ns \(.run_time_ns)"' >/tmp/made_of
wait
while read -r metric value; do
	row made_of "$metric" "$value"
done </tmp/made_of
