# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# For tests/packages/*.sh: a machine with Debian on a disk of its own, which is kept while
# a test lasts. Commands get into it through a port, with no network.
#   machine_new IMAGE         build/image/IMAGE.img is the disk from now on
#   machine_start             power on, until systemd has started everything
#   machine_run SCRIPT        run it there by bash, as root; its output and exit status
#   machine_put FILE PATH     copy a file into it
#   machine_reboot, machine_stop, machine_power_cut
#   machine_unplug N, machine_plug N  the CXL device N, at 0000:$((0d+N)):00.0
#   machine_mark N, machine_writes N  mark the trace; DVSEC writes after a mark
#   machine_end               stop it, and judge what the kernel said

set -euo pipefail
PATH=$PATH:/usr/sbin:/sbin

top=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd -P)
# shellcheck source=tests/lib/tap.sh
. "$top/tests/lib/tap.sh"
# shellcheck source=tools/lib/kernel_log.sh
. "$top/tools/lib/kernel_log.sh"
name=$(basename -- "$0" .sh)
machine_devices=2
machine_memory=1536
# Seconds after which a machine that says nothing is given up
machine_patience=${CXL_POLICY_PATIENCE:-300}
machine_logs=$top/build/tests/logs
machine_log=$machine_logs/packages-$name.console
machine_trace=$machine_logs/packages-$name.trace
mkdir -p "$machine_logs"
: >"$machine_log"
: >"$machine_trace"
machine_pid=''
machine_tracer=''
machine_memories=0

for dir in "${TMPDIR:-/tmp}"/cxl-policy-machine.*; do
	owner=$(cat "$dir/pid" 2>/dev/null) || continue
	[ -e "/proc/$owner" ] || rm -rf "$dir" 2>/dev/null || :
done
machine_dir=$(mktemp -d "${TMPDIR:-/tmp}/cxl-policy-machine.XXXXXX")
printf '%s\n' "$$" >"$machine_dir/pid"
machine_clean_up() {
	trap - EXIT
	[ -z "$machine_pid" ] || kill -KILL "$machine_pid" 2>/dev/null || :
	[ -z "$machine_tracer" ] || kill "$machine_tracer" 2>/dev/null || :
	rm -rf "$machine_dir"
}
trap machine_clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Not one of the tests can go on.
machine_die() {
	not_ok "$*"
	tail -n 60 "$machine_log" | tr -d '\r' | sed 's/^/# console: /'
	exit 1
}

# machine_skip_without NAME: end with a reason where that image is not there
machine_skip_without() {
	local missing=''
	[ -e "$top/build/image/$1.img" ] || missing="no build/image/$1.img; run tools/image"
	[ "$1" != packages ] || [ -z "$missing" ] ||
		missing="no build/image/packages.img; run 'make deb' and 'tools/image --with'"
	[ -z "$missing" ] || [ ! -e "$top/build/image/$1.img.missing" ] ||
		missing=$(cat "$top/build/image/$1.img.missing")
	for tool in qemu-system-x86_64 debugfs e2fsck jq setpriv; do
		command -v "$tool" >/dev/null || missing="$tool is not installed"
	done
	[ -n "$missing" ] || return 0
	printf '1..0 # SKIP %s\n' "$missing"
	exit 0
}

machine_new() {
	cp --sparse=always --reflink=auto "$top/build/image/$1.img" "$machine_dir/disk"
}

# The files that /boot has now, as a boot loader would read them; the journal first.
machine_boot_files() {
	local release
	e2fsck -p "$machine_dir/disk" >"$machine_dir/e2fsck" 2>&1 || [ $? -le 1 ] ||
		machine_die "the machine's file system is damaged: $(cat "$machine_dir/e2fsck")"
	release=$(debugfs -R 'ls -p /boot' "$machine_dir/disk" 2>/dev/null |
		sed -n 's,.*/vmlinuz-\([^/]*\)/.*,\1,p' | sort -V | tail -n 1)
	[ -n "$release" ] || machine_die "there is no kernel in the machine's /boot"
	rm -f "$machine_dir/vmlinuz" "$machine_dir/initrd"
	debugfs -R "dump /boot/vmlinuz-$release $machine_dir/vmlinuz" "$machine_dir/disk" 2>/dev/null
	debugfs -R "dump /boot/initrd.img-$release $machine_dir/initrd" "$machine_dir/disk" 2>/dev/null
	[ -s "$machine_dir/vmlinuz" ] && [ -s "$machine_dir/initrd" ] ||
		machine_die "the machine's /boot has no kernel and initramfs of $release"
}

# Does KVM not only exist but carry this kernel? Asked once per boot. It panics for want
# of a file system, which ends it.
machine_pick_accel() {
	local boot verdict=tcg,thread=single file=$top/build/image/accel
	machine_accel=${CXL_POLICY_VM_ACCEL:-}
	[ -z "$machine_accel" ] || return 0
	machine_accel=$verdict
	[ -r /dev/kvm ] && [ -w /dev/kvm ] || return 0
	boot="$(cat /proc/sys/kernel/random/boot_id) $(id -u)"
	if [ "$(sed -n 1p "$file" 2>/dev/null)" != "$boot" ]; then
		timeout 30 qemu-system-x86_64 -nodefaults -no-user-config -no-reboot -display none \
			-accel kvm -cpu max -m 512 -machine q35 -kernel "$machine_dir/vmlinuz" \
			-append "console=ttyS0 panic=-1" -serial "file:$machine_dir/kvm" \
			</dev/null >/dev/null 2>&1 || :
		! grep -aq 'Kernel panic' "$machine_dir/kvm" 2>/dev/null || verdict=kvm
		printf '%s\n%s\n' "$boot" "$verdict" >"$file.$$"
		mv "$file.$$" "$file"
	fi
	machine_accel=$(sed -n 2p "$file")
}

# shellcheck disable=SC2054 # the commas are QEMU's
machine_power_on() {
	local i pipe args
	[ -z "$machine_pid" ] || machine_die "the machine is on already"
	machine_boot_files
	machine_pick_accel
	for pipe in agent qmp; do
		rm -f "$machine_dir/$pipe".{in,out}
		mkfifo "$machine_dir/$pipe".{in,out}
	done
	rm -f "$machine_dir/trace"
	mkfifo "$machine_dir/trace"
	# Held open at this end, too, so that neither side waits for the other
	exec 4<>"$machine_dir/agent.in" 5<>"$machine_dir/agent.out" \
		6<>"$machine_dir/qmp.in" 7<>"$machine_dir/qmp.out" 8<>"$machine_dir/trace"
	machine_filter <"$machine_dir/trace" >>"$machine_trace" 4>&- 5>&- 6>&- 7>&- 8>&- &
	machine_tracer=$!
	args="root=/dev/vda rw console=ttyS0 quiet loglevel=5 log_buf_len=4M panic=-1"
	args+=" intel_iommu=on rcupdate.rcu_cpu_stall_timeout=60 cryptomgr.notests no_timer_check"
	args+=" systemd.show_status=error audit=0${machine_append:+ $machine_append}"
	local -a qemu=(qemu-system-x86_64 -name cxl-policy -nodefaults -no-user-config -no-reboot
		-display none -m "$machine_memory" -smp 2 -cpu max,la57=off -accel "$machine_accel"
		-machine q35,cxl=on,kernel-irqchip=split,i8042=off
		-kernel "$machine_dir/vmlinuz" -initrd "$machine_dir/initrd" -append "$args"
		-device intel-iommu,intremap=on
		-device virtio-serial-pci,bus=pcie.0
		-drive "if=none,id=disk,format=raw,cache=unsafe,file=$machine_dir/disk"
		-device virtio-blk-pci,bus=pcie.0,drive=disk
		-object rng-random,id=rng,filename=/dev/urandom
		-device virtio-rng-pci,bus=pcie.0,rng=rng
		-chardev "file,id=console,path=$machine_log,append=on" -serial chardev:console
		-chardev "pipe,id=agent,path=$machine_dir/agent"
		-device virtserialport,chardev=agent,name=agent
		-chardev "pipe,id=qmp,path=$machine_dir/qmp" -mon chardev=qmp,mode=control
		-device pxb-cxl,bus_nr=12,bus=pcie.0,id=cxl.1
		-trace enable=pci_cfg_write
		-trace "enable=memory_region_ops_write,file=$machine_dir/trace")
	for ((i = 0; i < machine_devices; i++)); do
		qemu+=(-device "cxl-rp,port=$i,bus=cxl.1,id=port$i,chassis=0,slot=$((i + 2))"
			-object "memory-backend-ram,id=memory$i,size=256M"
			-device "cxl-type3,bus=port$i,volatile-memdev=memory$i,id=cxl$i")
	done
	printf -- '---- power on ----\n' >>"$machine_log"
	setpriv --pdeathsig KILL "${qemu[@]}" </dev/null >"$machine_dir/qemu" 2>&1 \
		4>&- 5>&- 6>&- 7>&- 8>&- &
	machine_pid=$!
	printf '{"execute":"qmp_capabilities"}\n' >&6
}

# A line "0d:00.0 @0x10c.w <- 0x236" for each write to a CXL device's DVSECs, from power-on
# on. The write to the memory region that holds the configuration space comes right before
# the line that it causes, and tells the width. An awk may read whole blocks; the tests
# wait for lines.
machine_filter() {
	# shellcheck disable=SC2016 # perl's
	perl -ne '
		BEGIN { $| = 1 }
		if (/^memory_region_ops_write .* size (\d+) name .(pcie-mmcfg-mmio|pci-conf-data)/) {
			$width = { 1 => "b", 2 => "w", 4 => "l" }->{$1} // "?";
		} elsif (/^pci_cfg_write mch 00:00\.0 \@0x0 <- 0xffff([0-9a-f]{4})$/) {
			printf "# mark %d\n", hex($1);
		} elsif (/^pci_cfg_write cxl-type3 (\S+) (\@0x1[0-8][0-9a-f]) <- (\S+)/) {
			print "$1 $2.$width <- $3\n";
		}'
}

machine_lives() {
	[ -n "$machine_pid" ] && kill -0 "$machine_pid" 2>/dev/null
}

machine_qemu_failed() {
	local said
	said=$(tail -n 3 "$machine_dir/qemu")
	# A race of QEMU's software emulation that strikes once in many runs
	case $said in
	*iotlb_to_section:\ Assertion*)
		note "QEMU failed an assertion of its own: $said"
		exit 75
		;;
	esac
	machine_die "the machine ended before ${1:-its time}; QEMU says: $said"
}

# A line that the agent sends, in $answer
machine_answer() {
	local -i waited=0
	local status
	while true; do
		status=0
		IFS= read -r -t 2 -u 5 answer || status=$?
		[ "$status" -ne 0 ] || return 0
		machine_lives || machine_qemu_failed "$1"
		waited+=2
		[ "$waited" -lt "$machine_patience" ] || machine_die "nothing for $machine_patience s: $1"
	done
}

machine_start() {
	local answer
	machine_power_on
	machine_answer "the machine's agent has started"
	[ "$answer" = ready ] || machine_die "the agent said '$answer'"
	# shellcheck disable=SC2034 # for the tests
	machine_state=$(machine_run 'systemctl is-system-running --wait') || :
}

machine_send() {
	local LC_ALL=C
	machine_lives || machine_qemu_failed "'$1'"
	printf 'run %d\n%s' "${#1}" "$1" >&4
}

# The status is the script's own.
machine_run() {
	local answer status size
	machine_send "$1"
	machine_answer "an answer to '$1'"
	read -r status size <<<"$answer"
	head -c "$size" <&5
	return "$status"
}

machine_put() {
	local answer status size
	machine_lives || machine_qemu_failed "it had $1"
	printf 'put %d %s\n' "$(stat -c %s "$1")" "$2" >&4
	cat "$1" >&4
	machine_answer "it has $1"
	read -r status size <<<"$answer"
	head -c "$size" <&5
	return "$status"
}

# Nobody waits for the machine's end without a limit.
machine_gone() {
	local -i waited=0
	while machine_lives; do
		sleep 0.5
		waited+=1
		[ "$waited" -lt $((2 * machine_patience)) ] || machine_die "the machine does not end: $1"
	done
	# Not a word of the shell about a machine whose power was cut
	wait "$machine_pid" 2>/dev/null || :
	machine_pid=''
	exec 4>&- 5>&- 6>&- 7>&- 8>&-
	wait "$machine_tracer" || :
	machine_tracer=''
}

machine_stop() {
	machine_send 'systemctl --no-block poweroff'
	machine_gone "it was told to stop"
}

machine_reboot() {
	machine_send 'systemctl --no-block reboot'
	machine_gone "it was told to reboot"
	machine_start
}

# What the machine has not written to its disk is lost.
machine_power_cut() {
	kill -KILL "$machine_pid"
	machine_gone "its power was cut"
}

# machine_qmp COMMAND: QEMU's answer, without the events
machine_qmp() {
	local line
	printf '%s\n' "$1" >&6
	while IFS= read -r -t 60 -u 7 line; do
		case $line in
		*'"error"'*)
			printf '%s\n' "$line"
			return 1
			;;
		# The first is of the greeting's own command
		*'"return"'*)
			if [ "${machine_greeted:-}" != "$machine_pid" ]; then
				machine_greeted=$machine_pid
				continue
			fi
			printf '%s\n' "$line"
			return
			;;
		esac
	done
	machine_die "QEMU does not answer: $1"
}

machine_bdf() {
	printf '0000:%02x:00.0' $((13 + $1))
}

# machine_until LIMIT SCRIPT: run it every half second until it succeeds
machine_until() {
	machine_run "while [ \$SECONDS -lt $1 ]; do
		if ( $2
		) >/dev/null 2>&1; then exit 0; fi
		sleep 0.5
	done
	exit 1"
}

# As if by hand: the slot's attention button, and pciehp does the rest.
machine_unplug() {
	local i
	for ((i = 0; i < 60; i++)); do
		machine_qmp "{\"execute\":\"device_del\",\"arguments\":{\"id\":\"cxl$1\"}}" \
			>"$machine_dir/answer" || :
		# The guest may take its time, and a request that is under way is an error.
		machine_qmp '{"execute":"qom-list","arguments":{"path":"/machine/peripheral"}}' |
			grep -q "\"cxl$1\"" || return 0
		sleep 2
	done
	machine_die "QEMU does not unplug cxl$1: $(cat "$machine_dir/answer")"
}

machine_plug() {
	# QEMU takes the memory of a device that went for used.
	local memory i
	machine_memories=$((machine_memories + 1))
	memory=again$machine_memories
	machine_qmp "{\"execute\":\"object-add\",\"arguments\":{\"qom-type\":\"memory-backend-ram\",
\"id\":\"$memory\",\"size\":268435456}}" >/dev/null
	for ((i = 0; i < 30; i++)); do
		if machine_qmp "{\"execute\":\"device_add\",\"arguments\":{\"driver\":\"cxl-type3\",
\"id\":\"cxl$1\",\"bus\":\"port$1\",\"volatile-memdev\":\"$memory\"}}" >"$machine_dir/answer"; then
			return
		fi
		sleep 2
	done
	machine_die "QEMU does not plug cxl$1: $(cat "$machine_dir/answer")"
}

# The mark is on its way through pipes when the machine has made it.
machine_mark() {
	local i
	machine_run "machine-mark $1" || machine_die "the machine cannot mark its trace"
	for ((i = 0; i < 100; i++)); do
		! grep -qx "# mark $1" "$machine_trace" || return 0
		sleep 0.1
	done
	machine_die "the mark $1 does not come up in QEMU's trace"
}

# Writes to DVSECs between "machine_mark N" and the next mark; with N 0, before the first
machine_writes() {
	awk -v want="$1" '
	BEGIN { seen = want == 0 }
	/^# mark / { section = $3; seen = seen || section == want; next }
	section + 0 == want { print }
	END { if (!seen) print "there is no mark " want }' "$machine_trace"
}

machine_console() {
	tr -d '\r' <"$machine_log"
}

machine_end() {
	local trouble
	[ -z "$machine_pid" ] || machine_stop
	trouble=$(machine_console | grep -aE -m 5 "$TROUBLE") || :
	is "the kernel has nothing to complain of" "$trouble" ""
}
