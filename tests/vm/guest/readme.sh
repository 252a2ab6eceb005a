# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck source=tests/lib/guest.sh
. /share/tests/lib/guest.sh

# Sessions are between "<!-- tried by tests/vm/readme -->" and "<!-- end -->": code
# blocks of commands, each with what it prints, in which "..." stands for any lines,
# and "<!-- guest: OP... -->" for what a guest does meanwhile. It has the device open
# until "<!-- guest ends -->".

# Numbers and times that differ from run to run
plain() {
	sed -e 's/link [0-9]*/link N/g' -e 's/[0-9][0-9]:[0-9][0-9]:[0-9][0-9]\.[0-9]*/TIME/g' \
		-e 's/[[:space:]]*$//' -e '/^$/d' "$1"
}

# matches WANTED GOT: line by line, but for "..."
matches() {
	plain "$1" >/tmp/wanted.plain
	plain "$2" >/tmp/got.plain
	awk '
	NR == FNR { want[++n] = $0; next }
	{ got[++m] = $0 }
	END {
		j = 1
		for (i = 1; i <= n; i++) {
			if (want[i] == "...") {
				any = 1
				continue
			}
			while (any && j <= m && got[j] != want[i])
				j++
			if (j > m || got[j] != want[i]) {
				printf "line %d is not there: %s\n", i, want[i]
				exit
			}
			j++
			any = 0
		}
		if (j <= m && !any)
			printf "more than wanted: %s\n", got[j]
	}' /tmp/wanted.plain /tmp/got.plain
}

command='' monitor=''
finish() {
	[ -n "$command" ] || return 0
	case $command in
	*\ monitor*)
		# Its guest is yet to act
		if [ -z "$monitor" ]; then
			sh -c "$command" >/tmp/monitored 2>&1 &
			monitor=$!
			mv /tmp/wanted /tmp/wanted.monitor
			monitored=$command
			sleep 1.5
		fi
		;;
	*)
		sh -c "$command" >/tmp/got 2>&1 || :
		is "README: $command" "$(matches /tmp/wanted /tmp/got)" ""
		;;
	esac
	command=''
}

sed -n '/^<!-- tried by tests\/vm\/readme -->$/,/^<!-- end -->$/p' /share/README.md >/tmp/sessions
sessions=0
while IFS= read -r line; do
	case $line in
	'    # '*)
		finish
		command=${line#'    # '}
		sessions=$((sessions + 1))
		: >/tmp/wanted
		;;
	'    '*)
		printf '%s\n' "${line#'    '}" >>/tmp/wanted
		;;
	'<!-- guest: '*)
		finish
		line=${line#'<!-- guest: '}
		# shellcheck disable=SC2086 # words
		client guest "$BDF" ${line%' -->'} @1
		at guest 1
		if [ -n "$monitor" ]; then
			wait "$monitor" || :
			monitor=''
			is "README: $monitored" "$(matches /tmp/wanted.monitor /tmp/monitored)" ""
		fi
		;;
	'<!-- guest ends -->')
		finish
		go guest 1
		ended guest >/dev/null
		;;
	esac
done </tmp/sessions
finish
is "README: there are sessions in it" "$([ "$sessions" -ge 4 ] && echo there)" there
done_testing
