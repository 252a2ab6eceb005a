# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck source=tests/lib/guest.sh
. /share/tests/lib/guest.sh
# shellcheck source=tests/lib/mock.sh
. /share/tests/lib/mock.sh

ALL="0x100..0xfff.b=0xff 0x100..0xfff.w=0xffff 0x100..0xfff.l=0xffffffff"

# attack WORD...: on such a device, read all, write all ones at every width, read all
attack() {
	mock_image "$MOCK" "$@"
	mock_forget
	# shellcheck disable=SC2086 # words
	if ! vfio-cfg "$BDF" 0x100..0xfff.l $ALL 0x100..0xfff.l >/tmp/reads 2>/tmp/error; then
		sed 's/.*: //' /tmp/error
		return 1
	fi
}

# judge MODE WORD...: what came of the attack, see mock_image
judge() {
	judge_mode=$1
	shift
	set -- pm flr fill "$@"
	! attack "$@" || mock_image --judge "$judge_mode" "$MOCK/endpoint/writes" /tmp/reads "$@"
}

# layout NAME "CONTROL2..." WORD...: nothing reaches a CXL DVSEC, but with the policy
# Disable_Caching and Initiate_Cache_WBI of these CONTROL2 registers
layout() {
	layout_name=$1 layout_want=''
	if [ "$mode" != none ]; then
		for layout_control2 in $2; do
			layout_want="$layout_want @$layout_control2.b <- 0x0 @$layout_control2.b <- 0x3"
		done
	fi
	shift 2
	is "$layout_name ($mode)" "$(judge "$mode" "$@" | xargs)" "${layout_want# }"
}

# refused NAME WORD...: vfio-pci lets no user at it
refused() {
	refused_name=$1
	shift
	is "$refused_name ($mode)" "$(attack flr pm fill "$@")" "Invalid argument"
}

layouts() {
	layout "a DVSEC as it should be" 0x110 dvsec=0x100
	layout "a length of 0" "" dvsec=0x100,len=0
	layout "a length of 0, with a capability behind" "" \
		dvsec=0x100,len=0 dvsec=0x140,vendor=0x1b36,len=0x20
	layout "a length of 0, behind a capability" "" cap=0x100,id=3 dvsec=0x200,len=0
	layout "a length of 4" "" dvsec=0x100,len=4
	layout "a length of 8" "" dvsec=0x100,len=8
	layout "a length that ends before CAPABILITY" "" dvsec=0x100,len=0xa
	layout "a length that ends before CONTROL" "" dvsec=0x100,len=0xc
	layout "a length that ends before CONTROL2" "" dvsec=0x100,len=0x10
	layout "a length that ends in the middle of the registers" 0x110 dvsec=0x100,len=0x20
	layout "a length that ends in the middle of a range base" 0x110 dvsec=0x100,len=0x37
	layout "a length that lacks CAPABILITY3" 0x110 dvsec=0x100,len=0x38
	layout "a length that ends in the middle of CAPABILITY3" 0x110 dvsec=0x100,len=0x39
	layout "a length that is no multiple of 4" 0x110 dvsec=0x100,len=0x3a
	layout "a length beyond the registers" 0x110 dvsec=0x100,len=0x42
	layout "a length beyond the next capability" 0x110 \
		dvsec=0x100,len=0x200 cap=0x180,id=1 dvsec=0x240,vendor=0x1b36,len=0x10
	layout "a length of all configuration space" 0x110 dvsec=0x100,len=0xfff
	layout "a length past the end of configuration space" 0xf10 dvsec=0xf00,len=0xfff
	layout "registers up to the end of configuration space" 0xfd4 dvsec=0xfc4
	layout "registers past the end of configuration space" 0xff0 dvsec=0xfe0
	layout "a header at the end of configuration space" "" dvsec=0xff4
	layout "a header that is cut off after the length" "" dvsec=0xff8
	refused "a header that is cut off before the length" dvsec=0xffc

	layout "revision 1, which has no CAPABILITY3" 0x110 \
		dvsec=0x100,rev=1 dvsec=0x138,vendor=0x1b36,len=0x20
	layout "revision 1 with the length of revision 3" 0x110 dvsec=0x100,rev=1,len=0x3c
	layout "revision 0" 0x110 dvsec=0x100,rev=0
	layout "a revision yet to come" 0x110 dvsec=0x100,rev=15,len=0x60
	layout "adjacent DVSECs" 0x110 dvsec=0x100 dvsec=0x13c,id=8,len=0x24 \
		dvsec=0x160,id=5 dvsec=0x170,id=7
	layout "two device DVSECs" "0x110 0x210" dvsec=0x100 dvsec=0x200
	layout "two device DVSECs, the second one first in the list" "0x210 0x310" \
		dvsec=0x100,id=8,len=0x24 dvsec=0x300 dvsec=0x200
	layout "a device DVSEC in the middle of another" 0x110 dvsec=0x100 dvsec=0x120
	layout "a device DVSEC in the header of another DVSEC" 0x118 \
		dvsec=0x100,id=8,len=0x40 dvsec=0x108
	layout "a device DVSEC in the header of another, neither of any length" "" \
		dvsec=0x100,id=8,len=0 dvsec=0x108,len=0
	layout "a device DVSEC within the length of another DVSEC" 0x130 \
		dvsec=0x100,id=8,len=0x100 dvsec=0x120
	layout "DVSECs that start in the device DVSEC" 0x110 \
		dvsec=0x100 dvsec=0x114,id=5 dvsec=0x12c,id=8,len=0x24
	layout "another vendor's DVSEC in the device DVSEC" 0x110 \
		dvsec=0x100 dvsec=0x114,vendor=0x1b36,len=0x40
	layout "a device DVSEC within another vendor's" 0x130 \
		dvsec=0x100,vendor=0x1b36,len=0x100 dvsec=0x120
	layout "another vendor's DVSEC of no length within a CXL one" "" \
		dvsec=0x100,id=8,len=0x80 dvsec=0x120,vendor=0x1b36,len=0
	layout "another vendor's DVSEC of no length within the device DVSEC" 0x110 \
		dvsec=0x100,len=0x100 dvsec=0x140,vendor=0x1b36,len=8
	layout "a device DVSEC in a vendor-specific capability" 0x130 \
		cap=0x100,id=0xb 0x104.l=0x20000001 dvsec=0x120
	layout "a device DVSEC in an AER capability" 0x130 cap=0x100,id=1 dvsec=0x120
	layout "an AER capability in the device DVSEC" 0x110 dvsec=0x100 cap=0x114,id=1
	layout "a capability that nobody knows before the DVSEC" 0x210 cap=0x100,id=0x50 dvsec=0x200

	layout "a DVSEC that leads to itself" 0x110 dvsec=0x100,next=0x100
	layout "a list that goes round" "0x110 0x210" \
		dvsec=0x100 dvsec=0x200 dvsec=0x300,id=8,next=0x100
	layout "a list that goes into the middle of a DVSEC" 0x110 dvsec=0x100,next=0x110
	layout "a list that goes below extended configuration space" 0x110 dvsec=0x100,next=0x40
	layout "a list that ends in all ones" 0x110 dvsec=0x100,next=0x400 0x400.l=0xffffffff
	layout "a list that goes on behind all ones" 0x210 dvsec=0x100,id=8,len=0x24,next=0x400 \
		0x400.l=0xffffffff 0xffc.l=0x20010003 dvsec=0x200,unlisted
	layout "a list that goes on behind all ones, without another DVSEC" 0x210 \
		cap=0x100,id=3,next=0x400 0x400.l=0xffffffff 0xffc.l=0x20010003 dvsec=0x200,unlisted
	layout "a vendor-specific capability in a register locator" "" \
		dvsec=0x100,id=8,len=0x24 cap=0x114,id=0xb 0x118.l=0x01000001
	layout "a vendor-specific capability in a test capability" "" \
		dvsec=0x100,id=10,len=0x24 cap=0x110,id=0xb 0x114.l=0x01400001
	layout "each kind of CXL DVSEC twice" "" \
		dvsec=0x100,id=3 dvsec=0x130,id=3 dvsec=0x160,id=4 dvsec=0x170,id=4 \
		dvsec=0x180,id=5 dvsec=0x190,id=5 dvsec=0x1a0,id=7 dvsec=0x1c0,id=7 \
		dvsec=0x1e0,id=8,len=0x24 dvsec=0x220,id=8,len=0x24 dvsec=0x260,id=9,len=0x10 \
		dvsec=0x270,id=9,len=0x10 dvsec=0x280,id=10,len=0x24 dvsec=0x2b0,id=10,len=0x24
	layout "each kind of CXL DVSEC, without a length" "" \
		dvsec=0x100,id=3,len=0 dvsec=0x160,id=4,len=0 dvsec=0x180,id=5,len=0 \
		dvsec=0x1a0,id=7,len=0 dvsec=0x1e0,id=8,len=0 dvsec=0x260,id=9,len=0 \
		dvsec=0x280,id=10,len=0 dvsec=0x2c0,id=2,len=0
	layout "kinds of CXL DVSECs that are yet to come" "" \
		dvsec=0x100,id=0x7f,len=0x40 dvsec=0x180,id=0xffff,len=0

	for seed in $SEEDS; do
		is "whatever collides with whatever, $seed ($mode)" \
			"$(judge "$strays" random="$seed")" ""
	done
}

dmesg -n 4
SEEDS="65 72 88 116 322 332 441 479"
check "a mock device comes up" mock flr pm dvsec=0x100

# What stands in no CXL DVSEC is as it ever was
set -- flr pm fill dvsec=0x100,vendor=0x1b36,len=0x40 cap=0x140,id=1 cap=0x190,id=0xb \
	0x194.l=0x02000001 dvsec=0x1c0,vendor=0x1b36,len=0 dvsec=0x300,unlisted
stock=no
if with_modules "the distribution's vfio-pci lets everything through, and the judge sees it" \
	"without a CXL DVSEC in the list, everything is as it ever was"; then
	stock=yes
	check "the distribution's modules are in" vm-modules stock
	like "the distribution's vfio-pci lets everything through, and the judge sees it" \
		"$(judge none dvsec=0x100 | xargs)" "@0x100.b <- 0xff *and 93 more*"
	attack "$@"
	cp "$MOCK/endpoint/writes" /tmp/stock.writes
	cp /tmp/reads /tmp/stock.reads
	check "the patched modules are in" vm-modules patched
fi

as_ever() {
	attack "$@"
	if [ $stock = yes ]; then
		check "without a CXL DVSEC in the list, all writes reach what they ever did ($mode)" \
			cmp "$MOCK/endpoint/writes" /tmp/stock.writes
		check "and all reads get what they ever did ($mode)" cmp /tmp/reads /tmp/stock.reads
	fi
	is "the state tells that there is nothing to enforce ($mode)" "$(attr state)" none
}

mode=none strays=none
as_ever "$@"
layouts

check "the policy is in force" load "$POLICY" pin=/sys/fs/bpf/layout
mode=cxl-device strays=strays
as_ever "$@"
layouts
is "no device made the policy fail" "$(attr errors)" 0
done_testing
