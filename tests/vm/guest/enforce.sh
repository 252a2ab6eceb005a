# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck source=tests/lib/guest.sh
. /share/tests/lib/guest.sh

# offsets WIDTH [-r]: of the device DVSEC, but for its first dword
offsets() {
	case $1 in
	b) step=1 ;;
	w) step=2 ;;
	l) step=4 ;;
	esac
	# shellcheck disable=SC2046 # words
	printf '0x%x\n' $(seq 4 "$step" $((0x3c - step))) |
		if [ "${2-}" = -r ]; then tac; else cat; fi
}

ones() {
	case $1 in
	b) echo 0xff ;;
	w) echo 0xffff ;;
	l) echo 0xffffffff ;;
	esac
}

reads() {
	offsets "$1" | sed "s/.*/dvsec+&.$1/"
}

attack() {
	offsets "$@" | sed "s/.*/dvsec+&.$1=$(ones "$1")/"
}

# Values one a line to bytes, low one first
bytes() {
	sed 's/^\(..\)\(..\)\(..\)\(..\)$/\4 \3 \2 \1/; s/^\(..\)\(..\)$/\2 \1/' | xargs -n 4
}

# shellcheck disable=SC2046 # words
walk() {
	vfio-cfg "$BDF" $(reads "$1") 2>&1 | bytes
}

# shellcheck disable=SC2046 # words
attacked() {
	vfio-cfg "$BDF" $(attack "$@") $(reads b) 2>&1 | bytes
}

ZERO4='00 00 00 00'
OPEN="98 1e c3 03
00 00 1e 00
02 00 00 00
$ZERO4
$ZERO4
$ZERO4
4b 00 00 10
$ZERO4
$ZERO4
$ZERO4
$ZERO4
$ZERO4
$ZERO4
$ZERO4"
# LOCK comes after CONTROL and before the range bases
UP="98 1e c3 03
00 00 1e 00
ff 4f 00 00
09 00 00 00
01 00 00 00
$ZERO4
4b 00 00 10
$ZERO4
$ZERO4
$ZERO4
$ZERO4
$ZERO4
$ZERO4
$ZERO4"
DOWN="98 1e c3 03
00 00 1e 00
02 00 00 00
09 00 00 00
01 00 00 00
$ZERO4
4b 00 00 10
ff ff ff ff
00 00 00 f0
$ZERO4
$ZERO4
ff ff ff ff
00 00 00 f0
$ZERO4"

# What dvsec_raw=1 does, on a device without a policy
raw() {
	is "the parameter shows, and cannot be changed" \
		"$(cat /sys/module/vfio_pci_core/parameters/dvsec_raw) \
$(stat -c %a /sys/module/vfio_pci_core/parameters/dvsec_raw)" "Y 444"
	is "without a policy the state is raw" "$(state | xargs)" raw
	vm-mark 12
	is "raw writes reach the device" "$(v dvsec+0xc.w=0x4a56 dvsec+0xc.w dvsec+0xd.b=0 dvsec8+0xe.b=0xff \
		dvsec+0xc.w=2 dvsec+0xc.w)" "4a56 0002"
	check "attach where dvsec_raw=1" cxl-policy attach "$BDF"
	is "a policy protects where dvsec_raw=1" "$(state) $(v dvsec+0xc.w=0xffff dvsec+0xc.w)" \
		"enforced cxl-device 4fff"
}

# A parameter of a vfio-pci that is built in takes another start of the machine
if ! modules && grep -q dvsec_raw=1 /proc/cmdline; then
	raw
	done_testing
	exit
fi

is "the list shows the device, without a policy" \
	"$(cxl-policy list --json | jq -c ".[] | select(.device == \"$BDF\")")" \
	'{"device":"0000:0d:00.0","driver":"vfio-pci","vendor":"0x8086","device_id":"0x0d93","dvsecs":[{"offset":256,"id":0,"revision":3,"length":60},{"offset":316,"id":8,"revision":0,"length":36},{"offset":352,"id":5,"revision":0,"length":16},{"offset":368,"id":7,"revision":2,"length":32}],"state":"none","policy":null,"link_id":null,"tag":null,"owner":null,"abi":null,"current":null,"pin":null,"problem":null}'

# ---- no policy ----

vm-mark 11
is "without a policy the state is none" "$(state | xargs)" none
before=$(attr writes_denied)
# shellcheck disable=SC2046 # words
v $(attack l) >/dev/null
is "each write without a policy is counted as denied" \
	"$(($(attr writes_denied) - before)) $(attr hw_writes)" "14 0"
is "without a policy a user reads the hardware" "$(v dvsec+0xc.w=0xffff dvsec+0xc.w dvsec+0x12.w)" \
	"0002 0002"

# ---- the default policy ----

vm-mark 0
check "attach" cxl-policy attach "$BDF"
is "attach and write 0xffff to CONTROL: 4fff" "$(v dvsec+0xc.w=0xffff dvsec+0xc.w)" 4fff
is "the kernel, list and show agree on state and policy" \
	"$(state) $(cxl-policy list --json | jq -r ".[] | select(.device == \"$BDF\") |
		.state, .policy" | xargs) $(cxl-policy show "$BDF" --json |
		jq -r '.device, .state, .policy' | xargs)" \
	"enforced cxl-device enforced cxl-device $BDF enforced cxl-device"
for width in b w l; do
	is "at open every register reads as documented, by .$width" "$(walk $width)" "$OPEN"
done
section=1
for width in b w l; do
	vm-mark $section
	is "all ones upwards by .$width: the lock freezes the bases" "$(attacked $width)" "$UP"
	vm-mark $((section + 1))
	is "all ones downwards by .$width: the lock freezes CONTROL" "$(attacked $width -r)" "$DOWN"
	section=$((section + 2))
done

vm-mark 7
is "the first dword of each DVSEC is vfio's, not the device's" \
	"$(v 0x100.l=0 0x13c.l=0 0x160.l=0 0x170.l=0 0x102.b=0 0x171.b=0 0x100.l 0x13c.l 0x160.l \
		0x170.l 0x172.w 0x173.b) $(hw 0x170 4)" \
	"13c10023 16010023 17010023 20010023 2001 20 19010023"
# shellcheck disable=SC2046 # words
others() {
	for id in 8 5 7; do
		case $id in
		8) end=36 ;;
		5) end=16 ;;
		7) end=32 ;;
		esac
		printf "dvsec$id+%d.$1$2\n" $(seq 4 "$3" $((end - $3)))
	done
}
# shellcheck disable=SC2046 # words
is "the other CXL DVSECs are read-only at every width" \
	"$(v $(others b =0xff 1) $(others w =0xffff 2) $(others l =0xffffffff 4) $(others l '' 4))" \
	"$(for range in 0x140:32 0x164:12 0x174:28; do
		od -A n -v -t x4 -w4 -j $((${range%:*})) -N "${range#*:}" \
			"/sys/bus/pci/devices/$BDF/config"
	done | xargs)"

vm-mark 8
before=$(attr hw_writes)
is "CONTROL2: initiate bits read 0, a write-back needs caching disabled" \
	"$(v dvsec+0x10.w=2 dvsec+0x10.w=1 dvsec+0x10.w=3 dvsec+0x10.w dvsec+0x10.w=5 dvsec+0x10.w \
		dvsec+0x11.b=0xff dvsec+0x12.w=0xffff dvsec+0x10.l=8 dvsec+0x10.l)" \
	"0001 0001 00000008"
vm-mark 80
is "denied writes are counted: read-only bits, locked ones, hidden actions" \
	"$(before=$(attr writes_denied)
	# shellcheck disable=SC2046 # words
	v $(attack l) >/dev/null
	echo $(($(attr writes_denied) - before)))" 13

# ---- read-only ----

client user "$BDF" dvsec+0xc.w=0x4a56 dvsec+0x20.l=0x1234 dvsec+0x14.w=1 @1 \
	dvsec+0xc.w dvsec+0x20.l dvsec+0x14.w
at user 1
check "swap" cxl-policy swap "$BDF" --policy read-only
is "the swapped policy shows" "$(state)" "enforced read-only"
go user 1
is "read-only shows a guest the values that it had" "$(ended user)" "4a56 00001234 0001"
vm-mark 9
for width in b w l; do
	is "all ones under read-only change nothing, by .$width" "$(attacked $width)" "$OPEN"
done
before=$(attr writes_denied)
# shellcheck disable=SC2046 # words
v $(attack l) dvsec+0x10.w=1 dvsec8+0xc.l=0xffffffff >/dev/null
is "each write under read-only is denied" "$(($(attr writes_denied) - before))" 16

# ---- passthrough ----

vm-mark 90
check "swap to passthrough" cxl-policy swap "$BDF" --policy passthrough
vm-mark 10
is "passthrough reads the hardware as it is" \
	"$(v dvsec+0xc.w=0x4a56 dvsec+0x21.b=0x5a dvsec+0x24.l=0xa0000000 dvsec+0xc.w dvsec+0x12.w \
		dvsec+0x20.l)" "4a56 0002 00005a00"
is "what was passed through is back after the close" \
	"$(hw 0x10c 2) $(hw 0x120 4) $(hw 0x124 4)" "0002 00000000 00000000"
vm-mark 100
is "detach" "$(cxl-policy detach "$BDF" >/dev/null && state | xargs)" none
is "nothing is pinned for the device any more" "$(below "$PINS/links")" ""

# ---- dvsec_raw=1 ----

if modules; then
	raw_modules() {
		vm-modules patched dvsec_raw=1 2>/dev/null && echo loaded
	}
	is "the modules are loaded with dvsec_raw=1" "$(eventually loaded raw_modules)" loaded
	raw
fi
done_testing
