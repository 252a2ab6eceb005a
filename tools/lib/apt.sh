# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# The machine's own sources of packages, to take further suites from the same archive.

# One "suite uri component source-entry" a line for every source of packages.
sources() {
	# shellcheck disable=SC2016 # apt-get's own variables
	apt-get indextargets --format '$(RELEASE) $(REPO_URI) $(COMPONENT) $(SOURCESENTRY)' \
		'Created-By: Packages' | sort -u
}

# The value of Signed-By in the entry FILE:NUMBER, in either format of apt's sources.
signed_by() {
	local file=${1%:*} number=${1##*:}
	case $file in
	*.sources)
		# A value of several lines is a key itself, each line indented.
		awk -v wanted="$number" '
		BEGIN { stanza = 1 }
		/^[[:space:]]*$/ { if (seen) stanza++; seen = 0; inside = 0; next }
		/^#/ { next }
		{ seen = 1 }
		stanza != wanted { next }
		/^[^[:space:]]/ { inside = tolower($1) == "signed-by:" }
		inside { if (sub(/^[^[:space:]:]*:[[:space:]]*/, "")) print; else print }
		' "$file"
		;;
	*)
		sed -n "${number}s/.*[[ ]signed-by=\([^] ]*\).*/\1/p" "$file"
		;;
	esac
}

# Print an entry of apt's sources for these suites, from the archive that this machine
# takes the release $1 from; fail if there is none.
archive_entry() {
	local codename=$1 uri='' components='' entry='' release this_uri component this_entry key
	shift
	while read -r release this_uri component this_entry; do
		case $release in
		"$codename" | stable | oldstable | oldoldstable) ;;
		*) continue ;;
		esac
		[ -z "$uri" ] || [ "$uri" = "$this_uri" ] || continue
		uri=$this_uri
		entry=$this_entry
		components+="${components:+ }$component"
	done < <(sources | awk '$3 == "main"'; sources | awk '$3 != "main"')
	[ -n "$uri" ] || return
	components=$(tr ' ' '\n' <<<"$components" | awk '!seen[$0]++' | tr '\n' ' ')
	key=$(signed_by "$entry")
	printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: %s\n' \
		"$uri" "$*" "${components% }"
	[ -z "$key" ] || printf 'Signed-By: %s\n' "$key"
}
