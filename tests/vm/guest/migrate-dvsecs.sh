# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck source=tests/lib/guest.sh
. /share/tests/lib/guest.sh
# shellcheck source=tests/lib/mock.sh
. /share/tests/lib/mock.sh

FILE=/tmp/vm.json
CONTROL=0x168
BOOST=0x16c
READS="dvsec+0xc.w $CONTROL.w $BOOST.b"

mkdir -p /etc/cxl-policy/policies
cat >/etc/cxl-policy/policies/described.yaml <<'END'
name: described
based-on: cxl-device
dvsecs:
  - vendor: 0x8086
    id: 0x17
    fields:
      - {field: control.enable, offset: 0x0c, bits: 0, attribute: RW}
      - {field: control.mode, offset: 0x0c, bits: 7:4, attribute: RWL, value: 3}
      - {field: control.lock, offset: 0x0c, bits: 15, attribute: RWO}
      - {field: boost.enable, offset: 0x10, bits: 0, attribute: RW, read: shadow,
         write: [shadow, hardware]}
      - {field: boost.rsvd, offset: 0x10, bits: 7:1, attribute: RsvdP}
END

reads() {
	# shellcheck disable=SC2086 # words
	v $READS
}

set -- pm flr dvsec=0x100 dvsec=0x15c,vendor=0x8086,id=0x17,len=0x28
check "a mock device comes up" mock "$@"
check "a policy for its DVSECs comes in force" cxl-policy attach "$BDF" --policy described
client a "$BDF" dvsec+0xc.w=6 $CONTROL.w=0x8051 $BOOST.b=1 @1
at a 1
check "its state is saved" cxl-policy save "$BDF" $FILE
go a 1
ended a >/dev/null
is "with the DVSEC of another vendor" \
	"$(jq -c '.dvsecs[1] | [.vendor, .id, .offset, [.dwords[] | [.offset, .value, .valid]]]' $FILE)" \
	'["0x8086",23,348,[[12,"0x00008051","0x000080f1"],[16,"0x00000001","0x00000001"]]]'
mock_forget
is "what went to the hardware isn't restored, and is told of by its name" \
	"$(cxl-policy restore "$BDF" $FILE --json | jq -c .not_restored)" '["boost.enable"]'
is "the rest is, with its lock" "$(v $CONTROL.w $CONTROL.w=0 $CONTROL.w $BOOST.b dvsec+0xc.w)" \
	"8051 8050 00 0006"
is "nothing of that reaches the device" "$(mock_got 0x100 0x183)" ""
cxl-policy restore "$BDF" $FILE >/dev/null
is "a function level reset keeps what was restored" \
	"$(v $CONTROL.w reset $CONTROL.w dvsec+0xc.w)" "8051 8051 0006"

# ---- a policy that isn't for that DVSEC ----

cxl-policy swap "$BDF" --policy cxl-device >/dev/null
is "what the policy isn't asked about isn't restored" \
	"$(cxl-policy restore "$BDF" $FILE --json | jq -c '.not_restored | length')" 2
is "and the rest is" "$(v dvsec+0xc.w)" 0006
cxl-policy restore "$BDF" $FILE >/dev/null
cxl-policy swap "$BDF" --policy described >/dev/null
is "the policy at the first access counts, not the one before" "$(reads)" "0006 8051 00"

# ---- a device that changes meanwhile ----

cxl-policy restore "$BDF" $FILE >/dev/null
become pm flr dvsec=0x100 dvsec=0x15c,vendor=0x8086,id=0x17,len=0x24
# shellcheck disable=SC2086 # words
client b "$BDF" $READS @1
at b 1
is "one with another DVSEC when it is opened is refused" \
	"$(cxl-policy show "$BDF" --json | jq -r .restore)" refused
go b 1
is "and nothing is restored, not even of the other DVSECs" "$(ended b)" "0002 0030 00"
fails "nor is it armed anew" 7 '*the length of DVSEC 0x8086:23 is 0x028 in the file and 0x024 here*' \
	cxl-policy restore "$BDF" $FILE
become "$@"
cxl-policy restore "$BDF" $FILE >/dev/null
is "the device as it was takes it" "$(reads)" "0006 8051 00"
is "no program erred" "$(attr errors)" 0
done_testing
