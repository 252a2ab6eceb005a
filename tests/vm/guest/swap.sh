# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck source=tests/lib/guest.sh
. /share/tests/lib/guest.sh

LINK=$PINS/links/$(echo "$BDF" | tr . -)

# A user that works without end; its reads go to a file
work() {
	rm -f /tmp/work.*
	vfio-cfg "$BDF" dvsec+0xc.w=0x4a56 dvsec+0x14.w=1 touch=/tmp/work.ready loop=100000000 sleep=0.001 "$@" \
		>/tmp/work.out 2>/tmp/work.err &
	worker=$!
	eventually 1 sh -c 'ls /tmp/work.ready 2>/dev/null | wc -l' >/dev/null
}

# rested: the worker did not fail, and is stopped
rested() {
	if kill "$worker" 2>/dev/null && [ ! -s /tmp/work.err ]; then
		ok "$1"
	else
		not_ok "$1"
		note "$(cat /tmp/work.err)"
	fi
	wait "$worker" || :
}

# Judge the reads, so many in a turn; the last turn may be cut off
judge() {
	lines=$(($(wc -l </tmp/work.out) / $2 * $2))
	wrong=$(head -n "$lines" /tmp/work.out | awk -v turn="$2" "$3"' { print NR ": " $0 }' | head)
	[ "$lines" -gt 100 ] || wrong="only $lines reads"
	is "$1" "$wrong" ""
	note "$lines reads"
}

cxl-policy attach "$BDF" >/dev/null
check "the link is where the loader pins it" [ -e "$LINK" ]

# ---- 1000 swaps between a policy with a shadow and one that reads 2a ----

vm-mark 1
work dvsec+0xc.w dvsec+0xc.w=0x0 dvsec+0x14.w dvsec+0x20.l=0xffffffff dvsec+0x20.l 0x11c.l
swapped=$(struct_ops_load "$OBJS/rogue.bpf.o" "match=$BDF" read_verdict=1 write_verdict=1 \
	plan_result=0x2a2a2a2a "swap=$LINK,1000,5" "$POLICY" "match=$BDF" "cxl_shadow@$PINS/shadow" \
	"cxl_events@$PINS/events" 2>&1) || :
like "1000 swaps succeed under a busy user" "$swapped" '1000 updates in *'
note "$swapped"
rested "no access fails while policies are swapped 1000 times"
# shellcheck disable=SC2016 # awk's
judge "every read is a value that one of the two policies gives" 4 '
	NR % turn == 1 && ($0 == "4a56" || $0 == "2a2a") { seen[$0]++; next }
	NR % turn == 2 && ($0 == "0001" || $0 == "2a2a") { next }
	NR % turn == 3 && ($0 == "00000000" || $0 == "2a2a2a2a") { next }
	NR % turn == 0 && ($0 == "1000004b" || $0 == "2a2a2a2a") { next }
	{ wrong = 1 }'
is "both policies were seen at work" "$(sort -u /tmp/work.out | grep -c -e 4a56 -e 2a2a$)" 3
is "no program erred" "$(attr errors)" 0

# ---- the loader's own swaps ----

other_policy >/tmp/other.yaml
vm-mark 2
count=40
check "the loader takes the link over" cxl-policy swap "$BDF" --policy cxl-device
work dvsec+0x20.l=0x11111111 dvsec+0xc.w dvsec+0xc.w=0 dvsec+0x14.w dvsec+0xa.w \
	dvsec+0x8.l
i=0
failed=0
while [ $i -lt $count ]; do
	case $((i % 2)) in
	0) policy=/tmp/other.yaml want=other ;;
	1) policy=cxl-device want=cxl-device ;;
	esac
	cxl-policy swap "$BDF" --policy "$policy" >/tmp/swap.log 2>&1 || :
	if [ "$(state)" != "enforced $want" ]; then
		failed=$((failed + 1))
		note "$(cat /tmp/swap.log) $(state)"
	fi
	i=$((i + 1))
done
is "$count swaps by the loader succeed under a busy user" $failed 0
rested "no access fails while the loader swaps policies $count times"
# shellcheck disable=SC2016 # awk's
judge "lock and values survive every swap, and a capability is the one or the other" 4 '
	NR % turn == 1 && $0 == "4a56" { next }
	NR % turn == 2 && $0 == "0001" { next }
	NR % turn == 3 && ($0 == "001e" || $0 == "002e") { next }
	NR % turn == 0 && ($0 == "001e0000" || $0 == "002e0000") { next }'
is "both capabilities were seen" "$(sort -u /tmp/work.out | grep -c '^00[12]e$')" 2
is "one link is left, and one pin" "$(registered) $(below "$PINS/links")" "1 $LINK"
eventually 5 sh -c "bpftool prog show | grep -c ': struct_ops'" >/tmp/progs
is "the programs of the policies that went are freed" "$(cat /tmp/progs)" 5
is "no program erred in the loader's swaps" "$(attr errors)" 0
done_testing
