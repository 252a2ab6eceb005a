# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck source=tests/lib/guest.sh
. /share/tests/lib/guest.sh
# shellcheck source=tests/lib/vmm.sh
. /share/tests/lib/vmm.sh

# The guest has a CXL host bridge and a window of 4 GiB for CXL memory there
WINDOW='decode range: node: 0 range .0x110000000 - 0x20fffffff.'
IN=0000:0d:00.0
DEVICE=/sys/bus/pci/devices/$IN
DRIVER=/sys/bus/pci/drivers/cxl_pci

# said PATTERN: a line of the driver's log
said() {
	grep -c -e "$1" /tmp/log >/tmp/count || :
	[ "$(cat /tmp/count)" -gt 0 ] || note "$(cut -c 1-120 /tmp/log | tail -n 40)"
	[ "$(cat /tmp/count)" -gt 0 ]
}

# The last word of cxl_pci, of cxl_mem and of the endpoint's cxl_port, and the registers
told() {
	echo "memory device $(grep -c '^cxl_pci .*DPA(ram)' /tmp/log)," \
		"endpoint $(sed -n 's/^cxl_port endpoint[0-9]*: probe: //p' /tmp/log)," \
		"memory $(sed -n 's/^cxl_mem mem[0-9]*: probe: //p' /tmp/log)"
}

registers() {
	vmm_run one "setpci -s $IN ECAP23+c.w ECAP23+20.l ECAP23+24.l" | xargs
}

# under POLICY: what the drivers say when they find the device anew
under() {
	cxl-policy swap "$BDF" --policy "$1" >/dev/null
	vmm_script one <<END
echo $IN >$DRIVER/unbind
echo 1 >$DEVICE/reset
dmesg -c >/dev/null
echo $IN >$DRIVER/bind
dmesg
END
}

vm-mark 1
VMM_APPEND='dyndbg="file drivers/cxl/* +p"'
vmm_cxl one "$BDF"
check "a guest boots with the device below a CXL host bridge" vmm_up one
vmm_run one dmesg >/tmp/log
check "the guest has the window" said "$WINDOW"
check "without a policy: its writes are refused" [ "$(attr writes_denied)" -gt 0 ]
is "without a policy: the driver gets all the way, as it doesn't look what became of Mem_Enable" \
	"$(told); $(registers)" \
	"memory device 1, endpoint 0, memory 0; 0002 00000000 00000000"
check "DOE is off the guest's list, and so is CDAT" said 'No CDAT mailbox'
vm-mark 0

cxl-policy attach "$BDF" >/dev/null
vm-mark 2
under cxl-device >/tmp/log
is "cxl-device: the driver takes the HDM decoders, and its Mem_Enable stays" \
	"$(told); $(registers); $(grep -c 'decoder[0-9]*\.[0-9]* added to endpoint' /tmp/log) decoders" \
	"memory device 1, endpoint 0, memory 0; 0006 00000000 00000000; 4 decoders"
vm-mark 0

vm-mark 3
under type3-memory >/tmp/log
is "type3-memory: the range is in no window of this guest, and the driver gives up" \
	"$(told); $(registers)" \
	"memory device 1, endpoint -6, memory -6; 0006 00000080 00000000"
check "the driver says so" said 'Range register decodes outside platform defined CXL ranges'
vm-mark 0

cat >/tmp/in-window.yaml <<'END'
name: in-window
based-on: type3-memory
dvsecs:
  - vendor: 0x1e98
    id: 0
    fields:
      - {field: range1_base_high.memory_base_high, value: 0x1}
      - {field: range1_base_low.memory_base_low, value: 0x1}
END
vm-mark 4
under /tmp/in-window.yaml >/tmp/log
is "type3-memory with a base in the window: the driver goes by the range" \
	"$(told); $(registers)" \
	"memory device 1, endpoint 0, memory 0; 0006 00000001 10000000"
check "the driver takes the range for allowed" said 'DVSEC Range0 allowed by platform'
check "and begins a region there" said 'created region0'
check "which comes to nothing, as no decoder of the host bridge leads there" \
	said 'failed to attach decoder.* to region0: -6'
vm-mark 0

vm-mark 6
under no-cache >/tmp/log
is "no-cache: as under cxl-device" "$(told); $(registers)" \
	"memory device 1, endpoint 0, memory 0; 0006 00000000 00000000"
for policy in locked read-only; do
	under "$policy" >/tmp/log
	is "$policy: the same, but it can't set Mem_Enable, and doesn't look" "$(told); $(registers)" \
		"memory device 1, endpoint 0, memory 0; 0002 00000000 00000000"
done
vm-mark 0

vm-mark 5
under passthrough >/tmp/log
is "passthrough: as under cxl-device, with the hardware's Mem_Enable" \
	"$(told); $(registers) $(hw 0x10c 2)" \
	"memory device 1, endpoint 0, memory 0; 0006 00000000 00000000 0006"
vm-mark 0
is "no program erred" "$(attr errors)" 0
vmm_kill one TERM

done_testing
