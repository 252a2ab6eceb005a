# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck source=tests/lib/guest.sh
. /share/tests/lib/guest.sh

now_ms() {
	sed 's/^\([0-9]*\)\.\([0-9][0-9]\).*/\1\20/' /proc/uptime
}

# killed_after MS COMMAND...: prints "done" if it ended by itself before that
killed_after() {
	delay=$(printf '%d.%03d' $(($1 / 1000)) $(($1 % 1000)))
	shift
	"$@" >/tmp/victim 2>&1 &
	victim=$!
	sleep "$delay"
	kill -9 $victim 2>/dev/null || ended=$((ended + 1))
	wait $victim 2>/dev/null || :
}

# try NAME POINTS COMMAND...: kill it at so many points of the time that it takes;
# "judge" says what is wrong afterwards, "undo" goes back
try() {
	name=$1 points=$2
	shift 2
	undo >/dev/null 2>&1 || :
	begin=$(now_ms)
	"$@" >/dev/null
	time=$(($(now_ms) - begin))
	undo >/dev/null 2>&1 || :
	wrong='' i=1 ended=0 new=0
	while [ $i -le "$points" ]; do
		killed_after $((time * i / points)) "$@"
		verdict=$(judge)
		case $verdict in
		'') ;;
		new) new=$((new + 1)) ;;
		*) wrong="$wrong killed after $((time * i / points)) ms: $verdict;" ;;
		esac
		undo >/dev/null 2>&1 || wrong="$wrong after $((time * i / points)) ms no way back;"
		i=$((i + 1))
	done
	is "$name" "$wrong" ""
	note "$points times at up to $time ms; $new times the new state, $ended times it had ended"
}

vm-mark 1
cxl-policy attach "$BDF" >/dev/null

# ---- swap ----

judge() {
	# shellcheck disable=SC2046 # words
	set -- $(state) $(vfio-cfg "$BDF" dvsec+0xc.w=6 dvsec+0xc.w 2>&1)
	case $* in
	'enforced cxl-device 0006') ;;
	'enforced read-only 0002') echo new ;;
	*) echo "$*" ;;
	esac
}
undo() {
	[ "$(state)" = "enforced cxl-device" ] || cxl-policy swap "$BDF" --policy cxl-device
}
try "a loader killed in a swap leaves the old or the new policy" 16 \
	cxl-policy swap "$BDF" --policy read-only
is "the loader works on after swaps that were cut off" \
	"$(cxl-policy swap "$BDF" --policy read-only >/dev/null && state) $(registered)" \
	"enforced read-only 1"

# ---- detach ----

judge() {
	case $(state | xargs) in
	'enforced cxl-device') ;;
	none) echo new ;;
	*) state ;;
	esac
}
undo() {
	case $(state | xargs) in
	none) cxl-policy attach "$BDF" ;;
	'enforced cxl-device') ;;
	*) cxl-policy swap "$BDF" --policy cxl-device ;;
	esac
}
try "a loader killed in a detach leaves the policy or none, and both can be worked with" 6 \
	cxl-policy detach "$BDF"

# ---- attach, with nothing in force before ----

judge() {
	case $(state | xargs) in
	none) ;;
	'enforced cxl-device') echo new ;;
	*) state ;;
	esac
	[ "$(registered)" -le 1 ] || echo "$(registered) links"
}
undo() {
	[ "$(state | xargs)" = none ] || cxl-policy detach "$BDF"
}
try "a loader killed in an attach leaves the policy or none, and both can be worked with" 16 \
	cxl-policy attach "$BDF"
is "nothing is left of attaches that were cut off" \
	"$(state | xargs) $(registered) $(below "$PINS/links")" "none 0 "

# ---- attach, under a default ----

register /sys/fs/bpf/x
judge() {
	# shellcheck disable=SC2046 # words
	set -- $(state) $(vfio-cfg "$BDF" dvsec+0xc.w=6 dvsec+0xc.w 2>&1)
	case $* in
	'enforced cxl-device 0006') ;;
	'enforced read-only 0002') echo new ;;
	*) echo "$*" ;;
	esac
}
undo() {
	[ "$(state)" = "enforced cxl-device" ] || cxl-policy detach "$BDF"
}
try "a loader killed in an attach under a default leaves one or the other" 10 \
	cxl-policy attach "$BDF" --policy read-only
check "attach works after all that" cxl-policy attach "$BDF" --policy read-only
is "it is in force" "$(state)" "enforced read-only"
done_testing
