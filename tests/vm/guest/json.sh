# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck source=tests/lib/guest.sh
. /share/tests/lib/guest.sh

tried=''

# told NAME FILE JQ WANTED: what is in the file, by that filter
told() {
	is "$1" "$(jq -rc "$3" "$2" 2>&1 | sort -u)" "$4"
}

# shape VERB JQ WANTED ARG...: what "cxl-policy VERB ARG... --json" prints, by that filter
shape() {
	shape_verb=$1 shape_filter=$2 shape_want=$3
	shift 3
	tried="$tried $shape_verb"
	cxl-policy --json "$shape_verb" "$@" >/tmp/json 2>/tmp/json.err || :
	told "$shape_verb${*:+ }$*: $shape_filter" /tmp/json "$shape_filter" "$shape_want"
}

KEYS='keys_unsorted | join(" ")'

shape version "$KEYS" "version abi libbpf"
shape help "$KEYS" "commands options policies"
shape registers ".[0] | $KEYS" "name offset size fields"
shape registers ".[0].fields[0] | $KEYS" "name bits mask attribute when absent" control2
shape check "$KEYS" "policy description file access valid raw record hardware shadow triggers reads claims warnings" \
	cxl-device
shape check ".hardware[0] | $KEYS" "vendor id field offset bits how when lock locked_at_open undo" \
	cxl-device
shape diff "$KEYS" "a b policy_a policy_b different internal fields flags claims" cxl-device read-only
shape diff ".fields[0] | $KEYS" "dvsec vendor id field offset bits attribute a b" cxl-device read-only

shape doctor "$KEYS" "ok checks"
shape doctor ".checks[] | $KEYS" "name status found hint"
shape attach "$KEYS" "device state policy link_id" "$BDF"
shape swap "$KEYS" "device state policy link_id replaced" "$BDF" --policy cxl-device
shape list ".[] | $KEYS" "device driver vendor device_id dvsecs state policy link_id tag owner abi current pin problem"
shape stats ".[] | $KEYS" \
	"device state policy open_id reads writes writes_denied hw_reads hw_writes errors events events_lost"
shape show "$KEYS" "device state policy registers restore dvsecs" "$BDF"
shape show ".registers[0] | $KEYS" "name offset size guest hardware fields" "$BDF"
shape show ".registers[0].fields[0] | $KEYS" "name bits attribute guest hardware policy" "$BDF"

client user "$BDF" dvsec+0xc.w=4 @1 dvsec+0xc.w=0 dvsec+0xc.w @2
at user 1
shape save "$KEYS" "format version abi device vendor device_id revision subsystem_vendor subsystem_id policy time dvsecs" \
	"$BDF"
cp /tmp/json /tmp/saved.json
shape save "$KEYS" "device policy file dwords" "$BDF" /tmp/saved2.json

# Two that look on while the user goes on
cxl-policy record "$BDF" /tmp/recorded.json --count 2 2>/tmp/record.err &
recorder=$!
cxl-policy --json trial "$BDF" read-only --count 1 --timeout 60 >/tmp/trial.json 2>/tmp/trial.err &
trial=$!
eventually 1 grep -c 'looking at' /tmp/record.err >/dev/null
eventually 1 grep -c 'looking at' /tmp/trial.err >/dev/null
go user 1
at user 2
wait "$recorder" || :
wait "$trial" || :
told "trial, its differences and its summary" /tmp/trial.json "$KEYS" \
	"summary device in_force candidate accesses differing lost unjudged resyncs swaps unseen
time device op vendor id offset size value differs fields in_force candidate"
told "record, its header, reads and writes" /tmp/recorded.json "$KEYS" \
	"format version device dvsecs policy open_id dwords
op time vendor id start length covered offset size value verdict hw_known hw from_hardware
op time vendor id start length covered offset size value verdict hw_known hw refused forwarded forwarded_value kept undo events"
tried="$tried trial record"
shape monitor "$KEYS" "time boot_ns device policy events lost
time boot_ns device policy events vendor id offset size value refused refused_fields forwarded forwarded_fields lost" \
	--timeout 1
go user 2
ended user >/dev/null
shape replay "$KEYS" \
	"summary device in_force candidate accesses differing lost unjudged resyncs swaps unseen
time device op vendor id offset size value differs fields in_force candidate" \
	/tmp/recorded.json --policy read-only
shape restore "$KEYS" "device restore opening policy saved_from dwords not_restored" "$BDF" /tmp/saved.json
shape restore "$KEYS" "device restore cleared" "$BDF" --clear
shape detach "$KEYS" "device state policy link_id replaced" "$BDF"
shape default "$KEYS" "device state policy link_id" set
shape default "$KEYS" "device state policy link_id replaced" clear

mkdir /tmp/fleet
echo 'devices: [{class: "0502", policy: locked}]' >/tmp/fleet/devices.yaml
shape apply ".[] | $KEYS" "device action policy previous source result error" /tmp/fleet
shape refresh ".[] | $KEYS" "device policy result error"
shape check "$KEYS" "directory valid assignments policies problems warnings" /tmp/fleet
shape check ".assignments[0], .policies[0] | $KEYS" "match value policy file line
policy local used valid" /tmp/fleet
cxl-policy detach "$BDF" >/dev/null
tried="$tried watch"
cxl-policy watch --json /tmp/fleet >/tmp/watched 2>/dev/null &
watcher=$!
eventually 1 sh -c 'wc -l </tmp/watched' >/dev/null
is "watch tells what it does as apply does" "$(jq -r "$KEYS" /tmp/watched)" \
	"device action policy previous source result error"
kill "$watcher"
wait "$watcher" || :
cxl-policy detach "$BDF" >/dev/null

shape attach "$KEYS" "error hint kind status" 0000:0f:1f.7
is "each command was tried" "$(cxl-policy help --json | jq -r '.commands[].name' | sort | xargs)" \
	"$(printf '%s\n' $tried | sort -u | xargs)"
done_testing
