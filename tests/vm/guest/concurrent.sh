# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck source=tests/lib/guest.sh
. /share/tests/lib/guest.sh

WORK=/tmp/work

# A change ends with 0, or with what it is told: what it wants isn't there (5), or
# taken already or held by another for too long (6).
#
# judge VERB STATUS: what is wrong with a run whose output is in $out and $err
judge() {
	case $1:$2 in
	list:0 | stats:0) ;;
	show:0 | show:5) ;;
	list:* | stats:* | show:*) echo "$1 ends with status $2: $(cat "$out" "$err")" ;;
	*:0 | *:5 | *:6) ;;
	*) echo "$1 ends with status $2: $(cat "$out" "$err")" ;;
	esac
	[ "$(wc -l <"$out")" -eq 1 ] || echo "$1 prints not one line: $(cat "$out")"
	case $1 in
	list) form='map(.device) == ["'$BDF'", "'$BDF2'", "default"] and
		all((.policy == null) or (.policy | IN("cxl-device", "read-only", "passthrough")))' ;;
	stats) form='map(.device) == ["'$BDF'", "'$BDF2'"] and all(.errors == 0)' ;;
	*) form='if has("error") then .status == '$2' and '$2' != 0 and (.hint | length) > 0
		else '$2' == 0 and .device != null end' ;;
	esac
	[ "$(jq -c "$form" "$out" 2>&1)" = true ] || echo "$1, status $2, prints: $(cat "$out")"
	if grep -qv '^cxl-policy: waiting for another cxl-policy$' "$err"; then
		echo "$1 complains: $(cat "$err")"
	fi
}

# worker NAME TURNS COMMAND[;COMMAND]...: run them in turn, note what is wrong
worker() {
	name=$1 turns=$2
	shift 2
	out=$WORK/$name.out err=$WORK/$name.err
	turn=0
	while [ $turn -lt "$turns" ]; do
		turn=$((turn + 1))
		for command; do
			status=0
			# shellcheck disable=SC2086 # words
			cxl-policy --json $command >"$out" 2>"$err" || status=$?
			judge "${command%% *}" $status >>"$WORK/$name.wrong"
			echo "${command%% *} $status" >>"$WORK/$name.done"
		done
	done
}

mkdir $WORK
vm-mark 1
pids=''
start() {
	worker "$@" &
	pids="$pids $!"
}
start a 3 "attach $BDF" "swap $BDF --policy read-only" "detach $BDF"
start b 3 "attach $BDF --policy read-only" "swap $BDF --policy cxl-device" "detach $BDF"
start c 3 "attach $BDF2" "detach $BDF2" "swap $BDF2 --policy read-only"
start d 3 "attach $BDF2 --policy read-only" "swap $BDF2 --policy cxl-device" "detach $BDF2"
start e 3 "default set" "swap default --policy read-only" "default clear"
start f 3 "default set --policy read-only" "default clear"
start g 8 list
start h 5 "show $BDF" stats
# shellcheck disable=SC2086 # words
wait $pids
is "each of many invocations at once ends with a status that it documents, and prints what it should" \
	"$(cat $WORK/*.wrong)" ""
note "$(cat $WORK/*.done | sort | uniq -c | xargs)"
# 5 workers of 3 commands, one of 2, each 3 times, and those that only look
is "no invocation was left out" "$(cat $WORK/*.done | wc -l)" $((5 * 3 * 3 + 2 * 3 + 8 + 2 * 5))
is "some of each change got through" \
	"$(cat $WORK/*.done | sort -u | grep -c -e '^attach 0' -e '^swap 0' -e '^detach 0' -e '^default 0')" 4

# consistent: what is wrong with links, pins and what the kernel tells
consistent() {
	[ "$(registered)" -eq "$(find "$PINS/links" -type f 2>/dev/null | wc -l)" ] ||
		echo "$(registered) links, pinned: $(below "$PINS/links")"
	cxl-policy list --json | jq -r '.[] | select(.problem != null or .owner == "other" or
		(.policy == null) != (.link_id == null) or
		(.device != "default" and (.state == "enforced") != (.policy != null))) | tojson'
}
is "links, pins and devices agree in the end" "$(consistent)" ""
for target in "$BDF" "$BDF2" default; do
	cxl-policy detach $target >/dev/null 2>&1 || :
done
is "all of it can be undone" "$(state | xargs) $(state_of "$BDF2" | xargs) $(registered) $(
	below "$PINS/links")" "none none 0 "
# statuses ARG...: exit statuses of four invocations at once
statuses() {
	for _ in 1 2 3 4; do
		{
			status=0
			cxl-policy "$@" >/dev/null 2>&1 || status=$?
			echo $status
		} &
	done | sort | xargs
}
is "one of several invocations that want the same thing gets it" "$(
	statuses attach "$BDF") $(state) $(registered)" "0 6 6 6 enforced cxl-device 1"
is "no program is left of those that did not get it" \
	"$(eventually 5 sh -c "bpftool prog show | grep -c ': struct_ops'")" 5
is "one of several invocations that take it away does" "$(
	statuses detach "$BDF") $(state | xargs) $(registered)" "0 5 5 5 none 0"

# ---- one that holds the lock ----

cxl-policy attach "$BDF" >/dev/null
cxl-policy default set --policy read-only >/dev/null
before=$(bpftool link show; below /sys/fs/bpf; state; state_of "$BDF2")
hold_lock $PINS >$WORK/holder &
holder=$!
is "somebody holds the lock" "$(eventually held cat $WORK/holder)" held
blocked() {
	name=$1
	shift
	{
		status=0
		cxl-policy --json "$@" >"$WORK/$name.out" 2>"$WORK/$name.err" || status=$?
		echo "$status $(jq -r '"\(.kind) \(.status): \(.error): \(.hint)"' "$WORK/$name.out") $(
			cat "$WORK/$name.err")" >"$WORK/$name.blocked"
	} &
	pids="$pids $!"
}
pids=''
blocked 1 attach "$BDF2"
blocked 2 swap "$BDF" --policy read-only
blocked 3 detach "$BDF"
blocked 4 default clear
blocked 5 swap default --policy cxl-device
is "list, stats and show don't wait for the lock" "$(cxl-policy list --json 2>&1 |
	jq -r '.[].policy' | xargs) $(cxl-policy stats --json 2>&1 | jq length) $(
	cxl-policy show "$BDF" --json 2>&1 | jq -r .policy)" \
	"cxl-device read-only read-only 2 cxl-device"
# shellcheck disable=SC2086 # words
wait $pids
is "whoever waits too long for another one ends with status 6 and says why" \
	"$(sort -u $WORK/*.blocked) ($(cat $WORK/*.blocked | wc -l))" \
	"6 busy 6: another cxl-policy is at work: try again when it is done cxl-policy: waiting for another cxl-policy (5)"
is "and has changed nothing" \
	"$(bpftool link show; below /sys/fs/bpf; state; state_of "$BDF2")" "$before"
cxl-policy detach "$BDF" >$WORK/waiting 2>&1 &
waiter=$!
sleep 1
kill $holder
wait $holder 2>/dev/null || :
wait $waiter || :
is "one that waits goes on when the other one ends" "$(grep -c 'waiting for another' $WORK/waiting) $(state)" \
	"1 enforced read-only"
done_testing
