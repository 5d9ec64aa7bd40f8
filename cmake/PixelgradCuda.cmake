# The CUDA backend: PIXELGRAD_CUDA is OFF; ON, with nvcc, for GPUs; or EMULATED, which compiles the
# same .cu files as C++ against the cuda_runtime.h of tests/cuda_emulator, so that the kernels can be
# tested on a CPU, under sanitizers.

if(PIXELGRAD_CUDA AND NOT PIXELGRAD_CUDA STREQUAL "EMULATED")
  # Not "native": the machine that builds need not have a GPU.
  if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
    set(CMAKE_CUDA_ARCHITECTURES 75 80 90)
  endif()
  enable_language(CUDA)
  find_package(CUDAToolkit REQUIRED)
endif()

# pixelgrad_cuda_sources(TARGET FILES...): .cu files and what belongs to them, in the current folder.
function(pixelgrad_cuda_sources target)
  if(NOT PIXELGRAD_CUDA)
    return()
  endif()
  target_sources(${target} PRIVATE ${ARGN})
  target_compile_definitions(${target} PUBLIC PIXELGRAD_CUDA)
  if(PIXELGRAD_CUDA STREQUAL "EMULATED")
    set(kernels ${ARGN})
    list(FILTER kernels INCLUDE REGEX "\\.cu$")
    set_source_files_properties(${kernels} TARGET_DIRECTORY ${target}
                                PROPERTIES LANGUAGE CXX COMPILE_OPTIONS "-x;c++")
    target_compile_definitions(${target} PUBLIC PIXELGRAD_CUDA_EMULATED)
  else()
    # CMake 3.25 does not pass CUDA_STANDARD 20 on. Formulas that both backends share are constexpr.
    target_compile_options(${target} PRIVATE
      $<$<COMPILE_LANGUAGE:CUDA>:-std=c++20 --expt-relaxed-constexpr>)
  endif()
  pixelgrad_link_cuda(${target})
endfunction()

# pixelgrad_link_cuda(TARGET): lets a target's own C++ call the CUDA runtime and cuBLAS.
function(pixelgrad_link_cuda target)
  if(PIXELGRAD_CUDA STREQUAL "EMULATED")
    target_link_libraries(${target} PRIVATE pixelgrad_cuda_emulator)
  else()
    target_link_libraries(${target} PRIVATE CUDA::cudart_static CUDA::cublas)
  endif()
endfunction()
