# SPDX-License-Identifier: BSL-1.0
# Part of weir: structured concurrency for Boost.Asio.
"""Checks how much one plug-in takes of the memory that the dynamic linker has for
the thread-local variables of all modules loaded late: check_tls.py READELF MODULE"""

import subprocess
import sys

MOST = 16  # bytes


def main():
    readelf, module = sys.argv[1:]
    lines = subprocess.run(
        [readelf, "-lW", "-d", module],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    is_static = any("FLAGS" in line and "STATIC_TLS" in line for line in lines)
    size = sum(int(line.split()[5], 16) for line in lines if line.split()[:1] == ["TLS"])
    print(f"{module}: {size} bytes, {'static' if is_static else 'dynamic'}")
    return 1 if is_static and size > MOST else 0


sys.exit(main())
