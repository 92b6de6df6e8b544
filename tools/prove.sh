# SPDX-License-Identifier: BSL-1.0
# Part of weir: structured concurrency for Boost.Asio.
#
# The commands prove and matrix.

# The programs are built by prove.py, each before it is run. A folder that
# cannot be configured fails the parts that need it, and no others.
cmd_prove() {
  setup
  local prove=("$root/test/prove/prove.py" --dev "$root/dev" --builds "$builds")
  # Report a wrong argument now, not after an hour of building.
  python3 "${prove[@]}" --list "$@" >/dev/null
  if [[ " $* " == *" --slice "* ]]; then
    configure_debug
  elif [[ " $* " != *" --list "* && " $* " != *" --help "* ]]; then
    local options=(-Ddebug=true -Dcpp_args=-g1 -Ddefault_library=static
      -Dtests=enabled -Dexamples=disabled -Dperf=disabled)
    (configure prove -Doptimization=2 "${options[@]}") || true
    (need clang-19 libclang-rt-19-dev && CXX=clang++-19 configure fuzz \
      -Dfuzz=enabled -Db_sanitize=address -Db_lundef=false -Doptimization=1 \
      "${options[@]}") || true
    (configure_sanitizer tsan) || true
    (configure_release release -Dexamples=enabled) || true
  fi
  python3 "${prove[@]}" "$@"
}

# test/matrix/chroots.sh installs the packages of the chroots.
cmd_matrix() {
  local matrix=("$root/test/matrix/matrix.py" --builds "$builds")
  need python3
  # Report a wrong argument before anything is installed.
  python3 "${matrix[@]}" --list "$@" >/dev/null
  case " $* " in
  *' --list '* | *' --help '*) ;;
  *' --slice '*) setup ;;
  *) ((EUID != 0)) || need debootstrap ;;
  esac
  python3 "${matrix[@]}" "$@"
}
