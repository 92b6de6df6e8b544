# SPDX-License-Identifier: BSL-1.0
# Part of weir: structured concurrency for Boost.Asio.
#
# The commands format and lint.

cmd_format() {
  case ${1:-} in
  '' | --check) ;;
  *) usage_error "unknown argument '$1'" ;;
  esac
  command -v clang-format >/dev/null || need clang-format

  local files=() file bad=0
  mapfile -d '' files < <(
    find "$root"/{include,lib,test,perf,docs} -name '*.[ch]pp' -print0
  )
  if [[ ${1:-} != --check ]]; then
    clang-format -i "${files[@]}"
    return
  fi
  for file in "${files[@]}"; do
    clang-format --dry-run --Werror "$file" 2>/dev/null && continue
    printf 'not formatted: %s\n' "${file#"$root/"}"
    bad=1
  done
  ((bad == 0)) || {
    echo "dev: run ./dev format" >&2
    return 1
  }
}

# The last line counts the checks that passed and failed; .ci/run reads it.
cmd_lint() {
  (($# == 0)) || usage_error "'lint' takes no argument"
  setup
  need clang-format clang-tidy-19 shellcheck
  configure_debug
  local ok=0 bad=0 failures=''
  lint_with() { # NAME COMMAND...
    echo "== $1 =="
    if "${@:2}"; then
      ok=$((ok + 1))
    else
      bad=$((bad + 1))
      failures+="failed: lint: $1; the reason is above"$'\n'
    fi
  }
  local scripts=()
  mapfile -d '' scripts < <(find "$root/test" "$root/docs" -name '*.sh' -print0)
  lint_with format cmd_format --check
  # Those in tools/ are checked as part of dev, which sources them all and sets
  # what they use.
  lint_with shellcheck shellcheck --severity=warning \
    --external-sources --check-sourced \
    "$root/dev" "$root/.ci/run" "${scripts[@]}"
  lint_with sources python3 "$root/test/source/check_source.py" "$root"
  lint_with rooms python3 "$root/test/source/check_rooms.py" "$root"
  lint_with clang-tidy tidy_library
  printf '%s%d passed, %d failed\n' "$failures" "$ok" "$bad"
  ((bad == 0))
}

# The library's sources and the headers that they include. The build's list of
# commands has g++'s flags, of which clang does not know all. How many warnings
# of foreign headers were left out is no news.
tidy_library() {
  find "$root/lib" -name '*.cpp' -print0 |
    xargs -0 -n 4 -P "$(nproc)" clang-tidy-19 -p "$builds/debug" --quiet \
      --extra-arg=-Wno-unknown-warning-option 2>&1 |
    sed '/ warnings\{0,1\} generated\.$/d'
}
