# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck source=tests/lib/guest.sh
. /share/tests/lib/guest.sh

DEBUG=/sys/kernel/debug/failslab
echo N >$DEBUG/ignore-gfp-wait
# A failure on request is no trouble of the kernel's
echo 0 >$DEBUG/verbose

# hook: first and last address of the hook's functions that stay
hook() {
	sed -n '/_init$/d; s/^\([^ ]*\) [tT] \(vfio_pci_\)*dvsec_[a-z_]*$/0x\1/p' /proc/kallsyms |
		sort | sed -n '1p; $p' | xargs
}

# each WORK NAME ENFORCED REFUSED [OBJ]: do it with each allocation failing; REFUSED is
# what its number of refusals is like
each() {
	each_status=0
	fail_nth "$1" "$BDF" 0x100 "$3" 0002 ${5:+"$5"} >/tmp/faults 2>/tmp/faults.err || each_status=$?
	like "$2" "$each_status $(cat /tmp/faults)" "0 $1: * allocations failed, $4 times it was refused*"
	note "$(tail -n 1 /tmp/faults)"
	[ $each_status -eq 0 ] || note "$(tail -n 5 /tmp/faults.err)"
}

vm-mark 1
each attach "a policy is put in force or not, whatever allocation fails" 4fff '[1-9]*' "$POLICY"
each swap "to replace a policy takes no memory that may not be there" 4fff 0 "$POLICY"
is "no failure left a policy" "$(state | xargs) $(eventually 0 registered)" "none 0"
each open "a device without a policy is read-only, whatever allocation fails at its opening" 0002 '[1-9]*'
cxl-policy attach "$BDF" >/dev/null
each open "a device with a policy is under it or read-only, whatever allocation fails at its opening" \
	4fff '[1-9]*'
cxl-policy detach "$BDF" >/dev/null

# vfio warns when some of its own allocations fail while a device is bound
hook | {
	read -r first last
	echo "$first" >$DEBUG/require-start
	echo "$last" >$DEBUG/require-end
}
each bind "a device without a policy is read-only, whatever the hook lacks when it is bound" \
	0002 '[1-9]*'
cxl-policy attach "$BDF" >/dev/null
each bind "a device with a policy is under it or read-only, whatever the hook lacks when it is bound" \
	4fff '[1-9]*'
is "the policy is in force after all that" "$(state) $(v dvsec+0xc.w=0xffff dvsec+0xc.w)" \
	"enforced cxl-device 4fff"
done_testing
