#!/usr/bin/env bash
# SPDX-License-Identifier: BSL-1.0
# Part of weir: structured concurrency for Boost.Asio.
#
# md5_all.sh PROGRAM: docs/examples/md5_all against this machine's md5sum, and
# under signals, changing files and other disturbances.
# shellcheck disable=SC2317 # functions are called by ok()
set -uo pipefail

# shellcheck source=test/examples/program_test.sh
source "$(dirname "$0")/program_test.sh"

# What md5sum prints, sorted as md5_all sorts.
md5sum_of() {
  find -H "$1" -type f -print0 | LC_ALL=C sort -z |
    "${as[@]}" xargs -0 -r md5sum 2>/dev/null || true # some are unreadable
}

# same DIR [OPTION...]: success, and the output of md5sum.
same() {
  run "${@:2}" "$1"
  [[ $status == 0 && ! -s $err ]] && md5sum_of "$1" | cmp - "$out" && return
  echo "status $status, stderr: $(head -c 300 "$err")"
  return 1
}

# --- what can be read ---------------------------------------------------------

ok '/usr/include' same /usr/include
ok '/usr/include, one by one' same /usr/include --jobs 1 --limit 1
ok '/usr/include, all at once' same /usr/include --jobs 8 --limit 1000000

mkdir -p tree/folder/deep
printf 1 >'tree/back\slash'
printf 2 >$'tree/new\nline'
printf 3 >$'tree/carriage\rreturn'
printf 4 >$'tree/not \xff\xfe UTF-8\t'
printf 5 >'tree/ -n * $HOME'
printf 6 >$'tree/folder/\\\n\r\\n'
: >tree/folder/empty
for size in 65535 65536 65537 131072 1000000; do
  head -c $size /dev/urandom >tree/folder/$size
done
ln -s .. tree/folder/deep/loop
ln -s . tree/loop
ln -s 'back\slash' tree/link
ln -s /nowhere tree/dangling
mkfifo tree/fifo
python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("tree/socket")'
levels=tree/levels
for ((i = 0; i < 100; ++i)); do levels+=/$i; done
mkdir -p "$levels"
echo deep >"$levels/file"
ln -s tree link_to_tree
mkdir empty

in_the_tree() (cd tree && same .)
few_descriptors() (ulimit -n 28 && same tree)

ok 'a nasty tree' same tree
ok 'DIR with a slash' same tree/
ok 'DIR with dots' same ./tree/../tree
ok 'DIR is .' in_the_tree
ok 'DIR is a link' same link_to_tree
ok 'few descriptors' few_descriptors
ok 'an empty tree' same empty

# --- what cannot --------------------------------------------------------------

ok 'no such DIR' fails 1 'nowhere: No such file or directory' nowhere
ok 'an empty DIR' fails 1 ': No such file or directory' ''
ok 'DIR is a file' fails 1 "$levels/file: Not a directory" "$levels/file"
number='must be a number from 1 to'
ok '--jobs 0' fails 2 "--jobs is '0', $number 1024; see --help" --jobs 0 tree
ok '--jobs -1' fails 2 "--jobs is '-1', $number 1024; see --help" --jobs=-1 tree
ok '--jobs many' \
  fails 2 "--jobs is 'many', $number 1024; see --help" --jobs many tree
ok '--limit 0' \
  fails 2 "--limit is '0', $number 1000000000; see --help" --limit 0 tree
ok 'no DIR' fails 2 'no DIR given; see --help'

two_folders() {
  run tree empty
  [[ $status == 2 && ! -s $out ]] && grep -q positional "$err"
}
ok 'two DIRs' two_folders

help() {
  run --help
  [[ $status == 0 && ! -s $err ]] && grep -q -e --keep-going "$out"
}
ok '--help' help

# Each option that the text names; those with a value get one.
knows_its_help() {
  local words word value
  run --help
  mapfile -t words < <(grep -o -e '^  --[a-z-]*\( N\)\?' "$out")
  ((${#words[@]} == 5)) || return 1
  for word in "${words[@]}"; do
    read -r word value <<<"$word"
    run "$word" ${value:+1} empty
    [[ $status == 0 ]] || return 1
  done
}
ok 'each option of --help' knows_its_help

full_disk() {
  status=0
  "$program" tree >/dev/full 2>"$err" || status=$?
  [[ $status == 1 ]] && grep -q 'cannot write' "$err"
}
ok 'nowhere to write' full_disk

# Root reads everything, unless it drops that capability.
cp -r tree/folder partly
printf x >$'partly/locked\nfile'
mkdir partly/locked
printf x >partly/locked/file
chmod 000 $'partly/locked\nfile' partly/locked
denied='Permission denied'
if ((EUID == 0)); then
  as=(setpriv --bounding-set='-dac_override,-dac_read_search'
    --inh-caps='-dac_override,-dac_read_search')
fi
if "${as[@]}" ls partly/locked >/dev/null 2>&1; then
  echo "skipped: here nothing is unreadable"
else
  first_error() {
    run partly
    [[ $status == 1 && ! -s $out && $(wc -l <"$err") == 1 ]] &&
      grep -q -x -F -e "md5_all: partly/locked\\nfile: $denied" \
        -e "md5_all: partly/locked: $denied" "$err"
  }
  ok 'the first error stops it' first_error

  keep_going() {
    run --keep-going "$@" partly
    [[ $status == 1 ]] && md5sum_of partly | cmp - "$out" &&
      [[ $(LC_ALL=C sort "$err") == "md5_all: partly/locked: $denied"$'\n'\
"md5_all: partly/locked\\nfile: $denied" ]]
  }
  ok '--keep-going' keep_going
  ok '--keep-going, one by one' keep_going --jobs 1 --limit 1
fi
as=()

# --- what changes meanwhile ---------------------------------------------------

# vanishing: files and folders appear and disappear while it runs; those that
# stay are all in the output.
vanishing() {
  mkdir -p churn/stays
  for ((i = 0; i < 200; ++i)); do echo $i >churn/stays/$i; done
  while :; do
    mkdir -p churn/goes/{a,b,c}/{d,e,f}
    touch churn/goes/{a,b,c}/{d,e,f}/{1..20}
    rm -rf churn/goes
  done &
  local churner=$! good=0
  for ((i = 0; i < 50; ++i)); do
    run churn
    [[ $status == 0 && ! -s $err ]] &&
      [[ $(grep -c ' churn/stays/' "$out") == 200 ]] || break
    good=$((good + 1))
  done
  kill $churner
  wait $churner 2>/dev/null
  ((good == 50)) && return
  echo "run $good: status $status, stderr: $(head -c 300 "$err")"
  return 1
}
ok 'files that vanish' vanishing

# --- Ctrl-C -------------------------------------------------------------------

# Files without blocks need no space on the disk, and minutes to hash.
mkdir big
for ((i = 0; i < 100; ++i)); do truncate -s 10G big/$i; done

# stops SIGNAL STATUS OPTION...
stops() {
  "$program" "${@:3}" big >"$out" 2>"$err" &
  local pid=$! begin
  sleep 0.5
  begin=${EPOCHREALTIME/[.,]/}
  kill -"$1" $pid
  status=0
  wait $pid || status=$?
  local ms=$(((${EPOCHREALTIME/[.,]/} - begin) / 1000))
  echo "SIG$1: status $status after $ms ms"
  # It takes milliseconds, but machines that test are busy.
  [[ $status == "$2" && ! -s $out && ! -s $err ]] && ((ms < 5000))
}
if truncate -s 10G big/0; then
  ok 'Ctrl-C' stops INT 130
  ok 'SIGTERM' stops TERM 143
  ok 'Ctrl-C, one thread' stops INT 130 --jobs 1
  ok 'Ctrl-C, many threads' stops INT 130 --jobs 16 --keep-going
fi

# --- the bar ------------------------------------------------------------------

no_bar() {
  run --progress tree
  [[ $status == 0 && ! -s $err ]] && md5sum_of tree | cmp - "$out"
}
ok '--progress in a pipe' no_bar

bar() {
  script -qec "'$program' --progress tree >'$out'" /dev/null >"$err" </dev/null
  md5sum_of tree | cmp - "$out" &&
    grep -q -F '[####################]  13/13 files  1.3/1.3 MiB' "$err"
}
if command -v script >/dev/null; then
  ok '--progress on a terminal' bar
fi

exit $failed
