# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck source=tests/lib/guest.sh
. /share/tests/lib/guest.sh

# begun NAME VERB ARG...: trial or record in the background, at work
begun() {
	begun_name=$1
	shift
	rm -f "/tmp/$begun_name".*
	(
		begun_status=0
		cxl-policy "$@" >"/tmp/$begun_name.out" 2>"/tmp/$begun_name.err" &
		echo $! >"/tmp/$begun_name.pid"
		wait $! || begun_status=$?
		echo $begun_status >"/tmp/$begun_name.status"
	) 2>/dev/null &
	tries=0
	until grep -q 'looking at' "/tmp/$begun_name.err" 2>/dev/null; do
		tries=$((tries + 1))
		if [ "$tries" -gt 400 ] || [ -e "/tmp/$begun_name.status" ]; then
			note "$begun_name does not begin: $(cat "/tmp/$begun_name".*)"
			return 0
		fi
		sleep 0.05
	done
}

# over NAME [SIGNAL]: end it; its exit status
over() {
	kill "-${2:-INT}" "$(cat "/tmp/$1.pid")" 2>/dev/null || :
	tries=0
	until [ -s "/tmp/$1.status" ] || [ "$tries" -gt 400 ]; do
		tries=$((tries + 1))
		sleep 0.05
	done
	cat "/tmp/$1.status"
}

# seen NAME N: wait until it has printed N lines
seen() {
	tries=0
	until [ "$(wc -l <"/tmp/$1.out")" -ge "$2" ] || [ "$tries" -gt 200 ]; do
		tries=$((tries + 1))
		sleep 0.05
	done
}

# differences NAME: in short
differences() {
	jq -r 'select(.op) | "\(.op) \(.offset).\(.size) \(.value // "-") \(.differs | join("+")) " +
		(if .op == "read" then "\(.in_force.value) \(.candidate.value)" else
		"\(.in_force.verdict):\(.in_force.refused):\(.in_force.forwarded) " +
		"\(.candidate.verdict):\(.candidate.refused):\(.candidate.forwarded)" end)' "/tmp/$1.out"
}

# summary NAME: accesses, those that differ, lost, times it lost track, swaps
summary() {
	jq -r 'select(.summary) | "\(.accesses) \(.differing) \(.lost) \(.resyncs) \(.swaps)"' "/tmp/$1.out"
}

# What the kernel has of BPF, and nothing of it changes by itself
objects() {
	bpftool prog show | grep -c '^[0-9]*: ' || :
	bpftool link show | grep -c '^[0-9]*: ' || :
	bpftool map show | grep -c '^[0-9]*: ' || :
}

# nobody COMMAND...: as a user without privilege
nobody() {
	# shellcheck disable=SC2016 # the inner shell's
	su nobody -s /bin/sh -c 'exec "$0" "$@"' -- "$@"
}
echo 'nobody:x:65534:65534:nobody:/:/bin/sh' >>/etc/passwd

# ---- what can't be ----

fails "a trial where nothing is in force says so" 5 "*no policy is in force on $BDF*attach*" \
	cxl-policy trial "$BDF" read-only
fails "a trial of a device that is not there says so" 5 '*no device 0000:0f:1f.7*' \
	cxl-policy trial 0000:0f:1f.7 read-only
fails "a trial of a policy that is not there names those that are" 5 '*no-such*cxl-device*' \
	cxl-policy trial "$BDF" no-such
fails "a trial of no policy is wrong usage" 2 '*help trial*' cxl-policy trial "$BDF"
fails "a trial without privilege says so" 4 '*CAP_SYS_ADMIN*root*' \
	nobody cxl-policy trial "$BDF" read-only
fails "a record without privilege says so" 4 '*CAP_SYS_ADMIN*root*' \
	nobody cxl-policy record "$BDF" /tmp/none
check "what fails makes no file" [ ! -e /tmp/none ]

cxl-policy default set >/dev/null
fails "a trial of a device that is no CXL device says so, whatever the default policy" 5 \
	"*0000:00:00.0 isn't a CXL device*" cxl-policy trial 0000:00:00.0 read-only --timeout 1
vm-unbind "$BDF"
fails "a trial under the default policy is of a device that it covers" 5 \
	"*no policy is in force on $BDF*vfio-pci*" cxl-policy trial "$BDF" read-only --timeout 1
fails "and so is a record" 5 "*no policy is in force on $BDF*vfio-pci*" \
	cxl-policy record "$BDF" /tmp/none --timeout 1
check "which makes no file" [ ! -e /tmp/none ]
vm-bind "$BDF"
cxl-policy default clear >/dev/null

cxl-policy attach "$BDF" >/dev/null

# ---- read-only under cxl-device ----

vm-mark 1
client user "$BDF" dvsec+0xc.w=0x2 @1 dvsec+0xc.w=0x4a56 dvsec+0xc.w dvsec+0x10.w=9 dvsec+0x10.w \
	dvsec+0xa.w dvsec+0x1c.l dvsec+0x18.l=0xffffffff dvsec+0x20.l=0x1234 dvsec+0x22.b \
	dvsec+0x20.b dvsec8+0xc.l dvsec8+0xc.l=0 @2 dvsec+0xc.w dvsec+0x20.l
at user 1
begun trial trial "$BDF" read-only --json
go user 1
at user 2
seen trial 6
is "a trial that found a difference ends with status 8" "$(over trial)" 8
is "read-only on trial under cxl-device: exactly what differs is told" "$(differences trial)" \
	"write 12.2 0x4a56 verdict+refused+events done:0x0000:0x0000 denied:0x4a54:0x0000
read 12.2 - value 0x4a56 0x0002
write 16.2 0x0009 verdict+refused+hardware+undo+events done:0x0000:0x0001 denied:0x0009:0x0000
read 16.2 - value 0x0009 0x0000
write 32.4 0x00001234 verdict+refused+events done:0x00000000:0x00000000 denied:0x00001234:0x00000000
read 32.1 - value 0x34 0x00"
is "each difference names the fields" \
	"$(jq -r 'select(.offset == 16) | .fields | join(",")' /tmp/trial.out | sort -u)" \
	"control2.disable_caching,control2.cxl_reset_mem_clr_enable"
is "the summary counts all accesses" "$(summary trial)" "12 6 0 0 0"
go user 2
is "the user sees nothing of a trial" "$(ended user)" \
	"4a56 0009 001e 1000004b 00 34 $(hw 0x148 4) 4a56 00001234"
vm-mark 0

# ---- a device that is opened, reset and closed meanwhile ----

begun trial trial "$BDF" read-only --json --count 2
like "a trial begins before the device is open" "$(cat /tmp/trial.err)" "*which isn't open yet*"
v dvsec+0xc.w=6 reset dvsec+0xc.w reopen dvsec+0xc.w dvsec+0xc.w=0xa dvsec+0xc.w >/dev/null
seen trial 3
is "both are told of openings and resets, and --count ends it" \
	"$(over trial) $(differences trial) $(summary trial | cut -d ' ' -f 2-)" \
	"8 write 12.2 0x0006 verdict+refused+events done:0x0000:0x0000 denied:0x0004:0x0000
write 12.2 0x000a verdict+refused+events done:0x0000:0x0000 denied:0x0008:0x0000 2 0 0 0"

# ---- passthrough on trial under read-only ----

cxl-policy swap "$BDF" --policy read-only >/dev/null
vm-mark 2
begun trial trial "$BDF" passthrough --json
v dvsec+0xc.w dvsec+0xc.w=0x4 dvsec+0xc.w dvsec+0x10.w=1 dvsec+0x10.w dvsec+0x1c.l >/dev/null
seen trial 4
is "passthrough on trial under read-only: what would reach the device is told, and read" \
	"$(over trial) $(differences trial)" \
	"8 write 12.2 0x0004 verdict+refused+hardware+undo+events denied:0x0006:0x0000 done:0x0000:0xffff
read 12.2 - value 0x0002 0x0004
write 16.2 0x0001 verdict+refused+hardware+undo+events denied:0x0001:0x0000 done:0x0000:0xffff
read 16.2 - value 0x0000 0x0001"
vm-mark 0

# ---- a policy beside itself ----

# itself POLICY: thousands of random accesses
itself() {
	cxl-policy swap "$BDF" --policy "$1" >/dev/null
	begun trial trial "$BDF" "$1" --json
	begun record record "$BDF" /tmp/stream.jsonl --force
	vfio_random "$BDF" seed=7 count=2000 expected=/tmp/expected at=/tmp/random "$1" \
		>/tmp/random.out 2>&1 || note "$(cat /tmp/random.out)"
	is "$1 beside itself: status 0, no difference, nothing lost" \
		"$(over trial) $(differences trial | head -n 3)$(summary trial | cut -d ' ' -f 2-)" \
		"0 0 0 0 0"
	sleep 0.2
	is "$1: record beside a trial ends well" "$(over record)" 0
	note "$(cat /tmp/random.out | xargs): $(summary trial); $(tail -n 1 /tmp/record.err)"
	check "$1: more than 4000 accesses were judged" \
		[ "$(summary trial | cut -d ' ' -f 1)" -gt 4000 ]
	is "$1: the record has as many accesses" \
		"$(grep -c '"op":"\(read\|write\)"' /tmp/stream.jsonl)" \
		"$(summary trial | cut -d ' ' -f 1)"
	is "$1 replayed: no difference" \
		"$(nobody cxl-policy replay --json --policy "$1" - \
			</tmp/stream.jsonl >/tmp/replay.out; echo $?) $(summary replay)" \
		"0 $(summary trial)"
}

itself cxl-device
itself passthrough
check "a record is for nobody else's eyes" [ "$(stat -c %a /tmp/stream.jsonl)" = 600 ]

# ---- record and replay ----

cxl-policy swap "$BDF" --policy cxl-device >/dev/null
client user "$BDF" dvsec+0xc.w=0x4 dvsec+0x10.w=8 @1 dvsec+0xc.w dvsec+0xc.w=0x6 dvsec+0xc.w=0 \
	dvsec+0xc.w dvsec+0x1c.l @2
at user 1
rm -f /tmp/stream.jsonl
begun record record "$BDF" /tmp/stream.jsonl --count 5
begun trial trial "$BDF" read-only --json
go user 1
at user 2
seen trial 2
over trial >/dev/null
is "--count ends a record" "$(over record) $(wc -l </tmp/stream.jsonl)" "0 6"
is "the first line of a record tells of the device" \
	"$(head -n 1 /tmp/stream.jsonl | jq -r '"\(.format) \(.version) \(.device) \(.policy) \(.open_id > 0) \(.dvsecs | length)"')" \
	"cxl-policy-record 1 $BDF cxl-device true 4"
status=0
cxl-policy replay /tmp/stream.jsonl --policy read-only --json >/tmp/replay.out || status=$?
is "a replay tells the differences that a trial tells" "$status $(differences replay)" \
	"8 $(differences trial)"
is "those are the right ones" "$(differences replay)" \
	"write 12.2 0x0000 refused denied:0x0002:0x0000 denied:0x0006:0x0000
read 12.2 - value 0x0002 0x0006"
like "a replay tells people, too" "$(cxl-policy replay /tmp/stream.jsonl --policy read-only)" \
	"*write dvsec+0xc.w=0x0000 (control.mem_enable): cxl-device: refuses 0x0002 (control.io_enable); read-only: refuses 0x0006 (control.io_enable, control.mem_enable)*5 accesses, 2 differ*"
fails "a record does not replace a file" 6 '*there already*--force*' \
	cxl-policy record "$BDF" /tmp/stream.jsonl --timeout 1
check "the file is as it was" [ "$(wc -l </tmp/stream.jsonl)" -eq 6 ]
go user 2
ended user >/dev/null

begun record record "$BDF" --json
v dvsec+0xc.w=4 dvsec+0xc.w >/dev/null
eventually 4 grep -c closed /tmp/record.out >/dev/null
over record >/dev/null
is "a record goes to the standard output as well" \
	"$(jq -r 'select(.offset == 12 and .size) | "\(.op) \(.value) \(.verdict)"' /tmp/record.out | xargs)" \
	"write 0x0004 denied read 0x0006 done"

sed -i '4s/"offset":12/"offset":4000/' /tmp/stream.jsonl
fails "a record that isn't valid is refused with file and line" 7 \
	'*/tmp/stream.jsonl:4: *' cxl-policy replay /tmp/stream.jsonl --policy read-only
echo 'name: read-only' >/tmp/some.yaml
fails "a file that is no record is refused" 7 '*/tmp/some.yaml:1: *' \
	cxl-policy replay /tmp/some.yaml --policy read-only
fails "a record that is not there is told" 5 '*/no/such*' \
	cxl-policy replay /no/such --policy read-only
fails "a replay without a policy is wrong usage" 2 '*help replay*' \
	cxl-policy replay /tmp/stream.jsonl

# ---- swapped, detached, killed ----

client user "$BDF" dvsec+0xc.w=0x6 @1 dvsec+0xc.w @2 dvsec+0xc.w=2 dvsec+0xc.w @3
at user 1
begun trial trial "$BDF" read-only --json
begun other trial "$BDF" cxl-device --json
cxl-policy swap "$BDF" --policy read-only >/dev/null
seen trial 1
seen other 1
# The state is taken over just after that was printed
sleep 0.5
go user 1
at user 2
cxl-policy swap "$BDF" --policy cxl-device >/dev/null
seen trial 2
seen other 2
sleep 0.5
go user 2
at user 3
seen trial 4
is "a trial goes on under a policy that is swapped in, from its state" \
	"$(over trial) $(jq -r 'select(.note) | .note + " " + .in_force' /tmp/trial.out | xargs) $(differences trial) $(summary trial)" \
	"8 swapped read-only swapped cxl-device write 12.2 0x0002 verdict+refused+events done:0x0000:0x0000 denied:0x0004:0x0000
read 12.2 - value 0x0002 0x0006 3 2 0 0 2"
is "two trials at once do not know of each other" "$(over other) $(summary other)" "0 3 0 0 0 2"

begun trial trial "$BDF" read-only
cxl-policy detach "$BDF" >/dev/null
is "a trial of a policy that is detached ends and says so" \
	"$(over trial CONT) $(tail -n 1 /tmp/trial.err)" \
	"5 cxl-policy: the policy in force on $BDF, cxl-device, was detached: attach one by 'cxl-policy attach'"
like "with the summary" "$(cat /tmp/trial.out)" "*$BDF: 0 accesses, 0 differ*"
go user 3
ended user >/dev/null

cxl-policy attach "$BDF" >/dev/null
eventually 5 sh -c "bpftool prog show | grep -c ': struct_ops'" >/dev/null
before=$(objects)
client user "$BDF" dvsec+0xc.w=0x6 @1 dvsec+0xc.w @2
at user 1
begun trial trial "$BDF" read-only
begun record record "$BDF" /tmp/killed.jsonl
check "a trial has programs of its own" [ "$(objects)" != "$before" ]
over trial KILL >/dev/null
over record KILL >/dev/null
is "a trial that is killed leaves no program, link or map" \
	"$(eventually "$(echo "$before" | xargs)" objects)" "$(echo "$before" | xargs)"
go user 1
at user 2
go user 2
is "and the device works" "$(ended user) $(state)" "0006 enforced cxl-device"
is "what was recorded until then is whole" \
	"$(cxl-policy replay /tmp/killed.jsonl --policy cxl-device --json | jq -r '.accesses // .error')" \
	"0
there was no access, so nothing is known of the candidate"

# ---- a policy that is no program of ours, and a user who is too busy ----

cxl-policy detach "$BDF" >/dev/null
load "$OBJS/rogue.bpf.o" "match=$BDF" "pin=/sys/fs/bpf/rogue" >/tmp/rogue.log || note "$(cat /tmp/rogue.log)"
fails "a policy without tables is told" 1 '*has no tables*' cxl-policy trial "$BDF" read-only --timeout 2
rm -f /sys/fs/bpf/rogue
eventually 0 registered >/dev/null
cxl-policy attach "$BDF" >/dev/null

client saved "$BDF" dvsec+0x20.l=0x5 @1
at saved 1
cxl-policy save "$BDF" /tmp/vm.json >/dev/null
go saved 1
ended saved >/dev/null
begun record record "$BDF" /tmp/after.jsonl
client restored "$BDF" @1 dvsec+0x20.l @2
at restored 1
cxl-policy restore "$BDF" /tmp/vm.json >/dev/null
go restored 1
at restored 2
sleep 0.5
go restored 2
ended restored >/dev/null
sleep 0.2
is "a restore makes a record lose track" "$(over record) $(grep -c '"op":"lost"' /tmp/after.jsonl)" "0 1"
is "a close just after that leaves a record that can be read, and tells that not all was seen" \
	"$(cxl-policy replay /tmp/after.jsonl --policy cxl-device >/tmp/after.log 2>&1; echo $?)" 1
note "$(cat /tmp/after.log)"

begun trial trial "$BDF" cxl-device --json
kill -STOP "$(cat /tmp/trial.pid)"
v quiet loop=25000 dvsec+0xc.w=0 dvsec+0xc.w >/dev/null
kill -CONT "$(cat /tmp/trial.pid)"
sleep 0.5
v dvsec+0xc.w >/dev/null
sleep 0.2
is "what is lost is counted, a trial finds its way back, and doesn't end as if all was seen" \
	"$(over trial) $(jq -r 'select(.summary) | "\(.differing) \(.lost > 0) \(.resyncs > 0) \(.accesses > 1000)"' /tmp/trial.out)" \
	"1 0 true true true"
note "$(summary trial)"

is "a trial that ended leaves nothing in the path of an access" \
	"$(eventually 0 sh -c "bpftool prog show | grep -c ': tracing'")" 0
is "no program erred" "$(attr errors)" 0
done_testing
