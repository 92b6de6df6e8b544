#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
# Part of weir: structured concurrency for Boost.Asio.
"""docs/examples/https_server and tls_client against curl and OpenSSL.

    tls.py HTTPS_SERVER TLS_CLIENT [CASE...]     # all if none is given

Everything is on loopback, with a certificate that is made for the run. Skipped,
with the reason, where there is no openssl or no curl.
"""

import contextlib
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time

SKIPPED = 77
SECONDS = 30  # for any one step; a hang is a failure with a name
CERTIFICATE = "cert.pem"
KEY = "key.pem"


def equal(got, wanted, what):
    if got != wanted:
        raise AssertionError(f"{what}: {got!r}, must be {wanted!r}")


def make_certificate():
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
        + ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
        + ["-keyout", KEY, "-out", CERTIFICATE],
        check=True,
        capture_output=True,
        timeout=SECONDS,
    )


class Server:
    """The HTTPS server under test, one process."""

    def __init__(self, program):
        self.process = subprocess.Popen(
            [program, CERTIFICATE, KEY],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )
        first = self.process.stdout.readline()
        match = re.fullmatch(r"listening on (\d+)\n", first)
        if not match:
            raise AssertionError(f"the server began with {first!r}")
        self.port = int(match[1])

    def stop(self):
        """Status after SIGTERM, and what else it printed."""
        self.process.send_signal(signal.SIGTERM)
        out, _ = self.process.communicate(timeout=SECONDS)
        return self.process.returncode, out

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def curl(port, *args):
    done = subprocess.run(
        ["curl", "-q", "-sS", "--cacert", CERTIFICATE]
        + ["--resolve", f"localhost:{port}:127.0.0.1"]
        + [a.replace("@", f"https://localhost:{port}") for a in args],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def connect(port):
    """A TLS connection that this script controls step by step."""
    context = ssl.create_default_context(cafile=CERTIFICATE)
    raw = socket.create_connection(("127.0.0.1", port), timeout=SECONDS)
    return context.wrap_socket(raw, server_hostname="localhost")


# --- the server -------------------------------------------------------------


def curl_gets_answers(server_program, _):
    with Server(server_program) as server:
        equal(curl(server.port, "@/hello"), (0, "hello\n"), "GET")
        equal(curl(server.port, "-d", "body", "@/echo"), (0, "body"), "POST")
        # Two requests on one connection.
        two = curl(server.port, "-w", "%{num_connects} ", "@/hello", "@/hello")
        equal(two, (0, "hello\n1 hello\n0 "), "two requests")
        code = curl(server.port, "-w", "%{http_code}", "@/nothing")
        equal(code, (0, "404"), "no such page")
        equal(server.stop(), (0, ""), "the end")


def s_client_sees_an_orderly_close(server_program, _):
    with Server(server_program) as server:
        done = subprocess.run(
            ["openssl", "s_client", "-connect", f"127.0.0.1:{server.port}"]
            + ["-servername", "localhost", "-CAfile", CERTIFICATE]
            + ["-verify_return_error", "-ign_eof"],
            input="GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        for line in ("Verify return code: 0 (ok)", "hello\n", "closed"):
            if line not in done.stdout:
                raise AssertionError(f"no {line!r} in {done.stdout!r}")
        equal(done.returncode, 0, "s_client's status")


def close_notify_comes_before_the_end(server_program, _):
    with Server(server_program) as server, connect(server.port) as peer:
        peer.sendall(b"GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        answer = b""
        while part := peer.recv(4096):  # raises SSLEOFError without close_notify
            answer += part
        equal(answer.endswith(b"\r\n\r\nhello\n"), True, "the answer")


def a_client_that_leaves_ends_its_work(server_program, _):
    with Server(server_program) as server:
        peer = connect(server.port)
        peer.sendall(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
        peer.close()
        equal(server.process.stdout.readline(), "client left\n", "after a close")
        status, _ = curl(server.port, "-m", "1", "@/slow")
        equal(status, 28, "curl's timeout")
        equal(server.process.stdout.readline(), "client left\n", "after curl")
        equal(server.stop(), (0, ""), "the end")


def a_client_that_pipelines_and_leaves_is_noticed(server_program, _):
    with Server(server_program) as server:
        peer = connect(server.port)
        slow = b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n"
        peer.sendall(slow)
        peer.sendall(slow)  # waits in the socket, unread
        peer.close()
        equal(server.process.stdout.readline(), "client left\n", "with data unread")
        equal(server.stop(), (0, ""), "the end")


def plain_text_harms_nobody(server_program, _):
    with Server(server_program) as server:
        with socket.create_connection(("127.0.0.1", server.port), SECONDS) as peer:
            peer.sendall(b"GET / HTTP/1.1\r\n\r\n")
            with contextlib.suppress(ConnectionError):
                while peer.recv(4096):
                    pass
        equal(curl(server.port, "@/hello"), (0, "hello\n"), "the next one")


def stops_between_requests_and_cuts_off_the_rest(server_program, _):
    with Server(server_program) as server, connect(server.port) as idle:
        idle.sendall(b"GET /hello HTTP/1.1\r\nHost: x\r\n\r\n")
        equal(b"200 OK" in idle.recv(4096), True, "the first answer")
        with connect(server.port) as slow:
            slow.sendall(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
            time.sleep(0.2)  # else it may not have been read, and is not cut off
            status, out = server.stop()
        while idle.recv(4096):  # the rest of the answer, and an orderly end
            pass
        equal(status, 0, "the status")
        equal(out in ("cut off what took too long\n", ""), True, out)


# --- the client -------------------------------------------------------------


@contextlib.contextmanager
def s_server():
    """`openssl s_server`, which serves one connection at a time."""
    process = subprocess.Popen(
        ["openssl", "s_server", "-accept", "127.0.0.1:0", "-rev"]
        + ["-cert", CERTIFICATE, "-key", KEY, "-naccept", "1"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        port, said = None, []
        while port is None and (line := process.stdout.readline()):
            said.append(line)
            if match := re.fullmatch(r"ACCEPT .*:(\d+)\n", line):
                port = match[1]
        if port is None:
            raise AssertionError(f"s_server does not listen: {said}")
        yield port
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def ask(program, *args):
    done = subprocess.run(
        [program, *map(str, args)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def tasks_share_one_connection_to_s_server(_, client):
    with s_server() as port:
        status, out, err = ask(client, port, CERTIFICATE, 1, 20)
    answers = [f"question {n}"[::-1] for n in range(20)]
    equal((status, err), (0, ""), "the end")
    equal(out.splitlines(), [*answers, "1 connections"], "the answers")


def a_certificate_of_somebody_else_is_refused(_, client):
    os.rename(CERTIFICATE, "old.pem")
    os.rename(KEY, "old_key.pem")
    make_certificate()
    with s_server() as port:
        status, out, err = ask(client, port, "old.pem", 1, 1)
    equal((status, out), (1, ""), "the end")
    equal("certificate verify failed" in err, True, err)


CASES = [
    curl_gets_answers,
    s_client_sees_an_orderly_close,
    close_notify_comes_before_the_end,
    a_client_that_leaves_ends_its_work,
    a_client_that_pipelines_and_leaves_is_noticed,
    plain_text_harms_nobody,
    stops_between_requests_and_cuts_off_the_rest,
    tasks_share_one_connection_to_s_server,
    a_certificate_of_somebody_else_is_refused,
]


def main(args):
    if len(args) < 2:
        sys.exit(__doc__)
    for tool in ("openssl", "curl"):
        if shutil.which(tool) is None:
            print(f"skipped: there is no {tool}")
            return SKIPPED
    programs = [os.path.abspath(program) for program in args[:2]]
    failed = 0
    with tempfile.TemporaryDirectory(prefix="weir-tls.") as scratch:
        os.chdir(scratch)
        make_certificate()
        for case in CASES:
            if args[2:] and case.__name__ not in args[2:]:
                continue
            begin = time.monotonic()
            try:
                case(*programs)
                outcome = "ok"
            except (AssertionError, OSError, subprocess.SubprocessError) as error:
                outcome = f"FAILED: {type(error).__name__} {error}"
                failed += 1
            print(f"{case.__name__}: {outcome} ({time.monotonic() - begin:.1f} s)")
            sys.stdout.flush()
        os.chdir("/")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
