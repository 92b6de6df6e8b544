#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
# Part of weir: structured concurrency for Boost.Asio.
"""Breaks the core in one place at a time, and checks that a test fails each time.

    run.py [--only NAME,...] [--build plain|tsan|schedules] [--slice K/N]
           [--jobs N] [--work DIR]
    run.py --list | --check

mutants.toml lists the mutants, each with the test that must fail. All of those
of one build are compiled into one program, from a copy of the sources in which
    old      is now      (WEIR_MUTANT(7) ? (new) : (old))
or, for a statement,     if (WEIR_MUTANT(7)) { new } else { old }
and the environment variable WEIR_MUTANT selects the active one. So a mutant costs
a run of its test and no compilation.

It fails if a test does not pass without a mutant, and if a mutant survives, is
not found exactly once, or does not compile. A test that hangs has found its mutant,
too.

--check      checks that each is found once, and its test by name; builds nothing
--slice K/N  the K-th of N parts, each commit divides anew
CXX          compiler of the plain build; g++ if unset
CXX_TSAN     of the others; clang++-19 if unset
"""

import argparse
import concurrent.futures
import os
import pathlib
import re
import resource
import shlex
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from mutants import (  # noqa: E402
    ROOT, Wrong, check, choose, mutate, read_list, read_sources, sources_of)

FLAGS = ["-std=c++20", "-w", "-pthread", "-DBOOST_TEST_DYN_LINK"]
TSAN = ["-O1", "-gline-tables-only", "-fsanitize=thread"]
BUILDS = {
    # Any suite of the unit tests.
    "plain": {
        "compiler": ("CXX", "g++"),
        "flags": ["-O0"],
        "main": ["test/support/main.cpp"],
        "without": [],
        "patience": 3,
    },
    # Suites that need no library, with real threads under ThreadSanitizer.
    "tsan": {
        "compiler": ("CXX_TSAN", "clang++-19"),
        "flags": TSAN,
        "main": ["test/support/main.cpp", "test/mutants/no_library.cpp",
                 "lib/base/built_with.cpp", "lib/base/sync.cpp"],
        "without": None,
        "patience": 15,
    },
    # Suites of test/explorer, whose fibers are threads to ThreadSanitizer; as
    # weir-schedules in test/explorer/meson.build.
    "schedules": {
        "compiler": ("CXX_TSAN", "clang++-19"),
        "flags": TSAN + [
            '-DWEIR_SYNC_HEADER="explorer/explore_sync.hpp"',
            "-DWEIR_SYNC_POLICY=weir::test::explore_sync",
            "-DWEIR_TSAN_FIBERS",
        ],
        "main": ["test/explorer/main.cpp", "test/explorer/engine.cpp",
                 "test/explorer/hand_timer.cpp"],
        "without": ["base/frame_cache.cpp", "runtime/scheduler.cpp"],
        # Not code of a model's threads.
        "apart": ["test/explorer/explorer.cpp",
                  "test/explorer/explorer_fibers.cpp"],
        "patience": 5,
    },
}
# Seconds for a killer. With a mutant on, 10 times as long as without, but at
# least "patience", is a hang.
LONGEST = 60
# So many suites to a compilation.
TOGETHER = 6
SWITCH = """\
#pragma once
#include <cstdlib>
inline const int weir_mutant = [] {
  const char* const number = std::getenv("WEIR_MUTANT");
  return number != nullptr ? std::atoi(number) : 0;
}();
#define WEIR_MUTANT(number) (__builtin_expect(weir_mutant == (number), 0))
"""


# --- building ----------------------------------------------------------------


def write(path, text):
    """Writes only changed text, so that compiler caches stay valid."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text("utf-8") != text:
        path.write_text(text, "utf-8")


def copy_tree(work, mutants):
    """The sources, with all mutants in them, switched off."""
    texts = read_sources()
    mutate(texts, mutants)
    if (work / "source").exists():
        for path in (work / "source").rglob("*.[ch]pp"):
            if str(path.relative_to(work / "source")) not in texts:
                path.unlink()
    for file, text in texts.items():
        write(work / "source" / file, text)
    write(work / "source/mutant.hpp", SWITCH)


def units_of(build, mutants):
    """Files to be compiled together, which is much cheaper."""
    units = [build["main"]]
    if build["without"] is not None:
        names = re.findall(r"'([\w/]+\.cpp)'", (ROOT / "lib/meson.build").read_text())
        library = [f"lib/{name}" for name in names if name not in build["without"]]
        units += [library[0::2], library[1::2]]
    suites = sorted({m.killer.split("/")[0] for m in mutants})
    tests = [str(path) for path in sources_of(suites)]
    return units + [tests[i:i + TOGETHER] for i in range(0, len(tests), TOGETHER)]


def compile_all(kind, mutants, work, jobs):
    """Returns the program."""
    build = BUILDS[kind]
    variable, default = build["compiler"]
    compiler = shlex.split(os.environ.get(variable, default))
    flags = FLAGS + build["flags"]
    source = work / "source"
    out = work / kind
    out.mkdir(parents=True, exist_ok=True)

    units = units_of(build, mutants)
    if "apart" in build:
        units += [[file] for file in build["apart"]]

    def compile_one(numbered):
        number, files = numbered
        unit = out / f"unit{number}.cpp"
        write(unit, "".join(f'#include "{source}/{f}"\n' for f in files))
        command = compiler + flags + ["-include", f"{source}/mutant.hpp"]
        if files[0] in build.get("apart", []):
            command += ["-O2", "-fno-sanitize=all"]
        command += [f"-I{source}/{d}" for d in ("include", "lib", "test")]
        command += ["-c", str(unit), "-o", str(unit.with_suffix(".o"))]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            raise Wrong(f"does not compile:\n{name_mutants(done.stderr, mutants)}")
        return str(unit.with_suffix(".o"))

    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        objects = list(pool.map(compile_one, enumerate(units)))
    program = out / "mutants"
    done = subprocess.run(
        compiler + flags + objects
        + ["-o", str(program), "-lboost_unit_test_framework"],
        capture_output=True, text=True)
    if done.returncode != 0:
        raise Wrong(f"does not link:\n{done.stderr}")
    return program


def name_mutants(errors, mutants):
    """The compiler's first errors, with the mutants on whose lines they are."""
    shown = [line for line in errors.split("\n") if "error" in line][:10]
    numbers = set(re.findall(r"WEIR_MUTANT\((\d+)\)", errors))
    shown += [f"in mutant {m.name}" for m in mutants if str(m.number) in numbers]
    return "\n".join(shown or errors.split("\n")[:20])


# --- running -----------------------------------------------------------------


def run_killer(program, kind, killer, number, timeout):
    """How the test ended: passed, failed, raced, crashed or hung; its output."""
    environment = dict(os.environ, WEIR_MUTANT=str(number))
    if kind != "plain":
        environment["TSAN_OPTIONS"] = ":".join([
            f'suppressions="{ROOT}/test/tsan.supp"', "halt_on_error=1"])
    process = subprocess.Popen(
        [program, f"--run_test={killer}"], env=environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, errors="replace",
        start_new_session=True)
    try:
        output, _ = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output, _ = process.communicate()
        return "hung", output
    if process.returncode == 0:
        return "passed", output
    if process.returncode == 200:
        raise Wrong(f"{killer}: {output.strip()}")
    if "ThreadSanitizer" in output:
        return "raced", output
    failed = re.search(r'error: in "[^"]*"', output)
    return ("failed" if failed and process.returncode == 201 else "crashed"), output


def rerun(m):
    return f"test/mutants/run.py --only {m.name}"


def run_build(kind, mutants, work, jobs):
    """Prints a line for each; returns how many survived."""
    begin = time.monotonic()
    program = compile_all(kind, mutants, work, jobs)
    print(f"{kind}: built in {time.monotonic() - begin:.0f} s", flush=True)

    def timed(killer, number, timeout):
        begin = time.monotonic()
        how, output = run_killer(program, kind, killer, number, timeout)
        return how, output, time.monotonic() - begin

    survived = 0
    broken = []
    patience = {}
    # Many mutants that hang only sleep.
    with concurrent.futures.ThreadPoolExecutor(2 * jobs) as pool:
        killers = sorted({m.killer for m in mutants})
        ends = pool.map(lambda k: timed(k, 0, LONGEST), killers)
        for killer, (how, output, took) in zip(killers, ends):
            patience[killer] = max(BUILDS[kind]["patience"], 10 * took)
            if how != "passed":
                broken.append(f"{killer} {how} with no mutant on:\n{output}")
        if broken:
            raise Wrong("\n".join(broken))
        print(f"{kind}: {len(killers)} killers pass without a mutant "
              f"after {time.monotonic() - begin:.0f} s", flush=True)
        ends = pool.map(
            lambda m: timed(m.killer, m.number, patience[m.killer]), mutants)
        for m, (how, output, took) in zip(mutants, ends):
            survived += how == "passed"
            verdict = "SURVIVED" if how == "passed" else "killed"
            print(f"{verdict:9}{m.name:44}{took:5.1f} s  {m.killer} {how}",
                  flush=True)
            if how == "passed":
                print(f"    {m.file}: {m.old} -> {m.new}\n    again: {rerun(m)}")
    return survived


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only")
    parser.add_argument("--build", choices=BUILDS)
    parser.add_argument("--slice", metavar="K/N")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--work", type=pathlib.Path,
                        default=ROOT / "build/mutants")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    begin = time.monotonic()
    try:
        mutants = choose(read_list(BUILDS), options)
        if options.list:
            for m in mutants:
                print(f"{m.name:44} {m.file}\n  {m.why}\n  killed by {m.killer}"
                      f"{'' if m.build == 'plain' else f' ({m.build})'}")
            return 0
        if options.check:
            check(mutants)
            return 0
        survived = 0
        for kind in BUILDS:
            part = [m for m in mutants if m.build == kind]
            if part:
                copy_tree(options.work.resolve() / kind, part)
                survived += run_build(kind, part, options.work.resolve() / kind,
                                      options.jobs)
    except Wrong as wrong:
        print(f"mutants: {wrong}", file=sys.stderr)
        return 1
    print(f"prove: mutants total={len(mutants)} killed={len(mutants) - survived} "
          f"survived={survived} seconds={time.monotonic() - begin:.0f}")
    return 1 if survived else 0


if __name__ == "__main__":
    sys.exit(main())
