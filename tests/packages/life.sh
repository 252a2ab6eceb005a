#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The packages' life on a host that nobody looks after: boots, devices that come and go,
# links that are lost, changes, upgrades, and the end.
# shellcheck source=tests/lib/machine.sh
. "$(dirname -- "$0")/../lib/machine.sh"

machine_skip_without packages
debs=$machine_dir/debs
mkdir "$debs"
tool_deb=$(find "$top/build/deb" -name 'cxl-policy_*.deb' 2>/dev/null | sort -V | tail -n 1)
if [ -z "$tool_deb" ]; then
	printf '1..0 # SKIP no package cxl-policy in build/deb; run make deb\n'
	exit 0
fi
BDF=0000:0d:00.0
OTHER=0000:0e:00.0
# Only the policy type3-memory lets a user find that in RANGE1_BASE_HIGH
BASE=00000080
METRICS=/var/lib/prometheus/node-exporter

# variant VERSION TOOL [EXPRESSION OF SED]: the package as if of another version, with another
# build of the tool, its preinst changed
variant() {
	local dir=$machine_dir/variant
	dpkg-deb -R "$tool_deb" "$dir"
	sed -i "s/^Version: .*/Version: $1/" "$dir/DEBIAN/control"
	install -m 755 "$top/build/tests/bin/$2" "$dir/usr/sbin/cxl-policy"
	[ -z "${3-}" ] || sed -i "$3" "$dir/DEBIAN/preinst"
	dpkg-deb --root-owner-group -b "$dir" "$debs/cxl-policy_$1.deb" >/dev/null
	rm -rf "$dir"
	machine_put "$debs/cxl-policy_$1.deb" "/root/cxl-policy_$1.deb"
}

# policy [BDF]: state and policy of the device, as the tool tells them
policy() {
	machine_run "cxl-policy list --json | jq -r --arg bdf '${1-$BDF}' \
		'.[] | select(.device == \$bdf) | \"\(.state) \(.policy)\"'"
}

comes() {
	machine_until 120 "cxl-policy list --json | jq -e --arg bdf '$1' --arg policy '$2' \
		'.[] | select(.device == \$bdf and .policy == \$policy)'"
}

# What the client got at each successful open since the machine was started, each kind once
client_log() {
	machine_run 'sort -u /run/client.log 2>/dev/null'
}

client_opens() {
	machine_until 120 'test "$(wc -l </run/client.log)" -ge '"$1"
}

# A user that gets hold of the device as early as it can, and writes what no user may
cat >"$machine_dir/client" <<END
#!/bin/bash
modprobe vfio-pci
modprobe vfio_iommu_type1
device=/sys/bus/pci/devices/$BDF
while true; do
	if [ -e "\$device" ] && [ ! -e "\$device/driver" ]; then
		echo vfio-pci >"\$device/driver_override"
		echo $BDF >/sys/bus/pci/drivers_probe
	fi 2>/dev/null
	if values=\$(vfio-cfg $BDF dvsec+0x20.l dvsec+0xc.w=0x7 dvsec+0x20.l=0x12 2>&1); then
		echo "\$values" >>/run/client.log
	else
		sleep 0.2
	fi
done
END
cat >"$machine_dir/client.service" <<'END'
[Unit]
DefaultDependencies=no
After=systemd-remount-fs.service

[Service]
ExecStart=/usr/local/bin/client

[Install]
WantedBy=sysinit.target
END

# assign BDF POLICY, or nobody
assign() {
	machine_run "mkdir -p /etc/cxl-policy/devices.d
		printf 'devices:\n  - {address: \"%s\", policy: %s}\n' $1 $2 >/root/new.yaml
		mv /root/new.yaml /etc/cxl-policy/devices.d/10-test.yaml"
}

no_failure() {
	machine_until 60 'test -z "$(systemctl --failed --no-legend --plain)"'
}

# ---- the first boot ----

machine_new packages
machine_start
is "with both packages all services start" \
	"$machine_state; $(machine_run 'systemctl --failed --no-legend --plain')" "running; "
is "the packages are installed and configured" "$(machine_run \
	"dpkg-query -W -f '\${Package} \${db:Status-Status}\n' cxl-policy cxl-policy-dkms")" \
	"cxl-policy installed
cxl-policy-dkms installed"
like "DKMS has built the modules for the kernel that runs" \
	"$(machine_run 'dkms status -k "$(uname -r)"')" "*installed*"
like "modprobe takes the patched module" \
	"$(machine_run 'modinfo -F filename vfio-pci-core vfio-pci')" "*/updates/*/updates/*"
is "the manual pages are there" "$(machine_run \
	'ls /usr/share/man/man1/cxl-policy.1.gz /usr/share/man/man5/cxl-policy-format.5.gz | wc -l')" 2
is "the services are on" \
	"$(machine_run 'systemctl is-active cxl-policy.service cxl-policy.path')" "active
active"
is "but for the timer of the metrics, which is for the operator" \
	"$(machine_run 'systemctl is-active cxl-policy-metrics.timer')" inactive
machine_put "$machine_dir/client" /usr/local/bin/client
machine_put "$machine_dir/client.service" /etc/systemd/system/client.service
machine_run 'chmod 755 /usr/local/bin/client; systemctl enable -q client'
assign "$BDF" type3-memory
machine_run 'modprobe vfio-pci'
check "a device that is assigned a policy gets it" comes "$BDF" type3-memory

# ---- the next boot, with a user from its start ----

machine_mark 10
machine_reboot
is "the machine comes up with a policy assigned" "$machine_state" running
check "the early user opens the device" client_opens 3
is "from its first open on the policy was in force" "$(client_log)" "$BASE"
is "the kernel says so" "$(policy)" "enforced type3-memory"
machine_mark 11
is "nothing of the early user's writes reached the device" "$(machine_writes 10)" ""
is "a device that nothing is assigned to is read-only" "$(machine_run "
	echo vfio-pci >/sys/bus/pci/devices/$OTHER/driver_override
	echo $OTHER >/sys/bus/pci/drivers_probe
	vfio-cfg $OTHER dvsec+0x20.l=0x12 dvsec+0x20.l 2>&1 | tail -n 1")" 00000000
machine_mark 12
is "and nothing of a write reaches it" "$(machine_writes 11)" ""

# ---- a device that goes and comes ----

machine_unplug 0
check "the device that is unplugged goes, although a user keeps opening it" \
	machine_until 120 "test ! -e /sys/bus/pci/devices/$BDF"
check "the policy that ended with it waits for it to come back" comes "$BDF" type3-memory
machine_run ': >/run/client.log'
machine_plug 0
check "the user gets hold of it when it comes back" client_opens 2
is "and finds the policy in force from the first open on" "$(client_log)" "$BASE"
machine_mark 13
is "nothing reached the new device" "$(machine_writes 12)" ""

# ---- a link that is lost ----

machine_run "systemctl stop client; cxl-policy detach $BDF" >/dev/null || :
check "a policy that somebody ends by hand is put in force again" comes "$BDF" type3-memory
old=$(machine_run "cxl-policy list --json | jq --arg bdf $BDF '.[] | select(.device == \$bdf).link_id'")
machine_run "bpftool link detach id $old"
check "and so is one whose link is detached" machine_until 120 "
	cxl-policy list --json | jq -e --arg bdf $BDF --argjson old $old \
	'.[] | select(.device == \$bdf and .policy == \"type3-memory\" and .link_id != \$old)'"
machine_run 'systemctl kill -s KILL cxl-policy'
check "the service that is killed is started again" machine_until 120 \
	'test "$(systemctl show -p NRestarts --value cxl-policy)" -ge 1 &&
	systemctl is-active cxl-policy'

# ---- a change of the assignment ----

machine_run "cxl-policy attach $OTHER --policy locked" >/dev/null
assign "$BDF" cxl-device
check "a changed assignment is applied with nobody asking for it" comes "$BDF" cxl-device
assign "$BDF" no-such-policy
check "one that is not valid is told" machine_until 120 \
	'journalctl -b --no-pager | grep -q no-such-policy'
is "and changes nothing" "$(policy)" "enforced cxl-device"
assign "$BDF" type3-memory
check "and when it is put right all is well again" comes "$BDF" type3-memory
is "what was attached by hand to another device is still in force" "$(policy "$OTHER")" \
	"enforced locked"

# ---- another version, under an open device ----

# The user writes a value of its own, and reads it once a second from then on.
machine_run "systemd-run -q --unit=open sh -c 'exec vfio-cfg $BDF dvsec+0x20.l=0x5a \
	loop=3000 dvsec+0x20.l sleep=1 >/run/open.log 2>&1'"
check "a user has the device open" machine_until 120 'grep -q 0000005a /run/open.log'
version=$(dpkg-deb -f "$tool_deb" Version)

# still NAME: the user's own value is what it reads after now, and only that
still() {
	machine_run ': >/run/open.log'
	machine_until 60 'test "$(wc -l </run/open.log)" -ge 2' || :
	# The file has a hole where it was cut
	is "$1" "$(machine_run 'tr -d "\0" </run/open.log | sort -u')" 0000005a
}

# Is the program in force the one of the tool that is installed?
current() {
	machine_run "cxl-policy list --json | jq --arg bdf '$BDF' '.[] | select(.device == \$bdf).current'"
}

# What it is after an upgrade it was before
timer_stays() {
	is "$1" "$(machine_run 'systemctl is-active cxl-policy-metrics.timer
		systemctl is-enabled cxl-policy-metrics.timer')" "active
enabled"
}

machine_run "mkdir -p $METRICS && systemctl enable -q --now cxl-policy-metrics.timer"
check "the metrics are written once their timer is on" \
	machine_until 60 "test -s $METRICS/cxl-policy.prom"
check "no service has failed until then" no_failure
variant "$version+test1" cxl-policy-other-build
check "a newer version is installed under it" machine_run \
	"DEBIAN_FRONTEND=noninteractive dpkg -i /root/cxl-policy_$version+test1.deb"
is "the policy stays in force" "$(policy)" "enforced type3-memory"
is "by the program of the newer version" "$(current)" true
still "and the user keeps its registers"
is "what was attached by hand is in force as before" "$(policy "$OTHER")" "enforced locked"
timer_stays "the timer of the metrics is as active as before"
check "no service has failed by that" no_failure
machine_put "$tool_deb" /root/cxl-policy_first.deb
check "so it is with an older one" machine_run \
	"DEBIAN_FRONTEND=noninteractive dpkg -i /root/cxl-policy_first.deb"
is "the policy is in force then, too" "$(policy)" "enforced type3-memory"
is "by the program of the older one" "$(current)" true
still "and the user keeps its registers then, too"
is "and what was attached by hand is in force" "$(policy "$OTHER")" "enforced locked"
timer_stays "so is the timer of the metrics"
check "nor has a service failed" no_failure

variant "$version+test2" cxl-policy-other-abi 's/^abi=.*/abi=99/'
status=0
output=$(machine_run "dpkg -i /root/cxl-policy_$version+test2.deb") || status=$?
like "a version that can't take over from the one in force is refused, with a reason" \
	"$status $output" "[1-9]*ABI*"
is "the package is as it was" "$(machine_run \
	"dpkg-query -W -f '\${Version} \${db:Status-Status}' cxl-policy")" "$version installed"
is "and so is the policy" "$(policy)" "enforced type3-memory"
is "by the program that was there" "$(current)" true
is "nor did the service end" "$(machine_run 'systemctl is-active cxl-policy')" active
timer_stays "nor the timer of the metrics"
machine_run 'systemctl stop open' || :

# ---- an assignment that is removed ----

machine_run "echo 'devices: []' >/etc/cxl-policy/devices.d/10-test.yaml"
check "a device that loses its assignment loses its policy" machine_until 120 \
	"cxl-policy list --json | jq -e --arg bdf $BDF \
		'.[] | select(.device == \$bdf and .policy == null)'"
is "what was attached by hand stays" "$(policy "$OTHER")" "enforced locked"
check "the log says so" machine_until 60 \
	"journalctl -b --no-pager -u cxl-policy.service | grep -q '$BDF: detached type3-memory'"
assign "$BDF" type3-memory

# ---- a kernel that the module isn't built for ----

machine_run "systemctl disable -q client
	sed -i 's/^REQUIRE_HOOK=.*/REQUIRE_HOOK=yes/' /etc/default/cxl-policy"
check "the patched module is taken away" machine_run \
	"dkms uninstall -m cxl-policy -v $version -k \"\$(uname -r)\""
machine_reboot
like "a vfio-pci without the hook isn't loaded where the hook is required" \
	"$(machine_run 'modprobe vfio-pci 2>&1; echo "status $?"')" "*REQUIRE_HOOK=yes*status [1-9]*"
is "no part of it is" "$(machine_run 'ls -d /sys/module/vfio_pci* 2>/dev/null')" ""
check "the kernel's log says why" machine_run \
	"journalctl -b --no-pager | grep -q \"cxl-policy: vfio-pci-core isn't loaded\""
check "the patched module comes back" machine_run \
	"dkms install -m cxl-policy -v $version -k \"\$(uname -r)\""
check "and is loaded" machine_run 'modprobe vfio-pci'
check "then the device has its policy" comes "$BDF" type3-memory

# ---- the end ----

check "both packages can be purged" machine_run \
	'DEBIAN_FRONTEND=noninteractive apt-get -y purge cxl-policy cxl-policy-dkms'
is "no unit is left" "$(machine_run "systemctl list-units --all --state=loaded --no-legend 'cxl-policy*'
	systemctl list-unit-files --no-legend 'cxl-policy*'")" ""
is "no metrics are left" "$(machine_run "ls -A $METRICS")" ""
is "no policy is left in force" "$(machine_run 'bpftool -j map list |
	jq -r ".[] | select(.type == \"struct_ops\").name"; ls -d /sys/fs/bpf/cxl-policy 2>/dev/null')" ""
is "no module is left" "$(machine_run "dkms status 2>/dev/null | grep cxl-policy
	find /lib/modules/ -path '*/updates/*' -name '*vfio*'")" ""
is "what the operator wrote is all that is left of the files" "$(machine_run "
	find / -xdev -name '*cxl-policy*' ! -path '/root/*' ! -path '/var/log/*' ! -path '/tmp/*' \
		! -path '/var/lib/systemd/*' | sort; find /etc/cxl-policy -type f")" \
	"/etc/cxl-policy
/etc/cxl-policy/devices.d/10-test.yaml"
machine_reboot
is "the machine comes up without them" "$machine_state" running
is "with the distribution's vfio-pci" "$(machine_run "modprobe vfio-pci
	modinfo -F filename vfio-pci-core | grep -c updates
	echo vfio-pci >/sys/bus/pci/devices/$BDF/driver_override
	echo $BDF >/sys/bus/pci/drivers_probe
	ls -d /sys/bus/pci/devices/$BDF/vfio-dev/vfio*/dvsec 2>/dev/null")" 0

machine_end
done_testing
