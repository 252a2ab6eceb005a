#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What 'diff' tells of policies in force: against a file, of two devices, of a device
# that the default covers, of programs of others.
# shellcheck source=tests/lib/host.sh
. "$(dirname -- "$0")/../lib/host.sh"

guest --devices 2 "$@"
done_testing
