#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The verbs that need neither privilege nor a device: check, diff, registers. Run as
# nobody if that is possible, so that nothing of it works by privilege alone.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
# shellcheck source=tests/lib/tap.sh
. tests/lib/tap.sh

if [ ! -x build/bin/cxl-policy ]; then
	printf '1..0 # SKIP build/bin/cxl-policy is missing; run make\n'
	exit
fi
if ! command -v jq >/dev/null; then
	printf '1..0 # SKIP jq is not installed\n'
	exit
fi

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cp build/bin/cxl-policy "$dir/"
run=("$dir/cxl-policy")
if [ "$(id -u)" -eq 0 ] && command -v setpriv >/dev/null; then
	chmod 755 "$dir"
	run=(setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all "${run[@]}")
fi
unset CXL_POLICY_PATH

cli() {
	"${run[@]}" "$@"
}

# line: everything on one line
line() {
	tr -s ' \n' ' ' | sed 's/ $//; s/"//g'
}

# asked FILTER ARGUMENT...: what jq makes of the JSON, on one line
asked() {
	local filter=$1
	shift
	cli "$@" --json 2>&1 | jq -cr "$filter" 2>&1 | line
}

# status ARGUMENT...: the exit status alone
status() {
	local status=0
	cli "$@" >/dev/null 2>&1 || status=$?
	printf '%d' "$status"
}

# failure TITLE STATUS KIND PATTERN ARGUMENT...: as text and as JSON
failure() {
	local title=$1 status=$2 kind=$3 pattern=$4
	shift 4
	fails "$title" "$status" "cxl-policy: $pattern" cli "$@"
	like "$title, in JSON" "$(asked '[.status, .kind, .error] | join(" ")' "$@")" \
		"$status $kind $pattern"
}

write() {
	cat >"$dir/$1.yaml"
	chmod 644 "$dir/$1.yaml"
}

write boost <<'END'
name: boost
description: For a test.
based-on: cxl-device
cxl-reset: emulate
dvsecs:
  - vendor: 0x1e98
    id: 0
    fields:
      - {field: capability.cxl_reset_capable, value: 1}
      - {field: control.mem_enable, attribute: RWL, read: shadow, write: [shadow], value: 1}
  - vendor: 0x8086
    id: 0x17
    fields:
      - {field: capability.can_boost, offset: 0x0a, bits: 0, attribute: RO}
      - {field: control.mode, offset: 0x0c, bits: 7:4, attribute: RWL, value: 3}
      - {field: control.lock, offset: 0x0c, bits: 15, attribute: RWO}
      - {field: boost.enable, offset: 0x10, bits: 0, attribute: RW, read: shadow,
         write: [shadow, hardware], when: capability.can_boost}
      - {field: boost.error, offset: 0x10, bits: 1, attribute: RW1C, read: hardware,
         write: [hardware]}
      - {field: boost.base, offset: 0x10, bits: 7:4, attribute: RW, read: hardware, write: []}
      - {field: boost.rsvd, offset: 0x10, bits: 3:2, attribute: RsvdP}
END
sed 's/^name: .*/name: another/' "$dir/boost.yaml" | write another
sed 's/value: 3/value: 5/' "$dir/boost.yaml" | write five
write same <<'END'
name: same
based-on: cxl-device
END
write bad <<'END'
name: bad
dvsecs:
  - vendor: 0x1e98
    id: 0
    fields:
      - {field: control.mem_enabel, value: 1}
END
printf 'name: broken\n\tdvsecs: [\n' | write broken
write base <<'END'
name: base
based-on: nothing-of-that-name
END

# ---- check ----

is "check tells what the default policy lets through to the hardware" \
	"$(asked '.hardware[] | [.field, .bits, .how, .when // "-", .undo] | join(" ")' check cxl-device)" \
	"$(line <<'END'
control2.disable_caching 0 value - true
control2.initiate_cache_wbi 1 write-back - true
status2.volatile_hdm_preservation_error 3 clear capability3.volatile_hdm_state_after_hot_reset_configurability false
END
)"
is "and of the shadow which fields the lock freezes" \
	"$(asked '[.shadow[] | select(.lock == "lock.config_lock")] | length' check cxl-device) $(
		asked '[.shadow[] | select(.lock == null).field] | join(" ")' check cxl-device)" \
	"11 status.viral_status control2.disable_caching control2.cxl_reset_mem_clr_enable control2.desired_volatile_hdm_state_after_hot_reset control2.modified_completion_enable lock.config_lock"
is "what it triggers, and that it shows nothing of the host" \
	"$(asked '[.triggers[].how, .reads, .claims, .warnings, .valid, .access, .raw, .file]' check cxl-device)" \
	"[write-back,reset-dropped,[],[],[],true,rules,false,null]"
is "read-only lets nothing through" \
	"$(asked '[.hardware, .shadow, .triggers, .reads, .warnings, .access]' check read-only)" \
	"[[],[],[],[],[],read-only]"
is "passthrough lets everything through, shows the host's and warns of it" \
	"$(asked '[.raw, .record, .access, (.hardware | length > 60),
		([.reads[].field] | index("range1_base_high.memory_base_high") != null),
		(.warnings | length), .warnings[0].field]' check passthrough)" \
	"[true,true,passthrough,true,true,1,null]"
is "a file is told by its path, and what it describes by its names" \
	"$(asked '[.file, .policy, .description, .claims[].vendor, .claims[].id,
		(.hardware[] | select(.vendor == "0x8086") | .field, .offset, .how, .when)] |
		map(tostring) | join(" ")' check "$dir/boost.yaml")" \
	"$dir/boost.yaml boost For a test. 0x8086 23 boost.enable 16 value capability.can_boost boost.error 16 clear null"
is "a field that reads the host's is told" \
	"$(asked '.reads[] | [.field, .bits, .how] | join(" ")' check "$dir/boost.yaml")" \
	"boost.base 7:4 hardware"
is "warnings name the field and don't fail" \
	"$(asked '.warnings[].field' check "$dir/boost.yaml") $(status check "$dir/boost.yaml")" \
	"control.mem_enable 0"
is "an emulated reset is a trigger" \
	"$(asked '.triggers[] | select(.field == "control2.initiate_cxl_reset").how' check "$dir/boost.yaml")" \
	reset-emulated
like "check ends with one line that sums it up" "$(cli check cxl-device | tail -n 1)" \
	"3 bits reach the hardware, 91 live in the shadow, 0 of the host's are read, 0 warnings"
like "and has offset, field, bits, lock and condition" "$(cli check "$dir/boost.yaml" | line)" \
	"*0x0c control.mode 7:4 what is written, until control.lock*"
failure "check says file, line and what is meant of an unknown field" 7 invalid \
	"*bad.yaml:6: control.mem_enabel: *is it control.mem_enable?*" check "$dir/bad.yaml"
failure "check says file and line of what is no YAML" 7 invalid "*broken.yaml:2: *" \
	check "$dir/broken.yaml"
failure "check says where a policy is named that isn't there" 7 invalid \
	"*base.yaml:2: there is no policy 'nothing-of-that-name'*" check "$dir/base.yaml"
failure "a file that isn't there is missing" 5 missing "*none.yaml: No such file*" \
	check "$dir/none.yaml"
failure "so is a policy of no such name" 5 missing "*no-such*" check no-such
failure "check wants an argument" 2 usage "one policy is wanted*" check
failure "and only one" 2 usage "one policy is wanted*" check cxl-device read-only
failure "and no option of other verbs" 2 usage "check takes no --count*" check cxl-device --count 1

# ---- check and apply of a folder ----

fleet=$dir/fleet
mkdir -p "$fleet/devices.d" "$fleet/policies"
chmod -R 755 "$fleet"
write fleet/policies/lab <"$dir/same.yaml"
sed -i 's/^name: .*/name: lab/' "$fleet/policies/lab.yaml"
like "check says what a folder without assignments wants" "$(cli check "$fleet" | line)" \
	"Problems $fleet: there are no assignments, write them to $fleet/devices.yaml *"
failure "apply does so too" 7 invalid "*there are no assignments, write them to *" apply "$fleet"
write fleet/devices <<'END'
devices:
  - {address: "0000:0d:00.0", policy: cxl-device}
  - {class: "0502", policy: none}
END
is "a local policy that nobody has is a warning" \
	"$(asked '[.valid, .problems, .warnings] | tostring' check "$fleet") $(status check "$fleet")" \
	"[true,[],[$fleet/policies/lab.yaml: no device is assigned to it]] 0"
write fleet/devices.d/10-lab <<'END'
devices:
  - address: 0d:00.0
    policy: lab
  - {id: 8086:0D93, policy: locked}
END
is "a folder's assignments are told, and where they are" \
	"$(asked '.assignments[] | [.match, .value, .policy // "-", .file, .line] | join(" ")' check "$fleet")" \
	"$(line <<'END'
address 0000:0d:00.0 lab devices.d/10-lab.yaml 2
class 0502 - devices.yaml 3
id 8086:0d93 locked devices.d/10-lab.yaml 4
END
)"
is "and its policies" "$(asked '.policies[] | [.policy, .local, .used, .valid] | join(" ")' check "$fleet")" \
	"lab true true true locked false true true"
like "in a line of text" "$(cli check "$fleet")" \
	"$fleet is valid: 2 files, 3 assignments, 2 policies, 0 problems, 0 warnings"
write fleet/policies/lab <"$dir/bad.yaml"
printf 'devices:\n  - {class: 050210, policy: nowhere}\n' | write fleet/devices.d/20
is "all problems are told at once" \
	"$(asked '.valid, (.problems[] | split("/fleet/")[1] | split(":")[0:2] | join(":"))' check "$fleet") $(
		status check "$fleet")" \
	"false policies/lab.yaml:6 devices.d/20.yaml:2 7"
failure "apply tells the first, and where to see all" 7 invalid \
	"*policies/lab.yaml:6: *(and 1 more)*" apply "$fleet"
like "and changes nothing, whoever runs it" "$(cli apply "$fleet" 2>&1)" "*nothing was changed"
failure "a folder that isn't there is missing" 5 missing "*No such file*" apply "$dir/nowhere"
failure "apply takes one folder" 2 usage "at most one folder*" apply "$fleet" "$fleet"
failure "and one device" 2 usage "'0d:00' is no PCI address*" apply "$fleet" --device 0d:00
failure "watch takes one folder" 2 usage "at most one folder*" watch "$fleet" "$fleet"
failure "and no device" 2 usage "watch takes no --device*" watch "$fleet" --device 0d:00.0
if [ "$(id -u)" -ne 0 ] || [ "${run[0]}" = setpriv ]; then
	failure "it says at once that it wants to run as root" 4 privilege "no privilege*" \
		watch "$dir/nowhere"
else
	skip "it says at once that it wants to run as root" "there is no setpriv to be another user"
fi
failure "and no option of other verbs" 2 usage "apply takes no --unbound*" apply --unbound

# ---- diff ----

is "a policy doesn't differ from itself" \
	"$(asked '[.different, .internal, .fields, .flags, .claims] | tostring' diff cxl-device cxl-device) $(
		status diff cxl-device cxl-device)" \
	"[false,false,[],{},[]] 0"
is "nor by its name alone" \
	"$(asked '[.different, .policy_a, .policy_b] | join(" ")' diff "$dir/boost.yaml" "$dir/another.yaml") $(
		status diff cxl-device "$dir/same.yaml")" \
	"false boost another 0"
is "the text says so" "$(cli diff cxl-device "$dir/same.yaml")" "no difference"
is "a difference has a status of its own" "$(status diff cxl-device read-only)" 8
is "what is refused from now on, and why it was possible" \
	"$(asked '.fields[] | select(.field == "control.mem_enable") |
		[.bits, .attribute, .a.write, .a.lock, .b.write, .b.lock] | map(tostring) | join(" ")' \
		diff cxl-device read-only)" \
	"2 RWL shadow lock.config_lock refused null"
like "in one line of the text" "$(cli diff cxl-device read-only | tr -s ' ')" \
	"*control.mem_enable \[2\] RWL write: shadow until lock.config_lock -> refused*"
like "which ends with their number" "$(cli diff cxl-device read-only | tail -n 1)" "20 differences"
is "a value at open" \
	"$(asked '.fields[] | [.dvsec, .field, .offset, .bits, .a.read, .a.value, .b.value] |
		map(tostring) | join(" ")' diff "$dir/boost.yaml" "$dir/five.yaml")" \
	"0x8086:23 control.mode 12 7:4 shadow 3 5"
like "in the text" "$(cli diff "$dir/boost.yaml" "$dir/five.yaml" | line)" \
	"*control.mode \[7:4\] RWL read: shadow, 0x3 at open -> shadow, 0x5 at open 1 difference"
is "a claim, and the fields that are enforced by it" \
	"$(asked '[.claims[], (.fields[] | select(.field == "boost.error") |
		.a.enforced, .b.enforced, .b.write)] | map(tostring) | join(" ")' \
		diff cxl-device "$dir/boost.yaml")" \
	"$(jq -cnr '{vendor: "0x8086", id: 23, a: false, b: true} | tostring' | line) false true clear-hardware"
is "that everything else is let through" \
	"$(asked '[.flags.raw.a, .flags.raw.b, .flags.record.b] | tostring' diff cxl-device passthrough)" \
	"[false,true,true]"
is "what a CXL reset does" \
	"$(asked '.fields[] | select(.field == "control2.initiate_cxl_reset") |
		[.a.write, .b.write] | join(" ")' diff cxl-device "$dir/boost.yaml")" \
	"reset-dropped reset-emulated"
is "both ways are the same, turned round" \
	"$(asked '[.fields[] | [.field, .bits, .a, .b]]' diff read-only passthrough)" \
	"$(asked '[.fields[] | [.field, .bits, .b, .a]]' diff passthrough read-only)"
failure "diff wants two" 2 usage "two are wanted*" diff cxl-device
failure "a file that isn't valid" 7 invalid "*bad.yaml:6: *" diff cxl-device "$dir/bad.yaml"
failure "a policy that isn't there" 5 missing "*no-such*" diff no-such cxl-device
if [ "$(id -u)" -eq 0 ] && [ "${#run[@]}" -eq 1 ]; then
	skip "what is in force is for who may know" "run by root, and there is no setpriv"
else
	failure "what is in force is for who may know" 4 privilege "no privilege*" diff default cxl-device
	failure "and so it is on a device" 4 privilege "no privilege*" diff cxl-device 0000:0d:00.0
fi

# ---- what the output gets ----

# closed WORD...: the exit status with standard output, or error, not there or full
closed() {
	local status=0
	bash -c "\"\$@\" $1" -- "${run[@]}" "${@:2}" 2>/dev/null || status=$?
	printf '%d ' "$status"
}

is "an answer by exit status isn't given where its output fails" \
	"$(closed '>/dev/full' diff cxl-device read-only)$(closed '>&-' diff cxl-device read-only)$(
		closed '>&-' diff cxl-device cxl-device)$(closed '>/dev/full' --json diff cxl-device read-only)" \
	"1 1 1 1 "
is "an error is one line of UTF-8, without what moves a terminal" \
	"$(cli check $'\e[31m\xff\x7f\n\xc2\x9b\xed\xa0\x80\xc3\xa9' --json | jq -r .error)" \
	"no policy '?[31m????????é'"
printf 'name: x\ndescription: "a \\e[31mb\\nc\\n"\nbased-on: cxl-device\n' | write escape
is "nor does what a policy says of itself" "$(cli check "$dir/escape.yaml" | sed -n 2,4p)" \
	"a ?[31mb"$'\n'c
cp "$dir/boost.yaml" "$dir/"$'b\xff.yaml'
is "a file's name in JSON is UTF-8, too" \
	"$(cli check "$dir/"$'b\xff.yaml' --json | iconv -f utf-8 -t utf-8 | jq -r .file)" "$dir/b?.yaml"
failure "a folder isn't a record" 7 invalid "*Is a directory*" replay "$dir" --policy read-only
failure "a policy file by too long a name isn't there" 5 missing "*too long*" \
	check "./$(printf '%0300d' 0).yaml"

# ---- the command line ----

failure "help is of one command" 2 usage "help takes at most one*" help check diff
failure "a shortened command names all that it could be" 2 usage \
	"'d' could be detach or default or diff or doctor*" d
failure "an option's bad number doesn't send to another verb" 2 usage \
	"--count: '0' is no number from 1 to*" replay x --policy y --count 0

# ---- registers ----

is "registers has all of them" \
	"$(asked '[length, ([.[].fields[]] | length), .[0].name, .[-1].name] | map(tostring) | join(" ")' registers)" \
	"18 82 header1 capability3"
is "a register by its name, with its fields" \
	"$(asked '.[] | [.name, .offset, .size, (.fields | length)] | map(tostring) | join(" ")' registers control)" \
	"control 12 2 10"
is "a field by its beginning, with its condition" \
	"$(asked '.[].fields[] | [.name, .bits, .mask, .attribute, .when, .absent] | join(" ")' \
		registers control2.modified)" \
	"control2.modified_completion_enable 5 0x0020 RW capability2.modified_completion_capable RO"
is "or without its register, in all that have one" \
	"$(asked '[.[].fields[].name] | join(" ")' registers memory_base_low)" \
	"range1_base_low.memory_base_low range2_base_low.memory_base_low"
like "in the text, too" "$(cli registers status | line)" \
	"*status +0x0e, 2 bytes*status.viral_status 14 RW1CS*"
failure "a register that isn't there" 5 missing "no register or field begins with 'nope'*" \
	registers nope
failure "registers takes one name" 2 usage "at most one*" registers a b

done_testing
