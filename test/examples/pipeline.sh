#!/usr/bin/env bash
# SPDX-License-Identifier: BSL-1.0
# Part of weir: structured concurrency for Boost.Asio.
#
# pipeline.sh PROGRAM: docs/examples/pipeline, in both forms, against this
# machine's md5sum.
# shellcheck disable=SC2317 # functions are called by ok()
set -uo pipefail

# shellcheck source=test/examples/program_test.sh
source "$(dirname "$0")/program_test.sh"

# same DIR [OPTION...]: success, and the output of md5sum, sorted.
same() {
  run "${@:2}" "$1"
  [[ $status == 0 && ! -s $err ]] &&
    find -H "$1" -type f -print0 | LC_ALL=C sort -z | xargs -0 -r md5sum |
    cmp - "$out" && return
  echo "status $status, stderr: $(head -c 300 "$err")"
  return 1
}

mkdir -p tree/folder/deep empty
printf 1 >'tree/back\slash'
printf 2 >$'tree/new\nline'
: >tree/folder/empty
for size in 65535 65536 65537 1000000; do
  head -c $size /dev/urandom >tree/folder/$size
done
ln -s .. tree/folder/deep/loop
mkfifo tree/fifo

cp -r tree/folder partly
for ((i = 0; i < 100; ++i)); do echo $i >partly/$i; done
printf x >partly/locked
chmod 000 partly/locked
# Root reads everything, unless it drops that capability.
unprivileged=()
if ((EUID == 0)); then
  unprivileged=(setpriv --bounding-set='-dac_override,-dac_read_search'
    --inh-caps='-dac_override,-dac_read_search')
fi
first_error() {
  as=("${unprivileged[@]}")
  fails 1 'partly/locked: Permission denied' "$@" partly
  local result=$?
  as=()
  return "$result"
}

for form in channels transform; do
  ok "$form: /usr/include" same /usr/include --form $form
  ok "$form: one by one" same /usr/include --form $form --jobs 1 --digesters 1
  ok "$form: a nasty tree" same tree --form $form
  ok "$form: few threads, many digesters" \
    same tree --form $form --jobs 2 --digesters 500
  ok "$form: an empty tree" same empty --form $form
  ok "$form: no such DIR" \
    fails 1 'nowhere: No such file or directory' --form $form nowhere
  if "${unprivileged[@]}" cat partly/locked >/dev/null 2>&1; then
    echo "skipped: here nothing is unreadable"
  else
    ok "$form: the first error stops it" first_error --form $form
    ok "$form: the first error stops one digester" \
      first_error --form $form --digesters 1
  fi
done

ok 'no form of that name' fails 2 \
  "--form is 'pipes', must be channels or transform; see --help" \
  --form pipes tree
ok '--digesters 0' fails 2 \
  "--digesters is '0', must be a number from 1 to 1000; see --help" \
  --digesters 0 tree
ok 'no DIR' fails 2 'no DIR given; see --help'

exit $failed
