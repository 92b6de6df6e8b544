# SPDX-License-Identifier: BSL-1.0
# Part of weir: structured concurrency for Boost.Asio.
"""Runs the programs, each round in processes of its own."""

import json
import os
import pathlib
import statistics
import subprocess
import time
from dataclasses import dataclass


class Failed(Exception):
    pass


@dataclass(frozen=True)
class Contender:
    program: pathlib.Path
    case: str
    library: str
    takes_cap: bool

    def command(self, load, counts=False):
        command = [str(self.program), "--case", self.case, "--library",
                   self.library, *load.arguments(self.takes_cap),
                   "--json", "--rounds", "1"]
        return command + ([] if counts else ["--no-allocations"])


def find_contenders(programs):
    """What weir-perf in that folder and the programs in peers/ can do."""
    peers = sorted(path for path in (programs / "peers").glob("peer-*")
                   if path.is_file() and os.access(path, os.X_OK))
    for program in [programs / "weir-perf", *peers]:
        listed = subprocess.run([program, "--list", "--json"],
                                capture_output=True, text=True, check=True)
        for line in listed.stdout.splitlines():
            entry = json.loads(line)
            for library in entry["libraries"]:
                yield Contender(program, entry["case"], library,
                                entry["takes_cap"])


def busy_seconds():
    """Of all cores, with what the hypervisor took, since the start."""
    with open("/proc/stat", encoding="ascii") as stat:
        fields = [int(word) for word in stat.readline().split()[1:9]]
    user, nice, system, _, _, irq, softirq, steal = fields
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def run(command):
    """The row that the command prints, and the CPU seconds others took."""
    busy, begin = busy_seconds(), time.monotonic()
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True,
                             stderr=subprocess.PIPE)
    output, errors = child.stdout.read(), child.stderr.read()
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        raise Failed(f"{' '.join(command)}: exit status {child.returncode}"
                     f": {errors.strip()}")
    own = used.ru_utime + used.ru_stime
    foreign = max(0.0, busy_seconds() - busy - own)
    return json.loads(output), foreign, time.monotonic() - begin


def run_clean(command, tries):
    """A run that others did not disturb, or the last of `tries`."""
    for _ in range(tries):
        row, foreign, seconds = run(command)
        row["clean"] = foreign <= max(0.03, 0.08 * seconds)
        if row["clean"]:
            break
    return row


def count_allocations(contender, load):
    """Allocations per task, from a round that is not timed."""
    row, _, _ = run(contender.command(load, counts=True))
    return row["allocations_per_task"]


def measure(experiment, loads, contenders, rounds, tries, say):
    """Summaries: one for each load and contender, in that order."""
    for load in loads:
        those = [each for each in contenders if each.case == experiment.case
                 and experiment.takes(each.library, load, each.takes_cap)]
        rows = {each: [] for each in those}
        # Round by round, so that whatever else happens hits all alike.
        for number in range(rounds):
            say(f"{experiment.name}: {load.tasks} tasks, cap {load.cap}, "
                f"{load.threads} threads: round {number + 1} of {rounds}")
            for each in those:
                rows[each].append(run_clean(each.command(load), tries))
        for each in those:
            summary = summarize(rows[each])
            # Go tells the number in each round.
            if summary["allocations_per_task"] is None and not experiment.sweep:
                summary["allocations_per_task"] = count_allocations(each, load)
            yield {"experiment": experiment.name, **summary}


def summarize(rows):
    """Medians, and of the time the extremes; of the clean rounds if any is."""
    clean = [row for row in rows if row["clean"]]
    rows, seen = clean or rows, len(rows)
    first = rows[0]
    wall = [row["wall_s"] for row in rows]
    median = {
        key: statistics.median(row[key] for row in rows)
        for key in ("wall_s", "cpu_s", "peak_rss_kib", "ns_per_task")
    }
    figures = {
        key: statistics.median(row["figures"][key] for row in rows)
        for key in first["figures"]
    }
    return {**first, **median, "wall_s_min": min(wall), "wall_s_max": max(wall),
            "figures": figures, "rounds": seen, "clean": len(clean)}
