# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck source=tests/lib/guest.sh
. /share/tests/lib/guest.sh

# refresh [OPTION]...: its exit status, then what it prints, errors last
refresh() {
	refresh_status=0
	cxl-policy refresh "$@" >/tmp/refresh.out 2>/tmp/refresh.err || refresh_status=$?
	echo "$refresh_status $(cat /tmp/refresh.out /tmp/refresh.err)"
}

# forces: what is in force, by which links, programs and pins
forces() {
	cxl-policy list --json | jq -c '.[] | [.device, .state, .policy, .link_id, .pin]'
}

# told BDF|default: link, ABI, and whether the program is this version's
told() {
	cxl-policy list --json | jq -r --arg bdf "$1" \
		'.[] | select(.device == $bdf) | "\(.link_id != null) \(.abi) \(.current)"'
}

abi=$(cxl-policy version --json | jq .abi)
is "with nothing in force, there is nothing to do" "$(refresh)" "0 0 changed, 0 kept, 0 failed"

# ---- of another build of this version ----

other_policy >/tmp/other.yaml
cxl-policy-other-build attach "$BDF" --policy /tmp/other.yaml >/dev/null
cxl-policy-other-build default set --policy read-only >/dev/null
rm /tmp/other.yaml
is "each build knows its own program from another's" \
	"$(told "$BDF"), $(cxl-policy-other-build list --json | jq -c '.[] | .current' | xargs)" \
	"true $abi false, true true true"
vm-mark 1
client user "$BDF" dvsec+0xc.w=0x4006 dvsec+0x20.l=0x12345678 dvsec+0x14.w=1 @1 \
	dvsec+0xc.w dvsec+0x20.l dvsec+0x14.w dvsec+0xa.w dvsec+0xc.w=0 dvsec+0xc.w @2 \
	dvsec+0xc.w dvsec+0x14.w dvsec+0xa.w
at user 1
before=$(forces)
is "a dry run says what would be done" "$(refresh --dry-run)" \
	"8 $BDF: would be given: the program of this version, policy other
default: would be given: the program of this version, policy read-only
2 would be changed, 0 kept, 0 failed"
is "and does nothing of it" "$(forces)" "$before"
is "the programs are replaced, under a user too" "$(refresh)" \
	"8 $BDF: given the program of this version, policy other
default: given the program of this version, policy read-only
2 changed, 0 kept, 0 failed"
is "by their links, which stay pinned, with the tables that they have" "$(forces)" "$before"
is "they are this build's now" "$(told "$BDF"), $(told default)" "true $abi true, true $abi true"
go user 1
at user 2
is "again, there is nothing to do" "$(refresh)" "0 0 changed, 2 kept, 0 failed"
is "the other build takes them back, as a downgrade does" \
	"$(cxl-policy-other-build refresh --json | jq -c '.[] | [.device, .result]' | xargs)" \
	"[$BDF,changed] [default,changed]"
go user 2
is "all the time its user has the same values, lock and policy" "$(ended user | xargs)" \
	"4006 12345678 0001 002e 4006 4006 0001 002e"
is "no program erred" "$(attr errors)" 0
cxl-policy default clear >/dev/null

# ---- by apply ----

mkdir -p /tmp/fleet
printf 'devices:\n  - {address: "%s", policy: cxl-device}\n' "$BDF" >/tmp/fleet/devices.yaml
cxl-policy-other-build apply /tmp/fleet >/dev/null || :
is "apply does so with what is assigned" "$(cxl-policy apply /tmp/fleet; echo $?)" \
	"$BDF: given the program of this version, policy cxl-device (devices.yaml:2)
1 changed, 0 kept, 0 failed
8"
is "once" "$(cxl-policy apply /tmp/fleet; echo $?)" "0 changed, 1 kept, 0 failed
0"

# ---- what another program keeps in force ----

load "$POLICY" "match=$BDF2" name=foreign pin=/sys/fs/bpf/foreign
is "what another program keeps is left alone" "$(refresh)" \
	"0 $BDF2: left alone, as cxl-policy doesn't keep policy foreign in force
0 changed, 1 kept, 1 left alone, 0 failed"
rm /sys/fs/bpf/foreign
cxl-policy detach "$BDF" >/dev/null

# ---- of a version whose maps are others ----

cxl-policy-other-abi attach "$BDF" >/dev/null
is "another ABI is seen" "$(told "$BDF")" "true 99 false"
client user "$BDF" dvsec+0xc.w=0x4006 dvsec+0x14.w=1 @1 dvsec+0xc.w dvsec+0x14.w
at user 1
before=$(forces)
# $1 is a test's name, the others are a command
refused() {
	refused_name=$1
	shift
	fails "$refused_name" 6 "*policy cxl-device of $BDF is of another version, ABI 99,*ABI $abi*nothing was changed*" \
		"$@"
}
refused "refresh refuses to take its state over" cxl-policy refresh
refused "so does swap" cxl-policy swap "$BDF" --policy read-only
refused "and attach for another device, as they share the maps" cxl-policy attach "$BDF2"
refused "and the default" cxl-policy default set
like "and apply" "$(cxl-policy apply /tmp/fleet 2>&1; echo $?)" "*ABI 99*6"
is "nothing was changed" "$(forces)" "$before"
go user 1
is "its user goes on under it" "$(ended user | xargs)" "4006 0001"
check "it can be detached" cxl-policy detach "$BDF"
check "then all is as ever" cxl-policy attach "$BDF"
is "with this version's program" "$(told "$BDF") $(state)" "true $abi true enforced cxl-device"
cxl-policy detach "$BDF" >/dev/null
is "nothing is left behind" "$(eventually 0 registered) $(below $PINS/links)" "0 "
done_testing
