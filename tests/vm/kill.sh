#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The loader killed at many points of its work.
# shellcheck source=tests/lib/host.sh
. "$(dirname -- "$0")/../lib/host.sh"

guest "$@"
nothing_reached "a loader that dies lets nothing through" 1
done_testing
