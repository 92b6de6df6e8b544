# SPDX-License-Identifier: BSL-1.0
# Part of weir: structured concurrency for Boost.Asio.
"""Checks that a program does not link if its Asio is configured differently from
the library's, and that the linker names what differs.

    configurations.py INCLUDE CONSUMER LIBRARY... -- FLAG... -- COMPILER...
"""

import pathlib
import sys
import tempfile

from tools import Checks, Compiler, fake_boost

# Flags of the program -> the name that the linker must print.
DIFFERENT = {
    "-DBOOST_ASIO_HAS_IO_URING": "asio_reactor_epoll_and_io_uring_for_files",
    "-DBOOST_ASIO_HAS_IO_URING -DBOOST_ASIO_DISABLE_EPOLL": "asio_reactor_io_uring",
    "-DBOOST_ASIO_DISABLE_EPOLL": "asio_reactor_select",
    "-DBOOST_ASIO_DISABLE_EVENTFD": "asio_DISABLE_EVENTFD",
    "-DBOOST_ASIO_DISABLE_THREADS": "asio_DISABLE_THREADS",
    "-DBOOST_ASIO_DISABLE_STD_ATOMIC": "asio_DISABLE_STD_ATOMIC",
    "-DBOOST_ASIO_DISABLE_THREAD_KEYWORD_EXTENSION": "asio_DISABLE_THREAD_KEYWORD_EXTENSION",
    "-DBOOST_ASIO_ENABLE_HANDLER_TRACKING": "asio_ENABLE_HANDLER_TRACKING",
    "-DBOOST_ASIO_CUSTOM_HANDLER_TRACKING": "asio_CUSTOM_HANDLER_TRACKING",
    "-DBOOST_ASIO_DISABLE_SMALL_BLOCK_RECYCLING": "asio_DISABLE_SMALL_BLOCK_RECYCLING",
    "-DBOOST_ASIO_RECYCLING_ALLOCATOR_CACHE_SIZE=7": "asio_RECYCLING_ALLOCATOR_CACHE_SIZE_7",
    "-DBOOST_ASIO_DISABLE_STD_ALIGNED_ALLOC": "asio_DISABLE_STD_ALIGNED_ALLOC",
    "-DBOOST_ASIO_USE_TS_EXECUTOR_AS_DEFAULT": "asio_USE_TS_EXECUTOR_AS_DEFAULT",
    "-fno-rtti": "asio_NO_TYPEID_or_fno_rtti",
    "-D_GLIBCXX_DEBUG": "std_libstdcxx_GLIBCXX_DEBUG",
    "-D_GLIBCXX_USE_CXX11_ABI=0": "std_libstdcxx_USE_CXX11_ABI_0",
    "-DWEIR_SYNC_POLICY=weir::detail::std_sync": "weir_sync_policy_of_a_test",
    "-IFAKE_BOOST": "boost_version_108199",
}

# Ways to build a program; with the library's configuration each one links.
WAYS = [
    "-O0",
    "-O2 -fvisibility=hidden -fvisibility-inlines-hidden",
    "-O2 -ffunction-sections -fdata-sections -Wl,--gc-sections",
    "-O2 -flto",
]


def main():
    arguments = sys.argv[1:]
    split = arguments.index("--")
    include, consumer, *libraries = arguments[:split]
    rest = arguments[split + 1 :]
    split = rest.index("--")
    flags = rest[:split]
    compiler = Compiler(
        rest[split + 1 :], "-std=c++20", "-pthread", f"-I{include}", *flags
    )
    checks = Checks()
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        boost = fake_boost(folder / "fake", 108199)

        def link(*options):
            return compiler.run(*options, "-o", folder / "program")

        for library in libraries:
            rpath = f"-Wl,-rpath,{pathlib.Path(library).parent}"
            for way in WAYS:
                made = link(*way.split(), consumer, library, rpath)
                checks.that(
                    made.returncode == 0,
                    f"{way} does not link with {library}:\n{made.stderr}",
                )
            for difference, name in DIFFERENT.items():
                options = difference.replace("FAKE_BOOST", str(boost)).split()
                if any(flag in flags for flag in options):
                    continue  # This library has that configuration.
                for way in WAYS if difference == "-DBOOST_ASIO_DISABLE_STD_ATOMIC" else WAYS[:1]:
                    made = link(*way.split(), *options, consumer, library, rpath)
                    checks.that(
                        made.returncode != 0,
                        f"{way} {difference} links with {library}",
                    )
                    checks.that(
                        f"weir::built_with::{name}" in made.stderr,
                        f"{way} {difference}: the linker does not name {name}:\n{made.stderr}",
                    )
    checks.end()


main()
