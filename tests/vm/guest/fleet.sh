# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
# A host of the fleet: it does what comes in the shared folder, which has the name $1 on
# the other side too, until there is a file "stop".
mkdir -p "${1%/*}"
ln -s /share "$1"
: >/share/up
while ! [ -e /share/stop ]; do
	for request in /share/requests/*.sh; do
		[ -e "$request" ] || continue
		name=${request%.sh}
		mv "$request" "$name.run"
		{
			status=0
			sh "$name.run" >"$name.out" 2>"$name.err" </dev/null || status=$?
			echo "$status" >"$name.new"
			mv "$name.new" "$name.status"
		} &
	done
	sleep 0.1
done
