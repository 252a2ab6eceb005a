# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck source=tests/lib/guest.sh
. /share/tests/lib/guest.sh

DIR=/sys/fs/bpf/x

# ---- the stock bpftool, where vfio-pci is built in ----

count() {
	jq -r '[.. | objects | select(.name? == "cxl_policy")] | length' 2>&1
}

# bpftool's own verbs, where it finds the type: in the kernel's BTF
stock_bpftool() {
	mkdir -p "$DIR"
	check "bpftool registers the object and ends well" \
		bpftool struct_ops register "$POLICY" "$DIR"
	is "the default policy is in force" "$(state)" "enforced cxl-device"
	check "bpftool lists struct_ops" bpftool struct_ops list
	like "it names the map and the type" "$(bpftool struct_ops list)" \
		'[0-9]*: cxl_policy * vfio_pci_dvsec_ops*'
	is "it names one" "$(bpftool -j struct_ops list | count)" 1
	check "bpftool shows the struct_ops" bpftool struct_ops show name cxl_policy
	is "it shows one" "$(bpftool -j struct_ops show name cxl_policy | count)" 1
	check "bpftool dumps the struct_ops" bpftool struct_ops dump name cxl_policy
	is "the dump has the policy's members and their programs" \
		"$(bpftool -j struct_ops dump name cxl_policy | jq -r '[.. | objects |
			select(has("opened")) | has("read"), has("write"), has("reset"), .opened != null] |
			join(" ")')" "true true true true"
	fails "bpftool cannot unregister what a link holds" 255 '*' \
		bpftool struct_ops unregister name cxl_policy
	is "the policy is in force after that" "$(state)" "enforced cxl-device"
	stock_link=$(bpftool link show | sed -n 's/^\([0-9]*\): struct_ops.*/\1/p')
	check "bpftool detaches the link" bpftool link detach id "$stock_link"
	is "nothing is in force then, though the pin is there" "$(state | xargs) $(below "$DIR")" \
		"none $DIR/cxl_policy"
	rm "$DIR/cxl_policy"
	check "bpftool registers it again" bpftool struct_ops register "$POLICY" "$DIR"
	is "it is in force again" "$(state) $(registered)" "enforced cxl-device 1"
	rm "$DIR/cxl_policy"
	is "removing the pin ends it" "$(eventually none state) $(eventually 0 registered)" "none 0"
	check "bpftool registers it without a folder for the pin" \
		bpftool struct_ops register "$POLICY"
	is "that one ends with bpftool" "$(eventually none state)" none
}

modules || stock_bpftool

# ---- the object alone ----

status=0
mkdir -p $DIR
bpftool struct_ops register "$POLICY" $DIR >/tmp/bpftool 2>&1 || status=$?
# The stock bpftool crashes after the work is done where the type is in a module
case $status:$(modules && echo module) in
0:* | 139:module) ok "bpftool registers the object, or crashes after that" ;;
*)
	not_ok "bpftool registers the object, or crashes after that"
	note "status $status: $(cat /tmp/bpftool)"
	;;
esac
is "the link is pinned" "$(below $DIR)" "$DIR/cxl_policy"
is "every CXL device is under the default policy" \
	"$(state) $(state_of "$BDF2")" "enforced cxl-device enforced cxl-device"
vm-mark 1
for device in $BDF $BDF2; do
	is "$device is protected with no loader" \
		"$(vfio-cfg "$device" dvsec+0xc.w=0xffff dvsec+0xc.w dvsec+0x20.l=0x1234 \
			dvsec+0x20.l dvsec8+0xc.l=0xffffffff dvsec8+0xc.l 2>&1 | xargs)" \
		"4fff 00001234 00000100"
done

# shellcheck disable=SC2016 # jq's
listed() {
	cxl-policy list --json | jq -r --arg bdf "$BDF" \
		'.[] | select(.device == $bdf) | .state, .policy'
}
is "the loader lists it" "$(listed | xargs)" "enforced cxl-device"
is "the loader names the link" "$(cxl-policy list --json |
	jq ".[] | select(.device == \"$BDF\") | .link_id")" \
	"$(bpftool link show | sed -n 's/^\([0-9]*\): struct_ops.*/\1/p')"

vm-mark 2
client user "$BDF" dvsec+0xc.w=0x4a56 dvsec+0x14.w=1 @1 \
	dvsec+0x14.w dvsec+0xc.w=0 dvsec+0xc.w @2 \
	dvsec+0x14.w dvsec+0xc.w=0 dvsec+0xc.w @3 \
	dvsec+0x14.w dvsec+0xc.w=0 dvsec+0xc.w @4 \
	dvsec+0x14.w dvsec+0xc.w=0 dvsec+0xc.w
at user 1
check "attach a policy of its own to an open device" cxl-policy attach "$BDF"
is "the other device stays under the default" "$(state_of "$BDF2")" "enforced cxl-device"
is "two policies are registered" "$(registered)" 2
go user 1
at user 2
check "swap it" cxl-policy swap "$BDF" --policy read-only
is "the swap shows" "$(state)" "enforced read-only"
go user 2
at user 3
check "detach it" cxl-policy detach "$BDF"
is "the default is in force again" "$(state) $(registered)" "enforced cxl-device 1"
go user 3
at user 4
rm "$DIR/cxl_policy"
is "removing the pin ends the default" "$(eventually none state)" none
check "attach once more" cxl-policy attach "$BDF"
go user 4
is "lock and values survive default, own, swapped, default, none, own" "$(ended user)" \
	"0001 4a56 0001 4a56 0001 4a56 0001 4a56"
cxl-policy detach "$BDF" >/dev/null

client user "$BDF" @1 dvsec+0xc.w=0x4a56 @2
at user 1
cxl-policy attach "$BDF" >/dev/null
go user 1
at user 2
control() {
	cxl-policy show "$BDF" --json | jq -r '.registers[] | select(.name == "control").guest'
}
is "the state of an open device is shown" "$(control)" 0x4a56
cxl-policy detach "$BDF" >/dev/null
go user 2
ended user >/dev/null
cxl-policy attach "$BDF" >/dev/null
is "what a user left that was closed without a policy is not shown" "$(control)" 0x0002
cxl-policy detach "$BDF" >/dev/null

check "the loader sets a default of its own" cxl-policy default set --policy read-only
is "it covers both devices" "$(state) $(state_of "$BDF2")" "enforced read-only enforced read-only"
register "$DIR"
is "a second default by bpftool is refused" "$(below $DIR) $(state)" " enforced read-only"
check "swap the default" cxl-policy swap default --policy cxl-device
is "the swapped default covers both devices" \
	"$(state) $(state_of "$BDF2")" "enforced cxl-device enforced cxl-device"
check "clear the default" cxl-policy default clear
is "nothing is in force or left but the maps" \
	"$(state | xargs) $(registered) $(find /sys/fs/bpf -type f | grep -v "^$PINS/[a-z]*$" | xargs)" \
	"none 0 "
done_testing
