#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DVSECs other than the CXL device's, which a policy describes. The mock device's
# record tells what reached it.
# shellcheck source=tests/lib/host.sh
. "$(dirname -- "$0")/../lib/host.sh"

guest --devices 0 --noiommu "$@"
done_testing
