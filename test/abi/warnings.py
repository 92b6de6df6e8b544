# SPDX-License-Identifier: BSL-1.0
# Part of weir: structured concurrency for Boost.Asio.
"""Checks that the headers, and a program that uses the main template of each, give
no warning under the strict flags of another project.

    warnings.py INCLUDE PROGRAM COMPILER...
"""

import pathlib
import shutil
import sys

from tools import Checks, Compiler

STRICT = [
    "-std=c++20",
    "-fsyntax-only",
    "-Werror",
    "-Wall",
    "-Wextra",
    "-Wpedantic",
    "-Wshadow",
    "-Wconversion",
    "-Wsign-conversion",
]
# Symbols that are hidden in the program and visible in the library.
HIDDEN = ["-fvisibility=hidden", "-fvisibility-inlines-hidden"]


def main():
    include, program, *command = sys.argv[1:]
    checks = Checks()
    commands = [command]
    other = "g++" if "clang" in " ".join(command) else "clang++-19"
    if shutil.which(other):
        commands.append([other])
    root = pathlib.Path(include)
    everything = "".join(
        f"#include <{path.relative_to(root)}>\n"
        for path in [root / "weir.hpp", *sorted((root / "weir/testing").glob("*.hpp"))]
    )
    for one in commands:
        compiler = Compiler(one, *STRICT, *HIDDEN, f"-I{include}")
        for source, text in {program: None, "-xc++ -": everything}.items():
            made = compiler.run(*source.split(), input=text)
            checks.that(
                made.returncode == 0, f"{compiler.name} {source}:\n{made.stderr[:4000]}"
            )
    checks.end()


main()
