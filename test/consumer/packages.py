#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
# Part of weir: structured concurrency for Boost.Asio.
"""Makes the packages of packaging/ and uses what they install.

    packages.py RECIPE WEIR FOLDER

RECIPE  debian: dpkg-buildpackage makes the packages, which are unpacked into
        FOLDER and used from there. lintian reads them if it is on this machine.
        vcpkg, conan: the recipe runs with stand-ins for what vcpkg and Conan
        offer to it (vcpkg.cmake, conan_stand_in.py): the same steps with the
        same options, without their downloads and stores.
WEIR    weir's source folder
FOLDER  for all output; it is emptied first

The consumers are those of the README. weir is compiled as one file and without
optimisation: the packages are the subject. Without a recipe's tools, the status
is 77.
"""

import pathlib
import re
import shutil
import subprocess
import sys

from tools import PRINTS, Failed, call, files_below, read_readme, write

HERE = pathlib.Path(__file__).resolve().parent
UNITY = "set(CMAKE_UNITY_BUILD ON)\nset(CMAKE_UNITY_BUILD_BATCH_SIZE 0)\n"


def require(condition, sentence):
    if not condition:
        raise Failed(sentence)


def copy_sources(weir, goal):
    """What belongs to the project; no build folders."""
    listed = subprocess.run(
        ["git", "-C", weir, "ls-files", "-z"], capture_output=True, text=True, check=False
    )
    if listed.returncode == 0 and listed.stdout:
        for name in filter(None, listed.stdout.split("\0")):
            if (weir / name).is_file():
                (goal / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(weir / name, goal / name)
        return
    shutil.copytree(weir, goal, ignore=shutil.ignore_patterns("build*", ".*"))


def use_with_cmake(blocks, folder, prefix, environment=None):
    write(folder / "main.cpp", blocks["main.cpp"])
    write(folder / "CMakeLists.txt", blocks["cmake installed"])
    call(
        ["cmake", "-G", "Ninja", "-B", "build", f"-DCMAKE_PREFIX_PATH={prefix}"], folder
    )
    call(["cmake", "--build", "build", "-j1"], folder)
    got = call([folder / "build/service"], folder, environment)
    require(got == PRINTS, f"{folder}/build/service printed '{got}'")


def debian(weir, folder, blocks):
    source = folder / "weir-0.1"
    copy_sources(weir, source)
    shutil.copytree(weir / "packaging/debian", source / "debian")
    call(
        ["dpkg-buildpackage", "--build=binary", "--unsigned-changes", "-uc", "-us"],
        source,
        {
            "DEB_BUILD_OPTIONS": "noopt noautodbgsym parallel=1",
            "WEIR_MESON_OPTIONS": "-Dunity=on -Dunity_size=100",
        },
    )

    packages = {path.name.split("_")[0]: path for path in folder.glob("*.deb")}
    series = ".".join(re.search(
        r"^  version: '(\d+)\.(\d+)", (weir / "meson.build").read_text("utf-8"), re.M
    ).groups())
    require(
        set(packages) == {f"libweir{series}", "libweir-dev"},
        f"the packages are {sorted(packages)}",
    )
    root = folder / "root"
    for package in packages.values():
        call(["dpkg-deb", "-x", package, root], folder)
    depends = call(["dpkg-deb", "-f", packages["libweir-dev"], "Depends"], folder)
    require(f"libweir{series} (= " in depends, f"libweir-dev depends on {depends}")
    depends = call(["dpkg-deb", "-f", packages[f"libweir{series}"], "Depends"], folder)
    require("libstdc++6" in depends, f"libweir{series} depends on {depends}")

    there = set(map(str, files_below(root)))
    libs = next(root.glob("usr/lib/*/libweir.a")).parent
    for name in [
        "usr/include/weir.hpp",
        "usr/share/doc/libweir-dev/README.md",
        "usr/share/doc/libweir-dev/copyright",
        "usr/share/doc/libweir-dev/docs/examples/md5_all.cpp",
        f"{libs.relative_to(root)}/libweir.so.{series}",
    ]:
        require(name in there, f"no package installs {name}")

    environment = {
        "LD_LIBRARY_PATH": str(libs),
        "PKG_CONFIG_LIBDIR": str(libs / "pkgconfig"),
        "PKG_CONFIG_SYSROOT_DIR": str(root),
    }
    user = folder / "pkg-config"
    write(user / "main.cpp", blocks["main.cpp"])
    call(blocks["sh compile"], user, environment, shell=True)
    got = call([user / "service"], user, environment)
    require(got == PRINTS, f"{user}/service printed '{got}'")
    use_with_cmake(blocks, folder / "cmake", root / "usr", environment)

    if shutil.which("lintian"):
        # The changelog is for users who build packages themselves.
        print(call(
            ["lintian", "--fail-on", "error", "--allow-root"]
            + ["--suppress-tags", "bad-distribution-in-changes-file"]
            + [*folder.glob("*.changes")],
            folder,
        ))


def vcpkg(weir, folder, blocks):
    write(folder / "unity.cmake", UNITY)
    made = folder / "made"
    call(
        ["cmake", f"-DWEIR={weir}", f"-DCURRENT_PACKAGES_DIR={made}"]
        + [f"-DUNITY={folder / 'unity.cmake'}", f"-DBUILD={folder / 'build'}"]
        + ["-DPORT_FOLDER=" + str(weir / "packaging/vcpkg/weir")]
        + ["-P", HERE / "vcpkg.cmake"],
        folder,
    )
    there = sorted(map(str, files_below(made)))
    for name in there:
        # What vcpkg itself checks after it has built a port.
        require(
            name.startswith("share/weir/") or not name.endswith(".cmake"),
            f"vcpkg wants CMake's files in share/weir: {name}",
        )
        require(not name.startswith("share/doc"), f"vcpkg wants no {name}")
    for name in ["copyright", "usage", "weirConfig.cmake", "weirConfigVersion.cmake"]:
        require(f"share/weir/{name}" in there, f"the port installs no share/weir/{name}")
    # vcpkg moves what a port has installed.
    installed = made.rename(folder / "installed")
    use_with_cmake(blocks, folder / "cmake", installed)


def conan(weir, folder, blocks):
    write(folder / "unity.cmake", UNITY)
    sys.path.insert(0, str(HERE))
    import conan_stand_in

    for shared in (False, True):
        place = folder / ("shared" if shared else "static")
        recipe = conan_stand_in.create(
            weir / "packaging/conan/conanfile.py", place, shared,
            [f"-DCMAKE_PROJECT_weir_INCLUDE={folder / 'unity.cmake'}"],
        )
        package = pathlib.Path(recipe.package_folder)
        require((package / "licenses/LICENSE").exists(), "the package has no licence")
        require(not (package / "lib/cmake").exists(), "Conan writes its own lib/cmake")
        user = folder / f"use-{place.name}"
        write(user / "main.cpp", blocks["main.cpp"])
        info = recipe.cpp_info
        call(
            ["g++", "-std=c++20", "main.cpp", "-o", "service", f"-I{package}/include"]
            + [f"-L{package}/lib"]
            + [f"-l{name}" for name in info.libs + info.system_libs],
            user,
        )
        got = call(
            [user / "service"], user, {"LD_LIBRARY_PATH": str(package / "lib")}
        )
        require(got == PRINTS, f"{user}/service printed '{got}'")


RECIPES = {
    "debian": (debian, ["dpkg-buildpackage", "dh"]),
    "vcpkg": (vcpkg, ["cmake"]),
    "conan": (conan, ["cmake"]),
}


def main():
    if len(sys.argv) != 4 or sys.argv[1] not in RECIPES:
        sys.exit(__doc__)
    make, tools = RECIPES[sys.argv[1]]
    missing = [tool for tool in tools if not shutil.which(tool)]
    if missing:
        print(f"not on this machine: {', '.join(missing)}")
        return 77
    weir, folder = (pathlib.Path(name).resolve() for name in sys.argv[2:])
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        make(weir, folder, read_readme(weir))
    except Failed as failure:
        print(failure)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
