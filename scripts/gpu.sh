#!/usr/bin/env bash
# Builds the CUDA backend and runs what needs a GPU. Nothing is downloaded.
#   scripts/gpu.sh                        with the packages that are installed
#   scripts/gpu.sh --prefix FOLDER        with those that scripts/make-prefix.sh unpacked into FOLDER
#   scripts/gpu.sh [--prefix FOLDER] STAGE...   some of: build test bench sanitize (without: all)
# test: the tests on the GPU. bench: convolutions, and training steps beside PyTorch where python3 has it,
# in tf32 and bf16, to bench/results/GPU-DATE.json. sanitize: the tests again under compute-sanitizer,
# where that is installed, which takes minutes.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

options=()
if [[ ${1-} == --prefix ]]; then
  if [[ ! -d ${2-}/usr ]]; then
    echo "gpu.sh: --prefix '${2-}': expected a folder that scripts/make-prefix.sh made" >&2
    exit 2
  fi
  prefix=$(cd "$2" && pwd)
  shift 2
  options+=(-DCMAKE_PREFIX_PATH="$prefix/usr" -DPIXELGRAD_STB_INCLUDE_DIR="$prefix/usr/include")
  export LD_LIBRARY_PATH=$prefix/usr/lib/$(gcc -print-multiarch)${LD_LIBRARY_PATH+:$LD_LIBRARY_PATH}
fi

if ! command -v nvidia-smi >/dev/null || ! nvidia-smi -L | grep -q GPU; then
  echo "gpu.sh: there is no GPU here (nvidia-smi -L lists none)" >&2
  exit 1
fi
gpu() { nvidia-smi --query-gpu="$1" --format=csv,noheader | head -1; }
echo "$(gpu name), driver $(gpu driver_version), $(gpu memory.total), compute capability $(gpu compute_cap)"

stage_build() {
  cmake --preset cuda --log-level=NOTICE -DCMAKE_CUDA_ARCHITECTURES="$(gpu compute_cap | tr -d .)" "${options[@]}"
  cmake --build --preset cuda -j "$jobs" --target pixelgrad_program tests_cuda bench_conv bench_step
}
stage_test() { ctest --preset cuda -R '^cuda\.' --no-tests=error -j 4; }
stage_sanitize() {
  if ! command -v compute-sanitizer >/dev/null; then
    echo "no compute-sanitizer here"
    return
  fi
  for tool in memcheck racecheck; do
    for name in ops training step_graph conv2d memory; do
      compute-sanitizer --tool "$tool" --error-exitcode 1 "build/cuda/tests/cuda/device_${name}_test" --gtest_brief=1
    done
  done
}
stage_bench() {
  local scratch file
  scratch=$(mktemp -d)
  for precision in f32 tf32 bf16; do
    # A measurement that was disturbed says so, and exits with 1; what it measured is kept.
    build/cuda/bench/bench_conv --device cuda --precision $precision --json "$scratch/conv-$precision.json" || true
    for model in unet-w64 deeplabv3-resnet50; do
      build/cuda/bench/bench_step --device cuda --precision $precision --model $model --batch 8 --size 512 --json \
        | tee "$scratch/step-$model-$precision.json" || true
      build/cuda/bench/bench_step --device cuda --precision $precision --model $model --batch 8 --size 512 --cuda-graph off --json \
        | tee "$scratch/step-$model-$precision-kernels.json" || true
    done
  done
  if python3 -c 'import torch, torchvision' 2>/dev/null; then
    for precision in tf32 bf16; do
      python3 bench/compare_torch.py --device cuda --precision $precision --batch 8 --size 512 --modes train \
        --models unet-w64 deeplabv3-resnet50 --program build/cuda/bench/bench_step --out "$scratch/torch-$precision.json" || true
    done
  else
    echo "python3 has no torch and torchvision: no comparison"
  fi
  file=bench/results/$(gpu name | tr 'A-Z ' 'a-z_')-$(date -u +%F).json
  # One object, with each file under its name.
  {
    printf '{'
    local comma='' name
    for name in "$scratch"/*.json; do
      printf '%s\n"%s": ' "$comma" "$(basename "$name" .json)"
      cat "$name"
      comma=,
    done
    printf '}\n'
  } > "$scratch/all"
  cp "$scratch/all" "$file"
  rm -r "$scratch"
  echo "wrote $file"
}

stages=("$@")
[[ $# -gt 0 ]] || stages=(build test bench sanitize)
for stage in "${stages[@]}"; do
  if ! declare -F "stage_$stage" >/dev/null; then
    echo "gpu.sh: unknown stage '$stage'; expected some of: build test bench sanitize" >&2
    exit 2
  fi
done
for stage in "${stages[@]}"; do
  echo "=== $stage"
  "stage_$stage"
done
