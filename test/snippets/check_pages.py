#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
# Part of weir: structured concurrency for Boost.Asio.
"""Checks the links between the pages.

    check_pages.py ROOT PAGE...

Every link between the pages leads to a file, and to a heading if it names one;
and every page with C++ to compile is among PAGE..., whose blocks are compiled.
"""

import pathlib
import re
import sys
from urllib.parse import unquote

from extract import PageError, read_blocks

LINK = re.compile(r"\[[^\]]*\]\(\s*<?([^)\s>]+)>?[^)]*\)")
LINK_DEFINITION = re.compile(r"^ {0,3}\[[^\]]+\]:\s*<?(\S+?)>?(?:\s|$)")
HEADING = re.compile(r"^ {0,3}#{1,6}\s+(.*?)\s*#*$")
ELSEWHERE = re.compile(r"^[a-z][a-z0-9+.-]*:", re.IGNORECASE)


def prose(text):
    """Lines with their numbers, without code."""
    fence = None
    for number, line in enumerate(text.splitlines(), 1):
        mark = re.match(r" *(`{3,}|~{3,})", line)
        if fence is None and mark:
            fence = mark[1]
        elif fence is not None:
            if line.strip().startswith(fence) and not line.strip().strip(fence[0]):
                fence = None
        else:
            yield number, line


def anchors(text):
    """The names of headings in links, by the usual rules."""
    found = set()
    for _, line in prose(text):
        heading = HEADING.match(line)
        if not heading:
            continue
        title = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading[1])
        slug = re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
        name, again = slug, 0
        while name in found:
            again += 1
            name = f"{slug}-{again}"
        found.add(name)
    found.update(re.findall(r"<a (?:id|name)=\"([^\"]+)\"", text))
    return found


def links(text):
    for number, line in prose(text):
        line = re.sub(r"`[^`]*`", "``", line)
        for target in LINK.findall(line) + LINK_DEFINITION.findall(line):
            if not ELSEWHERE.match(target):
                yield number, unquote(target)


def check(root, listed):
    for name in listed:
        if not (root / name).is_file():
            yield f"{name}: listed in test/snippets/meson.build, does not exist"
    pages = sorted([*root.glob("*.md"), *(root / "docs").rglob("*.md")])
    texts = {page.resolve(): page.read_text("utf-8") for page in pages}
    for page in pages:
        name = page.relative_to(root)
        text = texts[page.resolve()]
        for number, target in links(text):
            path, _, anchor = target.partition("#")
            goal = (page.parent / path).resolve() if path else page.resolve()
            if not goal.exists():
                yield f"{name}:{number}: no such file: {target}"
            elif anchor and goal in texts and anchor not in anchors(texts[goal]):
                yield f"{name}:{number}: no such heading: {target}"
        try:
            compiled = any(block.kind for block in read_blocks(text))
        except PageError as error:
            yield f"{name}:{error}"
            continue
        if compiled and str(name) not in listed:
            yield (
                f"{name}: has C++ that nobody compiles; add the page to "
                "snippet_pages in test/snippets/meson.build"
            )


def main(args):
    if not args:
        sys.exit(__doc__)
    problems = list(check(pathlib.Path(args[0]).resolve(), args[1:]))
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
