#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What the loader says to bad input and on hosts that lack something.
# shellcheck source=tests/lib/host.sh
. "$(dirname -- "$0")/../lib/host.sh"

guest --devices 2 "$@"
done_testing
