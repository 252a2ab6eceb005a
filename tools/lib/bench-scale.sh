#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# In the machine, for tools/bench: many devices, accessed at once.
# bench-scale.sh KERNEL
set -eu
kernel=$1
devices=$(cd /sys/bus/pci/drivers/vfio-pci && echo *:*)

now() {
	sed -n 's/^now at \([0-9]*\) nsecs/\1/p' /proc/timer_list
}

row() {
	printf '{"kernel":"%s","case":"%s","variant":"bpf","metric":"%s","value":%s}\n' \
		"$kernel" "$@"
}

printf '{"kernel":"%s","case":"scale_1","variant":"bpf","metric":"cores","value":%s}\n' \
	"$kernel" "$(nproc)"
count=0
for bdf in $devices; do
	count=$((count + 1))
	before=$(now)
	cxl-policy attach "$bdf" >/dev/null
	took=$((($(now) - before) / 1000))
	case $count in
	1 | 16) row "scale_$count" attach_us "$took" ;;
	esac
done
row scale_1 bytes_per_device "$(bpftool -j map show name cxl_shadow |
	jq '[.. | objects | select(.name? == "cxl_shadow") | .bytes_value][0]')"

for count in 1 4 16; do
	# shellcheck disable=SC2046 # addresses
	/share/build/tests/bin/vfio_bench "$kernel" bpf scale 2 \
		$(echo "$devices" | cut -d ' ' -f "1-$count")
done
