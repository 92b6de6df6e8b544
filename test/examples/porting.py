#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
# Part of weir: structured concurrency for Boost.Asio.
"""Compares the programs of docs/examples/porting: on asio::awaitable, and ported.

    porting.py behaviour NAME BEFORE AFTER   # do both give the same answers?
    porting.py difference PAGE DIRECTORY     # does it match the page's table?

Each program listens on a port that is free, and is ended by its process id.
"""

import asyncio
import collections
import contextlib
import pathlib
import re
import signal
import subprocess
import sys
import time

PROGRAM_SECONDS = 60


def check(condition, message):
    if not condition:
        raise AssertionError(message)


def equal(got, want, what):
    check(got == want, f"{what}: got {got!r:.300}, want {want!r:.300}")


# --- behaviour ------------------------------------------------------------------


async def begin(program, *arguments):
    return await asyncio.create_subprocess_exec(
        program,
        *(str(argument) for argument in arguments),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


@contextlib.asynccontextmanager
async def running(program, *arguments):
    """A program that listens; gives a function that connects to it."""
    process = await begin(program, 0, *arguments)
    try:
        first = (await process.stdout.readline()).decode()
        match = re.fullmatch(r"listening on (\d+)\n", first)
        check(match, f"{program} began with {first!r}")
        clients = []

        async def connect():
            client = await Client.connected(int(match[1]))
            clients.append(client)
            return client

        left_open = await connect()
        yield connect
        process.send_signal(signal.SIGTERM)
        out, errors = await process.communicate()
        equal((process.returncode, out, errors), (0, b"", b""), "status, output")
        await left_open.rest()  # until it is closed
        for client in clients:
            await client.close()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


class Client:
    def __init__(self, reader, writer):
        self.reader = reader
        self.writer = writer

    @classmethod
    async def connected(cls, port):
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def ask(self, data, size):
        self.writer.write(data)
        return await self.read(size)

    async def read(self, size):
        return await self.reader.readexactly(size)

    async def rest(self):
        """What comes until the connection is closed or reset."""
        got = bytearray()
        with contextlib.suppress(ConnectionError):
            while data := await self.reader.read(65536):
                got += data
        return bytes(got)

    async def close(self):
        self.writer.close()
        with contextlib.suppress(ConnectionError):
            await self.writer.wait_closed()


@contextlib.asynccontextmanager
async def echo_target():
    """The port of an echo server of the test's own."""

    async def echo(reader, writer):
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(4096):
                writer.write(data)
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def echo(program):
    async with running(program) as connect:
        first, second = await connect(), await connect()
        seen = [await first.ask(b"one", 3), await second.ask(b"two", 3)]
        await first.close()
        large = bytes(range(256)) * 1000
        equal(await second.ask(large, len(large)), large, "a large answer")
        second.writer.write_eof()
        seen.append(await second.rest())
        return seen


async def chat(program):
    async with running(program) as connect:
        first = await connect()
        seen = [await first.ask(b"one\n", 4)]
        second = await connect()
        seen.append(await second.read(4))  # it has entered
        seen += [await second.ask(b"two\nthree\n", 10), await first.read(10)]
        await second.close()
        for number in range(150):
            line = b"line %d\n" % number
            seen.append(await first.ask(line, len(line)))
        late = await connect()
        history = b"".join(b"line %d\n" % number for number in range(50, 150))
        equal(await late.read(len(history)), history, "the history")
        too_long = await connect()
        await too_long.read(len(history))
        too_long.writer.write(b"x" * 2000)
        seen.append(await too_long.rest())
        seen += [await late.ask(b"four\n", 5), await first.read(5)]
        return seen


async def watchdog(program):
    async with running(program, 200) as connect:
        silent, talks = await connect(), await connect()
        seen = [await talks.ask(b"hello", 5)]
        seen += [await silent.rest(), await talks.rest()]
        return seen


async def throttling_proxy(program):
    async with echo_target() as target, running(program, target, 100_000) as connect:
        client, other = await connect(), await connect()
        begin_time = time.monotonic()
        data = bytes(range(200)) * 100
        equal(await client.ask(data, len(data)), data, "what was passed on")
        # Ten turns of 20 ms for 20000 bytes; the first does not wait for it.
        check(time.monotonic() - begin_time > 0.15, "it did not throttle")
        await client.close()
        return [await other.ask(b"still there", 11)]


async def socks_proxy(program):
    def request(port):
        return bytes([5, 1, 0, 1, 127, 0, 0, 1, port >> 8, port & 255])

    async with echo_target() as target, running(program) as connect:
        client = await connect()
        seen = [await client.ask(bytes([5, 2, 0, 1]), 2)]
        seen.append(await client.ask(request(target), 10))
        seen.append(await client.ask(b"through", 7))
        client.writer.write(b"last")
        client.writer.write_eof()
        seen.append(await client.rest())

        refused = await connect()
        await refused.ask(bytes([5, 1, 0]), 2)
        seen.append(await refused.ask(request(1), 10))
        seen.append(await refused.rest())

        wrong = await connect()
        wrong.writer.write(b"\x04\x01")
        seen.append(await wrong.rest())
        return seen


BEHAVIOURS = {
    "echo": (echo, []),
    "echo_refactored": (echo, []),
    "chat": (chat, []),
    "watchdog": (watchdog, [200]),
    "throttling_proxy": (throttling_proxy, [1, 1]),
    "socks_proxy": (socks_proxy, []),
}


async def refuses_a_bad_port(program, arguments):
    process = await begin(program, "-1", *arguments)
    out, errors = await process.communicate()
    equal((process.returncode, out), (1, b""), "status and output for a bad port")
    check(b"argument 1 is '-1', must be a number from 0" in errors, errors)


async def behaviour(name, before, after):
    client, arguments = BEHAVIOURS[name]
    seen = []
    for program in (before, after):
        await refuses_a_bad_port(program, arguments)
        seen.append(await asyncio.wait_for(client(program), PROGRAM_SECONDS))
    check(seen[0], "the client saw nothing")
    equal(seen[1], seen[0], "what the client of the port saw")


async def reports_that_it_cannot_listen(program, arguments):
    """An error that asio::detached hides in the program it is ported from."""
    async with echo_target() as taken:
        process = await begin(program, taken, *arguments)
        out, errors = await asyncio.wait_for(process.communicate(), PROGRAM_SECONDS)
        equal((process.returncode, out), (1, b""), "status and output")
        check(b"Address already in use" in errors, errors)


# --- difference -----------------------------------------------------------------

HUNK = re.compile(r"(\d+)(?:,(\d+))?[acd]\d+(?:,\d+)?")
HEADING = re.compile(r"\s*(#include |using |$)")

KINDS = ["headings", "words", "main", "by hand"]


def hunks_of(before, after):
    """(line in `before`, lines removed, lines added), as `diff` finds them."""
    output = subprocess.run(
        ["diff", before, after], capture_output=True, text=True, check=False
    )
    check(output.returncode == 1, f"diff: {output.returncode}, {output.stderr}")
    hunks = []
    for line in output.stdout.splitlines():
        if match := HUNK.fullmatch(line):
            hunks.append((int(match[1]), [], []))
        elif line[0] in "<>":
            hunks[-1][1 if line[0] == "<" else 2].append(line[2:])
    return hunks


def in_new_words(lines):
    """Without spaces, as the formatter may break lines elsewhere."""
    text = "".join(lines).replace("awaitable<void>", "task<>")
    text = text.replace("use_awaitable", "deferred").replace("awaitable<", "task<")
    return re.sub(r"\s", "", text)


def kind_of(hunk, line_of_main):
    line, removed, added = hunk
    if all(HEADING.match(each) for each in removed + added):
        return "headings"
    if in_new_words(removed) == in_new_words(added):
        return "words"
    return "main" if line > line_of_main else "by hand"


def row_of(directory, name):
    """The row of the page's table for this pair."""
    before = directory / f"{name}_awaitable.cpp"
    lines = before.read_text().splitlines()
    line_of_main = next(i for i, l in enumerate(lines, 1) if l.startswith("int main"))
    removed, added = collections.Counter(), collections.Counter()
    for hunk in hunks_of(before, directory / f"{name}.cpp"):
        kind = kind_of(hunk, line_of_main)
        removed[kind] += len(hunk[1])
        added[kind] += len(hunk[2])
    cells = [f"-{removed[kind]} +{added[kind]}" for kind in KINDS]
    total = f"-{removed.total()} +{added.total()}"
    link = f"examples/porting/{name}.cpp"
    return f"| [{name}]({link}) | {len(lines)} | {' | '.join(cells)} | {total} |"


def difference(page, directory):
    directory = pathlib.Path(directory)
    pairs = sorted(each.name[: -len("_awaitable.cpp")] for each in directory.glob("*_awaitable.cpp"))
    equal(pairs, sorted(BEHAVIOURS), "the pairs in the directory")
    text = pathlib.Path(page).read_text()
    missing = [row for row in (row_of(directory, name) for name in pairs) if row not in text]
    check(not missing, "the page's table lacks:\n" + "\n".join(missing))


def main(arguments):
    match arguments:
        case ["behaviour", name, before, after]:
            asyncio.run(behaviour(name, before, after))
            asyncio.run(reports_that_it_cannot_listen(after, BEHAVIOURS[name][1]))
        case ["difference", page, directory]:
            difference(page, directory)
        case _:
            sys.exit(__doc__)


main(sys.argv[1:])
