# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck source=tests/lib/guest.sh
. /share/tests/lib/guest.sh
# shellcheck source=tests/lib/mock.sh
. /share/tests/lib/mock.sh

# The device DVSEC of a device that has function level reset; see mock_image
set -- pm flr dvsec=0x100
# CONTROL, CONTROL2, LOCK and range bases, as a user sees them
SEE="dvsec+0xc.w dvsec+0x10.w dvsec+0x14.w dvsec+0x20.l dvsec+0x24.l dvsec+0x30.l dvsec+0x34.l"
FRESH="0002 0000 0000 00000000 00000000 00000000 00000000"
SET="dvsec+0xc.w=0x4a56 dvsec+0x10.b=0x8 dvsec+0x20.l=0x1234 dvsec+0x24.l=0xa0000000
	dvsec+0x30.l=0x5678 dvsec+0x34.l=0xb0000000 dvsec+0x14.w=1"
LOCKED="4a56 0008 0001 00001234 a0000000 00005678 b0000000"
# CAPABILITY.7, .10:8 and .11; CAPABILITY2.6; CAPABILITY3.3 and .4
RESET_CAPABLE=0x10a.w=0x0fd7
COMPLETION=0x116.w=0x40
HDM_STATE=0x138.w=0x8
P2P=0x138.w=0x10
ALL_OF_IT="$RESET_CAPABLE $COMPLETION 0x138.w=0x18"

# reached: what reached the DVSEC since the device became so
reached() {
	mock_got 0x100 0x13f
}

# shellcheck disable=SC2086 # words
{
check "a mock device comes up" mock "$@"
check "the default policy comes in force" load "$POLICY" pin=/sys/fs/bpf/mock
is "it is in force on the device" "$(state)" "enforced cxl-device"

# ---- what the host has is hidden, and stays ----

become "$@"
is "a user sees nothing of what the firmware has set and locked" "$(v $SEE)" "$FRESH"
is "a user writes and locks registers of its own" "$(v $SET $SEE)" "$LOCKED"
is "of that only the unchanged Disable_Caching reaches the device" "$(reached)" \
	"@0x110.b <- 0x0"
is "the device's CONTROL, LOCK and range bases are still the firmware's" \
	"$(mock_has 0x10c 2) $(mock_has 0x114 2) $(mock_has 0x120 4) $(mock_has 0x124 4)" \
	"0006 0001 00000012 30000000"

# ---- bits that there are only where a capability says so ----

become "$@"
is "without its capability, Direct_P2P_Mem_Enable is reserved" \
	"$(v dvsec+0xc.w=0xffff dvsec+0xc.w)" 4fff
is "without their capabilities, bits 4 and 5 of CONTROL2 are 0" \
	"$(v dvsec+0x10.w=0x38 dvsec+0x10.w)" 0008
become "$@" $P2P
is "with it, Direct_P2P_Mem_Enable can be set" "$(v dvsec+0xc.w=0xffff dvsec+0xc.w)" 5fff
is "and by its byte alone" "$(v dvsec+0xd.b=0x10 dvsec+0xc.w)" 1002
is "and is locked" "$(v dvsec+0x14.b=1 dvsec+0xc.w=0xffff dvsec+0xc.w)" 0002
is "in the shadow alone" "$(reached)" ""
is "the other bits of CAPABILITY3 allow nothing in CONTROL2" \
	"$(v dvsec+0x10.w=0x38 dvsec+0x10.w)" 0008
become "$@" $HDM_STATE
is "Desired_Volatile_HDM_State_after_Hot_Reset needs its capability" \
	"$(v dvsec+0x10.w=0x38 dvsec+0x10.w dvsec+0xc.w=0xffff dvsec+0xc.w)" "0018 4fff"
become "$@" $COMPLETION
is "Modified_Completion_Enable needs its capability" \
	"$(v dvsec+0x10.w=0x38 dvsec+0x10.w dvsec+0xc.w=0xffff dvsec+0xc.w)" "0028 4fff"
become "$@" $ALL_OF_IT
is "all capabilities, all bits" \
	"$(v dvsec+0x10.w=0xfffa dvsec+0x10.w dvsec+0xc.w=0xffff dvsec+0xc.w)" "0038 5fff"
is "but in the device they stay 0" "$(reached) $(mock_has 0x110 2)" "@0x110.b <- 0x0 0000"

become "$@" $ALL_OF_IT
is "a CXL reset is not offered, whatever the device can do" "$(v dvsec+0xa.w)" 0057
is "and the attempt does nothing" "$(v dvsec+0x10.w=4 dvsec+0x10.l)" 00000000
is "in the device neither" "$(reached)" "@0x110.b <- 0x0"
is "the other capabilities are the device's" "$(v dvsec+0x16.w dvsec+0x38.w)" "0040 0018"

# ---- revision 1 ends before CAPABILITY3 ----

become pm flr dvsec=0x100,rev=1 0x138.w=0x18
is "revision 1 has no bits that CAPABILITY3 is about" \
	"$(v dvsec+0xc.w=0xffff dvsec+0xc.w dvsec+0x10.w=0x38 dvsec+0x10.w \
		dvsec+0x12.w=0xffff dvsec+0x12.w)" "4fff 0008 0000"
is "what stands behind it is not read" "$(mock_got 0x138 0x13b reads)" ""
is "what is in it is" "$(mock_got 0x116 0x117 reads | cut -d ' ' -f 1)" "@0x114.l"

# ---- STATUS2: the error is cleared in the device, alone ----

become "$@" $HDM_STATE 0x112.w=0x8009
# On this device everything around is RW1C too
MOCK_FILE=clearable mock_set 0x10e 0xff 0xff
MOCK_FILE=clearable mock_set 0x112 0xff 0xff
mock_set 0x10e 0x01 0x40
is "STATUS2 shows the device's own bits" "$(v dvsec+0x12.w)" 8009
is "a user clears the error" "$(v dvsec+0x12.w=0xffff dvsec+0x12.w)" 8001
is "by writing its bit as 1, and nothing else" "$(reached)" "@0x112.b <- 0x8"
is "its neighbours are still set" "$(mock_has 0x10e 2) $(mock_has 0x112 2)" "4001 8001"
mock_set 0x112 0x09
mock_forget
is "writing 0 clears nothing" "$(v dvsec+0x12.w=0 dvsec+0x12.b=0xf7 dvsec+0x12.w) $(reached)" "8009 "
is "a write of CONTROL2 and STATUS2 at once clears it too" \
	"$(v dvsec+0x10.l=0xffff0001 dvsec+0x10.l)" 80010001
is "each in an access of its own, and with CONTROL2 put back" "$(reached)" \
	"@0x110.b <- 0x1 @0x112.b <- 0x8 @0x110.b <- 0x0"
become "$@" 0x112.w=0x8009
is "without the capability there is no such error" "$(v dvsec+0x12.w=0xffff dvsec+0x12.w)" 8001
is "and it is not cleared" "$(reached) $(mock_has 0x112 2)" " 8009"

become "$@"
client user "$BDF" dvsec+0x12.w @1 dvsec+0x12.w @2 dvsec+0x12.b @3 dvsec+0x10.l
at user 1
mock_set 0x112 0x01
go user 1
at user 2
mock_set 0x112 0x00 0x80
go user 2
at user 3
mock_set 0x112 0xff 0xff
go user 3
is "Cache_Invalid and Power_Management_Init_Complete are live, the rest is not the device's" \
	"$(ended user)" "0000 0001 00 80010000"

# ---- Viral_Status: acknowledged, never cleared ----

become "$@"
mock_set 0x10e 0x00 0x40
client user "$BDF" dvsec+0xe.w dvsec+0xe.w=0x4000 dvsec+0xe.w dvsec+0xc.l @1 \
	dvsec+0xe.w @2 dvsec+0xe.w dvsec+0xf.b=0x40 dvsec+0xe.w
at user 1
is "a user's clear of Viral_Status reaches nothing" "$(reached) $(mock_has 0x10e 2)" " 4000"
mock_set 0x10e 0x00 0x00
go user 1
at user 2
mock_set 0x10e 0x00 0x40
go user 2
is "Viral_Status reads 0 once acknowledged, and is back after the device was viral anew" \
	"$(ended user)" "4000 0000 00000002 0000 4000 0000"
is "the next user sees it" "$(v dvsec+0xe.w) $(reached)" "4000 "

# ---- CONTROL2: byte for byte ----

become "$@"
is "a write-back needs Disable_Caching" "$(v dvsec+0x10.w=2 dvsec+0x10.w) $(reached)" \
	"0000 @0x110.b <- 0x0"
become "$@"
is "Disable_Caching, a write-back, and off again" \
	"$(v dvsec+0x10.w=1 dvsec+0x10.w dvsec+0x10.w=3 dvsec+0x10.w dvsec+0x10.b=0 dvsec+0x10.w)" \
	"0001 0001 0000"
is "reach the device byte for byte" "$(reached)" \
	"@0x110.b <- 0x1 @0x110.b <- 0x3 @0x110.b <- 0x0"
become "$@" 0x110.b=0x38
is "a write-back in one access of a dword" "$(v dvsec+0x10.l=0xffff0003 dvsec+0x10.w)" 0001
is "keeps the host's bits, then and when it is put back" "$(reached) $(mock_has 0x110 2)" \
	"@0x110.b <- 0x3b @0x110.b <- 0x38 0038"
become "$@" 0x110.b=0x01
is "a user doesn't see that the host has disabled caching" \
	"$(v dvsec+0x10.w dvsec+0x11.b=0xff dvsec+0x10.w)" "0000 0000"
is "the upper byte of CONTROL2 reaches nothing" "$(reached)" ""
is "a user enables caching, and it is disabled again after it" \
	"$(v dvsec+0x10.b=0) $(reached) $(mock_has 0x110 1)" " @0x110.b <- 0x0 @0x110.b <- 0x1 01"
become "$@"
client user "$BDF" dvsec+0x10.w=3 @1
at user 1
is "Disable_Caching is in the device while the user is there" "$(mock_has 0x110 2)" 0001
killed user
is "and is put back when the user is killed" \
	"$(eventually 0000 mock_has 0x110 2) $(reached)" "0000 @0x110.b <- 0x3 @0x110.b <- 0x0"

# ---- resets ----

# kinds of reset that a user's device reset tries, in this order
methods() {
	echo "$*" >"/sys/bus/pci/devices/$BDF/reset_method"
}

unmask() {
	hw_set 0x10c "$1" "$PORT"
}

become "$@"
is "the device has function level reset first" \
	"$(cut -d ' ' -f 1 "/sys/bus/pci/devices/$BDF/reset_method")" flr
is "a function level reset keeps what the user has locked" "$(v $SET reset $SEE)" "$LOCKED"
like "it was one" "$(mock_got 0x48 0x49)" "*@0x48.w <- 0x8?*"
is "the firmware's state survived it" "$(mock_has 0x10c 2) $(mock_has 0x114 2)" "0006 0001"
is "a function level reset by the user's own write too" "$(v $SET 0x48.w=0x8000 $SEE)" "$LOCKED"
mock_forget
is "a function level reset leaves Disable_Caching" \
	"$(v dvsec+0x10.w=1 reset dvsec+0x10.w) $(reached)" "0001 @0x110.b <- 0x1 @0x110.b <- 0x0"

unmask 1
is "a hot reset clears the lock" "$(v $SET hot-reset $SEE)" "$FRESH"
is "it was one: what the firmware has set is lost" \
	"$(mock_has 0x10c 2) $(mock_has 0x114 2) $(mock_has 0x120 4)" "0002 0000 00000000"
become "$@"
is "after it the registers can be written and locked anew" \
	"$(v $SET hot-reset $SET $SEE dvsec+0xc.w=0 dvsec+0xc.w)" "$LOCKED 4a56"
become "$@"
is "a hot reset takes Disable_Caching away" "$(v dvsec+0x10.w=1 hot-reset dvsec+0x10.w)" 0000
is "then there is nothing to put back" "$(reached)" "@0x110.b <- 0x1"
unmask 0
become "$@"
is "a hot reset that the port masks leaves the lock" "$(v $SET hot-reset $SEE)" "$LOCKED"
is "it was none" "$(mock_has 0x10c 2) $(mock_has 0x114 2)" "0006 0001"

for method in cxl_bus bus; do
	methods $method
	[ $method = cxl_bus ] || unmask 1
	become "$@"
	is "a device reset by the method $method clears the lock" "$(v $SET reset $SEE)" "$FRESH"
	is "it was a conventional one, by $method" "$(mock_has 0x114 2)" 0000
done
methods pm
become "$@"
is "a device reset by the method pm keeps the lock" "$(v $SET reset $SEE)" "$LOCKED"
unmask 0
methods bus flr
become "$@"
is "where the port masks the first of two methods, the second one counts" \
	"$(v $SET reset $SEE) $(mock_has 0x114 2)" "$LOCKED 0001"
unmask 1
become "$@"
is "where it does not, the first one does" "$(v $SET reset $SEE) $(mock_has 0x114 2)" "$FRESH 0000"
methods flr bus
become "$@"
is "with two methods, a device reset by the first keeps the lock" "$(v $SET reset $SEE)" "$LOCKED"

become "$@"
client user "$BDF" $SET @1 $SEE
at user 1
echo 1 >"/sys/bus/pci/devices/$BDF/reset"
go user 1
is "a function level reset through sysfs keeps the lock" "$(ended user)" "$LOCKED"
methods bus
become "$@"
client user "$BDF" $SET @1 $SEE
at user 1
echo 1 >"/sys/bus/pci/devices/$BDF/reset"
go user 1
is "a conventional one through sysfs clears it" "$(ended user)" "$FRESH"
methods flr

become "$@"
is "a device that is closed may go to D3cold" "$(cat "$MOCK/no_d3cold")" 0
client user "$BDF" @1 dvsec+0xc.w
at user 1
is "one that is open under a policy loses no registers in D3cold" "$(cat "$MOCK/no_d3cold")" 1
go user 1
ended user >/dev/null
is "after the close it may go there again" "$(cat "$MOCK/no_d3cold")" 0

check "a device without function level reset, below a port that isn't CXL's" \
	mock plain-port dvsec=0x100
become plain-port dvsec=0x100
is "its device reset is a conventional one" "$(v $SET reset $SEE) $(mock_has 0x114 2)" "$FRESH 0000"
become plain-port dvsec=0x100
is "its hot reset too" "$(v $SET hot-reset $SEE) $(mock_has 0x114 2)" "$FRESH 0000"

# ---- policies that show and hide capabilities ----

# policy NAME [cxl-reset] FIELD=VALUE...
policy() {
	policy_name=$1 policy_reset=$2
	shift 2
	{
		printf 'name: %s\nbased-on: cxl-device\n' "$policy_name"
		printf 'description: For a test.\ncxl-reset: %s\n' "$policy_reset"
		printf 'dvsecs:\n  - vendor: 0x1e98\n    id: 0\n    fields:\n'
		for policy_field; do
			printf '      - {field: %s, value: %s}\n' "${policy_field%=*}" "${policy_field#*=}"
		done
	} >"/tmp/$policy_name.yaml"
}

set -- pm flr dvsec=0x100
mock "$@"
policy shows reject capability.cxl_reset_capable=1 \
	capability2.modified_completion_capable=1 capability3.direct_p2p_mem_capable=1 \
	capability3.volatile_hdm_state_after_hot_reset_configurability=1
policy hides reject capability2.modified_completion_capable=0 \
	capability3.direct_p2p_mem_capable=0 \
	capability3.volatile_hdm_state_after_hot_reset_configurability=0
policy emulates emulate capability.cxl_reset_capable=1

check "a policy that shows capabilities" cxl-policy attach "$BDF" --policy /tmp/shows.yaml
become "$@" 0x112.w=0x8009
is "they are seen" "$(v dvsec+0xa.w dvsec+0x16.w dvsec+0x38.w)" "00d7 0040 0018"
is "the bits that they are about can be set" \
	"$(v dvsec+0xc.w=0xffff dvsec+0x10.w=0x38 dvsec+0xc.w dvsec+0x10.w)" "5fff 0038"
is "in the shadow alone" "$(reached)" "@0x110.b <- 0x0"
mock_forget
is "the error can be seen and cleared" "$(v dvsec+0x12.w dvsec+0x12.w=8 dvsec+0x12.w)" "8009 8001"
is "in the device" "$(reached)" "@0x112.b <- 0x8"
mock_forget
is "a CXL reset ends in an error" "$(v dvsec+0x10.w=4 dvsec+0x10.l)" 80050000
is "and reaches nothing" "$(reached)" "@0x110.b <- 0x0"
become pm flr dvsec=0x100,rev=1
is "what revision 1 lacks can't be shown" \
	"$(v dvsec+0xc.w=0xffff dvsec+0x10.w=0x38 dvsec+0xc.w dvsec+0x10.w)" "4fff 0028"

check "a policy that hides capabilities" cxl-policy swap "$BDF" --policy /tmp/hides.yaml
become "$@" $ALL_OF_IT 0x112.w=0x8009
is "they are not seen" "$(v dvsec+0xa.w dvsec+0x16.w dvsec+0x38.w)" "0057 0000 0000"
is "the bits that they are about are not there" \
	"$(v dvsec+0xc.w=0xffff dvsec+0x10.w=0x38 dvsec+0xc.w dvsec+0x10.w dvsec+0x12.w)" \
	"4fff 0008 8001"
is "and the error is not cleared" "$(v dvsec+0x12.w=0xffff) $(reached) $(mock_has 0x112 2)" \
	" @0x110.b <- 0x0 8009"

check "a policy that emulates a CXL reset" cxl-policy swap "$BDF" --policy /tmp/emulates.yaml
become "$@" $RESET_CAPABLE
is "a CXL reset is complete, and gives the registers their defaults" \
	"$(v dvsec+0xc.w=0x4a56 dvsec+0x10.w=1 dvsec+0x10.w=4 dvsec+0x10.l dvsec+0xc.w)" \
	"00020000 0002"
is "of it only Disable_Caching reaches the device" "$(reached)" "@0x110.b <- 0x1 @0x110.b <- 0x0"
is "it keeps what is locked" "$(v $SET dvsec+0x10.w=4 $SEE)" \
	"$(echo "$LOCKED" | sed s/0008/0000/)"
check "back to the default policy" cxl-policy detach "$BDF"

# ---- a device that goes away, and comes back without anything ----

become "$@"
client user "$BDF" $SET @1 dvsec+0xc.w dvsec+0x14.w dvsec+0x12.w dvsec+0x10.w=1 dvsec+0x12.w=8 @2 \
	dvsec+0xc.w dvsec+0x14.w dvsec+0xc.w=0 dvsec+0xc.w
at user 1
mock_forget
echo 0 >"$MOCK/endpoint/present"
go user 1
at user 2
echo cold >"$MOCK/endpoint/reset"
echo 1 >"$MOCK/endpoint/present"
is "a device that is away gets nothing" "$(reached)" ""
go user 2
like "what a user has locked outlives that" "$(ended user)" "4a56 0001 ???? 4a56 0001 4a56"
echo 0 >"$MOCK/endpoint/present"
like "a device that is away can't be opened" "$(v dvsec+0xc.w)" "vfio-cfg: cannot open *"
echo 1 >"$MOCK/endpoint/present"
become "$@"
is "a device that is back can be" "$(v $SEE) $(state)" "$FRESH enforced cxl-device"
is "no access made a policy fail" "$(attr errors)" 0
}
done_testing
