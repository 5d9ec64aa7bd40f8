#!/usr/bin/env bash
# Holds the sources to .clang-format.
#   scripts/format.sh          says what is not formatted, and fails then
#   scripts/format.sh fix      formats in place
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

# Versions of clang-format differ in what they make of the same style, so the version is fixed.
formatter=clang-format-14
if ! command -v $formatter >/dev/null; then
  echo "format.sh: $formatter is not installed; scripts/setup.sh --dev installs it" >&2
  exit 1
fi
mapfile -t files < <(git ls-files '*.h' '*.cpp' '*.cu' '*.cuh')
case "${1-check}" in
  check) $formatter --dry-run --Werror "${files[@]}" ;;
  fix) $formatter -i "${files[@]}" ;;
  *) echo "format.sh: unknown argument '$1'; expected check or fix" >&2; exit 2 ;;
esac
