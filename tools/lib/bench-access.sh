#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# In the machine, for tools/bench: the cost of accesses, with each variant of vfio-pci.
# bench-access.sh KERNEL instructions|ns VARIANT...
set -eu
kernel=$1 metric=$2
shift 2
bdf=0000:0d:00.0

for variant; do
	case $variant in
	empty | bpf) vm-modules patched ;;
	native) vm-modules native bench=1 ;;
	*) vm-modules "$variant" ;;
	esac
	[ "$variant" != bpf ] || cxl-policy attach "$bdf" >/dev/null
	/share/build/tests/bin/vfio_bench "$kernel" "$variant" "$metric" "$bdf"
	[ "$variant" != bpf ] || cxl-policy detach "$bdf" >/dev/null
done
