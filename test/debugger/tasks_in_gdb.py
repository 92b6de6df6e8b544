#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
# Part of weir: structured concurrency for Boost.Asio.
"""Checks what docs/weir_gdb.py prints for a program that is stopped in gdb.

    tasks_in_gdb.py SCRIPT PROGRAM

Skipped, with the reason, where there is no gdb or it may not trace a process.
"""

import re
import shutil
import subprocess
import sys

SKIPPED = 77
COMMANDS = """
set pagination off
set debuginfod enabled off
set startup-with-shell off
break everybody_waits
run
echo STOPPED\\n
weir-tasks runtime
weir-tasks 1
python frames = gdb.execute("weir-tasks runtime", to_string=True)
python import re
python for f in re.findall("frame (0x[0-9a-f]+) .*session", frames): gdb.execute("weir-frame " + f)
weir-frame 16
kill
"""


def main(args):
    if len(args) != 2:
        sys.exit(__doc__)
    script, program = args
    gdb = shutil.which("gdb")
    if gdb is None:
        print("skipped: there is no gdb")
        return SKIPPED
    command = [gdb, "-nx", "-q", "-batch", "-ex", f"source {script}"]
    for line in COMMANDS.strip().splitlines():
        command += ["-ex", line]
    done = subprocess.run(
        [*command, program],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    out = done.stdout + done.stderr
    if "STOPPED" not in out or "hit Breakpoint 1" not in out:
        print(f"skipped: gdb cannot run a program here:\n{out}")
        return SKIPPED
    sessions = out.count("task session waits for: channel receive")
    lines = (
        r"^task server ",
        r"^group sessions$",
        r"^  task session waits for: channel receive\n"
        r"    frame 0x[0-9a-f]+ .*ask.* at .*waits\.cpp:\d+\n"
        r"    frame 0x[0-9a-f]+ .*session.* at .*waits\.cpp:\d+$",
        r"^id = 1$",
        r"^id = 2$",
        r"^question = 101$",
        r"^question = 102$",
        r"'1' is a int, must be a weir::runtime",
        r"0x10 is no suspended coroutine",
    )
    missing = [line for line in lines if not re.search(line, out, re.MULTILINE)]
    if missing or sessions != 2:
        print(f"{sessions} sessions, must be 2; missing {missing} in:\n{out}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
