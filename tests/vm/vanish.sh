#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The loader while other devices are removed from the bus and come back.
# shellcheck source=tests/lib/host.sh
. "$(dirname -- "$0")/../lib/host.sh"

guest --devices 2 --timeout 600 "$@"
done_testing
