# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck source=tests/lib/guest.sh
. /share/tests/lib/guest.sh

POWER=/sys/bus/pci/devices/$BDF/power

status() {
	cat "$POWER/runtime_status"
}

# In ms, the time that the device was awake
active_time() {
	cat "$POWER/runtime_active_time"
}

if [ ! -e "$POWER/runtime_active_time" ]; then
	skip "devices can be suspended" "the kernel has no runtime power management (CONFIG_PM)"
	vm-mark 1
	done_testing
	exit
fi

# step N: let the user go on behind its stop N, up to the next one
step() {
	go user "$1"
	at user $(($1 + 1))
}

cxl-policy attach "$BDF" >/dev/null
vm-mark 1
client user "$BDF" dvsec+0xc.w=0x4006 dvsec+0x20.l=0x12345678 low-power @1 \
	dvsec+0xc.w dvsec+0x20.l dvsec+0x24.l dvsec+0x14.w @2 \
	dvsec+0xc.w=0x4002 @3 \
	dvsec+0xa.w @4 \
	dvsec+0x10.w=1 @5 \
	0x0.l @6 \
	dvsec+0xc.w dvsec+0x20.l @7 \
	dvsec+0xc.w dvsec+0x20.l @8
at user 1
is "a user can let the device be suspended" "$(eventually suspended status)" suspended
awake=$(active_time)
reads=$(attr hw_reads)
step 1
is "reads that the policy answers don't wake it" "$(status) $(active_time) $(attr hw_reads)" \
	"suspended $awake $reads"
step 2
is "it is suspended again after a write that is kept in the shadow" \
	"$(eventually suspended status)" suspended
step 3
check "a read in which it has a part wakes it" [ "$(attr hw_reads)" -gt "$reads" ]
is "and lets it be suspended again" "$(eventually suspended status)" suspended
step 4
is "so does a forwarded write" "$(eventually suspended status) $(hw 0x110 2)" "suspended 0001"
step 5
is "and an access to what is no DVSEC" "$(eventually suspended status)" suspended
is "a policy can be swapped" "$(cxl-policy swap "$BDF" --policy no-cache >/dev/null && state)" \
	"enforced no-cache"
is "the device is suspended again" "$(eventually suspended status)" suspended
step 6
echo 1 >"/sys/bus/pci/devices/$BDF/reset"
eventually suspended status >/dev/null
step 7
go user 8
is "each read gave what it should: awake, asleep, after a swap, after a reset" \
	"$(ended user | xargs)" \
	"4006 12345678 00000000 0000 001e $(hw 0 4) 4002 12345678 0002 00000000"
is "no program erred" "$(attr errors)" 0
is "all is put back at its close" "$(eventually 0000 hw 0x110 2)" 0000
done_testing
