# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck source=tests/lib/guest.sh
. /share/tests/lib/guest.sh
# shellcheck source=tests/lib/vmm.sh
. /share/tests/lib/vmm.sh

CONFIG=/sys/bus/pci/devices/$IN/config

# reads ADDRESS...: what setpci reads in the guest, on one line
reads() {
	for address; do
		echo "setpci -s $IN $address"
	done | vmm_script one | xargs
}

# counted: the accesses to DVSECs that the kernel has counted
counted() {
	echo $(($(attr reads) + $(attr writes)))
}

# As the README says it is done
sed -n '/^## With QEMU/,/^QEMU, with/ s/^    //p' /share/README.md >/tmp/commands
check "the README's commands assign the policy and bind the device" sh -e /tmp/commands
is "so that it waits for a user" "$(state) $(basename "$(readlink "/sys/bus/pci/devices/$BDF/driver")")" \
	"enforced cxl-device vfio-pci"
vm-mark 1
vmm_plain one "$BDF"
check "a guest boots with the device" vmm_up one
is "the device has one user, under the policy" \
	"$(state) $([ "$(attr open_id)" -gt 0 ] && echo open)" "enforced cxl-device open"

# ---- lspci and setpci ----

vmm_run one "lspci -vvv -s $IN" >/tmp/lspci
is "lspci in the guest tells the DVSECs of CXL that the device has" \
	"$(sed -n 's/.*Designated Vendor-Specific: Vendor=1e98 ID=\([0-9a-f]*\).*/\1/p' /tmp/lspci | xargs)" \
	"0000 0008 0005 0007"
lspci -vvv -s "$BDF" >/tmp/lspci.host 2>/dev/null
is "DOE, which vfio hides, is on the host's list alone" \
	"$(grep -c 'Data Object Exchange' /tmp/lspci.host) $(grep -c 'Data Object Exchange' /tmp/lspci || :)" \
	"1 0"
like "lspci decodes what the policy gives: enables of the guest, and no base" \
	"$(sed -n '/ID=0000/,/ID=0008/p' /tmp/lspci | xargs)" \
	"*CXLCtl: Cache- IO+ Mem-*Range1: 0000000000000000-*"
is "setpci writes all that the guest may write of CONTROL, and reads it back" \
	"$(reads ECAP23+c.w=ffff ECAP23+c.w ECAP23+20.l=5 ECAP23+24.l=a0000000 ECAP23+20.l ECAP23+24.l)" \
	"4fff 00000005 a0000000"
vmm_run one "lspci -vvv -s $IN" >/tmp/lspci
like "lspci decodes what setpci wrote" \
	"$(sed -n '/ID=0000/,/ID=0008/p' /tmp/lspci | xargs)" \
	"*CXLCtl: Cache+ IO+ Mem+*Viral+*Range1: 00000005a0000000-*"
is "the hardware has nothing of that" "$(hw 0x10c 2) $(hw 0x120 4) $(hw 0x124 4)" \
	"0002 00000000 00000000"

# ---- swapped while the guest works ----

other_policy >/tmp/other.yaml
vm-mark 2
reads ECAP23+c.w=4a56 ECAP23+14.w=1 >/dev/null
before=$(counted)
events=$(vmm_events)
denied=$(attr writes_denied)
cxl-policy monitor --json >/tmp/events 2>&1 &
monitor=$!
echo "hammer $CONFIG until=/host/stop 0x10c.w=0 0x10c.w:0x4a56 0x114.w:1 0x10a.w:0x1e,0x2e" \
	"0x11c.l:0x1000004b 0x120.l:5" | vmm_begin one
worker=$(vmm_job one)
failed=0
for policy in /tmp/other.yaml cxl-device read-only /tmp/other.yaml cxl-device /tmp/other.yaml; do
	# Some turns under each, however slow the machine is
	turns=$(counted)
	until [ $(($(counted) - turns)) -ge 60 ] || ! vmm_alive one; do
		sleep 0.2
	done
	status=0
	cxl-policy swap "$BDF" --policy "$policy" >/tmp/swap.log 2>&1 || status=$?
	want=$(basename "$policy" .yaml)
	if [ "$status $(state)" != "0 enforced $want" ]; then
		failed=$((failed + 1))
		note "$(cat /tmp/swap.log) $(state)"
	fi
done
is "six swaps succeed under a guest that works" "$failed" 0
status=0
cxl-policy trial "$BDF" cxl-device --json --count 3 --timeout 60 >/tmp/trial 2>/tmp/trial.err || status=$?
is "a trial beside the guest's accesses tells what would end differently" \
	"$status $(jq -r 'select(.op) | "\(.op) \(.offset) \(.in_force.value) \(.candidate.value)"' /tmp/trial | sort -u)" \
	"8 read 10 0x002e 0x001e"
is "stats tells of the guest's refused writes, and of no error" \
	"$(cxl-policy stats "$BDF" --json | jq -r '.[0] | "\(.writes_denied > 60) \(.errors)"')" "true 0"
: >"$VMM/one/host/stop"
check "no read of the guest gave what no policy in force gives" vmm_end one "$worker"
note "$(cat "$worker.out")"
is "the guest sees the rule of each policy as it comes, and no other after it" \
	"$(sed -n 's/^0x10a //p' "$worker.out")" "0x1e 0x2e 0x1e 0x2e 0x1e 0x2e"
is "no access was lost: the guest made as many as the kernel has decided on" \
	"$(awk '/ accesses, / { print $1 }' "$worker.out")" "$(($(counted) - before))"
sleep 1
kill -INT "$monitor"
wait "$monitor" || :
is "each refused write is told, or counted as lost" "$(($(vmm_events) - events))" \
	"$(($(attr writes_denied) - denied))"
is "monitor told of the guest's refused writes, under each policy" \
	"$(jq -r 'select(.offset == 12) | "\(.device) \(.policy) \(.events | join("+")) \(.value) \(.refused)"' \
		/tmp/events | sort -u)" \
	"$BDF cxl-device refused+locked 0x0000 0x4a56
$BDF other refused+locked 0x0000 0x4a56
$BDF read-only refused 0x0000 0x4a56"

# ---- the guest reboots ----

CLEAN="0002 0000 00000000 00000000 0000"
cxl-policy swap "$BDF" --policy cxl-device >/dev/null
is "before the guest reboots it has its lock and its range base" \
	"$(reads ECAP23+c.w ECAP23+14.w ECAP23+20.l ECAP23+24.l ECAP23+10.w)" \
	"4a56 0001 00000005 a0000000 0000"
vm-mark 3
echo "reboot -f" | vmm_begin one
check "it boots again in the same VMM" vmm_up one 2
is "a guest that was rebooted begins with clean registers" \
	"$(reads ECAP23+c.w ECAP23+14.w ECAP23+20.l ECAP23+24.l ECAP23+10.w)" "$CLEAN"

# ---- the VMM is killed ----

vm-mark 4
is "the guest sets the registers, CONTROL2 in the hardware too, and locks" \
	"$(reads ECAP23+c.w=4 ECAP23+20.l=7 ECAP23+10.w=1 ECAP23+14.w=1 \
		ECAP23+c.w ECAP23+14.w ECAP23+20.l ECAP23+10.w) $(hw 0x110 2)" \
	"0006 0001 00000007 0001 0001"
vmm_kill one
is "with the VMM killed the device is free, its policy stays, and CONTROL2 is put back" \
	"$(eventually 0 attr open_id) $(state) $(hw 0x110 2)" "0 enforced cxl-device 0000"
vmm_plain one "$BDF"
check "the next VMM boots a guest with the device" vmm_up one
is "it sees nothing of the guest before" \
	"$(reads ECAP23+c.w ECAP23+14.w ECAP23+20.l ECAP23+24.l ECAP23+10.w)" "$CLEAN"
is "no program erred" "$(attr errors)" 0
vm-mark 5
vmm_kill one TERM
done_testing
