"""HTTPS in the server itself: what it speaks, what it refuses, and how certificates are changed while it serves."""
import json
import re
import signal
import socket
import ssl
import subprocess
import threading
import time

import pytest
import requests

from polling import wait_until
from server import BASE


def make_certificate(folder, name="server", host="localhost", kind="ec", ca=None):
    """A key and a certificate for 127.0.0.1 and `host`; signed by `ca` or by itself. Returns their paths."""
    key, certificate = folder / f"{name}.key", folder / f"{name}.pem"
    algorithm = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"] if kind == "ec" else ["-newkey", "rsa:2048"]
    subprocess.run(["openssl", "req", "-x509", *algorithm, "-nodes", "-keyout", key, "-out", certificate, "-days", "2", "-subj", f"/CN={name}",
                    "-addext", f"subjectAltName=DNS:{host},IP:127.0.0.1", *(["-CA", ca[0], "-CAkey", ca[1]] if ca else [])],
                   check=True, capture_output=True)
    key.chmod(0o600)
    return certificate, key


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "tls"
    made.mkdir()
    return made


@pytest.fixture
def secure(make, folder):
    def factory(settings=None, kind="ec", **more):
        certificate, key = make_certificate(folder, kind=kind)
        forager = make({"tls_certificate": str(certificate), "tls_key": str(key), **(settings or {})}, start=False, **more)
        forager._session.verify = str(certificate)
        return forager.start()
    return factory


def port_of(forager):
    return int(forager.url.rsplit(":", 1)[1])


def dial(forager, context=None, alpn=None, **limits):
    context = context or ssl._create_unverified_context()
    for name, version in limits.items():
        setattr(context, name, version)
    if alpn:
        context.set_alpn_protocols(alpn)
    return context.wrap_socket(socket.create_connection(("127.0.0.1", port_of(forager)), timeout=10), server_hostname="localhost")


def ask(connection, path="/healthz", more=""):
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{more}\r\n".encode())
    return read_answer(connection)


def read_answer(connection):
    text = b""
    while b"\r\n\r\n" not in text:
        piece = connection.recv(65536)
        if not piece:
            return text
        text += piece
    head, body = text.split(b"\r\n\r\n", 1)
    length = int(re.search(rb"(?i)content-length: (\d+)", head)[1])
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def serial(connection):
    return connection.getpeercert(binary_form=True)


@pytest.mark.parametrize("kind", ["ec", "rsa"])
def test_jobs_run_over_https(secure, kind):
    forager = secure(kind=kind)
    assert forager.url.startswith("https://127.0.0.1:")
    assert forager.finish("ok")["status"] == "completed"
    assert json.loads((forager.data / "server.json").read_text())["url"] == forager.url
    link = re.search(r"log in at (\S+)", forager.stdout)[1]
    assert link.startswith(forager.url + "/login?code=")


def test_the_login_cookie_is_for_https_alone(secure):
    forager = secure()
    link = re.search(r"log in at (\S+)", forager.stdout)[1]
    answer = requests.get(link, verify=forager._session.verify, allow_redirects=False, timeout=10)
    assert answer.status_code == 303
    assert {"Secure", "HttpOnly", "SameSite=Strict"} <= {part.strip() for part in answer.headers["Set-Cookie"].split(";")}


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
@pytest.mark.parametrize("version,spoken", [("TLSv1", False), ("TLSv1_1", False), ("TLSv1_2", True), ("TLSv1_3", True)])
def test_only_modern_versions_are_spoken(secure, version, spoken):
    forager = secure()
    context = ssl._create_unverified_context()
    context.set_ciphers("ALL:@SECLEVEL=0")
    limits = {"minimum_version": getattr(ssl.TLSVersion, version), "maximum_version": getattr(ssl.TLSVersion, version)}
    if not spoken:
        with pytest.raises(OSError):
            dial(forager, context, **limits)
        return
    with dial(forager, context, **limits) as connection:
        assert connection.version() == version.replace("_", ".")
        assert ask(connection).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("cipher", ["AES128-GCM-SHA256", "ECDHE-RSA-AES128-SHA256", "DHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-SHA"])
def test_weak_ciphers_of_tls_1_2_are_refused(secure, cipher):
    forager = secure(kind="rsa")
    context = ssl._create_unverified_context()
    context.set_ciphers(cipher + ":@SECLEVEL=0")
    with pytest.raises(OSError):
        dial(forager, context, maximum_version=ssl.TLSVersion.TLSv1_2)


def test_http_1_1_is_agreed_and_only_http_2_is_refused(secure):
    forager = secure()
    with dial(forager, alpn=["h2", "http/1.1"]) as connection:
        assert connection.selected_alpn_protocol() == "http/1.1"
        assert ask(connection).startswith(b"HTTP/1.1 200")
    with pytest.raises(OSError):
        dial(forager, alpn=["h2"])


def test_many_requests_share_one_connection(secure):
    forager = secure()
    with dial(forager) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n" * 20)
        text = b""
        while text.count(b'{"status":"ok"}') < 20:
            piece = connection.recv(65536)
            assert piece
            text += piece


def test_long_bodies_go_both_ways(secure):
    forager = secure({"max_running": 4})
    jobs = [{"entity_type": "selftest", "job_type": "ok", "search_query": "x" * 1500} for _ in range(3000)]
    assert forager.post("/jobs/bulk", {"jobs": jobs}).json()["created"] == 3000
    page = forager.get("/jobs", params={"page_size": 100}, headers={"Accept-Encoding": "identity"})
    assert len(page.content) > 150_000 and len(page.json()["jobs"]) == 100
    refused = forager.post("/jobs", {"entity_type": "a", "job_type": "b", "search_query": "x" * 3_000_000})
    assert refused.status_code == 413


def test_events_stream_over_https(secure):
    forager = secure()
    with forager._session.get(forager.url + BASE + "/events", headers={"Authorization": f"Bearer {forager.token}"}, stream=True, timeout=20) as stream:
        lines = stream.iter_lines(decode_unicode=True)
        job = forager.finish("ok")["job_id"]
        assert any(job in line for line in lines if line.startswith("data:"))


def test_plain_http_gets_a_clear_answer(secure):
    forager = secure()
    answer = requests.get(forager.url.replace("https://", "http://") + "/healthz", timeout=10)
    assert answer.status_code == 400 and "https://" in answer.json()["detail"]
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    long = requests.post(forager.url.replace("https://", "http://") + "/x", data=b"y" * 500_000, timeout=10)
    assert long.status_code == 400
    assert forager.get("/healthz").status_code == 200


@pytest.mark.parametrize("garbage", [b"\x00" * 100, b"\x16\x03\x01\x00\x05hello", b"\x80\x2e\x01\x03\x01", b"\xff" * 5000, b"\x16"],
                         ids=["zeros", "no hello", "SSL 2", "ones", "one byte"])
def test_garbage_ends_the_connection_and_nothing_else(secure, garbage):
    forager = secure()
    with socket.create_connection(("127.0.0.1", port_of(forager)), timeout=10) as connection:
        try:
            connection.sendall(garbage)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(4096):
                pass
        except OSError:
            pass  # the server was quicker
    assert forager.get("/healthz").status_code == 200


@pytest.mark.timeout(90)
def test_a_slow_handshake_is_ended_like_a_slow_request(secure):
    forager = secure()
    began = time.monotonic()
    hello = ssl.MemoryBIO()
    half = ssl._create_unverified_context().wrap_bio(ssl.MemoryBIO(), hello, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        half.do_handshake()
    words = hello.read()
    silent = socket.create_connection(("127.0.0.1", port_of(forager)), timeout=40)
    stalled = socket.create_connection(("127.0.0.1", port_of(forager)), timeout=40)
    stalled.sendall(words)  # and never answers the server's part
    trickling = socket.create_connection(("127.0.0.1", port_of(forager)), timeout=40)
    trickling.sendall(words[:20])
    trickling.settimeout(1)
    for at in range(20, len(words) - 1):  # a byte a second does not renew the time
        try:
            trickling.sendall(words[at:at + 1])
            if not trickling.recv(4096):
                break
        except TimeoutError:
            continue
        except OSError:
            break
    assert time.monotonic() - began < 25
    for connection in (silent, stalled):
        try:
            while connection.recv(4096):
                pass
        except ConnectionResetError:
            pass
        connection.close()
    assert 12 < time.monotonic() - began < 25
    assert forager.get("/healthz").status_code == 200


def test_unfinished_handshakes_keep_nobody_out(secure):
    forager = secure({"max_connections": 5})
    forager._session.close()
    idle = [socket.create_connection(("127.0.0.1", port_of(forager)), timeout=10) for _ in range(5)]
    wait_until(lambda: b" 200 " in full(forager), 10, "room for who asks")
    assert idle[0].recv(1) == b"", "who waited longest made room"
    for connection in idle:
        connection.close()


def full(forager):
    with dial(forager) as connection:
        return ask(connection)


def test_reload_changes_the_certificate_and_drops_nobody(secure, folder):
    forager = secure()
    job = forager.working("sleep")
    before = dial(forager)
    assert ask(before).startswith(b"HTTP/1.1 200")
    old = serial(before)
    answers = []
    waiting = threading.Thread(target=lambda: answers.append(forager.post(f"/jobs/{job}/execute", params={"wait": 20}, timeout=30).status_code))
    waiting.start()
    pin = json.loads((forager.data / "server.json").read_text())["public_key"]
    certificate, key = make_certificate(folder, name="fresh")
    certificate.replace(folder / "server.pem")
    key.replace(folder / "server.key")
    forager.process.send_signal(signal.SIGHUP)

    def fresh():
        with dial(forager) as connection:
            return serial(connection) != old and ask(connection).startswith(b"HTTP/1.1 200")
    wait_until(fresh, 10, "the new certificate")
    assert ask(before).startswith(b"HTTP/1.1 200")  # the old connection goes on
    assert serial(before) == old
    forager._session.close()
    assert forager.post(f"/jobs/{job}/cancel", params={"force": "true"}).status_code == 202
    waiting.join(20)
    assert answers == [200]
    assert wait_until(lambda: json.loads((forager.data / "server.json").read_text())["public_key"] != pin, 5, "the new key in server.json")
    before.close()


@pytest.mark.parametrize("harm,words", [("key", "tls_key"), ("certificate", "tls_certificate"), ("gone", "tls_certificate"), ("locked", "passphrase")])
def test_wrong_files_at_reload_change_nothing(secure, folder, harm, words):
    forager = secure({"max_running": 2})
    with dial(forager) as connection:
        old = serial(connection)
    if harm == "key":
        make_certificate(folder, name="other")[1].replace(folder / "server.key")
    elif harm == "certificate":
        (folder / "server.pem").write_text("not a certificate\n")
    elif harm == "locked":
        subprocess.run(["openssl", "ec", "-aes128", "-passout", "pass:secret", "-in", folder / "server.key", "-out", folder / "locked.key"], check=True, capture_output=True)
        (folder / "locked.key").replace(folder / "server.key")
    else:
        (folder / "server.pem").unlink()
    forager.config.write_text(forager.config.read_text().replace("max_running = 2", "max_running = 3"))
    forager.process.send_signal(signal.SIGHUP)
    line = wait_until(lambda: re.search(r"The configuration was not read again: (.*)", forager.log_text()), 10, "the complaint")[1]
    assert words in line
    with dial(forager) as connection:
        assert serial(connection) == old
        assert ask(connection).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("settings,words", [
    ({"tls_certificate": "server.pem"}, "tls_key is not: HTTPS needs both"),
    ({"tls_key": "server.key"}, "tls_certificate is not: HTTPS needs both"),
    ({"tls_certificate": "nowhere.pem", "tls_key": "server.key"}, 'tls_certificate = "nowhere.pem" cannot be used: No such file or directory'),
    ({"tls_certificate": "server.pem", "tls_key": "other.key"}, "tls_key"),
    ({"tls_certificate": "server.key", "tls_key": "server.key"}, "tls_certificate"),
])
def test_wrong_files_stop_the_start_with_one_line(make, settings, words):
    forager = make(settings, start=False)
    make_certificate(forager.home)
    make_certificate(forager.home, name="other")
    forager.launch()
    assert forager.process.wait(timeout=20) != 0
    lines = [line for line in forager.stderr.splitlines() if line.startswith("forager: ")]
    assert len(lines) == 1 and words in lines[0], forager.stderr


def test_https_cannot_be_turned_off_while_serving(secure):
    forager = secure()
    forager.config.write_text(re.sub(r"tls_\w+ = .*\n", "", forager.config.read_text()))
    forager.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "Plain HTTP takes effect after a restart" in forager.log_text(), 10, "the warning")
    assert forager.get("/healthz").status_code == 200


def test_the_server_stops_while_handshakes_hang(secure):
    forager = secure()
    with socket.create_connection(("127.0.0.1", port_of(forager)), timeout=10):
        began = time.monotonic()
        assert forager.terminate() == 0
        assert time.monotonic() - began < 8


def test_the_command_line_trusts_the_key_of_server_json_and_no_other(secure, folder):
    forager = secure()
    done = forager.cli("jobs", "list", "--output", "json")
    assert done.returncode == 0, done.stderr
    told = forager.data / "server.json"
    told.write_text(re.sub(r'sha256//[^"]{8}', "sha256//AAAAAAAA", told.read_text()))
    done = forager.cli("jobs", "list", "--output", "json")
    assert done.returncode != 0 and "does not have the key that server.json names" in done.stderr


def test_the_command_line_checks_certificates_of_other_servers(secure, tmp_path):
    forager = secure()
    where = {"FORAGER_URL": forager.url.replace("127.0.0.1", "localhost"), "FORAGER_TOKEN": forager.token}
    done = forager.cli("jobs", "list", "--output", "json", env=where)
    assert done.returncode != 0 and "FORAGER_CA_FILE" in done.stderr
    done = forager.cli("jobs", "list", "--output", "json", env={**where, "FORAGER_CA_FILE": str(forager._session.verify)})
    assert done.returncode == 0, done.stderr
