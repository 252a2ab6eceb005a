# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
# For what runs in the test machine (busybox): guests of a real VMM, QEMU, which
# have a device of the machine by vfio-pci, and what is done in them.

VMM=/tmp/vmm
# The device, as the guest knows it
# shellcheck disable=SC2034 # for the tests
IN=0000:01:00.0

vmm_setup() {
	mkdir -p "$VMM"
	cp -a /share/build/guest/root/. /
	cp /share/build/guest/vmlinuz /share/build/guest/initrd "$VMM"
}

# vmm_start NAME BDF [OPTION OF QEMU]...: boot a guest that has the device, on the
# board $VMM_BOARD, behind the port that is called rp among the options
vmm_start() {
	vmm_name=$1 vmm_bdf=$2
	shift 2
	[ -e "$VMM/vmlinuz" ] || vmm_setup
	rm -rf "${VMM:?}/$vmm_name"
	mkdir -p "$VMM/$vmm_name/host"
	: >"$VMM/$vmm_name/host/boots"
	echo 0 >"$VMM/$vmm_name/last"
	mkfifo "$VMM/$vmm_name/line.in" "$VMM/$vmm_name/line.out"
	qemu-system-x86_64 -name "$vmm_name" -nodefaults -no-user-config -display none \
		-machine "q35,sata=off,smbus=off,i8042=off,vmport=off${VMM_BOARD:+,$VMM_BOARD}" \
		-global ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off -accel tcg,tb-size=64 -cpu qemu64 -m 128 \
		-kernel "$VMM/vmlinuz" -initrd "$VMM/initrd" \
		-append "console=ttyS0 quiet loglevel=4 panic=-1 no_timer_check tsc=reliable ${VMM_APPEND-}" \
		-serial "file:$VMM/$vmm_name/console" -serial "pipe:$VMM/$vmm_name/line" \
		-fsdev "local,id=host,path=$VMM/$vmm_name/host,security_model=none" \
		-device virtio-9p-pci,bus=pcie.0,fsdev=host,mount_tag=host \
		"$@" \
		-device "vfio-pci,host=$vmm_bdf,bus=rp" \
		>"$VMM/$vmm_name/log" 2>&1 </dev/null &
	echo $! >"$VMM/$vmm_name/pid"
}

# vmm_events: how many the device $BDF has sent, with those that were lost
vmm_events() {
	cxl-policy stats "$BDF" --json | jq '.[0] | .events + .events_lost'
}

# A PCI Express port, as libvirt gives one to each device
vmm_plain() {
	vmm_start "$@" -device pcie-root-port,bus=pcie.0,id=rp,chassis=1,slot=1,addr=4
}

# One that ended is there until its parent asks for it, which may be another shell
vmm_alive() {
	read -r vmm_pid <"$VMM/$1/pid" &&
		grep -q '^State:[[:space:]]*[^ZX]' "/proc/$vmm_pid/status" 2>/dev/null
}

# vmm_up NAME [TIMES]: wait until the guest has booted so many times
vmm_up() {
	tries=0
	until [ "$(wc -l <"$VMM/$1/host/boots")" -ge "${2:-1}" ]; do
		tries=$((tries + 1))
		if [ "$tries" -gt 600 ] || ! vmm_alive "$1"; then
			note "the guest $1 does not come up: $(cat "$VMM/$1/log")"
			note "$(tail -n 30 "$VMM/$1/console")"
			return 1
		fi
		sleep 1
	done
}

# vmm_begin NAME: let the guest run the script on standard input, as job "$(vmm_job NAME)"
vmm_begin() {
	read -r vmm_n <"$VMM/$1/last"
	vmm_n=$((vmm_n + 1))
	echo "$vmm_n" >"$VMM/$1/last"
	cat >"$VMM/$1/host/$vmm_n.sh"
	# A pipe that nobody reads from would be waited for
	! vmm_alive "$1" || echo "$vmm_n" >"$VMM/$1/line.in"
}

# vmm_job NAME: what it began last
vmm_job() {
	echo "$VMM/$1/host/$(cat "$VMM/$1/last")"
}

# vmm_end NAME JOB: wait for its end; its output, and its status
vmm_end() {
	tries=0
	until [ -e "$2.status" ]; do
		tries=$((tries + 1))
		if [ "$tries" -gt 1000 ] || ! vmm_alive "$1"; then
			echo "the guest $1 does not end: $(cat "$2.sh")"
			tail -n 5 "$VMM/$1/console" "$VMM/$1/log"
			return 1
		fi
		sleep 0.3
	done
	cat "$2.out"
	return "$(cat "$2.status")"
}

# vmm_script NAME: the script on standard input, in the guest
vmm_script() {
	vmm_begin "$1"
	vmm_end "$1" "$(vmm_job "$1")"
}

# vmm_run NAME COMMAND...: in the guest, by its shell
vmm_run() {
	vmm_run_name=$1
	shift
	echo "$*" | vmm_script "$vmm_run_name"
}

# vmm_kill NAME [SIGNAL]
vmm_kill() {
	kill "-${2:-KILL}" "$(cat "$VMM/$1/pid")"
	tries=0
	while vmm_alive "$1" && [ "$tries" -lt 100 ]; do
		tries=$((tries + 1))
		sleep 0.1
	done
	wait "$(cat "$VMM/$1/pid")" 2>/dev/null || :
}

# A CXL port below a CXL host bridge, with a window for CXL memory: where the device is
# that a guest finds at 0000:0d:00.0
vmm_cxl() {
	VMM_BOARD="cxl=on,cxl-fmw.0.targets.0=cxl.1,cxl-fmw.0.size=4G"
	vmm_start "$@" -device pxb-cxl,bus_nr=12,bus=pcie.0,id=cxl.1 \
		-device cxl-rp,port=0,bus=cxl.1,id=rp,chassis=0,slot=2
	VMM_BOARD=''
}
