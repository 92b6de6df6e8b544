#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
# Part of weir: structured concurrency for Boost.Asio.
"""Runs the parts of the proof and writes docs/evidence.md from their figures.

usage: prove.py --dev DEV --builds FOLDER [OPTION...]

  --minutes N     how long the parts without an end of their own search (60).
                  Building, tests under sanitizers and coverage take their time in
                  addition
  --only NAME,... these parts only; writes no page
  --slice         the short slice of .ci/run: the parts that have one, from the
                  debug build; writes no page
  --resume        does not run a part again that has succeeded with the same
                  program, or for the same sources, in the same time: to continue
                  after a break, or after a part has failed
  --page FILE     the page (docs/evidence.md)
  --list          the names of the parts

A part that fails, or does not exist, does not stop the others; the exit status is
then 1, and also if a target was missed.
"""

import argparse
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field

import machine
import page
from parts import PARTS

ROOT = pathlib.Path(__file__).resolve().parents[2]
LAST_LINE = re.compile(r"^prove: (?P<name>[\w-]+)(?P<figures>( [\w-]+=-?\d+(\.\d+)?)+)$",
                       re.MULTILINE)


@dataclass
class Outcome:
    part: object
    figures: dict = field(default_factory=dict)
    problem: str = ""  # why it failed
    command: str = ""
    seconds: float = 0  # without building
    told: str = ""  # what it printed, without its figures


def say(text):
    print(text, flush=True)


def number(word):
    return float(word) if "." in word else int(word)


def figures_in(output, name, pattern=""):
    """Of the last lines of that name, or else of what the part's own pattern
    finds last."""
    words = dict(word.split("=") for line in LAST_LINE.finditer(output)
                 if line["name"] == name for word in line["figures"].split())
    if not words and pattern:
        for found in re.finditer(pattern, output, re.MULTILINE):
            words = found.groupdict()
    return {key: number(value) for key, value in words.items()}


def run(command, log, environment):
    """(exit status, output); all of it is in the file `log`, too."""
    with open(log, "a", encoding="utf-8", errors="replace") as out:
        out.write(f"$ {' '.join(command)}\n")
        out.flush()
        begin = out.tell()
        try:
            status = subprocess.run(
                command, stdin=subprocess.DEVNULL, stdout=out,
                stderr=subprocess.STDOUT,
                env={**os.environ, **environment}).returncode
        except OSError as e:
            return 127, str(e)
    text = pathlib.Path(log).read_text("utf-8", errors="replace")
    return status, text[begin:]


def tsan_options():
    """As in test/meson.build: a suppression needs names to match."""
    symbolizers = filter(None, map(shutil.which, (
        "llvm-symbolizer-19", "llvm-symbolizer", "addr2line")))
    by = next((f'external_symbolizer_path="{path}"' for path in symbolizers),
              "symbolize=1")
    return ":".join([by, f'suppressions="{ROOT}/test/tsan.supp"',
                     "halt_on_error=1", "second_deadlock_stack=1"])


def tail(text, lines=20):
    return "\n".join(text.splitlines()[-lines:])


class Prover:
    def __init__(self, chosen):
        self.chosen = chosen
        self.logs = chosen.builds / "prove-logs"
        self.logs.mkdir(parents=True, exist_ok=True)
        self.share = sum(part.minutes for part in PARTS)
        self.sources = machine.sources(ROOT)

    def seconds_of(self, part):
        if self.chosen.slice:
            return part.seconds
        return round(60 * self.chosen.minutes * part.minutes / self.share)

    def build(self, part, log):
        """The program, or None and what is wrong."""
        folder = self.chosen.builds / ("debug" if self.chosen.slice
                                       else part.program.build)
        status, output = run(["meson", "compile", "-C", str(folder),
                              part.program.target], log, {})
        if status != 0:
            return None, f"{part.program.target} cannot be built\n{tail(output)}"
        return folder / part.program.target, ""

    def made_of(self, part, program):
        """What the outcome of a part depends on, apart from chance."""
        it = [self.seconds_of(part)]
        if program:
            it.append(hashlib.sha256(program.read_bytes()).hexdigest())
        if not program or "{root}" in " ".join(part.command):
            it.append(self.sources)
        return it

    def kept_in(self, part):
        return self.logs / f"{part.name}{'-slice' * self.chosen.slice}.json"

    def keep(self, outcome, program):
        kept = {key: value for key, value in vars(outcome).items()
                if key not in ("part", "problem")}
        self.kept_in(outcome.part).write_text(json.dumps({
            "made_of": self.made_of(outcome.part, program), "outcome": kept}),
            "utf-8")

    def kept(self, part, program):
        """The outcome that keep() was given, or None."""
        it = self.made_of(part, program)
        if not self.chosen.resume or "" in it:  # uncommitted sources may change again
            return None
        try:
            found = json.loads(self.kept_in(part).read_text("utf-8"))
            return (Outcome(part, **found["outcome"])
                    if found["made_of"] == it else None)
        except (OSError, ValueError, KeyError, TypeError):
            return None  # never kept, cut off, or by another version of this

    def run(self, part):
        """Runs the part, unless its outcome is kept from before."""
        program = None
        if part.program:
            log = self.logs / f"{part.name}-build.log"
            log.unlink(missing_ok=True)
            program, problem = self.build(part, log)
            if not program:
                return Outcome(part, problem=problem)
        outcome = self.kept(part, program)
        if outcome is None:
            outcome = self.run_anew(part, program)
            if not outcome.problem:
                self.keep(outcome, program)
        return outcome

    def run_anew(self, part, program):
        outcome = Outcome(part)
        log = self.logs / f"{part.name}.log"
        log.unlink(missing_ok=True)
        scratch = self.logs / part.name
        scratch.mkdir(exist_ok=True)
        words = {"seconds": self.seconds_of(part), "root": str(ROOT),
                 "builds": str(self.chosen.builds), "dev": str(self.chosen.dev),
                 "scratch": str(scratch), "program": str(program)}
        template = part.slice if self.chosen.slice else part.command
        command = [word.format(**words) for word in template]
        # For the page: from the root of the repository.
        outcome.command = " ".join(command).replace(
            words["dev"], "./dev").replace(words["builds"], "build").replace(
            words["root"] + "/", "").replace(words["root"], ".")
        begin = time.monotonic()
        under_tsan = part.program and part.program.build == "tsan"
        status, output = run(
            command, log, {"TSAN_OPTIONS": tsan_options()} if under_tsan else {})
        outcome.seconds = time.monotonic() - begin
        outcome.figures = figures_in(output, part.name.partition("-")[0],
                                     part.reads)
        outcome.told = LAST_LINE.sub("", output).strip()
        if status != 0:
            outcome.problem = f"exit status {status}\n{tail(output)}"
        elif not outcome.figures:
            outcome.problem = "it told no figures"
        return outcome

    def asks_for(self, target):
        """Whether the target applies: a short run cannot reach what takes an hour."""
        if self.chosen.slice:
            return target.sign != ">=" or not target.takes_time
        return not target.takes_time or self.chosen.minutes >= 60


def parse(arguments):
    parser = argparse.ArgumentParser(prog="./dev prove", add_help=False,
                                     allow_abbrev=False)
    for flag in "help", "list", "slice", "resume":
        parser.add_argument(f"--{flag}", action="store_true")
    parser.add_argument("--dev", type=pathlib.Path)
    parser.add_argument("--builds", type=pathlib.Path)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--only", default="")
    parser.add_argument("--page", type=pathlib.Path,
                        default=ROOT / "docs/evidence.md")
    chosen = parser.parse_args(arguments)
    if chosen.help:
        print(__doc__)
        sys.exit()
    if chosen.dev is None or chosen.builds is None:
        parser.error("--dev and --builds are missing")
    if not chosen.minutes > 0:
        parser.error(f"--minutes is {chosen.minutes:g}, must be above 0")
    names = [name for name in chosen.only.split(",") if name]
    for name in names:
        if name not in [part.name for part in PARTS]:
            parser.error(f"--only is '{name}', must be of "
                         f"{', '.join(part.name for part in PARTS)}")
    if chosen.list:
        for part in PARTS:
            print(f"{part.name}: {part.title}")
        sys.exit()
    # For the page.
    chosen.command = (f"`./dev prove --minutes {chosen.minutes:g}"
                      + " --resume" * chosen.resume + "`")
    chosen.parts = [part for part in PARTS
                    if (not names or part.name in names)
                    and (part.slice or not chosen.slice)]
    return chosen


def main():
    chosen = parse(sys.argv[1:])
    prover = Prover(chosen)
    outcomes, bad = [], 0
    for part in chosen.parts:
        say(f"== {part.name}: {part.title} ==")
        outcome = prover.run(part)
        outcomes.append(outcome)
        missed = [target for target in part.targets
                  if prover.asks_for(target)
                  and not target.is_met(outcome.figures)]
        if not outcome.problem and missed:
            outcome.problem = "missed: " + ", ".join(
                page.target_of(target) for target in missed)
        bad += bool(outcome.problem)
        say(f"{page.figures_of(outcome)} ({outcome.seconds:.0f} s)")
        if outcome.problem:
            say(f"failed: {part.name}: {outcome.problem}\n"
                f"all of it: {prover.logs}/{part.name}.log")
    if not chosen.only and not chosen.slice:
        chosen.page.write_text(
            page.render(outcomes, [("command", chosen.command),
                                   *machine.describe(ROOT)],
                        chosen.minutes, prover.share), encoding="utf-8")
        say(f"written: {chosen.page}")
    # .ci/run adds up lines of this form.
    say(f"{len(outcomes) - bad} passed, {bad} failed")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
