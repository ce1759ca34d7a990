"""Who may do what: tokens, roles, browser sessions, the Host header."""
import re
import stat

import pytest
import requests

from polling import wait_until
from server import BASE


def make_token(forager, role, name="t"):
    done = forager.cli("token", "create", "--role", role, "--name", name)
    assert done.returncode == 0, done.stderr
    return re.search(r"\S{20,}", done.stdout)[0]


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    from server import Forager
    server = Forager(tmp_path_factory.mktemp("guarded"), {"max_running": 50}).start()
    server.tokens = {role: make_token(server, role, role) for role in ("viewer", "operator", "admin")}
    yield server
    server.close()


@pytest.mark.sqlite
def test_the_admin_token_is_private(guarded):
    path = guarded.data / "admin.token"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and len(guarded.token) >= 20
    assert guarded.token not in guarded.stdout + guarded.stderr
    assert guarded.token.encode() not in guarded.database().read_bytes(), "tokens are stored hashed"


def test_open_to_all(guarded):
    for path in ("/healthz", "/readyz", "/openapi.json", "/docs"):
        assert guarded.get(path, token=False).status_code == 200, path


@pytest.mark.parametrize("method,path", [("GET", "/jobs"), ("POST", "/jobs"), ("GET", "/stats"), ("GET", "/events"), ("GET", "/me"), ("GET", "/config"),
                                         ("POST", "/jobs/execute-pending"), ("POST", "/jobs/reset-stuck"), ("DELETE", "/jobs"), ("GET", "/metrics")])
@pytest.mark.parametrize("token", [False, "wrong", "x" * 4000, "é"])
def test_closed_without_a_token(guarded, method, path, token):
    headers = {} if token is False else {"Authorization": f"Bearer {token}".encode()}
    answer = guarded.request(method, path, token=False, headers=headers)
    assert answer.status_code == 401, answer.text
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


ROLES = [  # method, path, body, lowest role
    ("GET", "/jobs", None, "viewer"), ("GET", "/stats", None, "viewer"), ("GET", "/monitor", None, "viewer"), ("GET", "/types", None, "viewer"),
    ("GET", "/dispatch", None, "viewer"), ("GET", "/me", None, "viewer"),
    ("POST", "/jobs", {"entity_type": "selftest", "job_type": "ok"}, "operator"), ("POST", "/jobs/execute-pending?limit=1", None, "operator"),
    ("POST", "/jobs/reset-stuck", None, "operator"), ("POST", "/jobs/bulk-cancel", {"filter": {"status": "failed"}, "dry_run": True}, "operator"),
    ("POST", "/jobs/bulk-retry", {"filter": {"status": "failed"}, "dry_run": True}, "operator"),
    ("DELETE", "/jobs?status=cancelled", None, "admin"), ("POST", "/jobs/bulk-delete", {"filter": {"status": "failed"}, "dry_run": True}, "admin"),
    ("GET", "/tokens", None, "admin"), ("POST", "/tokens", {"role": "viewer", "name": "made"}, "admin"),
]
RANK = {"viewer": 0, "operator": 1, "admin": 2}


@pytest.mark.parametrize("role", RANK)
@pytest.mark.parametrize("method,path,body,lowest", ROLES, ids=[f"{row[0]} {row[1].split('?')[0]}" for row in ROLES])
def test_roles(guarded, method, path, body, lowest, role):
    answer = guarded.request(method, path, token=guarded.tokens[role], json=body)
    if RANK[role] >= RANK[lowest]:
        assert answer.status_code in (200, 201), answer.text
    else:
        assert answer.status_code == 403 and lowest in answer.json()["detail"], answer.text


def test_me(guarded):
    for role, token in guarded.tokens.items():
        told = guarded.get("/me", token=token).json()
        assert told["role"] == role and role in str(told)


def test_tokens_can_be_listed_and_revoked(guarded):
    made = guarded.post("/tokens", {"role": "operator", "name": "ci"})
    assert made.status_code == 201
    secret = next(value for value in made.json().values() if isinstance(value, str) and len(value) >= 20 and not re.match(r"\d{4}-", value))
    assert guarded.get("/stats", token=secret).status_code == 200
    listed = guarded.get("/tokens").json()
    assert secret not in str(listed)
    rows = next(value for value in listed.values() if isinstance(value, list))
    row = next(row for row in rows if row["name"] == "ci")
    key = row.get("id") or row.get("token_id")
    answer = guarded.delete(f"/tokens/{key}")
    if answer.status_code == 404:
        answer = guarded.delete("/tokens", params={"id": key})
    assert answer.status_code in (200, 204), answer.text
    assert guarded.get("/stats", token=secret).status_code == 401


@pytest.mark.parametrize("body", [{}, {"role": "king", "name": "x"}, {"role": "viewer"}, {"role": "viewer", "name": ""}, {"role": "viewer", "name": "x", "y": 1}])
def test_wrong_tokens_are_not_made(guarded, body):
    assert guarded.post("/tokens", body).status_code == 422


def test_the_command_line_refuses_a_wrong_role(guarded):
    done = guarded.cli("token", "create", "--role", "king", "--name", "x")
    assert done.returncode != 0 and "role" in done.stderr and len(done.stderr.strip().splitlines()) == 1


# --- the browser

def login_link(forager):
    return re.search(r"http://\S*[?#/]\S*", forager.stdout.replace(f"forager listening on {forager.url}", ""))[0]


def test_the_login_link_works_once(make):
    forager = make()
    link = login_link(forager)
    assert link.startswith(forager.url)
    browser = requests.Session()
    browser.trust_env = False
    browser.get(link, timeout=10)
    if not browser.cookies:
        pytest.fail(f"following {link} sets no cookie")
    cookie = next(iter(browser.cookies))
    assert cookie.has_nonstandard_attr("HttpOnly") or "httponly" in str(cookie._rest).lower()
    assert "strict" in str(cookie._rest).lower()
    assert browser.get(forager.url + BASE + "/me", timeout=10).json()["role"] == "admin"
    # Another browser cannot use the same link.
    other = requests.Session()
    other.trust_env = False
    other.get(link, timeout=10)
    assert other.get(forager.url + BASE + "/me", timeout=10).status_code == 401
    # A foreign page cannot make the browser act.
    job = {"entity_type": "selftest", "job_type": "ok"}
    forged = browser.post(forager.url + BASE + "/jobs", json=job, headers={"Origin": "http://evil.example"}, timeout=10)
    assert forged.status_code == 403
    bare = browser.post(forager.url + BASE + "/jobs", data='{"entity_type":"selftest","job_type":"ok"}', headers={"Content-Type": "text/plain"}, timeout=10)
    assert bare.status_code in (403, 415)
    assert forager.stats()["total_jobs"] == 0


def test_no_login_link_on_the_second_start(make):
    forager = make()
    first = forager.token
    forager.restart()
    assert forager.token == first
    assert forager.get("/me").status_code == 200


@pytest.mark.parametrize("host,allowed", [("127.0.0.1", True), ("localhost", True), ("localhost:1234", True), ("[::1]:80", True), ("evil.example", False),
                                          ("127.0.0.1.evil.example", False), ("evil.example:8080", False), ("", False), ("127.0.0.1@evil.example", False),
                                          ("a b", False)])
def test_the_host_header(shared, host, allowed):
    answer = shared.get("/stats", headers={"Host": host}, check=False)
    assert (answer.status_code == 200) == allowed, (host, answer.status_code)
    if not allowed:
        assert answer.status_code in (400, 403, 421)


def test_allowed_hosts(make):
    forager = make({"allowed_hosts": ["forager.example"]})
    assert forager.get("/stats", headers={"Host": "forager.example"}).status_code == 200
    assert forager.get("/stats", headers={"Host": "other.example"}, check=False).status_code != 200


def test_auth_off_on_loopback(make):
    forager = make(args=["--auth", "off"])
    assert forager.get("/stats", token=False).status_code == 200
    # Even so, a page of another site must not get at it.
    forged = requests.post(forager.url + BASE + "/jobs", json={"entity_type": "selftest", "job_type": "ok"}, headers={"Origin": "http://evil.example"}, timeout=10)
    assert forged.status_code == 403
    assert forager.get("/stats", token=False, headers={"Host": "evil.example"}, check=False).status_code != 200


def test_files_of_the_data_directory_are_private(guarded):
    for path in guarded.data.rglob("*"):
        if path.is_file() and path.name != "server.json":
            assert not stat.S_IMODE(path.stat().st_mode) & 0o007, f"{path.name} is open to everybody"


def test_a_login_link_is_not_spent_by_a_look(make):
    forager = make()
    link = login_link(forager)
    assert not requests.head(link, timeout=10).cookies
    ahead = requests.get(link, headers={"Sec-Purpose": "prefetch"}, allow_redirects=False, timeout=10)
    assert ahead.status_code == 403 and not ahead.cookies
    assert requests.get(link, allow_redirects=False, timeout=10).status_code == 303


def test_wrong_login_links_are_limited_and_hurt_nobody_else(make):
    forager = make()
    link = login_link(forager)
    wrong = requests.Session()
    wrong.trust_env = False
    answers = [wrong.get(forager.url + "/login?code=x", timeout=10) for _ in range(400)]
    assert {answer.status_code for answer in answers} == {401, 429}
    assert all(int(answer.headers["Retry-After"]) >= 1 for answer in answers if answer.status_code == 429)
    assert forager.post("/jobs", {"entity_type": "selftest", "job_type": "ok"}).status_code == 201
    assert wrong.get(link, allow_redirects=False, timeout=10).status_code == 303


def test_a_token_is_no_session_and_a_session_no_token(make):
    forager = make()
    browser = requests.Session()
    browser.trust_env = False
    browser.get(login_link(forager), timeout=10)
    session = browser.cookies["forager_session"]
    me = forager.url + BASE + "/me"
    assert browser.get(me, timeout=10).status_code == 200
    assert requests.get(me, headers={"Authorization": f"Bearer {session}"}, timeout=10).status_code == 401
    assert forager.get("/me").status_code == 200
    forged = requests.post(forager.url + BASE + "/jobs", json={"entity_type": "selftest", "job_type": "ok"},
                           cookies={"forager_session": forager.token}, timeout=10)
    assert forged.status_code == 401


def test_the_last_use_of_a_token_is_shown(make):
    forager = make()
    token = make_token(forager, "viewer", "seen")
    row = lambda: next(row for row in forager.get("/tokens").json()["tokens"] if row["name"] == "seen")
    assert row()["last_used_at"] is None
    assert forager.get("/me", token=token).status_code == 200
    wait_until(lambda: row()["last_used_at"], 5, "the use to be written")
    assert "never" not in forager.cli("token", "list").stdout.split("seen", 1)[1].splitlines()[0]


def test_an_origin_with_another_port_is_another_origin(make):
    forager = make(args=["--auth", "off"])
    job = {"entity_type": "selftest", "job_type": "ok"}
    port = int(forager.url.rpartition(":")[2])
    for origin, status in ((forager.url, 201), (f"http://127.0.0.1:{port ^ 1}", 403), ("http://127.0.0.1", 403), ("null", 403)):
        assert requests.post(forager.url + BASE + "/jobs", json=job, headers={"Origin": origin}, timeout=10).status_code == status, origin
