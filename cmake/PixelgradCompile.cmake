# Compile options that every target of the project shares. GCC 12 reports -Wrestrict on std::string
# concatenation where nothing overlaps (GCC bug 105329), and notes that GCC 4.6 passed wide vectors
# otherwise, for functions that no other compiler will ever call (-Wpsabi).
function(pixelgrad_compile_options target)
  target_compile_features(${target} PUBLIC cxx_std_20)
  set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF POSITION_INDEPENDENT_CODE ON)
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR})
  set(warnings -Wall -Wextra -Wno-restrict -Wno-psabi $<$<BOOL:${PIXELGRAD_WERROR}>:-Werror>)
  target_compile_options(${target} PRIVATE
    $<$<COMPILE_LANGUAGE:CXX>:${warnings}> $<$<COMPILE_LANGUAGE:CUDA>:-Xcompiler=-Wall,-Wextra>)
  if(PIXELGRAD_SANITIZE)
    list(JOIN PIXELGRAD_SANITIZE "," sanitizers)
    target_compile_options(${target} PUBLIC -fsanitize=${sanitizers} -fno-sanitize-recover=all
                                            -fno-omit-frame-pointer)
    # Instrumented code confuses the analysis: GCC 12 finds std::regex and std::function uninitialised.
    target_compile_options(${target} PRIVATE -Wno-maybe-uninitialized)
    target_link_options(${target} PUBLIC -fsanitize=${sanitizers})
  endif()
endfunction()

# Limits Highway's run-time dispatch to AVX2, AVX-512 (Highway's AVX3), NEON and the compiler's
# baseline: one binary is fast on each machine, and no kernel is compiled for a target between these.
# Every source of one library must see the same set, so it is defined here and nowhere else.
# Sanitizer builds do without AVX-512: kernels are what compiles longest there, and all targets are
# one source that differs in the number of lanes.
function(pixelgrad_highway_targets target)
  set(disabled HWY_SSSE3 HWY_SSE4 HWY_AVX3_DL HWY_SVE HWY_SVE2 HWY_SVE_256 HWY_SVE2_128)
  if(PIXELGRAD_SANITIZE)
    list(APPEND disabled HWY_AVX3)
  endif()
  list(JOIN disabled "|" disabled)
  target_compile_definitions(${target} PRIVATE "HWY_DISABLED_TARGETS=(${disabled})")
endfunction()
