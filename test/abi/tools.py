# SPDX-License-Identifier: BSL-1.0
# Part of weir: structured concurrency for Boost.Asio.
"""Shared by the tests of this room: compilers, and a count of failures."""

import os
import pathlib
import subprocess
import sys


class Compiler:
    """A command, which may begin with `ccache`, and the flags of every call."""

    def __init__(self, command, *flags):
        self.command = [w for w in command if os.path.basename(w) != "ccache"]
        self.flags = list(flags)
        self.name = " ".join(self.command)

    def run(self, *arguments, **options):
        # The tests look for the messages of the C locale.
        return subprocess.run(
            [*self.command, *self.flags, *map(str, arguments)],
            capture_output=True,
            text=True,
            env={**os.environ, "LC_ALL": "C"},
            timeout=300,
            **options,
        )


class Checks:
    """Prints the failures; its exit status is the exit status of the test."""

    def __init__(self):
        self.failed = 0
        self.made = 0

    def that(self, holds, message):
        self.made += 1
        if not holds:
            self.failed += 1
            print(f"failed: {message}")

    def end(self):
        print(f"{self.made} checks, {self.failed} failed")
        sys.exit(1 if self.failed or not self.made else 0)


def first_error(text):
    """The first line of a compiler's output that is an error."""
    for line in text.splitlines():
        if "error:" in line:
            return line
    return ""


def fake_boost(folder, version, rest=True):
    """A folder to be searched first, whose Boost reports that version."""
    header = pathlib.Path(folder) / "boost" / "version.hpp"
    header.parent.mkdir(parents=True)
    header.write_text(
        ("#include_next <boost/version.hpp>\n#undef BOOST_VERSION\n" if rest else "")
        + f"#define BOOST_VERSION {version}\n",
        "utf-8",
    )
    return folder
