# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck source=tests/lib/guest.sh
. /share/tests/lib/guest.sh

LOGS=/share/build/tests/logs
SEED=$(cat "$LOGS/vm-random.seed")
P2P=capability3.direct_p2p_mem_capable=1
HDM=capability3.volatile_hdm_state_after_hot_reset_configurability=1
MODIFIED=capability2.modified_completion_capable=1
RESET=capability.cxl_reset_capable=1
CLEAR=capability.cxl_reset_mem_clr_capable=1

# file_of POLICY: what vfio_random is told in these words, for cxl-policy: the name
# of a policy, or a file
file_of() {
	case $1 in
	*,*) ;;
	*)
		echo "$1"
		return
		;;
	esac
	{
		echo "name: random"
		echo "based-on: ${1%%,*}"
		case $1, in
		*,emulate,*) echo "cxl-reset: emulate" ;;
		esac
		printf 'dvsecs:\n  - vendor: 0x1e98\n    id: 0\n    fields:\n'
		echo "$1" | tr , '\n' | sed -n 's/\(.*\)=\(.*\)/      - {field: \1, value: \2}/p'
	} >/tmp/policy.yaml
	echo /tmp/policy.yaml
}

enforce() {
	cxl-policy swap "$BDF" --policy "$(file_of "$1")" >/dev/null
}

counters() {
	for counter in reads writes writes_denied errors; do
		attr $counter
	done | xargs
}

# of NAME: what vfio_random counted
of() {
	awk -v name="$1" '$1 == name { n = $2 } END { print n + 0 }' /tmp/random.out
}

# random RUN SEED POLICY...: random accesses under each, swapped under the open device
random() {
	run=$1 seed=$2
	shift 2
	rm -f /tmp/random.*
	enforce "$1"
	before=$(counters)
	hw_before=$(attr hw_writes)
	(
		status=0
		vfio_random "$BDF" "seed=$seed" count=13000 "expected=$LOGS/vm-random.$run" \
			at=/tmp/random "$@" >/tmp/random.out 2>&1 || status=$?
		echo $status >/tmp/random.status
	) &
	i=0
	for policy; do
		i=$((i + 1))
		[ $i -gt 1 ] || continue
		at random $i || break
		enforce "$policy"
		go random $i
	done
	wait
	is "$run: what is read, and what the hardware holds, is as the oracle says" \
		"$(cat /tmp/random.status) $(grep '^vfio_random' /tmp/random.out)" "0 "
	# shellcheck disable=SC2046,SC2086 # words
	is "$run: reads, writes and denied writes are as many as the oracle says, errors none" \
		"$(counters)" "$(set -- $before $(of reads) $(of writes) $(of denied)
		echo $(($1 + $5)) $(($2 + $6)) $(($3 + $7)) $4)"
	is "$run: every kind of event came" "$(awk '$2 > 0' /tmp/random.out | wc -l)" 13
	note "$run, seed $seed: $(xargs </tmp/random.out)"
	echo "accesses $(of accesses) hw_writes $(($(attr hw_writes) - hw_before))" \
		>"$LOGS/vm-random.$run.count"
}

# Initiate bits that were written stick on this device
hw_all() {
	od -A n -v -t x1 -j 256 -N 16 "/sys/bus/pci/devices/$BDF/config"
	echo $((0x$(hw 0x110 1) & 9))
	od -A n -v -t x1 -j 273 -N 43 "/sys/bus/pci/devices/$BDF/config"
}

check "attach" cxl-policy attach "$BDF"
was=$(hw_all)
vm-mark 1
random fresh "$SEED" cxl-device "cxl-device,$P2P" read-only "cxl-device,$RESET" passthrough \
	"cxl-device,emulate,$RESET,$HDM,$MODIFIED" "read-only,$HDM,$MODIFIED" "cxl-device,$HDM,$P2P"
vm-mark 0
is "fresh: what reached the device is put back" "$(hw_all)" "$was"

# CONTROL, CONTROL2, LOCK and range bases, which no policy but passthrough may show
for value in 0x0c:0x57 0x0d:0x4a 0x10:0x09 0x14:0x01 0x20:0x12 0x23:0x80 0x27:0xa0 0x31:0x34 \
	0x37:0x50; do
	hw_set $((256 + ${value%:*})) "${value#*:}"
done
was=$(hw_all)
vm-mark 2
random host $((SEED + 1)) passthrough "cxl-device,emulate,$RESET" "read-only,capability.hdm_count=2" \
	"cxl-device,$HDM,$MODIFIED,$P2P" "cxl-device,$RESET,$CLEAR,capability.cxl_reset_timeout=3" \
	passthrough cxl-device "cxl-device,emulate,$RESET,$CLEAR,$HDM,$MODIFIED,$P2P"
vm-mark 0
is "host: what reached the device is put back" "$(hw_all)" "$was"

# ---- it does find what is wrong ----

# wrong NAME POLICY BELIEF: another policy than vfio_random believes in
wrong() {
	enforce "$2"
	fails "$1 is found" 1 '*got*want*' vfio_random "$BDF" seed=1 count=1000 \
		expected=/tmp/expected "$3"
}

wrong "a capability bit that the policy does not give" cxl-device "cxl-device,$P2P"
wrong "a policy that rejects a reset, not emulates it" "cxl-device,$RESET" \
	"cxl-device,emulate,$RESET"
cat >/tmp/wrong.yaml <<'END'
name: wrong
based-on: cxl-device
dvsecs:
  - vendor: 0x1e98
    id: 0
    fields:
      - {field: control2.cxl_reset_mem_clr_enable, attribute: RW, read: shadow, write: [shadow, hardware]}
END
wrong "a bit that should not reach the hardware" /tmp/wrong.yaml cxl-device
done_testing
