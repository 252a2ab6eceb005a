#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What systemd, udev and modprobe are told to do, as far as they can judge it where it
# isn't installed.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
# shellcheck source=tests/lib/tap.sh
. tests/lib/tap.sh

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
mkdir -p "$dir/sbin" "$dir/libexec" "$dir/units" "$dir/etc/devices.d"

# made FILE: as it is installed, with folders of our own for programs
made() {
	sed "s|@sbindir@|$dir/sbin|g; s|@libexecdir@|$dir/libexec|g" "$1"
}

# program NAME STATUS: tells what it was called with
program() {
	printf '#!/bin/sh\necho "%s $*" >>%s/calls\nexit %d\n' "$1" "$dir" "$2" >"$dir/sbin/$1"
	chmod 755 "$dir/sbin/$1"
}

# ---- units ----

program cxl-policy 0
for file in loader/systemd/*; do
	name=${file##*/}
	made "$file" >"$dir/units/${name%.in}"
done
for unit in cxl-policy.service cxl-policy-apply.service cxl-policy.path \
	cxl-policy@0000:0d:00.0.service cxl-policy-metrics.service cxl-policy-metrics.timer; do
	if command -v systemd-analyze >/dev/null; then
		is "systemd has no complaint of $unit" \
			"$(SYSTEMD_UNIT_PATH="$dir/units:" systemd-analyze --man=no verify "$dir/units/$unit" 2>&1 |
				grep -e "$dir" -e cxl-policy || :)" ""
	else
		skip "systemd has no complaint of $unit" "systemd-analyze is not installed"
	fi
done
is "an address is the name of an instance as it is" \
	"$(systemd-escape --template=cxl-policy@.service 0000:0d:00.0 2>/dev/null || echo cxl-policy@0000:0d:00.0.service)" \
	"cxl-policy@0000:0d:00.0.service"
is "where something had to be changed, a unit hasn't failed" \
	"$(grep -lx SuccessExitStatus=8 loader/systemd/*.in | xargs -n 1 basename | xargs)" \
	"cxl-policy-apply.service.in cxl-policy@.service.in"
is "what is attached by hand is no unit's to detach" \
	"$(grep -hE '^ExecStart=.*/cxl-policy (apply|watch)' loader/systemd/*.in |
		grep -c -v -e ' --keep-others\( \|$\)' || :)" 0
is "no unit is for a container" \
	"$(grep -Lx 'ConditionVirtualization=!container' loader/systemd/*)" ""
is "what applies once begins where vfio-pci-core is loaded" \
	"$(grep -lx ConditionPathExists=/sys/module/vfio_pci_core loader/systemd/*.in |
		xargs -n 1 basename | xargs)" \
	"cxl-policy-apply.service.in cxl-policy@.service.in"
is "nothing but the paths of programs is to be filled in" \
	"$(cat loader/systemd/* loader/udev/*.in loader/modprobe/*.in loader/initramfs/*.in |
		grep -o '@[a-z_]*@' | sort -u | xargs)" \
	"@libexecdir@ @sbindir@"

# ---- modprobe ----

# here: with the folders that stand for those of the host
here() {
	sed "s|/sbin/mod|$dir/sbin/mod|g; s|/etc/cxl-policy|$dir/etc|g
		s|/etc/default/cxl-policy|$dir/default|g; s|/sys/module|$dir/sys|g; s|/dev/kmsg|$dir/kmsg|g"
}

# load: run what modprobe would run
load() {
	local status=0
	: >"$dir/calls"
	sh -c "$(made loader/modprobe/cxl-policy.conf.in | here | sed -n 's/^install vfio_pci_core //p' |
		sed "s|\$CMDLINE_OPTS|dvsec_raw=0|")" >"$dir/out" 2>&1 || status=$?
	printf '%d %s' "$status" "$(cat "$dir/calls" "$dir/out" | paste -s -d ' ')"
}

made loader/modprobe/load-vfio-pci-core.in | here >"$dir/libexec/load-vfio-pci-core"
chmod 755 "$dir/libexec/load-vfio-pci-core"
loaded="modprobe --ignore-install vfio_pci_core dvsec_raw=0"
program modprobe 0
is "where nothing is assigned, the module is loaded" "$(load)" "0 $loaded"
echo 'devices: []' >"$dir/etc/devices.d/10.yaml"
is "where something is, it is applied after that" "$(load)" "0 $loaded cxl-policy apply"
program cxl-policy 8
is "that something was changed is no failure" "$(load)" "0 $loaded cxl-policy apply"
program cxl-policy 7
is "what fails is told, and the module is loaded all the same" "$(load)" \
	"0 $loaded cxl-policy apply cxl-policy: not all that is assigned is in force yet"
program modprobe 3
is "a module that can't be loaded is a failure, and nothing is applied" "$(load)" "3 $loaded"
program modprobe 0
rm "$dir/sbin/cxl-policy"
is "without the program the module is loaded" "$(load)" "0 $loaded"

# modinfo TELLS [LICENSE]: of the parameters that the module has
modinfo() {
	printf '#!/bin/sh\ncase $2 in parm) echo "%s" ;; license) echo "%s" ;; esac\n' \
		"$1" "${2-GPL v2}" >"$dir/sbin/modinfo"
	chmod 755 "$dir/sbin/modinfo"
}

# requires VALUE
requires() {
	printf '# a comment\nREQUIRE_HOOK=%s\n' "$1" >"$dir/default"
}

program cxl-policy 0
modinfo "dvsec_raw:let users write (bool)"
mkdir -p "$dir/sys/vfio_pci_core/parameters"
for value in yes true whatever; do
	requires "$value"
	: >"$dir/sys/vfio_pci_core/parameters/dvsec_raw"
	is "with REQUIRE_HOOK=$value, a module that has the hook is loaded" "$(load)" \
		"0 $loaded cxl-policy apply"
	rm "$dir/sys/vfio_pci_core/parameters/dvsec_raw"
	like "one that hasn't is unloaded again, and nothing is applied" "$(load)" \
		"1 $loaded modprobe -r vfio_pci_core cxl-policy: vfio-pci-core isn't loaded:*REQUIRE_HOOK=$value *"
done
modinfo "other:something (int)"
rm -f "$dir/kmsg"
like "one that tells that it hasn't isn't loaded at all" "$(load)" \
	"1 cxl-policy: vfio-pci-core isn't loaded:*"
like "the kernel's log says so" "$(cat "$dir/kmsg")" "cxl-policy: vfio-pci-core isn't loaded*"
modinfo ""
like "nor is one that has no parameter" "$(load)" "1 cxl-policy: vfio-pci-core isn't loaded:*"
modinfo "" ""
: >"$dir/sys/vfio_pci_core/parameters/dvsec_raw"
is "one that can't be read is judged once it is loaded" "$(load)" "0 $loaded cxl-policy apply"
rm "$dir/sys/vfio_pci_core/parameters/dvsec_raw"
like "whatever it is" "$(load)" "1 $loaded modprobe -r vfio_pci_core cxl-policy: vfio-pci-core isn't*"
for value in no No 0 false "" "no # yes"; do
	requires "$value"
	is "with REQUIRE_HOOK=$value it is" "$(load)" "0 $loaded cxl-policy apply"
done
rm "$dir/default"
is "and so it is without the file" "$(load)" "0 $loaded cxl-policy apply"
printf '(' >"$dir/default"
like "with a file that can't be read as it is meant, nothing is loaded" "$(load)" "2 *"
rm "$dir/default" "$dir/libexec/load-vfio-pci-core"
is "where modprobe's configuration is all that there is, the module is loaded" "$(load)" "0 $loaded"
is "the file that comes with it insists on nothing" \
	"$(sh -c '. loader/etc/default/cxl-policy; echo "$REQUIRE_HOOK"')" no
if command -v modprobe >/dev/null || [ -x /sbin/modprobe ]; then
	made loader/modprobe/cxl-policy.conf.in >"$dir/cxl-policy.conf"
	is "modprobe reads it as it is meant" \
		"$(PATH=$PATH:/sbin modprobe -C "$dir/cxl-policy.conf" --showconfig 2>&1 | grep '^install')" \
		"$(grep '^install' "$dir/cxl-policy.conf")"
else
	skip "modprobe reads it as it is meant" "modprobe is not installed"
fi

# ---- udev ----

made loader/udev/60-cxl-policy.rules.in >"$dir/60-cxl-policy.rules"
if udevadm verify --help >/dev/null 2>&1; then
	check "udev has no complaint of its rules" udevadm verify "$dir/60-cxl-policy.rules"
else
	skip "udev has no complaint of its rules" "this udevadm has no verify"
fi
done_testing
