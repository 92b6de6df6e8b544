# SPDX-License-Identifier: BSL-1.0
# Part of weir: structured concurrency for Boost.Asio.
"""Checks that a plug-in with its own copy of weir exports nothing of it:
check_exports.py NM MODULE"""

import re
import subprocess
import sys

OURS = re.compile(r"((typeinfo|typeinfo name|vtable|VTT|guard variable) for )?weir::")


def main():
    nm, module = sys.argv[1:]
    lines = subprocess.run(
        [nm, "-D", "-C", "--defined-only", module],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    names = [line[19:] for line in lines]
    # Except Asio's templates that are instantiated with a type of weir: Asio makes
    # those visible.
    ours = [name for name in names if OURS.match(name)]
    print(f"{module}: {len(names)} symbols, of weir: {ours}")
    return 1 if ours or "plugin_sum" not in names else 0


sys.exit(main())
