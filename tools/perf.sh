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

# Meson builds the peers in C++. Those in Go and in Rust need only modules and
# crates that Debian packages, and download nothing.
build_peers() {
  local boost
  setup
  read -ra boost <<<"$(boost_packages fiber)"
  need "${boost[@]}" libtbb-dev golang-go golang-golang-x-sync-dev \
    cargo rustc librust-tokio-dev python3-matplotlib
  configure_release peers -Dexamples=disabled -Dpeers=enabled
  compile peers perf-peers
  (cd "$root/perf/peers/go" &&
    GO111MODULE=off GOPATH=/usr/share/gocode GOFLAGS='' \
      go build -o "$builds/peers/perf/peers/peer-go" .) ||
    die "could not build perf/peers/go; the reason is above"
  build_tokio_peer ||
    die "could not build perf/peers/tokio; the reason is above"
}

# In a copy, as cargo writes beside the manifest. Debian's cargo and rustc are
# asked for, because newer ones may come first in PATH.
build_tokio_peer() {
  local crate=$builds/peers/tokio cargo=/usr/bin/cargo rustc=/usr/bin/rustc
  [[ -x $cargo && -x $rustc ]] || { cargo=cargo rustc=rustc; }
  { command -v "$cargo" && command -v "$rustc"; } >/dev/null ||
    die "no 'cargo' or 'rustc'; install them (Debian: cargo, rustc)"
  [[ -n $(compgen -G '/usr/share/cargo/registry/tokio-*') ]] ||
    die "no crate tokio in /usr/share/cargo/registry; install it" \
      "(Debian: librust-tokio-dev)"
  mkdir -p "$crate" &&
    cp -rp "$root/perf/peers/tokio/." "$crate" &&
    (cd "$crate" && RUSTC=$rustc RUSTFLAGS='' CARGO_TARGET_DIR=target \
      "$cargo" build --release --offline) &&
    cp "$crate/target/release/peer-tokio" "$builds/peers/perf/peers/peer-tokio"
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
