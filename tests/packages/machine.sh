#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The machine that the packages are tested in is what those tests take it for.
# shellcheck source=tests/lib/machine.sh
. "$(dirname -- "$0")/../lib/machine.sh"

machine_skip_without debian
machine_new debian
machine_start

is "systemd has started all that it should" \
	"$machine_state; $(machine_run 'systemctl --failed --no-legend --plain')" "running; "
is "udev is at work" "$(machine_run 'systemctl is-active systemd-udevd; udevadm control --ping;
	echo $?')" "active
0"
is "the CXL devices are there, and no driver takes them" "$(machine_run '
	for device in /sys/bus/pci/devices/*; do
		case $(cat $device/class) in
		0x0502*) echo "${device##*/}$(readlink $device/driver)" ;;
		esac
	done')" "0000:0d:00.0
0000:0e:00.0"
is "each CXL device has an IOMMU group of its own" "$(machine_run '
	readlink /sys/bus/pci/devices/0000:0[de]:00.0/iommu_group | sort -u | wc -l')" 2

status=0
output=$(machine_run 'echo out; echo err >&2; printf "no end of line"; exit 7') || status=$?
is "a command's output and exit status come through" "$status $output" "7 out
err
no end of line"
big=$(machine_run 'head -c 300000 /dev/zero | tr "\0" x' | wc -c)
is "long output comes through" "$big" 300000
machine_put "$top/tests/lib/machine.sh" /root/copy
is "a file comes into the machine as it is" "$(machine_run 'sha256sum </root/copy')" \
	"$(sha256sum <"$top/tests/lib/machine.sh")"
is "DKMS finds the headers of the kernel that runs" "$(machine_run '
	test -e /lib/modules/$(uname -r)/build/Makefile; echo $?')" 0

machine_mark 1
machine_run 'setpci -s 0d:00.0 10c.w=0006; setpci -s 0e:00.0 114.b=00'
machine_mark 2
is "QEMU's trace has what reaches the DVSECs, and of which device" "$(machine_writes 1)" \
	"0d:00.0 @0x10c.w <- 0x6
0e:00.0 @0x114.b <- 0x0"
is "nothing is written to the DVSECs while the machine boots" "$(machine_writes 0)" ""

machine_run 'mkdir -p /run/seen; systemd-run -q --unit=seen sh -c \
	"exec udevadm monitor --udev --subsystem-match=pci >/run/seen/log"'
machine_unplug 0
check "a device that is unplugged goes" machine_until 60 'test ! -e /sys/bus/pci/devices/0000:0d:00.0'
machine_plug 0
check "a device that is plugged in again comes" machine_until 60 \
	'test -e /sys/bus/pci/devices/0000:0d:00.0'
check "udev is told of both" machine_until 60 \
	'grep -q "remove.*0000:0d:00.0 " /run/seen/log && grep -q "add.*0000:0d:00.0 " /run/seen/log'

# Nothing is written back by and by
machine_run 'sysctl -q vm.dirty_writeback_centisecs=0 vm.dirty_expire_centisecs=360000
	echo "some words" >/root/kept; sync; echo 1 >/root/lost'
machine_power_cut
machine_start
is "after a power cut the disk has what was written to it, and no more" \
	"$(machine_run 'cat /root/kept; cat /root/lost 2>/dev/null')" "some words"
is "the machine comes up from a power cut as from any other start" "$machine_state" running

machine_run 'mkdir -p /etc/initramfs-tools/scripts/init-top
	printf "%s\n" "#!/bin/sh" "echo here >/run/from-initramfs" \
		>/etc/initramfs-tools/scripts/init-top/test
	chmod +x /etc/initramfs-tools/scripts/init-top/test
	update-initramfs -u' >/dev/null
machine_reboot
is "files outlast a restart" "$(machine_run 'cat /root/kept')" "some words"
is "the machine starts with the initramfs that it made itself" \
	"$(machine_run 'cat /run/from-initramfs')" here
note "$(machine_run 'systemd-analyze' | head -n 1)"

machine_end
done_testing
