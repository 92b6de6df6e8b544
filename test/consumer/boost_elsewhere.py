#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
# Part of weir: structured concurrency for Boost.Asio.
"""weir.pc names Boost's folder if the compiler would find another Boost.

    boost_elsewhere.py WEIR FOLDER

Configures weir with a Boost in FOLDER: the headers of this machine, but for the
version. Meson and CMake must both write a weir.pc that names the folder, and that
names none when Boost is where the compiler looks. Without another
prefix, weir is installed to /usr/local/lib, where pkg-config and the dynamic linker
look, also on a machine on which Meson would choose lib64.
"""

import pathlib
import re
import shutil
import subprocess
import sys

from tools import Failed, call


def another_boost(folder):
    """This machine's Boost with the version number 1.99."""
    here = subprocess.run(
        ["g++", "-x", "c++", "-E", "-include", "boost/version.hpp", "/dev/null"],
        capture_output=True, text=True, check=True,
    ).stdout
    real = pathlib.Path(re.search(r'"(/[^"]*/boost/version\.hpp)"', here)[1])
    headers = folder / "include/boost"
    headers.mkdir(parents=True)
    for path in real.parent.iterdir():
        if path.name != "version.hpp":
            (headers / path.name).symlink_to(path)
    text = real.read_text("utf-8")
    text = re.sub(r"(define BOOST_VERSION) \d+", r"\1 109900", text)
    text = re.sub(r'(define BOOST_LIB_VERSION) "\w+"', r'\1 "1_99"', text)
    (headers / "version.hpp").write_text(text, "utf-8")
    config = folder / "lib/cmake/Boost-1.99.0"
    config.mkdir(parents=True)
    (config / "BoostConfig.cmake").write_text(
        f"set(Boost_VERSION 1.99.0)\nset(Boost_INCLUDE_DIRS {folder}/include)\n"
        "add_library(Boost::headers INTERFACE IMPORTED)\n"
        "set_target_properties(Boost::headers PROPERTIES\n"
        f"  INTERFACE_INCLUDE_DIRECTORIES {folder}/include)\n",
        "utf-8",
    )
    (config / "BoostConfigVersion.cmake").write_text(
        "set(PACKAGE_VERSION 1.99.0)\nset(PACKAGE_VERSION_COMPATIBLE TRUE)\n", "utf-8"
    )


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    weir, folder = (pathlib.Path(name).resolve() for name in sys.argv[1:])
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    boost = folder / "boost"
    another_boost(boost)
    rooms = [f"-D{room}=disabled" for room in ("tests", "examples", "perf")]
    bad = 0
    for name, environment, expected in [
        ("usual", {}, []),
        ("elsewhere", {"BOOST_ROOT": str(boost)}, [f"-isystem{boost}/include"]),
    ]:
        environment["CXX"] = "g++"
        builds = {"meson": folder / f"meson-{name}", "cmake": folder / f"cmake-{name}"}
        call(["meson", "setup", builds["meson"], weir, *rooms], folder, environment)
        pages = {"meson": builds["meson"] / "meson-private/weir.pc"}
        if shutil.which("cmake"):
            call(["cmake", "-S", weir, "-B", builds["cmake"]], folder, environment)
            pages["cmake"] = builds["cmake"] / "weir.pc"
        for tool, page in pages.items():
            text = page.read_text("utf-8")
            if "prefix=/usr/local\n" not in text or "libdir=${prefix}/lib\n" not in text:
                print(f"{tool}: the library does not go to /usr/local/lib:\n{text}")
                bad = 1
            flags = re.search(r"^Cflags: (.*)$", text, re.MULTILINE)
            ours = {"-I${includedir}", "-pthread"}
            if expected:
                ours.add("-DBOOST_ALL_NO_LIB")  # Meson's habit, harmless
            got = [flag for flag in flags[1].split() if flag not in ours]
            if got != expected:
                print(f"{tool}, Boost {name}: Cflags has {got}, must have {expected}")
                bad = 1
    return bad


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failed as failed:
        sys.exit(str(failed))
