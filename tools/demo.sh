# SPDX-License-Identifier: BSL-1.0
# Part of weir: structured concurrency for Boost.Asio.
#
# The commands demo and md5, which run the example md5_all.

# Hashes a folder, compares with md5sum, then runs a short benchmark.
cmd_demo() {
  local dir=${1:-/usr/include}
  [[ -d $dir ]] || die "no such folder: $dir"
  build_release md5_all perf-demo
  local scratch
  scratch=$(mktemp -d "${TMPDIR:-/tmp}/weir-demo.XXXXXX")
  # shellcheck disable=SC2064 # expand now: scratch is gone by then
  trap "rm -rf '$scratch'" EXIT

  echo
  echo "== MD5 of every file under $dir =="
  local begin end
  begin=${EPOCHREALTIME/[.,]/}
  program docs/examples/md5_all --progress "$dir" >"$scratch/ours" ||
    die "md5_all stopped; to hash the rest: ./dev md5 --keep-going $dir"
  end=${EPOCHREALTIME/[.,]/}
  find -H "$dir" -type f -printf '%s\n' | awk \
    -v files="$(wc -l <"$scratch/ours")" -v us=$((end - begin)) '
      { bytes += $1 }
      END {
        mib = bytes / 1048576; s = us / 1e6
        printf "%-9s %12d\n", "files", files
        printf "%-9s %12d  (%.1f MiB)\n", "bytes", bytes, mib
        printf "%-9s %12.3f s  (%.0f files/s, %.0f MiB/s)\n",
               "wall time", s, files / s, mib / s
      }'
  compare_with_md5sum "$dir" "$scratch"

  echo
  echo "== 100,000 tasks that sleep 10 ms, 5,000 in flight: at least 0.2 s =="
  program perf/weir-perf-demo --case sleep10 --tasks 100000 --cap 5000 --rounds 3
  echo
  echo "== 1,000,000 empty tasks, 1,000 in flight =="
  program perf/weir-perf-demo --case spawn_join --tasks 1000000 --cap 1000 --rounds 3
}

# compare_with_md5sum DIR SCRATCH: SCRATCH/ours against md5sum's own output.
compare_with_md5sum() {
  if ! command -v md5sum >/dev/null; then
    printf '%-9s %s\n' result "not compared, no md5sum here"
    return
  fi
  [[ ! -t 2 ]] || printf 'md5sum reads the same files ...' >&2
  find -H "$1" -type f -exec md5sum -- {} + >"$2/theirs" || true
  [[ ! -t 2 ]] || printf '\r\e[K' >&2
  # The two programs may print the lines in different orders.
  if cmp -s <(LC_ALL=C sort "$2/ours") <(LC_ALL=C sort "$2/theirs"); then
    printf '%-9s %s\n' result "identical to md5sum"
  else
    diff <(LC_ALL=C sort "$2/ours") <(LC_ALL=C sort "$2/theirs") |
      head -n 5 >&2 || true
    die "the result differs from md5sum's (first lines above)"
  fi
}

cmd_md5() {
  ! show_help docs/examples/md5_help.txt "$@" || return 0
  build_release md5_all >&2
  program docs/examples/md5_all "$@"
}
