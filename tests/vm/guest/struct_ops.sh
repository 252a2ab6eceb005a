# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck source=tests/lib/guest.sh
. /share/tests/lib/guest.sh

vm-mark 1
exec struct_ops_test "$BDF" "$BDF2"
