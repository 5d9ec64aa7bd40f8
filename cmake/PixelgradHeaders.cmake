# The exported header tree. Inside the project headers are included by their path in the tree,
# "tensor/tensor.h"; consumers write <pixelgrad/tensor/tensor.h>. The build copies each public header
# to ${PROJECT_BINARY_DIR}/include/pixelgrad with its includes rewritten, and that one tree serves
# add_subdirectory, FetchContent and the installed package alike.

set(PIXELGRAD_EXPORT_DIR ${PROJECT_BINARY_DIR}/include)

# pixelgrad_headers(FILES... [PRIVATE FILES...]): the headers of the current folder. Consumers may
# include those before PRIVATE. A test fails on a header that is not listed at all; *internal.h
# and the insides of tensor/ (kernels, cpu, cuda) are private where nothing else is said.
function(pixelgrad_headers)
  cmake_parse_arguments(PARSE_ARGV 0 H "" "" "PRIVATE")
  cmake_path(RELATIVE_PATH CMAKE_CURRENT_SOURCE_DIR BASE_DIRECTORY ${PROJECT_SOURCE_DIR} OUTPUT_VARIABLE folder)
  list(TRANSFORM H_UNPARSED_ARGUMENTS PREPEND ${folder}/)
  list(TRANSFORM H_PRIVATE PREPEND ${folder}/)
  set_property(GLOBAL APPEND PROPERTY PIXELGRAD_PUBLIC_HEADERS ${H_UNPARSED_ARGUMENTS})
  set_property(GLOBAL APPEND PROPERTY PIXELGRAD_PRIVATE_HEADERS ${H_PRIVATE})
endfunction()

# Writes the headers of one access to a file, one a line, where it changes.
function(pixelgrad_write_header_list access file)
  get_property(headers GLOBAL PROPERTY PIXELGRAD_${access}_HEADERS)
  list(JOIN headers "\n" lines)
  file(CONFIGURE OUTPUT ${file} CONTENT "${lines}\n" @ONLY)
endfunction()

# Called once, when every folder has listed its headers.
function(pixelgrad_export_headers target)
  get_property(headers GLOBAL PROPERTY PIXELGRAD_PUBLIC_HEADERS)
  set(list_file ${PROJECT_BINARY_DIR}/public_headers.txt)
  pixelgrad_write_header_list(PUBLIC ${list_file})
  pixelgrad_write_header_list(PRIVATE ${PROJECT_BINARY_DIR}/private_headers.txt)

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
    # Kernels are the inside of ops: exported where a public header needs one, but not offered. What
    # needs GoogleTest is included by name, by those who have it.
    if(NOT header MATCHES "/kernels/|_gtest\\.h$")
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
