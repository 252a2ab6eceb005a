# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck source=tests/lib/guest.sh
. /share/tests/lib/guest.sh

PORT=$(basename "$(dirname "$(readlink -f "/sys/bus/pci/devices/$BDF")")")
SECONDARY=$(hw 0x19 1 "$PORT")
SUBORDINATE=$(hw 0x1a 1 "$PORT")

# Without bus numbers the port forwards no configuration access
leave() {
	hw_set 0x1a 0 "$PORT"
	hw_set 0x19 0 "$PORT"
}

come_back() {
	hw_set 0x19 "0x$SECONDARY" "$PORT"
	hw_set 0x1a "0x$SUBORDINATE" "$PORT"
}

check "a policy is attached" cxl-policy attach "$BDF"

vm-mark 1
leave
is "the device is away" "$(hw 0x100 4)" ffffffff
client user "$BDF" 0x10c.w=0x4005 touch=/tmp/opened wait=/tmp/back 0x10c.w=0x4005 0x120.l=0x12345678
tries=0
until [ -e /tmp/opened ] || [ -s /tmp/user.status ] || [ "$tries" -gt 200 ]; do
	tries=$((tries + 1))
	sleep 0.1
done
come_back
: >/tmp/back
like "a device that is away cannot be opened" "$(ended user)" "status 1*Input/output error*"
is "the device is back" "$(hw 0x100 2)" 0023
is "its registers are as they were" "$(hw 0x10c 2) $(hw 0x120 4)" "0002 00000000"
is "the next user is under the policy" "$(v dvsec+0xc.w=0xffff dvsec+0xc.w)" 4fff
is "the kernel says so" "$(state)" "enforced cxl-device"

vm-mark 2
client user "$BDF" dvsec+0xc.w=0x4fff @1 dvsec+0xc.w=0xffff dvsec+0x12.b=8 dvsec+0xc.w
at user 1
leave
fails "a swap is refused while the device is away" 1 "*read-only*Input/output error*" \
	cxl-policy swap "$BDF" --policy read-only
come_back
is "the old policy stays" "$(state)" "enforced cxl-device"
go user 1
is "conditional bits are as the device has them" "$(ended user)" 4fff

vm-mark 3
client user "$BDF" dvsec+0x10.b=1 @1 dvsec+0x10.b
at user 1
is "Disable_Caching reaches the device" "$(hw 0x110 1)" 01
leave
go user 1
ended user >/dev/null
come_back
is "what can't be put back as the device is away, is told" \
	"$(dmesg | grep -c "$BDF: DVSEC register at 0x110 can't be put back")" 1
is "the device has it still" "$(hw 0x110 1)" 01
is "the next user doesn't see it" "$(v dvsec+0x10.b)" 00
is "it is put back for the next user" "$(hw 0x110 1)" 00
mkdir /tmp/kind
echo 'devices: [{class: "0502", policy: read-only}]' >/tmp/kind/devices.yaml
cxl-policy apply /tmp/kind >/dev/null || :
is "what is assigned to its kind is in force" "$(state)" "enforced read-only"
leave
is "while it is away it can't be told what it is, and keeps it" "$(cxl-policy apply /tmp/kind --json |
	jq -c ".[] | select(.device == \"$BDF\") | [.result, .policy]")" '["failed","read-only"]'
come_back
is "and when it is back" "$(state)" "enforced read-only"
done_testing
