#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# make install and make uninstall, into a folder of their own.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
# shellcheck source=tests/lib/tap.sh
. tests/lib/tap.sh

skip_all() {
	printf '1..0 # SKIP %s\n' "$1"
	exit
}
[ -x build/bin/cxl-policy ] || skip_all "build/bin/cxl-policy is missing; run make"
command -v rst2man >/dev/null || skip_all "rst2man is not installed"

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
# The make that runs this may have been told otherwise
unset MAKEFLAGS MAKEOVERRIDES MFLAGS PREFIX DESTDIR VERSION

make_it() {
	make -s --no-print-directory "$@" >"$dir/log" 2>&1 || {
		sed 's/^/# /' "$dir/log"
		return 1
	}
}

# in_root ROOT: all files, with modes
in_root() {
	(cd "$1" && find . -type f -printf '%m %P\n' | LC_ALL=C sort -k 2)
}

# sources FOLDER SUFFIX...: how many files of these kinds there are to be installed
sources() {
	local folder=$1 suffix
	shift
	for suffix; do
		find "loader/$folder" -type f \( -name "*.$suffix" -o -name "*.$suffix.in" \) \
			2>/dev/null || :
	done | wc -l
}

# installs TITLE PREFIX ROOT: all of it, and where
installs() {
	local title=$1 prefix=$2 root=$3 file found hook
	local -a variables=("DESTDIR=$root" "PREFIX=$prefix")
	if ! make_it install "${variables[@]}"; then
		not_ok "$title: it is installed"
		return
	fi
	check "$title: what modprobe runs can be run" \
		test -x "$root$prefix/libexec/cxl-policy/load-vfio-pci-core"
	for file in sbin/cxl-policy share/man/man1/cxl-policy.1 share/man/man5/cxl-policy-format.5 \
		share/cxl-policy/cxl-policy.schema.json \
		share/bash-completion/completions/cxl-policy; do
		check "$title: there is $file" test -s "$root$prefix/$file"
	done
	hook=etc/initramfs-tools/hooks/cxl-policy
	[ "$prefix" != /usr ] || hook=usr/share/initramfs-tools/hooks/cxl-policy
	is "$title: only what runs can be run" \
		"$(in_root "$root" | sed -n 's/^755 //p' | grep -v '/libexec/\|/ansible/\|/prometheus/')" \
		"$(printf '%s\n' "${prefix#/}/sbin/cxl-policy" "$hook" | LC_ALL=C sort)"
	is "$title: all units are there" \
		"$(find "$root$prefix/lib/systemd" -type f 2>/dev/null | wc -l)" \
		"$(sources systemd service path timer socket target mount)"
	is "$title: all rules of udev are there" \
		"$(find "$root$prefix/lib/udev" -name '*.rules' 2>/dev/null | wc -l)" \
		"$(sources udev rules)"
	is "$title: all of modprobe's configuration is there" \
		"$(find "$root$prefix/lib/modprobe.d" -name '*.conf' 2>/dev/null | wc -l)" \
		"$(sources modprobe conf)"
	is "$title: no variable is left in a file, nor the name of a template" \
		"$(grep -rIlE '@[a-z]+dir@' "$root" || find "$root" -name '*.in')" ''
	# Paths of the tool, wherever a file has one
	found=$(grep -rIhoE '[^[:space:]"=]*/sbin/cxl-policy' "$root$prefix/lib" 2>/dev/null |
		sed 's/^[-+!@:]*//' | sort -u || :)
	is "$title: units and rules call the tool by the path where it is" "$found" \
		"${found:+$prefix/sbin/cxl-policy}"
	like "$title: the tool tells its version" "$("$root$prefix/sbin/cxl-policy" version)" \
		"cxl-policy $(sed -n 's/^VERSION := //p' Makefile), ABI [0-9]*, libbpf *"
	check "$title: the configuration is valid" \
		"$root$prefix/sbin/cxl-policy" check "$root/etc/cxl-policy/"
}

# leaves_nothing TITLE PREFIX ROOT
leaves_nothing() {
	check "$1: it is uninstalled" make_it uninstall "DESTDIR=$3" "PREFIX=$2"
	is "$1: no file stays" "$(in_root "$3")" ''
	is "$1: no folder of its own stays" "$(find "$3" -name 'cxl-policy*')" ''
}

for prefix in /usr/local /usr /opt/cxl; do
	root=$dir/root${prefix//\//-}
	installs "$prefix" "$prefix" "$root"
	leaves_nothing "$prefix" "$prefix" "$root"
done

root=$dir/own
installs "again" /usr/local "$root"
before=$(in_root "$root")
printf '# mine\n' >>"$root/etc/cxl-policy/devices.yaml"
check "again: it is installed twice" make_it install "DESTDIR=$root"
is "again: what the operator wrote stays" "$(tail -n 1 "$root/etc/cxl-policy/devices.yaml")" \
	'# mine'
is "again: the same files are there" "$(in_root "$root")" "$before"
touch "$root/usr/local/sbin/other" "$root/usr/local/share/cxl-policy/other"
check "again: it is uninstalled" make_it uninstall "DESTDIR=$root"
is "again: what is not its own stays" "$(in_root "$root")" \
	"$(printf '644 %s\n' etc/cxl-policy/devices.yaml usr/local/sbin/other \
		usr/local/share/cxl-policy/other)"
root=$dir/folders
check "folders can be named" make_it install "DESTDIR=$root" unitdir=/u udevdir=/d modprobedir=/m \
	sysconfdir=/c sbindir=/s mandir=/h completionsdir=/b
is "folders that are named have the files" "$(in_root "$root" | sed 's,^[0-9]* ,,; s,/.*,,' |
	sort -u | grep -v '^[udm]$' | tr '\n' ' ')" 'b c h s usr '

done_testing
