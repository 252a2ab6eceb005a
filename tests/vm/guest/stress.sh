# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck source=tests/lib/guest.sh
. /share/tests/lib/guest.sh

FILES=/share/build/tests/logs/vm-stress
WORK=/tmp/work
DEVICES="0000:0d:00.0 0000:0e:00.0 0000:0f:00.0 0000:10:00.0"
seconds=$(cat $FILES.seconds)
seed=$(cat $FILES.seed)

uptime_s() {
	cut -d . -f 1 /proc/uptime
}

working() {
	[ ! -e $WORK/stop ]
}

# does NAME STATUSES COMMAND...: note its end, and what is wrong with it
does() {
	what=$1 fine=$2
	shift 2
	status=0
	"$@" >"$WORK/$loop.out" 2>&1 || status=$?
	echo "$what $status" >>"$WORK/$loop.done"
	case " $fine " in
	*" $status "*) ;;
	*) echo "$what ends with status $status: $(cat "$WORK/$loop.out")" >>"$WORK/$loop.wrong" ;;
	esac
	[ $status -eq 0 ]
}

# happened NAME: so many times with success
happened() {
	cat $WORK/*.done $WORK/turns 2>/dev/null | grep -c "^$1 0\$" || :
}

# ---- what happens to policies ----

# An attach, swap or detach finds the device or the policy gone (5), or another
# one at work (6), as the loops run into each other; or the kernel refuses, as a
# device is away to which the policy is offered (1)
policies() {
	loop=policies.$1
	while working; do
		does attach "0 1 5 6" cxl-policy attach "$1" --policy read-only || :
		does swap "0 1 5 6" cxl-policy swap "$1" --policy cxl-device || :
		does swap "0 1 5 6" cxl-policy swap "$1" --policy read-only || :
		does policy-off "0 5 6" cxl-policy detach "$1" || :
	done
}

# turns NAME HOW ARG...: see tests/policy_stress.c; from "loaded" on until "over".
# Another may be in force for the target, or be on its way out; and it is refused where
# a device is away to which it is offered.
turns() {
	name=$1 how=$2
	shift 2
	{
		policy_stress "$how" /tmp/loaded "/tmp/$name.over" 20 "$@" 2>&1 | while read -r word; do
			case $word in
			ready) : >"/tmp/$name.ready" ;;
			ok) echo "$name 0" >>$WORK/turns ;;
			E*) echo "$name $word" >>$WORK/turns ;;
			*) echo "$name: $word" | tee "/tmp/$name.ready" >>$WORK/wrong ;;
			esac
		done
		: >"/tmp/$name.ended"
	} &
}

# await FILE...
await() {
	for awaited; do
		until [ -e "$awaited" ]; do
			sleep 0.1
		done
	done
}

loaded() {
	for name; do
		await "/tmp/$name.ready"
	done
	: >/tmp/loaded
}

over() {
	for name; do
		: >"/tmp/$name.over"
		await "/tmp/$name.ended"
	done
}

defaults() {
	loop=defaults
	while working; do
		case $1 in
		kept)
			does default "0 6" cxl-policy swap default --policy read-only || :
			does default "0 6" cxl-policy swap default --policy cxl-device || :
			;;
		bare)
			does default "0 5 6" cxl-policy default set || :
			does default "0 5 6" cxl-policy default clear || :
			;;
		esac
		sleep 0.5
	done
}

# ---- what happens to devices ----

# host_values BDF: what no user may see, and none writes; see vfio_stress
host_values() {
	config=/sys/bus/pci/devices/$1/config
	printf '\100' | dd of="$config" bs=1 seek=$((0x10d)) conv=notrunc
	for at in 0x120 0x130; do
		printf '\245\245\245\245' | dd of="$config" bs=4 seek=$((at / 4)) conv=notrunc
		printf '\0\0\0\240' | dd of="$config" bs=4 seek=$((at / 4 + 1)) conv=notrunc
	done
} 2>/dev/null

# present yes|no BDF SECONDS
present() {
	limit=$(($(uptime_s) + $3))
	until case $1 in
	yes) [ -e "/sys/bus/pci/devices/$2/config" ] ;;
	no) [ ! -e "/sys/bus/pci/devices/$2" ] ;;
	esac; do
		if [ "$(uptime_s)" -gt $limit ]; then
			echo "waited too long for $2"
			return 1
		fi
		sleep 0.2
	done
}

# ask REQUEST: of the host, see tests/lib/plug.py
ask() {
	: >"$FILES.plug/$1"
	tries=0
	while [ -e "$FILES.plug/$1" ]; do
		tries=$((tries + 1))
		if [ $tries -gt 1200 ]; then
			echo "$1 was not done"
			return 1
		fi
		sleep 0.1
	done
}

rebind() {
	vm-unbind "$1" && vm-bind "$1"
}

rescan() {
	echo 1 >"/sys/bus/pci/devices/$1/remove" && echo 1 >/sys/bus/pci/rescan &&
		present yes "$1" 60 && vm-bind "$1"
}

switch_slots_on() {
	for slot in /sys/bus/pci/slots/*; do
		[ "$(cat "$slot/power")" = 1 ] || echo 1 >"$slot/power" || :
	done 2>/dev/null
}

# plug BDF N: who resets the slot meanwhile, as each open and close does, may take away
# what QEMU tells it; so it is told again
plug() {
	told=0
	until ask "del.$2" && present no "$1" 30; do
		told=$((told + 1))
		[ $told -lt 5 ] || return 1
	done
	ask "add.$2"
	told=0
	until present yes "$1" 30; do
		told=$((told + 1))
		[ $told -lt 5 ] || return 1
		ask "have.$2"
		switch_slots_on
	done
	host_values "$1" && vm-bind "$1"
}

reset() {
	echo 1 >"/sys/bus/pci/devices/$1/reset"
}

# look_at_errors BDF: before its counters go
look_at_errors() {
	errors=$(attr errors "$1" 2>/dev/null) || return 0
	[ "$errors" = 0 ] || echo "$1 errors $errors" >>$WORK/errors
}

# events BDF N fixed|mobile|plugged fixed|mobile|plugged: how the device comes and goes,
# and how any does; from a point of the round that is the device's own. While the bus
# is scanned, a device that is reset may be away for a moment, with no vfio as well.
events() {
	loop=events.$1 turn=$2
	while working; do
		turn=$((turn + 1))
		[ "$4" != fixed ] || look_at_errors "$1"
		case $((turn % 6)).$3 in
		0.*) does rebind 0 rebind "$1" || : ;;
		2.mobile) does rescan 0 rescan "$1" || : ;;
		4.plugged) does plug 0 plug "$1" "$2" || : ;;
		*) does reset 0 reset "$1" || : ;;
		esac
		sleep 0.5
	done
}

# ---- who looks on ----

looks() {
	loop=looks
	while working; do
		for looked_at in $DEVICES; do
			cat "/sys/bus/pci/devices/$looked_at"/vfio-dev/vfio*/dvsec/* >/dev/null 2>&1 || :
			[ "$1" != fixed ] || look_at_errors "$looked_at"
			does show "0 5" cxl-policy show "$looked_at" --json || :
			does list 0 cxl-policy list --json || :
			does stats 0 cxl-policy stats --json || :
			sleep 0.5
		done
	done
}

unloads() {
	loop=unloads
	while working; do
		does rmmod 1 rmmod vfio_pci_core || :
		sleep 0.5
	done
}

# ---- a phase of it ----

# enough FLOOR...: did each NAME=N happen so often?
enough() {
	for floor; do
		[ "$(happened "${floor%=*}")" -ge "${floor#*=}" ] || return 1
	done
}

# begin MARK
begin() {
	mkdir -p $WORK
	rm -f $WORK/*
	vm-mark "$1"
	pids=''
}

# users OPTION...: of all devices; "also LOOP ARG..." sets off what they meet
users() {
	begun=$(uptime_s)
	# shellcheck disable=SC2086 # words
	vfio_stress -s "$seed" "$@" $DEVICES >$WORK/users 2>$WORK/complaints &
	users=$!
	until grep -q ready $WORK/users || ! kill -0 $users; do
		sleep 0.1
	done
}

also() {
	"$@" >/dev/null 2>$WORK/"$1$#$pids" &
	pids="$pids $!"
}

# progress: for people, should it hang
progress() {
	uptime_s
	cat $WORK/*.done $WORK/turns 2>/dev/null | sort | uniq -c | xargs
	cat $WORK/complaints $WORK/*.wrong 2>/dev/null || :
	for thread in $(grep -l ') D ' /proc/[0-9]*/task/[0-9]*/stat 2>/dev/null); do
		thread=${thread%/stat}
		echo "$thread $(cat "$thread/comm" 2>/dev/null)"
		cat "$thread/stack" 2>/dev/null || :
	done
}

# finish TITLE SECONDS "COUNT..." "ERROR|..." FLOOR...: when so much has happened
finish() {
	title=$1 least=$2 busy=$3 refusals=$4
	shift 4
	until [ $(($(uptime_s) - begun)) -ge "$least" ] && enough "$@"; do
		sleep 2
		progress >$FILES.progress
		kill -0 $users 2>/dev/null || break
	done
	: >$WORK/stop
	# shellcheck disable=SC2086 # words
	wait $pids || :
	kill $users 2>/dev/null || :
	status=0
	wait $users || status=$?
	is "$title: every access ends as it should, and reads what it may" \
		"$status $(head $WORK/complaints)" "0 "
	is "$title: every command ends as it may" "$(cat $WORK/*.wrong $WORK/wrong 2>/dev/null | head -n 20)" ""
	is "$title: a policy is refused where it may be" \
		"$(cat $WORK/turns | grep -v -x -E "[a-z]+ (0|$refusals)" | sort | uniq -c)" ""
	is "$title: no program failed on a device" "$(sort -u $WORK/errors 2>/dev/null)" ""
	lacking=''
	for floor; do
		enough "$floor" || lacking="$lacking $floor"
	done
	for counted in $busy; do
		case $counted in
		reads | writes) floor=1000 ;;
		*) floor=10 ;;
		esac
		made=$(sed -n "s/.* $counted=\([0-9]*\) .*/\1/p" $WORK/users)
		[ "${made:-0}" -ge $floor ] || lacking="$lacking $counted=${made:-none}"
	done
	is "$title: enough of everything has happened" "$lacking" ""
	note "$(($(uptime_s) - begun)) s, $(tail -n 1 $WORK/users)"
	note "$(cat $WORK/*.done $WORK/turns | sort | uniq -c | xargs)"
}

# ---- under one policy or another all the time ----

n=0
for bdf in $DEVICES; do
	host_values "$bdf"
done
begun=$(uptime_s)
cxl-policy default set >/dev/null
took=$(($(uptime_s) - begun))
cxl-policy monitor --json >/dev/null 2>&1 &
monitor=$!

FLOORS="detach=10 kill=10 rebind=3 reset=6 show=1 list=1 stats=1"
# Where it takes long to load a program, as under KASAN, a command that loads one would
# hardly come to its end beside the users
if [ $took -le 3 ]; then
	slow=no
	FLOORS="$FLOORS attach=1 swap=1 policy-off=1 default=2"
else
	slow=yes
	note "it takes $took s to load a policy, so none is loaded beside the users"
fi

# loops kept|bare fixed|mobile|plugged
loops() {
	n=0
	for bdf in $DEVICES; do
		# One stays, so that what takes long comes to its end
		case $n in
		1) also events "$bdf" $n fixed "$2" ;;
		*) also events "$bdf" $n "$2" "$2" ;;
		esac
		[ $n.$slow != 1.no ] || also policies "$bdf"
		n=$((n + 1))
	done
	[ $slow = yes ] || also defaults "$1"
	also looks "$2"
	! modules || also unloads
}

begin 1
# Of two devices the policies of their own come and go, and the link of the default is
# updated, by programs that are loaded once
# shellcheck disable=SC2086 # words
{
	set -- $DEVICES
	shared="cxl_shadow@$PINS/shadow cxl_events@$PINS/events"
	turns detach detach "$POLICY" "match=$1" name=detached $shared
	turns kill kill "$POLICY" "match=$3" name=killed $shared
	turns update $PINS/links/default "$POLICY" $shared -- "$POLICY" name=other $shared
}
loaded detach kill update
users
loops kept fixed
# shellcheck disable=SC2086 # words
finish "under a policy" $((seconds / 2)) "reads writes opens groups resets hot" EBUSY $FLOORS \
	update=100

# Later on devices are away at times, also when they are closed
is "all was put back that reached the devices" "$(dmesg | grep 'put back' | tail -n 5)" ""

over update
cxl-policy default clear >/dev/null
begin 2
users -b -m
loops bare mobile
# shellcheck disable=SC2086 # words
finish "under a policy at times" $((seconds / 4)) "reads writes opens groups" \
	"EBUSY|EIO|ENODEV" $FLOORS rescan=3

# Hot plug and the reset of a slot, in which vfio has no policy's part, take each
# other's locks (of pciehp, of removal, of vfio's groups), which lockdep reports at once
lockdep=/proc/sys/kernel/prove_locking
[ ! -e $lockdep ] || echo 0 >$lockdep
begin 3
users -b -m
loops bare plugged
# shellcheck disable=SC2086 # words
finish "with hot plug" $((seconds / 4)) "reads writes opens groups" "EBUSY|EIO|ENODEV" \
	$FLOORS plug=3
over detach kill
kill $monitor 2>/dev/null || :
wait $monitor 2>/dev/null || :

# ---- what is left ----

# settled: all devices are there and bound, and stay so. pciehp takes 5 s to switch a
# slot, and may find a device there that a scan of the bus has found before it; and what
# it takes for the button may be an old event, for which QEMU pulls the device.
settled() {
	for _ in 1 2 3 4 5 6; do
		sleep 7
		missing=0 n=0
		for bdf in $DEVICES; do
			if [ ! -e "/sys/bus/pci/drivers/vfio-pci/$bdf" ]; then
				missing=$((missing + 1))
				note "$bdf is not bound: $(dmesg | grep pciehp | tail -n 8)"
				ask "have.$n"
				switch_slots_on
				sleep 7
				echo 1 >/sys/bus/pci/rescan
				present yes "$bdf" 60 && vm-bind "$bdf" || :
			fi
			n=$((n + 1))
		done
		[ $missing -gt 0 ] || return 0
	done 2>/dev/null
	return 1
}
check "all devices can be had in the end" settled
for target in $DEVICES default; do
	note "$(cxl-policy detach "$target" 2>&1)"
done
is "nothing is registered any more" "$(eventually 0 registered) $(below "$PINS/links")" "0 "
is "no program is left" \
	"$(eventually 0 sh -c "bpftool prog show | grep -c ': struct_ops'")" 0
stuck() {
	for process in $(grep -l ') D ' /proc/[0-9]*/stat 2>/dev/null); do
		cat "${process%/stat}/comm" 2>/dev/null || :
	done
}
is "no process hangs" "$(eventually "" stuck)" ""
cxl-policy default set >/dev/null
is "each device is as ever under a policy" "$(for bdf in $DEVICES; do
	vfio-cfg "$bdf" dvsec+0xc.w dvsec+0xc.w=0xffff dvsec+0xc.w dvsec+0x20.l 2>&1 | xargs
	state_of "$bdf"
done | uniq | sort -u)" "0002 4fff 00000000
enforced cxl-device"
cxl-policy default clear >/dev/null

# ---- the modules come and go under users who do not ----

reloaded() {
	eventually reloaded sh -c 'vm-modules patched && echo reloaded' >/tmp/reload
	tail -n 1 /tmp/reload
}
if with_modules "the modules can be loaded anew under users who come back"; then
	begin 4
	users -b -m
	for _ in 1 2 3; do
		sleep 2
		reloaded
	done >$WORK/reloads
	kill $users
	status=0
	wait $users || status=$?
	is "the modules can be loaded anew under users who come back" \
		"$(xargs <$WORK/reloads) $status $(head $WORK/complaints)" \
		"reloaded reloaded reloaded 0 "
	note "$(tail -n 1 $WORK/users)"
else
	vm-mark 4
fi

# ---- memory ----

# leaks: reports of kmemleak that name what is ours, in the second of two scans
leaks() {
	for _ in 1 2; do
		echo scan >/sys/kernel/debug/kmemleak
		sleep 6
	done
	awk '
	/^unreferenced object/ { if (ours) printf "%s", report; report = ""; ours = 0 }
	/vfio|dvsec|bpf_struct_ops|struct_ops_link/ { ours = 1 }
	{ report = report $0 "\n" }
	END { if (ours) printf "%s", report }' /sys/kernel/debug/kmemleak
}
if [ -e /sys/kernel/debug/kmemleak ]; then
	is "no memory of vfio or of struct_ops is lost" "$(leaks | head -n 60)" ""
else
	skip "no memory of vfio or of struct_ops is lost" "this kernel has no kmemleak"
fi
done_testing
