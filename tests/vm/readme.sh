#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The sessions in the README are what the tool really prints.
# shellcheck source=tests/lib/host.sh
. "$(dirname -- "$0")/../lib/host.sh"

guest "$@"
done_testing
