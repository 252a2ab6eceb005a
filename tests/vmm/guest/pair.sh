# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck source=tests/lib/guest.sh
. /share/tests/lib/guest.sh
# shellcheck source=tests/lib/vmm.sh
. /share/tests/lib/vmm.sh

CONFIG=/sys/bus/pci/devices/$IN/config
SECONDS_OF_IT=60

# kept: what the kernel holds of memory for itself, in kB
kept() {
	awk '/^(Slab|VmallocUsed|Percpu|KernelStack|PageTables):/ { sum += $2 } END { print sum }' \
		/proc/meminfo
}

# rate NAME: of a client in the guest, per second
rate() {
	awk '/ accesses, / { printf "%d", $1 / $6 }' "$1"
}

cxl-policy attach "$BDF" >/dev/null
cxl-policy attach "$BDF2" --policy locked >/dev/null
vm-mark 1
# One by one, as an emulated machine takes longer for two boots at once than for both
vmm_plain one "$BDF"
check "a guest boots with one device" vmm_up one
vmm_plain two "$BDF2"
check "another boots beside it with the other" vmm_up two
is "each device has its own policy" "$(state_of "$BDF"), $(state_of "$BDF2")" \
	"enforced cxl-device, enforced locked"
cxl-policy monitor --json >/tmp/events 2>&1 &
monitor=$!
sleep 1.5
is "the guest under cxl-device sets CONTROL and its lock" \
	"$(vmm_run one "setpci -s $IN ECAP23+c.w=4a56 ECAP23+14.w=1 ECAP23+c.w ECAP23+14.w" | xargs)" \
	"4a56 0001"
is "the one under locked finds its lock set, and cannot" \
	"$(vmm_run two "setpci -s $IN ECAP23+c.w=4a56 ECAP23+14.w=1 ECAP23+c.w ECAP23+14.w" | xargs)" \
	"0002 0001"
sleep 1
kill -INT "$monitor"
wait "$monitor" || :
vm-mark 0
is "the host is told which of them was refused what" \
	"$(jq -r 'select(.offset == 12) | "\(.device) \(.policy) \(.events | join("+")) \(.value)"' \
		/tmp/events)" "$BDF2 locked locked 0x4a56"

# ---- a guest that misbehaves ----

# What isn't written, or may not change
STEADY="0x104.l:0x03c31e98 0x10a.w:0x1e 0x11c.l:0x1000004b 0x114.w:1"
STEADY="$STEADY 0x180.l:0x$(vmm_run two "setpci -s $IN 180.l")"
echo "hammer $CONFIG until=/host/quiet $STEADY" | vmm_begin two
quiet=$(vmm_job two)
sleep 10
: >"$VMM/two/host/quiet"
check "without it, all registers of the other guest are as they were" vmm_end two "$quiet"
# All that is made once is made before it counts
check "it begins" vmm_run one "hammer $CONFIG turns=200 random=7,0x100,0x18f"
sleep 2
vm-mark 2
lines=$(dmesg | wc -l)
memory=$(kept)
accesses=$(($(attr reads) + $(attr writes)))
events=$(vmm_events)
echo "hammer $CONFIG until=/host/stop random=1,0x100,0x18f $STEADY" | vmm_begin one
worker=$(vmm_job one)
echo "hammer $CONFIG until=/host/stop $STEADY" | vmm_begin two
other=$(vmm_job two)
sleep "$SECONDS_OF_IT"
: >"$VMM/one/host/stop"
: >"$VMM/two/host/stop"
check "registers that no guest can change are as they were, all the while" vmm_end one "$worker"
check "so are those of the other guest" vmm_end two "$other"
note "$(tail -n 1 "$worker.out"); $(($(attr reads) + $(attr writes) - accesses)) decided on"
note "the other guest made $(rate "$quiet.out") accesses per second before, and" \
	"$(rate "$other.out") beside it, on two emulated processors for both"
# They have the processors in common, so that it is less; but a device isn't waited for
check "the other guest is not slowed to a fourth" \
	[ $(($(rate "$other.out") * 4)) -gt "$(rate "$quiet.out")" ]
check "both were at it for most of that minute" \
	[ "$(awk '/ accesses, / && $6 > 50 && $1 > 1000' "$worker.out" "$other.out" | wc -l)" -eq 2 ]
sleep 2
# An emulated processor that is busy is late for its own clock, too
is "the host's log has no line of it" \
	"$(dmesg | tail -n "+$((lines + 1))" | grep -v -e 'clocksource: ' -e 'hrtimer: interrupt took')" ""
grown=$(($(kept) - memory))
note "the kernel's memory changed by $grown kB, from $memory kB"
check "the host's kernel keeps no memory for it" [ "$grown" -lt 1024 ]
is "no program erred, and both policies are in force" \
	"$(attr errors) $(attr errors "$BDF2") $(state_of "$BDF"), $(state_of "$BDF2")" \
	"0 0 enforced cxl-device, enforced locked"
check "what its policy refused was told, or counted as lost" \
	[ "$(vmm_events)" -gt "$events" ]
note "$(cxl-policy stats "$BDF" --json | jq -c '.[0] | {reads, writes, writes_denied, hw_reads, hw_writes, events, events_lost}')"
is "both guests are well" "$(vmm_run one "setpci -s $IN ECAP23+c.w"
	vmm_run two "setpci -s $IN ECAP23+c.w")" "4a56
0002"
vm-mark 3
vmm_kill one TERM
vmm_kill two TERM
done_testing
