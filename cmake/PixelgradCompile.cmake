# Compile options that every target of the project shares. GCC 12 reports -Wrestrict on std::string
# concatenation where nothing overlaps (GCC bug 105329).
function(pixelgrad_compile_options target)
  target_compile_features(${target} PUBLIC cxx_std_20)
  set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF POSITION_INDEPENDENT_CODE ON)
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR})
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wno-restrict $<$<BOOL:${PIXELGRAD_WERROR}>:-Werror>)
  if(PIXELGRAD_SANITIZE)
    list(JOIN PIXELGRAD_SANITIZE "," sanitizers)
    target_compile_options(${target} PUBLIC -fsanitize=${sanitizers} -fno-sanitize-recover=all
                                            -fno-omit-frame-pointer)
    target_link_options(${target} PUBLIC -fsanitize=${sanitizers})
  endif()
endfunction()
