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

# The series of the distribution's kernel that has what is needed
readonly DEBIAN_SERIES=6.12

# What apt is to be asked with, for other sources of packages than the machine's
apt_options=()

# Print "source-version release image-package" of the newest kernel that has
# its source, headers and image at one and the same version.
find_kernel() {
	local arch source_version headers images
	arch=$(dpkg --print-architecture)
	headers=$(apt-cache "${apt_options[@]}" search --names-only \
		"^linux-headers-${DEBIAN_SERIES//./\\.}\\.[^-]*-$arch\$" | awk '{ print $1 }')
	images=$(apt-cache "${apt_options[@]}" search --names-only \
		"^linux-image-${DEBIAN_SERIES//./\\.}\\.[^-]*-$arch(-unsigned)?\$" |
		awk '{ print $1 }')
	[ -n "$headers" ] && [ -n "$images" ] || return 0
	apt-cache "${apt_options[@]}" madison "linux-source-$DEBIAN_SERIES" |
		awk '{ print $3 }' | sort -u | sort_versions | while read -r source_version; do
		# shellcheck disable=SC2086 # lists of package names
		apt-cache "${apt_options[@]}" madison $headers $images | awk -v version="$source_version" \
			-v arch="$arch" -v source="$source_version" '
			$3 != version { next }
			{ have[$1] = 1 }
			END {
				for (name in have) {
					if (name !~ /^linux-headers-/)
						continue
					release = substr(name, length("linux-headers-") + 1)
					image = "linux-image-" release
					if (!(image in have))
						image = image "-unsigned"
					if (image in have)
						print source, release, image
				}
			}' | sort -rV | sed -n 1p
	done | sed -n 1p
}

# Newest first by the first word, in the package manager's order ("~" sorts before nothing).
sort_versions() {
	local -a in=() out=()
	local v i
	mapfile -t in
	for v in "${in[@]}"; do
		for ((i = 0; i < ${#out[@]}; i++)); do
			dpkg --compare-versions "${v%% *}" gt "${out[i]%% *}" && break
		done
		out=("${out[@]:0:i}" "$v" "${out[@]:i}")
	done
	printf '%s\n' "${out[@]}"
}
