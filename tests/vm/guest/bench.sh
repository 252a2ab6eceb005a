# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck source=tests/lib/guest.sh
. /share/tests/lib/guest.sh

# bench VARIANT: the cases that it measures, or why it ends
bench() {
	if vfio_bench any "$1" ns "$BDF" >/tmp/rows 2>/tmp/why; then
		jq -r .case /tmp/rows | xargs
	else
		cat /tmp/why
	fi
}

cases="read_shadow_w read_shadow_l read_mixed_l write_shadow_w write_locked_w"
cases="$cases write_forwarded_w read_other_cap"

is "without a policy, reads are of the hardware, and no write reaches it" \
	"$(bench empty)" "$cases"
is "that is not what the policy says, which the benchmark notices" \
	"$(bench bpf)" \
	"vfio_bench: read_shadow_w, bpf: an access gave something wrong"
is "and not what vfio-pci does without the hook" "$(bench stock)" \
	"vfio_bench: read_shadow_w, stock: what the hardware holds is 0x2 and not 0x6"

cxl-policy attach "$BDF" >/dev/null
is "with the policy, each answer is what it says" "$(bench bpf)" "$cases"
is "the device holds what it held before" "$(hw 0x10c 4) $(hw 0x110 4) $(hw 0x120 4)" \
	"00000002 00020000 00000000"
cxl-policy detach "$BDF" >/dev/null
cxl-policy attach "$BDF" --policy passthrough >/dev/null
case $(bench bpf) in
"$cases") not_ok "with another policy, the benchmark notices" ;;
*) ok "with another policy, the benchmark notices" ;;
esac
cxl-policy detach "$BDF" >/dev/null

# variant SET NAME [PARAM]: those that are built for the benchmark alone
variant() {
	name="the registers are the same by the modules '$1'"
	shift
	if vm-modules "$@" 2>/tmp/why; then
		is "$name" "$(bench "$variant")" "$cases"
	else
		skip "$name" "$(cat /tmp/why)"
	fi
}
for variant in stock native switch; do
	case $variant in
	native) variant native native bench=1 ;;
	*) variant "$variant" "$variant" ;;
	esac
done
done_testing
