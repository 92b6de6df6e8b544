#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
# Part of weir: structured concurrency for Boost.Asio.
"""Runs every case of weir-perf at a tiny size and reads what it prints, and
every operation of weir-counts; compares made-up counts.

usage: smoke_test.py WEIR_PERF WEIR_COUNTS WEIR_PERF_DEMO
"""

import contextlib
import io
import json
import os
import pty
import re
import subprocess
import sys

import counts

NUMBERS = [
    "threads", "tasks", "wall_s", "wall_s_min", "wall_s_max", "cpu_s",
    "peak_rss_kib", "ns_per_task", "rounds",
]
NUMBERS_OR_NULL = ["cap", "allocations_per_task"]
SIZE = ["--tasks", "200", "--threads", "2", "--rounds", "2"]


def check(holds, what):
    if not holds:
        sys.exit(f"smoke_test.py: {what}")


def run(program, *arguments):
    return subprocess.run([program, *arguments], capture_output=True, text=True)


# A task of this one is a compilation of some seconds.
SIZES = {"compile_time": (1, ["--tasks", "1", "--threads", "1", "--rounds", "1"])}


def check_row(row, case):
    check(row["case"] == case, f"a row of {case}, not {row['case']}")
    check(isinstance(row["library"], str), "library is a name")
    for key in NUMBERS:
        check(isinstance(row[key], (int, float)), f"{case}: {key} is a number")
    for key in NUMBERS_OR_NULL:
        check(row[key] is None or isinstance(row[key], (int, float)),
              f"{case}: {key} is a number or null")
    check(all(isinstance(figure, (int, float))
              for figure in row["figures"].values()),
          f"{case}: figures are numbers")
    check(set(row) == {"case", "library", "figures", *NUMBERS, *NUMBERS_OR_NULL},
          f"{case}: keys {sorted(row)}")
    tasks, _ = SIZES.get(case, (200, SIZE))
    check(row["tasks"] == tasks, f"{case}: size {row}")
    check(0 < row["wall_s_min"] <= row["wall_s"] <= row["wall_s_max"],
          f"{case}: min <= median <= max in {row}")


def check_cases(program):
    listed = run(program, "--list")
    check(listed.returncode == 0, f"--list: {listed.stderr}")
    cases = [line.split(":")[0] for line in listed.stdout.splitlines()]
    check(len(cases) >= 6, f"--list names {cases}")
    for case in cases:
        _, size = SIZES.get(case, (200, SIZE))
        done = run(program, "--case", case, "--json", *size)
        check(done.returncode == 0, f"{case}: {done.stderr}")
        rows = [json.loads(line) for line in done.stdout.splitlines()]
        for row in rows:
            check_row(row, case)
        libraries = {row["library"] for row in rows}
        for library in "weir", "asio":
            check(any(name.startswith(library) for name in libraries),
                  f"{case}: {library} is among {libraries}")


def check_table(program):
    done = run(program, "--case", "sleep10", "--cap", "50", *SIZE)
    check(done.returncode == 0, done.stderr)
    for word in "machine: ", "floor 0.040 s", "ns/task", "weir", "asio":
        check(word in done.stdout, f"the table has '{word}':\n{done.stdout}")


def check_choice(program):
    listed = run(program, "--list", "--json", "--case", "skynet")
    [case] = [json.loads(line) for line in listed.stdout.splitlines()]
    check(set(case) == {"case", "question", "takes_cap", "libraries"}, f"{case}")
    check(case["case"] == "skynet" and not case["takes_cap"], f"{case}")
    for library in case["libraries"]:
        done = run(program, "--case", "skynet", "--library", library, "--json",
                   "--no-allocations", *SIZE)
        rows = [json.loads(line) for line in done.stdout.splitlines()]
        check([row["library"] for row in rows] == [library], f"only {library}")
        check(rows[0]["allocations_per_task"] is None, "not counted")


def check_help(program):
    text = run(program, "--help").stdout
    options = re.findall(r"^  (--[a-z-]+)( [A-Z]+)?", text, re.MULTILINE)
    check(len(options) >= 10, f"--help names options:\n{text}")
    for option, value in options:
        done = run(program, "--help", *([f"{option}=1"] if value else [option]))
        check("unrecognised" not in done.stderr, f"{option}: {done.stderr}")


def check_progress(program):
    """On a terminal it says which round runs; in a pipe, nothing."""
    arguments = [program, "--case", "yield", *SIZE]
    check(run(*arguments).stderr == "", "nothing in a pipe")
    ours, its = pty.openpty()
    done = subprocess.run(arguments, stdout=subprocess.DEVNULL, stderr=its)
    os.close(its)
    shown = ""
    with contextlib.suppress(OSError):  # the end, of a terminal
        while part := os.read(ours, 65536):
            shown += part.decode()
    os.close(ours)
    check(done.returncode == 0, f"on a terminal: {shown}")
    for text in ("[                    ]  yield: weir: round 1 of 2",
                 "yield: asio co_spawn, cap: round 2 of 2",
                 "weir: allocations are counted"):
        check(text in shown, f"the terminal shows '{text}': {shown}")
    check(shown.endswith("\r\x1b[K"), f"the line vanishes: {shown!r}")


def check_demo(program):
    listed = [line.split(":")[0] for line in run(program, "--list").stdout.splitlines()]
    check(listed == ["sleep10", "spawn_join"], f"the demo has {listed}")


def check_bad_values(program):
    for option, value in [
        ("--tasks", "0"), ("--tasks", "-1"), ("--tasks", "ten"),
        ("--tasks", "1e6"), ("--tasks", ""), ("--tasks", "9" * 30),
        ("--cap", "0"), ("--cap", "none"), ("--threads", "0"),
        ("--threads", "5000"), ("--rounds", "0"), ("--case", "sleep11"),
    ]:
        done = run(program, f"{option}={value}")
        check(done.returncode == 2, f"{option} {value}: {done.returncode}")
        if value:
            check(f"'{value}'" in done.stderr and "must be" in done.stderr,
                  f"the message names value and rule: {done.stderr}")
    for arguments in [["--no-such"], ["stray"], ["--tasks"],
                      ["--case", "first_error", "--cap", "5"],
                      ["--case", "yield", "--library", "none"],
                      ["--library", "weir"]]:
        done = run(program, *arguments)
        check(done.returncode == 2 and done.stderr.count("\n") == 1,
              f"{arguments}: {done.returncode}, {done.stderr}")


def check_counts(program):
    operations = run(program, "--list").stdout.split()
    check(len(operations) >= 5, f"weir-counts --list names {operations}")
    for operation in operations:
        done = run(program, operation, "10000")
        check(done.returncode == 0, f"{operation}: {done.stderr}")
    for arguments in [[], ["none", "1"], ["--no-such"]]:
        check(run(program, *arguments).returncode == 2, f"{arguments}")
    table = {"hop": {"instructions": "100", "compiler": "g++ 12"}}
    for count, compiler, good, text in [
        (102, "g++ 12", True, "+2.0%"), (103, "g++ 12", False, "grew"),
        (50, "g++ 12", True, "-50.0%"), (200, "g++ 13", True, "not compared"),
    ]:
        told = io.StringIO()
        with contextlib.redirect_stdout(told):
            is_good = counts.compare({"hop": count}, compiler, table)
        check(is_good == good and text in told.getvalue(),
              f"{count} by {compiler}: {told.getvalue()}")


if __name__ == "__main__":
    check_counts(sys.argv[2])
    check_cases(sys.argv[1])
    check_table(sys.argv[1])
    check_choice(sys.argv[1])
    check_help(sys.argv[1])
    check_progress(sys.argv[1])
    check_demo(sys.argv[3])
    check_bad_values(sys.argv[1])
