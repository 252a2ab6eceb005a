#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The verifier's work on the BPF programs stays far below what it gives up at.
# shellcheck source=tests/lib/host.sh
. "$(dirname -- "$0")/../lib/host.sh"

guest "$@"
done_testing
