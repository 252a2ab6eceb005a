# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck source=tests/lib/guest.sh
. /share/tests/lib/guest.sh

ROGUE=$OBJS/rogue.bpf.o
LINK=/sys/fs/bpf/rogue
ATTACK='dvsec+0xc.w=0xffff dvsec+0x10.w=0xffff dvsec+0x10.b=0xff dvsec+0x14.l=0xffffffff
dvsec+0x20.l=0xffffffff dvsec+0x34.l=0xffffffff dvsec8+0xc.l=0xffffffff dvsec7+0xc.w=0xffff'

errors() {
	attr errors
}

# rogue SETTING...: in force until "away"
rogue() {
	load "$ROGUE" "$@" "pin=$LINK"
}

away() {
	rm "$LINK"
	tries=0
	while [ "$(registered)" -gt 0 ] && [ $tries -lt 100 ]; do
		sleep 0.05
		tries=$((tries + 1))
	done
}

vm-mark 1
check "a policy whose opened fails can be registered while the device is closed" \
	rogue opened_result=-5 read_verdict=1 write_verdict=1 plan_hw_write=-1 plan_hw_value=-1
before=$(errors)
# shellcheck disable=SC2086 # words
client user "$BDF" $ATTACK dvsec+0xc.w dvsec+0x1c.l @1 dvsec+0xc.w=0xffff
at user 1
is "a failed opened shows as error" "$(state)" "error rogue"
is "a failed opened counts as one error" "$(($(errors) - before))" 1
go user 1
is "reads after a failed opened are those of the hardware" "$(ended user)" "0002 1000004b"
away
is "the policy is gone with its link" "$(state | xargs)" none

vm-mark 2
rogue read_verdict=0 write_verdict=0 plan_hw_write=-1 plan_hw_value=-1 plan_result=-1 \
	plan_hw_mask=-1
is "the client finds no DVSEC by its zeroed header" "$(v dvsecs | grep -c 1e98)" 0
raw() {
	vfio-cfg "$BDF" 0x10c.w=0xffff 0x110.w=0xffff 0x110.b=0xff 0x114.l=0xffffffff \
		0x120.l=0xffffffff 0x148.l=0xffffffff "$@" 2>&1 | xargs
}
is "verdict 0 reads 0 at every width" "$(raw 0x10c.l 0x10c.w 0x11c.b 0x11c.l 0x148.l)" \
	"00000000 0000 00 00000000 00000000"
before=$(errors)
raw 0x10c.w >/dev/null
is "each access without a decision counts as an error" "$(($(errors) - before))" 7
is "a program's bad verdicts do not end its enforcement" "$(state)" "enforced rogue"
away

vm-mark 3
for verdict in 99 -1 4; do
	rogue read_verdict=$verdict write_verdict=$verdict plan_hw_write=-1 plan_hw_value=-1 \
		plan_result=-1 plan_hw_mask=-1
	before=$(errors)
	is "unknown verdict $verdict reads 0" "$(raw 0x11c.l 0x11c.b)" "00000000 00"
	is "unknown verdict $verdict counts as an error each time" "$(($(errors) - before))" 8
	away
done

vm-mark 4
rogue read_verdict=3 write_verdict=3 plan_hw_write=-1 plan_hw_value=-1 plan_result=-1 \
	plan_hw_mask=-1
before=$(errors)
is "asking for ever reads 0" "$(raw 0x11c.l 0x11c.b)" "00000000 00"
is "asking for ever counts as an error each time" "$(($(errors) - before))" 8
away

vm-mark 5
rogue read_verdict=1 write_verdict=1 plan_hw_write=-1 plan_hw_value=-1 plan_hw_undo=-1 \
	plan_result=0x44332211
is "a result wider than its access is cut" "$(v 0x110.b=0 0x120.b=0 0x122.w=0 0x124.l=0 \
	0x110.b 0x111.b 0x112.w 0x114.l)" "11 11 2211 44332211"
away

vm-mark 6
rogue read_verdict=1 write_verdict=1 plan_hw_write=1 plan_hw_value=-1 plan_hw_keep=-1 \
	plan_hw_undo=-1 plan_hw_mask=-1
v 0x110.w=0 >/dev/null
away

vm-mark 7
rogue read_verdict=1 write_verdict=1 plan_hw_write=-1 plan_hw_value=-1
is "the first dword is vfio's own whatever the program" \
	"$(v 0x100.l=0 0x100.l 0x102.b=0xff 0x102.w 0x13c.w=0xffff 0x13c.l)" \
	"13c10023 13c1 16010023"
away

vm-mark 8
rogue read_verdict=1 write_verdict=2 plan_result=0x5a5a5a5a claim=8086:1
is "a policy that claims further DVSECs keeps those of CXL" \
	"$(state) $(raw 0x10c.w 0x10c.w=0 0x13c.l 0x144.l)" \
	"enforced rogue 5a5a 16010023 5a5a5a5a"
away

vm-mark 9
rogue reset_result=-5 read_verdict=1 write_verdict=1 plan_result=0x5a5a5a5a
before=$(errors)
client user "$BDF" 0x10c.w reset 0x10c.w @1 0x110.w=0xffff
at user 1
is "a failed reset shows as error" "$(state)" "error rogue"
is "a failed reset counts as one error" "$(($(errors) - before))" 1
go user 1
is "after a failed reset reads are those of the hardware" "$(ended user)" "5a5a 0002"
is "the next user is not judged by the failure of the last" "$(state)" "enforced rogue"
away

vm-mark 10
load "$ROGUE" name=good read_verdict=1 write_verdict=2 plan_result=0x600d600d "pin=$LINK"
client user "$BDF" 0x10c.w @1 0x10c.w=0xffff 0x10c.w
at user 1
fails "a specific policy that refuses the open device is not registered" 1 \
	'*cannot register: Input/output error*' \
	load "$ROGUE" "match=$BDF" opened_result=-5 write_verdict=1 plan_hw_write=-1 \
	"pin=${LINK}2"
is "the old policy is in force after a refused registration" "$(state)" "enforced good"
fails "an update to a policy that refuses the open device is refused" 1 \
	'*cannot update: Input/output error*' \
	load "$ROGUE" opened_result=-5 write_verdict=1 plan_hw_write=-1 "update=$LINK"
is "the old policy is in force after a refused update" "$(state)" "enforced good"
fails "an opened that returns what is no error code is refused all the same" 1 \
	'*cannot update: Invalid argument*' \
	load "$ROGUE" opened_result=7 "update=$LINK"
is "nothing of a refused policy is left behind" "$(below /sys/fs/bpf)" "$LINK"
go user 1
is "the old policy answers after the refusals" "$(ended user)" "600d 600d"

fails "a policy that lacks a required member is refused" 1 '*cannot register: Invalid argument*' \
	load "$OBJS/missing.bpf.o" match=0000:00:1f.7 "pin=${LINK}2"
fails "a sleepable program is refused" 1 '*cannot load: *' load "$OBJS/sleepable.bpf.o" load
fails "a program that writes what is not its plan is refused" 1 \
	'*only the plan of an access can be written*' load "$OBJS/overwrite.bpf.o" load
fails "an unknown match kind is refused" 1 '*Invalid argument*' \
	load "$ROGUE" raw-match=2 "pin=${LINK}2"
fails "a name without an end is refused" 1 '*Invalid argument*' \
	load "$ROGUE" name=a123456789b123456789c123456789de match=0000:00:1f.7 "pin=${LINK}2"
check "the same object is taken once nothing is wrong with it" \
	load "$ROGUE" name=a123456789b123456789c123456789d match=0000:00:1f.7 "pin=${LINK}2"
rm -f "${LINK}2" "$LINK"
done_testing
