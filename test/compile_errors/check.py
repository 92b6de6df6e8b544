#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
# Part of weir: structured concurrency for Boost.Asio.
"""Compiles mistakes, and compares the first error with what is expected.

    check.py WORK_FOLDER COMPILER ARG... [--only NAME]

Each mistake is in a file of this folder, in its own #ifdef; its correct twin is
in the #else. The comment before it says what the compiler
must say:

    // error: the sentence
    #ifdef name_of_the_mistake

The sentence must be in the first line of the output that has `error:`, and
there must be no more than one such line. Other beginnings:

    // errors 2: the sentence        two lines may say error
    // note: the sentence            it may be in any of the first lines
    // error with g++ 12: sentence   other compilers take it

Without a macro each file must compile. Each sentence of a static_assert in
the headers must be expected by a mistake.

Mistakes of a file that expect different sentences are compiled together: then
each sentence must be in one line that has `error:`, and no other may be. If
that fails each is compiled alone, and that counts.
"""

import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys
from dataclasses import dataclass

HERE = pathlib.Path(__file__).parent
INCLUDE = HERE.parent.parent / "include"
NOTE_LINES = 30
SECONDS = 600  # for one compilation

EXPECTED = re.compile(
    r"^(?P<kind>error|errors (?P<count>\d+)|note|error with g\+\+ 12): (?P<text>.*)$"
)
# Not for users: they report an error of the library itself.
OURS = {
    "promise_base::handle() relies on it",
}


@dataclass
class Mistake:
    path: pathlib.Path
    name: str
    text: str
    errors: int
    is_note: bool
    only_gcc_12: bool


def mistakes_of(path):
    found = []
    comment = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        stripped = line.strip()
        if stripped.startswith("//"):
            comment.append(stripped[2:].strip())
            continue
        if stripped.startswith("#ifdef "):
            match = EXPECTED.match(" ".join(comment))
            if match is None:
                sys.exit(f"{path}:{number}: no expected error before the #ifdef")
            found.append(
                Mistake(
                    path,
                    stripped.split()[1],
                    match["text"],
                    int(match["count"] or 1),
                    match["kind"] == "note",
                    match["kind"].endswith("12"),
                )
            )
        comment = []
    return found


# The sentences of the static_asserts in the headers.
def sentences():
    literal = r'"(?:[^"\\]|\\.)*"'
    pattern = re.compile(rf"static_assert\s*\([^;]*?,\s*({literal}(?:\s*{literal})*)\s*\)\s*;")
    found = set()
    for path in sorted(INCLUDE.rglob("*.hpp")):
        for match in pattern.finditer(path.read_text()):
            text = "".join(part[1:-1] for part in re.findall(literal, match[1]))
            found.add(" ".join(text.split()))
    return found - OURS


class Compiler:
    def __init__(self, command, work):
        self.command = command + ["-std=c++20", f"-I{INCLUDE}", "-w"]
        version = self.output(["--version"])
        self.is_clang = "clang" in version.lower()
        major = re.search(r"(\d+)\.\d+\.\d+", version)
        self.is_gcc_12 = not self.is_clang and major is not None and int(major[1]) < 13
        self.work = work
        self.work.mkdir(parents=True, exist_ok=True)
        # Must name the files as a user's compiler does, and in English.
        self.environment = dict(os.environ, LC_ALL="C")

    def output(self, args):
        return subprocess.run(
            self.command + args,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
            env=getattr(self, "environment", None),
        ).stdout

    def compile(self, args):
        run = subprocess.run(
            self.command + args,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=SECONDS,
            check=False,
            env=self.environment,
        )
        return run.returncode, run.stdout

    def precompile(self):
        header = self.work / "prelude.hpp"
        header.write_text((HERE / "prelude.hpp").read_text())
        pch = self.work / ("prelude.pch" if self.is_clang else "prelude.hpp.gch")
        code, said = self.compile(["-x", "c++-header", str(header), "-o", str(pch)])
        if code != 0:
            sys.exit(f"prelude.hpp does not compile:\n{said}")
        if self.is_clang:
            self.prelude = ["-include-pch", str(pch)]
        else:
            self.prelude = ["-include", str(header)]

    def check(self, path, names=()):
        source = self.work / path.name
        defines = [f"-D{name}" for name in names]
        return self.compile([*self.prelude, *defines, "-fsyntax-only", "-x", "c++", str(source)])


    def takes(self, mistake):
        return mistake.only_gcc_12 and not self.is_gcc_12

    # The mistakes of one file in batches, in which no two expect the same sentence.
    def batches(self, mistakes):
        found = []
        for mistake in mistakes:
            is_simple = mistake.errors == 1 and not mistake.is_note
            if not is_simple or self.takes(mistake):
                found.append([mistake])
                continue
            for batch in found:
                if all(
                    m.errors == 1
                    and not m.is_note
                    and not self.takes(m)
                    and m.text != mistake.text
                    for m in batch
                ):
                    batch.append(mistake)
                    break
            else:
                found.append([mistake])
        return found

    # What is wrong with each of a batch, as text.
    def check_batch(self, batch):
        if len(batch) > 1:
            _, said = self.check(batch[0].path, [m.name for m in batch])
            _, errors = lines_of(said)
            if len(errors) == len(batch) and all(
                sum(m.text in line for line in errors) == 1 for m in batch
            ):
                return []
        failures = []
        for mistake in batch:
            code, said = self.check(mistake.path, [mistake.name])
            if problem := wrong(mistake, self, code, said):
                failures.append(
                    f"{mistake.path.name}: {mistake.name}: {problem}\n"
                    f"  expected: {mistake.text}\n  the compiler: {said[:1500]}"
                )
        return failures


def lines_of(said):
    lines = [" ".join(line.split()) for line in said.splitlines()]
    return lines, [line for line in lines if re.search(r"\berror: ", line)]


def wrong(mistake, compiler, code, said):
    lines, errors = lines_of(said)
    if compiler.takes(mistake):
        return "" if code == 0 else "does not compile"
    if code == 0 or not errors:
        return "compiles"
    if len(errors) > mistake.errors:
        return f"{len(errors)} lines say error, not {mistake.errors}"
    looked_at = lines[:NOTE_LINES] if mistake.is_note else errors[:1]
    if not any(mistake.text in line for line in looked_at):
        return "says something else"
    return ""


def main(args):
    only = None
    if "--only" in args:
        at = args.index("--only")
        only = args[at + 1]
        del args[at : at + 2]
    compiler = Compiler(args[1:], pathlib.Path(args[0]))
    files = sorted(HERE.glob("*.cpp"))
    for path in files:  # beside the precompiled header
        text = path.read_text().replace('#include "prelude.hpp"', "")
        (compiler.work / path.name).write_text(text)
    mistakes = [m for path in files for m in mistakes_of(path)]
    failures = [
        f"no mistake expects this sentence of the headers: {text}"
        for text in sorted(sentences() - {m.text for m in mistakes})
    ]
    if only:
        failures = []
        mistakes = [m for m in mistakes if m.name == only]
        if not mistakes:
            sys.exit(f"there is no mistake of the name {only}")
        files = []
    compiler.precompile()
    if only:
        print(compiler.check(mistakes[0].path, [only])[1])
    with concurrent.futures.ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        twins = [(path, pool.submit(compiler.check, path)) for path in files]
        runs = [
            pool.submit(compiler.check_batch, batch)
            for path in sorted({m.path for m in mistakes})
            for batch in compiler.batches([m for m in mistakes if m.path == path])
        ]
        for path, run in twins:
            code, said = run.result()
            if code != 0:
                failures.append(f"{path.name}: does not compile without a mistake:\n{said[:4000]}")
        for run in runs:
            failures += run.result()
    for failure in failures:
        print(failure)
    print(f"{len(mistakes)} mistakes in {len(runs)} batches, {len(failures)} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
