# SPDX-License-Identifier: BSL-1.0
# Part of weir: structured concurrency for Boost.Asio.
"""The list of mutants, and the sources with all of them in it."""

import pathlib
import re
import subprocess
import tomllib

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
# Further lines within which `old` must follow `after`.
REACH = 12


class Wrong(Exception):
    """What is wrong with the list or with the sources."""


class Mutant:
    def __init__(self, number, record):
        self.number = number
        self.build = record.pop("build", "plain")
        self.after = record.pop("after", None)
        try:
            for field in ("name", "file", "old", "new", "killer", "why"):
                setattr(self, field, record.pop(field))
        except KeyError as missing:
            raise Wrong(f"mutant {number}: no {missing}") from None
        if record:
            raise Wrong(f"{self.name}: unknown field {list(record)}")

    def place(self, text):
        """Where `old` begins in the text of the file."""
        start, end = 0, len(text)
        if self.after is not None:
            if text.count(self.after) != 1:
                raise Wrong(f"{self.name}: `after` is {text.count(self.after)} times "
                            f"in {self.file}, must be there once")
            start = text.index(self.after) + len(self.after)
            end = len("\n".join(text[start:].split("\n")[:REACH])) + start
        found = text.count(self.old, start, end)
        if found == 0 or (found != 1 and self.after is None):
            raise Wrong(f"{self.name}: `old` is {found} times in {self.file}, "
                        "must be there once")
        return text.index(self.old, start, end)

    def switch(self, otherwise):
        on = f"WEIR_MUTANT({self.number})"
        if self.old.endswith(";"):
            return f"if ({on}) {{ {self.new} }} else {{ {otherwise} }}"
        return f"({on} ? ({self.new}) : ({otherwise}))"


def read_list(builds):
    with open(HERE / "mutants.toml", "rb") as file:
        records = tomllib.load(file)["mutant"]
    mutants = [Mutant(i + 1, record) for i, record in enumerate(records)]
    names = [m.name for m in mutants]
    for m in mutants:
        if m.build not in builds:
            raise Wrong(f"{m.name}: no build {m.build}")
    if len(set(names)) != len(names):
        raise Wrong("two mutants have the same name")
    return mutants


def read_sources():
    texts = {}
    for room in ("include", "lib", "test"):
        for path in sorted((ROOT / room).rglob("*.[ch]pp")):
            texts[str(path.relative_to(ROOT))] = path.read_text("utf-8")
    return texts


def check(mutants):
    texts = read_sources()
    mutate(texts, mutants)
    for m in mutants:
        suite, case = m.killer.split("/")
        file = next(sources_of([suite]))
        if not re.search(rf"TEST_CASE\(\s*{case}[,)]", texts[str(file)]):
            raise Wrong(f"{m.name}: no case {case} in {file}")
    print(f"{len(mutants)} mutants, each in its place")


def mutate(texts, mutants):
    """Puts all mutants into the texts of the files."""
    places = {}
    for m in mutants:
        if m.file not in texts:
            raise Wrong(f"{m.name}: no file {m.file}")
        places.setdefault(m.file, []).append((m.place(texts[m.file]), m))
    for file, found in places.items():
        found.sort(key=lambda one: one[0], reverse=True)
        text, begin = texts[file], len(texts[file])
        while found:
            at, first = found[0]
            here = [m for place, m in found if place == at]
            found = found[len(here):]
            if at + len(first.old) > begin or len({m.old for m in here}) != 1:
                raise Wrong(f"{first.name}: overlaps another mutant")
            now = first.old
            for m in here:
                now = m.switch(now)
            text, begin = text[:at] + now + text[at + len(first.old):], at
        texts[file] = text


def sources_of(suites):
    """The files of the suites; each suite has the name of its file."""
    for suite in suites:
        found = list((ROOT / "test").rglob(f"{suite}.cpp"))
        if len(found) != 1:
            raise Wrong(f"no suite {suite}, or more than one")
        yield found[0].relative_to(ROOT)


def commit_number():
    head = subprocess.run(["git", "-C", str(ROOT), "rev-parse", "HEAD"],
                          capture_output=True, text=True).stdout.strip()
    return int(head[:8] or "0", 16)


def choose(mutants, options):
    chosen = mutants
    if options.only:
        wanted = options.only.split(",")
        unknown = set(wanted) - {m.name for m in mutants}
        if unknown:
            raise Wrong(f"no mutant {', '.join(sorted(unknown))}")
        chosen = [m for m in chosen if m.name in wanted]
    if options.build:
        chosen = [m for m in chosen if m.build == options.build]
    if options.slice:
        part, parts = (int(n) for n in options.slice.split("/"))
        first = commit_number()
        chosen = [m for m in chosen if (m.number + first) % parts == part - 1]
    return chosen
