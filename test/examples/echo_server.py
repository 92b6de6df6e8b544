#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
# Part of weir: structured concurrency for Boost.Asio.
"""Drives docs/examples/echo_server over loopback, with real sockets.

    echo_server.py SERVER [CASE...]       # all if none is given; -CASE: not it

Clients record what happens, cases check it. Each case has its own server and a time limit.
"""

import asyncio
import contextlib
import os
import random
import re
import resource
import signal
import socket
import struct
import subprocess
import sys
import time

CONNECTIONS = 1000
CASE_SECONDS = 90
LINE_LIMIT = 64 * 1024
SKIPPED = 77


class Server:
    """One server process; `port` is known once it is entered."""

    def __init__(self, program, *options, descriptors=None):
        self.command = [program, "--port", "0", *options]
        self.descriptors = descriptors

    async def __aenter__(self):
        def limit():
            resource.setrlimit(
                resource.RLIMIT_NOFILE, (self.descriptors, self.descriptors)
            )

        self.process = await asyncio.create_subprocess_exec(
            *self.command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            preexec_fn=limit if self.descriptors else None,
        )
        first = (await self.process.stdout.readline()).decode()
        match = re.fullmatch(r"listening on (\d+)\n", first)
        if not match:
            errors = (await self.process.stderr.read()).decode()
            raise AssertionError(f"server began with {first!r}, {errors!r}")
        self.port = int(match[1])
        return self

    async def __aexit__(self, *exception):
        if self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self.process.kill()
            await self.process.wait()
        if exception[0]:
            errors = (await self.process.stderr.read(4000)).decode()
            print(f"server: status {self.process.returncode}, stderr: {errors}")

    def descriptors_open(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def resident_bytes(self):
        with open(f"/proc/{self.process.pid}/statm", encoding="ascii") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def cpu_seconds(self):
        with open(f"/proc/{self.process.pid}/stat", encoding="ascii") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def signal(self, number=signal.SIGTERM):
        self.process.send_signal(number)

    async def summary(self):
        """(connections, cut off, lines), after a clean end."""
        out, errors = await self.process.communicate()
        equal(errors.decode(), "", "stderr")
        equal(self.process.returncode, 0, "exit status")
        match = re.fullmatch(
            rb"(\d+) connections \((\d+) cut off\), (\d+) lines\n", out
        )
        check(match, f"summary is {out!r}")
        return tuple(int(number) for number in match.groups())

    async def connect(self):
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", self.port, limit=2 * LINE_LIMIT
        )
        return Client(reader, writer)


class Client:
    def __init__(self, reader, writer):
        self.reader = reader
        self.writer = writer

    async def send(self, data):
        self.writer.write(data)
        await self.writer.drain()

    async def ask(self, line):
        """Sends a line and returns the answer."""
        await self.send(line)
        return await self.reader.readline()

    async def rest(self):
        """What comes until the server closes; (bytes, was it a reset)."""
        got = bytearray()
        try:
            while data := await self.reader.read(65536):
                got += data
        except ConnectionError:
            return bytes(got), True
        return bytes(got), False

    def reset(self):
        """Closes with a reset instead of an orderly end."""
        self.writer.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
        )
        self.writer.transport.abort()

    async def close(self):
        self.writer.close()
        with contextlib.suppress(ConnectionError):
            await self.writer.wait_closed()


def check(condition, message):
    if not condition:
        raise AssertionError(message)


def equal(got, want, what):
    check(got == want, f"{what}: got {got!r:.200}, want {want!r:.200}")


async def until(condition, message, seconds=30):
    """Waits for a condition that nobody announces."""
    deadline = time.monotonic() + seconds
    while not condition():
        check(time.monotonic() < deadline, message)
        await asyncio.sleep(0.02)


# --- cases --------------------------------------------------------------------


async def answers_each_line(program):
    async with Server(program) as server:
        client = await server.connect()
        for line in (b"hello\n", b"\n", b"\r\n", b"a\0b\xff\n", b"two\r\n"):
            equal(await client.ask(line), line, "answer")
        await client.send(b"in ")
        await client.send(b"pieces\nand ")
        equal(await client.reader.readline(), b"in pieces\n", "answer")
        await client.send(b"many\n" + b"x\n" * 1000 + b"no newline")
        client.writer.write_eof()
        want = b"and many\n" + b"x\n" * 1000
        equal(await client.rest(), (want, False), "the rest")
        server.signal(signal.SIGINT)
        equal(await server.summary(), (1, 0, 1007), "summary")


async def closes_on_a_line_too_long(program):
    async with Server(program) as server:
        longest = b"x" * (LINE_LIMIT - 1) + b"\n"
        client = await server.connect()
        equal(await client.ask(longest), longest, "answer to the longest line")
        await client.send(b"before\n" + b"x" * LINE_LIMIT + b"\nafter\n")
        equal(await client.rest(), (b"before\n", False), "the rest")
        await client.close()
        endless = await server.connect()
        with contextlib.suppress(ConnectionError):
            for _ in range(4 * LINE_LIMIT // 1024):
                await endless.send(b"x" * 1024)
        equal((await endless.rest())[0], b"", "answer to an endless line")
        await endless.close()
        server.signal()
        equal((await server.summary())[2], 2, "lines")


async def serves_many_and_leaves_no_descriptor(program):
    async with Server(program, "--max-connections", str(2 * CONNECTIONS)) as server:
        before = server.descriptors_open()
        complete = 0  # lines sent to their end over connections not reset
        reset_lines = 0  # the same, over those that were

        async def quick(index):
            nonlocal complete
            client = await server.connect()
            for turn in range(5):
                lines = [b"%d %d %d\n" % (index, turn, i) for i in range(20)]
                await client.send(b"".join(lines))
                for line in lines:
                    equal(await client.reader.readline(), line, "answer")
                complete += len(lines)
            await client.close()

        async def slow(index):
            nonlocal complete
            client = await server.connect()
            for turn in range(3):
                line = b"slow %d %d\n" % (index, turn)
                for byte in line:
                    await client.send(bytes([byte]))
                    await asyncio.sleep(0.02)
                equal(await client.reader.readline(), line, "slow answer")
                complete += 1
            await client.close()

        async def resetting(index):
            nonlocal reset_lines
            client = await server.connect()
            line = b"reset %d\n" % index
            equal(await client.ask(line), line, "answer before the reset")
            reset_lines += 1
            await client.send(b"in the middle of a li")
            await asyncio.sleep(random.random() / 10)
            client.reset()

        kinds = [slow, quick, slow, resetting]
        await asyncio.gather(*(kinds[i % 4](i) for i in range(CONNECTIONS)))
        # At most: UBSan sometimes opens a pipe, and may have had one open before.
        await until(
            lambda: server.descriptors_open() <= before,
            "descriptors left open after all clients have gone",
        )
        server.signal()
        connections, cut_off, lines = await server.summary()
        equal(connections, CONNECTIONS, "connections")
        equal(cut_off, CONNECTIONS // 4, "connections cut off")
        equal(lines, complete + reset_lines, "lines")


async def stops_under_load_and_answers_what_it_read(program):
    async with Server(program, "--grace", "30") as server:
        sending = 0

        async def streaming(client, index):
            """Sends until the server closes; returns how much was answered."""
            nonlocal sending
            sent = bytearray()

            async def send():
                for number in range(10**6):
                    line = b"%d %d %s\n" % (index, number, b"." * (index % 300))
                    half = len(line) // 2
                    for part in (line[:half], line[half:]):
                        sent.extend(part)
                        await client.send(part)
                        await asyncio.sleep(0.1 if index % 2 else 0.01)

            sending += 1
            sender = asyncio.ensure_future(send())
            got, was_reset = await client.rest()
            sender.cancel()
            await asyncio.gather(sender, return_exceptions=True)
            await client.close()
            check(not was_reset, f"client {index} was reset")
            check(
                bytes(sent[: len(got)]) == got and got[-1:] in (b"", b"\n"),
                f"client {index}: answers are not the lines it sent",
            )
            return got.count(b"\n")

        clients = await asyncio.gather(
            *(server.connect() for _ in range(CONNECTIONS))
        )
        streams = [
            asyncio.ensure_future(streaming(client, index))
            for index, client in enumerate(clients)
        ]
        await until(lambda: sending == CONNECTIONS, "clients did not start")
        await asyncio.sleep(1)
        server.signal()
        answered = sum(await asyncio.gather(*streams))
        connections, cut_off, lines = await server.summary()
        equal(connections, CONNECTIONS, "connections")
        equal(cut_off, 0, "connections cut off")
        equal(lines, answered, "lines read, against lines answered")
        check(lines > CONNECTIONS, f"only {lines} lines: no load")


async def a_silent_connection_ends_after_idle(program):
    async with Server(program, "--idle", "2") as server:
        silent = await server.connect()
        busy = await server.connect()

        async def dribble():
            for _ in range(30):
                await busy.send(b"x")
                await asyncio.sleep(0.1)
            return await busy.ask(b"\n")

        async def wait():
            begin = time.monotonic()
            equal(await silent.rest(), (b"", False), "to a silent client")
            return time.monotonic() - begin

        answer, seconds = await asyncio.gather(dribble(), wait())
        equal(answer, b"x" * 30 + b"\n", "answer to one who is slow, not idle")
        check(seconds > 1.8, f"closed after {seconds} s")
        await silent.close()
        await busy.close()
        server.signal()
        equal(await server.summary(), (2, 1, 1), "summary")


async def the_cap_makes_others_wait(program):
    async with Server(program, "--max-connections", "2") as server:
        first, second = await server.connect(), await server.connect()
        for client in (first, second):
            equal(await client.ask(b"hi\n"), b"hi\n", "answer")
        third = await server.connect()
        await third.send(b"waiting\n")
        with contextlib.suppress(asyncio.TimeoutError):
            early = await asyncio.wait_for(third.reader.read(1), 0.3)
            raise AssertionError(f"over the cap: {early!r}")
        equal(await second.ask(b"still\n"), b"still\n", "answer")
        await first.close()
        equal(await third.reader.readline(), b"waiting\n", "answer at last")
        server.signal()
        equal(await second.rest(), (b"", False), "the rest")


async def waits_when_out_of_descriptors(program):
    async with Server(program, descriptors=24) as server:
        clients = [await server.connect() for _ in range(60)]
        answers = []

        async def ask(client, index):
            line = b"line %d\n" % index
            answers.append(await client.ask(line) == line)
            await asyncio.sleep(0.01)
            await client.close()

        # No client closes before it has its answer, and not all are accepted at
        # first: the rest can only be answered if the server continues.
        await until(lambda: server.descriptors_open() == 24, "not exhausted")
        before = server.cpu_seconds()
        await asyncio.sleep(0.5)
        check(server.cpu_seconds() - before < 0.25, "it spins while it waits")
        await asyncio.gather(*(ask(c, i) for i, c in enumerate(clients)))
        equal(answers, [True] * 60, "answers")
        server.signal()
        equal(await server.summary(), (60, 0, 60), "summary")


async def an_open_line_gets_the_grace(program):
    async with Server(program, "--grace", "30") as server:
        idle, open_ = await server.connect(), await server.connect()
        equal(await idle.ask(b"hi\n"), b"hi\n", "answer")
        equal(await open_.ask(b"hi\n"), b"hi\n", "answer")
        await open_.send(b"begun ")
        await asyncio.sleep(0.2)
        server.signal()
        equal(await idle.rest(), (b"", False), "between lines")
        await idle.close()
        with contextlib.suppress(ConnectionError):
            late = await server.connect()
            raise AssertionError(f"accepted while stopping: {late}")
        await open_.send(b"and ended\nand another\nand")
        want = b"begun and ended\nand another\n"
        equal(await open_.rest(), (want, False), "an open line")
        await open_.close()
        equal(await server.summary(), (2, 0, 4), "summary")


async def grace_ends(program):
    async with Server(program, "--grace", "0.3") as server:
        client = await server.connect()
        equal(await client.ask(b"hi\n"), b"hi\n", "answer")
        await client.send(b"begun")
        await asyncio.sleep(0.2)
        server.signal()
        begin = time.monotonic()
        equal((await client.rest())[0], b"", "a line never ended")
        equal(await server.summary(), (1, 1, 1), "summary")
        check(time.monotonic() - begin > 0.25, "no grace was given")


async def a_peer_that_does_not_read_is_cut_off(program):
    async with Server(program, "--idle", "1") as server:
        client = await server.connect()
        client.writer.transport.pause_reading()
        chunk = b"x" * 1023 + b"\n"
        with contextlib.suppress(ConnectionError):
            for _ in range(64 * 1024):  # far more than the buffers hold
                await client.send(chunk)
        server.signal()
        equal((await server.summary())[1], 1, "connections cut off")


async def peers_that_do_not_read_hold_up_nobody(program):
    peers = 20
    async with Server(program, "--idle", "2") as server:
        before = server.resident_bytes()
        deaf = [await server.connect() for _ in range(peers)]

        async def floods(client):
            client.writer.transport.pause_reading()
            chunk = (b"x" * 1023 + b"\n") * 64
            with contextlib.suppress(ConnectionError):
                for _ in range(1024):  # far more than the buffers hold
                    await client.send(chunk)

        flooding = [asyncio.ensure_future(floods(client)) for client in deaf]
        await asyncio.sleep(0.5)
        hearing = await server.connect()
        for number in range(100):
            line = b"line %d\n" % number
            equal(await asyncio.wait_for(hearing.ask(line), 5), line, "answer")
            await asyncio.sleep(0.01)
        grown = server.resident_bytes() - before
        check(grown < 64 << 20, f"it keeps {grown} bytes for {peers} peers")
        await hearing.close()  # before it is silent for too long itself
        await asyncio.gather(*flooding)
        server.signal()
        connections, cut_off, _ = await server.summary()
        equal((connections, cut_off), (peers + 1, peers), "cut off")


async def a_signal_at_any_moment_loses_no_line(program):
    for _ in range(20):
        delay = random.random() / 20
        async with Server(program, "--grace", "30") as server:
            answered = 0

            async def asks(index):
                nonlocal answered
                own = 0
                try:
                    client = await server.connect()
                    while True:
                        line = b"%d %d\n" % (index, own)
                        answer = await client.ask(line)
                        if not answer:
                            break
                        equal(answer, line, "answer")
                        own += 1
                    await client.close()
                except ConnectionError:  # It was never accepted.
                    equal(own, 0, f"answers before a reset, after {delay} s")
                answered += own

            asking = [asyncio.ensure_future(asks(i)) for i in range(20)]
            await asyncio.sleep(delay)
            server.signal()
            await asyncio.gather(*asking)
            _, cut_off, lines = await server.summary()
            equal(cut_off, 0, f"connections cut off, after {delay} s")
            equal(lines, answered, f"lines read, after {delay} s")


async def a_second_signal_ends_it_at_once(program):
    async with Server(program, "--grace", "30") as server:
        idle, open_ = await server.connect(), await server.connect()
        for client in (idle, open_):
            equal(await client.ask(b"hi\n"), b"hi\n", "answer")
        await open_.send(b"begun ")
        await asyncio.sleep(0.2)
        server.signal()
        equal(await idle.rest(), (b"", False), "when it stops")
        server.signal()
        equal(await server.process.wait(), -signal.SIGTERM, "how it ended")


async def bad_options_have_a_message(program):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        for options, status, message in (
            (["--port", "65536"], 2, "--port is '65536', must be"),
            (["--port", "-1"], 2, "--port is '-1', must be"),
            (["--idle", "0"], 2, "--idle is '0', must be"),
            (["--idle", "soon"], 2, "--idle is 'soon', must be"),
            (["--grace", "nan"], 2, "--grace is 'nan', must be"),
            (["--max-connections", "0"], 2, "--max-connections is '0', must"),
            (["--address", "there"], 2, "--address is 'there', must be"),
            (["--what"], 2, "--what"),
            (["more"], 2, "positional"),
            (["--port", port], 1, "Address already in use"),
        ):
            done = subprocess.run(
                [program, *options], capture_output=True, timeout=20, check=False
            )
            equal(done.returncode, status, f"status for {options}")
            check(
                message in done.stderr.decode() and not done.stdout,
                f"{options}: {done.stderr!r}",
            )


CASES = [
    answers_each_line,
    closes_on_a_line_too_long,
    serves_many_and_leaves_no_descriptor,
    stops_under_load_and_answers_what_it_read,
    a_silent_connection_ends_after_idle,
    the_cap_makes_others_wait,
    waits_when_out_of_descriptors,
    an_open_line_gets_the_grace,
    grace_ends,
    a_peer_that_does_not_read_is_cut_off,
    peers_that_do_not_read_hold_up_nobody,
    a_signal_at_any_moment_loses_no_line,
    a_second_signal_ends_it_at_once,
    bad_options_have_a_message,
]


async def run(case, program):
    await asyncio.wait_for(case(program), CASE_SECONDS)


def main(args):
    if not args:
        sys.exit(__doc__)
    program = os.path.abspath(args[0])
    chosen = [name for name in args[1:] if not name.startswith("-")]
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    need = CONNECTIONS + 100
    if soft < need:
        if hard != resource.RLIM_INFINITY and hard < need:
            print(f"needs {need} descriptors, may have {hard}")
            return SKIPPED
        resource.setrlimit(resource.RLIMIT_NOFILE, (need, hard))
    failed = 0
    for case in CASES:
        name = case.__name__
        if "-" + name in args or (chosen and name not in chosen):
            continue
        begin = time.monotonic()
        try:
            asyncio.run(run(case, program))
            outcome = "ok"
        except (AssertionError, asyncio.TimeoutError, OSError) as error:
            outcome = f"FAILED: {type(error).__name__} {error}"
            failed += 1
        print(f"{name}: {outcome} ({time.monotonic() - begin:.1f} s)")
        sys.stdout.flush()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
