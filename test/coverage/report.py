#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
# Part of weir: structured concurrency for Boost.Asio.
"""How much of lib/ and include/ the tests reach, from their profiles.

usage: report.py BUILD [--files] [--missed]

BUILD is a folder built with coverage, in which `meson test` has just run: the
programs are those of its log, and their profiles are in BUILD/profiles.
  --files   a line for each file
  --missed  each line and branch that is missed, as FILE:LINE

A template counts once, however often it is instantiated: a line or an outcome of
a branch is covered if one instantiation covers it. exclusions.csv names what is
not counted, and why: in a file, or in all (*), each `line` of this text or
/pattern/, the `block` that such a line opens, or only the `branch`es on it. A row
that matches nothing is an error.
"""

import csv
import json
import os
import pathlib
import re
import subprocess
import sys
from collections import defaultdict
from dataclasses import dataclass, field

ROOT = pathlib.Path(__file__).resolve().parents[2]
ROOMS = ("lib/", "include/")
LINES_AT_LEAST, BRANCHES_AT_LEAST = 99.0, 92.0


@dataclass
class File:
    lines: dict = field(default_factory=dict)  # line -> covered?
    # (line, column, end line, end column, outcome) -> covered?
    branches: dict = field(default_factory=dict)

    def drop(self, line, branches_only):
        if not branches_only:
            self.lines.pop(line, None)
        for branch in [branch for branch in self.branches if branch[0] == line]:
            del self.branches[branch]


class ExclusionError(Exception):
    pass


def is_gap(segment):
    _, _, _, has_count, _, gap = segment
    return has_count and gap


def is_code(segment):
    _, _, _, has_count, _, gap = segment
    return has_count and not gap


def is_entry(segment):
    return is_code(segment) and segment[4]


def first_column(line):
    return len(line) - len(line.lstrip()) + 1


def lines_of(segments, text):
    """line -> count: the highest of the regions on a line, and of the one that
    goes on from above, as llvm-cov counts. But not of a gap, the space between
    two regions, if the line's code begins just behind it: llvm-cov takes a line
    behind a block that may return for missed."""
    on_line = defaultdict(list)
    for segment in segments:
        on_line[segment[0]].append(segment)
    counts, wrapped = {}, None
    for line in range(min(on_line, default=0), max(on_line, default=-1) + 1):
        here = on_line.get(line, [])
        entries = [segment for segment in here if is_entry(segment)]
        skipped = here and not here[0][3] and here[0][4]
        goes_on = wrapped is not None and wrapped[3]
        if goes_on and is_gap(wrapped) and here and is_code(here[0]) and (
                here[0][1] == first_column(text[line - 1])):
            goes_on, entries = False, [here[0], *entries]
        if not skipped and (goes_on or entries):
            counts[line] = max([segment[2] for segment in entries]
                               + ([wrapped[2]] if goes_on else []))
        if here:
            wrapped = here[-1]
    return counts


def read_coverage(exported, root):
    """path -> File, of llvm-cov's JSON."""
    files = defaultdict(File)
    names = {}  # path -> name from the root, or None: it is not ours

    def name_of(path):
        if path not in names:
            name = os.path.relpath(os.path.normpath(path), root)
            names[path] = name if name.startswith(ROOMS) else None
        return names[path]

    for entry in exported["files"]:
        if name := name_of(entry["filename"]):
            text = (root / name).read_text("utf-8").splitlines()
            files[name].lines = {line: count > 0 for line, count
                                 in lines_of(entry["segments"], text).items()}
    for function in exported["functions"]:
        for branch in function["branches"]:
            name = name_of(function["filenames"][branch[6]])
            if name is None:
                continue
            known = files[name].branches
            for outcome, count in enumerate(branch[4:6]):
                key = (*branch[:4], outcome)
                known[key] = known.get(key, False) or count > 0
    return files


def exclude(files, rows, root):
    """Takes out what the rows name; how many lines and outcomes that were."""
    taken = 0
    for row in rows:
        where = f"exclusions.csv: {row['file']}: '{row['text']}'"
        if not row["reason"]:
            raise ExclusionError(f"{where}: no reason")
        if row["what"] not in ("line", "block", "branch"):
            raise ExclusionError(f"{where}: '{row['what']}' is none of line, "
                                 "block and branch")
        names = [name for name in files
                 if row["file"] in ("*", name)]
        before = taken
        for name in names:
            file = files[name]
            size = len(file.lines) + len(file.branches)
            for line in lines_named(row, (root / name).read_text("utf-8")):
                file.drop(line, row["what"] == "branch")
            taken += size - len(file.lines) - len(file.branches)
        if taken == before:
            raise ExclusionError(f"{where} matches nothing that is counted")
    return taken


def lines_named(row, text):
    """Those that match; of a block those up to its closing brace, too, which is
    the first that stands below the beginning of the line that matches."""
    lines = text.splitlines()
    for number, code in enumerate(lines, 1):
        if matches(row["text"], code):
            yield number
            indent = code[:len(code) - len(code.lstrip())]
            while row["what"] == "block" and not lines[number - 1].startswith(
                    indent + "}"):
                number += 1
                yield number


def matches(text, code):
    """`text` is a whole line, without its indentation, or /a pattern/ in it."""
    if len(text) > 2 and text[0] == text[-1] == "/":
        return re.search(text[1:-1], code) is not None
    return code.strip() == text


def share(covered):
    covered = list(covered)
    return 100 * sum(covered) / len(covered) if covered else 100.0


def programs_of(log):
    """Those that Meson's log says have run. Others that lie beside them are of
    an earlier build: what they hold was never counted, or is not there any more."""
    return sorted({json.loads(line)["command"][0] for line in log})


def export(build):
    profiles = sorted((build / "profiles").glob("*.profraw"))
    if not profiles:
        sys.exit(f"report.py: no profiles in {build}/profiles")
    with open(build / "meson-logs/testlog.json", encoding="utf-8") as log:
        programs = programs_of(log)
    merged = build / "weir.profdata"
    names = build / "profiles.txt"
    names.write_text("".join(f"{path}\n" for path in profiles), "utf-8")
    subprocess.run(["llvm-profdata-19", "merge", "--sparse", "--failure-mode=all",
                    f"--input-files={names}", "-o", merged], check=True)
    command = ["llvm-cov-19", "export", f"--instr-profile={merged}",
               "--ignore-filename-regex=^/usr/|/test/", programs[0]]
    for program in programs[1:]:
        command += ["--object", program]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)["data"][0]


def rounded_down(percent):
    """98.999 is not 99."""
    return f"{int(percent * 100) / 100:.2f}"


def shortfall(lines, branches):
    """What is missing, in words; nothing if it is enough."""
    return " and ".join(
        f"only {rounded_down(percent)} % of {what} are covered, "
        f"must be at least {least:g} %"
        for percent, least, what in ((lines, LINES_AT_LEAST, "lines"),
                                     (branches, BRANCHES_AT_LEAST, "branches"))
        if percent < least)


def print_missed(files):
    for name, file in sorted(files.items()):
        text = (ROOT / name).read_text("utf-8").splitlines()
        for line, covered in sorted(file.lines.items()):
            if not covered:
                print(f"{name}:{line}: line: {text[line - 1].strip()}")
        for (line, column, *_, outcome), covered in sorted(file.branches.items()):
            if not covered:
                never = ["true", "false"][outcome]
                print(f"{name}:{line}:{column}: never {never}: "
                      f"{text[line - 1].strip()}")


def main():
    build = pathlib.Path(sys.argv[1])
    files = read_coverage(export(build), ROOT)
    with open(pathlib.Path(__file__).with_name("exclusions.csv"),
              encoding="utf-8", newline="") as table:
        rows = list(csv.DictReader(table))
    try:
        excluded = exclude(files, rows, ROOT)
    except ExclusionError as e:
        sys.exit(f"report.py: {e}")
    if "--files" in sys.argv:
        for name, file in sorted(files.items()):
            print(f"{share(file.lines.values()):6.2f} % of lines, "
                  f"{share(file.branches.values()):6.2f} % of branches: {name}")
    if "--missed" in sys.argv:
        print_missed(files)
    all_lines = [c for file in files.values() for c in file.lines.values()]
    all_branches = [c for file in files.values() for c in file.branches.values()]
    lines, branches = share(all_lines), share(all_branches)
    print(f"prove: coverage lines={rounded_down(lines)} "
          f"branches={rounded_down(branches)} "
          f"lines_counted={len(all_lines)} branches_counted={len(all_branches)} "
          f"exclusions={len(rows)} excluded={excluded} files={len(files)}")
    if missing := shortfall(lines, branches):
        sys.exit(f"report.py: {missing}; to see where: "
                 f"{sys.argv[0]} {build} --missed")


if __name__ == "__main__":
    main()
