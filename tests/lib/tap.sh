# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
# Results of tests as TAP, on the host and in the machine (busybox).

tap_count=0

ok() {
	tap_count=$((tap_count + 1))
	printf 'ok - %s\n' "$1"
}

not_ok() {
	tap_count=$((tap_count + 1))
	printf 'not ok - %s\n' "$1"
}

note() {
	printf '%s\n' "$*" | sed 's/^/# /'
}

# is NAME GOT WANT
is() {
	if [ "$2" = "$3" ]; then
		ok "$1"
		return
	fi
	not_ok "$1"
	printf '%s\n' "$2" | sed 's/^/# got:  /'
	printf '%s\n' "$3" | sed 's/^/# want: /'
}

# like NAME GOT PATTERN, a pattern of the shell
like() {
	# shellcheck disable=SC2254 # it is a pattern
	case $2 in
	$3)
		ok "$1"
		return
		;;
	esac
	not_ok "$1"
	printf '%s\n' "$2" | sed 's/^/# got:       /'
	printf '%s\n' "$3" | sed 's/^/# want like: /'
}

# check NAME COMMAND...: the command succeeds
check() {
	tap_name=$1
	shift
	tap_status=0
	tap_output=$("$@" 2>&1) || tap_status=$?
	if [ "$tap_status" -eq 0 ]; then
		ok "$tap_name"
		return
	fi
	not_ok "$tap_name"
	note "status $tap_status of: $*"
	note "$tap_output"
}

# fails NAME STATUS PATTERN COMMAND...: it ends with that status and says that
fails() {
	tap_name=$1 tap_want=$2 tap_pattern=$3
	shift 3
	tap_status=0
	tap_output=$("$@" 2>&1) || tap_status=$?
	# shellcheck disable=SC2254 # it is a pattern
	case $tap_status:$tap_output in
	$tap_want:$tap_pattern)
		ok "$tap_name"
		return
		;;
	esac
	not_ok "$tap_name"
	note "status $tap_status, not $tap_want, or no output like '$tap_pattern', of: $*"
	note "$tap_output"
}

skip() {
	tap_count=$((tap_count + 1))
	printf 'ok - # SKIP %s: %s\n' "$1" "$2"
}

done_testing() {
	printf '1..%d\n' "$tap_count"
}
