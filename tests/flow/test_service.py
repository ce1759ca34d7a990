"""What a service manager and a package need: sd_notify, the watchdog, the installed layout, the log after logrotate."""
import os
import re
import shutil
import signal
import socket
import subprocess
import time

import pytest

from polling import wait_until
from server import BINARY, ROOT

BUILD = BINARY.parent
UNIT = ROOT / "deploy" / "systemd" / "forager.service.in"


class Manager:
    """The end of NOTIFY_SOCKET that systemd would hold."""

    def __init__(self, folder, abstract=False):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.name = f"@forager-test-{os.getpid()}-{time.monotonic_ns()}" if abstract else str(folder / "notify")
        self.socket.bind("\0" + self.name[1:] if abstract else self.name)
        self.socket.setblocking(False)
        self.told = []

    def lines(self):
        while True:
            try:
                self.told += self.socket.recv(4096).decode().splitlines()
            except BlockingIOError:
                return self.told

    def hears(self, line, seconds=10):
        return wait_until(lambda: line in self.lines(), seconds, f"{line} among {self.told}")


@pytest.mark.parametrize("abstract", [False, True])
def test_the_service_manager_is_told_of_every_turn(make, tmp_path, abstract):
    manager = Manager(tmp_path, abstract)
    forager = make(start=False, env={"NOTIFY_SOCKET": manager.name})
    forager.start()
    manager.hears("READY=1")
    assert f"STATUS=Listening on {forager.url}" in manager.lines()
    manager.told.clear()
    forager.process.send_signal(signal.SIGHUP)
    manager.hears("READY=1")
    reloading = manager.told.index("RELOADING=1")
    assert reloading < manager.told.index("READY=1") and re.fullmatch(r"MONOTONIC_USEC=\d+", manager.told[reloading + 1])
    assert "WATCHDOG=1" not in manager.lines()  # nobody asked for it
    assert forager.terminate() == 0
    manager.hears("STOPPING=1")


def test_the_watchdog_is_fed_by_the_loop_and_not_while_it_stands(make, tmp_path):
    manager = Manager(tmp_path)
    forager = make(start=False, env={"NOTIFY_SOCKET": manager.name, "WATCHDOG_USEC": "600000"})
    forager.start()
    manager.hears("WATCHDOG=1")
    manager.told.clear()
    wait_until(lambda: manager.lines().count("WATCHDOG=1") >= 5, 10, "five feedings")
    os.kill(forager.pid, signal.SIGSTOP)
    try:
        manager.lines()
        manager.told.clear()
        with pytest.raises(AssertionError, match="in vain"):
            manager.hears("WATCHDOG=1", seconds=1)
    finally:
        os.kill(forager.pid, signal.SIGCONT)
    manager.hears("WATCHDOG=1")


def test_the_watchdog_of_another_process_is_left_alone(make, tmp_path):
    manager = Manager(tmp_path)
    forager = make(start=False, env={"NOTIFY_SOCKET": manager.name, "WATCHDOG_USEC": "300000", "WATCHDOG_PID": "1"})
    forager.start()
    manager.hears("READY=1")
    forager.finish("ok")
    assert "WATCHDOG=1" not in manager.lines()


@pytest.mark.parametrize("name", ["/nowhere/notify", "relative", "/" + "x" * 200, ""])
def test_a_manager_that_is_not_there_keeps_nothing_from_starting(make, name):
    forager = make(start=False, env={"NOTIFY_SOCKET": name})
    forager.start()
    assert forager.get("/healthz").status_code == 200


def test_attempts_cannot_talk_to_the_service_manager(make, tmp_path):
    manager = Manager(tmp_path)
    forager = make({"types": {"told": {"command": ["/bin/sh", "-c", "env"], "timeout_minutes": 1}}}, start=False, env={"NOTIFY_SOCKET": manager.name})
    forager.start()
    job = forager.finish("x", entity_type="told")["job_id"]
    text = " ".join(line["message"] for line in forager.logs(job)["logs"])
    assert "PATH=" in text and "NOTIFY_SOCKET" not in text


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    if not (BUILD / "cmake_install.cmake").exists():
        pytest.skip("this binary was not built by CMake here")
    prefix = tmp_path_factory.mktemp("prefix")
    done = subprocess.run(["cmake", "--install", BUILD, "--prefix", prefix], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return prefix


def test_the_installed_layout(installed):
    for name in ("bin/forager", "lib/systemd/system/forager.service", "lib/sysusers.d/forager.conf", "etc/forager/forager.toml", "etc/logrotate.d/forager",
                 "share/doc/forager/operations.md", "share/doc/forager/examples/nginx/forager.conf", "share/doc/forager/examples/grafana/forager.json"):
        assert (installed / name).is_file(), name
    unit = (installed / "lib/systemd/system/forager.service").read_text()
    assert f"ExecStart={installed}/bin/forager serve --config {installed}/etc/forager/forager.toml" in unit
    assert "@" not in re.sub(r"#.*", "", unit)
    assert subprocess.run([installed / "bin/forager", "--version"], capture_output=True).returncode == 0


def test_an_administrators_configuration_is_kept(installed):
    config = installed / "etc/forager/forager.toml"
    config.write_text("max_running = 7\n")
    subprocess.run(["cmake", "--install", BUILD, "--prefix", installed], capture_output=True, timeout=60, check=True)
    assert config.read_text() == "max_running = 7\n"


def test_every_key_of_the_shipped_configuration_is_known(make):
    text = (ROOT / "deploy" / "forager.toml").read_text()
    text = re.sub(r"^# (?=[\w\[])(?!Settings|their)", "", text, flags=re.M)  # what is commented out counts too
    text = re.sub(r'^(tls_\w+|data_dir|log_file) = .*$', "", text, flags=re.M)
    text = text.replace("/usr/local/lib/forager/company.py", "/bin/true")
    forager = make(start=False)
    forager.config.write_text(text)
    done = forager.cli("config", "--config", str(forager.config))
    assert done.returncode == 0, done.stderr
    assert re.search(r"^max_running +4 +file", done.stdout, re.M)


def test_the_unit_is_good(installed, tmp_path):
    analyze = shutil.which("systemd-analyze")
    if not analyze:
        pytest.skip("systemd is not installed here")
    done = subprocess.run([analyze, "verify", "--man=no", "--recursive-errors=no", installed / "lib/systemd/system/forager.service"], capture_output=True, text=True, timeout=60)
    ours = [line for line in (done.stdout + done.stderr).splitlines() if "forager.service" in line and "not found" not in line]
    assert ours == []


def test_the_log_goes_on_after_logrotate(make, tmp_path):
    rotate = shutil.which("logrotate", path="/usr/sbin:/usr/bin")
    forager = make()
    log = forager.data / "logs" / "app.log"
    forager.finish("ok")
    text = (ROOT / "deploy" / "forager.logrotate").read_text()
    text = text.replace("/var/log/forager/*.log", str(log)).replace("su forager forager", "su root root").replace("0640 forager forager", "0640 root root")
    text = re.sub(r"\[ ! -d.*", f"kill -HUP {forager.pid}", text)
    (tmp_path / "rotate").write_text(text)
    if os.geteuid() != 0:
        pytest.skip("logrotate changes users")
    done = subprocess.run([rotate, "--force", "--state", tmp_path / "state", tmp_path / "rotate"], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    wait_until(lambda: "configuration was read again" in log.read_text(), 10, "the new file to be written")
    assert "completed successfully" in log.with_name("app.log.1").read_text()
    job = forager.finish("ok")["job_id"]
    wait_until(lambda: f"Job {job} completed" in log.read_text(), 5, "the next job in the new file")
    assert job not in log.with_name("app.log.1").read_text()


NGINX = shutil.which("nginx", path="/usr/sbin:/usr/bin")


@pytest.mark.skipif(not NGINX, reason="nginx is not installed here")
def test_the_nginx_example_serves(make, tmp_path):
    import requests
    from test_tls import make_certificate
    forager = make({"public_url": "https://forager.example", "metrics_on_loopback": True})
    certificate, key = make_certificate(tmp_path, host="forager.example")
    with socket.socket() as one, socket.socket() as two:
        one.bind(("127.0.0.1", 0))
        two.bind(("127.0.0.1", 0))
        plain, secure = one.getsockname()[1], two.getsockname()[1]
    site = (ROOT / "deploy" / "nginx" / "forager.conf").read_text()
    site = re.sub(r"listen \[::\].*;\n", "", site).replace("listen 80;", f"listen 127.0.0.1:{plain};").replace("listen 443 ssl", f"listen 127.0.0.1:{secure} ssl")
    site = site.replace("127.0.0.1:8080", forager.url.split("//")[1])
    site = re.sub(r"/etc/letsencrypt\S+fullchain.pem", str(certificate), site)
    site = re.sub(r"/etc/letsencrypt\S+privkey.pem", str(key), site)
    (tmp_path / "site.conf").write_text(site)
    temps = "".join(f"{kind}_temp_path {tmp_path}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    (tmp_path / "nginx.conf").write_text(f"daemon off; pid {tmp_path}/pid; error_log {tmp_path}/error.log; events {{}} "
                                         f"http {{ access_log off; {temps} include {tmp_path}/site.conf; }}")
    nginx = subprocess.Popen([NGINX, "-c", tmp_path / "nginx.conf"], stderr=subprocess.DEVNULL)
    try:
        def asked(path, **more):
            try:
                return requests.get(f"https://127.0.0.1:{secure}{path}", headers={"Host": "forager.example", **more}, verify=False, timeout=10)
            except requests.ConnectionError:
                return None
        wait_until(lambda: asked("/healthz"), 10, "nginx")
        token = {"Authorization": f"Bearer {forager.token}"}
        assert asked("/v1/admin/collection/stats", **token).status_code == 200
        assert asked("/metrics").status_code == 404  # open to this machine, and not through the proxy
        assert requests.get(f"http://127.0.0.1:{plain}/x", headers={"Host": "forager.example"}, allow_redirects=False, timeout=10).status_code == 308
        with requests.get(f"https://127.0.0.1:{secure}/v1/admin/collection/events", headers={"Host": "forager.example", **token}, verify=False, stream=True,
                          timeout=20) as stream:
            lines = stream.iter_lines(decode_unicode=True)
            job = forager.finish("ok")["job_id"]
            assert any(job in line for line in lines if line.startswith("data:"))
    finally:
        nginx.terminate()
        nginx.wait(timeout=10)
