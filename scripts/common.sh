# Sourced by the other scripts: strict mode, the root of the tree as working folder, a compiler cache
# where there is one, and as many jobs as cores.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
jobs=$(nproc 2>/dev/null || echo 2)
if command -v ccache >/dev/null; then
  export CMAKE_CXX_COMPILER_LAUNCHER=${CMAKE_CXX_COMPILER_LAUNCHER-ccache}
  export CMAKE_CUDA_COMPILER_LAUNCHER=${CMAKE_CUDA_COMPILER_LAUNCHER-ccache}
  # What it takes to cache what was compiled with a precompiled header.
  export CCACHE_SLOPPINESS=${CCACHE_SLOPPINESS-pch_defines,time_macros}
fi

# build PRESET [TARGETS...]: configures and builds; quiet about what went well.
build() {
  local preset=$1
  shift
  cmake --preset "$preset" --log-level=NOTICE
  cmake --build --preset "$preset" -j "$jobs" ${1+--target "$@"}
}
