#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
# Part of weir: structured concurrency for Boost.Asio.
"""Builds and tests with other compilers, Boosts and options: ./dev matrix.

    matrix.py --builds FOLDER [--only NAME,...] [--list] [--slice] [--jobs N]

A row is a system, a compiler, a standard and options. `suites` builds the
library and the unit suites and runs them; `consumer` builds the library, then
three programs against what it installs: the main template of each header, the
same with types of an anonymous namespace, and the suites of the deterministic
runtime, which depends on Asio's own scheduler. All combinations of the options
would be too many: each value is in some row, with different other values.

--slice runs the rows that need no chroot, with this machine's compilers; those
of which the compiler is missing are left out, and named. The others run in
chroots that debootstrap makes, below the build folder, and need root. The table
is written to FOLDER/matrix/table.md, and if all rows have run to docs/matrix.md.
"""

import argparse
import dataclasses
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = HERE.parent.parent
CHROOT_GIB = 3  # each system
ROW_GIB = {"suites": 1, "consumer": 0.2}  # what it builds
BEGIN, END = "<!-- table -->", "<!-- end of table -->"


@dataclasses.dataclass(frozen=True)
class Row:
    name: str
    system: str  # "host" or what chroots.sh can make
    compiler: str
    std: str = "c++20"
    what: str = "consumer"
    flags: str = ""
    options: str = ""


LIBCXX = "-stdlib=libc++"
UNITY = "-Dunity=on -Dunity_size=30"
LTO = "-Db_lto=true"
DEBIAN_13 = "trixie"
DEBIAN_13_88 = "trixie-boost1.88"
DEBIAN_12 = "bookworm"

ROWS = [
    # The main rows.
    Row("12-gcc-20", DEBIAN_12, "g++", "c++20", "suites"),
    Row("12-clang16-20", DEBIAN_12, "clang++-16", "c++20", "suites"),
    Row("12-clang19-23", DEBIAN_12, "clang++-19", "c++23", "suites"),
    Row("13-gcc-20", DEBIAN_13, "g++", "c++20", "suites"),
    Row("13-clang19-23", DEBIAN_13, "clang++-19", "c++23", "suites"),
    Row("13-boost1.88-gcc-23", DEBIAN_13_88, "g++", "c++23", "suites"),
    Row("13-boost1.88-clang19-20", DEBIAN_13_88, "clang++-19", "c++20", "suites"),
    # The side rows: quick, so a unity build where that is not the question.
    Row("12-gcc-23", DEBIAN_12, "g++", "c++23", options=UNITY),
    # As clang 16 calls C++23.
    Row("12-clang16-23", DEBIAN_12, "clang++-16", "c++2b", options=UNITY),
    Row("12-libc++-20", DEBIAN_12, "clang++-19", flags=LIBCXX, options=UNITY),
    Row("13-libc++-23", DEBIAN_13, "clang++-19", "c++23", flags=LIBCXX,
        options=UNITY),
    Row("13-boost1.88-libc++-20", DEBIAN_13_88, "clang++-19", flags=LIBCXX,
        options=UNITY),
    Row("12-gcc-no-rtti", DEBIAN_12, "g++", flags="-fno-rtti", options=UNITY),
    Row("13-clang19-no-rtti", DEBIAN_13, "clang++-19", "c++23",
        flags="-fno-rtti", options=UNITY),
    Row("13-boost1.88-gcc-no-rtti", DEBIAN_13_88, "g++", flags="-fno-rtti",
        options=UNITY),
    Row("12-clang16-unity", DEBIAN_12, "clang++-16", options=UNITY),
    Row("13-gcc-unity", DEBIAN_13, "g++", "c++23", options=UNITY),
    Row("12-gcc-lto", DEBIAN_12, "g++", options=f"{UNITY} {LTO}"),
    Row("13-gcc-lto", DEBIAN_13, "g++", options=LTO),
    Row("13-boost1.88-clang19-lto", DEBIAN_13_88, "clang++-19", "c++23",
        flags="-fuse-ld=lld -Wno-unused-command-line-argument",
        options=f"{UNITY} {LTO}"),
    Row("12-clang19-native", DEBIAN_12, "clang++-19", flags="-march=native",
        options=UNITY),
    Row("13-gcc-native", DEBIAN_13, "g++", "c++23", flags="-march=native",
        options=UNITY),
]
# No chroot: this machine's own.
SLICE = [
    Row("host-unity", "host", "g++", options=UNITY),
    Row("host-lto", "host", "g++", options=f"{UNITY} {LTO}"),
    Row("host-no-rtti", "host", "g++", flags="-fno-rtti", options=UNITY),
    Row("host-23", "host", "g++", "c++23", options=UNITY),
    Row("host-libc++", "host", "clang++-19", flags=LIBCXX, options=UNITY),
]


@dataclasses.dataclass
class Result:
    row: Row
    versions: dict
    checks: list  # (name, passed, failed)
    seconds: float

    @property
    def passed(self):
        return sum(p for _, p, _ in self.checks)

    @property
    def failed(self):
        return sum(f for _, _, f in self.checks)


def fail(text):
    sys.exit(f"matrix: {text}")


def read_output(lines):
    """The `version:` and `check:` lines of row.sh."""
    versions, checks = {}, []
    for line in lines:
        if match := re.fullmatch(r"version: (\w+) (.*)", line.strip()):
            versions[match[1]] = match[2]
        elif match := re.fullmatch(r"check: (\w+) (\d+) (\d+)", line.strip()):
            checks.append((match[1], int(match[2]), int(match[3])))
    return versions, checks


def has_compiler(row):
    """Whether this machine has the compiler and its standard library."""
    if not shutil.which(row.compiler):
        return False
    try_it = [row.compiler, *row.flags.split(), "-x", "c++", "-fsyntax-only", "-"]
    return subprocess.run(
        try_it, input="#include <string>\n", text=True, capture_output=True
    ).returncode == 0


def command(row, folder, jobs):
    """The command of a row: row.sh, on the host or in the row's chroot."""
    ccache = "ccache " if row.system != "host" or shutil.which("ccache") else ""
    settings = [
        f"CXX={ccache}{row.compiler}",
        f"CXX_STD={row.std}",
        f"CXXFLAGS={row.flags}",
        f"OPTIONS={row.options}",
    ]
    if row.system != "host" or "CCACHE_DIR" not in os.environ:
        settings.append(f"CCACHE_DIR={folder.parent / 'ccache'}")
    run = ["env", *settings, str(HERE / "row.sh"), row.what, str(SOURCE),
           str(folder), str(jobs)]
    if row.system == "host":
        return run
    chroots = folder.parent / "chroots"
    return [str(HERE / "chroots.sh"), "run", str(chroots), row.system,
            str(SOURCE), str(folder.parent), *run]


def run_row(row, builds, jobs):
    """Runs a row, with its output in builds/NAME.log."""
    folder = builds / row.name
    if row.system != "host":
        make = [str(HERE / "chroots.sh"), "make", str(builds / "chroots"), row.system]
        if not (builds / "chroots" / row.system).is_dir():
            print(f"matrix: making {row.system}", flush=True)
            log = builds / f"{row.system}.log"
            with log.open("w", encoding="utf-8") as out:
                if subprocess.run(make, stdout=out, stderr=out).returncode != 0:
                    print(f"failed: matrix: {row.system} could not be made; see {log}")
                    return Result(row, {}, [("chroot", 0, 1)], 0)
    begin = time.monotonic()
    log = builds / f"{row.name}.log"
    with log.open("w", encoding="utf-8") as out:
        subprocess.run(command(row, folder, jobs), stdout=out, stderr=out,
                       stdin=subprocess.DEVNULL)
    text = log.read_text("utf-8", errors="replace")
    versions, checks = read_output(text.splitlines())
    if not checks:
        checks = [("start", 0, 1)]
    result = Result(row, versions, checks, time.monotonic() - begin)
    state = f"{result.passed} passed, {result.failed} failed"
    print(f"matrix: {row.name}: {state} in {result.seconds:.0f} s", flush=True)
    return result


def table(results):
    """The results as a table of Markdown."""
    lines = [
        "| Row | Compiler | C++ | Library | Boost | Options | What ran | Passed | Failed | Seconds |",
        "|---|---|---|---|---|---|---|---:|---:|---:|",
    ]
    for r in results:
        compiler = r.versions.get("compiler", r.row.compiler)
        options = " ".join([r.row.flags, r.row.options]).strip()
        what = ", ".join(name for name, _, _ in r.checks)
        cells = [r.row.name, compiler, r.row.std, r.versions.get("library", ""),
                 r.versions.get("boost", ""), f"`{options}`" if options else "",
                 what, str(r.passed), str(r.failed), f"{r.seconds:.0f}"]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def write_page(text):
    """Puts the table into docs/matrix.md."""
    page = SOURCE / "docs/matrix.md"
    old = page.read_text("utf-8")
    begin, end = old.index(BEGIN) + len(BEGIN), old.index(END)
    page.write_text(f"{old[:begin]}\n\n{text}\n{old[end:]}", "utf-8")


def choose(args):
    rows = SLICE if args.slice else ROWS
    if args.only is None:
        return rows
    all_rows = {row.name: row for row in [*ROWS, *SLICE]}
    chosen = []
    for name in args.only.split(","):
        if name not in all_rows:
            fail(f"no row '{name}'; ./dev matrix --list names them")
        chosen.append(all_rows[name])
    return chosen


def require_chroots(rows, builds):
    """Exits with a message if chroots will not work."""
    systems = {row.system for row in rows} - {"host"}
    if not systems:
        return
    if os.geteuid() != 0:
        fail("its systems are chroots, which only root can make; as another user "
             "run ./dev matrix --slice, which needs none")
    if not shutil.which("debootstrap"):
        fail("no 'debootstrap'; install it and try again")
    if not has_mounts():
        fail("this machine does not let root mount in a namespace of its own, as a "
             "container does not; run ./dev matrix --slice, which needs no chroot")
    missing = [s for s in systems if not (builds / "chroots" / s).is_dir()]
    need = CHROOT_GIB * len(missing) + sum(ROW_GIB[row.what] for row in rows)
    free = shutil.disk_usage(builds).free / 2**30
    print(f"matrix: needs {need:.0f} GiB in {builds}, of which {free:.0f} are free")
    if free < need:
        fail(f"{builds} has {free:.0f} GiB free and {need:.0f} are needed; set "
             "WEIR_BUILD_DIR to a folder with more")


def has_mounts():
    return subprocess.run(
        ["unshare", "--mount", "--propagation", "private", "--", "mount", "-t",
         "tmpfs", "tmpfs", "/mnt"], capture_output=True).returncode == 0


def self_test():
    """The rows are pairwise different, and what row.sh prints is read."""
    names = [row.name for row in [*ROWS, *SLICE]]
    assert len(names) == len(set(names)), "two rows of one name"
    for system in (DEBIAN_12, DEBIAN_13, DEBIAN_13_88):
        for wanted in ("c++20", "c++23"):
            assert any(r.system == system and r.std == wanted for r in ROWS)
        assert any(r.system == system and r.what == "suites" for r in ROWS)
    for part in (LIBCXX, "-fno-rtti", "-march=native", UNITY, LTO):
        assert any(part in f"{r.flags} {r.options}" for r in ROWS), part
    versions, checks = read_output(
        ["version: compiler g++ (Debian 14) 14.2", "noise", "check: suites 12 1"])
    assert versions == {"compiler": "g++ (Debian 14) 14.2"}
    assert checks == [("suites", 12, 1)]
    result = Result(ROWS[0], versions, checks, 1.4)
    assert (result.passed, result.failed) == (12, 1)
    assert "| suites | 12 | 1 | 1 |" in table([result])
    page = (SOURCE / "docs/matrix.md").read_text("utf-8")
    assert page.index(BEGIN) < page.index(END)
    return 0


def main():
    parser = argparse.ArgumentParser(prog="./dev matrix", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--builds", type=pathlib.Path, default=SOURCE / "build")
    parser.add_argument("--only", metavar="NAME,...")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--slice", action="store_true")
    parser.add_argument("--self-test", action="store_true")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    args = parser.parse_args()
    if args.self_test:
        return self_test()
    if args.jobs < 1:
        fail(f"--jobs is {args.jobs}, must be at least 1")
    rows = choose(args)
    if args.list:
        for row in rows:
            print(f"{row.name:26} {row.system:17} {row.compiler:11} {row.std} "
                  f"{row.what:9} {row.flags} {row.options}".rstrip())
        return 0
    builds = args.builds.resolve() / "matrix"
    builds.mkdir(parents=True, exist_ok=True)
    require_chroots(rows, builds)
    left_out = [r.name for r in rows if r.system == "host" and not has_compiler(r)]
    if args.slice:
        print("matrix: the rows in chroots are not part of the slice; ./dev matrix "
              "runs them as root")
    if left_out:
        print(f"matrix: no compiler here for {', '.join(left_out)}: left out")
    results = []
    for row in rows:
        if row.name not in left_out:
            results.append(run_row(row, builds, args.jobs))
            (builds / "table.md").write_text(table(results), "utf-8")
    if {r.row for r in results} >= set(ROWS):
        write_page(table(results))
    print(table(results))
    for result in results:
        for name, _, failed in result.checks:
            if failed:
                log = builds / f"{result.row.name}.log"
                print(f"failed: matrix: {result.row.name}: {name}; see {log}")
    failed = sum(r.failed for r in results)
    print(f"{sum(r.passed for r in results)} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
