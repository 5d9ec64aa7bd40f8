# The exported header tree. Inside the project headers are included by their path in the tree,
# "tensor/tensor.h"; consumers write <pixelgrad/tensor/tensor.h>. The build copies each public header
# to ${PROJECT_BINARY_DIR}/include/pixelgrad with its includes rewritten, and that one tree serves
# add_subdirectory, FetchContent and the installed package alike.

set(PIXELGRAD_EXPORT_DIR ${PROJECT_BINARY_DIR}/include)

# pixelgrad_headers(FILES...): headers of the current folder that consumers may include.
function(pixelgrad_headers)
  foreach(header IN LISTS ARGN)
    cmake_path(RELATIVE_PATH CMAKE_CURRENT_SOURCE_DIR BASE_DIRECTORY ${PROJECT_SOURCE_DIR} OUTPUT_VARIABLE folder)
    set_property(GLOBAL APPEND PROPERTY PIXELGRAD_PUBLIC_HEADERS ${folder}/${header})
  endforeach()
endfunction()

# Called once, when every folder has listed its headers.
function(pixelgrad_export_headers target)
  get_property(headers GLOBAL PROPERTY PIXELGRAD_PUBLIC_HEADERS)
  set(list_file ${PROJECT_BINARY_DIR}/public_headers.txt)
  string(REPLACE ";" "\n" lines "${headers}")
  file(CONFIGURE OUTPUT ${list_file} CONTENT "${lines}\n" @ONLY)

  set(script ${PROJECT_SOURCE_DIR}/cmake/ExportHeader.cmake)
  set(exported)
  set(umbrella "")
  foreach(header IN LISTS headers)
    set(output ${PIXELGRAD_EXPORT_DIR}/pixelgrad/${header})
    add_custom_command(
      OUTPUT ${output}
      COMMAND ${CMAKE_COMMAND} -DROOT=${PROJECT_SOURCE_DIR} -DHEADER=${header} -DOUTPUT=${output}
              -DPUBLIC_HEADERS=${list_file} -P ${script}
      DEPENDS ${PROJECT_SOURCE_DIR}/${header} ${script} ${list_file}
      COMMENT "Exporting pixelgrad/${header}"
      VERBATIM)
    list(APPEND exported ${output})
    # Kernels are the inside of ops: exported where a public header needs one, but not offered.
    if(NOT header MATCHES "/kernels/")
      string(APPEND umbrella "#include <pixelgrad/${header}>\n")
    endif()
  endforeach()
  file(CONFIGURE OUTPUT ${PIXELGRAD_EXPORT_DIR}/pixelgrad/pixelgrad.h CONTENT
"#pragma once
// Every public header of pixelgrad ${PROJECT_VERSION}.
${umbrella}" @ONLY)

  add_custom_target(pixelgrad_exported_headers DEPENDS ${exported})
  add_dependencies(${target} pixelgrad_exported_headers)
  target_include_directories(${target} INTERFACE
    $<BUILD_INTERFACE:${PIXELGRAD_EXPORT_DIR}> $<INSTALL_INTERFACE:include>)
endfunction()
