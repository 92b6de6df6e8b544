#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
# Part of weir: structured concurrency for Boost.Asio.
"""Looks for dependencies that a room of the engine must not have.

    check_rooms.py ROOT         lib/ and include/weir
    check_rooms.py --self-test  does it find what it should?

up: an include of a room on a higher floor. The floors are those of ROOMS, lowest
    first; a public header is on the highest floor of what it includes.
elsewhere: a class whose members are defined in another room than the one that
    declares it, or in more than two files.
unknown: a folder that ROOMS does not have, or that lib/README.md does not
    describe.
"""

import collections
import functools
import pathlib
import re
import sys
import tempfile

# sync and group are apart: a group may use a limiter, and not the reverse.
ROOMS = ["base", "wait", "task", "runtime", "sync", "group", "loops", "testing"]
# Declared for steps of all rooms, which is where some members are.
DECLARED_FOR_ALL = "wait"
MOST_FILES = 2

INCLUDE = re.compile(r'^#include (?:<(weir[^>]*)>|"([^"]+)")', re.MULTILINE)
CLASS = re.compile(
    r"^(?:template[^;{]*>\s*)?(?:class|struct)\s+(?:WEIR_API\s+)?([a-z_0-9]+)"
    r"(?:\s+final)?\s*(?::(?!:)[^;{]*)?\{",
    re.MULTILINE,
)
MEMBER = re.compile(
    r"^(?:[A-Za-z_][^;{}=()#]*?[\s&*])?([a-z_0-9]+)(?:::[a-z_0-9]+)*::"
    r"(?:~?[a-z_0-9]+|operator[^(]+)\(",
    re.MULTILINE,
)


class House:
    """The sources below a folder, each read once."""

    def __init__(self, root):
        self.root = pathlib.Path(root).resolve()
        self.texts = {
            path: path.read_text("utf-8")
            for folder in ("lib", "include/weir")
            for path in sorted((self.root / folder).rglob("*.[ch]pp"))
        }

    def name(self, path):
        return str(path.relative_to(self.root))

    def room(self, path):
        """The name of the folder, or None for a public header."""
        parts = path.relative_to(self.root).parts
        if parts[0] == "lib":
            return parts[1]
        if parts[2] == "detail":
            return parts[3]
        return "testing" if parts[2] == "testing" else None

    def includes(self, path):
        for public, private in INCLUDE.findall(self.texts[path]):
            folders = (
                [self.root / "include"] if public else [path.parent, self.root / "lib"]
            )
            for folder in folders:
                found = (folder / (public or private)).resolve()
                if found in self.texts:
                    yield found
                    break

    @functools.cache
    def floor(self, path):
        room = self.room(path)
        if room is not None:
            return ROOMS.index(room)
        return max((self.floor(one) for one in self.includes(path)), default=-1)

    def problems(self):
        for path in self.texts:
            room = self.room(path)
            if room is not None and room not in ROOMS:
                yield f"{self.name(path)}: there is no room '{room}'"
                return
        yield from self.arrows_up()
        yield from self.members_elsewhere()
        yield from self.undescribed()

    def arrows_up(self):
        for path in self.texts:
            room = self.room(path)
            if room is None:
                continue
            for included in self.includes(path):
                floor = self.floor(included)
                if floor > ROOMS.index(room):
                    yield (
                        f"{self.name(path)}: includes {self.name(included)}, which is "
                        f"of '{ROOMS[floor]}', a floor above '{room}'"
                    )

    def members_elsewhere(self):
        declared = {}
        for path, text in self.texts.items():
            for match in CLASS.finditer(text):
                # Two classes of one name, for example in different rooms, are not checked.
                declared[match[1]] = None if match[1] in declared else path
        defined = collections.defaultdict(set)
        for path, text in self.texts.items():
            if path.suffix == ".cpp":
                for match in MEMBER.finditer(text):
                    defined[match[1]].add(path)
        for name, paths in sorted(defined.items()):
            header = declared.get(name)
            if header is None:
                continue
            room = self.room(header)
            for path in sorted(paths):
                if room not in (None, DECLARED_FOR_ALL, self.room(path)):
                    yield (
                        f"{self.name(path)}: a member of {name}, which "
                        f"{self.name(header)} declares"
                    )
            if len(paths) > MOST_FILES:
                files = ", ".join(self.name(path) for path in sorted(paths))
                yield f"{name} has its members in {len(paths)} files: {files}"

    def undescribed(self):
        page = self.root / "lib/README.md"
        text = page.read_text("utf-8") if page.exists() else ""
        for room in {self.room(path) for path in self.texts} - {None}:
            if f"| `{room}` |" not in text:
                yield f"lib/README.md: no row for the room '{room}'"


SAMPLES = [
    # files, what each problem has to begin with
    ({"lib/base/a.cpp": '#include "task/b.hpp"\n', "lib/task/b.hpp": ""},
     ["lib/base/a.cpp: includes lib/task/b.hpp"]),
    ({"lib/task/a.cpp": '#include "base/b.hpp"\n', "lib/base/b.hpp": ""}, []),
    ({"lib/task/a.cpp": "#include <weir/b.hpp>\n",
      "include/weir/b.hpp": "#include <weir/detail/group/c.hpp>\n",
      "include/weir/detail/group/c.hpp": ""},
     ["lib/task/a.cpp: includes include/weir/b.hpp"]),
    ({"lib/attic/a.cpp": ""}, ["lib/attic/a.cpp: there is no room 'attic'"]),
    ({"lib/task/a.hpp": "class box {\n};\n",
      "lib/group/a.cpp": "int box::size() const {\n}\n"},
     ["lib/group/a.cpp: a member of box"]),
    ({"lib/task/a.hpp": "class box {\n};\n",
      "lib/task/a.cpp": "box::box() {}\n", "lib/task/b.cpp": "box::~box() {}\n",
      "lib/task/c.cpp": "void box::fill(int n) {\n}\n"},
     ["box has its members in 3 files"]),
]


def self_test():
    wrong = 0
    for files, expected in SAMPLES:
        with tempfile.TemporaryDirectory() as folder:
            for name, text in files.items():
                path = pathlib.Path(folder, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, "utf-8")
            rows = "".join(f"| `{room}` | |\n" for room in ROOMS)
            pathlib.Path(folder, "lib/README.md").write_text(rows, "utf-8")
            found = list(House(folder).problems())
        if len(found) != len(expected) or not all(
            one.startswith(begin) for one, begin in zip(found, expected)
        ):
            wrong += 1
            print(f"{files}:\n  found {found}\n  expected {expected}", file=sys.stderr)
    print(f"{len(SAMPLES)} samples, {wrong} wrong")
    return 1 if wrong else 0


def main(argv):
    if argv == ["--self-test"]:
        return self_test()
    if len(argv) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    problems = list(House(argv[0]).problems())
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
