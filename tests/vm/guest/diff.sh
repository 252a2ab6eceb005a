# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck source=tests/lib/guest.sh
. /share/tests/lib/guest.sh

cat >/tmp/mine.yaml <<'END'
name: mine
based-on: cxl-device
dvsecs:
  - vendor: 0x1e98
    id: 0
    fields:
      - {field: control.mem_enable, attribute: RO, read: value, value: 0, write: []}
  - vendor: 0x8086
    id: 0x17
    fields:
      - {field: control.mode, offset: 0x0c, bits: 7:4, attribute: RW}
END
# All but its name
sed 's/^name: .*/name: yours/' /tmp/mine.yaml >/tmp/yours.yaml

# diff A B: the status, the fields, and where the names of what isn't named came from
diff() {
	diff_status=0
	cxl-policy diff "$1" "$2" --json >/tmp/diff.json 2>/tmp/diff.err || diff_status=$?
	echo "$diff_status $(jq -r 'if .error then .kind + " " + .error else
		[.policy_a, .policy_b, (.claims | length), (.fields | length), .fields[0].field,
		.fields[0].a.write, .fields[0].b.write] | map(tostring) | join(" ") end' \
		/tmp/diff.json)$(cat /tmp/diff.err)"
}

like "without a policy there is nothing to compare" "$(diff "$BDF" cxl-device)" \
	"5 missing no policy is in force on $BDF"
like "nor without a default" "$(diff cxl-device default)" "5 missing no policy is in force by default"
like "nor on a device that isn't there" "$(diff 0000:0f:1f.7 cxl-device)" "5 missing no device *"

check "a file comes in force" cxl-policy attach "$BDF" --policy /tmp/mine.yaml
is "what is in force doesn't differ from the file that it is from" "$(diff "$BDF" /tmp/mine.yaml)" \
	"0 mine mine 0 0 null null null"
is "nor from one of another name" "$(diff /tmp/yours.yaml "$BDF")" "0 yours mine 0 0 null null null"
is "it differs from the default policy in a claim and in fields" "$(diff cxl-device "$BDF")" \
	"8 cxl-device mine 1 6 control.mem_enable shadow refused"
is "whose names are those of the file, where one is compared" \
	"$(cxl-policy diff "$BDF" /tmp/yours.yaml; sed -i 's/7:4/7:5/' /tmp/yours.yaml
	cxl-policy diff "$BDF" /tmp/yours.yaml --json | jq -r '.fields[] | [.field, .bits] | join(" ")')" \
	"no difference
 4"
check "a default comes in force" cxl-policy default set --policy read-only
is "it can be compared" "$(diff read-only default)" "0 read-only read-only 0 0 null null null"
is "a device that it covers has it" "$(diff "$BDF2" default)" \
	"0 read-only read-only 0 0 null null null"
is "two devices" "$(diff "$BDF2" "$BDF")" "8 read-only mine 1 25 control.cache_enable refused shadow"
check "a swap" cxl-policy swap "$BDF" --policy cxl-device
is "is seen at once" "$(diff "$BDF" cxl-device) $(diff "$BDF" /tmp/mine.yaml)" \
	"0 cxl-device cxl-device 0 0 null null null 8 cxl-device mine 1 6 control.mem_enable shadow refused"
check "detach" cxl-policy detach "$BDF"
is "the default covers it then" "$(diff "$BDF" read-only)" "0 read-only read-only 0 0 null null null"
cxl-policy default clear >/dev/null

check "a program of another" load "$OBJS/rogue.bpf.o" "match=$BDF" read_verdict=1 write_verdict=1 \
	pin=/sys/fs/bpf/rogue
like "has no table to compare" "$(diff "$BDF" cxl-device)" \
	"5 missing what is in force on $BDF has no table that is known"
rm /sys/fs/bpf/rogue
check "the program of this one, loaded by another" load "$POLICY" "match=$BDF" name=foreign \
	pin=/sys/fs/bpf/foreign
is "is known by its table" "$(eventually "0 cxl-device cxl-device 0 0 null null null" \
	diff "$BDF" cxl-device)" "0 cxl-device cxl-device 0 0 null null null"
rm /sys/fs/bpf/foreign
done_testing
