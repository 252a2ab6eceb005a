# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
# For tests/vm/guest/*.sh with devices of the module cxl_mock, see tests/mock.

MOCK=/sys/kernel/debug/cxl_mock/0
# shellcheck disable=SC2034 # for the tests
{
BDF=1000:01:00.0
PORT=1000:00:00.0
}

# mock WORD...: plug in a device that is so, see mock_image, and bind it to vfio-pci
mock() {
	if ! [ -e "$MOCK" ]; then
		insmod /lib/vm/test/cxl_mock.ko || return
	fi
	cp /share/build/tests/bin/mock_image /usr/local/bin/
	echo 0 >"$MOCK/plugged"
	mock_image "$MOCK" "$@" && echo 1 >"$MOCK/plugged" && vm-bind "$BDF"
}

# become WORD...: the device there is so from now on
become() {
	mock_image "$MOCK" "$@"
	mock_forget
}

# mock_set OFFSET BYTE...: what the device has there from now on, with no write to it
mock_set() {
	mock_offset=$(($1))
	shift
	for mock_byte; do
		# shellcheck disable=SC2059 # a byte as an escape sequence
		printf "\\$(printf %03o "$((mock_byte))")"
	done | dd of="$MOCK/endpoint/${MOCK_FILE:-image}" bs=1 seek="$mock_offset" conv=notrunc 2>/dev/null
}

# mock_has OFFSET SIZE: what the device has there, with no read of it
mock_has() {
	od -A n -v -t "x$2" -j "$(($1))" -N "$2" "$MOCK/endpoint/image" | tr -d ' '
}

# mock_forget: empty the records of what reached the device
mock_forget() {
	echo >"$MOCK/endpoint/writes"
	echo >"$MOCK/endpoint/reads"
}

# mock_got FIRST LAST [writes|reads]: what reached these bytes, on one line
mock_got() {
	awk -v first="$1" -v last="$2" -v size=0 '
	function number(s,   i, n) {
		sub(/^0x/, "", s)
		for (i = 1; i <= length(s); i++)
			n = n * 16 + index("0123456789abcdef", substr(s, i, 1)) - 1
		return n
	}
	BEGIN { first = number(first); last = number(last) }
	/^@/ {
		split(substr($1, 2), at, ".")
		pos = number(at[1])
		size = at[2] == "b" ? 1 : at[2] == "w" ? 2 : 4
		if (pos <= last && pos + size > first)
			print
		next
	}
	{ print }' "$MOCK/endpoint/${3:-writes}" | xargs
}
