#!/usr/bin/env bash
# Runs clang-tidy over the library, the program and the tests, or over the files that are named.
#   scripts/tidy.sh [FILES...]
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
if ! command -v clang-tidy-14 >/dev/null; then
  echo "tidy.sh: clang-tidy-14 is not installed; scripts/setup.sh --dev installs it" >&2
  exit 1
fi
build release pixelgrad_exported_headers
if [[ $# -gt 0 ]]; then
  files=("$@")
else
  mapfile -t files < <(git ls-files '*.cpp' ':!tests/consumers')
fi
printf '%s\0' "${files[@]}" | xargs -0 -n 1 -P "$jobs" clang-tidy-14 --quiet -p build/release
