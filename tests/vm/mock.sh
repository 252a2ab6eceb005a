#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What a device that isn't QEMU's makes of a policy: other capabilities, a lock, RW1C
# bits and resets that do something. The device's own record tells what reached it.
# shellcheck source=tests/lib/host.sh
. "$(dirname -- "$0")/../lib/host.sh"

guest --devices 0 --noiommu "$@"
done_testing
