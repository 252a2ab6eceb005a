# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
# For tests/vm/guest/*.sh, which run in the machine (busybox).

set -eu

# shellcheck source=tests/lib/tap.sh
. /share/tests/lib/tap.sh
PATH=$PATH:/share/build/tests/bin
# shellcheck disable=SC2034 # for the tests
{
OBJS=/share/build/tests/bpf
POLICY=/usr/lib/cxl-policy/cxl_policy.bpf.o
PINS=/sys/fs/bpf/cxl-policy
BDF=0000:0d:00.0
BDF2=0000:0e:00.0
}
export PATH

# attr NAME [BDF]: a file of the device's folder dvsec/ in sysfs
attr() {
	cat "/sys/bus/pci/devices/${2:-$BDF}"/vfio-dev/vfio*/dvsec/"$1"
}

# vfio-pci is in modules, not built into the kernel
modules() {
	[ -e /sys/module/vfio_pci_core/initstate ]
}

# with_modules NAME...: as modules; if not, skip these tests
with_modules() {
	! modules || return 0
	for modular_name; do
		skip "$modular_name" "vfio-pci is built into this kernel"
	done
	return 1
}

# state_of BDF: state and policy, as the kernel tells them
state_of() {
	echo "$(attr state "$1") $(attr policy "$1")"
}

state() {
	state_of "$BDF"
}

# v OP...: do it in one open of the device; the values read, on one line
v() {
	vfio-cfg "$BDF" "$@" 2>&1 | xargs
}

# hw OFFSET SIZE [BDF]: what the device holds, past vfio
hw() {
	od -A n -v -t "x$2" -j "$(($1))" -N "$2" "/sys/bus/pci/devices/${3:-$BDF}/config" |
		tr -d ' '
}

# hw_set OFFSET BYTE [BDF]
hw_set() {
	# shellcheck disable=SC2059 # a byte as an escape sequence
	printf "\\$(printf %03o "$(($2))")" |
		dd of="/sys/bus/pci/devices/${3:-$BDF}/config" bs=1 seek="$(($1))" \
			conv=notrunc 2>/dev/null
}

# register DIR: as anybody does who has bpftool only; it crashes after the work
register() {
	mkdir -p "$1"
	bpftool struct_ops register "$POLICY" "$1" >/tmp/bpftool.log 2>&1 || :
}

load() {
	struct_ops_load "$@" 2>&1
}

# other_policy: cxl-device but for CAPABILITY, which tells two ranges, 002e for 001e
other_policy() {
	cat <<'END'
name: other
based-on: cxl-device
dvsecs:
  - vendor: 0x1e98
    id: 0
    fields:
      - {field: capability.hdm_count, value: 2}
END
}

# client NAME BDF OP...: a user in the background; an OP "@N" waits for "go NAME N"
client() {
	client_name=$1 client_bdf=$2
	shift 2
	for op; do
		shift
		case $op in
		@*) set -- "$@" "touch=/tmp/$client_name.${op#@}" \
			"wait=/tmp/$client_name.${op#@}.go" ;;
		*) set -- "$@" "$op" ;;
		esac
	done
	rm -f "/tmp/$client_name".*
	# Whoever asks for its end may be a subshell, which cannot wait for it.
	(
		client_status=0
		vfio-cfg "$client_bdf" "$@" >"/tmp/$client_name.out" 2>&1 &
		echo $! >"/tmp/$client_name.pid"
		wait $! || client_status=$?
		echo $client_status >"/tmp/$client_name.status"
	) &
}

# at NAME N: wait until the client got there
at() {
	tries=0
	until [ -e "/tmp/$1.$2" ]; do
		tries=$((tries + 1))
		if [ "$tries" -gt 1200 ] || [ -e "/tmp/$1.status" ]; then
			note "client $1 did not get to @$2: $(cat "/tmp/$1.out")"
			return 1
		fi
		sleep 0.05
	done
}

go() {
	: >"/tmp/$1.$2.go"
}

# ended NAME: wait for the client; its output on one line
ended() {
	tries=0
	until [ -s "/tmp/$1.status" ]; do
		tries=$((tries + 1))
		if [ "$tries" -gt 1200 ]; then
			echo "client $1 does not end"
			return
		fi
		sleep 0.05
	done
	[ "$(cat "/tmp/$1.status")" -eq 0 ] || echo "status $(cat "/tmp/$1.status")"
	xargs <"/tmp/$1.out"
}

# killed NAME: by SIGKILL, as a virtual machine monitor that crashes
killed() {
	kill -9 "$(cat "/tmp/$1.pid")"
	ended "$1" >/dev/null
}

# eventually WANT COMMAND...: its output, at the latest after 10 s
eventually() {
	eventually_want=$1
	shift
	tries=0
	until [ "$("$@" 2>&1 | xargs)" = "$eventually_want" ] || [ "$tries" -gt 100 ]; do
		tries=$((tries + 1))
		sleep 0.1
	done
	"$@" 2>&1 | xargs
}

# below DIR: its files
below() {
	find "$1" -mindepth 1 2>/dev/null | sort | xargs
}

# How many links of struct_ops there are
registered() {
	bpftool link show | grep -c ': struct_ops' || :
}
