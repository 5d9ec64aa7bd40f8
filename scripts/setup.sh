#!/usr/bin/env bash
# Installs the Debian packages that a build needs and that are not there yet.
#   scripts/setup.sh          what building and testing needs (scripts/apt-packages.txt)
#   scripts/setup.sh --dev    the formatter and the linter as well (scripts/apt-packages-dev.txt)
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

lists=(scripts/apt-packages.txt)
case "${1-}" in
  "") ;;
  --dev) lists+=(scripts/apt-packages-dev.txt) ;;
  *) echo "setup.sh: unknown argument '$1'; expected nothing or --dev" >&2; exit 2 ;;
esac
mapfile -t packages < <(sed 's/#.*//; /^[[:space:]]*$/d' "${lists[@]}")

if ! command -v apt-get >/dev/null; then
  echo "setup.sh: there is no apt-get here; if the build stops, install what these are called on your system:" >&2
  echo "  ${packages[*]}" >&2
  exit 0
fi

missing=()
for package in "${packages[@]}"; do
  status=$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null || true)
  [[ $status == installed ]] || missing+=("$package")
done
[[ ${#missing[@]} -gt 0 ]] || exit 0

echo "setup.sh: installing ${missing[*]}"
root=()
if [[ $(id -u) -ne 0 ]]; then
  if ! command -v sudo >/dev/null; then
    echo "setup.sh: not root, and there is no sudo; run as root: apt-get install ${missing[*]}" >&2
    exit 1
  fi
  root=(sudo)
fi
"${root[@]}" apt-get update -qq
"${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
