#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The playbook rolls policies out to two hosts, and back. The hosts' folders and Ansible's
# modules are on this machine, cxl-policy and the devices in two others: each command is
# handed over to one of them, which shares the folder.
# shellcheck source=tests/lib/host.sh
. "$(dirname -- "$0")/../lib/host.sh"

PATH=$PATH:/usr/sbin:/sbin
if ! [ -x /usr/bin/ansible-playbook ] || ! /usr/bin/python3 -c 'import ansible' 2>/dev/null; then
	printf '1..0 # SKIP ansible-core is not installed\n'
	exit
fi

BDF=0000:0d:00.0
hosts=(canary rest)
work=$(mktemp -d "$top/build/tests/fleet.XXXXXX")
machines=()
clean_up() {
	touch "$work"/{canary,rest}/stop 2>/dev/null || :
	[ "${#machines[@]}" -eq 0 ] || wait "${machines[@]}" || :
	rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 1' INT TERM HUP

# ---- the hosts ----

# cxl-policy, as Ansible finds it on the host $1
forwarder() {
	cat <<'EOF'
#!/bin/bash
host=$(dirname -- "$0")
request=$(mktemp "$host/requests/XXXXXXXX")
{
	[ -z "${CXL_POLICY_PATH-}" ] || printf 'CXL_POLICY_PATH=%q ' "$CXL_POLICY_PATH"
	[ "${0##*/}" = sh ] || printf 'exec %q ' "${0##*/}"
	[ "${0##*/}" = sh ] && printf '%s' "$1" || printf '%q ' "$@"
	printf '\n'
} | sed 's/^CXL_POLICY_PATH=\([^ ]*\) /export CXL_POLICY_PATH=\1; /' >"$request.new"
mv "$request.new" "$request.sh"
until [ -e "$request.status" ]; do
	sleep 0.1
	kill -0 "$(cat "$host/pid")" 2>/dev/null || exit 255
done
cat "$request.out"
cat "$request.err" >&2
exit "$(cat "$request.status")"
EOF
}

# The same, where a unit of the host applies each folder before the role does
eager() {
	cat <<'EOF'
#!/bin/bash
dir=$(dirname -- "$0")
if [ "$1" = apply ] && [[ " $* " != *" --dry-run "* ]]; then
	"$dir/cxl-policy" "$@" >/dev/null 2>&1
fi
exec "$dir/cxl-policy" "$@"
EOF
}

for host in "${hosts[@]}"; do
	mkdir -p "$work/$host"/{requests,etc}
	forwarder >"$work/$host/cxl-policy"
	chmod +x "$work/$host/cxl-policy"
	ln -s cxl-policy "$work/$host/sh"
	eager >"$work/$host/eager"
	chmod +x "$work/$host/eager"
	cp "$top/tests/vm/guest/fleet.sh" "$work/$host/agent"
	"$top/tools/vm" --timeout 1800 --memory 512 --share "$work/$host" "$@" -- \
		sh /share/agent "$work/$host" >"$work/$host/log" 2>&1 &
	machines+=($!)
	echo $! >"$work/$host/pid"
done
for host in "${hosts[@]}"; do
	until [ -e "$work/$host/up" ]; do
		kill -0 "$(cat "$work/$host/pid")" 2>/dev/null || break
		sleep 0.2
	done
done

# on HOST SCRIPT: in its machine
on() {
	"$work/$1/sh" "$2"
}

# in_force: on both, by the kernel
in_force() {
	local host
	for host in "${hosts[@]}"; do
		on "$host" "cxl-policy list --json" |
			jq -r --arg bdf $BDF '.[] | select(.device == $bdf) | .state, .policy // "-"'
	done | xargs
}

# everything: policies, links, and what is in the folders, of both
everything() {
	local host
	for host in "${hosts[@]}"; do
		on "$host" "cxl-policy list --json"
		(cd "$work/$host/etc" && find . -type f -exec sha256sum {} + | sort && find . | sort)
	done
}

# ---- the controller ----

mkdir -p "$work/home" "$work/bin" "$work/new/policies"
export HOME=$work/home ANSIBLE_HOME=$work/home ANSIBLE_NOCOLOR=1 ANSIBLE_LOCALHOST_WARNING=0
export ANSIBLE_RETRY_FILES_ENABLED=0 ANSIBLE_REMOTE_TMP=$work/home/tmp ANSIBLE_PIPELINING=1 LC_ALL=C.UTF-8
unset ANSIBLE_CONFIG
# The service, which the machines have not: it tells of each reload
printf '#!/bin/sh\necho "$@" >>%q\n' "$work/reloads" >"$work/bin/systemctl"
chmod +x "$work/bin/systemctl"
: >"$work/reloads"
PATH=$work/bin:$PATH
{
	printf 'cxl:\n  children:\n'
	for host in "${hosts[@]}"; do
		printf '    cxl_%s:\n      hosts:\n        %s:\n          ansible_connection: local\n' \
			"$host" "$host"
		printf '          %s\n' "ansible_become: false" "ansible_async_dir: $work/home/async" \
			"ansible_python_interpreter: /usr/bin/python3" \
			"cxl_policy_dir: $work/$host/etc/cxl-policy" \
			"cxl_policy_command: $work/$host/cxl-policy"
	done
} >"$work/inventory.yml"

# roll [OPTION]...: the exit status, and what became of each host; all of it is in $work/out
roll() {
	local status=0
	(cd "$work" && ANSIBLE_ROLES_PATH=$top/loader/ansible/roles /usr/bin/ansible-playbook \
		-i "$work/inventory.yml" -e "cxl_policy_source=$work/new" -e cxl_policy_trial_seconds=2 \
		-e cxl_policy_watch_seconds=2 -e cxl_policy_watch_interval=2 \
		"$top/loader/ansible/rollout.yml" "$@") >"$work/out" 2>&1 </dev/null || status=$?
	printf '%s' "$status"
	sed -n 's/^\(canary\|rest\) .*changed=\([0-9]*\) .*failed=\([0-9]*\) .*/\1 changed=\2 failed=\3/p' \
		"$work/out" | sed 's/changed=[1-9][0-9]*/changed/' | tr '\n' ' ' | sed 's/^/ /; s/ $//'
	printf '\n'
}

# told PATTERN: whether the last one said that
told() {
	tr -s '\n ' '  ' <"$work/out" | grep -qE -e "$1" && echo yes || tail -n 60 "$work/out"
}

# assign POLICY: to all devices, in the folder to be rolled out
assign() {
	printf '%s\n' devices: "  - {class: \"0502\", policy: $1}" >"$work/new/devices.yaml"
}

# user HOST: who reads a capability and writes an enable, again and again
user() {
	on "$1" "vfio-cfg $BDF quiet touch=/tmp/opened loop=1000000 dvsec+0xa.w dvsec+0xc.w=6 \
		dvsec+0xc.w=2 sleep=0.1 >/tmp/user 2>&1 & echo \$! >/tmp/user.pid
		until [ -e /tmp/opened ]; do sleep 0.1; done"
}

# ---- the first time ----

assign cxl-device
before=$(everything)
is "check mode says what would be changed" "$(roll --check)" "0 canary changed failed=0 rest changed failed=0"
is "and changes nothing" "$(everything)" "$before"
is "without a policy, DVSECs are read-only" "$(in_force)" "none - none -"
is "the first roll-out reaches all hosts" "$(roll)" "0 canary changed failed=0 rest changed failed=0"
is "its policy is enforced on them" "$(in_force)" "enforced cxl-device enforced cxl-device"
is "the folder is there, and nothing else" "$(cd "$work" && find {canary,rest}/etc | sort | xargs)" \
	"canary/etc canary/etc/cxl-policy canary/etc/cxl-policy/devices.yaml canary/etc/cxl-policy/policies rest/etc rest/etc/cxl-policy rest/etc/cxl-policy/devices.yaml rest/etc/cxl-policy/policies"
is "the service is told of it on each" "$(cat "$work/reloads")" \
	"try-reload-or-restart cxl-policy.service
try-reload-or-restart cxl-policy.service"
before=$(everything)
is "the second one changes nothing" "$(roll)" "0 canary changed=0 failed=0 rest changed=0 failed=0"
is "not in any way" "$(everything)" "$before"

# ---- what stops before anything is changed ----

assign lab
printf '%s\n' 'name: lab' 'based-on: nowhere' >"$work/new/policies/lab.yaml"
is "a folder that isn't valid stops it" "$(roll)" "2 canary changed=0 failed=1"
is "it says why" "$(told "lab.yaml:[0-9]+.*nowhere")" yes
is "nothing was changed, nor left behind" "$(everything)" "$before"

user canary
cat >"$work/new/policies/lab.yaml" <<'EOF'
name: lab
based-on: cxl-device
dvsecs:
  - vendor: 0x1e98
    id: 0
    fields:
      - {field: capability.hdm_count, value: 2}
EOF
is "a trial in which a guest would see something else stops it" "$(roll)" "2 canary changed=0 failed=1"
is "it tells how many accesses that are" "$(told "lab: nothing was changed, as of [0-9]+ accesses 1 would")" yes
is "and what changes for guests" "$(told "capability.hdm_count")" yes
is "again, nothing was changed" "$(everything)" "$before"
is "where so many may be, it goes on" "$(roll -e cxl_policy_trial_max_differing=1000000)" \
	"0 canary changed failed=0 rest changed failed=0"
is "the policy of the folder is enforced" "$(in_force)" "enforced lab enforced lab"
is "the old folder is kept" "$(cat "$work"/{canary,rest}/etc/cxl-policy.previous/devices.yaml | grep -c cxl-device)" 2

# ---- what does harm ----

assign read-only
links=$(on canary "cxl-policy list --json")
: >"$work/reloads"
is "refused writes that go on take it back, and stop it" \
	"$(roll -e cxl_policy_trial_seconds=0 -e cxl_policy_watch_max_denied=2)" "2 canary changed failed=1"
is "it says so" "$(told "TAKEN BACK.*since the change [0-9]+ writes were refused")" yes
is "the old policy is in force, the other host was never asked" "$(in_force)" "enforced lab enforced lab"
is "by the same link" "$(on canary "cxl-policy list --json")" "$links"
is "the old folder is in its place, the new one aside" \
	"$(cd "$work" && grep -ho 'policy: .*}' {canary,rest}/etc/cxl-policy{,.refused}/devices.yaml 2>/dev/null | xargs)" \
	"policy: lab} policy: read-only} policy: lab}"
is "no staging folder is left" "$(find "$work"/*/etc -name "*.staging")" ""
is "the service is told of both" "$(wc -l <"$work/reloads")" 2
is "the same without a user does no harm" \
	"$(on canary 'kill $(cat /tmp/user.pid)'; roll -e cxl_policy_trial_seconds=0)" \
	"0 canary changed failed=0 rest changed failed=0"
is "so it is in force" "$(in_force)" "enforced read-only enforced read-only"

# ---- back from the first one ----

user rest
on rest "cxl-policy detach $BDF" >/dev/null || :
rm -rf "$work/rest/etc/cxl-policy"*
is "the first roll-out to a host is taken back, too" \
	"$(roll --limit rest -e cxl_policy_trial_seconds=0)" "2 rest changed failed=1"
is "there is no policy, as before, and a folder that assigns none" \
	"$(in_force) $(cd "$work/rest/etc" && find . -type d | sort | xargs) $(cat "$work/rest/etc/cxl-policy/devices.yaml")" \
	"enforced read-only none - . ./cxl-policy ./cxl-policy.refused ./cxl-policy.refused/policies devices: []"
is "it says so" "$(told "TAKEN BACK, nothing is assigned now")" yes

is "it is taken back, too, if a unit of the host was quicker to apply it" \
	"$(roll --limit rest -e cxl_policy_trial_seconds=0 \
		-e "cxl_policy_command=$work/{{ inventory_hostname }}/eager")" "2 rest changed failed=1"
is "as it does harm, whoever applied it" "$(told "TAKEN BACK.*since the change [0-9]+ writes were refused")" yes
is "and there is no policy" "$(in_force)" "enforced read-only none -"
is "nor is there one if others keep theirs" \
	"$(roll --limit rest -e cxl_policy_trial_seconds=0 -e cxl_policy_keep_others=true) $(in_force)" \
	"2 rest changed failed=1 enforced read-only none -"

echo 'devices: [{}]' >"$work/rest/etc/cxl-policy/devices.yaml"
on rest "cxl-policy attach $BDF --policy no-cache" >/dev/null
is "one is taken back where the folder of before isn't valid" \
	"$(roll --limit rest -e cxl_policy_trial_seconds=0)" "2 rest changed failed=1"
is "there is no policy, and a folder that assigns none" "$(in_force) $(
	cd "$work/rest/etc" && cat cxl-policy/devices.yaml cxl-policy.previous/devices.yaml | xargs)" \
	"enforced read-only none - devices: [] devices: [{}]"
is "and what was refused is kept" "$(grep -c read-only "$work/rest/etc/cxl-policy.refused/devices.yaml")" 1

touch "$work"/{canary,rest}/stop
status=0
for machine in "${machines[@]}"; do
	wait "$machine" || status=$?
done
is "the machines ran to their end without a complaint of the kernel" "$status" 0
[ "$status" -eq 0 ] || note "$(tail -n 50 "$work"/*/log)"
machines=()
done_testing
