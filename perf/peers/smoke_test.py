#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
# Part of weir: structured concurrency for Boost.Asio.
"""Runs every answer of peer programs at a tiny size and reads what they print;
then measures two experiments and reads the page that run.py makes of them.

usage: smoke_test.py PEER...

Meson does not build the peers in Go and in Rust; they are run where they lie
beside the first PEER.
"""

import json
import pathlib
import subprocess
import sys
import tempfile

KEYS = {
    "case", "library", "threads", "tasks", "cap", "wall_s", "wall_s_min",
    "wall_s_max", "cpu_s", "peak_rss_kib", "ns_per_task",
    "allocations_per_task", "figures", "rounds",
}


def check(holds, what):
    if not holds:
        sys.exit(f"smoke_test.py: {what}")


def run(program, *arguments):
    return subprocess.run([program, *arguments], capture_output=True, text=True)


def check_peer(program):
    listed = run(program, "--list", "--json")
    check(listed.returncode == 0 and listed.stdout, f"--list: {listed.stderr}")
    for line in listed.stdout.splitlines():
        entry = json.loads(line)
        for library in entry["libraries"]:
            cap = ["--cap", "20"] if entry["takes_cap"] else []
            done = run(program, "--case", entry["case"], "--library", library,
                       "--tasks", "200", *cap, "--threads", "2", "--json",
                       "--rounds", "1")
            name = f"{entry['case']}, {library}"
            check(done.returncode == 0, f"{name}: {done.stderr}")
            row = json.loads(done.stdout)
            check(set(row) == KEYS, f"{name}: keys {sorted(row)}")
            check(row["case"] == entry["case"] and row["library"] == library
                  and row["tasks"] == 200 and row["rounds"] == 1, f"{name}: {row}")
            check(row["cap"] == (20 if entry["takes_cap"] else None),
                  f"{name}: cap {row['cap']}")
    for arguments in [["--case", "none", "--library", "none", "--tasks", "1"],
                      ["--tasks", "0"], ["--tasks", "ten"], ["--no-such", "1"]]:
        check(run(program, *arguments).returncode in (1, 2), f"{arguments}")


def check_page(programs):
    driver = pathlib.Path(__file__).parent / "run.py"
    with tempfile.TemporaryDirectory() as folder:
        done = run(sys.executable, str(driver), "--programs", str(programs),
                   "--quick", "--rounds", "1", "--only", "yield,cap",
                   "--data", f"{folder}/rows", "--out", folder, "--no-pictures")
        check(done.returncode == 0, done.stderr)
        page = pathlib.Path(folder, "performance.md").read_text("utf-8")
    for text in ("| **weir** |", "| Boost.Fiber, work_stealing |", "worst/best",
                 "`yield`: 2,000 tasks, at most 100 in flight, 2 threads",
                 "Not measured yet", "say nothing"):
        check(text in page, f"the page has '{text}':\n{page}")
    check(run(sys.executable, str(driver), "--programs", "x",
              "--only", "none").returncode == 2, "--only none")


if __name__ == "__main__":
    first = pathlib.Path(sys.argv[1]).resolve()
    beside = [first.with_name(name) for name in ("peer-go", "peer-tokio")]
    given = [pathlib.Path(each).resolve() for each in sys.argv[1:]]
    for each in dict.fromkeys([*given, *(each for each in beside if each.exists())]):
        check_peer(each)
    check_page(first.parents[1])
