#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
# Part of weir: structured concurrency for Boost.Asio.
"""Counts the suppressions of a sanitizer's file.

usage: suppressions.py FILE

One suppression is a comment with the reason and the lines under it. Comments
that begin with "The same" continue the suppression above them.
"""

import pathlib
import sys


def read_suppressions(text):
    """[(reason, lines)]; a reason may be empty."""
    found, comment = [], []
    for line in map(str.strip, text.splitlines()):
        if line.startswith("#"):
            comment.append(line.lstrip("# "))
        elif not line:
            comment = []  # a comment that stands alone, for the file
        else:
            if comment and not (found and comment[0].startswith("The same")):
                found.append((" ".join(comment), []))
            elif comment:
                found[-1] = (found[-1][0] + " " + " ".join(comment), found[-1][1])
            elif not found:
                found.append(("", []))
            found[-1][1].append(line)
            comment = []
    return found


def main():
    found = read_suppressions(pathlib.Path(sys.argv[1]).read_text("utf-8"))
    for reason, lines in found:
        print(f"{', '.join(lines)}: {reason or 'no reason'}")
    print(f"prove: suppressions kinds={len(found)} "
          f"lines={sum(len(lines) for _, lines in found)} "
          f"unexplained={sum(not reason for reason, _ in found)}")


if __name__ == "__main__":
    main()
