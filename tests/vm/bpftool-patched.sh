#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# With kernel/bpftool/*.patch, bpftool's struct_ops commands know a module's types.
# shellcheck source=tests/lib/host.sh
. "$(dirname -- "$0")/../lib/host.sh"

if [ ! -x "$top/build/bin/bpftool-patched" ]; then
	echo "1..0 # SKIP build/bin/bpftool-patched is missing; run make bpftool"
	exit
fi
guest --devices 1 "$@"
done_testing
