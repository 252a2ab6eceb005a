#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Run the fuzz targets: without arguments for a fixed number of inputs and with a
# fixed seed, as a test that speaks TAP; else for so long, or so many inputs, each.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."

targets=(assign differential policy state)
# Of the test; an input of the first one is some hundred accesses
declare -A runs=([assign]=20000 [differential]=3000 [policy]=20000 [state]=20000)

# What a target begins with: the shipped policies, assignments, a saved state, or some long series
# of choices.
prepare() {
	local target=$1 corpus=$2 file seed part hex
	if [ "$target" = policy ]; then
		for file in loader/policies/*.yaml; do
			sed '/^ *#/d' "$file" >"$corpus/${file##*/}"
		done
		return
	fi
	if [ "$target" = assign ]; then
		printf 'devices:\n  - %s\n  - %s\n  - %s\n  - %s\n' \
			'{address: "0000:0d:00.0", policy: none}' '{id: "8086:0d93", policy: a}' \
			'{class: "0502", policy: a}' '{class: "050210", policy: b}' >"$corpus/assign.yaml"
		return
	fi
	if [ "$target" = state ]; then
		printf '{"format":"cxl-policy-shadow","version":1,"abi":1,"vendor":"0x8086",%s%s%s%s' \
			'"device_id":"0x0d93","revision":"0x01","subsystem_vendor":"0x1af4",' \
			'"subsystem_id":"0x1100","dvsecs":[{"vendor":"0x1e98","id":0,"offset":256,' \
			'"revision":3,"length":60,"dwords":[{"offset":12,"value":"0x00000004",' \
			'"valid":"0x00005ffd"}]}]}' >"$corpus/state.json"
		return
	fi
	for seed in {1..32}; do
		hex=$(for part in {1..24}; do sha512sum <<<"$seed $part"; done | tr -cd '0-9a-f')
		printf '%b' "$(sed 's/../\\x&/g' <<<"$hex")" >"$corpus/seed-$seed"
	done
}

# libFuzzer tells all on standard error.
fuzz() {
	local target=$1 options=(-artifact_prefix="build/fuzz/$1-" -timeout=20 -max_len=4096)
	shift
	if [ -e "tests/fuzz/$target.dict" ]; then
		options+=(-dict="tests/fuzz/$target.dict")
	fi
	"build/tests/fuzz/$target" "${options[@]}" "$@"
}

usage() {
	printf 'usage: tests/fuzz.sh [-t SECONDS | -r RUNS] [%s]...\n' "${targets[*]}"
}

limit=()
while getopts ht:r: option; do
	case $option in
	t) limit=(-max_total_time="$OPTARG") ;;
	r) limit=(-runs="$OPTARG") ;;
	h) usage && exit ;;
	*) usage >&2 && exit 2 ;;
	esac
done
shift $((OPTIND - 1))
[ $# -eq 0 ] || targets=("$@")

if [ "${#limit[@]}" -gt 0 ]; then
	if [[ ! ${limit[0]} =~ =[1-9][0-9]*$ ]]; then
		usage >&2
		exit 2
	fi
	for target in "${targets[@]}"; do
		if [ ! -x "build/tests/fuzz/$target" ]; then
			printf 'tests/fuzz.sh: build/tests/fuzz/%s is missing; is libclang-rt-dev?\n' \
				"$target" >&2
			exit 1
		fi
		mkdir -p "build/fuzz/$target"
		prepare "$target" "build/fuzz/$target"
		printf -- '---- %s, %s ----\n' "$target" "${limit[0]#-}"
		fuzz "$target" "${limit[@]}" -print_final_stats=1 "build/fuzz/$target" 2>&1
	done
	exit
fi

printf '1..%d\n' "${#targets[@]}"
number=0
failed=0
for target in "${targets[@]}"; do
	number=$((number + 1))
	title="$target stands ${runs[$target]} inputs"
	if [ ! -x "build/tests/fuzz/$target" ]; then
		printf 'ok %d - %s # SKIP clang has no libFuzzer\n' "$number" "$title"
		continue
	fi
	# A corpus of its own, so that each run is the same.
	corpus=$(mktemp -d)
	prepare "$target" "$corpus"
	log=build/tests/logs/fuzz-$target.txt
	mkdir -p "${log%/*}"
	mkdir -p build/fuzz
	if fuzz "$target" -runs="${runs[$target]}" -seed=1 "$corpus" >"$log" 2>&1; then
		printf 'ok %d - %s\n' "$number" "$title"
		grep '^# compared ' "$log" || :
	else
		printf 'not ok %d - %s\n' "$number" "$title"
		tail -n 60 "$log" | sed 's/^/# /'
		failed=1
	fi
	rm -rf "$corpus"
done
exit "$failed"
