#!/bin/sh
# SPDX-License-Identifier: BSL-1.0
# Part of weir: structured concurrency for Boost.Asio.
#
# Builds and runs the project beside this script against weir.
#   run.sh MODE WEIR FOLDER
# MODE    subproject-static, subproject-shared, or installed (both libraries
#         into a scratch prefix, found by pkg-config, each linked in turn)
# WEIR    weir's source folder
# FOLDER  for all output; kept, so that the next run is quick
set -eu

mode=$1 weir=$2 folder=$3
here=$(cd "$(dirname "$0")" && pwd)
project=$folder/project

# configure FOLDER SOURCE OPTION...: unless done before. At -O0 without debug
# information: the quickest to compile.
configure() {
  build=$1 source=$2
  shift 2
  if [ ! -f "$build/build.ninja" ]; then
    meson setup --buildtype=plain "$@" "$build" "$source"
  fi
}

# check FOLDER: builds and runs the consumer configured there.
check() {
  meson compile -C "$1"
  "$1/consumer"
}

mkdir -p "$project/subprojects"
cp -p "$here/meson.build" "$here/main.cpp" "$project"

case $mode in
subproject-*)
  ln -sfn "$weir" "$project/subprojects/weir"
  configure "$folder/build" "$project" --wrap-mode=nodownload \
    --force-fallback-for=weir -Ddefault_library="${mode#subproject-}"
  check "$folder/build"
  ;;
installed)
  prefix=$folder/prefix
  configure "$folder/weir" "$weir" --wrap-mode=nodownload \
    --prefix="$prefix" --libdir=lib -Ddefault_library=both \
    -Dtests=disabled -Dexamples=disabled -Dperf=disabled
  rm -rf "$prefix" # a file no longer installed must not be found
  meson compile -C "$folder/weir"
  meson install -C "$folder/weir" --no-rebuild --quiet
  export PKG_CONFIG_PATH="$prefix/lib/pkgconfig"
  export LD_LIBRARY_PATH="$prefix/lib"
  for static in false true; do
    configure "$folder/static-$static" "$project" --wrap-mode=nofallback \
      -Dprefer_static="$static"
    check "$folder/static-$static"
  done
  ;;
*)
  echo "run.sh: unknown mode: $mode" >&2
  exit 2
  ;;
esac
