#!/usr/bin/env bash
# Builds the CUDA backend and runs what needs a GPU: the tests on it, and again under
# compute-sanitizer where that is installed. Nothing is downloaded.
#   scripts/gpu.sh           with the packages that are installed
#   scripts/gpu.sh FOLDER    with those that scripts/make-prefix.sh unpacked into FOLDER
# PIXELGRAD_GPU_SANITIZE=0 leaves compute-sanitizer out, which takes minutes.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

if ! command -v nvidia-smi >/dev/null || ! nvidia-smi -L | grep -q GPU; then
  echo "gpu.sh: there is no GPU here (nvidia-smi -L lists none)" >&2
  exit 1
fi
nvidia-smi --query-gpu=name,driver_version,memory.total,compute_cap --format=csv,noheader
capability=$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader | head -1 | tr -d .)

options=(-DCMAKE_CUDA_ARCHITECTURES="$capability")
if [[ $# -gt 0 ]]; then
  prefix=$(cd "$1" && pwd)
  options+=(-DCMAKE_PREFIX_PATH="$prefix/usr" -DPIXELGRAD_STB_INCLUDE_DIR="$prefix/usr/include")
  export LD_LIBRARY_PATH=$prefix/usr/lib/$(gcc -print-multiarch)${LD_LIBRARY_PATH+:$LD_LIBRARY_PATH}
fi
cmake --preset cuda --log-level=NOTICE "${options[@]}"
cmake --build --preset cuda -j "$jobs" --target pixelgrad_program tests_cuda
ctest --preset cuda -R '^cuda\.' --no-tests=error -j 4

if [[ ${PIXELGRAD_GPU_SANITIZE-1} != 0 ]] && command -v compute-sanitizer >/dev/null; then
  for tool in memcheck racecheck; do
    for program in build/cuda/tests/cuda/*_test; do
      [[ $program == */cuda_emulator_test ]] && continue
      compute-sanitizer --tool "$tool" --error-exitcode 1 "$program" --gtest_brief=1
    done
  done
fi
