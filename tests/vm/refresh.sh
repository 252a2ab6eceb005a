#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What another version of cxl-policy put in force is taken over, or left as it is.
# shellcheck source=tests/lib/host.sh
. "$(dirname -- "$0")/../lib/host.sh"

guest --devices 2 "$@"
nothing_reached "nothing reaches a device while its program is changed" 1
done_testing
