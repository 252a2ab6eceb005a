# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck source=tests/lib/guest.sh
. /share/tests/lib/guest.sh

WORK=/tmp/work
TURNS=10

mkdir $WORK

# come_and_go BDF: until $WORK/stop is there; the device is there in the end
come_and_go() {
	while ! [ -e $WORK/stop ]; do
		echo 1 >"/sys/bus/pci/devices/$1/remove"
		echo 1 >/sys/bus/pci/rescan
		vm-bind "$1"
		echo "$1" >>$WORK/rounds
	done
}

# What is known of a device that comes and goes is all of it
WHOLE='(.vendor != null and .dvsecs == $dvsecs and (.state == "none" or .policy != null))'

# judge VERB TARGET STATUS: what is wrong with a run whose output is in $out and $err
judge() {
	case $1:$2:$3 in
	list::0) form='map(select(.device == "'$BDF'" and .state == "enforced" and
			.policy == "read-only" and '$WHOLE')) | length == 1' ;;
	doctor::*) form='[.checks[] | select(.name == "device '$BDF'" and
			.status == "ok" and .found == "enforced, policy read-only")] | length == 1' ;;
	stats::0) form='map(select(.device == "'$BDF'" and .state == "enforced" and
			.policy == "read-only")) | length == 1' ;;
	show:"$BDF":0) form='.device == "'$BDF'" and .state == "enforced" and
			.policy == "read-only" and (.registers | length) == '"$REGISTERS" ;;
	stats:"$BDF":0) form='map(.device) == ["'$BDF'"] and .[0].state == "enforced"' ;;
	attach:"$BDF":0 | swap:"$BDF":0 | detach:"$BDF":0) form='.device == "'$BDF'"' ;;
	show:*:0) form='.device == "'$2'" and (.registers | length) == '"$REGISTERS" ;;
	show:*:5) form='.status == 5 and .error == "no device '$2'" and
			.hint == "'"'cxl-policy list' shows those there are"'"' ;;
	stats:*:0) form='map(.device) == ["'$2'"] and all(.reads != null and .state == "none")' ;;
	stats:*:5) form='.status == 5 and (.error == "no device '$2'" or
			.error == "'$2' isn'"'"'t bound to vfio-pci, so nothing is counted")' ;;
	stats:*:6) form='.error == "'$2' is being bound to vfio-pci, or unbound"' ;;
	*) form=false ;;
	esac
	[ "$(jq -c --argjson dvsecs "$DVSECS" "$form" "$out" 2>&1)" = true ] && ! [ -s "$err" ] &&
		case $1 in
		# Those that come and go are there or not, and none of them by half
		list) jq -e --argjson dvsecs "$DVSECS" "map(select(.device != \"default\")) |
			length >= 1 and all($WHOLE)" "$out" >/dev/null ;;
		stats) [ "$3" -ne 0 ] || jq -e 'all(.reads != null and .state != null)' "$out" >/dev/null ;;
		doctor) jq -e 'all(.checks[]; .status != "fail")' "$out" >/dev/null ;;
		esac || echo "$1 $2 ends with status $3: $(cat "$out" "$err")"
}

# worker NAME COMMAND[;COMMAND]...: run them in turn, note what is wrong
worker() {
	name=$1
	shift
	out=$WORK/$name.out err=$WORK/$name.err
	turn=0
	while [ $turn -lt $TURNS ]; do
		turn=$((turn + 1))
		for command; do
			status=0
			# shellcheck disable=SC2086 # words
			cxl-policy --json $command >"$out" 2>"$err" || status=$?
			case $command in
			*' '*) target=${command#* } target=${target%% *} ;;
			*) target='' ;;
			esac
			judge "${command%% *}" "$target" $status >>"$WORK/$name.wrong"
			echo "${command%% *} $status" >>"$WORK/$name.done"
		done
	done
}

# under_way COMMAND...: workers beside devices that come and go; what was wrong
under_way() {
	rm -f $WORK/*
	come_and_go "$BDF2" >$WORK/mover 2>&1 &
	mover=$!
	workers='' nr=0
	for command; do
		nr=$((nr + 1))
		(
			IFS=';'
			# shellcheck disable=SC2086 # split at the semicolons
			set -- $command
			unset IFS
			worker $nr "$@"
		) &
		workers="$workers $!"
	done
	# shellcheck disable=SC2086 # words
	wait $workers
	: >$WORK/stop
	wait $mover || :
	cat $WORK/mover $WORK/*.wrong
}

cxl-policy attach "$BDF" --policy read-only >/dev/null
DVSECS=$(cxl-policy list --json | jq -c ".[] | select(.device == \"$BDF\") | .dvsecs")
REGISTERS=$(cxl-policy show "$BDF" --json | jq '.registers | length')
is "there is something to be told of the device" \
	"$(echo "$DVSECS" | jq 'length > 0') $((REGISTERS > 0))" "true 1"

is "whoever looks at all devices is told of those that stay, while others come and go" \
	"$(under_way list stats doctor)" ""
note "$(cat $WORK/*.done | sort | uniq -c | xargs), $(cat $WORK/rounds | wc -l) removals"
is "no invocation was left out" "$(cat $WORK/*.done | wc -l)" $((3 * TURNS))

is "a device that stays is shown, and one that goes is shown or is not there" \
	"$(under_way "show $BDF;stats $BDF" "show $BDF2;stats $BDF2")" ""
note "$(cat $WORK/*.done | sort | uniq -c | xargs), $(cat $WORK/rounds | wc -l) removals"
check "the other one did come and go meanwhile" [ "$(cat $WORK/rounds | wc -l)" -gt 2 ]

# Each of these loads programs, which takes its time
TURNS=3
cxl-policy detach "$BDF" >/dev/null
is "the policy of a device that stays can be changed" \
	"$(under_way "attach $BDF;swap $BDF --policy no-cache;detach $BDF")" ""
note "$(cat $WORK/*.done | sort | uniq -c | xargs), $(cat $WORK/rounds | wc -l) removals"

is "all devices are there in the end" "$(cxl-policy list --json |
	jq -c --argjson dvsecs "$DVSECS" "map(select(.device != \"default\")) |
		[map(.device), all($WHOLE)]")" "[[\"$BDF\",\"$BDF2\"],true]"
done_testing
