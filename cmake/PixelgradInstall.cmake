# Install rules: the static library, the exported headers and a relocatable CMake package. The
# component keeps the library apart from the program, so that either can be installed alone.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(component pixelgrad_development)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/pixelgrad)

install(TARGETS pixelgrad EXPORT pixelgradTargets
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT ${component})
install(EXPORT pixelgradTargets NAMESPACE pixelgrad:: DESTINATION ${package_dir} COMPONENT ${component})

get_property(headers GLOBAL PROPERTY PIXELGRAD_PUBLIC_HEADERS)
foreach(header IN ITEMS pixelgrad.h LISTS headers)
  cmake_path(GET header PARENT_PATH folder)
  install(FILES ${PIXELGRAD_EXPORT_DIR}/pixelgrad/${header}
          DESTINATION include/pixelgrad/${folder} COMPONENT ${component})
endforeach()

configure_package_config_file(cmake/pixelgradConfig.cmake.in ${PROJECT_BINARY_DIR}/pixelgradConfig.cmake
                              INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/pixelgradConfigVersion.cmake
                                 COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/pixelgradConfig.cmake ${PROJECT_BINARY_DIR}/pixelgradConfigVersion.cmake
        DESTINATION ${package_dir} COMPONENT ${component})
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT ${component})
