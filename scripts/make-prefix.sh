#!/usr/bin/env bash
# Unpacks what a build needs into a folder, for a machine that cannot install packages:
#   scripts/make-prefix.sh FOLDER       (here; needs apt-get and network, but no root)
#   cmake --preset cuda -DCMAKE_PREFIX_PATH=FOLDER/usr       (there; scripts/gpu.sh does it)
# Compilers, CMake and the C library are those of that machine; it must be of the same Debian release
# or a later one, and of the same architecture.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

if [[ $# -ne 1 ]]; then
  echo "make-prefix.sh: got $# arguments, expected one: the folder to fill" >&2
  exit 2
fi
mkdir -p "$1"
prefix=$(cd "$1" && pwd)
if ! command -v apt-get >/dev/null; then
  echo "make-prefix.sh: there is no apt-get here" >&2
  exit 1
fi

# The libraries of the list with what they depend on, but for the tool chain and the system's own.
mapfile -t wanted < <(sed 's/#.*//; /^[[:space:]]*$/d' scripts/apt-packages.txt |
  grep -E '^(lib|nlohmann|zlib)')
mapfile -t packages < <(
  apt-cache depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks \
    --no-replaces --no-enhances "${wanted[@]}" |
    grep -E '^[a-z0-9]' | sort -u |
    grep -E '^(lib|nlohmann|zlib|googletest)' |
    grep -v -E '^(libc6|libc-|libgcc|libstdc|libcrypt|libnsl|libtirpc|libgomp|libgssapi|libkrb|libk5|libkeyutils|libcom-err)')

debs=$(mktemp -d)
trap 'rm -rf "$debs"' EXIT
(cd "$debs" && apt-get download -qq "${packages[@]}")
for deb in "$debs"/*.deb; do dpkg -x "$deb" "$prefix"; done
rm -rf "$prefix/usr/share/doc" "$prefix/usr/share/man" "$prefix/usr/share/lintian"
echo "${#packages[@]} packages in $prefix ($(du -sh "$prefix" | cut -f1)): ${packages[*]}"
