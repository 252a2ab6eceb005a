#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The unit that writes the metrics, and the alerts on them.
set -euo pipefail
top=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)
# shellcheck source=tests/lib/tap.sh
. "$top/tests/lib/tap.sh"
PATH=$PATH:/usr/sbin:/sbin
rules=$top/loader/prometheus/cxl-policy.rules.yml
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

mkdir -p "$tmp"/{sbin,units,metrics}
for file in "$top"/loader/systemd/cxl-policy-metrics.*; do
	name=${file##*/}
	sed "s|@sbindir@|$tmp/sbin|" "$file" >"$tmp/units/${name%.in}"
done
printf '#!/bin/sh\necho "$@ $(ls)"\nexit $(cat %q)\n' "$tmp/status" >"$tmp/sbin/cxl-policy"
chmod +x "$tmp/sbin/cxl-policy"

# The command of the service, as systemd reads it: continued lines are one, $$ is $
service() {
	local command
	command=$(sed -n '/^ExecStart=/,/[^\\]$/p' "$tmp/units/cxl-policy-metrics.service" |
		sed 's/\\$//; s/^ExecStart=//; s/\$\$/$/g' | tr -d '\n')
	CXL_POLICY_TEXTFILE_DIR=$1 eval "$command"
}

if command -v systemd-analyze >/dev/null; then
	check "systemd takes the service and the timer" systemd-analyze verify --man=no \
		"$tmp/units/cxl-policy-metrics.service" "$tmp/units/cxl-policy-metrics.timer"
else
	skip "systemd takes the service and the timer" "there is no systemd-analyze"
fi
is "the timer isn't enabled by the service" "$(grep -c WantedBy "$tmp"/units/*.service || :)" 0
echo 0 >"$tmp/status"
check "the service writes the metrics" service "$tmp/metrics"
is "into another file, which then takes its name" "$(cat "$tmp/metrics/cxl-policy.prom") $(ls -A "$tmp/metrics")" \
	"stats --prometheus  cxl-policy.prom"
is "which anybody may read" "$(stat -c %a "$tmp/metrics/cxl-policy.prom")" 644
echo old >"$tmp/metrics/cxl-policy.prom"
echo 3 >"$tmp/status"
fails "where that fails, so does the service" 3 "*" service "$tmp/metrics"
is "and the old metrics stay" "$(cat "$tmp/metrics/cxl-policy.prom")" old
fails "no folder is no success" "[1-9]" "*" service "$tmp/nowhere"

if command -v promtool >/dev/null; then
	check "the alerts are valid" promtool check rules "$rules"
	check "the alerts fire on what they are for, and not without" \
		promtool test rules "$top/tests/prometheus/cxl-policy.test.yml"
else
	skip "the alerts are valid" "promtool is not installed"
	skip "the alerts fire on what they are for, and not without" "promtool is not installed"
fi
is "each alert has a test" "$(diff <(sed -n 's/.* alert: //p' "$rules" | sort) \
	<(grep -o 'alertname: [A-Za-z]*' "$top/tests/prometheus/cxl-policy.test.yml" | cut -c 12- |
		sort | uniq -d))" ""
done_testing
