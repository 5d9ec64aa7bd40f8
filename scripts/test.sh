#!/usr/bin/env bash
# Installs what is missing, builds the release preset and runs every test. Arguments go to ctest:
#   scripts/test.sh -R conv2d
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
scripts/setup.sh
build release
ctest --preset release -j "$jobs" "$@"
