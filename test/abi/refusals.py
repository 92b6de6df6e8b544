# SPDX-License-Identifier: BSL-1.0
# Part of weir: structured concurrency for Boost.Asio.
"""Checks that, with any public header first, a compiler or a Boost that is too old
is the first error, and the only one.

    refusals.py INCLUDE COMPILER...
"""

import pathlib
import sys
import tempfile

from tools import Checks, Compiler, fake_boost, first_error


def main():
    include, *command = sys.argv[1:]
    compiler = Compiler(command, "-fsyntax-only", "-x", "c++")
    checks = Checks()
    with tempfile.TemporaryDirectory() as scratch:
        boost = fake_boost(pathlib.Path(scratch) / "fake", 107400, rest=False)
        refused = {
            "-std=c++17": "weir needs C++20 or newer",
            "-std=c++14": "weir needs C++20 or newer",
            f"-std=c++20 -I{boost}": "weir needs Boost 1.81 or newer",
            "-std=c++20 -fno-exceptions": "weir needs exceptions",
        }
        if "clang" not in compiler.name:
            refused["-std=c++20 -fno-coroutines"] = "weir needs coroutines"
        root = pathlib.Path(include)
        headers = [
            path.relative_to(root)
            for path in sorted(root.rglob("*.hpp"))
            if "detail" not in path.parts
        ]
        checks.that(len(headers) > 50, f"only {len(headers)} headers in {include}")
        for header in headers:
            for flags, message in refused.items():
                # What refuses is the same for all: only whether it comes first
                # has to be asked of each.
                if flags != "-std=c++17" and str(header) != "weir.hpp":
                    continue
                made = compiler.run(
                    *flags.split(), f"-I{include}", "-", input=f"#include <{header}>\n"
                )
                checks.that(
                    message in first_error(made.stderr),
                    f"{header} with {flags}: the first error is not ours:\n"
                    + "\n".join(made.stderr.splitlines()[:5]),
                )
                checks.that(
                    made.stderr.count("error:") == 2,  # ours, and what ends it
                    f"{header} with {flags}: other errors follow",
                )
    checks.end()


main()
