#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Completion of bash, on the host: as bash would, the function is called with a
# command line, and what it offers is judged by what the program tells of itself.
set -euo pipefail
top=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)
# shellcheck source=tests/lib/tap.sh
. "$top/tests/lib/tap.sh"

if [ ! -x "$top/build/bin/cxl-policy" ]; then
	printf '1..0 # SKIP build/bin/cxl-policy is missing; run make\n'
	exit
fi
if ! command -v jq >/dev/null; then
	printf '1..0 # SKIP jq is not installed\n'
	exit
fi
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# The program, on a host with these devices
cat >"$tmp/cxl-policy" <<END
#!/bin/sh
if [ "\$1" = list ]; then
	[ -e "$tmp/devices" ] && cat "$tmp/devices"
	exit
fi
exec "$top/build/bin/cxl-policy" "\$@"
END
chmod +x "$tmp/cxl-policy"
printf '[{"device":"%s","dvsecs":[{"id":0}]},{"device":"%s"}]\n' 0000:0d:00.0 0000:0e:00.0 >"$tmp/devices"
PATH=$tmp:$PATH
unset CXL_POLICY_PATH
cd "$tmp"
mkdir policies
: >mine.yaml
: >other.txt
: >policies/theirs.yaml

# shellcheck source=loader/completion/cxl-policy.bash
. "$top/loader/completion/cxl-policy.bash"

# offers LINE: what is offered at its end, sorted, on one line
offers() {
	# shellcheck disable=SC2034 # for the function
	COMP_LINE=$1 COMP_POINT=${#1}
	COMPREPLY=()
	_cxl_policy cxl-policy
	[ "${#COMPREPLY[@]}" -eq 0 ] || printf '%s\n' "${COMPREPLY[@]}" | LC_ALL=C sort | xargs
}

# Words on standard input, sorted, on one line
sorted() {
	LC_ALL=C sort | xargs
}

verbs=$(cxl-policy help --json | jq -r '.commands[].name' | sorted)
all_options='--debug --help --json --pretty --version'
all_policies=$(cxl-policy help --json | jq -r '.policies[]' | sorted)

is "the program has this function" "$(complete -p cxl-policy)" "complete -F _cxl_policy cxl-policy"
is "all commands are offered" "$(offers 'cxl-policy ')" "$verbs"
is "after an option too" "$(offers 'cxl-policy --json ')" "$verbs"
for verb in $verbs; do
	is "$verb is offered by its name" "$(offers "cxl-policy $verb" | tr ' ' '\n' | grep -cx -e "$verb")" 1
	is "options of $verb are those that it takes" "$(offers "cxl-policy $verb -")" \
		"$({
			cxl-policy help "$verb" --json | jq -r '.options[]'
			printf '%s\n' $all_options
		} | sorted)"
done
is "commands by what they begin with" "$(offers 'cxl-policy de')" "default detach"
is "options before a command are the common ones" "$(offers 'cxl-policy --')" "$all_options"
is "options by what they begin with" "$(offers 'cxl-policy attach --p')" "--policy --pretty"
is "an unknown command has nothing to offer" "$(offers 'cxl-policy no-such ')" ""
is "nor has one that could be two" "$(offers 'cxl-policy de ')" ""
is "a shortened command has" "$(offers 'cxl-policy swa ')" "0000:0d:00.0 0000:0e:00.0 default"

is "CXL devices are offered" "$(offers 'cxl-policy attach ')" "0000:0d:00.0 0000:0e:00.0"
is "devices for the option that wants one" "$(offers 'cxl-policy apply --device ')" \
	"0000:0d:00.0 0000:0e:00.0"
is "a colon in an address is where bash goes on" "$(offers 'cxl-policy attach 0000:0d')" "0d:00.0"
is "and further on" "$(offers 'cxl-policy attach 0000:0e:')" "00.0"
is "there is one device" "$(offers 'cxl-policy attach 0000:0d:00.0 ')" ""
is "or the default policy" "$(offers 'cxl-policy detach d')" "default"
rm devices
is "where the list tells of none, all devices are" "$(offers 'cxl-policy show ')" \
	"$(find /sys/bus/pci/devices -mindepth 1 -printf '%f\n' 2>/dev/null | sorted)"

is "policies, and files, are offered" "$(offers 'cxl-policy attach 0000:0d:00.0 --policy ')" \
	"$(printf '%s\n' $all_policies cxl-policy mine.yaml other.txt policies | sorted)"
is "policies by what they begin with" "$(offers 'cxl-policy swap default --policy no')" "no-cache"
is "files in a folder" "$(offers 'cxl-policy swap default --policy policies/')" "policies/theirs.yaml"
is "folders for a folder" "$(offers 'cxl-policy apply ')" "policies"
is "folders for one that is watched" "$(offers 'cxl-policy watch --keep-others ')" "policies"
is "after an equals sign too" "$(offers 'cxl-policy swap default --policy=read')" "read-only"
is "a policy on the way is one" \
	"$(CXL_POLICY_PATH=$tmp/policies offers 'cxl-policy attach --policy th')" "theirs"
is "the device may come after its policy" "$(offers 'cxl-policy swap --policy no-cache d')" "default"

is "set and clear of default" "$(offers 'cxl-policy default ')" "clear set"
is "and no more" "$(offers 'cxl-policy default set ')" ""
is "a number isn't guessed" "$(offers 'cxl-policy monitor --count ')" ""
is "help is for commands" "$(offers 'cxl-policy help sh')" "show"
is "what the command ends with doesn't matter" \
	"$(COMP_LINE='cxl-policy sho --json' COMP_POINT=14 && _cxl_policy cxl-policy && echo "${COMPREPLY[*]}")" \
	"show"

# Usage lines of any kind: what is offered is read from them alone
usage() {
	jq -n -c --arg usage "$1" '{commands: [{name: "verb", usage: $usage, options: ["--one"], help: ""}],
		options: ["--json"], policies: ["this", "that"]}' >help
	printf '#!/bin/sh\n[ "$1" = help ] && cat "%s/help"\n' "$tmp" >other
	chmod +x other
	COMP_LINE=$2 COMP_POINT=${#2}
	_cxl_policy "$tmp/other"
	[ "${#COMPREPLY[@]}" -eq 0 ] || printf '%s\n' "${COMPREPLY[@]}" | sorted
}
is "an argument that may be left out" "$(usage 'verb NAME [FILE]' 'other verb this m')" "mine.yaml"
is "one that may be a policy or a word" "$(usage 'verb all|NAME' 'other verb ')" "all that this"
is "one that may be there more than once" "$(usage 'verb NAME...' 'other verb this that th')" "that this"
is "one that depends on the word before" \
	"$(usage 'verb add NAME | verb drop FILE' 'other verb add ') \
$(usage 'verb add NAME | verb drop FILE' 'other verb drop o')" "that this other other.txt"
is "one behind options with and without a value" \
	"$(usage 'verb NAME [--one] [--two N] --three FILE first|second' 'other verb this --one --two 2 fi')" \
	"first"
is "the value of one of them" \
	"$(usage 'verb NAME [--one] [--two N] --three FILE first|second' 'other verb --three mi')" "mine.yaml"
is "two things to be compared" "$(usage 'verb A B' 'other verb this th')" "that this"
is "without the program there is nothing" \
	"$(COMP_LINE='nothing ' COMP_POINT=8 && _cxl_policy "$tmp/nothing" && echo "${COMPREPLY[*]}")" ""
done_testing
