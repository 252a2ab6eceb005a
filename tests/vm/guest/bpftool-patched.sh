# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
# What the patched bpftool tells is compared with what the stock one tells of
# maps, links, programs and BTF, which it does without a crash.
# shellcheck source=tests/lib/guest.sh
. /share/tests/lib/guest.sh

# The stock bpftool finds a type in the kernel's own BTF
if ! with_modules "a type in the BTF of a module"; then
	done_testing
	exit
fi

DIR=/sys/fs/bpf/x
TYPE=vfio_pci_dvsec_ops

# s COMMAND...: output on one line, and the status
s() {
	s_status=0
	bpftool-patched "$@" >/tmp/s 2>&1 || s_status=$?
	echo "$(xargs -0 printf '%s' </tmp/s | tr -s ' \n' '  ' | sed 's/ $//') ($s_status)"
}

id_of() {
	bpftool -j "$1" show | jq -r --arg name "$2" \
		'[.[] | select(.name == $name)][-1].id // "none"'
}

# The last link of a map, that is
link_of() {
	bpftool -j link show | jq -r --argjson map "$1" \
		'[.[] | select(.type == "struct_ops" and .map_id == $map)][-1].id // "none"'
}

# dumped MAP-ID: the struct_ops itself
dumped() {
	bpftool-patched -j struct_ops dump id "$1" | jq -r '.[1][] | .data'
}

out=$(s struct_ops register "$POLICY" $DIR)
map=$(id_of map cxl_policy)
link=$(link_of "$map")
is "register names type, map and link, and succeeds" \
	"$out" "Registered $TYPE cxl_policy map id $map link id $link (0)"
is "it pins the link" "$(below $DIR)" "$DIR/cxl_policy"
is "the policy is in force" "$(state)" "enforced cxl-device"

for command in list show "show id $map" "show name cxl_policy"; do
	# shellcheck disable=SC2086 # its words
	is "$command names the type" "$(s struct_ops $command)" "$map: cxl_policy $TYPE (0)"
	# shellcheck disable=SC2086 # its words
	is "$command does so as JSON" "$(s -j struct_ops $command)" \
		"[{\"id\":$map,\"name\":\"cxl_policy\",\"kernel_struct_ops\":\"$TYPE\"}] (0)"
done

check "dump as text" bpftool-patched struct_ops dump
like "it has name and program" "$(s struct_ops dump name cxl_policy)" \
	"*bpf_struct_ops_$TYPE*cxl_read/prog_id:$(id_of prog cxl_read)\"*\"cxl-device\"*(0)"
is "dump gives each program where it belongs" "$(dumped "$map" | jq -r \
	'.opened, .closed, .reset, .read, .write | sub(".* "; "")' | xargs)" \
	"$(for member in opened closed reset read write; do
		echo "cxl_$member/prog_id:$(id_of prog cxl_$member)"
	done | xargs)"
is "dump has the members that the module's BTF has" \
	"$(dumped "$map" | jq -r 'keys_unsorted[]' | xargs)" \
	"$(bpftool -j btf dump file /sys/kernel/btf/vfio_pci_core -B /sys/kernel/btf/vmlinux |
		jq -r --arg type $TYPE \
			'.types[] | select(.kind == "STRUCT" and .name == $type).members[].name' | xargs)"
is "the map's own information is decoded by the kernel's BTF" \
	"$(bpftool-patched -j struct_ops dump id "$map" |
		jq -r '.[0].bpf_map_info | .id, .name, .value_size' | xargs)" \
	"$map cxl_policy $(bpftool -j map show id "$map" | jq .bytes_value)"

# Types of kernel and module by turns
check "register struct_ops of the kernel" \
	bpftool-patched struct_ops register $OBJS/tcp.bpf.o $DIR
load "$POLICY" name=other match=1234:0e:1f.3 claim=1e98:0008 claim=8086:1234 \
	pin=/sys/fs/bpf/other
plain=$(id_of map tcp_plain) linked=$(id_of map tcp_linked) other=$(id_of map cxl_policy)
is "all are listed, each by its type" "$(s struct_ops list)" \
	"$map: cxl_policy $TYPE $plain: tcp_plain tcp_congestion_ops \
$linked: tcp_linked tcp_congestion_ops $other: cxl_policy $TYPE (0)"
is "all are dumped, each by its type" \
	"$(bpftool-patched -j struct_ops dump | jq -r '.[] | to_entries[] |
		if .key == "bpf_map_info" then .value.id else .key, .value.data.name end' | xargs)" \
	"$map bpf_struct_ops_$TYPE cxl-device \
$plain bpf_struct_ops_tcp_congestion_ops plain \
$linked bpf_struct_ops_tcp_congestion_ops linked \
$other bpf_struct_ops_$TYPE other"
is "members have the values that were registered" "$(dumped "$other" |
	jq -c '[.match, .segment, .bus, .devfn, .nr_claims, .claims[0:3], .name]')" \
	'[1,4660,14,251,2,[{"vendor":7832,"id":8},{"vendor":32902,"id":4660},{"vendor":0,"id":0}],"other"]'
is "unregister still does so where there is no link" \
	"$(s struct_ops unregister name tcp_plain)" \
	"Unregistered tcp_congestion_ops tcp_plain id $plain (0)"
is "no longer is it listed" "$(bpftool-patched -j struct_ops list | jq -c 'map(.id)')" \
	"[$map,$linked,$other]"

# way_out TYPE NAME MAP LINK
way_out() {
	printf "%s %s" "can't unload $1 $2 id $3: it is registered by link $4;" \
		"detach that ('bpftool link detach id $4') or remove its pinned file"
}
is "unregister names the way out for the kernel's" "$(s struct_ops unregister id "$linked")" \
	"Error: $(way_out tcp_congestion_ops tcp_linked "$linked" "$(link_of "$linked")") (255)"
is "unregister names the way out for a module's" "$(s struct_ops unregister id "$map")" \
	"Error: $(way_out $TYPE cxl_policy "$map" "$link") (255)"
is "and as JSON" "$(s -j struct_ops unregister id "$map")" \
	"{\"error\":\"$(way_out $TYPE cxl_policy "$map" "$link")\"} (255)"
is "with two of that name it tells of each" \
	"$(bpftool-patched struct_ops unregister name cxl_policy 2>&1 |
		grep -c "cxl_policy id \($map\|$other\): it is registered by link")" 2
is "the policy is still in force" "$(state)" "enforced cxl-device"

advice=$(bpftool-patched struct_ops unregister id "$map" 2>&1 | sed "s/.*('\(.*\)').*/\1/")
check "detach the link as advised" sh -c "${advice:-false}"
is "that ends the policy" "$(eventually none state) $(link_of "$map")" "none none"
rm $DIR/cxl_policy /sys/fs/bpf/other $DIR/tcp_linked
is "nothing is listed then" "$(eventually '[]' bpftool-patched -j struct_ops list)" "[]"
fails "nor is there anything to unregister" 255 "*no struct_ops found for cxl_policy" \
	bpftool-patched struct_ops unregister name cxl_policy

check "register once more" bpftool-patched struct_ops register "$POLICY" $DIR
is "it is in force again" "$(state)" "enforced cxl-device"
rm $DIR/cxl_policy
is "removing the pin ends it" "$(eventually none state)" none

like "register without a folder succeeds too" "$(s struct_ops register "$POLICY")" \
	"Registered $TYPE cxl_policy map id *[0-9] link id *[0-9] (0)"
is "without a pin, it ends with bpftool" \
	"$(eventually none state) $(eventually '[]' bpftool-patched -j struct_ops list)" "none []"
out=$(s -j struct_ops register "$POLICY" $DIR)
is "register as JSON" "$out $(state)" "null (0) enforced cxl-device"
fails "a second default is refused, with the reason" 255 \
	"*can't register struct_ops cxl_policy: *" \
	bpftool-patched struct_ops register "$POLICY" /sys/fs/bpf/y
is "nothing is left of it" "$(below /sys/fs/bpf/y) $(registered)" " 1"
rm $DIR/cxl_policy
is "the pin is the last one" "$(eventually none state)" none

# Loaded, not registered
check "load the object alone" bpftool prog loadall "$POLICY" /sys/fs/bpf/progs \
	pinmaps /sys/fs/bpf/maps
map=$(id_of map cxl_policy)
is "what has no link is listed" "$(s struct_ops list)" "$map: cxl_policy $TYPE (0)"
fails "and unregister says so" 255 \
	"*can't unload $TYPE cxl_policy id $map: no link registers it" \
	bpftool-patched struct_ops unregister id "$map"
rm -r /sys/fs/bpf/progs /sys/fs/bpf/maps
is "nothing of it is left" "$(eventually '[]' bpftool-patched -j struct_ops list)" "[]"

check "nothing holds the module" vm-modules stock
fails "without the type, register fails and does not crash" 255 "*" \
	bpftool-patched struct_ops register "$POLICY" $DIR
is "list works all the same" "$(s -j struct_ops list)" "[] (0)"
done_testing
