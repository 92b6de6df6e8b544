# SPDX-License-Identifier: BSL-1.0
# Part of weir: structured concurrency for Boost.Asio.
"""Checks what the shared library exports: all that a program may need, and nothing
else of weir itself.

    exports.py NM READELF LIBRARY VERSION INCLUDE PROGRAM -- FLAG... -- COMPILER...
"""

import pathlib
import re
import subprocess
import sys
import tempfile

from tools import Checks, Compiler

# Caught by a program: the type is the same in program and library.
THROWN = [
    "weir::group_error",
    "weir::testing::deadlock",
    "weir::testing::seed_failure",
    "weir::testing::step_limit_exceeded",
]


def symbols(nm, *options):
    """(kind, mangled name, readable name) of each."""
    listed = []
    for more in [], ["-C"]:
        lines = subprocess.run(
            [nm, *options[:-1], *more, options[-1]],
            check=True,
            capture_output=True,
            text=True,
        ).stdout.splitlines()
        listed.append([line[17:] for line in lines if line.strip()])
    return [
        (mangled[0], mangled[2:], readable[2:])
        for mangled, readable in zip(*listed)
    ]


def own_name(readable):
    """`weir::detail::task_core::look` for a name that weir declares; else None."""
    name = re.sub(r"\[abi:\w+\]", "", readable)
    name = re.sub(r"[(<].*", "", name)
    return name if name.startswith("weir::") else None


def main():
    arguments = sys.argv[1:]
    split = arguments.index("--")
    nm, readelf, library, version, include, program = arguments[:split]
    rest = arguments[split + 1 :]
    split = rest.index("--")
    compiler = Compiler(
        rest[split + 1 :], "-std=c++20", "-c", f"-I{include}", *rest[:split], "-O0"
    )
    checks = Checks()
    root = pathlib.Path(include)
    headers = "".join(path.read_text("utf-8") for path in root.rglob("*.hpp"))
    code = re.sub(r"//[^\n]*", "", headers)
    whole = re.findall(r"class WEIR_API (\w+)", code)  # with all its members
    exported = symbols(nm, "-D", "--defined-only", library)

    # Of weir itself: what a header marks and uses.
    detail = 0
    for kind, _, readable in exported:
        name = own_name(readable)
        if name is None or name.startswith("weir::built_with::"):
            continue
        *_, scope, last = name.split("::")
        last = last.lstrip("~")
        checks.that(
            scope in whole
            or re.search(rf"WEIR_API[^;{{]*?\b{last}\b", code),
            f"{readable} is exported without WEIR_API",
        )
        if name.startswith("weir::detail::"):
            detail += 1
            checks.that(
                len(re.findall(rf"\b{last}\b", code)) > 1,
                f"{readable} is exported and no header uses it",
            )

    # Of Boost and the standard library: only what their headers make
    # visible themselves, which every program has too, so weakly.
    for kind, _, readable in exported:
        if own_name(readable) is None:
            checks.that(kind in "WVu", f"{readable} is exported as {kind}")

    names = {readable for _, _, readable in exported}
    for thrown in THROWN:
        for part in "typeinfo", "vtable":
            checks.that(
                f"{part} for {thrown}" in names, f"no {part} for {thrown}: not caught"
            )
    major, minor = version.split(".")[:2]
    checks.that(
        f"weir::built_with::weir_{major}_{minor}" in names,
        f"built_with.hpp names another version than {version}",
    )

    # 0.x promises nothing to x + 1; from 1 on only the major version counts.
    series = f"{major}.{minor}" if major == "0" else major
    dynamic = subprocess.run(
        [readelf, "-d", library], check=True, capture_output=True, text=True
    ).stdout
    checks.that(
        re.search(rf"SONAME.*\[lib[\w-]+\.so\.{re.escape(series)}\]", dynamic),
        f"the soname does not end in .so.{series}",
    )

    # What programs need: each inline function of the headers, and what a
    # program with each template refers to.
    with tempfile.TemporaryDirectory() as scratch:
        everything = "".join(
            f"#include <{path.relative_to(root)}>\n"
            for path in [
                root / "weir.hpp",
                *sorted((root / "weir/testing").glob("*.hpp")),
            ]
        )
        out = pathlib.Path(scratch) / "needs.o"
        mangled = {name for _, name, _ in exported}
        for source, text, flags in [
            ("-xc++ -", everything, ["-fkeep-inline-functions"]),
            (program, None, []),
        ]:
            if "clang" in compiler.name:
                flags = []
            made = compiler.run(*flags, *source.split(), "-o", out, input=text)
            checks.that(made.returncode == 0, made.stderr[:2000])
            needed = [
                (name, readable)
                for kind, name, readable in symbols(nm, "-u", out)
                if "weir::" in readable
            ]
            checks.that(needed, f"{source} needs nothing")
            for name, readable in needed:
                checks.that(
                    name in mangled, f"{readable} is needed and not exported"
                )
    print(f"{len(exported)} symbols, {detail} of weir::detail")
    checks.end()


main()
