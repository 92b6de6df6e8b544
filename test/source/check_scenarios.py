#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
# Part of weir: structured concurrency for Boost.Asio.
"""Checks that each way in which a task group can fail has a test.

    check_scenarios.py ROOT         of the whole project
    check_scenarios.py --self-test  does it find what it should?

test/scenarios/scenarios.csv has a row for each: number, the scenario, the tests that show
what then happens, a note. The rows are numbered 1 to 76, in that order. A test is
named suite/case, or script/case where a script of test/examples runs it, or
test:NAME where it is a Meson test of its own; it must be there, and its source
must be in a meson.build. A row without a test has a note that begins
"not applicable: " and goes on with the reason.
"""

import csv
import io
import pathlib
import re
import sys

from case_names import cases_of

NUMBERS = range(1, 77)
COLUMNS = ["number", "scenario", "tests", "note"]
NOT_APPLICABLE = "not applicable: "

QUOTED = re.compile(r"'([^'\n]+)'")
MESON_TEST = re.compile(r"\btest\(\s*'([^'\n]+)'")
LISTED = re.compile(r"^CASES = \[(.*?)^\]", re.MULTILINE | re.DOTALL)


def problems_of(table, tests):
    """`table` is the text of scenarios.csv, `tests` all names there are."""
    rows = csv.DictReader(io.StringIO(table))
    if rows.fieldnames != COLUMNS:
        yield f"scenarios.csv: the columns must be {','.join(COLUMNS)}"
        return
    before = 0
    seen = set()
    for row in rows:
        where = f"scenarios.csv:{rows.line_num}"
        if None in row or None in row.values():
            yield f"{where}: must have {len(COLUMNS)} columns"
            continue
        number = int(row["number"]) if row["number"].isdecimal() else 0
        where += f": scenario {row['number']}"
        if number not in NUMBERS:
            yield f"{where}: must be {NUMBERS[0]} to {NUMBERS[-1]}"
        elif number in seen:
            yield f"{where}: twice"
        elif number < before:
            yield f"{where}: after {before}"
        seen.add(number)
        before = number
        if not row["scenario"].strip():
            yield f"{where}: says nothing"
        names = row["tests"].split()
        applies = not row["note"].startswith(NOT_APPLICABLE.strip())
        if not applies and not row["note"][len(NOT_APPLICABLE) :].strip():
            yield f"{where}: not applicable, and no reason given"
        if not applies and names:
            yield f"{where}: not applicable, but has a test"
        if applies and not names:
            yield f"{where}: neither a test nor '{NOT_APPLICABLE}' and a reason"
        for name in names:
            if name not in tests:
                yield f"{where}: there is no test '{name}'"
            if names.count(name) > 1:
                yield f"{where}: names '{name}' twice"
    for number in NUMBERS:
        if number not in seen:
            yield f"scenarios.csv: there is no scenario {number}"


def script_cases(stem, text):
    """The cases of a script of ours that lists them under CASES."""
    listed = LISTED.search(text)
    for name in re.findall(r"\w+", listed[1] if listed else ""):
        yield f"{stem}/{name}"


def tests_in(root):
    """All names that a row may give."""
    recipes = [
        path.read_text(encoding="utf-8")
        for room in ("test", "docs")
        for path in (root / room).rglob("meson.build")
    ]
    quoted = {name for text in recipes for name in QUOTED.findall(text)}
    stems = {pathlib.PurePath(name).stem for name in quoted}
    tests = {
        f"test:{name}" for text in recipes for name in MESON_TEST.findall(text)
    }
    for source in (root / "test").rglob("*.cpp"):
        if source.stem in stems:
            tests.update(cases_of(source.read_text(encoding="utf-8")))
    for source in (root / "test" / "examples").glob("*.py"):
        if source.stem in stems:
            text = source.read_text(encoding="utf-8")
            tests.update(script_cases(source.stem, text))
    return tests


def main(root):
    root = pathlib.Path(root)
    table = (root / "test/scenarios/scenarios.csv").read_text(encoding="utf-8")
    problems = list(problems_of(table, tests_in(root)))
    for problem in problems:
        print(problem, file=sys.stderr)
    rows = list(csv.DictReader(io.StringIO(table)))
    named = {name for row in rows for name in (row["tests"] or "").split()}
    tested = sum(1 for row in rows if row["tests"])
    print(f"{len(rows)} scenarios, {tested} with a test, {len(named)} tests")
    return 1 if problems else 0


def self_test():
    source = """
      BOOST_FIXTURE_TEST_SUITE(ends, pool)
      BOOST_AUTO_TEST_CASE(
          it_ends) {}
      BOOST_FIXTURE_TEST_CASE(it_begins, pool) {}
      BOOST_AUTO_TEST_SUITE_END()
    """
    script = "CASES = [\n    it_serves,\n]\n"
    tests = {*cases_of(source), *script_cases("server", script), "test:model"}
    expect(tests, {"ends/it_ends", "ends/it_begins", "server/it_serves", "test:model"})

    def table(change=lambda rows: None):
        rows = [[str(n), "goes wrong", "ends/it_ends", ""] for n in NUMBERS]
        rows[1][2] = "ends/it_begins server/it_serves test:model"
        rows[2][2:] = ["", NOT_APPLICABLE + "there is none"]
        change(rows)
        text = io.StringIO()
        csv.writer(text).writerows([COLUMNS, *rows])
        return list(problems_of(text.getvalue(), tests))

    def change(row, column, value):
        return table(lambda rows: rows[row].__setitem__(column, value))

    expect(table(), [])
    for found, part in (
        (table(lambda rows: rows.pop()), "no scenario 76"),
        (table(lambda rows: rows.append(rows[-1])), "76: twice"),
        (table(lambda rows: rows.insert(0, rows.pop(8))), "1: after 9"),
        (table(lambda rows: rows[5].pop()), "must have 4 columns"),
        (change(75, 0, "77"), "must be 1 to 76"),
        (change(75, 0, "last"), "must be 1 to 76"),
        (change(5, 1, " "), "says nothing"),
        (change(5, 2, ""), "neither a test nor"),
        (change(5, 2, "ends/it_end"), "no test 'ends/it_end'"),
        (change(5, 2, "it_ends"), "no test 'it_ends'"),
        (change(5, 2, "ends/it_ends ends/it_ends"), "names 'ends/it_ends' twice"),
        (change(2, 3, NOT_APPLICABLE), "no reason given"),
        (change(2, 3, NOT_APPLICABLE.strip()), "no reason given"),
        (change(5, 3, NOT_APPLICABLE + "so"), "but has a test"),
        (list(problems_of("number,tests\n", tests)), "the columns must be"),
    ):
        if not any(part in problem for problem in found):
            raise AssertionError(f"'{part}' is not in {found}")
    print("finds what it should")
    return 0


def expect(got, want):
    if got != want:
        raise AssertionError(f"got {got}, want {want}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(self_test() if sys.argv[1] == "--self-test" else main(sys.argv[1]))
