# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck source=tests/lib/guest.sh
. /share/tests/lib/guest.sh

LINK=/sys/fs/bpf/reset
check "the default policy comes in force" load "$POLICY" "pin=$LINK"

# CONTROL, CONTROL2, LOCK and a range base as a user sets and sees them
set -- dvsec+0xc.w=0x4a56 dvsec+0x10.b=0x8 dvsec+0x20.l=0x1234 dvsec+0x24.l=0xa0000000 \
	dvsec+0x14.w=1
SEE='dvsec+0xc.w dvsec+0x10.w dvsec+0x14.w dvsec+0x20.l dvsec+0x24.l'
LOCKED="4a56 0008 0001 00001234 a0000000"
FRESH="0002 0000 0000 00000000 00000000"

vm-mark 0
# shellcheck disable=SC2086 # words
{
is "a user's state is what it wrote" "$(v "$@" $SEE)" "$LOCKED"
is "the next user sees nothing of it" "$(v $SEE)" "$FRESH"
is "re-opening gives the open values" "$(v "$@" reopen $SEE)" "$FRESH"
is "a device reset of this device is conventional and unlocks" "$(v "$@" reset $SEE)" "$FRESH"
is "after the reset the registers can be written and locked anew" \
	"$(v "$@" reset "$@" $SEE dvsec+0xc.w=0 dvsec+0xc.w)" "$LOCKED 4a56"
is "two resets with no access between are like one" \
	"$(v "$@" reset reset $SEE)" "$FRESH"
}

vm-mark 1
is "no reset reaches the DVSEC of the hardware" \
	"$(v dvsec+0xc.w=0x4a56 dvsec+0x14.w=1 dvsec+0x20.l=0x1234 reset hot-reset dvsec+0x14.w)" \
	"0000"
vm-mark 99

# The root port's CXL port DVSEC: Unmask_SBR is bit 0 at 0xc
PORT=$(basename "$(dirname "$(readlink -f "/sys/bus/pci/devices/$BDF")")")
pos=256
while [ "$pos" -gt 0 ]; do
	if [ "$(hw "$pos" 2 "$PORT")" = 0023 ] && [ "$(hw $((pos + 4)) 2 "$PORT")" = 1e98 ] &&
		[ "$(hw $((pos + 8)) 2 "$PORT")" = 0003 ]; then
		break
	fi
	pos=$((0x$(hw $((pos + 2)) 2 "$PORT") >> 4))
done
check "the port above has a CXL port DVSEC" [ "$pos" -gt 0 ]
hw_set $((pos + 12)) 0 "$PORT"
is "the secondary bus reset is masked" "$(hw $((pos + 12)) 1 "$PORT")" 00
# shellcheck disable=SC2086 # words
is "a hot reset that the port masks resets nothing, so the lock stays" \
	"$(v "$@" hot-reset $SEE)" "$LOCKED"
hw_set $((pos + 12)) 1 "$PORT"
is "the secondary bus reset is unmasked" "$(hw $((pos + 12)) 1 "$PORT")" 01
# shellcheck disable=SC2086 # words
is "a hot reset that the port lets through unlocks" "$(v "$@" hot-reset $SEE)" "$FRESH"
hw_set $((pos + 12)) 0 "$PORT"
# shellcheck disable=SC2086 # words
is "a device reset unmasks the port for its time and unlocks" "$(v "$@" reset $SEE)" "$FRESH"

vm-mark 2
client user "$BDF" dvsec+0x10.w=1 @1
at user 1
is "a forwarded bit is in the hardware while the device is open" "$(hw 0x110 2)" 0001
go user 1
ended user >/dev/null
is "a forwarded bit is back after the close" "$(hw 0x110 2)" 0000

vm-mark 3
client user "$BDF" dvsec+0x10.w=3 @1
at user 1
killed user
is "forwarded bits are back after the user was killed" "$(eventually 0000 hw 0x110 2)" 0000

vm-mark 4
hw_set 0x110 9
is "the host has caching disabled" "$(hw 0x110 2)" 0009
is "a user that enables it sees that" "$(v dvsec+0x10.w=0 dvsec+0x10.w=0 dvsec+0x10.w)" 0000
is "it is disabled again after the close" "$(hw 0x110 2)" 0009
hw_set 0x110 0

vm-mark 5
client user "$BDF" dvsec+0x10.w=1 @1
at user 1
rm "$LINK"
is "the device lost its policy while open" "$(eventually none state)" none
is "a forwarded bit stays for the user that set it" "$(hw 0x110 2)" 0001
go user 1
ended user >/dev/null
is "a forwarded bit is back after the close, policy or not" "$(hw 0x110 2)" 0000
load "$POLICY" "pin=$LINK"

vm-mark 6
is "a write of what is there already" "$(v dvsec+0x10.w=0 dvsec+0x10.w)" 0000

# On this device an initiate bit that was written sticks
vm-mark 7
hw_set 0x110 2
is "a user initiates a write-back" "$(v dvsec+0x10.w=3 dvsec+0x10.w)" 0001

vm-mark 8
hw_set 0x110 0
client user "$BDF" dvsec+0xc.w=0x4a56 dvsec+0x14.w=1 @1 dvsec+0xc.w dvsec+0x14.w
at user 1
check "a reset through sysfs" sh -c "echo 1 >/sys/bus/pci/devices/$BDF/reset"
go user 1
is "a reset through sysfs under an open device unlocks as the device's own does" \
	"$(ended user)" "0002 0000"

client user "$BDF" dvsec+0xc.w=0x4a56 dvsec+0x14.w=1 @1 @2
at user 1
opened=$(attr open_id)
check "an open device has a number" [ "$opened" -gt 0 ]
echo 1 >"/sys/bus/pci/devices/$BDF/reset"
is "a reset changes nothing of it" "$(attr open_id)" "$opened"
go user 1
at user 2
go user 2
ended user >/dev/null
is "a closed device has none" "$(attr open_id)" 0
done_testing
