#!/usr/bin/env bash
# Prints the folder of cuobjdump. Some installations of nvcc come without it; then it is unpacked from
# NVIDIA's packages on PyPI into build/cuda-tools. Prints nothing where it cannot be had.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

if found=$(command -v cuobjdump); then
  dirname "$found"
  exit 0
fi
tools=$PWD/build/cuda-tools
if [[ ! -x $tools/cuobjdump ]]; then
  scratch=$(mktemp -d)
  trap 'rm -rf "$scratch"' EXIT
  # cuobjdump asks the nvdisasm that lies beside it for instructions.
  python3 -m pip download --quiet --no-deps --dest "$scratch" nvidia-cuda-cuobjdump nvidia-cuda-nvdisasm >&2 || exit 0
  for wheel in "$scratch"/*.whl; do python3 -m zipfile --extract "$wheel" "$scratch"; done
  mkdir -p "$tools"
  for tool in nvdisasm cuobjdump; do
    install -m 755 "$(find "$scratch" -type f -path "*/bin/$tool")" "$tools/$tool"
  done
fi
echo "$tools"
