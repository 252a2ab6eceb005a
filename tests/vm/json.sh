#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Every command tells the same in JSON, in the shape that the manual has.
# shellcheck source=tests/lib/host.sh
. "$(dirname -- "$0")/../lib/host.sh"

guest "$@"
done_testing
