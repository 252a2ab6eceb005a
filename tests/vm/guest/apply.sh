# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck source=tests/lib/guest.sh
. /share/tests/lib/guest.sh

BDF3=0000:0f:00.0
FLEET=/tmp/fleet
mkdir -p $FLEET/devices.d $FLEET/policies

# apply [OPTION]...: its exit status, then what it prints, errors last
apply() {
	apply_status=0
	cxl-policy apply "$FLEET" "$@" >/tmp/apply.out 2>/tmp/apply.err || apply_status=$?
	echo "$apply_status $(cat /tmp/apply.out /tmp/apply.err)"
}

# asked JQ [OPTION]...: what its JSON says, by that filter
asked() {
	asked_filter=$1
	shift
	cxl-policy apply "$FLEET" --json "$@" 2>&1 | jq -cr "$asked_filter" 2>&1 | xargs
}

# assign NAME: the entries on standard input are the file devices.d/NAME.yaml
assign() {
	{
		echo devices:
		sed 's/^/  - /'
	} >"$FLEET/devices.d/$1.yaml"
}

# policies: of the three devices, by the links in force; "-" for none of its own
policies() {
	for policies_bdf in "$BDF" "$BDF2" "$BDF3"; do
		cxl-policy list --json | jq -r --arg bdf "$policies_bdf" \
			'.[] | select(.device == $bdf) | if .link_id then .policy else "-" end'
	done | xargs
}

# forces: what is in force, by which links and pins
forces() {
	cxl-policy list --json | jq -c '.[] | [.device, .state, .policy, .link_id, .pin, .problem]'
}

# link_of BDF
link_of() {
	cxl-policy list --json | jq --arg bdf "$1" '.[] | select(.device == $bdf).link_id'
}

# local_policy HDM_COUNT: the policy "lab", which tells so many ranges
local_policy() {
	other_policy | sed "s/^name: .*/name: lab/; s/value: 2/value: $1/" >$FLEET/policies/lab.yaml
}

# ---- before the devices are bound ----

vm-unbind "$BDF"
echo '{address: "0000:0d:00.0", policy: cxl-device}' | assign 10
before=$(forces)
is "a dry run says what would be done" "$(apply --dry-run)" \
	"8 $BDF: would be attached: cxl-device (devices.d/10.yaml:2)
1 would be changed, 0 kept, 0 failed"
is "and does nothing of it" "$(forces)$(below $PINS)" "$before"
is "a device that isn't bound gets its policy" "$(apply)" \
	"8 $BDF: attached cxl-device (devices.d/10.yaml:2)
1 changed, 0 kept, 0 failed"
vm-bind "$BDF"
is "which is in force from the moment on at which it is bound" "$(state)" "enforced cxl-device"
before=$(forces)
is "again, there is nothing to do" "$(apply)" "0 0 changed, 1 kept, 0 failed"
is "a dry run says so too" "$(apply --dry-run)" "0 0 would be changed, 1 kept, 0 failed"
is "and nothing was done" "$(forces)" "$before"
is "devices that nobody has assigned have no policy" "$(policies)" "cxl-device - -"

# ---- by what they are ----

echo '{class: "0502", policy: read-only}' | assign 20
is "a class is for each device that has none more specific" "$(apply)" \
	"8 $BDF2: attached read-only (devices.d/20.yaml:2)
$BDF3: attached read-only (devices.d/20.yaml:2)
2 changed, 1 kept, 0 failed"
id=$(cxl-policy list --json | jq -r --arg bdf "$BDF2" '.[] | select(.device == $bdf) |
	"\(.vendor[2:]):\(.device_id[2:])"')
local_policy 2
printf '%s\n' "{id: \"$id\", policy: lab}" "{address: $BDF3, policy: none}" | assign 30
is "an ID comes before a class, an address before both, and none is none" "$(apply)" \
	"8 $BDF2: swapped read-only for lab (devices.d/30.yaml:2)
$BDF3: detached read-only (devices.d/30.yaml:3)
2 changed, 1 kept, 0 failed"
is "they are in force" "$(policies) $(state_of "$BDF2")" "cxl-device lab - enforced lab"

# ---- a change of what a policy says, while a user has the device ----

vm-mark 1
client user "$BDF2" dvsec+0xa.w dvsec+0x20.l=0x1234 dvsec+0x14.w=1 @1 \
	dvsec+0xa.w dvsec+0x20.l=0x5678 dvsec+0x20.l dvsec+0x14.w
at user 1
link=$(link_of "$BDF2")
echo '# a remark' >>$FLEET/policies/lab.yaml
is "another text of the same content is nothing to do" "$(apply)" "0 0 changed, 3 kept, 0 failed"
local_policy 1
is "a policy that says something else is swapped" "$(apply)" \
	"8 $BDF2: swapped lab for its new content (devices.d/30.yaml:2)
1 changed, 2 kept, 0 failed"
is "by its link" "$(link_of "$BDF2")" "$link"
go user 1
is "the user sees the new policy, and keeps values and lock" "$(ended user)" \
	"002e 001e 00001234 0001"
vm-mark 2
is "what was done is done" "$(apply)" "0 0 changed, 3 kept, 0 failed"

# ---- what isn't valid ----

before=$(forces)
echo '{address: 0000:0d:00.0, policy: nowhere}' | assign 40
echo '{address: 0000:0e:00.0, policy: read-only}' | assign 50
like "a policy that isn't there: nothing is changed" "$(apply)" \
	"7 cxl-policy: $FLEET/devices.d/40.yaml:2: there is no policy 'nowhere'*"
echo '{address: 0000:0d:00.0}' | assign 40
like "an assignment that isn't whole: nothing is changed" "$(apply)" \
	"7 cxl-policy: $FLEET/devices.d/40.yaml:2: *policy*"
is "not even what is valid" "$(forces)" "$before"
rm $FLEET/devices.d/40.yaml $FLEET/devices.d/50.yaml

# ---- one that fails ----

printf '%s\n' '{address: 0000:00:00.0, policy: cxl-device}' "{address: $BDF3, policy: locked}" | assign 40
like "one that can't have a policy doesn't stop the others" "$(apply)" \
	"5 $BDF3: attached locked (devices.d/40.yaml:3)
1 changed, 2 kept, 1 failed
cxl-policy: 0000:00:00.0: can't attach cxl-device (devices.d/40.yaml:2): *isn't a CXL device*"
is "they have theirs" "$(policies)" "cxl-device lab locked"
is "the JSON says which failed" "$(asked '.[] | [.device, .action, .result] | join(" ")')" \
	"0000:00:00.0 attach failed $BDF keep unchanged $BDF2 keep unchanged $BDF3 keep unchanged"
is "and why" "$(asked '.[0] | .policy, .previous, .source.file, .source.line, (.error | length > 3)')" \
	"cxl-device null devices.d/40.yaml 2 true"
is "so does a dry run" "$(apply --dry-run | head -n 1)" "5 0 would be changed, 3 kept, 1 failed"

# ---- JSON ----

echo '{address: "0000:0d:00.0", policy: no-cache}' | assign 10
rm $FLEET/devices.d/40.yaml
is "the JSON of a dry run" \
	"$(asked '.[] | [.device, .action, .policy, .previous, .source.line, .result, .error]' --dry-run)" \
	"[$BDF,swap,no-cache,cxl-device,2,would-change,null] [$BDF2,keep,lab,lab,2,unchanged,null] [$BDF3,detach,null,locked,3,would-change,null]"
is "the keys of a record" "$(asked '.[0] | keys_unsorted | join(" ")' --dry-run)" \
	"device action policy previous source result error"
is "the JSON of what is done" "$(asked '.[] | [.device, .action, .result] | join(" ")')" \
	"$BDF swap changed $BDF2 keep unchanged $BDF3 detach changed"
is "which is in force" "$(policies)" "no-cache lab -"

# ---- what isn't assigned any more ----

rm $FLEET/devices.d/20.yaml $FLEET/devices.d/30.yaml
load "$POLICY" "match=$BDF3" name=foreign pin=/sys/fs/bpf/foreign
before=$(forces)
is "with --keep-others it stays as it is" "$(apply --keep-others)" \
	"0 0 changed, 1 kept, 2 left alone, 0 failed"
is "as it was" "$(forces)" "$before"
is "without, it is detached, but not what another program attached" "$(apply)" \
	"8 $BDF2: detached lab (no assignment)
1 changed, 1 kept, 1 left alone, 0 failed"
is "so there is one of each" "$(policies)" "no-cache - foreign"
is "its record has no source" "$(asked '.[1] | .device, .action, .policy, .source')" \
	"$BDF3 leave foreign null"
echo "{address: $BDF3, policy: none}" | assign 20
is "none is for those of other programs too" "$(apply)" \
	"8 $BDF3: detached foreign (devices.d/20.yaml:2)
1 changed, 1 kept, 0 failed"
rm -f /sys/fs/bpf/foreign
is "it is gone" "$(policies)" "no-cache - -"

# ---- a device that isn't there ----

echo 1 >"/sys/bus/pci/devices/$BDF/remove"
is "removing a device ends its policy" "$(eventually null link_of "$BDF")" null
is "one that isn't there gets its policy by its address" "$(apply)" \
	"8 $BDF: attached no-cache (devices.d/10.yaml:2)
1 changed, 1 kept, 0 failed"
is "again, there is nothing to do, although it isn't there" "$(apply)" "0 0 changed, 2 kept, 0 failed"
echo 1 >/sys/bus/pci/rescan
vm-bind "$BDF"
is "it is in force when the device has come" "$(state)" "enforced no-cache"
is "and kept" "$(apply)" "0 0 changed, 2 kept, 0 failed"

# ---- the other invocations ----

cxl-policy swap "$BDF" --policy read-only >/dev/null
cxl-policy attach "$BDF2" >/dev/null
cxl-policy default set >/dev/null
is "what others changed is changed back, the default policy stays" "$(apply)" \
	"8 $BDF: swapped read-only for no-cache (devices.d/10.yaml:2)
$BDF2: detached cxl-device (no assignment)
2 changed, 1 kept, 0 failed"
is "and covers the device that has none" "$(state_of "$BDF2")" "enforced cxl-device"
is "what the default policy covers has none of its own" "$(apply)" "0 0 changed, 2 kept, 0 failed"
cxl-policy default clear >/dev/null

# ---- one device ----

cxl-policy swap "$BDF" --policy read-only >/dev/null
cxl-policy attach "$BDF3" >/dev/null
echo '{address: "0000:0e:00.0", policy: locked}' | assign 60
is "a dry run for one device" "$(apply --device "$BDF2" --dry-run)" \
	"8 $BDF2: would be attached: locked (devices.d/60.yaml:2)
1 would be changed, 0 kept, 0 failed"
is "one device alone gets its policy" "$(apply --device "${BDF2#0000:}")" \
	"8 $BDF2: attached locked (devices.d/60.yaml:2)
1 changed, 0 kept, 0 failed"
is "no other is swapped or detached" "$(policies)" "read-only locked cxl-device"
is "again, there is nothing to do" "$(apply --device "$BDF2")" "0 0 changed, 1 kept, 0 failed"
is "its JSON has no other" "$(asked '.[] | [.device, .result] | join(" ")' --device "$BDF2")" \
	"$BDF2 unchanged"
is "one that nobody knows of is nothing to do" "$(apply --device 0000:fe:00.0)" \
	"0 0 changed, 0 kept, 0 failed"
rm $FLEET/devices.d/60.yaml
is "with --keep-others it keeps what isn't assigned" "$(apply --device "$BDF2" --keep-others)" \
	"0 0 changed, 0 kept, 1 left alone, 0 failed"
is "without, it doesn't" "$(apply --device "$BDF2")" \
	"8 $BDF2: detached locked (no assignment)
1 changed, 0 kept, 0 failed"
cxl-policy detach "$BDF3" >/dev/null
cxl-policy swap "$BDF" --policy no-cache >/dev/null

# ---- the folder ----

mkdir -p /etc/cxl-policy
like "the folder that is taken if none is named may lack assignments" \
	"$(cxl-policy apply 2>&1 || echo $?)" "cxl-policy: /etc/cxl-policy: there are no assignments*7"
echo 'devices: []' >/etc/cxl-policy/devices.yaml
is "none at all detach everything" "$(cxl-policy apply || echo $?)" \
	"$BDF: detached no-cache (no assignment)
1 changed, 0 kept, 0 failed
8"
is "and leave nothing behind" "$(eventually 0 registered) $(below $PINS/links)" "0 "
done_testing
