# cmake -DROOT=... -DHEADER=tensor/tensor.h -DOUTPUT=... -DPUBLIC_HEADERS=list.txt -P ExportHeader.cmake
#
# Writes ROOT/HEADER to OUTPUT with #include "tensor/x.h" turned into #include <pixelgrad/tensor/x.h>.
# Fails on an include that consumers could not follow: a header that is not public.
cmake_minimum_required(VERSION 3.25)
file(READ ${ROOT}/${HEADER} text)
file(STRINGS ${PUBLIC_HEADERS} public)
file(STRINGS ${ROOT}/${HEADER} includes REGEX "^[ \t]*#[ \t]*include[ \t]*\"")
foreach(line IN LISTS includes)
  string(REGEX REPLACE "^[^\"]*\"([^\"]*)\".*" "\\1" included "${line}")
  if(NOT included IN_LIST public)
    message(FATAL_ERROR "${HEADER} is public and includes \"${included}\", which is not: list it in "
                        "pixelgrad_headers() of its folder's CMakeLists.txt, or do not include it")
  endif()
endforeach()
string(REGEX REPLACE "(^|\n)([ \t]*#[ \t]*include[ \t]*)\"([^\"\n]*)\"" "\\1\\2<pixelgrad/\\3>" text "${text}")
file(WRITE ${OUTPUT} "${text}")
