#!/usr/bin/env bash
# SPDX-License-Identifier: BSL-1.0
# Part of weir: structured concurrency for Boost.Asio.
#
# usage: chroots.sh make FOLDER NAME
#        chroots.sh run FOLDER NAME SOURCE BUILD COMMAND [ARGUMENT...]
#
# Makes the Debian systems in which ./dev matrix builds, and runs a command in
# one of them. NAME is bookworm, trixie or trixie-boost1.88; the system is
# FOLDER/NAME, and is made once. `run` shows it SOURCE, read-only, and BUILD
# under the paths that they have outside; the mounts end with the command.
set -euo pipefail

die() {
  printf 'chroots: %s\n' "$*" >&2
  exit 1
}

# What `./dev setup` installs, and the compilers of the rows.
common=(meson ninja-build g++ pkg-config libssl-dev python3 ccache ca-certificates
  clang-19 libclang-rt-19-dev libc++-19-dev libc++abi-19-dev llvm-19 lld-19
  procps)

# packages NAME: clang's versions bring libraries that exclude each other, so
# only one libc++ is there.
packages() {
  local boost
  case $1 in
  bookworm) boost=1.81 ;;
  trixie) boost=1.83 ;;
  trixie-boost1.88) boost=1.88 ;;
  *) die "no system '$1'; there are bookworm, trixie and trixie-boost1.88" ;;
  esac
  echo "${common[@]}" "libboost$boost-dev" "libboost-test$boost-dev" \
    "libboost-program-options$boost-dev"
  [[ $1 != bookworm ]] || echo clang-16
}

# mirror: where this machine's Debian comes from; nothing if that is not known,
# and debootstrap then uses its default.
mirror() {
  # Folders and files that do not exist are not an error.
  { cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list \
    /etc/apt/sources.list.d/*.sources 2>/dev/null || true; } |
    sed -nE 's/^(URIs: *|deb +(\[[^]]*\] +)?)(https?:[^ ]*\/debian)\/?( .*)?$/\3/p' |
    head -n 1
}

# inside ROOT SOURCE BUILD COMMAND...: mounts of a namespace of its own.
inside() {
  local root=$1 source=$2 build=$3
  shift 3
  # shellcheck disable=SC2016 # the inner shell expands it
  unshare --mount --propagation private -- bash -euc '
    root=$1 source=$2 build=$3
    shift 3
    mount -t proc proc "$root/proc"
    mount --rbind /dev "$root/dev"
    mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
    for name in "$source" "$build"; do
      [[ -n $name ]] || continue
      mkdir -p "$root$name"
      mount --bind "$name" "$root$name"
      # Before the folders inside it, which must be writable.
      [[ $name != "$source" ]] || mount -o remount,bind,ro "$root$name"
    done
    cp -L /etc/resolv.conf "$root/etc/resolv.conf"
    exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 \
      DEBIAN_FRONTEND=noninteractive chroot "$root" "$@"
  ' bash "$root" "$source" "$build" "$@"
}

# The name ends in .new until the system is complete, so that an interrupted one
# is made again.
make_system() {
  local folder=$1 name=$2 from
  local root=$folder/$name suite=${name%%-*}
  [[ ! -d $root ]] || return 0
  local list
  read -ra list <<<"$(packages "$name" | tr '\n' ' ')"
  mkdir -p "$folder"
  rm -rf --one-file-system "$root.new"
  from=$(mirror)
  debootstrap --variant=minbase "$suite" "$root.new" ${from:+"$from"} ||
    die "debootstrap could not make $root; the reason is above"
  inside "$root.new" '' '' sh -euc '
    apt-get update
    apt-get install --yes --no-install-recommends "$@"
    apt-get clean
  ' sh "${list[@]}" </dev/null ||
    die "could not install the packages of $root; the reason is above"
  mv "$root.new" "$root"
}

[[ $EUID == 0 ]] || die "must be run as root"
case ${1:-} in
make) make_system "$2" "$3" ;;
run) inside "$2/$3" "${@:4}" ;;
*) die "usage: chroots.sh make FOLDER NAME, or run FOLDER NAME SOURCE BUILD COMMAND" ;;
esac
