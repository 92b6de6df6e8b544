#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
# Part of weir: structured concurrency for Boost.Asio.
"""Counts the instructions of weir's hottest operations, with valgrind.

usage: counts.py PROGRAM TABLE [--update]

PROGRAM is weir-counts. An operation is run a few thousand times and then many
thousand times: the difference is the operations' own, whatever start and end
take. Without --update the counts are compared with TABLE, and the exit status
is 1 if one grew by more than 2 %.
"""

import csv
import os
import pathlib
import platform
import re
import statistics
import subprocess
import sys

FEW, MANY = 20_000, 320_000
ROUNDS = 3
TOLERANCE = 0.02
COUNT = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
COLLECTED = re.compile(r"Collected : (\d+)")


def output_of(command):
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    if done.returncode != 0:
        sys.exit(f"counts.py: {' '.join(map(str, command))}: exit status "
                 f"{done.returncode}: {done.stderr.strip()}")
    return done


def instructions(program, operation, count):
    done = output_of([*COUNT, program, operation, str(count)])
    return int(COLLECTED.search(done.stderr)[1])


def per_operation(program, operation):
    """By medians of a few runs: what depends on the clock varies a little."""
    few, many = (
        statistics.median(instructions(program, operation, count)
                          for _ in range(ROUNDS))
        for count in (FEW, MANY))
    return (many - few) / (MANY - FEW)


def compiler_of(program):
    told = output_of([program, "--compiler"]).stdout.strip()
    return f"{told}, {platform.machine()}"


def read_table(path):
    if not path.exists():
        return {}
    with path.open(encoding="utf-8", newline="") as table:
        return {row["operation"]: row for row in csv.DictReader(table)}


def write_table(path, counts, compiler):
    with path.open("w", encoding="utf-8", newline="") as table:
        writer = csv.writer(table, lineterminator="\n")
        writer.writerow(["operation", "instructions", "compiler"])
        for operation, count in counts.items():
            writer.writerow([operation, round(count), compiler])


def compare(counts, compiler, table):
    """Prints the table and tells whether nothing grew."""
    grown = []
    print(f"{'operation':<14}{'instructions':>14}{'table':>10}{'change':>10}")
    for operation, count in counts.items():
        line = f"{operation:<14}{count:>14.0f}"
        row = table.get(operation)
        if row is None:
            print(f"{line}  not in the table")
        elif row["compiler"] != compiler:
            print(f"{line}{row['instructions']:>10}  not compared")
        else:
            change = round(count / int(row["instructions"]) - 1, 6)
            print(f"{line}{row['instructions']:>10}{change:>+10.1%}")
            if change > TOLERANCE:
                grown.append(operation)
    others = {row["compiler"] for row in table.values()} - {compiler}
    if others:
        print(f"compiled by {compiler}; the table holds for "
              f"{', '.join(sorted(others))}")
    if grown:
        print(f"grew by more than {TOLERANCE:.0%}: {', '.join(grown)}")
    return not grown


def main(arguments):
    update = "--update" in arguments
    arguments = [each for each in arguments if each != "--update"]
    if len(arguments) != 2 or any(each.startswith("-") for each in arguments):
        print(__doc__, file=sys.stderr)
        return 2
    program, table = map(pathlib.Path, arguments)
    compiler = compiler_of(program)
    counts = {}
    for operation in output_of([program, "--list"]).stdout.split():
        counts[operation] = per_operation(program, operation)
    is_good = compare(counts, compiler, read_table(table))
    if update:
        write_table(table, counts, compiler)
        print(f"written: {os.path.relpath(table)}")
    return 0 if is_good or update else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
