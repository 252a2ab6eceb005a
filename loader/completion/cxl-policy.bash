# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# Completion for cxl-policy. Source it, or put it into
# /usr/share/bash-completion/completions/ as cxl-policy. It knows no command by itself:
# those there are, their options and arguments come from "cxl-policy help --json".

# What an argument of a usage line can be, such as BDF or default or NAME
_cxl_policy_candidates() {
	local kind=$1 cur=$2 program=$3 json rest device_re='"device":"([^"]*)"'
	case $kind in
	BDF)
		json=$("$program" list --json 2>/dev/null)
		rest=$json
		while [[ $rest =~ $device_re ]]; do
			printf '%s\n' "${BASH_REMATCH[1]}"
			rest=${rest#*"${BASH_REMATCH[0]}"}
		done
		# For want of rights, or of a device that the list takes for one of CXL
		if [ "$rest" = "$json" ]; then
			for rest in /sys/bus/pci/devices/*; do
				[ ! -e "$rest" ] || printf '%s\n' "${rest##*/}"
			done
		fi
		;;
	NAME | POLICY) printf '%s\n' "${policies[@]}" ;;
	# Two things of whatever kind, to be compared
	A | B)
		for rest in BDF default NAME FILE; do
			_cxl_policy_candidates "$rest" "$cur" "$program"
		done
		;;
	COMMAND) printf '%s\n' "${commands[@]}" ;;
	*DIR*) compgen -d -- "$cur" ;;
	*FILE* | *PATH*) compgen -f -- "$cur" ;;
	[a-z]*) printf '%s\n' "$kind" ;;
	esac
}

# The kinds of argument number $1 in the usage line $2, after the words in before[]
_cxl_policy_kinds() {
	local -i number=$1 i
	local rest="$2 | " line word optional='\[--[^]]*\]' option='--[a-z-]+( [A-Z][A-Z|]*)?'
	local -a patterns
	while [ -n "$rest" ]; do
		line=${rest%%' | '*}
		rest=${rest#*' | '}
		# What is left without options are the command and its arguments
		while [[ $line =~ $optional || $line =~ $option ]]; do
			line=${line/"${BASH_REMATCH[0]}"/}
		done
		line=${line//[\[\]]/}
		read -ra patterns <<<"$line"
		for ((i = 0; i < number; i++)); do
			word=${patterns[i + 1]-}
			case $word in
			[a-z]*) [[ "|$word|" = *"|${before[i]}|"* || $word = *[A-Z]* ]] || continue 2 ;;
			esac
		done
		word=${patterns[number + 1]-}
		# The last argument may be there more than once
		if [ -z "$word" ] && [[ ${patterns[*]: -1} = *... ]]; then
			word=${patterns[*]: -1}
		fi
		printf '%s\n' "${word%...}" | tr '|' '\n'
	done
}

_cxl_policy() {
	local program=${1:-cxl-policy} line=${COMP_LINE:0:COMP_POINT} cur='' json rest word
	local verb='' usage=''
	local prefix='' pending=''
	local -a words before=() commands=() policies=() common=() kinds=() candidates=() found=()
	local -A usages=() options=()
	local -i i
	local command_re='\{"name":"([^"]*)","usage":"([^"]*)","options":\[([^]]*)\]'
	local rest_re='"options":\[([^]]*)\],"policies":\[([^]]*)\]'

	COMPREPLY=()
	json=$("$program" help --json 2>/dev/null) || return 0
	rest=$json
	while [[ $rest =~ $command_re ]]; do
		commands+=("${BASH_REMATCH[1]}")
		usages[${BASH_REMATCH[1]}]=${BASH_REMATCH[2]}
		options[${BASH_REMATCH[1]}]=${BASH_REMATCH[3]//[\",]/ }
		rest=${rest#*"${BASH_REMATCH[0]}"}
	done
	[[ $rest =~ $rest_re ]] || return 0
	read -ra common <<<"${BASH_REMATCH[1]//[\",]/ }"
	read -ra policies <<<"${BASH_REMATCH[2]//[\",]/ }"

	# Not COMP_WORDS, which is cut at colons, as addresses have them
	read -ra words <<<"$line"
	if [[ $line != *[[:space:]] ]]; then
		cur=${words[${#words[@]} - 1]}
		unset "words[${#words[@]}-1]"
	fi

	for ((i = 1; i < ${#words[@]}; i++)); do
		word=${words[i]}
		if [ -n "$pending" ]; then
			pending=''
		elif [[ $word = -* ]]; then
			# Does it want a value?
			[[ $usage =~ $word' '([A-Z][A-Z|]*) ]] && pending=${BASH_REMATCH[1]}
		elif [ -z "$verb" ]; then
			found=()
			for verb in "${commands[@]}"; do
				if [ "$verb" = "$word" ]; then
					found=("$verb")
					break
				fi
				[[ $verb != "$word"* ]] || found+=("$verb")
			done
			[ "${#found[@]}" -eq 1 ] || return 0
			verb=${found[0]}
			usage=${usages[$verb]}
		else
			before+=("$word")
		fi
	done

	if [ -n "$pending" ]; then
		IFS='|' read -ra kinds <<<"$pending"
	elif [[ $cur =~ ^(--[a-z-]+=)(.*)$ ]]; then
		prefix=${BASH_REMATCH[1]}
		cur=${BASH_REMATCH[2]}
		[[ $usage =~ ${prefix%=}' '([A-Z][A-Z|]*) ]] || return 0
		IFS='|' read -ra kinds <<<"${BASH_REMATCH[1]}"
	elif [[ $cur = -* ]]; then
		kinds=("${common[@]}")
		# shellcheck disable=SC2206 # words
		[ -z "$verb" ] || kinds+=(${options[$verb]})
		mapfile -t COMPREPLY < <(compgen -W "${kinds[*]}" -- "$cur")
		return 0
	elif [ -z "$verb" ]; then
		kinds=(COMMAND)
	else
		mapfile -t kinds < <(_cxl_policy_kinds "${#before[@]}" "$usage")
	fi

	for word in "${kinds[@]}"; do
		mapfile -t -O "${#candidates[@]}" candidates < <(_cxl_policy_candidates "$word" "$cur" "$program")
		# Only where bash itself completes
		[[ $word != *FILE* && $word != *DIR* ]] || compopt -o filenames 2>/dev/null
	done
	for word in "${candidates[@]}"; do
		[[ $word != "$cur"* ]] || COMPREPLY+=("$word")
	done

	# What bash takes for the word begins after the last of these
	[[ $COMP_WORDBREAKS = *=* ]] || COMPREPLY=("${COMPREPLY[@]/#/$prefix}")
	if [[ $COMP_WORDBREAKS = *:* && $cur = *:* ]]; then
		COMPREPLY=("${COMPREPLY[@]#"${cur%:*}:"}")
	fi
	return 0
}

complete -F _cxl_policy cxl-policy
