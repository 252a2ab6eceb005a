#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What is assigned stays in force with nobody looking.
# shellcheck source=tests/lib/host.sh
. "$(dirname -- "$0")/../lib/host.sh"

guest --devices 3 --timeout 1200 "$@"
nothing_reached "nothing reaches a device that is watched" 1
done_testing
