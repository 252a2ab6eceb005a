#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Devices whose list of DVSECs is wrong, or meant to deceive.
# shellcheck source=tests/lib/host.sh
. "$(dirname -- "$0")/../lib/host.sh"

guest --devices 0 --noiommu "$@"
done_testing
