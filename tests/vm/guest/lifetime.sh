# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck source=tests/lib/guest.sh
. /share/tests/lib/guest.sh

LINK=/sys/fs/bpf/a
LINK2=/sys/fs/bpf/b
DEFAULT=/sys/fs/bpf/any
# Reads 2a, writes nothing, refuses nothing: a policy that is told from the default
OTHER="$OBJS/rogue.bpf.o read_verdict=1 write_verdict=1 plan_result=0x2a2a2a2a"
CONTROL='0x10c.w=0xffff 0x10c.w'

control() {
	# shellcheck disable=SC2086 # words
	vfio-cfg "$1" $CONTROL 2>&1 | xargs
}

# ---- before and after binding ----

vm-unbind "$BDF"
check "a policy can be registered for a device that is not bound" \
	load "$POLICY" "match=$BDF" name=early "pin=$LINK"
vm-bind "$BDF"
is "it is in force once the device is bound" "$(state) $(control "$BDF")" "enforced early 4fff"
vm-unbind "$BDF"
vm-bind "$BDF"
is "unbinding and binding keep it" "$(state) $(control "$BDF")" "enforced early 4fff"
is "another device is not under it" "$(attr state "$BDF2") $(control "$BDF2")" "none 0002"

# ---- a second one ----

fails "a second policy for the same device is refused as busy" 1 '*Device or resource busy*' \
	load "$POLICY" "match=$BDF" "pin=$LINK2"
is "the refused ones change nothing" "$(state)" "enforced early"
check "the other device can have a policy of its own" \
	load "$POLICY" "match=$BDF2" name=second "pin=$LINK2"
fails "an update to another target is refused" 1 '*cannot update: Invalid argument*' \
	load "$POLICY" "match=$BDF2" "update=$LINK"
is "each device shows its own policy" "$(attr policy) $(attr policy "$BDF2")" "early second"
check "a policy is replaced by an update" \
	load "$OBJS/rogue.bpf.o" "match=$BDF" name=rogue read_verdict=1 write_verdict=2 \
	plan_result=0x2a2a2a2a "update=$LINK"
vm-mark 1
is "different policies decide for the two devices" \
	"$(control "$BDF") $(control "$BDF2") $(vfio-cfg "$BDF2" 0x110.w=1 0x110.w)" \
	"2a2a 4fff 0001"
vm-mark 2

# ---- default and specific ----

check "a default can be registered beside them" \
	load "$POLICY" name=default "pin=$DEFAULT"
is "a policy for a device wins over the default" \
	"$(attr policy) $(attr policy "$BDF2")" "rogue second"
fails "a second default is refused as busy" 1 '*Device or resource busy*' \
	load "$POLICY" name=default2 "pin=/sys/fs/bpf/any2"
client user "$BDF" 0x10c.w @1 0x10c.w=0x4 0x10c.w 0x114.w=1 @2 0x10c.w @3 0x10c.w=0 0x10c.w
at user 1
rm "$LINK"
is "the default takes over when the device's own policy goes" \
	"$(eventually "enforced default" state)" "enforced default"
go user 1
at user 2
# shellcheck disable=SC2086 # words
check "a policy for an open device takes over from the default" \
	load $OTHER "match=$BDF" name=other "pin=$LINK"
is "it shows at once" "$(state)" "enforced other"
go user 2
at user 3
rm "$LINK"
is "the default is back" "$(eventually "enforced default" state)" "enforced default"
go user 3
is "an open device changes policy at once, and the default keeps its lock and values" \
	"$(ended user)" "2a2a 0006 2a2a 0006"
rm "$LINK2"
is "the other device falls back to the default too" \
	"$(eventually "enforced default" state_of "$BDF2")" "enforced default"
rm "$DEFAULT"
is "without a default nothing is in force" "$(eventually none state)" none

# ---- an open device ----

client user "$BDF" 0x10c.w=6 0x10c.w @1 0x10c.w=6 0x10c.w @2 0x10c.w=0 0x10c.w
at user 1
check "a policy for an open device comes in force" load "$POLICY" "match=$BDF" "pin=$LINK"
go user 1
at user 2
rm "$LINK"
is "detaching it from an open device shows at once" "$(eventually none state)" none
go user 2
is "an open device: read-only, then the policy, then read-only" "$(ended user)" "0002 0006 0002"

# ---- whose address ----

check "a policy for the all-zero address is for that device" \
	load "$POLICY" match=0000:00:00.0 name=zero "pin=$LINK"
is "the all-zero address is not any device" "$(state | xargs)" none
rm "$LINK"
check "a policy for another domain can be registered" \
	load "$POLICY" "match=1${BDF#0}" name=domain "pin=$LINK"
is "the domain of an address counts" "$(state | xargs)" none
rm "$LINK"

# ---- without a pin ----

struct_ops_load "$POLICY" "match=$BDF" name=held hold >/tmp/held 2>&1 &
holder=$!
is "a held policy is in force" "$(eventually "enforced held" state)" "enforced held"
kill -9 $holder
is "an unpinned policy goes with its holder" "$(eventually none state)" none

# ---- removal ----

load "$POLICY" "match=$BDF" name=gone "pin=$LINK"
load "$POLICY" name=default "pin=$DEFAULT"
struct_ops_load poll "$LINK" 60 >/tmp/poll 2>&1 &
struct_ops_load poll "$DEFAULT" 5 >/tmp/poll-default 2>&1 &
default_poller=$!
sleep 1
is "nobody is woken before the removal" "$(cat /tmp/poll)" ""
echo 1 >"/sys/bus/pci/devices/$BDF/remove"
is "removing the device detaches its link and wakes the pollers" \
	"$(eventually detached cat /tmp/poll)" detached
wait $default_poller || :
is "the default is not detached by it" "$(attr policy "$BDF2") $(cat /tmp/poll-default)" \
	"default struct_ops_load: the link was not detached in 5 s"
fails "a detached link cannot be updated" 1 '*cannot update: *' \
	load "$POLICY" "match=$BDF" "update=$LINK"
echo 1 >/sys/bus/pci/rescan
vm-bind "$BDF"
is "the device that comes back is under the default, not under the old policy" \
	"$(state)" "enforced default"
check "it can have a policy again" load "$POLICY" "match=$BDF" name=again "pin=$LINK2"
is "that one is in force" "$(state)" "enforced again"
rm "$LINK" "$LINK2" "$DEFAULT"

# ---- the module ----

with_modules "the module stays while a policy is registered" \
	"the module can be unloaded when the policy is gone" || {
	done_testing
	exit
}
eventually 0 registered >/dev/null
load "$POLICY" "match=$BDF" "pin=$LINK"
fails "the module stays while a policy is registered" 1 '*in use*' vm-modules patched
is "the policy is in force after the refusal" "$(attr state)" enforced
rm "$LINK"
unload() {
	vm-modules patched >/dev/null 2>&1 && echo unloaded
}
is "the module can be unloaded when the policy is gone" "$(eventually unloaded unload)" unloaded
done_testing
