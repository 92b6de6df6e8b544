#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
# Part of weir: structured concurrency for Boost.Asio.
"""Checks that every test of the Go libraries has a case of ours.

    check_upstream.py TABLE FOLDER

TABLE (upstream.csv) has a row for each test and example of errgroup, semaphore,
singleflight, conc and ants: library, its name there, a key, our case as
suite/case, and a note. Keys: P, ported as it is; A, adapted; N, not applicable,
and then the note says why. FOLDER holds our cases. A row of P or A must name a
case that exists; a case in FOLDER must be named by a row, or, with an empty name
upstream, be one of our own.
"""

import csv
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "source"))
from case_names import cases_in  # noqa: E402

LIBRARIES = {"errgroup", "semaphore", "singleflight", "conc", "ants", "weir"}


def problems_of(rows, cases):
    named, seen = set(), set()
    for number, row in enumerate(rows, start=2):
        where = f"upstream.csv:{number}: {row['library']} {row['upstream']}"
        if row["library"] not in LIBRARIES:
            yield f"{where}: unknown library"
        if row["library"] == "weir" and row["upstream"]:
            yield f"{where}: a test of our own has no name upstream"
        key = (row["library"], row["upstream"])
        if row["upstream"] and key in seen:
            yield f"{where}: twice"
        seen.add(key)
        if row["key"] == "N":
            if not row["note"]:
                yield f"{where}: not applicable, and no reason given"
            if row["ours"]:
                yield f"{where}: not applicable, but has a case"
            continue
        if row["key"] not in ("P", "A"):
            yield f"{where}: key is '{row['key']}', must be P, A or N"
        if row["ours"] not in cases:
            yield f"{where}: there is no case '{row['ours']}'"
        named.add(row["ours"])
    for case in sorted(cases - named):
        yield f"{case}: no row of upstream.csv names it"
    for library in sorted(LIBRARIES - {row["library"] for row in rows}):
        yield f"upstream.csv: no row for {library}"


def main(table, folder):
    with open(table, encoding="utf-8", newline="") as source:
        rows = list(csv.DictReader(source))
    cases = set(cases_in(pathlib.Path(folder).glob("*.cpp")))
    problems = list(problems_of(rows, cases))
    for problem in problems:
        print(problem, file=sys.stderr)
    ported = sum(row["key"] in ("P", "A") for row in rows)
    print(f"{len(rows)} rows, {ported} with a case, {len(cases)} cases")
    return 1 if problems else 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
