# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck source=tests/lib/guest.sh
. /share/tests/lib/guest.sh

check "attach" cxl-policy attach "$BDF"

is "pitfall 8: a reset ends the lock and what was locked" \
	"$(v dvsec+0xc.w=0x4a56 dvsec+0x20.l=0x1234 dvsec+0x14.w=1 dvsec+0x14.w reset \
		dvsec+0x14.w dvsec+0xc.w dvsec+0x20.l)" "0001 0000 0002 00000000"

# vfio leaves a capability out of its list behind the last DVSEC
like "pitfall 9: the pointer to the next capability is vfio's own, not the device's" \
	"$(v 0x170.l 0x172.w 0x173.b) $(hw 0x170 4)" "20010023 2001 20 19010023"

# 0x13c, 0x160 and 0x170 begin where the DVSEC before them ends
vm-mark 10
is "pitfall 10: a write to an adjacent DVSEC is none to the first" \
	"$(v 0x148.w=0x4a56 0x16c.w=0x4a56 0x17c.w=0x4a56 dvsec+0xc.w dvsec+0x48.w dvsec+0x6c.w \
		dvsec+0x7c.w)" \
	"0002 $(hw 0x148 2) $(hw 0x16c 2) $(hw 0x17c 2)"
vm-mark 11
# shellcheck disable=SC2046 # words
v $(for at in $(seq $((0x13c)) 4 $((0x18c))); do printf '0x%x.l=0xffffffff ' "$at"; done) >/dev/null

vm-mark 13
is "pitfall 13: no byte of a register that four threads write is lost" \
	"$(vfio_race "$BDF" 0x100 bytes 2000 2>&1)" "4 x 2000 bytes, none lost"
is "pitfall 13: what is locked stays as it was at the lock, whoever is writing meanwhile" \
	"$(vfio_race "$BDF" 0x100 lock 40 2>&1)" "40 locks, 0 changes of what was locked"
vm-mark 14
like "pitfall 13: resets go on while others write" \
	"$(vfio_race "$BDF" 0x100 reset 25 2>&1)" "25 resets against *[0-9] writes"
done_testing
