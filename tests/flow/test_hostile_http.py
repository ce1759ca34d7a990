"""Raw bytes at the socket: whatever comes, one clear answer or a closed connection, and the server goes on."""
import concurrent.futures
import os
import random
import socket
import time

import pytest

import processes
from polling import wait_until
from server import BASE


def connect(forager, seconds=10):
    host, _, port = forager.url.removeprefix("http://").rpartition(":")
    return socket.create_connection((host, int(port)), timeout=seconds)


def talk(forager, data, seconds=15):
    """Sends bytes, closes our side, and returns all that comes back."""
    with connect(forager, seconds) as raw:
        try:
            raw.sendall(data)
            raw.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        got = b""
        try:
            while chunk := raw.recv(65536):
                got += chunk
        except ConnectionResetError:
            pass
        return got


def status_of(answer):
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.") else None


def head(forager, line="GET /healthz HTTP/1.1", *headers):
    return "\r\n".join([line, "Host: 127.0.0.1", f"Authorization: Bearer {forager.token}", *headers, "", ""]).encode()


@pytest.fixture(autouse=True)
def still_well(shared):
    yield
    assert shared.process.poll() is None
    assert shared.get("/healthz").status_code == 200


BROKEN = [b"\r\n\r\n", b"\x00" * 100, b"GET\r\n\r\n", b"GET / HTTP/9.9\r\nHost: 127.0.0.1\r\n\r\n", b"GET  / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
          b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"GET / HTTP/1.1\r\nHost 127.0.0.1\r\n\r\n", b"GET / HTTP/1.1\r\n: x\r\n\r\n",
          b"GET /\x01 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nA: b\x00c\r\n\r\n",
          b"GET http://[::1 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n",
          b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil.example\r\n\r\n", b"GET /%zz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
          b"GET " + b"/a" * 20000 + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"]


@pytest.mark.parametrize("data", BROKEN, ids=range(len(BROKEN)))
def test_broken_requests(shared, data):
    answer = talk(shared, data)
    assert answer == b"" or status_of(answer) in (400, 401, 404, 414, 421, 431, 505), answer[:200]


SMUGGLING = [
    ("Content-Length: 5", "Content-Length: 6"), ("Content-Length: 5", "Transfer-Encoding: chunked"), ("Transfer-Encoding: chunked", "Content-Length: 5"),
    ("Content-Length: -1",), ("Content-Length: +5",), ("Content-Length: 5, 5, 6",), ("Content-Length: 0x5",), ("Content-Length: 99999999999999999999",),
    ("Transfer-Encoding: xchunked",), ("Transfer-Encoding: gzip, chunked",), ("Transfer-Encoding: chunked, identity",), ("Transfer-Encoding : chunked",)]


@pytest.mark.parametrize("headers", SMUGGLING, ids=[" + ".join(row) for row in SMUGGLING])
def test_a_body_whose_end_is_not_clear_is_refused(shared, headers):
    hidden = b"0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    answer = talk(shared, head(shared, f"POST {BASE}/jobs HTTP/1.1", *headers) + hidden)
    assert answer.count(b"HTTP/1.1 ") <= 1, answer
    assert answer == b"" or status_of(answer) in (400, 411, 413, 501), answer[:200]


@pytest.mark.parametrize("line", ["A: " + "x" * 100_000, "\r\n".join(f"H{n}: x" for n in range(5000))], ids=["long", "many"])
def test_large_headers(shared, line):
    answer = talk(shared, head(shared, "GET /healthz HTTP/1.1", line))
    assert answer == b"" or status_of(answer) in (400, 413, 431), answer[:200]


def test_pipelining_answers_in_order(shared):
    answer = talk(shared, head(shared) + head(shared, f"GET {BASE}/stats HTTP/1.1") + head(shared, "GET /nothing HTTP/1.1", "Connection: close"))
    codes = [int(part[:3]) for part in answer.split(b"HTTP/1.1 ")[1:]]
    assert codes == [200, 200, 404], answer


def test_keep_alive_and_close(shared):
    with connect(shared) as raw:
        for _ in range(50):
            raw.sendall(head(shared))
            got = b""
            while b"\r\n\r\n" not in got:
                got += raw.recv(65536)
            assert got.startswith(b"HTTP/1.1 200")
        raw.sendall(head(shared, "GET /healthz HTTP/1.1", "Connection: close"))
        while raw.recv(65536):
            pass


def test_http_1_0_closes(shared):
    with connect(shared) as raw:
        raw.sendall(b"GET /healthz HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n")
        got = b""
        while chunk := raw.recv(65536):
            got += chunk
        assert b" 200 " in got.split(b"\r\n")[0]


def test_chunked_bodies(shared):
    body = b'{"entity_type":"selftest","job_type":"ok"}'
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:7], body[7:20], body[20:]))
    answer = talk(shared, head(shared, f"POST {BASE}/jobs HTTP/1.1", "Transfer-Encoding: chunked", "Connection: close") + chunks + b"0\r\n\r\n")
    assert status_of(answer) == 201, answer
    for broken in (b"zz\r\n", b"-1\r\n", b"fffffffffffffffff\r\n", b"5\r\nabc"):
        answer = talk(shared, head(shared, f"POST {BASE}/jobs HTTP/1.1", "Transfer-Encoding: chunked") + broken)
        assert answer == b"" or status_of(answer) in (400, 408, 413), (broken, answer[:200])


def test_an_endless_chunked_body_is_cut(shared):
    with connect(shared) as raw:
        raw.sendall(head(shared, f"POST {BASE}/jobs HTTP/1.1", "Transfer-Encoding: chunked"))
        piece = b"%x\r\n" % 65536 + b" " * 65536 + b"\r\n"
        sent = 0
        try:
            while sent < 512 * 1024 * 1024:
                raw.sendall(piece)
                sent += len(piece)
        except OSError:
            pass
        assert sent < 512 * 1024 * 1024, "it reads for ever"


def test_expect_continue(shared):
    body = b'{"entity_type":"selftest","job_type":"ok"}'
    with connect(shared) as raw:
        raw.sendall(head(shared, f"POST {BASE}/jobs HTTP/1.1", f"Content-Length: {len(body)}", "Expect: 100-continue", "Connection: close"))
        got = raw.recv(65536)
        assert got.startswith((b"HTTP/1.1 100", b"HTTP/1.1 417")), got
        if got.startswith(b"HTTP/1.1 100"):
            raw.sendall(body)
            rest = b""
            while chunk := raw.recv(65536):
                rest += chunk
            assert b"HTTP/1.1 201" in rest


@pytest.mark.timeout(200)
def test_slow_clients_are_ended_and_do_not_block_others(shared):
    slow = [connect(shared, 120) for _ in range(50)]
    for raw in slow:
        raw.sendall(b"POST " + BASE.encode() + b"/jobs HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Le")
    begin = time.monotonic()
    for _ in range(20):
        assert shared.get("/healthz").status_code == 200
    assert time.monotonic() - begin < 5
    for raw in slow:
        raw.settimeout(100)
        try:
            while raw.recv(65536):
                pass
        except ConnectionResetError:
            pass
        raw.close()
    assert time.monotonic() - begin < 100


def test_a_thousand_connections(shared):
    open_ones = []
    try:
        for _ in range(1000):
            try:
                open_ones.append(connect(shared, 2))
            except OSError:
                break
        # Full or not: once they are gone, the next client is served.
    finally:
        for raw in open_ones:
            raw.close()
    wait_until(lambda: shared.get("/healthz").status_code == 200, 10, "an answer")


def test_connections_are_given_back(shared):
    before = len(processes.open_descriptors(shared.server_pid()))
    for _ in range(200):
        talk(shared, head(shared, "GET /healthz HTTP/1.1", "Connection: close"))
    wait_until(lambda: len(processes.open_descriptors(shared.server_pid())) <= before + 5, 10, "the descriptors to be closed")


def test_random_bytes_by_the_thousand(shared):
    seed = int(os.environ.get("FORAGER_SEED", random.randrange(1 << 32)))
    dice = random.Random(seed)
    good = head(shared, f"POST {BASE}/jobs HTTP/1.1", "Content-Length: 42") + b'{"entity_type":"selftest","job_type":"ok"}'

    def broken():
        data = bytearray(good)
        for _ in range(dice.randrange(1, 8)):
            place = dice.randrange(len(data))
            kind = dice.randrange(3)
            if kind == 0:
                data[place] = dice.randrange(256)
            elif kind == 1:
                del data[place:place + dice.randrange(20)]
            else:
                data[place:place] = bytes(dice.randrange(256) for _ in range(dice.randrange(20)))
        return bytes(data)

    requests_sent = [broken() for _ in range(2000)]
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        for data, answer in zip(requests_sent, pool.map(lambda data: talk(shared, data), requests_sent)):
            fine = answer == b"" or status_of(answer) in range(200, 500) or status_of(answer) in (501, 505)
            assert fine, (seed, data, answer)


def test_deep_and_wide_json(shared):
    for text in ('{"search_filters":' + '{"a":' * 3000 + "1" + "}" * 3001, '{"entity_type":' + "[" * 100_000, '{"a":1,' * 20_000,
                 '{"entity_type":"selftest","job_type":"ok","priority":' + "9" * 5000 + "}", '{"entity_type":"selftest","job_type":"ok","priority":1e999}'):
        answer = shared.request("POST", "/jobs", data=text.encode())
        assert answer.status_code in (400, 413, 422), (text[:60], answer.status_code)


@pytest.mark.parametrize("path", ["/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/docs/../../../etc/passwd", "/static/..%2f..%2fetc%2fpasswd", "//etc/passwd",
                                  "/.git/config", "/admin.token", "/forager.db", "/%00"])
def test_no_file_gets_out(shared, path):
    answer = talk(shared, head(shared, f"GET {path} HTTP/1.1", "Connection: close"))
    assert status_of(answer) in (400, 404), answer[:100]
    assert b"root:" not in answer


def test_no_answer_shows_a_path_or_a_stack(shared):
    for path in ("/jobs?cursor=%00", "/jobs/x'--", "/events?x=1", "/nothing"):
        text = shared.get(path).text
        assert str(shared.data) not in text and "SELECT" not in text and "sqlite" not in text.lower() and ".cc" not in text


def test_gzip_answers(shared):
    for _ in range(30):
        shared.submit()
    answer = shared.get("/jobs", headers={"Accept-Encoding": "gzip"}, params={"page_size": 30})
    assert answer.headers.get("Content-Encoding") == "gzip" and answer.json()["jobs"]
    assert "Content-Encoding" not in shared.get("/jobs", headers={"Accept-Encoding": "identity"}).headers


def test_security_headers(shared):
    answer = shared.get("/docs", token=False)
    assert answer.headers.get("X-Content-Type-Options") == "nosniff"
    assert "Content-Security-Policy" in answer.headers
    assert "Server" not in answer.headers or "/" not in answer.headers["Server"]


def test_five_hundred_clients_at_once(make):
    forager = make()
    forager.description

    def one(_):
        answer = talk(forager, head(forager, f"GET {BASE}/stats HTTP/1.1", "Connection: close"), 30)
        return status_of(answer)

    with concurrent.futures.ThreadPoolExecutor(250) as pool:
        codes = list(pool.map(one, range(500)))
    assert set(codes) <= {200, 503} and codes.count(200) >= 400, {code: codes.count(code) for code in set(codes)}


@pytest.mark.parametrize("headers,status", [((), 401), (("Authorization: Bearer wrong",), 401)])
@pytest.mark.parametrize("length", ["Content-Length: 16000000", "Transfer-Encoding: chunked"])
def test_who_may_not_ask_is_told_before_the_body(shared, headers, status, length):
    with connect(shared) as raw:
        raw.sendall("\r\n".join([f"POST {BASE}/jobs/bulk HTTP/1.1", "Host: 127.0.0.1", length, *headers, "", ""]).encode())
        answer = b""
        while chunk := raw.recv(65536):
            answer += chunk
    assert status_of(answer) == status, answer


def test_a_body_in_pieces_is_read_once_it_may_come(shared):
    body = b'{"entity_type": "selftest", "job_type": "ok"}'
    with connect(shared) as raw:
        raw.sendall(head(shared, f"POST {BASE}/jobs HTTP/1.1", f"Content-Length: {len(body)}", "Connection: close"))
        for byte in body:
            raw.sendall(bytes([byte]))
        answer = b""
        while chunk := raw.recv(65536):
            answer += chunk
    assert status_of(answer) == 201, answer
