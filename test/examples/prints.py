#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
# Part of weir: structured concurrency for Boost.Asio.
"""Runs a program that needs no input and compares what it prints.

    prints.py PROGRAM LINE...

The lines may come in any order: tasks run side by side.
"""

import subprocess
import sys


def main(args):
    if not args:
        sys.exit(__doc__)
    done = subprocess.run(args[:1], capture_output=True, text=True, check=False)
    got = done.stdout.splitlines()
    good = done.returncode == 0 and not done.stderr and sorted(got) == sorted(args[1:])
    if not good:
        print(f"status {done.returncode}, printed:\n{done.stdout}{done.stderr}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
