#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What stats, doctor and list tell, next to what is so.
# shellcheck source=tests/lib/host.sh
. "$(dirname -- "$0")/../lib/host.sh"

guest --devices 2 --timeout 600 "$@"
done_testing
