# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck source=tests/lib/guest.sh
. /share/tests/lib/guest.sh

# ones ID FROM TO: writes of all ones to each dword, word and byte of a DVSEC
ones() {
	# shellcheck disable=SC2046 # words
	{
		printf "dvsec$1+0x%x.l=0xffffffff\n" $(seq "$2" 4 $(($3 - 4)))
		printf "dvsec$1+0x%x.w=0xffff\n" $(seq "$2" 2 $(($3 - 2)))
		printf "dvsec$1+0x%x.b=0xff\n" $(seq "$2" 1 $(($3 - 1)))
	}
}

# CAPABILITY, CONTROL, STATUS, CONTROL2, STATUS2, LOCK, CAPABILITY2
DEVICE="dvsec+0xa.w dvsec+0xc.w dvsec+0xe.w dvsec+0x10.w dvsec+0x12.w dvsec+0x14.w dvsec+0x16.w"
# RANGE1 and RANGE2: size and base
RANGE1="dvsec+0x18.l dvsec+0x1c.l dvsec+0x20.l dvsec+0x24.l"
RANGE2="dvsec+0x28.l dvsec+0x2c.l dvsec+0x30.l dvsec+0x34.l"
# Flex Bus port: Capability, Control, Status, Received_Modified_TS_Data_Phase1
FLEXBUS="dvsec7+0xa.w dvsec7+0xc.w dvsec7+0xe.w dvsec7+0x10.l"
NOTHING="00000000 00000000 00000000 00000000"

# shellcheck disable=SC2086,SC2046 # words
{
# ---- QEMU's device ----

is "each of them is known by its name" \
	"$(for policy in no-cache locked type3-memory; do
		cxl-policy attach "$BDF" --policy $policy >/dev/null && state
		cxl-policy detach "$BDF" >/dev/null
	done | xargs)" "enforced no-cache enforced locked enforced type3-memory"

check "no-cache comes in force" cxl-policy attach "$BDF" --policy no-cache
is "no-cache: the device as ever, but for the CXL.cache of the port above" \
	"$(v $DEVICE $FLEXBUS) $(hw 0x180 4)" \
	"001e 0002 0000 0000 0000 0000 0000 0026 0002 0026 000000e7 000000ef"
vm-mark 1
is "no-cache: all ones set Mem_Enable, Viral_Enable, and CXL_Reset_Mem_Clr_Enable" \
	"$(v $(ones '' 4 0x14) $(ones 7 4 0x20) $DEVICE $FLEXBUS)" \
	"001e 4006 0000 0008 0000 0000 0000 0026 0002 0026 000000e7"
vm-mark 10

check "locked comes in force" cxl-policy swap "$BDF" --policy locked
is "locked: CONFIG_LOCK is set, all else is as under cxl-device" "$(v $DEVICE $RANGE1)" \
	"001e 0002 0000 0000 0000 0001 0000 00000000 1000004b 00000000 00000000"
vm-mark 2
is "locked: all ones change CONTROL2 alone" "$(v dvsec+0xc.w=0xffff dvsec+0x10.w=0xffff \
	dvsec+0x14.w=0 $(ones '' 0x18 0x38) $DEVICE $RANGE1 $RANGE2)" \
	"001e 0002 0000 0009 0000 0001 0000 00000000 1000004b 00000000 00000000 $NOTHING"
vm-mark 3
is "locked: so it is after a conventional reset" \
	"$(v reset dvsec+0x14.w dvsec+0xc.w=0x4 dvsec+0xc.w dvsec+0x20.l=1 dvsec+0x20.l \
		hot-reset dvsec+0x14.w dvsec+0xc.w=0x4 dvsec+0xc.w)" \
	"0001 0002 00000000 0001 0002"
vm-mark 30

check "type3-memory comes in force" cxl-policy swap "$BDF" --policy type3-memory
is "type3-memory: Mem_Enable is set, range 1 is at 512 GiB" "$(v $DEVICE $RANGE1 $RANGE2)" \
	"001e 0006 0000 0000 0000 0000 0000 00000000 1000004b 00000080 00000000 $NOTHING"
vm-mark 4
is "type3-memory: all ones change CONTROL, CONTROL2 and the base of range 1" \
	"$(v $(ones '' 0x18 0x38) dvsec+0xc.w=0xffff dvsec+0x10.w=0xffff $DEVICE $RANGE1 $RANGE2)" \
	"001e 4fff 0000 0009 0000 0000 0000 00000000 1000004b ffffffff f0000000 $NOTHING"
vm-mark 5
is "type3-memory: a guest moves its memory, until a conventional reset" \
	"$(v dvsec+0xc.w=0 dvsec+0x20.l=1 dvsec+0x24.l=0x90000000 dvsec+0xc.w $RANGE1 \
		reset dvsec+0xc.w $RANGE1)" \
	"0002 00000000 1000004b 00000001 90000000 0006 00000000 1000004b 00000080 00000000"
vm-mark 50
client user "$BDF" dvsec+0xc.w=0 dvsec+0x20.l=2 @1 dvsec+0x14.w dvsec+0xc.w=4 dvsec+0xc.w \
	dvsec+0x20.l
at user 1
cxl-policy swap "$BDF" --policy locked >/dev/null
go user 1
is "a guest keeps the registers that it has when locked takes over" "$(ended user)" \
	"0000 0006 00000002"
is "the next one finds them locked" "$(v dvsec+0x14.w dvsec+0x20.l)" "0001 00000000"
is "no access made a policy fail" "$(attr errors)" 0
check "detach" cxl-policy detach "$BDF"

# ---- a device of type 2 ----

# shellcheck source=tests/lib/mock.sh
. /share/tests/lib/mock.sh
set -- pm flr dvsec=0x100 dvsec=0x13c,id=7,len=0x20 dvsec=0x15c,id=10,len=0x1c \
	0x10a.w=0xcadf 0x10c.w=0x0b2f 0x110.b=0x01 0x112.w=0x8001 0x116.w=0x12f2 \
	0x146.w=0x0027 0x148.w=0x0027 0x14a.w=0x0027 0x14c.l=0x0000001f \
	0x168.l=0x2a0003ff 0x16c.l=0x00004010
TEST="dvsec10+0xc.l dvsec10+0x10.l"

check "a mock device comes up" mock "$@"
become "$@"
check "cxl-device comes in force on it" cxl-policy attach "$BDF"
is "under cxl-device it shows its cache" "$(v $DEVICE $FLEXBUS $TEST)" \
	"c05f 0002 0000 0000 8001 0000 12f2 0027 0027 0027 0000001f 2a0003ff 00004010"
become "$@"
check "no-cache comes in force on it" cxl-policy swap "$BDF" --policy no-cache
is "no-cache: nothing of it is left" "$(v $DEVICE $FLEXBUS $TEST)" \
	"c01e 0002 0000 0000 8000 0000 00c0 0026 0026 0026 00000017 00000000 00000000"
mock_forget
is "no-cache: whatever is written" \
	"$(v $(ones '' 4 0x14) $(ones 7 4 0x20) $(ones 10 4 0x1c) $DEVICE $FLEXBUS $TEST)" \
	"c01e 4006 0000 0028 8000 0000 00c0 0026 0026 0026 00000017 00000000 00000000"
is "no-cache: by no reset either" \
	"$(v reset $DEVICE) $(v dvsec+0x10.w=1 dvsec+0x10.w=3 dvsec+0x10.w)" \
	"c01e 0002 0000 0000 8000 0000 00c0 0000"
is "no-cache: nothing reached the device, whose caching is still the host's" \
	"$(mock_got 0x100 0x177) $(mock_has 0x110 1) $(mock_has 0x10c 2)" " 01 0b2f"

# So many events were there before that for some seconds there are no more
sleep 3
v dvsec+0x10.w=0x0003 dvsec7+0xc.w=0x0027 >/dev/null
last_events() {
	cxl-policy monitor --json --timeout 2 >>/tmp/events
	tail -n 4 /tmp/events | jq -r '"\(.events | join("+")) \(.id) \(.offset) \(.refused)"'
}
told="opened null null null refused 0 16 0x0003 refused 7 12 0x0001 closed null null null"
is "no-cache: what is refused is told, by DVSEC, offset and bits" \
	"$(eventually "$told" last_events)" "$told"

become "$@"
check "locked comes in force on it" cxl-policy swap "$BDF" --policy locked
is "locked: nothing is changed but CONTROL2" \
	"$(v dvsec+0xc.w=0xffff dvsec+0x20.l=1 dvsec+0x10.w=1 reset $DEVICE $RANGE1)" \
	"c05f 0002 0000 0001 8001 0001 12f2 00000001 00000003 00000000 00000000"
check "detach from it" cxl-policy detach "$BDF"
}
done_testing
