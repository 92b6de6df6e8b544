#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
# Part of weir: structured concurrency for Boost.Asio.
"""Checks that files which repeat each other agree.

    check_lists.py ROOT

CMakeLists.txt compiles the sources that lib/meson.build lists, and the list is
complete. Version, public arguments and the oldest Boost are the same for
Meson, CMake and the recipes in packaging/.
"""

import pathlib
import re
import sys


def find(text, pattern, where):
    found = re.search(pattern, text, re.MULTILINE | re.DOTALL)
    if not found:
        sys.exit(f"{where}: nothing like {pattern}")
    return found[1]


def meson_list(text, name, where):
    return re.findall(r"'([^']*)'", find(text, rf"^{name} = \[(.*?)\]", where))


def differences(root):
    """Yields a sentence for each."""
    meson = (root / "meson.build").read_text("utf-8")
    rooms = (root / "lib/meson.build").read_text("utf-8")
    cmake = (root / "CMakeLists.txt").read_text("utf-8")

    listed = meson_list(rooms, "weir_sources", "lib/meson.build")
    compiled = re.findall(r"^  lib/(\S+\.cpp)$", cmake, re.MULTILINE)
    there = sorted(
        str(path.relative_to(root / "lib")) for path in (root / "lib").rglob("*.cpp")
    )
    for name, files in ("lib/meson.build", listed), ("CMakeLists.txt", compiled):
        for file in sorted(set(files) ^ set(there)):
            yield f"{name} does not list lib/{file}" if file in there else (
                f"{name} lists lib/{file}, which does not exist"
            )
        if len(files) != len(set(files)):
            yield f"{name} lists a file twice"

    args = sorted(re.findall(r"'(-D[^']+)'", meson))
    others = sorted(re.findall(r"\s(-D\w+(?:=\w+)?)", cmake))
    if args != others:
        yield f"weir_public_args: Meson {args}, CMake {others}"

    version = find(meson, r"^  version: '([^']*)'", "meson.build")
    least = find(meson, r"^boost_least = '([^']*)'", "meson.build")
    major, minor, patch = map(int, version.split("."))
    number = major * 10000 + minor * 100 + patch
    header = (root / "include/weir/version.hpp").read_text("utf-8")
    said = {
        "include/weir/version.hpp": (
            find(header, r"#define WEIR_VERSION (\d+)", "version.hpp"), str(number)
        ),
        "CMakeLists.txt, version": (
            find(cmake, r"^  VERSION (\S+)$", "CMakeLists.txt"), version
        ),
        "CMakeLists.txt, boost_least": (
            find(cmake, r"^set\(boost_least (\S+)\)", "CMakeLists.txt"), least
        ),
    }
    recipes = root / "packaging"
    texts = {
        name: (recipes / name).read_text("utf-8")
        for name in (
            "vcpkg/weir/vcpkg.json", "conan/conanfile.py", "debian/changelog",
            "debian/control",
        )
    }
    for name, pattern, wanted in [
        ("vcpkg/weir/vcpkg.json", r'^  "version": "([^"]*)"', version),
        ("vcpkg/weir/vcpkg.json", r'"version>=": "([^"]*)"', f"{least}.0"),
        ("conan/conanfile.py", r'^    version = "([^"]*)"', version),
        ("conan/conanfile.py", r'"boost/\[>=(\S+) <2\]"', least),
        ("debian/changelog", r"^weir \(([^-]*)-", version),
        ("debian/control", r"^Package: (libweir[0-9.]+)$", f"libweir{major}.{minor}"),
        ("debian/control", r"libboost-dev \(>= ([^)]*)\)", least),
    ]:
        said[f"packaging/{name}, {pattern}"] = find(texts[name], pattern, name), wanted
    for where, (got, wanted) in said.items():
        if got != wanted:
            yield f"{where}: {got}, but meson.build says {wanted}"


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    found = list(differences(pathlib.Path(sys.argv[1])))
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
