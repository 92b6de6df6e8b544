#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
# Part of weir: structured concurrency for Boost.Asio.
"""Runs the readers of outputs, coverage and suppressions on invented input."""

import json
import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "coverage"))
import page  # noqa: E402
import prove  # noqa: E402
import report  # noqa: E402
import suppressions  # noqa: E402
from parts import PARTS, TESTS, Target  # noqa: E402


def check(got, want, what):
    if got != want:
        sys.exit(f"self_test.py: {what}: {got!r}, not {want!r}")


def check_last_lines():
    check(prove.figures_in("x\nprove: seeds runs=12 share=0.5\n", "seeds"),
          {"runs": 12, "share": 0.5}, "a last line")
    check(prove.figures_in("prove: a runs=x\n  prove: a runs=2\nprove: b c=1\n",
                           "a"), {},
          "what only looks like one")
    check(prove.figures_in("3 passed, 1 failed\n2 passed, 0 failed\n", "a", TESTS),
          {"passed": 2, "failed": 0}, "the last count of tests")


def check_targets():
    most = Target("n", "<=", 8)
    check([most.is_met({"n": n}) for n in (8, 9)], [True, False], "at most")
    check(most.is_met({}), False, "no figure is a miss")
    names = [part.name for part in PARTS]
    check(len(names), len(set(names)), "names of parts")
    for part in PARTS:
        check(bool(part.targets), True, f"targets of {part.name}")


def check_page():
    part = PARTS[0]
    text = page.render([prove.Outcome(part, {part.targets[0].key: 1})],
                       [("commit", "abc")], 60, 60)
    for word in "**missed**", "**no figure**", "abc", part.title:
        check(word in text, True, f"'{word}' on the page")


def check_resume():
    with tempfile.TemporaryDirectory() as folder:
        program = pathlib.Path(folder) / "program"
        program.write_bytes(b"this")

        def prover(*more, sources="these"):
            made = prove.Prover(prove.parse(
                ["--dev", "dev", "--builds", folder, "--resume", *more]))
            made.sources = sources
            return made

        by_program, by_sources = PARTS[0], next(p for p in PARTS if not p.program)
        for part, with_program in ((by_program, program), (by_sources, None)):
            shown = prove.Outcome(part, {"n": 20}, seconds=2.5, told="text")
            check(prover().kept(part, with_program), None, "nothing was shown")
            prover().keep(shown, with_program)
            check(prover().kept(part, with_program), shown, "what was shown")
            check(prover("--slice").kept(part, with_program), None, "by the slice")
        check(prover("--minutes", "1").kept(by_program, program), None,
              "in another time")
        check(bool(prover(sources="others").kept(by_program, program)), True,
              "with the same program")
        check(prover(sources="others").kept(by_sources, None), None,
              "for other sources")
        prover(sources="").keep(shown, None)
        check(prover(sources="").kept(by_sources, None), None,
              "for sources that may change again")
        for text in "{", '{"outcome": {}}', json.dumps({
                "made_of": prover().made_of(by_sources, None),
                "outcome": {"no such figure": 1}}):
            prover().kept_in(by_sources).write_text(text, "utf-8")
            check(prover().kept(by_sources, None), None, f"what reads {text}")
        program.write_bytes(b"another")
        check(prover().kept(by_program, program), None, "with another program")


def check_suppressions():
    found = suppressions.read_suppressions(
        "# for all\n\n# why\nrace:a\nrace:b\n# The same, for\nrace:c\n\n"
        "# other\nrace:d\n")
    check([lines for _, lines in found],
          [["race:a", "race:b", "race:c"], ["race:d"]], "suppressions")
    check([reason for reason, _ in suppressions.read_suppressions("race:a\n")],
          [""], "one without a reason")


def check_coverage():
    check(report.programs_of(['{"name": "x", "command": ["/b/weir-b", "x"]}\n',
                              '{"name": "y", "command": ["/b/weir-a"]}\n',
                              '{"name": "z", "command": ["/b/weir-b", "z"]}\n']),
          ["/b/weir-a", "/b/weir-b"], "the programs that have run")
    # Line 1 is entered; 2 is its going on; 3 has a region of its own, missed.
    segments = [[1, 1, 5, True, True, False], [3, 2, 0, True, True, False],
                [3, 9, 5, True, False, False], [4, 2, 0, False, False, False]]
    check(report.lines_of(segments, [" a"] * 4), {1: 5, 2: 5, 3: 5, 4: 5}, "lines")
    # A gap from 1 to 3, behind which another region goes on: with the code of
    # line 3, or in the middle of it.
    segments = [[1, 1, 7, True, True, False], [1, 9, 0, True, False, True],
                [3, 2, 7, True, False, False], [4, 2, 0, False, False, False]]
    check(report.lines_of(segments, [" a"] * 4), {1: 7, 2: 0, 3: 7, 4: 7}, "a gap")
    check(report.lines_of(segments, ["a a"] * 4), {1: 7, 2: 0, 3: 0, 4: 7},
          "a gap that ends within a line")
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        (root / "lib").mkdir()
        (root / "lib/a.cpp").write_text("f();\n  if (x)\n", "utf-8")
        branch = [2, 3, 2, 4]
        covered = report.read_coverage({
            "files": [{"filename": f"{root}/b/../lib/a.cpp",
                       "segments": [[1, 1, 0, True, True, False],
                                    [2, 9, 0, False, False, False]]}],
            "functions": [{"filenames": [f"{root}/lib/a.cpp"],
                           "branches": [[*branch, true, false, 0, 0, 4]]}
                          for true, false in ((1, 0), (0, 7))],
        }, root)
        file = covered["lib/a.cpp"]
        check(file.lines, {1: False, 2: False}, "lines of a file")
        check(file.branches, {(*branch, 0): True, (*branch, 1): True},
              "a branch of two instantiations")
        row = {"file": "lib/a.cpp", "what": "branch", "text": "if (x)",
               "reason": "made up"}
        check(report.exclude(covered, [row], root), 2, "what is excluded")
        check((file.lines, file.branches), ({1: False, 2: False}, {}),
              "what is left")
        check_refused(covered, row, root)
        check_refused(covered, {**row, "what": "line", "reason": ""}, root)
    check(report.shortfall(99, 92), "", "enough")
    check(report.shortfall(98.9999, 92.5),
          "only 98.99 % of lines are covered, must be at least 99 %",
          "too few lines")
    check(report.shortfall(99.2, 91),
          "only 91.00 % of branches are covered, must be at least 92 %",
          "too few branches")


def check_refused(covered, row, root):
    """The row names what does not exist, or has no reason."""
    try:
        report.exclude(covered, [row], root)
    except report.ExclusionError:
        return
    sys.exit(f"self_test.py: not refused: {row}")


if __name__ == "__main__":
    check_last_lines()
    check_targets()
    check_page()
    check_resume()
    check_suppressions()
    check_coverage()
