#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What the benchmark measures are the right answers: a wrong one fails it.
# shellcheck source=tests/lib/host.sh
. "$(dirname -- "$0")/../lib/host.sh"

guest "$@"
done_testing
