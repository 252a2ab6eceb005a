# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck source=tests/lib/guest.sh
. /share/tests/lib/guest.sh

FILE=/tmp/vm.json
# What a guest reads of it, and what it reads where it has done nothing
READS='dvsec+0xc.w dvsec+0x20.l dvsec+0x34.l dvsec+0x10.w dvsec+0x14.w'
SAVED='4a56 12345678 f0000000 0008 0001'
CLEAN='0002 00000000 00000000 0000 0000'

# reads [BDF]: in an opening of its own
reads() {
	# shellcheck disable=SC2086 # words
	vfio-cfg "${1:-$BDF}" $READS 2>&1 | xargs
}

# armed [BDF]: what "show" tells of a restore
armed() {
	cxl-policy show "${1:-$BDF}" --json | jq -r .restore
}

# edited FILTER: the file with something changed, in /tmp/edited.json
edited() {
	jq "$1" $FILE >/tmp/edited.json
}

cxl-policy attach "$BDF" >/dev/null
cxl-policy attach "$BDF2" >/dev/null

# ---- save ----

fails "a device that nobody has open has nothing to save" 5 '*nobody has*open*' \
	cxl-policy save "$BDF" $FILE
is "no file comes of it" "$(ls /tmp/vm.json* 2>/dev/null)" ""

vm-mark 1
client a "$BDF" dvsec+0xc.w=0x4a56 dvsec+0x20.l=0x12345678 dvsec+0x34.l=0xf0000000 \
	dvsec+0x10.w=0x9 dvsec+0x14.w=1 @1 dvsec+0xc.w @2
at a 1
echo old >$FILE
chmod 644 $FILE
check "the state of an open device is saved" cxl-policy save "$BDF" $FILE
is "its file is for the owner alone, and no other file is left" \
	"$(stat -c %a $FILE) $(ls /tmp/vm.json*)" "600 $FILE"
is "it says of what it is" "$(jq -c '[.format, .version, .abi, .device, .policy]' $FILE)" \
	"[\"cxl-policy-shadow\",1,1,\"$BDF\",\"cxl-device\"]"
is "it has the vendor and device IDs that the kernel tells" \
	"$(jq -r '.vendor + " " + .device_id + " " + .revision + " " + .subsystem_vendor + " " +
		.subsystem_id' $FILE)" \
	"$(cd "/sys/bus/pci/devices/$BDF" && cat vendor device revision subsystem_vendor \
		subsystem_device | xargs)"
is "it has all DVSECs of CXL" "$(jq -c '[.dvsecs[] | [.id, .offset, .revision, .length]]' $FILE)" \
	"$(cxl-policy list --json | jq -c ".[] | select(.device == \"$BDF\") | .dvsecs |
		[.[] | [.id, .offset, .revision, .length]]")"
is "it has the guest's values" "$(jq -c '.dvsecs[0].fields |
	[.["control.mem_enable"], .["range1_base_high.memory_base_high"],
	.["control2.disable_caching"], .["lock.config_lock"]]' $FILE)" '[1,305419896,1,1]'
is "standard output gets the same" \
	"$(cxl-policy save "$BDF" | jq -cS 'del(.time)')" "$(jq -cS 'del(.time)' $FILE)"
is "- is standard output" \
	"$(cd /tmp && cxl-policy save "$BDF" - | jq -cS 'del(.time)') $(ls /tmp/- 2>/dev/null)" \
	"$(jq -cS 'del(.time)' $FILE) "
is "with a file, JSON tells where it is" "$(cxl-policy save --json "$BDF" /tmp/other.json)" \
	"{\"device\":\"$BDF\",\"policy\":\"cxl-device\",\"file\":\"/tmp/other.json\",\"dwords\":7}"
fails "what is no file isn't replaced" 2 '*/tmp isn?t a regular file*' cxl-policy save "$BDF" /tmp
ln -s /tmp/other.json /tmp/link.json
fails "a link isn't followed" 2 '*regular file*' cxl-policy save "$BDF" /tmp/link.json
fails "a folder that isn't there is told of" 5 '*no folder*' cxl-policy save "$BDF" /no/such.json

# ---- an open device, too late ----

fails "after the first access it is too late" 6 '*has made an access since it opened*too late*' \
	cxl-policy restore "$BDF" $FILE
is "nothing is left of that" "$(armed)" null
go a 1
at a 2
is "the guest goes on as it was" "$(xargs </tmp/a.out)" 4a56
go a 2
ended a >/dev/null
is "after the close the device has its values back" "$(hw 0x110 1)" 00
is "a next opening without a restore starts clean" "$(reads)" "$CLEAN"

# ---- the next opening ----

vm-mark 2
is "a closed device takes it at the next opening, and Disable_Caching is told of" \
	"$(cxl-policy restore "$BDF" $FILE --json)" \
	"{\"device\":\"$BDF\",\"restore\":\"pending\",\"opening\":\"next\",\"policy\":\"cxl-device\",\"saved_from\":\"$BDF\",\"dwords\":7,\"not_restored\":[\"control2.disable_caching\"]}"
like "in text, too" "$(cxl-policy restore "$BDF" $FILE)" \
	'*will be applied at the first access of the next opening*control2.disable_caching'
is "show tells that it is to come" "$(armed)" pending
like "in text as well" "$(cxl-policy show "$BDF" | head -n 2 | xargs)" '*restore pending*'
client b "$BDF" @1 dvsec+0x14.w=0 dvsec+0x20.l=0 dvsec+0xc.b=0 @2
at b 1
is "it is still to come when the device is open" "$(armed)" pending
fails "meanwhile there is nothing to save" 6 '*has yet to take over*' cxl-policy save "$BDF"
go b 1
at b 2
is "with the first access, a write, it is applied" "$(armed)" applied
cxl-policy save "$BDF" >/tmp/again.json
is "before that write is decided on, which finds CONFIG_LOCK" \
	"$(jq -cS '.dvsecs' /tmp/again.json | sed 's/"disable_caching":1/"disable_caching":0/')" \
	"$(edited '(.dvsecs[0].dwords[] | select(.offset == 16).value) = "0x00000008" |
		.dvsecs[0].fields["control2.disable_caching"] = 0' &&
		jq -cS '.dvsecs' /tmp/edited.json)"
go b 2
ended b >/dev/null
is "a second opening starts clean" "$(armed) $(reads)" "null $CLEAN"
cxl-policy restore "$BDF" $FILE >/dev/null
is "the first access may be a read" "$(reads)" "$SAVED"
is "it is applied once" "$(reads)" "$CLEAN"
is "nobody erred" "$(attr errors)" 0

# ---- a reset of the device ----

cxl-policy restore "$BDF" $FILE >/dev/null
is "a reset before the first access doesn't take it away, one after it does" \
	"$(v reset dvsec+0x14.w dvsec+0x20.l reset dvsec+0x14.w dvsec+0x20.l)" \
	"0001 12345678 0000 00000000"

# ---- an open device, in time ----

client c "$BDF" @1 dvsec+0xc.w dvsec+0x14.w @2
at c 1
is "an open device without an access takes it in this opening" \
	"$(cxl-policy restore "$BDF" $FILE --json | jq -c '[.restore, .opening]')" \
	'["pending","present"]'
check "it can be replaced by another" cxl-policy restore "$BDF" /tmp/again.json
check "a swap in between" cxl-policy swap "$BDF" --policy cxl-device
is "a swap keeps it" "$(armed)" pending
go c 1
at c 2
is "show tells that it was applied" "$(armed)" applied
go c 2
is "it is applied" "$(ended c)" "4a56 0001"

client d "$BDF" @1
at d 1
cxl-policy restore "$BDF" $FILE >/dev/null
go d 1
ended d >/dev/null
is "an opening that made no access takes it along" "$(armed) $(reads)" "null $CLEAN"

cxl-policy restore "$BDF" $FILE >/dev/null
client j "$BDF" @1
at j 1
is "it is for the opening that came" "$(armed)" pending
go j 1
ended j >/dev/null
is "and for no other one, if that made no access" "$(armed) $(reads)" "null $CLEAN"

# ---- taken away ----

cxl-policy restore "$BDF" $FILE >/dev/null
is "--clear takes it away" "$(cxl-policy restore "$BDF" --clear --json)" \
	"{\"device\":\"$BDF\",\"restore\":null,\"cleared\":true}"
is "nothing is applied then" "$(armed) $(reads)" "null $CLEAN"
is "--clear where there is nothing" "$(cxl-policy restore "$BDF" --clear --json | jq .cleared)" false
cxl-policy restore "$BDF" $FILE >/dev/null
cxl-policy restore "$BDF2" $FILE >/dev/null
cxl-policy detach "$BDF" >/dev/null
cxl-policy attach "$BDF" >/dev/null
is "detach takes it away, and that of no other device" "$(armed) $(armed "$BDF2")" "null pending"
is "nothing is applied after a detach" "$(reads)" "$CLEAN"

cxl-policy restore "$BDF" $FILE >/dev/null
echo 1 >"/sys/bus/pci/devices/$BDF/remove"
echo 1 >/sys/bus/pci/rescan
vm-bind "$BDF"
cxl-policy attach "$BDF" >/dev/null
is "nothing is applied to a device that comes where one was removed, and gets a policy" \
	"$(armed) $(reads)" "null $CLEAN"
cxl-policy restore "$BDF" $FILE >/dev/null
rm "$PINS/links/$(echo "$BDF" | tr . -)"
eventually none state >/dev/null
cxl-policy attach "$BDF" >/dev/null
is "nor under a policy that follows one which went with its pin" "$(armed) $(reads)" "null $CLEAN"
is "another device keeps what is to come" "$(armed "$BDF2")" pending

# ---- another device ----

is "another device of the same kind takes it" "$(reads "$BDF2")" "$SAVED"
is "from a pipe" "$(cxl-policy restore "$BDF2" - --json <$FILE | jq -r .saved_from)" "$BDF"
is "and the first one nothing of it" "$(reads) $(reads "$BDF2")" "$CLEAN $SAVED"

# ---- what a hostile file can do ----

vm-mark 3
edited '.dvsecs[0].dwords = [range(12; 60; 4) |
	{offset: ., value: "0xffffffff", valid: "0xffffffff"}]'
is "all that isn't the guest's is told of" "$(cxl-policy restore "$BDF" /tmp/edited.json --json |
	jq -c '.not_restored | [index("control2.disable_caching", "control2.initiate_cache_wbi",
	"status2.cxl_reset_complete", "capability2.cache_size", "control.rsvd_15") != null]')" \
	'[true,true,true,true,true]'
is "a hostile state gives what the guest could have written, and no way to the hardware" \
	"$(v dvsec+0x10.w dvsec+0x10.w=2 dvsec+0xc.l dvsec+0x10.l dvsec+0x14.l dvsec+0x18.l \
		dvsec+0x20.l dvsec+0x24.l)" \
	"0008 00004fff 00000000 00000001 $(hw 0x118 4) ffffffff f0000000"
vm-mark 4
cxl-policy restore "$BDF2" $FILE >/dev/null
is "Disable_Caching is the guest's to set anew" \
	"$(vfio-cfg "$BDF2" dvsec+0x10.w=0x9 dvsec+0x10.w)" 0009

# ---- what doesn't fit any more when it is to be applied ----

# patched BYTE VALUE: what is to be restored has another value there
patched() {
	key="00 00 00 00 0d 00 00 00"
	cxl-policy restore "$BDF" $FILE >/dev/null
	# shellcheck disable=SC2046,SC2086 # words
	bpftool map update pinned "$PINS/restore" key hex $key value hex $(
		bpftool -j map lookup pinned "$PINS/restore" key hex $key |
			jq -r ".value | .[$1] = \"$2\" | map(ltrimstr(\"0x\")) | join(\" \")")
}

# outcome NAME: of that, told when the device is open, and what the guest reads
outcome() {
	client "$1" "$BDF" dvsec+0xc.w dvsec+0x14.w @1
	at "$1" 1
	armed
	go "$1" 1
	ended "$1"
}

patched 40 0x98
is "the same value restores" "$(outcome f | xargs)" "applied 4a56 0001"
patched 42 0xc2
is "another revision of a DVSEC by then is refused" "$(outcome g | xargs)" "refused 0002 0000"
patched 44 0x01
is "another ID of a DVSEC by then is refused" "$(outcome h | xargs)" "refused 0002 0000"
patched 16 0x02
is "another version of the program by then is refused" "$(outcome i | xargs)" "refused 0002 0000"
is "one that was refused isn't tried again" "$(armed) $(reads)" "null $CLEAN"

# ---- what isn't right ----

vm-mark 5
# wrong NAME CAUSE FILTER
wrong() {
	edited "$3"
	fails "$1" 7 "$2" cxl-policy restore "$BDF" /tmp/edited.json
}
wrong "another Vendor ID is refused" '*the Vendor ID is 0x1234 in the file*' '.vendor = "0x1234"'
wrong "another Device ID is refused" '*the Device ID*' '.device_id = "0x1234"'
wrong "another Revision ID is refused" '*the Revision ID*' '.revision = "0x77"'
wrong "another Subsystem Vendor ID is refused" '*the Subsystem Vendor ID*' \
	'.subsystem_vendor = "0x1234"'
wrong "another Subsystem ID is refused" '*the Subsystem ID*' '.subsystem_id = "0x1234"'
wrong "another ID of a DVSEC is refused" '*DVSEC 0x1e98:99 at 0x160 is in the file and not here*' \
	'.dvsecs[2].id = 99'
wrong "another vendor of a DVSEC is refused" '*DVSEC 0x1234:5*not here*' \
	'.dvsecs[2].vendor = "0x1234"'
wrong "another place of a DVSEC is refused" '*the offset of DVSEC 0x1e98:7*' \
	'.dvsecs[3].offset += 4'
wrong "another revision of a DVSEC is refused" '*the revision of DVSEC 0x1e98:0*' \
	'.dvsecs[0].revision = 2'
wrong "another length of a DVSEC is refused" '*the length of DVSEC 0x1e98:0*' \
	'.dvsecs[0].length = 64'
wrong "a DVSEC less is refused" '*DVSEC 0x1e98:7*here and not in the file*' 'del(.dvsecs[3])'
wrong "another version is refused" '*/version: it is 2,*' '.version = 2'
wrong "another ABI is refused" '*/abi: it is 9,*' '.abi = 9'
wrong "another format is refused" '*/format*' '.format = "x"'
wrong "an unknown member is refused" '*/dvsecs/0/dwords/0/more: there is no such member*' \
	'.dvsecs[0].dwords[0].more = 1'
wrong "bits behind the DVSEC are refused" '*/dvsecs/0/dwords/0/offset*' \
	'.dvsecs[0].dwords[0].offset = 60'
head -c 700 $FILE >/tmp/edited.json
fails "a file that was cut off is refused" 7 '*/tmp/edited.json: line *ends too early*' \
	cxl-policy restore "$BDF" /tmp/edited.json
: >/tmp/edited.json
fails "an empty file is refused" 7 '*line 1:*' cxl-policy restore "$BDF" /tmp/edited.json
fails "a file that isn't there is told of" 5 '*/no/such.json*' cxl-policy restore "$BDF" /no/such.json
is "nothing is left of all that" "$(armed) $(reads)" "null $CLEAN"
wrong "with something to come" '*the Vendor ID*' '.vendor = "0x1234"'
cxl-policy restore "$BDF" $FILE >/dev/null
wrong "a refused file" '*the Vendor ID*' '.vendor = "0x1234"'
is "a refused file takes nothing away" "$(armed) $(reads)" "pending $SAVED"
fails "no file named" 2 '*one device and one file*' cxl-policy restore "$BDF"
fails "a file and --clear" 2 '*--clear*' cxl-policy restore "$BDF" $FILE --clear
fails "a folder isn't a saved state" 7 '*/tmp: Is a directory*' cxl-policy restore "$BDF2" /tmp
fails "no device named" 2 '*' cxl-policy save
fails "three words" 2 '*' cxl-policy save "$BDF" $FILE $FILE

# ---- another policy ----

cxl-policy swap "$BDF2" --policy read-only >/dev/null
is "a policy that the guest can write nothing under restores nothing, and tells" \
	"$(cxl-policy restore "$BDF2" $FILE --json |
		jq -c '[.restore, (.not_restored | index("lock.config_lock") != null)]')" \
	'["pending",true]'
is "nothing is restored under read-only" "$(reads "$BDF2")" "$CLEAN"
cxl-policy detach "$BDF2" >/dev/null
fails "without a policy there is nothing to restore to" 5 '*no policy covers*' \
	cxl-policy restore "$BDF2" $FILE
register /sys/fs/bpf/x
check "what bpftool registered takes it, too" cxl-policy restore "$BDF2" $FILE
is "and applies it" "$(reads "$BDF2")" "$SAVED"
cxl-policy restore "$BDF2" $FILE >/dev/null
cxl-policy detach default >/dev/null
cxl-policy default set >/dev/null
is "with the default policy goes what was to come for the devices that it covered" \
	"$(armed "$BDF2") $(reads "$BDF2")" "null $CLEAN"
cxl-policy default clear >/dev/null
struct_ops_load "$OBJS/rogue.bpf.o" "match=$BDF2" pin=/sys/fs/bpf/rogue >/dev/null 2>&1
client e "$BDF2" @1
at e 1
fails "the state of another program can't be saved" 3 '*another program*' cxl-policy save "$BDF2"
fails "nor can it take one" 3 '*another program*' cxl-policy restore "$BDF2" $FILE
go e 1
ended e >/dev/null
rm /sys/fs/bpf/rogue

# ---- a race with the first access ----

i=0 lost=0 odd=''
while [ $i -lt 16 ]; do
	rm -f /tmp/race.*
	cxl-policy restore "$BDF" --clear >/dev/null
	# shellcheck disable=SC2086 # words
	vfio-cfg "$BDF" "sleep=0.$(printf %03d $((i * 60)))" $READS wait=/tmp/race.go $READS \
		>/tmp/race.out 2>&1 &
	racer=$!
	status=0
	cxl-policy restore "$BDF" $FILE >/tmp/race.log 2>&1 || status=$?
	: >/tmp/race.go
	wait $racer || status="$status, client $?"
	case "$status $(xargs </tmp/race.out)" in
	"0 $SAVED $SAVED") ;;
	"6 $CLEAN $CLEAN") lost=$((lost + 1)) ;;
	*) odd="$odd $i: $status $(xargs </tmp/race.out) $(armed) $(cat /tmp/race.log);" ;;
	esac
	i=$((i + 1))
done
is "a restore beside the first access is applied, or too late and not applied" "$odd" ""
note "$i races, $lost of them too late"

# ---- killed ----

i=0 odd='' new=0
cxl-policy restore "$BDF" --clear >/dev/null
while [ $i -lt 10 ]; do
	cxl-policy restore "$BDF" $FILE >/dev/null 2>&1 &
	victim=$!
	sleep "0.$(printf %03d $((i * 40)))"
	kill -9 $victim 2>/dev/null || :
	wait $victim 2>/dev/null || :
	before=$(armed)
	case "$before $(reads)" in
	"null $CLEAN") ;;
	"pending $SAVED") new=$((new + 1)) ;;
	*) odd="$odd $before;" ;;
	esac
	i=$((i + 1))
done
is "a restore that is killed is there or isn't" "$odd" ""
note "$new of $i times it was"
check "and another one works" cxl-policy restore "$BDF" $FILE
is "as it should" "$(reads)" "$SAVED"

# ---- no privilege ----

echo 'nobody:x:65534:65534:nobody:/:/bin/sh' >>/etc/passwd
for verb in save "restore $FILE" "restore --clear"; do
	# shellcheck disable=SC2016,SC2086 # the inner shell's; words
	set -- $verb
	fails "no privilege to $verb" 4 '*root*' su nobody -s /bin/sh -c 'exec "$0" "$@"' -- \
		cxl-policy "$1" "$BDF" "${2:-/tmp/x.json}"
done
is "no program erred" "$(attr errors) $(attr errors "$BDF2" | head -n 1)" "0 0"
done_testing
