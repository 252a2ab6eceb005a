#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Devices get the policies that a folder assigns to them, and keep them.
# shellcheck source=tests/lib/host.sh
. "$(dirname -- "$0")/../lib/host.sh"

guest --devices 3 "$@"
nothing_reached "nothing reaches a device under policies that are applied" 1
done_testing
