# SPDX-License-Identifier: BSL-1.0
# Part of weir: structured concurrency for Boost.Asio.
"""The names of the Boost.Test cases in C++ sources, for the tables of tests."""

import re

# Suites and cases in the order of the source.
MACRO = re.compile(
    r"BOOST_(?:(?:AUTO|FIXTURE)_TEST_(?P<begin>SUITE)\(\s*(?P<suite>\w+)"
    r"|AUTO_TEST_SUITE_(?P<end>END)\b"
    r"|(?:AUTO|FIXTURE|DATA)_TEST_CASE(?:_TEMPLATE)?\(\s*(?P<case>\w+))"
)


def cases_of(text):
    """suite/case of each case in this source."""
    suites = []
    for match in MACRO.finditer(text):
        if match["begin"]:
            suites.append(match["suite"])
        elif match["end"]:
            suites.pop()
        else:
            yield "/".join([*suites, match["case"]])


def cases_in(sources):
    """suite/case of each case in the files at these paths."""
    for source in sources:
        yield from cases_of(source.read_text(encoding="utf-8"))
