"""The bench's HTTP server: stands for health checks, PagerDuty, Slack and Elasticsearch, and remembers what was asked.

Arguments: the table of answers (echo.json), and a folder for the certificate of its authority (ca.pem). Listens twice on
127.0.0.1, plain and with TLS, on ports that the system chooses, and writes them to ports.json in that folder.

`GET /__requests` tells the last requests, oldest first; `DELETE /__requests` forgets them. `GET /metrics` counts them
beside the made-up series of the table.

The table: `routes` are tried in order; `*` in a path stands for one segment; `needs` names fields that the JSON body must
have, `otherwise` is the answer when it has not. `metrics` grow by `per_second` from `value`. `names` are the hosts that
the certificate is for.
"""

import collections
import datetime
import http.server
import ipaddress
import json
import os
import ssl
import sys
import threading
import time
import urllib.parse

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

REQUESTS_KEPT = 1000
BODY_BYTES = 1 << 20
BODY_BYTES_KEPT = 16 << 10
# The certificate ends in so many days: less than the 30 that runbooks want.
DAYS = 20
SECONDS_OF_SILENCE = 30


class Memory:
    """What was asked, and how often which answer was given."""

    def __init__(self):
        self.lock = threading.Lock()
        self.requests = collections.deque(maxlen=REQUESTS_KEPT)
        self.counts = collections.Counter()
        self.start = time.monotonic()

    def remember(self, request, status):
        with self.lock:
            self.requests.append(request | {"status": status})
            self.counts[(request["method"], status)] += 1

    def all(self):
        with self.lock:
            return list(self.requests)

    def forget(self):
        with self.lock:
            self.requests.clear()

    def metrics(self, series):
        uptime = time.monotonic() - self.start
        with self.lock:
            counts = dict(self.counts)
        seen = [
            {
                "name": "http_requests_total",
                "type": "counter",
                "labels": {"service": "bench-echo", "method": method, "status": str(status)},
                "value": count,
            }
            for (method, status), count in counts.items()
        ]
        families = {}
        for one in seen + series:
            families.setdefault(one["name"], []).append(one)
        lines = []
        for name, members in families.items():
            lines.append(f"# TYPE {name} {members[0]['type']}")
            for one in members:
                labels = ",".join(f"{label}={json.dumps(text)}" for label, text in one["labels"].items())
                value = one["value"] + one.get("per_second", 0) * uptime
                lines.append(f"{name}{{{labels}}} {value}")
        return "\n".join(lines) + "\n"


class Answer:
    def __init__(self, status, kind, body):
        self.status, self.kind, self.body = status, kind, body

    @classmethod
    def of(cls, row):
        if "json" in row:
            body, kind = json.dumps(row["json"]) + "\n", "application/json"
        else:
            body, kind = row["text"], "text/plain"
        return cls(row.get("status", 200), row.get("type", kind), body)


def matches(pattern, path):
    wanted, given = pattern.split("/"), path.split("/")
    return len(wanted) == len(given) and all(
        have != "" if want == "*" else want == have for want, have in zip(wanted, given)
    )


def fields(body):
    try:
        value = json.loads(body)
    except ValueError:
        return set()
    return set(value) if isinstance(value, dict) else set()


def handler_for(table, memory):
    def answer_to(method, path, body):
        if method == "HEAD":
            method = "GET"
        if (method, path) == ("GET", "/metrics"):
            return Answer(200, "text/plain; version=0.0.4", memory.metrics(table["metrics"]))
        for row in table["routes"]:
            if row["method"] == method and matches(row["path"], path):
                missing = set(row.get("needs", [])) - fields(body)
                return Answer.of(row["otherwise"] if missing else row)
        return Answer(404, "application/json", json.dumps({"error": "not found", "path": path}) + "\n")

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        server_version = "bench"
        sys_version = ""
        timeout = SECONDS_OF_SILENCE

        def setup(self):
            # In the connection's own thread: who never finishes the handshake keeps nobody else waiting.
            self.request.settimeout(self.timeout)
            if isinstance(self.request, ssl.SSLSocket):
                self.request.do_handshake()
            super().setup()

        def handle_any(self):
            try:
                length = int(self.headers.get("Content-Length", 0))
            except ValueError:
                length = -1
            if not 0 <= length <= BODY_BYTES or "Transfer-Encoding" in self.headers:
                self.close_connection = True
                self.send(Answer(413, "text/plain", "send a body of known length, of at most 1 MiB\n"))
                return
            body = self.rfile.read(length).decode("utf-8", "replace")
            url = urllib.parse.urlsplit(self.path)
            if url.path == "/__requests":
                if self.command == "DELETE":
                    memory.forget()
                self.send(Answer(200, "application/json", json.dumps(memory.all())))
                return
            answer = answer_to(self.command, url.path, body)
            request = {
                "method": self.command,
                "host": self.headers.get("Host", ""),
                "tls": isinstance(self.request, ssl.SSLSocket),
                "path": url.path,
                "query": urllib.parse.parse_qsl(url.query, keep_blank_values=True),
                "headers": {name.lower(): value for name, value in self.headers.items()},
                "body": body[:BODY_BYTES_KEPT],
            }
            # Before the answer: whoever has it finds the request remembered.
            memory.remember(request, answer.status)
            self.send(answer)

        do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any

        def send(self, answer):
            body = answer.body.encode()
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.kind)
            self.send_header("Content-Length", str(len(body)))
            if self.close_connection:
                self.send_header("Connection", "close")
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_message(self, *_):
            pass

    return Handler


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        # A client that went away, or spoke no TLS: nobody is left to tell.
        pass


def certificates(names, folder):
    """An authority made for this run, and a certificate of it for `names`."""
    now = datetime.datetime.now(datetime.timezone.utc)

    def builder(subject, issuer, key):
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(days=DAYS))
        )

    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "bench authority")])
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
    ca = (
        builder(authority, authority, ca_key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(ca_key, hashes.SHA256())
    )
    alternatives = [x509.DNSName(name) for name in [*names, "localhost"]]
    alternatives.append(x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
    leaf = (
        builder(subject, authority, key)
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    with open(os.path.join(folder, "ca.pem"), "wb") as file:
        file.write(ca.public_bytes(pem))
    both = os.path.join(folder, "server.pem")
    with open(both, "wb") as file:
        file.write(
            key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        )
        file.write(leaf.public_bytes(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(both)
    os.remove(both)
    return context


def main(table_path, folder):
    with open(table_path, encoding="utf-8") as file:
        table = json.load(file)
    handler = handler_for(table, Memory())
    plain = Server(("127.0.0.1", 0), handler)
    secure = Server(("127.0.0.1", 0), handler)
    secure.socket = certificates(table["names"], folder).wrap_socket(
        secure.socket, server_side=True, do_handshake_on_connect=False
    )
    threading.Thread(target=secure.serve_forever, daemon=True).start()
    ports = os.path.join(folder, "ports.json")
    # Whole or not at all: somebody waits for it.
    with open(ports + ".new", "w", encoding="utf-8") as file:
        json.dump({"http": plain.server_port, "https": secure.server_port}, file)
    os.replace(ports + ".new", ports)
    plain.serve_forever()


main(*sys.argv[1:])
