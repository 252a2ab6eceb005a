# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck source=tests/lib/guest.sh
. /share/tests/lib/guest.sh

left() {
	find /sys/fs/bpf -type f 2>/dev/null | sort | xargs
	bpftool link show 2>/dev/null | grep -c ': struct_ops' || :
	state_of "$BDF" 2>/dev/null || :
}

# bad NAME STATUS CAUSE WAY-OUT ARG...: one line with cause and way out, both also as
# JSON, that exit status, and everything as it was
bad() {
	bad_name=$1 bad_status=$2 bad_cause=$3 bad_hint=$4
	shift 4
	bad_before=$(left)
	status=0
	as cxl-policy "$@" >/tmp/out 2>/tmp/err || status=$?
	wrong=''
	[ $status -eq "$bad_status" ] || wrong="status $status"
	[ ! -s /tmp/out ] || wrong="$wrong; it prints: $(cat /tmp/out)"
	[ "$(wc -l </tmp/err)" -eq 1 ] || wrong="$wrong; not one line"
	case $(cat /tmp/err) in
	cxl-policy:*$bad_cause*$bad_hint*) ;;
	*) wrong="$wrong; not a message like '$bad_cause ... $bad_hint'" ;;
	esac
	is "$bad_name: one line with cause and way out, status $bad_status" \
		"$wrong${wrong:+: $(cat /tmp/err)}" ""

	status=0
	as cxl-policy --json "$@" >/tmp/out 2>/tmp/err || status=$?
	is "$bad_name: the same as JSON" \
		"$status $(jq -r 'keys == ["error", "hint", "kind", "status"] and
			(.error | length > 3) and (.hint | length > 3) and
			(.kind | length > 3) and .status == '"$bad_status" /tmp/out 2>&1) $(wc -l </tmp/out) $(cat /tmp/err)" \
		"$bad_status true 1 "
	is "$bad_name: nothing is left behind" "$(left)" "$bad_before"
}

as() {
	"$@"
}

bad "no such device" 5 "0000:0f:1f.7" list attach 0000:0f:1f.7
bad "no such device to swap" 5 "0000:0f:1f.7" "" swap 0000:0f:1f.7 --policy read-only
bad "no such device to detach" 5 "0000:0f:1f.7" "" detach 0000:0f:1f.7
bad "no such device to show" 5 "0000:0f:1f.7" "" show 0000:0f:1f.7
bad "no address" 2 banana "" attach banana
bad "an address with a tail" 2 "0000:0d:00.0x" "" attach 0000:0d:00.0x
bad "an address out of range" 2 "0000:0d:20.0" "" attach 0000:0d:20.0
bad "a device that is not CXL" 5 "0000:00:00.0" CXL attach 0000:00:00.0
bad "no policy to swap" 5 "$BDF" attach swap "$BDF" --policy read-only
bad "no policy to detach" 5 "$BDF" attach detach "$BDF"
bad "an unknown policy" 5 no-such cxl-device attach "$BDF" --policy no-such
bad "a policy file that is not there" 5 /no/such.yaml "" attach "$BDF" --policy /no/such.yaml
printf 'name: x\naccess: all\n' >/tmp/bad.yaml
bad "a policy file with an error" 7 "/tmp/bad.yaml:2" "" attach "$BDF" --policy /tmp/bad.yaml
bad "no device named" 2 device help attach
fails "no command: the usage, status 2" 2 '*Usage: *' cxl-policy
bad "an unknown command" 2 frobnicate help frobnicate
bad "an unknown option" 2 frob help attach "$BDF" --frob
bad "a swap without a policy" 2 policy "" swap "$BDF"
bad "an address with a sign" 2 "0000:-1:00.0" "" show 0000:-1:00.0
bad "a segment that no device has" 2 "1000000:0d:00.0" "" show 1000000:0d:00.0
bad "two devices" 2 "one device" help attach "$BDF" "$BDF2"

vm-unbind "$BDF2"
bad "a device without a driver" 5 "$BDF2" --unbound attach "$BDF2"
check "--unbound takes it" cxl-policy attach "$BDF2" --unbound
is "--unbound leaves it unbound" "$(cxl-policy list --json |
	jq -c ".[] | select(.device == \"$BDF2\") | [.driver, .policy]")" '[null,"cxl-device"]'
vm-bind "$BDF2"
is "the policy is in force once it is bound" "$(state_of "$BDF2")" "enforced cxl-device"
cxl-policy detach "$BDF2" >/dev/null
PORT=$(basename "$(dirname "$(readlink -f "/sys/bus/pci/devices/$BDF")")")
bad "a bridge" 5 "$PORT" "" attach "$PORT"

check "attach" cxl-policy attach "$BDF"
bad "a policy is attached already" 6 cxl-device swap attach "$BDF"
bad "the same under another name of the policy" 6 cxl-device swap \
	attach "${BDF#0000:}" --policy read-only
bad "an unknown policy to swap to" 5 no-such cxl-device swap "$BDF" --policy no-such
is "the policy survives the errors" "$(state) $(v dvsec+0xc.w=0xffff dvsec+0xc.w)" \
	"enforced cxl-device 4fff"
cxl-policy detach "$BDF" >/dev/null

struct_ops_load "$POLICY" "match=$BDF" name=foreign pin=/sys/fs/bpf/foreign
bad "a policy that somebody else attached" 6 "$BDF" "" attach "$BDF"
is "it stays in force" "$(state)" "enforced foreign"
rm /sys/fs/bpf/foreign
eventually none state >/dev/null

register /sys/fs/bpf/x
bad "a default that somebody else set" 6 default "" default set --policy read-only
rm /sys/fs/bpf/x/cxl_policy
eventually none state >/dev/null

# ---- no privilege ----

echo 'nobody:x:65534:65534:nobody:/:/bin/sh' >>/etc/passwd
as() {
	# shellcheck disable=SC2016 # the inner shell's
	su nobody -s /bin/sh -c 'exec "$0" "$@"' -- "$@"
}
is "the unprivileged user is one" "$(as id -u)" 65534
bad "no privilege to attach" 4 "" root attach "$BDF"
cxl-policy attach "$BDF" >/dev/null
bad "no privilege to swap" 4 "" root swap "$BDF" --policy read-only
bad "no privilege to detach" 4 "" root detach "$BDF"
is "the policy survives users without privilege" "$(state)" "enforced cxl-device"
as() {
	"$@"
}
cxl-policy detach "$BDF" >/dev/null

# ---- a kernel that lacks something ----

# nothing_to_apply NAME: what assigns nothing is applied, and what assigns something can't be
nothing_to_apply() {
	is "$1: nothing assigned is nothing to do" "$(for option in --keep-others --dry-run --json; do
		cxl-policy apply /tmp/nothing $option 2>&1 || echo $?
	done)" "0 changed, 0 kept, 0 failed
0 would be changed, 0 kept, 0 failed
[]"
	bad "$1, something is assigned" 3 "" "" apply /tmp/something
	is "$1: there is nothing to refresh" "$(cxl-policy refresh 2>&1 || echo $?)" \
		"0 changed, 0 kept, 0 failed"
}
mkdir /tmp/nothing /tmp/something
echo 'devices: []' >/tmp/nothing/devices.yaml
echo 'devices: [{class: "0502", policy: cxl-device}]' >/tmp/something/devices.yaml

mkdir /tmp/empty
mount --bind /tmp/empty /sys/kernel/btf
bad "no BTF" 3 BTF CONFIG_DEBUG_INFO_BTF attach "$BDF"
nothing_to_apply "no BTF"
umount /sys/kernel/btf

with_modules "a kernel without the hook" "vfio-pci is not loaded" || {
	done_testing
	exit
}
stock() {
	vm-modules stock >/dev/null 2>&1 && echo loaded
}
is "the distribution's modules are loaded" "$(eventually loaded stock)" loaded
bad "a kernel without the hook" 3 vfio "" attach "$BDF"
nothing_to_apply "a kernel without the hook"
is "list works without the hook and claims no enforcement" "$(cxl-policy list --json |
	jq -c ".[] | select(.device == \"$BDF\") | [.state == \"enforced\", .policy]")" \
	'[false,null]'
vm-unbind "$BDF"
vm-unbind "$BDF2"
rmmod vfio_pci
rmmod vfio_pci_core
bad "vfio-pci is not loaded" 3 vfio "" attach "$BDF" --unbound
nothing_to_apply "vfio-pci is not loaded"
done_testing
