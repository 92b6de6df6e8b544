#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
# Part of weir: structured concurrency for Boost.Asio.
"""Uses weir as other projects do, in the words of the README.

    run.py WEIR FOLDER [--compiler NAME]...

WEIR is weir's source folder. FOLDER is for all output; it is emptied first. For
each compiler (g++ and clang++-19 if none is named) and each kind of library
(static, shared), five projects are built and run:

    meson-subproject   Meson builds weir as a part of the project
    cmake-fetched      CMake builds weir as a part, by FetchContent
    pkg-config         the compiler is called directly, weir is installed
    cmake-installed    find_package(weir), weir is installed
    meson-installed    dependency('weir'), weir is installed

The projects are blocks of the README's, and main.cpp is the program at its top.
What Meson has built for meson-subproject is what is installed, and what CMake has
built for cmake-fetched must install the same files. So weir is compiled twice
for each pair, each time as one file, without optimisation.

main.cpp, and nothing else, is compiled with all warnings that strict projects
ask for, as errors. What is not on this machine (a compiler, CMake) is left out,
and the last lines say so.
"""

import argparse
import concurrent.futures
import filecmp
import os
import pathlib
import shutil
import sys
import time

from tools import PRINTS, Failed, Report, call, files_below, read_readme, write

STRICT = "-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror"
COMPILERS = ["g++", "clang++-19"]
KINDS = ["static", "shared"]

# Calls the compiler, with the strict warnings if it is to compile main.cpp.
WRAPPER = """\
#!/bin/sh
for argument; do
  case $argument in
  main.cpp | */main.cpp)
    : >{used}
    exec {compiler} "$@" {strict}
    ;;
  esac
done
exec {compiler} "$@"
"""

# What the strict warnings must not let pass.
SHADOWING = """\
int main(int count, char**) {
  for (int count = 0; count != 1; ++count) {
  }
  return count - 1;
}
"""


class Pair:
    """One compiler and one kind of library. Its methods run one after another."""

    def __init__(self, weir, blocks, folder, compiler, kind):
        self.weir, self.blocks, self.kind = weir, blocks, kind
        self.name = f"{compiler} {kind}"
        self.folder = folder / f"{compiler}-{kind}"
        self.prefix = self.folder / "weir"
        self.wrapper = self.folder / "compiler"
        self.strict = self.folder / "strict-warnings-were-used"
        write(self.wrapper, WRAPPER.format(
            compiler=compiler, strict=STRICT, used=self.strict
        ))
        self.wrapper.chmod(0o755)
        self.cxx = {"CXX": str(self.wrapper)}
        # As the README says for another folder than /usr/local: $HOME/weir.
        self.installed = {**self.cxx, **self.exported(blocks["sh elsewhere"])}

    def exported(self, block):
        """What the shell exports in these lines, if this folder is $HOME."""
        names = [line.split()[1].split("=")[0] for line in block.splitlines()]
        lines = call(
            block + "".join(f'\nprintf "%s\\n" "${name}"' for name in names),
            self.folder, {"HOME": str(self.folder)}, shell=True,
        ).splitlines()
        return dict(zip(names, lines))

    def project(self, name, **files):
        folder = self.folder / name
        write(folder / "main.cpp", self.blocks["main.cpp"])
        for file, block in files.items():
            write(folder / file, self.blocks[block])
        return folder

    def check(self, program, environment=None):
        """It was compiled strictly and prints what it should, with the kind of
        library that was asked for."""
        if not self.strict.exists():
            raise Failed(f"{program} was compiled without the strict warnings")
        self.strict.unlink()
        got = call([program], self.folder, environment)
        if got != PRINTS:
            raise Failed(f"{program} printed '{got}', not '{PRINTS}'")
        needed = call(["readelf", "-d", program], self.folder)
        if ("[libweir.so" in needed) != (self.kind == "shared"):
            raise Failed(f"{program} does not use the {self.kind} library:\n{needed}")

    def warnings_are_errors(self):
        folder = self.folder / "strict"
        write(folder / "main.cpp", SHADOWING)
        try:
            call([self.wrapper, "-c", "main.cpp"], folder)
        except Failed as failure:
            if "shadow" in str(failure):
                self.strict.unlink()
                return
            raise
        raise Failed("main.cpp is compiled without the strict warnings")

    def meson_subproject(self):
        folder = self.project("meson-subproject", **{
            "meson.build": "meson",
            "subprojects/weir.wrap": "ini",
        })
        # Where Meson would have put it.
        (folder / "subprojects/weir").symlink_to(self.weir)
        call(
            ["meson", "setup", "build", "--wrap-mode=nodownload"]
            + ["--force-fallback-for=weir", "--buildtype=plain"]
            + ["-Dunity=subprojects", "-Dunity_size=100"]
            + [f"-Ddefault_library={self.kind}", f"-Dprefix={self.prefix}"]
            + ["-Dlibdir=lib"],
            folder, self.cxx,
        )
        call(["meson", "compile", "-C", "build", "-j1"], folder)
        self.check(folder / "build/service")

    def install(self):
        call(
            ["meson", "install", "-C", "build", "--no-rebuild"],
            self.folder / "meson-subproject",
        )

    def cmake(self, folder, options, environment):
        call(["cmake", "-B", "build", "-G", "Ninja", *options], folder, environment)
        call(["cmake", "--build", "build", "-j1"], folder)
        self.check(folder / "build/service", environment)

    def cmake_fetched(self):
        folder = self.project("cmake-fetched", **{"CMakeLists.txt": "cmake fetched"})
        # Read by weir's project(), so that it does not hold for main.cpp.
        unity = folder / "unity.cmake"
        write(unity, "set(CMAKE_UNITY_BUILD ON)\nset(CMAKE_UNITY_BUILD_BATCH_SIZE 0)\n")
        self.cmake(
            folder,
            [f"-DFETCHCONTENT_SOURCE_DIR_WEIR={self.weir}", "-DWEIR_INSTALL=ON"]
            + ["-DBUILD_SHARED_LIBS=" + ("ON" if self.kind == "shared" else "OFF")]
            + [f"-DCMAKE_PROJECT_weir_INCLUDE={unity}"],
            self.cxx,
        )
        other = self.folder / "cmake-prefix"
        call(["cmake", "--install", "build", "--prefix", other], folder)
        self.compare_with_install(other)

    def compare_with_install(self, other):
        """What CMake installs is what Meson does; of the text, every byte."""
        meson, cmake = set(files_below(self.prefix)), set(files_below(other))
        if meson != cmake:
            raise Failed(
                f"Meson installs {len(meson)} files, CMake {len(cmake)}; one does "
                f"not install {sorted(map(str, meson ^ cmake))[:5]}"
            )
        for file in sorted(meson):
            if file.name.startswith("libweir.") or file.suffix == ".pc":
                continue
            if not filecmp.cmp(self.prefix / file, other / file, shallow=False):
                raise Failed(f"Meson and CMake install different files: {file}")
        for what in ["--modversion", "--cflags", "--libs", "--static"]:
            said = [
                call(
                    ["pkg-config", "--define-prefix", what]
                    + (["--libs"] if what == "--static" else [])
                    + [prefix / "lib/pkgconfig/weir.pc"],
                    self.folder,
                ).replace(str(prefix), "PREFIX").split()
                for prefix in (self.prefix, other)
            ]
            if said[0] != said[1]:
                raise Failed(f"pkg-config {what}: Meson {said[0]}, CMake {said[1]}")

    def pkg_config(self):
        folder = self.project("pkg-config")
        flags = call(
            ["pkg-config", "--cflags", "--libs", "weir"], folder, self.installed
        ).split()
        # Nothing else: the consumer's own compiler provides the rest.
        expected = ["-pthread", f"-I{self.prefix}/include", f"-L{self.prefix}/lib"]
        foreign = set(flags) - {*expected, "-lweir"}
        if foreign:
            raise Failed(f"weir.pc says more than a consumer needs: {flags}")
        command = self.blocks["sh compile"].replace("g++", str(self.wrapper), 1)
        call(command, folder, self.installed, shell=True)
        self.check(folder / "service", self.installed)

    def cmake_installed(self):
        folder = self.project(
            "cmake-installed", **{"CMakeLists.txt": "cmake installed"}
        )
        # Otherwise CMake declares weir's headers as system headers, and the compiler
        # prints no warnings about them.
        self.cmake(folder, ["-DCMAKE_NO_SYSTEM_FROM_IMPORTED=ON"], self.installed)

    def meson_installed(self):
        folder = self.project("meson-installed", **{"meson.build": "meson"})
        call(
            ["meson", "setup", "build", "--wrap-mode=nofallback", "--buildtype=plain"],
            folder, self.installed,
        )
        call(["meson", "compile", "-C", "build", "-j1"], folder)
        self.check(folder / "build/service", self.installed)


def run_pair(pair, report, has_cmake):
    def step(name, function):
        return report.run(f"{pair.name} {name}", function)

    step("strict warnings", pair.warnings_are_errors)
    if step("meson-subproject", pair.meson_subproject) and step("install", pair.install):
        step("pkg-config", pair.pkg_config)
        step("meson-installed", pair.meson_installed)
        if has_cmake:
            step("cmake-installed", pair.cmake_installed)
    if has_cmake:
        step("cmake-fetched", pair.cmake_fetched)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("weir", type=pathlib.Path)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--compiler", action="append")
    options = parser.parse_args()
    weir, folder = options.weir.resolve(), options.folder.resolve()
    # Only what an earlier run has made.
    if folder.exists() and not (folder / ".consumers").exists() and any(folder.iterdir()):
        parser.error(f"{folder} has files of somebody else's in it")
    shutil.rmtree(folder, ignore_errors=True)
    write(folder / ".consumers", "")

    begin = time.monotonic()
    wanted = options.compiler or COMPILERS
    here = [name for name in wanted if shutil.which(name)]
    left_out = [name for name in wanted if name not in here]
    has_cmake = shutil.which("cmake") is not None
    if not has_cmake:
        left_out.append("cmake")
    if not here:
        sys.exit(f"none of {', '.join(wanted)} is on this machine")

    report = Report()
    try:
        blocks = read_readme(weir)
    except Failed as failure:
        sys.exit(str(failure))
    pairs = [
        Pair(weir, blocks, folder, compiler, kind) for compiler in here for kind in KINDS
    ]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as workers:
        list(workers.map(lambda pair: run_pair(pair, report, has_cmake), pairs))
    for name in left_out:
        print(f"left out: {name} is not on this machine")
    print(
        f"{report.passed} passed, {report.failed} failed, "
        f"in {time.monotonic() - begin:.0f} s"
    )
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main())
