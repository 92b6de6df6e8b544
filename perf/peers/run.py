#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
# Part of weir: structured concurrency for Boost.Asio.
"""Measures weir beside its peers, and writes docs/performance.md from it.

usage: run.py --programs FOLDER [OPTION...]

  --programs FOLDER  where weir-perf is, and peers/peer-*
  --rounds N         rounds of each program (7; in the sweeps 3 at most, but 2 N
                     where one takes a few milliseconds)
  --quick            small sizes, two rounds: to see that it works
  --only NAME,...    these experiments; the others keep the rows they have
  --data FILE        where the rows are kept (FOLDER/performance.jsonl)
  --page FILE        the page with the markers (docs/performance.md)
  --out FOLDER       where the page and performance/*.svg go (docs, and the table
                     in README.md; with --quick FOLDER/page)
  --render           measure nothing: page and pictures from the rows
  --no-pictures      the page only
  --list             the names of the experiments
"""

import argparse
import datetime
import json
import os
import pathlib
import platform
import re
import subprocess
import sys

import measure
import page
from experiments import EXPERIMENTS

ROOT = pathlib.Path(__file__).resolve().parents[2]
PICTURES = {
    "time": "Time by case and library",
    "trees": "Time of trees and groups, by case and library",
    "waits": "Time of waiting, by case and library",
    "tasks": "ns per task against tasks",
    "threads": "ns per task against threads",
    "cap": "ns per task against the cap",
    "memory": "Memory against tasks in flight",
}


def say(text):
    print(text, file=sys.stderr, flush=True)


def parse(arguments):
    parser = argparse.ArgumentParser(prog="run.py", usage="see run.py --help", add_help=False,
                                     allow_abbrev=False)
    for flag in "quick", "render", "list", "help", "no-pictures":
        parser.add_argument(f"--{flag}", action="store_true")
    parser.add_argument("--programs", type=pathlib.Path)
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--only", default="")
    parser.add_argument("--data", type=pathlib.Path)
    parser.add_argument("--page", type=pathlib.Path,
                        default=ROOT / "docs/performance.md")
    parser.add_argument("--out", type=pathlib.Path)
    chosen = parser.parse_args(arguments)
    if chosen.help:
        print(__doc__)
        sys.exit()
    if chosen.programs is None and not chosen.list:
        parser.error("--programs is missing")
    if chosen.rounds is None:
        chosen.rounds = 2 if chosen.quick else 7
    if chosen.rounds < 1:
        parser.error(f"--rounds is {chosen.rounds}, must be at least 1")
    names = [name for name in chosen.only.split(",") if name]
    known = [each.name for each in EXPERIMENTS]
    for name in names:
        if name not in known:
            parser.error(f"--only is '{name}', must be of {', '.join(known)}")
    if chosen.list:
        print(*known, sep="\n")
        sys.exit()
    chosen.data = chosen.data or chosen.programs / (
        "quick.jsonl" if chosen.quick else "performance.jsonl")
    chosen.out = chosen.out or (
        chosen.programs / "page" if chosen.quick else ROOT / "docs")
    chosen.experiments = [each for each in EXPERIMENTS
                          if not names or each.name in names]
    return chosen


def first_line(command):
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except OSError:
        return "unknown"
    return (done.stdout.splitlines() or ["unknown"])[0]


def describe_rust(programs):
    """Of the folder in which ./dev built the peer: what it was built with."""
    compiler = "/usr/bin/rustc" if os.access("/usr/bin/rustc", os.X_OK) else "rustc"
    lock = programs.parent / "tokio/Cargo.lock"
    found = lock.exists() and re.search(r'name = "tokio"\nversion = "(.*)"',
                                        lock.read_text("utf-8"))
    return f"{first_line([compiler, '--version'])}, tokio {found[1] if found else 'unknown'}"


def describe_machine(programs):
    """What the figures hold for."""
    # "machine: CPU, N cores; compiler, Boost, weir"
    told = first_line([programs / "weir-perf", "--case", "yield", "--tasks",
                       "100", "--rounds", "1", "--no-allocations"])
    hardware, _, software = told.removeprefix("machine: ").partition("; ")
    kib = next(int(line.split()[1]) for line in open("/proc/meminfo")
               if line.startswith("MemTotal"))
    return [
        ("machine", f"{hardware}, {kib / 2**20:.0f} GiB"),
        ("kernel, C library", f"Linux {platform.release()}, "
                              f"glibc {os.confstr('CS_GNU_LIBC_VERSION').split()[-1]}"),
        ("compiler, libraries", software + ", oneTBB "
         + first_line(["pkg-config", "--modversion", "tbb"])),
        ("Go", first_line(["go", "version"]).removeprefix("go version ")
         + ", x/sync " + first_line(["dpkg-query", "-W", "-f=${Version}",
                                     "golang-golang-x-sync-dev"])),
        ("Rust", describe_rust(programs)),
        ("date", datetime.date.today().isoformat()),
    ]


def read_rows(path):
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def write_rows(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")


def rounds_of(experiment, load, chosen):
    if not experiment.sweep or chosen.quick:
        return chosen.rounds
    # The shorter a round, the more a single one says nothing.
    return chosen.rounds * 2 if load.tasks <= 100_000 else min(chosen.rounds, 3)


def measure_all(chosen):
    """Each experiment is kept when it is done, so that an interrupted run
    goes on with --only."""
    contenders = list(measure.find_contenders(chosen.programs))
    tries = 1 if chosen.quick else 3
    for experiment in chosen.experiments:
        loads = experiment.quick if chosen.quick else experiment.loads
        rows = []
        for load in loads:
            for row in measure.measure(experiment, [load], contenders,
                                       rounds_of(experiment, load, chosen),
                                       tries, say):
                rows.append({**row, "asked": page.load_text(load)})
        kept = [row for row in read_rows(chosen.data)
                if row["experiment"] not in (experiment.name, "machine")]
        machine = {"experiment": "machine",
                   "machine": describe_machine(chosen.programs),
                   "quick": chosen.quick}
        write_rows(chosen.data, [machine, *kept, *rows])


def render(chosen):
    rows = read_rows(chosen.data)
    if not rows:
        sys.exit(f"run.py: nothing measured in {chosen.data}")
    machine = next(row for row in rows if row["experiment"] == "machine")
    texts = {each.name: page.section(each, rows) for each in EXPERIMENTS}
    texts["machine"] = page.table(["", ""], machine["machine"], "---")
    if machine["quick"]:
        texts["machine"] += "\nSMALL SIZES, A FEW ROUNDS: these figures say nothing.\n"
    folder = chosen.out / "performance"
    folder.mkdir(parents=True, exist_ok=True)
    if not chosen.no_pictures:
        import pictures  # needs matplotlib
        pictures.draw_all(EXPERIMENTS, rows, folder)
    for name, title in PICTURES.items():
        if (folder / f"{name}.svg").exists():
            texts[f"picture_{name}"] = f"![{title}](performance/{name}.svg)\n"
    text = page.fill(chosen.page.read_text("utf-8"), texts)
    (chosen.out / "performance.md").write_text(text, "utf-8")
    say(f"written: {chosen.out / 'performance.md'}")
    if chosen.out == ROOT / "docs":
        readme = ROOT / "README.md"
        readme.write_text(page.fill(readme.read_text("utf-8"),
                                    {"summary": page.summary(rows)}), "utf-8")
        say(f"written: {readme}")


def main(arguments):
    chosen = parse(arguments)
    try:
        if not chosen.render:
            measure_all(chosen)
    except measure.Failed as error:
        sys.exit(f"run.py: {error}\nrun.py: what was measured before is kept; "
                 "go on with --only")
    render(chosen)


if __name__ == "__main__":
    main(sys.argv[1:])
