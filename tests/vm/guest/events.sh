# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck source=tests/lib/guest.sh
. /share/tests/lib/guest.sh

# Read what nobody has read yet
unread() {
	while [ -n "$(cxl-policy monitor --json --timeout 1 2>/dev/null)" ]; do :; done
}

# events COUNT OP...: events of the OPs, as "EVENTS OFFSET VALUE REFUSED FORWARDED"
events() {
	count=$1
	shift
	client user "$BDF" @1 "$@"
	at user 1
	unread
	cxl-policy monitor --json --count "$count" --timeout 30 >/tmp/events 2>/tmp/events.err &
	monitor=$!
	sleep 1.5
	go user 1
	wait $monitor || echo "monitor: $(cat /tmp/events.err)"
	ended user >/dev/null
	jq -r '"\(.events | join("+")) \(.offset) \(.value) \(.refused) \(.forwarded)"' /tmp/events
}

fails "monitoring where nothing is in force says so" 5 '*no policy is in force*' \
	cxl-policy monitor --timeout 1
cxl-policy attach "$BDF" >/dev/null
is "each cause of a refusal has its event, with the bits" \
	"$(events 8 dvsec+0xc.w=0x4 dvsec+0x14.w=1 dvsec+0xc.w=0x4002 dvsec+0x10.w=2 \
		dvsec+0x10.w=4 dvsec+0x21.b=0xff dvsec+0x16.w=0xffff dvsec8+0xc.l=0xffffffff)" \
	"refused 12 0x0004 0x0002 0x0000
locked 12 0x4002 0x4004 0x0000
wbi-dropped+forwarded 16 0x0002 0x0002 0x0001
reset-dropped+forwarded 16 0x0004 0x0004 0x0001
locked 33 0xff 0xff 0x00
refused 22 0xffff 0xffff 0x0000
refused 12 0xffffffff 0xfffffeff 0x00000000
closed null null null null"
is "every event names device and policy" \
	"$(jq -r '"\(.device) \(.policy) \(.lost)"' /tmp/events | sort -u)" "$BDF cxl-device 0"
is "fields are told by name" \
	"$(jq -r '.refused_fields | join(",")' /tmp/events 2>/dev/null | head -n 2 | xargs)" \
	"control.io_enable control.mem_enable,control.viral_enable"
is "what is allowed is no event" \
	"$(events 1 dvsec+0xc.w=0x4a56 dvsec+0x20.l=0x1234 dvsec+0x10.w=8 dvsec+0x14.w=1 \
		dvsec+0xc.w=0xb002 dvsec+0xe.w=0xbfff)" "locked 12 0xb002 0x4a54 0x0000"
is "a reset that wipes the host's registers is an event" \
	"$(events 1 reset dvsec+0xc.w)" "host-state-lost null null null null"

cxl-policy swap "$BDF" --policy passthrough >/dev/null
is "passthrough records every write" \
	"$(events 3 dvsec+0xc.w=0x2 dvsec+0x21.b=0x5a dvsec+0x21.b=0)" \
	"forwarded+write 12 0x0002 0x0000 0xffff
forwarded+write 33 0x5a 0x00 0xff
forwarded+write 33 0x00 0x00 0xff"

cxl-policy swap "$BDF" --policy cxl-device >/dev/null
unread
cxl-policy monitor --json --timeout 8 >/tmp/flood 2>&1 &
monitor=$!
sleep 1.5
v loop=3000 dvsec+0xc.w=0 >/dev/null
v sleep=1 dvsec+0xc.w=0 >/dev/null
wait $monitor || :
flood=$(grep -c '"refused"' /tmp/flood) || :
note "$flood events of 3001 refused writes"
is "a user that floods the host with events is held to a rate" \
	"$([ "$flood" -ge 64 ] && [ "$flood" -le 512 ] && echo held || echo "$flood")" held
# 3001 writes, two openings and two closings
is "what came and what is told to be lost make up all that happened" \
	"$(jq -s 'length + (map(.lost) | add)' /tmp/flood)" 3005
done_testing
