#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
# Part of weir: structured concurrency for Boost.Asio.
"""Takes the C++ blocks out of a page of the docs, to compile them.

    extract.py list PAGE PREFIX           prints `kind file` for each block
    extract.py write PAGE PREFIX FOLDER   writes the files, PREFIX_1.cpp and on

The words behind the three backquotes give the kind of a block:

    cpp            with `int main`: a program, compiled and run (20 s at most)
                   without: a fragment, compiled only, at namespace scope, after
                   <weir.hpp>, common headers, `using namespace
                   std::chrono_literals` and `namespace asio = boost::asio`
    cpp norun      a program that is compiled but not run
    cpp ignore     not touched; for example, shows what must not be done

Code that a block needs but a reader does not is in a comment right before it:

    <!-- snippet-prelude
    weir::task<> fetch(url);
    -->
"""

import pathlib
import re
import sys
from dataclasses import dataclass, field

FENCE = re.compile(r"^(?P<indent> *)(?P<ticks>`{3,}|~{3,})(?P<info>[^`]*)$")
PRELUDE = "<!-- snippet-prelude"
MAIN = re.compile(r"^\s*int\s+main\s*\(", re.MULTILINE)
INCLUDE = re.compile(r"^\s*#\s*include\b")

FRAGMENT_HEAD = """\
#include "fragment.hpp"
using namespace std::chrono_literals;
namespace asio = boost::asio;
"""


class PageError(Exception):
    pass


@dataclass
class Block:
    info: list[str]
    line: int  # of the first line of code, from 1
    code: list[str] = field(default_factory=list)
    prelude: list[str] = field(default_factory=list)
    prelude_line: int = 0

    @property
    def kind(self):
        """program, norun or fragment; None if it is not to be compiled."""
        if self.info[:1] != ["cpp"] or self.info[1:] == ["ignore"]:
            return None
        if self.info[1:] == ["norun"]:
            return "norun"
        if self.info[1:]:
            raise PageError(
                f"{self.line - 1}: cannot tell what '{' '.join(self.info)}' "
                "means; known are cpp, cpp norun, cpp ignore"
            )
        return "program" if MAIN.search("\n".join(self.code)) else "fragment"


def read_blocks(text):
    """All fenced blocks of a page, C++ or not."""
    blocks = []
    prelude, prelude_line = [], 0
    lines = text.splitlines()
    at = 0
    while at < len(lines):
        line = lines[at]
        at += 1
        if line.strip().startswith(PRELUDE):
            start = at
            body = line.strip()[len(PRELUDE):]
            while "-->" not in body:
                if at == len(lines):
                    raise PageError(f"{start}: snippet-prelude never ends")
                body += "\n" + lines[at]
                at += 1
            prelude = body[: body.index("-->")].split("\n")
            prelude_line = start
            continue
        fence = FENCE.match(line)
        if not fence:
            if line.strip() and prelude:
                raise PageError(
                    f"{prelude_line}: snippet-prelude is not right before a block"
                )
            continue
        indent, ticks = len(fence["indent"]), fence["ticks"]
        block = Block(fence["info"].split(), at + 1)
        block.prelude, block.prelude_line = prelude, prelude_line
        prelude = []
        while True:
            if at == len(lines):
                raise PageError(f"{block.line - 1}: block never ends")
            line = lines[at]
            at += 1
            end = line.strip()
            if end.startswith(ticks) and not end.strip(ticks[0]):
                break
            block.code.append(line[min(indent, len(line) - len(line.lstrip())):])
        blocks.append(block)
    return blocks


def render(page, block):
    """The block as a file. Errors name the page and its line."""
    out = [f"// Generated from {page.name}."]

    def add(lines, first_line):
        out.append(f'#line {first_line} "{page}"')
        out.extend(lines)

    # Includes come before the names that head and prelude declare. The blank
    # left behind keeps the other lines where they were.
    def without_includes(lines, first_line):
        rest = []
        for number, line in enumerate(lines, first_line):
            if INCLUDE.match(line):
                add([line], number)
                line = ""
            rest.append(line)
        return rest

    code, prelude = block.code, block.prelude
    if block.kind == "fragment" or prelude:
        prelude = without_includes(prelude, block.prelude_line)
        code = without_includes(code, block.line)
    if block.kind == "fragment":
        out.append(FRAGMENT_HEAD)
    if prelude:
        add(prelude, block.prelude_line)
    add(code, block.line)
    return "\n".join(out) + "\n"


def named_blocks(page, prefix):
    found = [b for b in read_blocks(page.read_text("utf-8")) if b.kind]
    for number, block in enumerate(found, 1):
        yield f"{prefix}_{number}.cpp", block


def write_if_changed(path, text):
    # An untouched file keeps its time, so its program is not built again.
    if not path.exists() or path.read_text("utf-8") != text:
        path.write_text(text, "utf-8")


def main(args):
    if len(args) == 3 and args[0] == "list":
        for name, block in named_blocks(pathlib.Path(args[1]), args[2]):
            print(block.kind, name)
    elif len(args) == 4 and args[0] == "write":
        page = pathlib.Path(args[1]).resolve()
        for name, block in named_blocks(page, args[2]):
            write_if_changed(pathlib.Path(args[3]) / name, render(page, block))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except PageError as error:
        sys.exit(f"{sys.argv[2]}:{error}")
