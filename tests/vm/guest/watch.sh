# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck source=tests/lib/guest.sh
. /share/tests/lib/guest.sh

BDF3=0000:0f:00.0
FLEET=/tmp/fleet
LOG=/tmp/watch.log
mkdir -p $FLEET/devices.d

# assign NAME: the entries on standard input are the file devices.d/NAME.yaml
assign() {
	{
		echo devices:
		sed 's/^/  - /'
	} >"$FLEET/devices.d/$1.yaml"
}

# watch [OPTION]...: in the background; its own log
watch() {
	NOTIFY_SOCKET=/tmp/notify cxl-policy watch $FLEET "$@" >/tmp/watch.out 2>$LOG &
	pid=$!
}

# stop SIGNAL: end it; its exit status is in stop_status
stop() {
	kill "-$1" "$pid"
	stop_status=0
	wait "$pid" || stop_status=$?
}

# policy_of BDF: by its own link; "-" for none
policy_of() {
	cxl-policy list --json | jq -r --arg bdf "$1" \
		'.[] | select(.device == $bdf) | if .link_id then .policy else "-" end'
}

link_of() {
	cxl-policy list --json | jq --arg bdf "$1" '.[] | select(.device == $bdf).link_id'
}

# status_text: what systemd was told last
status_text() {
	grep '^STATUS=' /tmp/notified | tail -n 1
}

# status_becomes NAME PATTERN: it is told a moment after the log is
status_becomes() {
	tries=0
	# shellcheck disable=SC2254
	until case $(status_text) in $2) ;; *) false ;; esac || [ $tries -gt 100 ]; do
		tries=$((tries + 1))
		sleep 0.1
	done
	like "$1" "$(status_text)" "$2"
}

# lines PATTERN: how many lines of its log have it
lines() {
	grep -c -e "$1" $LOG || :
}

descriptors() {
	find "/proc/$pid/fd" -mindepth 1 2>/dev/null | wc -l
}

# with_another_link BDF LINK: policy and whether the link is another one
with_another_link() {
	another_link=$(link_of "$1")
	[ "$another_link" = null ] || [ "$another_link" = "$2" ] || policy_of "$1"
}

vm-mark 1
notify_listen /tmp/notify >/tmp/notified &
tries=0
until [ -S /tmp/notify ] || [ $tries -gt 100 ]; do
	tries=$((tries + 1))
	sleep 0.1
done

if [ ! -S /tmp/notify ]; then
	skip "what is assigned is watched" "the kernel has no sockets to tell systemd by (CONFIG_UNIX)"
	done_testing
	exit
fi

# ---- nothing to go by ----

fails "one folder is enough" 2 "*at most one folder*" cxl-policy watch a b
rm -r $FLEET
watch
is "without a folder it is ready all the same" "$(eventually READY=1 grep READY /tmp/notified)" READY=1
is "and waits" "$(status_text)" \
	"STATUS=waiting, nothing is applied yet; $FLEET: No such file or directory"
mkdir -p $FLEET/devices.d
echo '{address: "0000:0d:00.0", policy: cxl-device}' | assign 10
is "until there is one" "$(eventually cxl-device policy_of "$BDF")" cxl-device
is "which it tells" "$(eventually "STATUS=1 of 1 assigned devices have their policy" status_text)" \
	"STATUS=1 of 1 assigned devices have their policy"
like "once each" "$(cat $LOG)" "cxl-policy: $FLEET: No such file or directory; what is in force stays, to be tried again
cxl-policy: $BDF: attached cxl-device (devices.d/10.yaml:2)
cxl-policy: $FLEET is applied"

# ---- a policy that is lost ----

link=$(link_of "$BDF")
cxl-policy detach "$BDF" >/dev/null
is "what is detached comes back" "$(eventually cxl-device with_another_link "$BDF" "$link")" cxl-device
is "and was missed" "$(grep lost $LOG)" \
	"cxl-policy: $BDF: lost its policy cxl-device, to be applied again at once"
is "it is enforced" "$(state)" "enforced cxl-device"

link=$(link_of "$BDF")
bpftool link detach id "$link" >/dev/null
is "so does one whose link is detached by another program" \
	"$(eventually cxl-device with_another_link "$BDF" "$link")" cxl-device
is "after a wait, as that was soon" "$(grep lost $LOG | tail -n 1)" \
	"cxl-policy: $BDF: lost its policy cxl-device, to be applied again in 1 s"
link=$(link_of "$BDF")
cxl-policy detach "$BDF" >/dev/null
eventually cxl-device with_another_link "$BDF" "$link" >/dev/null
is "the wait grows with each" "$(grep lost $LOG | tail -n 1)" \
	"cxl-policy: $BDF: lost its policy cxl-device, to be applied again in 2 s"

link=$(link_of "$BDF")
rm "$PINS/links/0000:0d:00-0"
is "a pin that is removed is made again" \
	"$(eventually "$PINS/links/0000:0d:00-0" below $PINS/links)" "$PINS/links/0000:0d:00-0"
is "for the same link, so that nothing was lost" "$(link_of "$BDF") $(lines lost)" "$link 3"
is "and that is told" "$(tail -n 1 $LOG)" \
	"cxl-policy: $BDF: the pin of its policy cxl-device was removed, pinned again"

# ---- a device that goes and comes ----

echo '{address: "0000:0e:00.0", policy: read-only}' | assign 20
kill -HUP "$pid"
is "SIGHUP applies the folder" "$(eventually read-only policy_of "$BDF2")" read-only
link=$(link_of "$BDF2")
echo 1 >"/sys/bus/pci/devices/$BDF2/remove"
is "a device that is removed has its policy again, for when it comes" \
	"$(eventually read-only with_another_link "$BDF2" "$link")" read-only
echo 1 >/sys/bus/pci/rescan
vm-bind "$BDF2"
is "so it has it from its first moment on" "$(state_of "$BDF2")" "enforced read-only"

id=$(cxl-policy list --json | jq -r --arg bdf "$BDF3" '.[] | select(.device == $bdf) |
	"\(.vendor[2:]):\(.device_id[2:])"')
echo 1 >"/sys/bus/pci/devices/$BDF3/remove"
echo "{id: \"$id\", policy: locked}" | assign 30
kill -HUP "$pid"
is "what isn't there can't be known by its ID" \
	"$(eventually "STATUS=2 of 2 assigned devices have their policy" status_text)" \
	"STATUS=2 of 2 assigned devices have their policy"
echo 1 >/sys/bus/pci/rescan
is "when it comes it gets its policy" "$(eventually locked policy_of "$BDF3")" locked
vm-bind "$BDF3"
is "and has it when it is bound" "$(state_of "$BDF3")" "enforced locked"
is "all three are watched" "$(eventually "STATUS=3 of 3 assigned devices have their policy" status_text)" \
	"STATUS=3 of 3 assigned devices have their policy"

# ---- other invocations ----

link=$(link_of "$BDF3")
cxl-policy swap "$BDF3" --policy read-only >/dev/null
cxl-policy detach "$BDF2" >/dev/null
eventually read-only policy_of "$BDF2" >/dev/null
is "what somebody swapped stays so, whatever becomes of the others" "$(policy_of "$BDF3")" read-only
kill -HUP "$pid"
is "until the folder is applied" "$(eventually locked policy_of "$BDF3") $(link_of "$BDF3")" \
	"locked $link"

# It would see the change of the folder itself
kill -STOP "$pid"
echo '{address: "0000:0e:00.0", policy: none}' | assign 20
is "one that another apply detached" "$(cxl-policy apply $FLEET | head -n 1)" \
	"$BDF2: detached read-only (devices.d/20.yaml:2)"
kill -CONT "$pid"
is "is no loss" "$(eventually "STATUS=2 of 2 assigned devices have their policy" status_text) $(policy_of "$BDF2")" \
	"STATUS=2 of 2 assigned devices have their policy -"
kill -STOP "$pid"
echo '{address: "0000:0e:00.0", policy: no-cache}' | assign 20
cxl-policy apply $FLEET >/dev/null || :
kill -CONT "$pid"
is "one that another apply attached" \
	"$(eventually "STATUS=3 of 3 assigned devices have their policy" status_text)" \
	"STATUS=3 of 3 assigned devices have their policy"
link=$(link_of "$BDF2")
cxl-policy detach "$BDF2" >/dev/null
is "is watched too" "$(eventually no-cache with_another_link "$BDF2" "$link")" no-cache

# ---- a change that nobody tells it of ----

echo '{address: "0000:0e:00.0", policy: cxl-device}' | assign 20
is "a change of the folder is seen" "$(eventually cxl-device policy_of "$BDF2")" cxl-device
echo '{address: "0000:0e:00.0", policy: no-cache}' | assign 20
is "and the next one" "$(eventually no-cache policy_of "$BDF2")" no-cache

# ---- a folder that isn't valid ----

echo '{address: 0000:0d:00.0}' | assign 40
before=$(cxl-policy list --json | jq -c '.[] | [.device, .policy, .link_id]')
kill -HUP "$pid"
is "a folder that isn't valid is told of" "$(eventually 1 lines '40.yaml:2.*what is in force stays')" 1
is "and changes nothing" "$(cxl-policy list --json | jq -c '.[] | [.device, .policy, .link_id]')" "$before"
status_becomes "the status has it" "STATUS=3 of 3 *; $FLEET/devices.d/40.yaml:2: *"
link=$(link_of "$BDF3")
cxl-policy detach "$BDF3" >/dev/null
is "what is lost meanwhile comes back as it was" \
	"$(eventually locked with_another_link "$BDF3" "$link")" locked
rm $FLEET/devices.d/40.yaml
echo '{address: 0000:00:00.0, policy: cxl-device}' | assign 50
is "it is tried again by itself, and one that can't have a policy is told of" \
	"$(eventually 1 lines "0000:00:00.0: can't attach cxl-device (devices.d/50.yaml:2):.*isn't a CXL device")" 1
status_becomes "the status has it" \
	"STATUS=3 of 4 assigned devices have their policy; 0000:00:00.0: *isn't a CXL device*"
for policy in read-only no-cache; do
	echo "{address: $BDF2, policy: $policy}" | assign 20
	kill -HUP "$pid"
	eventually "$policy" policy_of "$BDF2" >/dev/null
done
is "the same failure is told once" "$(lines "0000:00:00.0: can't")" 1
rm $FLEET/devices.d/50.yaml

# ---- its end ----

stop TERM
is "SIGTERM ends it well" "$stop_status" 0
is "and all stays in force" "$(policy_of "$BDF") $(policy_of "$BDF2") $(policy_of "$BDF3")" \
	"cxl-device no-cache locked"
is "systemd is told" "$(eventually STOPPING=1 grep STOPPING /tmp/notified)" STOPPING=1

before=$(cxl-policy list --json | jq -c '.[] | [.device, .policy, .link_id]')
watch --json
eventually "STATUS=3 of 3 assigned devices have their policy" status_text >/dev/null
is "what is as assigned is taken over as it is" \
	"$(eventually 2 grep -c READY /tmp/notified) $(cxl-policy list --json | jq -c '.[] | [.device, .policy, .link_id]')" \
	"2 $before"
link=$(link_of "$BDF2")
cxl-policy detach "$BDF2" >/dev/null
eventually no-cache with_another_link "$BDF2" "$link" >/dev/null
is "with --json there is a line for each change" \
	"$(jq -c '[.device, .action, .policy, .previous, .source.line, .result, .error]' /tmp/watch.out)" \
	"[\"$BDF2\",\"attach\",\"no-cache\",null,2,\"changed\",null]"
stop KILL
is "SIGKILL ends it" "$stop_status" 137
is "and all stays in force" "$(policy_of "$BDF") $(policy_of "$BDF2") $(policy_of "$BDF3")" \
	"cxl-device no-cache locked"
link=$(link_of "$BDF")
watch
eventually 3 grep -c READY /tmp/notified >/dev/null
cxl-policy detach "$BDF" >/dev/null
is "the next one takes over" "$(eventually cxl-device with_another_link "$BDF" "$link")" cxl-device

# ---- again and again ----

before=$(descriptors)
for round in 1 2 3 4 5 6 7 8; do
	cxl-policy detach "$BDF" >/dev/null
	# Not for the time that it has to wait
	kill -HUP "$pid"
	[ "$(eventually cxl-device policy_of "$BDF")" = cxl-device ] || note "round $round: not back"
done
is "each loss is told" "$(lines lost)" 9
is "and the wait has its end" "$(grep -c 'again in 60 s' $LOG | sed 's/[1-9][0-9]*/some/')" some
is "no loss leaves a descriptor open" "$(eventually "$before" descriptors)" "$before"
stop TERM
vm-mark 2
for bdf in $BDF $BDF2 $BDF3; do
	cxl-policy detach "$bdf" >/dev/null
done

# ---- what is attached by hand ----

mv $FLEET/devices.d /tmp/assigned
mkdir $FLEET/devices.d
echo '{address: "0000:0d:00.0", policy: cxl-device}' | assign 10
echo '{address: "0000:0f:00.0", policy: locked}' | assign 30
cxl-policy attach "$BDF2" --policy read-only >/dev/null
by_hand="read-only $(link_of "$BDF2")"

# is_by_hand NAME: the policy that nobody has assigned is in force as ever
is_by_hand() {
	is "$1" "$(policy_of "$BDF2") $(link_of "$BDF2")" "$by_hand"
}

watch --keep-others
is "with --keep-others what is assigned is applied" \
	"$(eventually "STATUS=2 of 2 assigned devices have their policy" status_text)" \
	"STATUS=2 of 2 assigned devices have their policy"
is_by_hand "and what is attached by hand elsewhere stays"
echo '{address: "0000:0f:00.0", policy: no-cache}' | assign 30
is "a change of the folder is applied" "$(eventually no-cache policy_of "$BDF3")" no-cache
is_by_hand "and it stays"
rm $FLEET/devices.d/30.yaml
is "what loses its assignment loses its policy" "$(eventually - policy_of "$BDF3")" -
is "which is told" "$(tail -n 1 $LOG)" "cxl-policy: $BDF3: detached no-cache (no assignment)"
is "and all is well" "$(eventually "STATUS=1 of 1 assigned devices have their policy" status_text)" \
	"STATUS=1 of 1 assigned devices have their policy"
is_by_hand "what is attached by hand stays then, too"
is "and so does what is assigned" "$(policy_of "$BDF")" cxl-device
cxl-policy attach "$BDF3" >/dev/null
kill -HUP "$pid"
sleep 1
is "what is attached by hand to the device from then on is nobody's to take" "$(policy_of "$BDF3")" \
	cxl-device

link=$(link_of "$BDF")
# A folder without any is none
echo 'devices: []' >$FLEET/devices.yaml
mv $FLEET/devices.d/10.yaml /tmp/
kill -HUP "$pid"
is "an assignment that is gone is told" \
	"$(eventually "STATUS=0 of 0 assigned devices have their policy; $BDF: lost its assignment" status_text)" \
	"STATUS=0 of 0 assigned devices have their policy; $BDF: lost its assignment"
mv /tmp/10.yaml $FLEET/devices.d/
sleep 4
is "and if it comes back at once, as while files are written, the policy has never been away" \
	"$(policy_of "$BDF") $(link_of "$BDF") $(status_text)" \
	"cxl-device $link STATUS=1 of 1 assigned devices have their policy"
rm $FLEET/devices.yaml

echo '{address: "0000:0f:00.0", policy: locked}' | assign 30
eventually locked policy_of "$BDF3" >/dev/null
link=$(link_of "$BDF")
kill -STOP "$pid"
rm $FLEET/devices.d/30.yaml
cxl-policy detach "$BDF" >/dev/null
kill -CONT "$pid"
is "it is so if something else has the folder read" "$(eventually - policy_of "$BDF3")" -
is "and what was lost comes back" "$(eventually cxl-device with_another_link "$BDF" "$link")" cxl-device

echo '{address: "0000:0f:00.0", policy: locked}' | assign 30
eventually locked policy_of "$BDF3" >/dev/null
cxl-policy swap "$BDF3" --policy passthrough >/dev/null
echo '{address: 0000:0d:00.0}' | assign 40
rm $FLEET/devices.d/30.yaml
kill -HUP "$pid"
eventually 1 lines '40.yaml:2.*what is in force stays' >/dev/null
is "a folder that isn't valid takes nothing away" "$(policy_of "$BDF3")" passthrough
rm $FLEET/devices.d/40.yaml
is "one that is does, whatever was put in the place of what was assigned" \
	"$(eventually - policy_of "$BDF3")" -

echo '{address: "0000:0f:00.0", policy: locked}' | assign 30
eventually locked policy_of "$BDF3" >/dev/null
kill -STOP "$pid"
rm $FLEET/devices.d/30.yaml
cxl-policy detach "$BDF3" >/dev/null
load "$POLICY" "match=$BDF3" name=foreign pin=/sys/fs/bpf/foreign
kill -CONT "$pid"
is "but not what another program keeps in force" \
	"$(eventually "STATUS=1 of 1 assigned devices have their policy" status_text) $(policy_of "$BDF3")" \
	"STATUS=1 of 1 assigned devices have their policy foreign"
cxl-policy detach "$BDF3" >/dev/null
rm -f /sys/fs/bpf/foreign

echo '{address: "0000:0f:00.0", policy: locked}' | assign 30
eventually locked policy_of "$BDF3" >/dev/null
stop TERM
rm $FLEET/devices.d/30.yaml
watch --keep-others
eventually "STATUS=1 of 1 assigned devices have their policy" status_text >/dev/null
kill -HUP "$pid"
sleep 1
is "what lost its assignment while nobody watched stays" "$(policy_of "$BDF3") $(cat $LOG)" "locked "
is_by_hand "as does what was attached by hand"
stop TERM
is "until it is applied by hand" "$(cxl-policy apply $FLEET)" \
	"$BDF2: detached read-only (no assignment)
$BDF3: detached locked (no assignment)
2 changed, 1 kept, 0 failed"
cxl-policy detach "$BDF" >/dev/null
rm -r $FLEET/devices.d
mv /tmp/assigned $FLEET/devices.d

# ---- no hook ----

if with_modules "without vfio-pci it waits" "and applies the folder when it comes"; then
	for bdf in $BDF $BDF2 $BDF3; do
		vm-unbind "$bdf"
	done
	eventually 0 registered >/dev/null
	rmmod vfio_pci && rmmod vfio_pci_core
	mv $FLEET/devices.d /tmp/assigned
	echo 'devices: []' >$FLEET/devices.yaml
	watch
	is "without vfio-pci, nothing assigned is nothing to wait for" \
		"$(eventually "STATUS=0 of 0 assigned devices have their policy" status_text) $(cat $LOG)" \
		"STATUS=0 of 0 assigned devices have their policy "
	mv /tmp/assigned $FLEET/devices.d
	rm $FLEET/devices.yaml
	kill -HUP "$pid"
	is "without vfio-pci it waits" "$(eventually 1 lines "vfio-pci isn't loaded; what is in force stays")" 1
	insmod /lib/vm/patched/vfio-pci-core.ko
	is "and applies the folder when it comes" "$(eventually cxl-device policy_of "$BDF")" cxl-device
	stop TERM
fi
done_testing
