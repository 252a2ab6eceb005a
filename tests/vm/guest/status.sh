# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck source=tests/lib/guest.sh
. /share/tests/lib/guest.sh

# stat_of BDF KEY...: what stats tells of a device, on one line
stat_of() {
	stat_bdf=$1
	shift
	cxl-policy stats --json | jq -c --args \
		'.[] | select(.device == "'"$stat_bdf"'") | [.[$ARGS.positional[]]]' "$@"
}

# row BDF|default JQ: what list tells of it
row() {
	cxl-policy list --json | jq -c ".[] | select(.device == \"$1\") | $2"
}

# doc NAME: status and finding of a check
doc() {
	doc_status=0
	cxl-policy doctor --json >/tmp/doctor || doc_status=$?
	jq -r --arg name "$1" '.checks[] | select(.name == $name) | "\(.status): \(.found)"' /tmp/doctor
}

# verdict: exit status of the last "doc", "ok", and what isn't ok or unknown
verdict() {
	doc none
	echo "$doc_status $(jq -r '.ok, (.checks[] | select(.status == "fail" or .status == "warn") |
		"\(.status):\(.name)")' /tmp/doctor | xargs)"
}

# What a doctor must not change
surroundings() {
	find /sys/fs/bpf 2>/dev/null | sort
	cat /proc/mounts /proc/modules
	bpftool link show
	cat /sys/bus/pci/devices/*/vfio-dev/vfio*/dvsec/* 2>/dev/null
}

# lines_alike OUTPUT: how many lines of text, and whether each is of the form
lines_alike() {
	awk '!/^(ok|warn|fail|unknown) +[a-z][-a-z]*( [0-9a-f:.]+)?: ./ { print "odd: " $0 }
		END { print NR " lines" }' "$1"
}

# exposition FILE: what isn't of the text format 0.0.4, and how much there is
exposition() {
	[ -z "$(tail -c 1 "$1" | tr -d '\n')" ] || echo "no newline at the end"
	awk '
	function wrong(what) { print "line " NR ": " what ": " $0 }
	/^# HELP / {
		if (pending) wrong("a HELP without a TYPE before")
		name = $3
		if (name !~ /^cxl_policy_[a-z_]+$/) wrong("name")
		if (seen[name]++) wrong("family again")
		if (NF < 4) wrong("no text")
		families++
		pending = 1
		samples_here = 1
		next
	}
	/^# TYPE / {
		if (!pending || $3 != name || NF != 4) wrong("TYPE")
		if ($4 != "gauge" && $4 != "counter") wrong("kind")
		if (($4 == "counter") != (name ~ /_total$/)) wrong("suffix")
		pending = 0
		samples_here = 0
		next
	}
	/^cxl_policy_assignments_valid [01]$/ {
		if ($1 != name || pending) wrong("not of its family")
		if (have[$1]++) wrong("series again")
		samples++
		next
	}
	/^[a-zA-Z_]/ {
		series = $0
		if (!match(series, /\} [0-9]+$/)) { wrong("value"); next }
		series = substr(series, 1, RSTART)
		brace = index(series, "{")
		if (substr(series, 1, brace - 1) != name || pending) wrong("not of its family")
		labels = substr(series, brace + 1, length(series) - brace - 1)
		if (labels !~ /^device="[0-9a-f:.]+"(,|$)/) wrong("device")
		while (labels != "") {
			if (!match(labels, /^[a-z_]+="([^"\\]|\\[\\"n])*"(,|$)/)) {
				wrong("labels")
				break
			}
			labels = substr(labels, RLENGTH + 1)
		}
		if (have[series]++) wrong("series again")
		samples++
		samples_here++
		next
	}
	{ wrong("what is it?") }
	END { print families + 0 " families, " samples + 0 " samples" }' "$1"
}

# sample FAMILY BDF [LABEL]: its value
sample() {
	sed -n "s/^$1{device=\"$2\"${3:+,$3}} //p" /tmp/metrics
}

COUNTERS="reads writes writes_denied hw_reads hw_writes errors"

# ---- nothing in force ----

before=$(surroundings)
is "the doctor of a host that is ready finds no failure, but devices without a policy" \
	"$(verdict)" "0 true warn:device $BDF warn:device $BDF2"
is "the answer of the doctor has its shape" "$(jq -c '[keys == ["checks", "ok"],
	(.checks | length > 10 and all(keys == ["found", "hint", "name", "status"] and
		(.found | length > 0) and (.name | length > 0) and
		(.status | IN("ok", "warn", "fail", "unknown")) and
		(.status == "ok" or .status == "unknown" or (.hint | length > 0))))]' /tmp/doctor)" \
	"[true,true]"
cxl-policy doctor >/tmp/text
is "the doctor has one line for each check" "$(lines_alike /tmp/text)" \
	"$(jq '.checks | length' /tmp/doctor) lines"
loaded='built into the kernel'
! modules || loaded='loaded as a module'
is "the doctor finds what is here" "$(for name in kernel bpf-jit kernel-btf vfio-pci hook \
	dvsec-raw bpffs cxl-devices policies; do doc $name; done)" \
	"ok: Linux $(uname -r)
ok: on
ok: /sys/kernel/btf/vmlinux
ok: $loaded
ok: vfio-pci has the hook for DVSEC policies
ok: off
ok: mounted at /sys/fs/bpf
ok: 2, of which vfio has 2
ok: none in force, and none pinned"
is "the doctor changes nothing" "$(surroundings)" "$before"
is "no verb sends colours to what is no terminal" "$(for verb in list stats doctor; do
	TERM=xterm cxl-policy $verb; done | grep -c "$(printf '\033')")" 0

# shellcheck disable=SC2086 # words
is "without accesses the counters are 0, and what isn't counted is null" \
	"$(stat_of "$BDF" state policy open_id $COUNTERS events events_lost)" \
	'["none",null,null,0,0,0,0,0,0,null,null]'
is "list tells that there is no default, with the keys of a device" \
	"$(cxl-policy list --json | jq -c '[(map(keys) | unique | length), (.[] | select(.device == "default") |
		.state, .policy, .link_id, .tag, .owner, .pin, .problem, .dvsecs)]')" \
	'[1,null,null,null,null,null,null,null,[]]'

# ---- counters ----

cxl-policy attach "$BDF" >/dev/null
client user "$BDF" @1 0x10c.w 0x10a.w 0x118.l 0x10c.w=0x4 0x10c.w=0x6 0x116.w=0xffff 0x110.b=1 @2
at user 1
# shellcheck disable=SC2086 # words
stat_of "$BDF" $COUNTERS >/tmp/before
go user 1
at user 2
# shellcheck disable=SC2086 # words
stat_of "$BDF" $COUNTERS >/tmp/after
is "each access, refusal and hardware access is counted" \
	"$(jq -s -c '[.[0], .[1]] | transpose | map(.[1] - .[0])' /tmp/before /tmp/after)" \
	'[3,4,2,3,1,0]'
is "stats tells what sysfs tells" "$(jq -c . /tmp/after)" \
	"$(for name in $COUNTERS; do attr "$name"; done | jq -s -c .)"
is "the open device is told as such, with its events" \
	"$(stat_of "$BDF" state policy open_id events events_lost)" \
	"[\"enforced\",\"cxl-device\",$(attr open_id),3,0]"
# shellcheck disable=SC2086 # words
is "the other device has counters of its own" "$(stat_of "$BDF2" $COUNTERS open_id)" \
	'[0,0,0,0,0,0,null]'
is "stats of one device tells of that one" \
	"$(cxl-policy stats "${BDF2#0000:}" --json | jq -c 'map(.device)')" "[\"$BDF2\"]"
is "stats has a line for each device" "$(cxl-policy stats | awk '{ print $1, $2, $4 }')" \
	"DEVICE STATE OPEN
$BDF enforced yes
$BDF2 none no"

cxl-policy stats --prometheus >/tmp/metrics
is "--prometheus writes the text format" "$(exposition /tmp/metrics)" "12 families, 28 samples"
is "the metrics are what stats tells" "$(jq -c . /tmp/after) $(sample cxl_policy_events_sent_total "$BDF")" \
	"$(for name in reads writes writes_denied hardware_reads hardware_writes errors; do
		sample "cxl_policy_${name}_total" "$BDF"
	done | jq -s -c .) 3"
is "the metrics tell states, policies and who is open" "$(
	for state in none raw enforced error; do
		sample cxl_policy_state "$BDF" "state=\"$state\""
		sample cxl_policy_state "$BDF2" "state=\"$state\""
	done | xargs
	sample cxl_policy_info "$BDF" 'policy="cxl-device"'
	sample cxl_policy_info "$BDF2" 'policy=""'
	sample cxl_policy_open "$BDF"
	sample cxl_policy_open "$BDF2")" "0 1 0 0 1 0 0 0
1
1
1
0"
is "they tell on which devices that vfio has a policy is enforced" \
	"$(sample cxl_policy_enforced "$BDF" 'driver="vfio-pci"')$(sample cxl_policy_enforced "$BDF2" 'driver="vfio-pci"')" "10"
is "what isn't counted has no sample" "$(grep -c "events.*$BDF2" /tmp/metrics)" 0
for edit in '/TYPE.*cxl_policy_open/d' 's/cxl_policy_reads_total/cxl_policy_reads/' 's/} 1$/}/' \
	's/state="raw"/state="none"/' 's/policy="cxl/policy="\\cxl/' '1p' 's/"}/}/'; do
	sed "$edit" /tmp/metrics >/tmp/broken
	[ "$(exposition /tmp/broken)" != "12 families, 28 samples" ] || note "$edit goes unseen"
	exposition /tmp/broken | grep -q ^line || echo "$edit"
done >/tmp/unseen
is "the test of the text format sees what breaks it" "$(cat /tmp/unseen)" ""

# assigned [EDIT]: what the metrics tell of the assignments
assigned() {
	cxl-policy stats --prometheus >/tmp/metrics
	echo "$(exposition /tmp/metrics | grep -c line)" \
		"$(sed -n 's/^cxl_policy_assign\(ed\|ments_valid\)\({device="\([^"]*\)",policy="\([^"]*\)"}\)*/\3 \4/p' \
			/tmp/metrics | xargs)"
}

is "without assignments there is no metric of them" "$(assigned)" "0 "
mkdir -p /etc/cxl-policy/devices.d
is "nor where no file has any" "$(assigned)" "0 "
printf '%s\n' devices: "- {address: $BDF, policy: cxl-device}" '- {class: "0502", policy: locked}' \
	>/etc/cxl-policy/devices.yaml
is "the metrics tell which assigned policy isn't enforced" "$(assigned)" \
	"0 1 $BDF cxl-device 1 $BDF2 locked 0"
cp /tmp/metrics /tmp/all
printf '%s\n' devices: "- {address: $BDF, policy: read-only}" "- {address: $BDF2, policy: none}" \
	>/etc/cxl-policy/devices.d/x.yaml
is "another policy than the assigned one doesn't count, none is no assignment" "$(assigned)" \
	"0 1 $BDF read-only 0"
echo "- {address: $BDF, policy: nowhere}" >>/etc/cxl-policy/devices.yaml
is "assignments that can't be applied are told of" "$(assigned | cut -d ' ' -f 1-2)" "0 0"
is "of one device there is nothing of the host" \
	"$(cxl-policy stats "$BDF" --prometheus | grep -c cxl_policy_assign || :)" 0
rm -r /etc/cxl-policy
sed -n 's/^# TYPE \([^ ]*\) .*/\1/p' /tmp/all | sort >/tmp/families
grep -o 'cxl_policy_[a-z_]*' /share/loader/prometheus/cxl-policy.rules.yml | sort -u >/tmp/used
is "the alerts are about metrics that there are" \
	"$(grep -vxFf /tmp/families /tmp/used || :) $(($(wc -l </tmp/used) > 4))" " 1"
is "the manual tells of each metric" \
	"$(while read -r family; do
		grep -q "^\`\`$family\`\` (" /share/loader/man/cxl-policy.1.rst || echo "$family"
	done </tmp/families)" ""
fails "--prometheus and --json don't go together" 2 '*--prometheus*' \
	cxl-policy stats --prometheus --json

go user 2
ended user >/dev/null
is "a device that was closed has no events to tell of" "$(stat_of "$BDF" open_id events events_lost)" \
	'[null,null,null]'

client user "$BDF" quiet loop=1000 0x10c.w=0
ended user >/dev/null
client user "$BDF" 0x10c.w=0 @1
at user 1
is "what a flood of events has lost is counted, also those of earlier openings" \
	"$(stat_of "$BDF" events events_lost | jq -c '[.[0] >= 64, .[1] > 0, .[0] + .[1]]')" \
	'[true,true,1008]'
go user 1
ended user >/dev/null
cxl-policy attach "$BDF2" >/dev/null
client user "$BDF2" 0x10c.w=0 @1
at user 1
is "another device in the same place doesn't inherit the count of events" \
	"$(stat_of "$BDF2" events events_lost)" "[2,0]"
go user 1
ended user >/dev/null
cxl-policy detach "$BDF2" >/dev/null

# ---- who registered it ----

tag=$(bpftool -j prog show | jq -r 'first(.[] | select(.name == "cxl_opened")).tag')
is "list tells pin, owner and the tag of the program" \
	"$(row "$BDF" '[.owner, .pin, .problem, .tag]')" \
	"[\"cxl-policy\",\"$PINS/links/0000:0d:00-0\",null,\"$tag\"]"
register /sys/fs/bpf/x
link=$(bpftool -j link show pinned /sys/fs/bpf/x/cxl_policy | jq .id)
is "a policy that bpftool registered is listed, as somebody else's and without a problem" \
	"$(row default '[.state, .policy, .link_id, .owner, .pin, .problem, .tag]')" \
	"[null,\"cxl-device\",$link,\"other\",null,null,\"$tag\"]"
is "it is told of the device that it covers" \
	"$(row "$BDF2" '[.state, .policy, .link_id, .owner, .pin]')" \
	"[\"enforced\",\"cxl-device\",$link,\"other\",null]"
is "the device with a policy of its own keeps that one" "$(row "$BDF" '[.owner, .policy]')" \
	'["cxl-policy","cxl-device"]'
is "text says whose it is" "$(cxl-policy list | grep -c 'not pinned by cxl-policy')" 1
is "a policy that is pinned elsewhere is no complaint" "$(verdict) $(doc policies)" \
	"0 true ok: 2 in force, none of which goes with a program"

load "$POLICY" "match=$BDF2" 'name=a"b\c' pin=/sys/fs/bpf/foreign
other=$(bpftool -j link show pinned /sys/fs/bpf/foreign | jq .id)
is "two policies of others and one of ours are told apart" \
	"$(cxl-policy list --json | jq -c 'map([.device, .link_id, .owner])')" \
	"[[\"$BDF\",$(bpftool -j link show pinned "$PINS/links/0000:0d:00-0" | jq .id),\"cxl-policy\"],[\"$BDF2\",$other,\"other\"],[\"default\",$link,\"other\"]]"
cxl-policy stats --prometheus >/tmp/metrics
is "a name is escaped in a label" \
	"$(exposition /tmp/metrics) $(grep -c 'policy="a\\"b\\\\c"} 1$' /tmp/metrics)" \
	"10 families, 26 samples 1"
rm /sys/fs/bpf/foreign
eventually "enforced cxl-device" state_of "$BDF2" >/dev/null

struct_ops_load "$POLICY" "match=$BDF2" name=held hold >/tmp/held 2>&1 &
holder=$!
eventually "enforced held" state_of "$BDF2" >/dev/null
is "a policy that goes with its holder is a warning" \
	"$(verdict; doc policies | sed 's/link [0-9]*/link N/')" \
	"0 true warn:policies
warn: link N, policy held for $BDF2, has no pin: it goes with the program that holds it"
kill $holder
wait $holder 2>/dev/null || :
rm /sys/fs/bpf/x/cxl_policy
eventually none state_of "$BDF2" >/dev/null

# bpftool crashes after the work, as in "register"
bpftool struct_ops register "$OBJS/linkless.bpf.o" >/dev/null 2>&1 || :
is "a policy that is registered without a link is listed" \
	"$(row default '[.policy, .link_id, .owner, .pin, .problem]') $(row "$BDF2" '[.state, .policy]')" \
	'["linkless",null,"other",null,null] ["enforced","linkless"]'
is "text says so" "$(cxl-policy list | grep -c '(link -)  registered without a link')" 1
is "it stays by itself" "$(verdict)" "0 true"
fails "there can't be another one" 6 '*linkless*' cxl-policy default set
fails "none can be swapped for it" 6 '*without a link*' cxl-policy swap default --policy read-only
check "it can be ended" cxl-policy default clear
is "and is gone" "$(state_of "$BDF2" | xargs) $(row default .policy)" "none null"

# ---- pins that do not agree ----

PIN=$PINS/links/0000:0d:00-0
link=$(row "$BDF" .link_id)
load detach "$PIN"
is "a pin whose link isn't in force is a problem, and the kernel has the word on the state" \
	"$(row "$BDF" '[.state, .policy, .link_id, .owner, .pin, .problem]')" \
	"[\"none\",null,null,null,null,\"the pin $PIN holds link $link, which isn't in force\"]"
is "text tells the problem" "$(cxl-policy list | grep -A 1 "^$BDF" | grep -c "problem: .*$PIN")" 1
is "the doctor tells the problem" "$(verdict; doc pins)" \
	"0 true warn:device $BDF warn:device $BDF2 warn:pins
warn: the pin $PIN holds link $link, which isn't in force"
check "attach works over a stale pin" cxl-policy attach "$BDF"
is "and mends it" "$(row "$BDF" '[.state, .pin, .problem]')" "[\"enforced\",\"$PIN\",null]"

mv "$PIN" "$PINS/links/default"
is "a pin under the name of another target is a problem of that one" \
	"$(row default '[.policy, .problem]') $(row "$BDF" '[.state, .owner, .problem]')" \
	"[null,\"the pin $PINS/links/default holds link $(row "$BDF" .link_id), which is for $BDF\"] [\"enforced\",\"cxl-policy\",null]"
mv "$PINS/links/default" "$PIN"
bpftool map pin name cxl_events "$PINS/links/junk"
is "what is no link is a problem of no device" \
	"$(cxl-policy list --json | jq -c '.[] | select(.device == null) | [.state, .problem]')" \
	"[\"none\",\"$PINS/links/junk isn't the pin of a link\"]"
rm "$PINS/links/junk"

cxl-policy attach "$BDF2" >/dev/null
echo 1 >"/sys/bus/pci/devices/$BDF2/remove"
is "the pin of a device that has gone is a problem that is told" \
	"$(eventually none row "$BDF2" .state >/dev/null; row "$BDF2" '[.driver, .vendor, .state, .policy]') $(
	row "$BDF2" .problem | grep -c "pin $PINS/links/0000:0e:00-0 holds link")" \
	'[null,null,"none",null] 1'
echo 1 >/sys/bus/pci/rescan
vm-bind "$BDF2"
rm -f "$PINS/links/0000:0e:00-0"
cxl-policy attach "$BDF2" --unbound >/dev/null
is "all is well again" "$(verdict)" "0 true"

# ---- no privilege ----

echo 'nobody:x:65534:65534:nobody:/:/bin/sh' >>/etc/passwd
as_nobody() {
	# shellcheck disable=SC2016 # the inner shell's
	su nobody -s /bin/sh -c 'exec "$0" "$@"' -- "$@"
}
client user "$BDF" 0x10c.w=0 @1
at user 1
is "stats needs no privilege but for events" \
	"$(as_nobody cxl-policy stats --json | jq -c 'map([.device, .state, .writes > 0, .events])')" \
	"[[\"$BDF\",\"enforced\",true,null],[\"$BDF2\",\"enforced\",false,null]]"
is "stats says so" "$(as_nobody cxl-policy stats | tail -n 1)" \
	"events are shown to root only (CAP_SYS_ADMIN)"
go user 1
ended user >/dev/null
status=0
as_nobody cxl-policy doctor --json >/tmp/doctor || status=$?
is "the doctor without privilege fails for that alone, and says what it can't see" \
	"$status $(jq -c '[.ok, (.checks[] | select(.status == "fail").name),
		(.checks[] | select(.name == "policies" or .name == "cxl-devices").status),
		(.checks[] | select(.name | startswith("device ")).status)]' /tmp/doctor)" \
	'4 [false,"privilege","unknown","unknown","ok","ok"]'

# ---- a host that lacks something ----

echo 0 >/tmp/jit
mount --bind /tmp/jit /proc/sys/net/core/bpf_jit_enable
is "without JIT the doctor fails" "$(verdict)" "3 false fail:bpf-jit"
umount /proc/sys/net/core/bpf_jit_enable

mkdir -p /tmp/empty /tmp/btf
mount --bind /tmp/empty /sys/kernel/btf
without='fail:kernel-btf'
! modules || without='fail:kernel-btf fail:vfio-pci-btf'
is "without BTF the doctor fails" "$(verdict)" "3 false $without"
as_nobody cxl-policy doctor >/dev/null 2>&1 || status=$?
is "a failure of the kernel goes before one of privilege" "$status" 3
umount /sys/kernel/btf
if with_modules "without BTF of vfio-pci-core the doctor fails"; then
	cp /sys/kernel/btf/vmlinux /tmp/btf/
	mount --bind /tmp/btf /sys/kernel/btf
	is "without BTF of vfio-pci-core the doctor fails" "$(verdict)" \
		"3 false fail:vfio-pci-btf fail:hook"
	umount /sys/kernel/btf
fi

mount --bind /tmp/empty /sys/class/iommu
mount --bind /tmp/empty /sys/kernel/iommu_groups
is "without an IOMMU the doctor fails" "$(verdict)" "3 false fail:iommu"
mkdir -p /tmp/vfio/parameters
echo Y >/tmp/vfio/parameters/enable_unsafe_noiommu_mode
mount --bind /tmp/vfio /sys/module/vfio
is "where vfio does without, the doctor warns" "$(verdict)" "0 true warn:iommu"
umount /sys/module/vfio
umount /sys/kernel/iommu_groups
umount /sys/class/iommu

if with_modules "the module that is loaded against the one on disk"; then
	MODULES=/lib/modules/$(uname -r)
	mkdir -p "$MODULES/updates"
	cp /lib/vm/patched/vfio-pci-core.ko "$MODULES/updates/"
	printf '%s\n' "kernel/drivers/vfio/vfio.ko:" "updates/vfio-pci-core.ko: kernel/drivers/vfio/vfio.ko" \
		>"$MODULES/modules.dep"
	is "the module that is loaded is the one on disk" "$(doc module-file)" \
		"ok: the loaded vfio-pci-core is $MODULES/updates/vfio-pci-core.ko"
	cp /lib/vm/stock/vfio-pci-core.ko "$MODULES/updates/"
	is "another module on disk, which the next boot would take, is a warning" "$(verdict)" \
		"0 true warn:module-file"
	echo no module >"$MODULES/updates/vfio-pci-core.ko"
	is "a module that can't be read is no verdict" "$(verdict) $(doc module-file | cut -d : -f 1)" \
		"0 true unknown"
	cp /lib/vm/patched/vfio-pci-core.ko "$MODULES/updates/"
fi

cxl-policy detach "$BDF" >/dev/null
cxl-policy detach "$BDF2" >/dev/null
if with_modules "dvsec_raw=1, the distribution's modules, and none"; then
	load_modules() {
		vm-modules "$@" >/dev/null 2>&1 && echo loaded
	}
	is "the modules are loaded with dvsec_raw=1" "$(eventually loaded load_modules patched dvsec_raw=1)" loaded
	is "dvsec_raw=1 is a warning, and so is each device without a policy" \
		"$(verdict; doc "device $BDF")" \
		"0 true warn:dvsec-raw warn:device $BDF warn:device $BDF2
warn: no policy, and users write its DVSECs (dvsec_raw)"
	is "stats tells of raw devices" "$(stat_of "$BDF" state policy)" '["raw",null]'

	is "the distribution's modules are loaded" "$(eventually loaded load_modules stock)" loaded
	is "a stock vfio-pci that was loaded early fails, though the patched one is installed" "$(verdict)" \
		"3 false fail:hook fail:module-file fail:device $BDF fail:device $BDF2"
	is "the way out is to load the installed one" "$(jq -r '.checks[] |
	select(.name == "module-file").hint' /tmp/doctor | grep -c 'modprobe vfio-pci')" 1
	cxl-policy stats --prometheus >/tmp/metrics
	is "stats without the hook: nothing, and no error" \
		"$(cxl-policy stats --json) $(grep -c _total /tmp/metrics) $(cxl-policy stats)" \
		"[] 0 no CXL device is bound to a vfio-pci that has the hook"
	is "the metrics say that nothing is enforced there" \
		"$(exposition /tmp/metrics) $(sed -n 's/{device="\([^"]*\)".* / \1 /p' /tmp/metrics |
			grep -v 'state .* 0$' | xargs)" \
		"2 families, 10 samples cxl_policy_enforced $BDF 0 cxl_policy_enforced $BDF2 0 cxl_policy_state $BDF 1 cxl_policy_state $BDF2 1"
	is "and that users write DVSECs" \
		"$(sample cxl_policy_state "$BDF" 'state="raw"')$(sample cxl_policy_state "$BDF2" 'state="raw"')" 11
	fails "stats of a device without the hook says so" 3 '*no hook*' cxl-policy stats "$BDF"
	vm-unbind "$BDF"
	vm-unbind "$BDF2"
	is "a device that vfio doesn't have is in no metric" "$(cxl-policy stats --prometheus | wc -c)" 0
	fails "stats of an unbound device says so" 5 '*bound*' cxl-policy stats "$BDF"
	fails "stats of no device says so" 5 '*no device*' cxl-policy stats 0000:0f:1f.7
	rmmod vfio_pci
	rmmod vfio_pci_core
	is "without vfio-pci the doctor fails" "$(verdict)" "3 false fail:vfio-pci fail:hook"
	is "the patched modules are loaded" "$(eventually loaded load_modules patched)" loaded
	vm-bind "$BDF"
	is "a device that vfio-pci doesn't have has no counters" \
		"$(cxl-policy stats --json | jq -c 'map(.device)')" "[\"$BDF\"]"
	vm-bind "$BDF2"
fi

umount /sys/fs/bpf
is "a BPF file system that isn't mounted is no failure, and stays so" \
	"$(verdict) $(doc bpffs) $(grep -c ' /sys/fs/bpf ' /proc/mounts || :)" \
	"0 true warn:device $BDF warn:device $BDF2 ok: not mounted, cxl-policy mounts it at /sys/fs/bpf 0"
is "list and stats go without it" "$(cxl-policy list --json | jq length) \
$(cxl-policy stats --json | jq length) $(grep -c ' /sys/fs/bpf ' /proc/mounts || :)" "3 2 0"
mount -t tmpfs tmp /sys/fs/bpf
: >/sys/fs/bpf/taken
is "something else in its place fails" "$(verdict)" \
	"3 false fail:bpffs warn:device $BDF warn:device $BDF2"
umount /sys/fs/bpf
mount -t bpf bpf /sys/fs/bpf

# ---- lockdown, from which there is no way back ----

mount -t securityfs security /sys/kernel/security 2>/dev/null || :
if [ -e /sys/kernel/security/lockdown ]; then
	is "no lockdown" "$(doc lockdown)" "ok: none"
	echo integrity >/sys/kernel/security/lockdown
	is "lockdown for integrity lets policies work" \
		"$(doc lockdown | cut -d : -f 1,2) $(cxl-policy attach "$BDF" >/dev/null && state)" \
		"ok: integrity enforced cxl-device"
	cxl-policy detach "$BDF" >/dev/null
	echo confidentiality >/sys/kernel/security/lockdown
	is "lockdown for confidentiality is a warning" "$(doc lockdown | cut -d : -f 1,2)" \
		"warn: confidentiality"
	is "policies work under it, as the doctor says" \
		"$(cxl-policy attach "$BDF" >/dev/null && state)" "enforced cxl-device"
else
	skip "lockdown" "this kernel has none"
fi
done_testing
