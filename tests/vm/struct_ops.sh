#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The struct_ops type at the system call: what the kernel takes, and what it refuses.
# shellcheck source=tests/lib/host.sh
. "$(dirname -- "$0")/../lib/host.sh"

guest --devices 2 "$@"
nothing_reached "nothing of it reaches a device" 1
done_testing
