# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck source=tests/lib/guest.sh
. /share/tests/lib/guest.sh

# The most that a program may cost with any policy, or with the one that is named:
# instructions processed, and states kept. It is half as much again as what it took
# when this was written, on 6.12 or 7.3, so that growth is noticed; any policy is
# meant by one that fills all tables, as the verifier follows each kind of DVSEC
# that a policy has. It gives up at 1,000,000 instructions.
limits() {
	cat <<'END'
cxl_policy.cxl_opened	17000	360
cxl_policy.cxl_opened.cxl-device	11500	140
cxl_policy.cxl_closed	210	14
cxl_policy.cxl_reset	430	24
cxl_policy.cxl_read	49000	1620
cxl_policy.cxl_read.cxl-device	11100	400
cxl_policy.cxl_write	140000	2880
cxl_policy.cxl_write.cxl-device	102000	2040
cxl_trace.trace_opened	390	29
cxl_trace.trace_closed	390	29
cxl_trace.trace_reset	400	30
cxl_trace.trace_read	410	30
cxl_trace.trace_write	420	30
cxl_trace.trace_hardware	160	11
END
}

# cost PROGRAM METRIC: the highest, and the policy that has it
cost() {
	awk -v program="$1" -v metric="$2" '
	index($1 ".", program ".") == 1 && $2 == metric && $3 + 0 > most {
		most = $3 + 0
		policy = substr($1, length(program) + 2)
	}
	END { print most + 0, policy }' /tmp/cost
}

# bounded NAME LIMIT COST [POLICY]
bounded() {
	if [ "$3" -gt 0 ] && [ "$3" -le "$2" ]; then
		ok "$1"
	else
		not_ok "$1"
		note "$3, limit $2${4:+, with the policy $4}"
	fi
}

check "every program with every policy passes the verifier" \
	sh -c 'verifier_cost "$(uname -r)" /usr/lib/cxl-policy >/tmp/rows'
jq -r '[.variant, .metric, .value] | @tsv' /tmp/rows >/tmp/cost
note "$(awk '$2 == "instructions" { printf "%s: %d instructions, ", $1, $3 }
	$2 == "states" { print $3 " states" }' /tmp/cost)"

limits >/tmp/limits
is "there is a limit for each program, and for no other" \
	"$(cut -f 1 /tmp/limits | cut -d . -f 1,2 | sort -u | xargs)" \
	"$(cut -f 1 /tmp/cost | cut -d . -f 1,2 | sort -u | xargs)"
while read -r program instructions states; do
	# shellcheck disable=SC2046 # number and policy
	bounded "$program: at most $instructions instructions processed" "$instructions" \
		$(cost "$program" instructions)
	# shellcheck disable=SC2046
	bounded "$program: at most $states states" "$states" $(cost "$program" states)
done </tmp/limits
done_testing
