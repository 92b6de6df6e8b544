# SPDX-License-Identifier: BSL-1.0
# Part of weir: structured concurrency for Boost.Asio.
#
# The command perf: the benchmarks, the same beside other libraries, and counts
# of instructions.

cmd_perf() {
  case ${1:-} in
  --peers) compare_with_peers "${@:2}" ;;
  --counts) count_instructions "${@:2}" ;;
  *)
    ! show_help perf/help.txt "$@" || return 0
    build_release perf-program >&2
    program perf/weir-perf "$@"
    ;;
  esac
}

# Meson builds the peers in C++. The peer in Go needs only modules that Debian
# packages.
build_peers() {
  local boost
  setup
  read -ra boost <<<"$(boost_packages fiber)"
  need "${boost[@]}" libtbb-dev golang-go golang-golang-x-sync-dev \
    python3-matplotlib
  configure_release peers -Dexamples=disabled -Dpeers=enabled
  compile peers perf-peers
  (cd "$root/perf/peers/go" &&
    GO111MODULE=off GOPATH=/usr/share/gocode GOFLAGS='' \
      go build -o "$builds/peers/perf/peers/peer-go" .) ||
    die "could not build perf/peers/go; the reason is above"
}

compare_with_peers() {
  # Debian's Python has Debian's matplotlib; another may come first in PATH.
  local python=/usr/bin/python3
  [[ -x $python ]] || python=python3
  # Report a wrong argument before building. --list and --help build nothing.
  "$python" "$root/perf/peers/run.py" --programs "$builds/peers/perf" --list \
    "$@" >/dev/null
  if [[ " $* " == *" --list "* || " $* " == *" --help "* ]]; then
    "$python" "$root/perf/peers/run.py" "$@"
    return
  fi
  build_peers >&2
  "$python" "$root/perf/peers/run.py" --programs "$builds/peers/perf" "$@"
}

count_instructions() {
  [[ $# == 0 || $* == --update ]] || usage_error "'perf --counts' takes --update"
  need valgrind
  build_release weir-counts >&2
  python3 "$root/perf/counts.py" "$builds/release/perf/weir-counts" \
    "$root/perf/counts.csv" "$@"
}
