# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck source=tests/lib/guest.sh
. /share/tests/lib/guest.sh
# shellcheck source=tests/lib/mock.sh
. /share/tests/lib/mock.sh

cat >/tmp/described.yaml <<'END'
name: described
description: For a test.
based-on: cxl-device
dvsecs:
  - vendor: 0x1e98
    id: 7
    fields:
      - {field: capability.cache_capable, offset: 0x0a, bits: 0, attribute: RO, value: 0}
  - vendor: 0x8086
    id: 0x17
    fields:
      - {field: control.enable, offset: 0x0c, bits: 0, attribute: RW}
      - {field: control.mode, offset: 0x0c, bits: 7:4, attribute: RWL, value: 3}
      - {field: control.lock, offset: 0x0c, bits: 15, attribute: RWO}
      - {field: boost.enable, offset: 0x10, bits: 0, attribute: RW, read: shadow,
         write: [shadow, hardware]}
      - {field: boost.error, offset: 0x10, bits: 1, attribute: RW1C, read: hardware,
         write: [hardware]}
      - {field: boost.rsvd, offset: 0x10, bits: 7:2, attribute: RsvdP}
END

# Device DVSEC, Flex Bus port, and one of another vendor, side by side
set -- pm flr dvsec=0x100 dvsec=0x13c,id=7,len=0x20 dvsec=0x15c,vendor=0x8086,id=0x17,len=0x28 \
	0x146.w=0x0027 0x168.w=0xa5a4 0x16c.l=0x123456fe 0x170.l=0x89abcdef
FLEXBUS=0x146
CONTROL=0x168
BOOST=0x16c
OTHER=0x170

# The device as above, with all of the last DVSEC writable but for its error
device() {
	become "$@"
	MOCK_FILE=writable mock_set $CONTROL 0xff 0xff 0xff 0xff 0xfd 0xff 0xff 0xff 0xff 0xff 0xff 0xff
	MOCK_FILE=clearable mock_set $BOOST 0x02
}

reached() {
	mock_got 0x13c 0x183
}

check "a mock device comes up" mock "$@"
device "$@"
check "the default policy comes in force" cxl-policy attach "$BDF"
is "a DVSEC of another vendor that no policy claims is as it ever was" \
	"$(v $CONTROL.w=0x1234 $CONTROL.w) $(reached)" "1234 @0x168.w <- 0x1234"

device "$@"
check "a policy that describes it comes in force" cxl-policy swap "$BDF" --policy /tmp/described.yaml
is "a hidden capability of the Flex Bus port reads 0, the rest the hardware" \
	"$(v $FLEXBUS.w $FLEXBUS.b=0xff $FLEXBUS.w 0x148.w=0xffff)" "0026 0026"
is "fields in the shadow have their values at open, others those of the hardware" \
	"$(v $CONTROL.w $BOOST.l $OTHER.l)" "2534 12345602 89abcdef"
is "nothing of that reaches the device" "$(reached)" ""
is "a user writes what is in the shadow, until it locks" \
	"$(v $CONTROL.w=0x0051 $CONTROL.w $CONTROL.w=0x80a0 $CONTROL.w $CONTROL.w=0x0001 \
		$CONTROL.w)" "2555 a5a4 a5a5"
is "which reaches nothing" "$(reached)" ""
is "what isn't described is read-only" \
	"$(v $OTHER.l=0 $BOOST.l=0xffffff00 $OTHER.l $BOOST.w)" "89abcdef 5602"
mock_forget
is "a field that goes to the hardware, and a clear" \
	"$(v $BOOST.b=0x01 $BOOST.b $BOOST.b=0x03 $BOOST.b)" "03 01"
is "reach it with their neighbours kept, and are put back but for the clear" \
	"$(reached) $(mock_has $BOOST 1)" \
	"@0x16c.b <- 0xfd @0x16c.b <- 0xff @0x16c.b <- 0xfc fc"
is "the next user finds the values at open" "$(v $CONTROL.w $BOOST.b)" "2534 00"
is "a function level reset keeps the lock of that DVSEC, too" \
	"$(v $CONTROL.w=0x8051 reset $CONTROL.w=0 $CONTROL.w)" "a554"
echo bus >"/sys/bus/pci/devices/$BDF/reset_method"
hw_set 0x10c 1 "$PORT"
is "a conventional one ends it" "$(v $CONTROL.w=0x8051 reset $CONTROL.w $CONTROL.w=0 $CONTROL.w)" \
	"2534 2504"
is "the device DVSEC is as ever" "$(v dvsec+0xc.w=0xffff dvsec+0xc.w)" 4fff
names() {
	cxl-policy show "$BDF" --json | jq -r '.dvsecs[] | select(.id == 23) | .fields[].name' | xargs
}
is "fields are shown without a name where the policy isn't found" "$(names)" \
	"null null null null null null"
is "and by name where it is" "$(CXL_POLICY_PATH=/tmp names)" \
	"control.enable control.mode control.lock boost.enable boost.error boost.rsvd"
# refused: what monitor tells of a write that is refused
refused() {
	while [ -n "$(cxl-policy monitor --json --timeout 1)" ]; do :; done
	v $CONTROL.w=0xa534 $CONTROL.w=0xa5f4 >/dev/null
	cxl-policy monitor --json --timeout 1 | jq -c 'select(.offset) | [.refused, .refused_fields]'
}
is "monitor tells bits without names where the policy isn't found" "$(refused)" '["0x00c0",[]]'
is "and the fields where it is" "$(CXL_POLICY_PATH=/tmp refused)" '["0x00c0",["control.mode"]]'
check "detach" cxl-policy detach "$BDF"
is "no access made a policy fail" "$(attr errors)" 0
done_testing
