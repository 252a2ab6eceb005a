#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What the host hears of a user's writes.
# shellcheck source=tests/lib/host.sh
. "$(dirname -- "$0")/../lib/host.sh"

guest "$@"
done_testing
