# SPDX-License-Identifier: BSL-1.0
# Part of weir: structured concurrency for Boost.Asio.
#
# The commands test, sanitize and coverage, and what counts and prints results.

# run_tests NAME ARGUMENT...: `meson test` there; adds to passed, failed and
# failures.
run_tests() {
  local name=$1 dir=$builds/$1 status=0 results ok bad
  local log=$dir/meson-logs/testlog.json
  shift
  rm -f "$log"
  meson test -C "$dir" --print-errorlogs "$@" || status=$?
  results=$(read_results "$name" "$log")
  read -r ok bad <<<"$results"
  if ((bad > 0)); then
    failures+=${results#*$'\n'}$'\n'
  elif ((status != 0)); then
    bad=1
    failures+="failed: $name: not built, or its tests did not start"$'\n'
  fi
  passed=$((passed + ok))
  failed=$((failed + bad))
}

# run_part NAME COMMAND...: runs the command and counts it as one test.
run_part() {
  if "${@:2}"; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    failures+="failed: $1: the reason is above"$'\n'
  fi
}

# read_results NAME LOG: prints how many tests passed and failed; then each that
# failed, and the end of its output. Meson's log is one JSON object per line.
read_results() {
  python3 - "$@" <<'END'
import json, os, sys

name, path = sys.argv[1:]
tests = []
if os.path.exists(path):
    with open(path, encoding="utf-8") as log:
        tests = [json.loads(line) for line in log]
good = ("OK", "EXPECTEDFAIL")
bad = [t for t in tests if t["result"] not in (*good, "SKIP")]
print(sum(t["result"] in good for t in tests), len(bad))
for test in bad:
    print(f"failed: {name}: {test['name']} ({test['result']})")
    output = test.get("stdout", "") + test.get("stderr", "")
    for line in output.strip().splitlines()[-30:]:
        print(f"    {line}")
END
}

# The last lines of test, sanitize and docs.
report() {
  printf '%s' "$failures"
  echo "$passed passed, $failed failed"
  ((failed == 0))
}

cmd_test() {
  # Programs that use weir are built with both compilers and with CMake, too,
  # and the Debian package is made.
  need clang-19 cmake debhelper
  configure_debug
  run_tests debug --no-suite perf
  report
}

cmd_sanitize() {
  local kind
  (($#)) || set -- tsan asan asan-gcc
  for kind; do
    [[ $kind == @(tsan|asan|asan-16|asan-gcc) ]] ||
      usage_error "unknown sanitizer '$kind'"
  done
  setup
  for kind; do
    echo "== $kind =="
    configure_sanitizer "$kind"
    # ./dev test runs the pages' snippets with g++.
    local suites=(--suite unit --suite examples)
    case $kind in
    tsan) suites+=(--suite threads) ;;
    asan | asan-16) suites+=(--suite snippets) ;;
    esac
    run_tests "$kind" "${suites[@]}"
  done
  report
}

# Source-based: gcov does not see into g++ 12's coroutines. -O0 is fastest to
# compile. A process keeps its counters in the mapped file, so that they are not
# lost if it is killed. The suite memory is left out: it runs millions of tasks
# through code that the other suites reach.
cmd_coverage() {
  setup
  need clang-19 libclang-rt-19-dev llvm-19
  local flags='-fprofile-instr-generate -fcoverage-mapping'
  flags+=' -fprofile-update=atomic -mllvm -runtime-counter-relocation'
  flags+=' -DWEIR_COVERAGE'
  # The programs with which Meson tries the compiler leave profiles, too.
  LLVM_PROFILE_FILE=/dev/null CXX=clang++-19 \
    configure coverage -Doptimization=0 -Ddebug=false \
    -Dcpp_args="$flags" -Dcpp_link_args=-fprofile-instr-generate \
    -Db_lundef=false -Ddefault_library=static \
    -Dtests=enabled -Dexamples=disabled -Dperf=disabled
  rm -rf "$builds/coverage/profiles"
  LLVM_PROFILE_FILE=$builds/coverage/profiles/%m%c.profraw \
    run_tests coverage --suite unit --suite faults --suite stress \
      --no-suite memory --timeout-multiplier 4
  python3 "$root/test/coverage/report.py" "$builds/coverage" && ((failed == 0))
}
