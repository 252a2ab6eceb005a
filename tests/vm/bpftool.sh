#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The object registered by bpftool alone protects; the loader lives with that.
# shellcheck source=tests/lib/host.sh
. "$(dirname -- "$0")/../lib/host.sh"

guest --devices 2 "$@"
nothing_reached "the object alone keeps writes from the device" 1
nothing_reached "handing over between default, specific and swapped policies lets nothing through" 2
done_testing
