#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
# Part of weir: structured concurrency for Boost.Asio.
"""Looks for what compilers get wrong in coroutines and do not warn about.

    check_source.py ROOT         sources, examples, C++ in the pages of the docs
    check_source.py --self-test  does it find what it should?

capture: a lambda with a by-value capture inside a full expression that contains
    `co_await`. g++ 12 destroys the closure twice. Name the lambda first, or pass
    the values as arguments. `[]`, `[this]` and captures by reference are fine:
    there is nothing to destroy.
binding: `auto [a, b] = co_await ...`. g++ 15 and 16 leak what it binds if the
    frame is destroyed while suspended. Name the result first.
umbrella: a public header that <weir.hpp> does not include.
asio: a name of Asio's own `detail`, which another Boost may not have, anywhere
    but in lib/testing/handler_turns.

A line with `check_source: allow` is left alone, and so is the one after it.
"""

import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "snippets"))
from extract import PageError, read_blocks  # noqa: E402

ROOMS = ["include", "lib", "test", "perf", "docs/examples"]
ALLOW = "check_source: allow"

CLOSING = {"(": ")", "[": "]", "{": "}"}
OPENING = {close: open_ for open_, close in CLOSING.items()}

NOT_CODE = re.compile(
    r"""
      //[^\n]* | /\*.*?\*/                        # comments
    | R"(?P<tag>[^()\s\\]*)\(.*?\)(?P=tag)"       # raw strings
    | "(?:\\.|[^"\\\n])*"                         # strings
    | (?<![0-9A-Za-z_])'(?:\\.|[^'\\\n])+'        # characters, not 1'000
    """,
    re.VERBOSE | re.DOTALL,
)
BINDING = re.compile(r"\bauto\s*(?:const\b\s*)?&{0,2}\s*\[[^\]]*\]\s*[={(]\s*co_await\b")
ASIO_DETAIL = re.compile(r"\basio\s*(?:::|/)\s*detail\b")
MAY_USE_ASIO_DETAIL = {"lib/testing/handler_turns.cpp", "lib/testing/handler_turns.hpp"}
CO_AWAIT = re.compile(r"\bco_await\b")


def blank(text):
    """Comments, strings and characters become spaces; places stay the same."""
    return NOT_CODE.sub(lambda m: re.sub(r"[^\n]", " ", m[0]), text)


def match_brackets(code):
    """Place of each bracket -> place of its partner."""
    partner, open_ones = {}, []
    for at, char in enumerate(code):
        if char in CLOSING:
            open_ones.append(at)
        elif char in OPENING and open_ones and code[open_ones[-1]] == OPENING[char]:
            partner[at] = open_ones[-1]
            partner[open_ones.pop()] = at
    return partner


def expression_start(code, partner, at):
    """Where the outermost parenthesis around `at` opens, or `at`."""
    start = at
    while at > 0:
        at -= 1
        char = code[at]
        if char in OPENING:
            at = partner.get(at, at)
        elif char in "([":
            start = at
        elif char in "{;":
            break
    return start


def is_lambda(code, at):
    """Does the square bracket here begin a lambda, not index or attribute?"""
    if code[at : at + 2] == "[[" or code[at - 1 : at + 1] == "[[":
        return False
    before = code[:at].rstrip()
    if re.search(r"\b(?:return|co_return|co_await|co_yield)$", before):
        return True
    return not before or not re.match(r"[\w)\]]", before[-1])


def copies(captures):
    """Does this capture list hold anything by value?"""
    depth, item, items = 0, "", []
    for char in captures:
        depth += (char in CLOSING) - (char in OPENING)
        if char == "," and depth == 0:
            items.append(item)
            item = ""
        else:
            item += char
    items = [i.strip() for i in [*items, item]]
    return any(i and not i.startswith("&") and i != "this" for i in items)


def copying_lambdas(code, partner, start):
    """Places of such lambdas in the expression that begins at `start`."""
    at = start
    end = partner.get(start, len(code)) if code[start] == "(" else len(code)
    while at < end:
        char = code[at]
        if char == "[" and is_lambda(code, at) and at in partner:
            close = partner[at]
            if copies(code[at + 1 : close]):
                yield at
            # Statements in the body are full expressions of their own.
            at = close + 1
            while at < end and code[at] not in "{;":
                at = partner.get(at, at) + 1 if code[at] == "(" else at + 1
            if at < end and code[at] == "{":
                at = partner.get(at, end)
        elif char == ";":
            return
        elif char in OPENING and partner.get(at, -1) < start:
            return
        at += 1


def check_code(text, path=""):
    """Yields (line, message) for one file or block."""
    code = blank(text)
    partner = match_brackets(code)
    lines = text.split("\n")
    found = set()
    for await_ in CO_AWAIT.finditer(code):
        start = expression_start(code, partner, await_.start())
        for at in copying_lambdas(code, partner, start):
            found.add((at, "by-value capture in an expression with co_await"))
    for binding in BINDING.finditer(code):
        found.add((binding.start(), "structured binding on co_await"))
    if path not in MAY_USE_ASIO_DETAIL:
        # In the text: what is included may look like a string.
        for use in ASIO_DETAIL.finditer(text):
            found.add((use.start(), "asio::detail outside lib/testing/handler_turns"))
    for at, message in sorted(found):
        line = code.count("\n", 0, at) + 1
        if not any(ALLOW in l for l in lines[max(0, line - 2) : line]):
            yield line, message


def check_tree(root):
    """Yields `file:line: message`."""
    for room in ROOMS:
        for path in sorted((root / room).rglob("*.[ch]pp")):
            name = path.relative_to(root).as_posix()
            for line, message in check_code(path.read_text("utf-8"), name):
                yield f"{name}:{line}: {message}"
    for page in sorted([*root.glob("*.md"), *(root / "docs").rglob("*.md")]):
        try:
            for block in read_blocks(page.read_text("utf-8")):
                if block.kind:
                    for line, message in check_code("\n".join(block.code)):
                        line += block.line - 1
                        yield f"{page.relative_to(root)}:{line}: {message}"
        except PageError as error:
            yield f"{page.relative_to(root)}:{error}"
    umbrella = (root / "include/weir.hpp").read_text("utf-8")
    for header in sorted((root / "include/weir").glob("*.hpp")):
        if f"#include <weir/{header.name}>" not in umbrella:
            yield f"include/weir.hpp:1: does not include <weir/{header.name}>"


# Code and the lines on which something must be found.
SAMPLES = [
    ("co_await g.spawn([x] { return x; });", [1]),
    ("co_await g.spawn([=] { return x; });", [1]),
    ("co_await g.spawn(\n  [&, x] { return x; });", [2]),
    ("co_await g.spawn([p = std::move(p)]() mutable { p(); });", [1]),
    ("co_await g.spawn([*this] { f(); });", [1]),
    ("co_await g.spawn([...a = std::move(a)] { f(a...); });", [1]),
    ("auto r = wrap([x] { return x; }, co_await y);", [1]),
    ("if (co_await f([x] { return x; })) {}", [1]),
    ("co_await f([&] { auto a = 1; },\n [x] { return x; });", [2]),
    ("co_await (f([x] { return x; }) || g());", [1]),
    ("co_await run({}, [&](group& g) -> task<> {\n"
     "  co_await g.spawn([x] {});\n});", [2]),
    ("auto [a, b] = co_await f();", [1]),
    ("const auto& [a,\n b] =\n co_await f();", [1]),
    ("auto&& [a] = co_await f(), c = 1;", [1]),
    ("int n = 1'000'000;\nco_await g.spawn([x] {});\nint m = 1'0;", [2]),
    ('auto s = R"(")";\nco_await g.spawn([x] {});\nauto t = "\\"";', [2]),
    ("#include <boost/asio/detail/scheduler.hpp>\n", [1]),
    ("int a;\nauto& s = use_service<asio::detail::scheduler>(p);", [2]),
    ("boost::asio::associated<weir::detail::task> t; weir::asio_detail d;", []),
    ("co_await g.spawn([] {});", []),
    ("co_await g.spawn([&] { return x; });", []),
    ("co_await g.spawn([&x, &y, this] { return x; });", []),
    ("co_await g.spawn([&x = other.x] { return x; });", []),
    ("auto named = [x] { return x; };\nco_await g.spawn(named());", []),
    ("auto outer = [x]() -> task<> {\n  co_await f(x);\n};", []),
    ("co_await run({}, [&](group& g) -> task<> {\n"
     "  auto named = [x] { return x; };\n  co_await g.spawn(named);\n});", []),
    ("co_await f(a[i], b[c[0]]);", []),
    ("co_await f();\ng([x] {});", []),
    ("if (co_await f()) {\n  g([x] {});\n}", []),
    ("while (co_await f())\n  g([x] {});", []),
    ("// co_await g.spawn([x] {});", []),
    ("/* auto [a] = co_await f(); */", []),
    ('auto s = "co_await g.spawn([x] {});";', []),
    ("auto r = co_await f();\nauto [a, b] = r;", []),
    ("// check_source: allow\nco_await g.spawn([x] {});", []),
    ("auto [a] = co_await f(); // check_source: allow", []),
]


def self_test():
    wrong = 0
    for code, expected in SAMPLES:
        got = [line for line, _ in check_code(code)]
        if got != expected:
            wrong += 1
            print(f"expected lines {expected}, found {got}:\n{code}\n", file=sys.stderr)
    print(f"{len(SAMPLES)} samples, {wrong} wrong")
    return 1 if wrong else 0


def main(args):
    if args == ["--self-test"]:
        return self_test()
    if len(args) != 1 or args[0].startswith("-"):
        sys.exit(__doc__)
    problems = list(check_tree(pathlib.Path(args[0])))
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
