"""Receivers of alerts for the tests: a web server and a mail server that behave well, or in one of the ways they should not."""
import base64
import email
import http.server
import socket
import socketserver
import ssl
import threading


class Hook:
    """A real HTTP server that keeps what it is sent. `behave`: good, fail, slow (answers late), silent (never), drop."""

    def __init__(self, behave="good"):
        self.behave, self.got, self.closing = behave, [], threading.Event()
        hook = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                hook.got.append({"headers": dict(self.headers), "body": body.decode(), "path": self.path})
                if hook.behave == "silent":
                    hook.closing.wait(60)
                    return
                if hook.behave == "slow":
                    hook.closing.wait(1.0)
                if hook.behave == "drop":
                    self.connection.shutdown(socket.SHUT_RDWR)
                    return
                self.send_response(500 if hook.behave == "fail" else 204)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.closing.set()
        self.server.shutdown()
        self.server.server_close()


class Mailbox:
    """A small SMTP server: EHLO, STARTTLS with a certificate, AUTH PLAIN and LOGIN, one envelope a mail."""

    def __init__(self, certificate=None, password=None, refuse=None):
        self.mails, self.logins, self.tls, self.seen = [], [], [], []
        box = self

        class Handler(socketserver.StreamRequestHandler):
            timeout = 20

            def say(self, line):
                self.wfile.write((line + "\r\n").encode())
                self.wfile.flush()

            def secure(self):
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                context.load_cert_chain(*certificate)
                self.connection = context.wrap_socket(self.connection, server_side=True)
                self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb")

            def handle(self):
                sender, recipients, secure, user = None, [], False, None
                self.say("220 test ESMTP")
                while line := self.rfile.readline():
                    word = line.decode(errors="replace").strip()
                    box.seen.append(word)
                    verb = word.upper()
                    if verb.startswith("EHLO"):
                        extras = (["STARTTLS"] if certificate and not secure else []) + (["AUTH PLAIN LOGIN"] if password else [])
                        names = ["test", *extras]
                        for index, name in enumerate(names):
                            self.say(f"250{'-' if index < len(names) - 1 else ' '}{name}")
                    elif verb == "STARTTLS":
                        self.say("220 go on")
                        self.secure()
                        secure = True
                    elif verb.startswith("AUTH PLAIN"):
                        given = word.split(" ")[2:]
                        if not given:
                            self.say("334 ")
                            given = [self.rfile.readline().decode().strip()]
                        _, user, secret = base64.b64decode(given[0]).decode().split("\0")
                        box.logins.append((user, secret))
                        self.say("235 good" if secret == password else "535 wrong")
                    elif verb.startswith("MAIL FROM"):
                        sender, recipients = word[10:].split(" ")[0], []
                        self.say(refuse or ("530 log in first" if password and not user else "250 good"))
                    elif verb.startswith("RCPT TO"):
                        recipients.append(word[8:].split(" ")[0])
                        self.say("250 good")
                    elif verb == "DATA":
                        self.say("354 go on")
                        text = b""
                        while not text.endswith(b"\r\n.\r\n"):
                            text += self.rfile.readline()
                        box.mails.append({"from": sender, "to": recipients, "secure": secure, "raw": text,
                                          "mail": email.message_from_bytes(text[:-5].replace(b"\r\n..", b"\r\n."))})
                        self.say("250 taken")
                    elif verb == "QUIT":
                        self.say("221 bye")
                        return
                    else:
                        self.say("250 good")

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            allow_reuse_address = True

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
