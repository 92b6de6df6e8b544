# SPDX-License-Identifier: BSL-1.0
# Part of weir: structured concurrency for Boost.Asio.
"""Runs a recipe as `conan create` does, with the modules of Conan that it needs.

The steps, their order and their folders are Conan's; CMake gets what Conan's
toolchain file sets. Dependencies are not fetched: Boost is this machine's.
"""

import fnmatch
import importlib.util
import pathlib
import shutil
import subprocess
import sys
import types


class CppInfo:
    def __init__(self):
        self.libs, self.system_libs, self.requires = [], [], []
        self.properties = {}

    def set_property(self, name, value):
        self.properties[name] = value


class Options:
    def __init__(self, values):
        self.__dict__.update(values)


class ConanFile:
    def __init__(self):
        self.required = []
        self.cpp_info = CppInfo()

    def requires(self, reference, transitive_headers=False):
        self.required.append((reference, transitive_headers))


class CMake:
    extra = []

    def __init__(self, recipe):
        self.recipe = recipe

    def run(self, *words):
        done = subprocess.run(
            ["cmake", *map(str, words)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, check=False,
        )
        if done.returncode != 0:
            sys.exit(f"cmake {words}\n{done.stdout}")

    def configure(self):
        recipe = self.recipe
        self.run(
            "-G", "Ninja", "-S", recipe.source_folder, "-B", recipe.build_folder,
            "-DCMAKE_BUILD_TYPE=", f"-DCMAKE_INSTALL_PREFIX={recipe.package_folder}",
            f"-DBUILD_SHARED_LIBS={'ON' if recipe.options.shared else 'OFF'}",
            "-DCMAKE_INSTALL_LIBDIR=lib", *CMake.extra,
        )

    def build(self):
        self.run("--build", self.recipe.build_folder, "-j1")

    def install(self):
        self.run("--install", self.recipe.build_folder)


class Generator:
    def __init__(self, recipe):
        pass

    def generate(self):
        pass


def copy(recipe, pattern, src, dst):
    for path in pathlib.Path(src).rglob("*"):
        name = path.relative_to(src)
        if path.is_file() and fnmatch.fnmatch(str(name), pattern):
            goal = pathlib.Path(dst) / name
            goal.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, goal)


def rmdir(recipe, path):
    shutil.rmtree(path, ignore_errors=True)


def modules():
    """The modules that the recipe imports, and nothing else of Conan's."""
    contents = {
        "conan": {"ConanFile": ConanFile},
        "conan.tools": {},
        "conan.tools.build": {"check_min_cppstd": lambda recipe, least: None},
        "conan.tools.cmake": {
            "CMake": CMake,
            "CMakeDeps": Generator,
            "CMakeToolchain": Generator,
            "cmake_layout": lambda recipe: None,
        },
        "conan.tools.files": {"copy": copy, "rmdir": rmdir},
    }
    for name, members in contents.items():
        module = types.ModuleType(name)
        module.__dict__.update(members)
        sys.modules[name] = module


def create(path, folder, shared, extra):
    """Returns the recipe after all its steps. CMake also gets `extra`."""
    modules()
    CMake.extra = extra
    spec = importlib.util.spec_from_file_location("conanfile", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    recipe = module.WeirRecipe()
    recipe.options = Options({**recipe.default_options, "shared": shared})
    recipe.recipe_folder = str(path.parent)
    recipe.export_sources_folder = recipe.source_folder = str(folder / "source")
    recipe.build_folder = str(folder / "build")
    recipe.package_folder = str(folder / "package")

    recipe.export_sources()
    recipe.requirements()
    recipe.validate()
    recipe.layout()
    recipe.generate()
    recipe.build()
    recipe.package()
    recipe.package_info()
    if ("boost/[>=1.81 <2]", True) not in recipe.required:
        sys.exit(f"the recipe requires {recipe.required}")
    return recipe
