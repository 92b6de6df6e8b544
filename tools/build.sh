# SPDX-License-Identifier: BSL-1.0
# Part of weir: structured concurrency for Boost.Asio.
#
# How the build folders are configured and compiled, and how a program that was
# built is run.

# configure NAME OPTION...: configures the build folder NAME with the compiler
# CXX. A folder that was configured in another way is wiped first.
configure() {
  local dir=$builds/$1 compiler=${CXX:-g++}
  shift
  # CXX may hold arguments.
  command -v "${compiler%% *}" >/dev/null ||
    die "no compiler '${compiler%% *}'; install it, or set CXX to one you have"
  { mkdir -p "$dir" && [[ -w $dir ]]; } 2>/dev/null ||
    die "cannot write to $dir; set WEIR_BUILD_DIR to a folder you can write to"

  local want="$root $compiler $*" fresh=()
  if [[ -f $dir/build.ninja ]]; then
    [[ $(cat "$dir/.configured" 2>/dev/null) == "$want" ]] && return
    fresh=(--wipe)
  fi
  CXX=$compiler meson setup "${fresh[@]}" "$dir" "$root" \
    --wrap-mode=nodownload "$@" ||
    die "could not configure $dir; the reason is above"
  printf '%s\n' "$want" >"$dir/.configured"
}

compile() {
  meson compile -C "$builds/$1" "${@:2}" ||
    die "could not build $builds/$1; the reason is above"
}

# Static, so that tests reach what the shared library hides, and benchmarks
# measure the library and not the dynamic linker. -O1 and line numbers only,
# because that halves the time to compile.
configure_debug() {
  setup
  configure debug -Doptimization=1 -Ddebug=true -Dcpp_args=-g1 \
    -Ddefault_library=static \
    -Dtests=enabled -Dexamples=enabled -Dperf=enabled
}

# configure_release NAME OPTION...: with link-time optimisation, so that the
# division into files does not change what is measured; the peers get the same.
configure_release() {
  configure "$1" --buildtype=release -Db_lto=true -Ddefault_library=static \
    -Dtests=disabled -Dperf=enabled "${@:2}"
}

# build_release TARGET...: builds the targets and what they need.
build_release() {
  setup
  configure_release release -Dexamples=enabled
  compile release "$@"
}

# configure_sanitizer KIND. -O1 is what the sanitizers ask for; test options and
# longer timeouts are set in test/meson.build.
configure_sanitizer() {
  local compiler=clang++-19 checks=address,undefined
  case $1 in
  tsan) checks=thread ;;
  asan-16) compiler=clang++-16 ;;
  asan-gcc) compiler=g++ ;;
  esac
  [[ $compiler == g++ ]] ||
    need "clang-${compiler##*-}" "libclang-rt-${compiler##*-}-dev"
  # CXX chooses the compiler of the other builds, not of these.
  CXX=$compiler configure "$1" -Db_sanitize="$checks" -Doptimization=1 \
    -Ddebug=true -Dcpp_args=-g1 -Db_lundef=false -Ddefault_library=static \
    -Dtests=enabled -Dexamples=enabled -Dperf=disabled
}

# program PATH ARGUMENT...: runs a program that build_release has built.
program() {
  [[ -x $builds/release/$1 ]] || die "$1 is not part of this source tree"
  "$builds/release/$1" "${@:2}"
}

# show_help FILE ARGUMENT...: if --help is among the arguments before --, prints
# the help of the program, which includes FILE as a raw string. Else returns 1.
show_help() {
  local argument
  for argument in "${@:2}"; do
    [[ $argument != -- ]] || return 1
    [[ $argument == --help ]] || continue
    sed '1s/^R"(//; $d' "$root/$1"
    return
  done
  return 1
}

cmd_build() {
  configure_debug
  compile debug
}
