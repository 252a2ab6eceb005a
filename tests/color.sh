#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Colours are for a terminal that shows them, and for nothing else. On this machine, by
# the doctor, whatever it finds here.
set -euo pipefail

top=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)
# shellcheck source=tests/lib/tap.sh
. "$top/tests/lib/tap.sh"
program=$top/build/bin/cxl-policy

# escapes: whether there are escape sequences on standard input
escapes() {
	if grep -q $'\033'; then
		echo some
	else
		echo none
	fi
}

# on_terminal ENVIRONMENT COMMAND: its output where standard output is a terminal
on_terminal() {
	env -u NO_COLOR TERM=xterm script -q -c "env $1 $program $2" /dev/null </dev/null
}

if ! command -v script >/dev/null; then
	echo "1..0 # SKIP there is no script(1) to make a terminal with"
	exit
fi
is "the doctor says something" "$("$program" doctor | grep -c -E '^(ok|warn|fail|unknown) ')" \
	"$("$program" doctor | wc -l)"
is "on a terminal a status has a colour" "$(on_terminal '' doctor | escapes)" some
is "each colour ends" "$(on_terminal '' doctor | grep -c $'\033.*\033\\[0m')" \
	"$(on_terminal '' doctor | wc -l)"
is "an empty NO_COLOR counts for nothing" "$(on_terminal NO_COLOR= doctor | escapes)" some
is "NO_COLOR takes colours away" "$(on_terminal NO_COLOR=1 doctor | escapes)" none
is "a dumb terminal gets no colours" "$(on_terminal TERM=dumb doctor | escapes)" none
is "a terminal of no name gets no colours" "$(on_terminal '-u TERM' doctor | escapes)" none
is "JSON has no colours" "$(on_terminal '' 'doctor --json' | escapes)" none
is "a file gets no colours" "$(env -u NO_COLOR TERM=xterm "$program" doctor | escapes)" none
done_testing
