#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The state of DVSECs of other vendors restored, and devices that change meanwhile.
# shellcheck source=tests/lib/host.sh
. "$(dirname -- "$0")/../lib/host.sh"

guest --devices 0 --noiommu "$@"
done_testing
