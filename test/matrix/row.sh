#!/usr/bin/env bash
# SPDX-License-Identifier: BSL-1.0
# Part of weir: structured concurrency for Boost.Asio.
#
# usage: row.sh WHAT SOURCE FOLDER JOBS
#
# One row of ./dev matrix, on the system where it runs: the library, then with
# WHAT suites the unit suites, with consumer the programs of a user's. CXX,
# CXXFLAGS, CXX_STD (c++20) and OPTIONS (of Meson) are from the environment.
# Prints for matrix.py: `version: PART TEXT` and `check: NAME PASSED FAILED`.
set -uo pipefail

what=$1 source=$2 folder=$3 jobs=$4
export CXX
flags="${CXXFLAGS:-} -std=$CXX_STD"
export CCACHE_DIR=${CCACHE_DIR:-$folder/../ccache}
unset CXXFLAGS
mkdir -p "$folder"

# Meson's options as flags of the compiler.
options=()
read -ra options <<<"${OPTIONS:-}"
compile=()
read -ra compile <<<"$CXX $flags -O1"
for option in "${options[@]}"; do
  case $option in
  -Db_lto=true) compile+=(-flto) ;;
  esac
done

# On a line of its own, whatever the program before left on the last one.
check() { printf '\ncheck: %s %s %s\n' "$1" "$2" "$3"; }

# try NAME COMMAND...: one check.
try() {
  local name=$1
  shift
  if "$@"; then
    check "$name" 1 0
  else
    check "$name" 0 1
    return 1
  fi
}

ask_preprocessor() {
  printf '#include <version>\n#include <boost/version.hpp>\n%s\n' "$1" |
    "${compile[@]}" -E -P -x c++ - 2>/dev/null | tail -n 1 | tr -d '" '
}

versions() {
  echo "version: compiler $($CXX --version | head -n 1)"
  echo "version: boost $(ask_preprocessor BOOST_LIB_VERSION | tr _ .)"
  local libcxx
  libcxx=$(ask_preprocessor _LIBCPP_VERSION)
  if [[ $libcxx == _LIBCPP_VERSION ]]; then
    echo "version: library libstdc++ $(ask_preprocessor _GLIBCXX_RELEASE)"
  else
    echo "version: library libc++ $libcxx"
  fi
}

configure() {
  [[ -f $folder/build.ninja ]] && return
  # Meson 1.0 knows no C++23 of g++ 12. The flags come last, and take effect.
  CXXFLAGS="$flags" meson setup "$folder" "$source" \
    --wrap-mode=nodownload -Doptimization=1 -Ddebug=false \
    -Dcpp_std=c++20 -Ddefault_library=static \
    -Dexamples=disabled -Dperf=disabled "${options[@]}" "$@"
}

# Each suite runs in a separate process, so that a suite that crashes or hangs
# counts as one failure.
suites() {
  local suite passed=0 failed=0
  try library ninja -C "$folder" -j "$jobs" lib/libweir.a || return
  try headers ninja -C "$folder" -j "$jobs" test/headers/header-check
  try unit ninja -C "$folder" -j "$jobs" test/weir-test || return
  for suite in $("$folder/test/weir-test" --list_content 2>&1 |
    sed -n 's/^\([a-z_]*\)\*$/\1/p'); do
    if timeout 600 "$folder/test/weir-test" --run_test="$suite"; then
      ((++passed))
    else
      ((++failed))
      echo "failed: $suite"
    fi
  done
  check suites "$passed" "$((failed + (passed == 0)))"
}

# program NAME FILE: a user's program, linked with what is installed, and run.
program() {
  local warnings=(-Wall -Wextra)
  # As in test/headers/meson.build.
  [[ $1 == anonymous_types ]] && warnings+=(-Wno-subobject-linkage)
  "${compile[@]}" "${warnings[@]}" -I"$folder/prefix/include" "$2" \
    -o "$folder/$1" "$folder/prefix/lib/libweir.a" -pthread &&
    timeout 120 "$folder/$1"
}

# The suites of the code that depends on Asio's own scheduler, in one file.
driver_suites() {
  local unity=$folder/driver_suites.cpp name
  for name in "$source"/test/testing/*.cpp; do
    echo "#include \"$name\""
  done >"$unity"
  "${compile[@]}" -Wno-subobject-linkage -DBOOST_TEST_DYN_LINK \
    -I"$source/test" -I"$source/include" -I"$source/lib" \
    "$unity" "$source/test/support/main.cpp" "$source/test/support/crash.cpp" \
    -o "$folder/driver_suites" \
    "$folder/prefix/lib/libweir.a" -lboost_unit_test_framework -pthread &&
    timeout 300 "$folder/driver_suites"
}

consumers() {
  try library ninja -C "$folder" -j "$jobs" || return
  meson install -C "$folder" --no-rebuild --quiet || return
  try main_templates program main_templates "$source/test/headers/main_templates.cpp"
  try anonymous_types program anonymous_types \
    "$source/test/headers/anonymous_types_included.cpp"
  # Boost.Test is compiled, with libstdc++ and with types at run time.
  [[ $flags == *-stdlib=libc++* || $flags == *-fno-rtti* ]] ||
    try driver_suites driver_suites
}

versions
case $what in
suites)
  if configure -Dtests=enabled; then suites; else check configure 0 1; fi
  ;;
consumer)
  if configure -Dtests=disabled --prefix="$folder/prefix" --libdir=lib; then
    consumers
  else
    check configure 0 1
  fi
  ;;
*)
  echo "row.sh: unknown: $what" >&2
  exit 2
  ;;
esac
