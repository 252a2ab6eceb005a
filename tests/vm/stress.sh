#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Everything at once: users, policies, resets, and devices that come and go.
# CXL_STRESS_SECONDS=N in the environment asks for it, and lets it take longer than the
# least that it has to do; RANDOM_SEED=N makes other accesses than ever.
# shellcheck source=tests/lib/host.sh
. "$(dirname -- "$0")/../lib/host.sh"

if [ -z "${CXL_STRESS_SECONDS-}" ]; then
	echo "1..0 # SKIP it takes minutes, and nobody asked for it: make test-stress"
	exit
fi
files=${trace%.trace}
rm -rf "$files".{seconds,seed,plug,progress}
printf '%d\n' "$CXL_STRESS_SECONDS" >"$files.seconds"
printf '%d\n' "${RANDOM_SEED:-1}" >"$files.seed"
mkdir "$files.plug"
sockets=$(mktemp -d)
python3 "$top/tests/lib/plug.py" "$sockets/qmp" "$files.plug" >&2 &
plugger=$!
trap 'kill $plugger 2>/dev/null || :; rm -rf "$sockets"' EXIT

# through N: the writes after mark N that are neither those that cxl-device forwards,
# byte writes of Disable_Caching and Initiate_Cache_WBI, nor the values that the test
# itself gives the host, which no user writes
through() {
	dvsec_writes "$1" | grep -v -E -e ' @0x110\.b <- 0x[0-3]$' \
		-e ' @0x10d\.b <- 0x40$' -e ' @0x1[23]0\.l <- 0xa5a5a5a5$' \
		-e ' @0x1[23]4\.l <- 0xa0000000$' | sort | uniq -c | sort -rn | head
}

forwarded() {
	dvsec_writes "$1" | grep -c ' @0x110\.b <- 0x[0-3]$'
}

guest --devices 4 --memory 2048 --qmp "$sockets/qmp" \
	--timeout $((1800 + 4 * $CXL_STRESS_SECONDS)) "$@"
is "under a policy all the time, nothing but two bits of CONTROL2 reaches the devices" \
	"$(through 1)" ""
check "they do reach them" [ "$(forwarded 1)" -gt 10 ]
is "under a policy at times, nothing else reaches the devices either" "$(through 2)" ""
check "they do reach them" [ "$(forwarded 2)" -gt 2 ]
is "nor does it with hot plug" "$(through 3)" ""
is "nor does it while the modules come and go" "$(through 4)" ""
done_testing
