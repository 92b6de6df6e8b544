#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
# Part of weir: structured concurrency for Boost.Asio.
"""Checks whether memory grows with the number of tasks: peak RSS of weir-perf's case
spawn_join, with few tasks and with many, each in a separate process.

usage: memory.py WEIR_PERF
"""

import json
import subprocess
import sys

CAP, FEW, MANY = 1_000, 1_000, 10_000_000
ROUNDS = 3


def peak_kib(program, tasks):
    """The highest of a few rounds."""
    done = subprocess.run(
        [program, "--case", "spawn_join", "--library", "weir", "--cap", str(CAP),
         "--tasks", str(tasks), "--threads", "2", "--rounds", "1",
         "--no-allocations", "--json"],
        stdout=subprocess.PIPE, text=True, check=True, timeout=600)
    [row] = [json.loads(line) for line in done.stdout.splitlines()]
    return row["peak_rss_kib"]


def main():
    program = sys.argv[1]
    baseline = min(peak_kib(program, FEW) for _ in range(ROUNDS))
    peak = max(peak_kib(program, MANY) for _ in range(ROUNDS))
    print(f"prove: memory tasks={MANY} cap={CAP} "
          f"baseline_mib={baseline / 1024:.2f} peak_mib={peak / 1024:.2f} "
          f"above_baseline_mib={(peak - baseline) / 1024:.2f}")


if __name__ == "__main__":
    main()
