# SPDX-License-Identifier: BSL-1.0
# Part of weir: structured concurrency for Boost.Asio.
#
# Runs the portfile in PORT_FOLDER with stand-ins for the functions that vcpkg
# offers: they take the same arguments, call CMake with the options that
# vcpkg gives it, and take the sources from WEIR. packages.py calls this.
cmake_minimum_required(VERSION 3.25)

set(PORT weir)

function(vcpkg_from_git)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "OUT_SOURCE_PATH;URL;REF" "")
  foreach(name OUT_SOURCE_PATH URL REF)
    if(NOT arg_${name})
      message(FATAL_ERROR "vcpkg_from_git: no ${name}")
    endif()
  endforeach()
  if(NOT arg_REF MATCHES "^[0-9a-f]+$")
    message(FATAL_ERROR "vcpkg_from_git: REF must be a commit, not ${arg_REF}")
  endif()
  set(${arg_OUT_SOURCE_PATH} ${WEIR} PARENT_SCOPE)
endfunction()

function(vcpkg_cmake_configure)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "SOURCE_PATH" "OPTIONS")
  execute_process(
    COMMAND ${CMAKE_COMMAND} -G Ninja -S ${arg_SOURCE_PATH} -B ${BUILD}
      -DBUILD_SHARED_LIBS=OFF
      -DCMAKE_BUILD_TYPE=
      -DCMAKE_INSTALL_BINDIR=bin
      -DCMAKE_INSTALL_LIBDIR=lib
      -DCMAKE_INSTALL_PREFIX=${CURRENT_PACKAGES_DIR}
      -DCMAKE_PROJECT_weir_INCLUDE=${UNITY}
      ${arg_OPTIONS}
    COMMAND_ERROR_IS_FATAL ANY
  )
endfunction()

function(vcpkg_cmake_install)
  execute_process(
    COMMAND ${CMAKE_COMMAND} --build ${BUILD} --target install -j1
    COMMAND_ERROR_IS_FATAL ANY
  )
endfunction()

function(vcpkg_fixup_pkgconfig)
  if(NOT EXISTS ${CURRENT_PACKAGES_DIR}/lib/pkgconfig/weir.pc)
    message(FATAL_ERROR "vcpkg_fixup_pkgconfig: nothing to mend")
  endif()
endfunction()

function(vcpkg_install_copyright)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "" "FILE_LIST")
  file(INSTALL ${arg_FILE_LIST}
    DESTINATION ${CURRENT_PACKAGES_DIR}/share/${PORT} RENAME copyright)
endfunction()

include(${PORT_FOLDER}/portfile.cmake)
