# SPDX-License-Identifier: BSL-1.0
# Part of weir: structured concurrency for Boost.Asio.
#
# Sourced by md5_all.sh and pipeline.sh with the program to test as $1: makes an
# empty folder to test in, and defines the checks that both scripts use. A test
# ends with `exit "$failed"`.
# shellcheck shell=bash disable=SC2034 # some of it is for the script

name=$(basename "$0" .sh)
program=$(realpath "${1:?usage: $name.sh PROGRAM}")
scratch=$(mktemp -d "${TMPDIR:-/tmp}/weir-$name.XXXXXX") || exit 1
trap 'chmod -R u+rwx "$scratch"; rm -rf "$scratch"' EXIT
cd "$scratch" || exit 1
out=$scratch/out
err=$scratch/err
failed=0

# ok WHAT COMMAND...: the command must succeed.
ok() {
  if "${@:2}"; then
    echo "ok: $1"
  else
    echo "FAILED: $1"
    failed=1
  fi
}

# run ARGUMENT...: the program; leaves $status, $out and $err. Limited in time,
# so that a hang is a failure with a name.
run() {
  status=0
  timeout 60 "${as[@]}" "$program" "$@" >"$out" 2>"$err" || status=$?
}
as=() # a command to run it with

# fails STATUS MESSAGE ARGUMENT...: with that message, and nothing else.
fails() {
  run "${@:3}"
  [[ $status == "$1" && ! -s $out && $(<"$err") == "$name: $2" ]] && return
  echo "status $status, stderr: $(head -c 300 "$err")"
  return 1
}

