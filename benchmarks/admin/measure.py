#!/usr/bin/env python3
"""Requests pages of an admin, and explains the statements that they send. `benchmarks/admin/run` starts the servers.

    measure.py latency PORT PID...               milliseconds of each kind of request to Lback's admin, one after the other,
                                                 and of the processes of the server and the database
    measure.py explain PORT LOG DATABASE PLANS   how the database runs the statements of each kind, which LOG contains
    measure.py load PORT lback|django list|form  pages per second
    measure.py size PORT lback|django            bytes of the list and of a form
"""

import html
import json
import os
import random
import re
import selectors
import socket
import sqlite3
import subprocess
import sys
import time
from urllib.parse import quote, urlencode, urljoin

ROWS = int(os.environ.get("ROWS", "10000000"))
CUSTOMERS = int(os.environ.get("CUSTOMERS", "200000"))
REQUESTS = int(os.environ.get("REQUESTS", "200"))
WARMUP = int(os.environ.get("WARMUP", "20"))
# A kind of request whose pages are slow ends after this time.
LONGEST = float(os.environ.get("LONGEST", "15"))
DURATION = float(os.environ.get("DURATION", "30"))
CONNECTIONS = int(os.environ.get("CONNECTIONS", "8"))
ONLY = os.environ.get("ONLY", "")
USER, PASSWORD = "admin", "down the rabbit hole"


# ---------------------------------------------------------------------------------------------------------------- HTTP


class Answer:
    """Collects the bytes of a response."""

    def __init__(self):
        self.buffer = bytearray()
        self.head = None
        self.length = None

    def add(self, data):
        """Returns whether the response is complete."""
        self.buffer += data
        if self.head is None:
            end = self.buffer.find(b"\r\n\r\n")
            if end < 0:
                return False
            self.head = bytes(self.buffer[:end])
            del self.buffer[: end + 4]
            found = re.search(rb"(?i)\r\ncontent-length: *(\d+)", self.head)
            self.length = int(found[1]) if found else None
        if self.length is not None:
            return len(self.buffer) >= self.length
        return re.search(rb"(?i)\r\ntransfer-encoding: *chunked", self.head) and self.buffer.endswith(b"0\r\n\r\n")

    @property
    def status(self):
        return int(self.head.split(b" ", 2)[1])

    @property
    def closes(self):
        return re.search(rb"(?i)\r\nconnection: *close", self.head) is not None

    def text(self):
        return self.body().decode()

    def body(self):
        if self.length is not None:
            return bytes(self.buffer)
        body, rest = bytearray(), bytes(self.buffer)
        while rest:
            size, rest = rest.split(b"\r\n", 1)
            size = int(size.split(b";")[0], 16)
            body += rest[:size]
            rest = rest[size + 2 :]
        return bytes(body)


class Client:
    """A client with one connection that stays open, and with cookies."""

    def __init__(self, port):
        self.port = port
        self.socket = None
        self.cookies = {}

    def connect(self):
        self.socket = socket.create_connection(("127.0.0.1", self.port), timeout=120)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def request(self, path, form=None):
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        lines = [f"{'GET' if form is None else 'POST'} {path} HTTP/1.1", f"Host: 127.0.0.1:{self.port}"]
        if cookies:
            lines.append(f"Cookie: {cookies}")
        body = b""
        if form is not None:
            body = urlencode(form).encode()
            lines += ["Content-Type: application/x-www-form-urlencoded", f"Content-Length: {len(body)}"]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + body

    def send(self, path, form=None):
        """Returns the response and the seconds that it took."""
        message = self.request(path, form)
        if self.socket is None:
            self.connect()
        begun = time.perf_counter()
        self.socket.sendall(message)
        answer = Answer()
        while not answer.add(data := self.socket.recv(1 << 18)):
            if not data:
                raise ConnectionError(f"the server has closed the connection: {path}")
        took = time.perf_counter() - begun
        for cookie in re.findall(rb"(?i)\r\nset-cookie: *([^=;\r]+)=([^;\r]*)", answer.head):
            self.cookies[cookie[0].decode()] = cookie[1].decode()
        if answer.closes:
            self.socket.close()
            self.socket = None
        return answer, took

    def page(self, path):
        answer, _ = self.send(path)
        if answer.status != 200:
            raise SystemExit(f"{path}: status {answer.status}: {answer.text()[:300]}")
        return answer.text()

    def log_in(self, site):
        if site == "lback":
            answer, _ = self.send("/login", {"username": USER, "password": PASSWORD})
            right = 200
        else:
            token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', self.page("/admin/login/"))[1]
            answer, _ = self.send("/admin/login/", {"username": USER, "password": PASSWORD, "csrfmiddlewaretoken": token, "next": "/admin/"})
            right = 302
        if answer.status != right:
            raise SystemExit(f"the login failed with status {answer.status}: {answer.text()[:300]}")
        return self


# ------------------------------------------------------------------------------------------------------------- requests

LIST = "/admin/tickets"


def following(body, which="next"):
    found = re.search(rf'rel="{which}" href="([^"]+)"', body)
    return html.unescape(found[1]) if found else LIST


def day(rng):
    return f"20{rng.randint(20, 24)}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}"


def day_after(day, count=7):
    return time.strftime("%Y-%m-%d", time.gmtime(time.mktime(time.strptime(day, "%Y-%m-%d")) + count * 86400 + 43200))


def date_range(rng):
    first = day(rng)
    return f"{LIST}?created_at.from={first}&created_at.to={day_after(first)}"


def customer(rng):
    return 100000 + rng.randint(1, CUSTOMERS)


def kinds(client):
    """Returns the kinds of requests: a name, the path of one, a text that the response has, and whether paths follow each other."""
    rng = random.Random(7)
    row = lambda: rng.randint(1, ROWS)
    middles = []

    def middle():
        if not middles:
            for _ in range(20):
                link = following(client.page(f"{LIST}?date={day(rng)[:7]}"))
                middles.append(f"{LIST}?after=" + re.search(r"after=([^&]+)", link)[1])
        return rng.choice(middles)

    state = lambda: rng.choice(["open", "waiting", "solved", "closed"])
    return [
        ("first page of the admin", lambda: "/admin", "<h1", False),
        ("list", lambda: LIST, 'name="row"', False),
        ("list, next pages", lambda: LIST, 'name="row"', True),
        ("list, a page in the middle", middle, 'name="row"', False),
        ("filter: state", lambda: f"{LIST}?state={state()}", 'name="row"', False),
        ("filter: state, next pages", lambda: f"{LIST}?state=open", 'name="row"', True),
        ("filter: customer, by a part of the name", lambda: f"{LIST}?customer_id={customer(rng)}", 'name="row"', False),
        ("filter: days", lambda: date_range(rng), 'name="row"', False),
        ("filter: urgent, newest first", lambda: f"{LIST}?urgent=true&sort=-created_at", 'name="row"', False),
        ("filter: state and urgent", lambda: f"{LIST}?urgent=true&state={state()}", "<h1", False),
        ("sort: number", lambda: f"{LIST}?sort={rng.choice(['', '-'])}number", 'name="row"', False),
        ("sort: customer", lambda: f"{LIST}?sort={rng.choice(['', '-'])}customer_id", 'name="row"', False),
        ("sort: state", lambda: f"{LIST}?sort={rng.choice(['', '-'])}state", 'name="row"', False),
        ("sort: closed at, which may be empty", lambda: f"{LIST}?sort={rng.choice(['', '-'])}closed_at", 'name="row"', False),
        ("search: =sender", lambda: f"{LIST}?q=user{rng.randint(1, CUSTOMERS)}@example.org", 'name="row"', False),
        ("search: =sender, with a state", lambda: f"{LIST}?q=user{rng.randint(1, CUSTOMERS)}@example.org&state={state()}", "<h1", False),
        ("search: =number", lambda: f"{LIST}?q={100000 + row()}", 'name="row"', False),
        ("palette: in many rows", lambda: f"/admin/-/find?q={rng.choice(['paper', 'printer', 'customer'])}", "[{", False),
        ("palette: in one row", lambda: f"/admin/-/find?q=%23{row()}", "[", False),
        ("autocomplete: in many rows", lambda: f"{LIST}/choices/customer_id?q={rng.choice(['cu', 'customer+1', ''])}", "[{", False),
        ("autocomplete: in one row", lambda: f"{LIST}/choices/customer_id?q={customer(rng)}", "[{", False),
        ("form", lambda: f"{LIST}/row/{row()}", 'name="subject"', False),
        ("form, from the list of a state", lambda: f"{LIST}/row/{row()}?from=state%3D{state()}", 'name="subject"', False),
        ("dates: a year", lambda: f"{LIST}?date=20{rng.randint(20, 24)}", 'name="row"', False),
        ("dates: a month", lambda: f"{LIST}?date={day(rng)[:7]}", 'name="row"', False),
        ("dates: a day", lambda: f"{LIST}?date={day(rng)}", 'name="row"', False),
    ]


def cpu_seconds(pids):
    """Returns the time of the processes and of their children, which other programs that are running do not change much."""
    ticks = 0
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{entry}/stat") as file:
                fields = file.read().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if entry in pids or fields[1] in pids:
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def latency(port, pids):
    client = Client(port).log_in("lback")
    print("| request | requests | p50 ms | p99 ms | max ms | CPU ms | errors |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for name, path_of, wanted, follows in kinds(client):
        if ONLY and not re.search(ONLY, name):
            continue
        times, errors, begun, path, last = [], 0, time.perf_counter(), path_of(), ""
        sent, used = 0, cpu_seconds(pids)
        for number in range(-WARMUP, REQUESTS):
            answer, took = client.send(path)
            text, sent = answer.text(), sent + 1
            if answer.status != 200 or wanted not in text:
                errors, last = errors + 1, f"{path}: {answer.status} {' '.join(text[:200].split())}"
            # A page that takes seconds needs no warm-up.
            if number >= 0 or took > 2:
                times.append(took * 1000)
            if times and time.perf_counter() - begun > LONGEST:
                break
            path = following(text) if follows else path_of()
        used = (cpu_seconds(pids) - used) * 1000 / sent
        times.sort()
        at = lambda share: times[min(len(times) - 1, int(len(times) * share))]
        print(f"| {name} | {len(times)} | {at(0.5):.2f} | {at(0.99):.2f} | {times[-1]:.2f} | {used:.1f} | {errors} |", flush=True)
        if errors:
            print(f"    {last}", file=sys.stderr)


# ------------------------------------------------------------------------------------------------------------- EXPLAIN

LINE = re.compile(r"lback::sql: (?:slow: )?(.*?)(?: \[(.*)\])? ms=([\d.]+)(?: rows=(\d+))?(?: at=| error=|$)")
VALUE = re.compile(r'"(?:[^"\\]|\\.)*"|[^,\s][^,]*')
# A statement that reads more rows of the tables is listed.
MANY = 5000
SEQUENTIAL = re.compile(r"Seq Scan on (tickets|customers)|^SCAN (tickets|customers)$")
SECONDS = 5


def statements(log, position):
    """Returns the statements about the models in the log from a position on, and the end of the log."""
    with open(log, encoding="utf-8", errors="replace") as file:
        file.seek(position)
        lines = file.read().splitlines()
        position = file.tell()
    found = []
    for line in lines:
        match = LINE.search(line)
        if match and re.search(r"\b(tickets|customers)\b", match[1]):
            values = [json.loads(value) if value.startswith('"') else value for value in VALUE.findall(match[2] or "")]
            found.append((match[1], values, float(match[3])))
    return found, position


def of_sqlite(file, sql, values):
    """Returns the plan, and about how many rows are read: a row that is looked at takes some six steps of SQLite's machine."""
    db = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    db.create_function("lback_fold", 1, lambda text: text if text is None else str(text).lower(), deterministic=True)

    def value(text):
        if text in ("true", "false"):
            return int(text == "true")
        if text == "NULL":
            return None
        if re.fullmatch(r"-?\d+", text):
            return int(text)
        if re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", text):
            return text.replace("T", " ").replace("Z", "+00:00")
        return text

    # A text that looks like a number is bound as text.
    bound = [value(text) for text in values]
    plan = [row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {sql}", bound)]
    steps, begun = 0, time.perf_counter()

    def progress():
        nonlocal steps
        steps += 1
        return time.perf_counter() - begun > SECONDS

    db.set_progress_handler(progress, 1000)
    ended = ""
    try:
        db.execute(sql, bound).fetchall()
    except sqlite3.OperationalError:
        ended = f", stopped after {SECONDS} s"
    return plan, steps * 1000 // 6, ended


def of_postgres(url, sql, values):
    """Returns the plan, and how many rows are read, with a plan for these values and with one for any: the worse of them."""
    literal = lambda text: "NULL" if text == "NULL" else "'" + text.replace("'", "''") + "'"
    execute = "EXECUTE asked" + (f"({', '.join(map(literal, values))})" if values else "")
    worst = ([], -1, "")
    for mode in ("force_custom_plan", "force_generic_plan"):
        script = f"SET statement_timeout = '{SECONDS}s'; SET plan_cache_mode = {mode}; PREPARE asked AS {sql};\n"
        run = lambda explain: subprocess.run(
            ["psql", "-qAtX", "-v", "ON_ERROR_STOP=1", url], input=f"{script}{explain} {execute};", capture_output=True, text=True
        )
        shown = run("EXPLAIN (COSTS OFF)")
        if shown.returncode:
            raise SystemExit(f"{sql} {values}: {shown.stderr}")
        plan, measured = shown.stdout.splitlines(), run("EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON)")
        if measured.returncode:
            read, ended = ROWS, f", stopped after {SECONDS} s"
        else:
            read, ended = read_by(json.loads(measured.stdout)[0]["Plan"]), ""
        if read > worst[1]:
            worst = (plan, read, f"{ended}, {mode[6:-5]} plan")
    return worst


def read_by(node):
    removed = sum(node.get(name, 0) for name in ("Rows Removed by Filter", "Rows Removed by Index Recheck"))
    # A scan of a subquery reads no table.
    is_scan = "Scan" in node["Node Type"] and node["Node Type"] != "Subquery Scan"
    own = (node["Actual Rows"] + removed) * node["Actual Loops"] if is_scan else 0
    return int(own) + sum(read_by(child) for child in node.get("Plans", []))


def explain(port, log, database, plans):
    client = Client(port).log_in("lback")
    all_kinds = kinds(client)
    explained = of_sqlite if not database.startswith("postgres") else of_postgres
    print("| request | statements about the models | sequential scans | most rows read by one | of it |")
    print("| --- | ---: | --- | ---: | --- |")
    with open(plans, "w") as out:
        for name, path_of, _, follows in all_kinds:
            if ONLY and not re.search(ONLY, name):
                continue
            path = path_of()
            if follows:
                path = following(client.page(path))
            time.sleep(0.1)
            _, position = statements(log, 0)
            answer, _ = client.send(path)
            time.sleep(0.1)
            found, _ = statements(log, position)
            out.write(f"\n# {name}: {path}\n")
            worst, scans = (0, "", ""), []
            for sql, values, ms in found:
                plan, read, ended = explained(database, sql, values)
                for match in filter(None, map(SEQUENTIAL.search, plan)):
                    scans.append(f"{match[1] or match[2]}: {read:,} rows")
                out.write(f"\n{sql} {values}\n-- {ms} ms in the server; reads about {read} rows{ended}\n" + "".join(f"    {line}\n" for line in plan))
                if read > worst[0]:
                    worst = (read, ended, sql)
            if answer.status != 200:
                # The statement that takes too long is not in the log until it ends.
                worst = (worst[0], f", status {answer.status}", worst[2])
            sql = f"`…{worst[2][worst[2].find(' FROM '):][-200:]}`" if worst[0] > MANY else ""
            print(f"| {name} | {len(found)} | {', '.join(scans)} | {worst[0]:,}{worst[1] if worst[0] > MANY or answer.status != 200 else ''} | {sql} |", flush=True)


# ---------------------------------------------------------------------------------------------------------------- load

PATHS = {
    ("lback", "list"): (lambda: LIST, b'name="row"'),
    ("lback", "form"): (lambda: f"{LIST}/row/{random.randint(1, ROWS)}", b'name="subject"'),
    ("django", "list"): (lambda: "/admin/helpdesk/ticket/", b'name="_selected_action"'),
    ("django", "form"): (lambda: f"/admin/helpdesk/ticket/{random.randint(1, ROWS)}/change/", b'name="subject"'),
}


def load(port, site, page):
    """Keeps some connections busy, each of which sends its next request after the response to the last one."""
    path_of, wanted = PATHS[site, page]
    client = Client(port).log_in(site)
    selector = selectors.DefaultSelector()
    times, errors, answers = [], 0, {}

    def start(sock=None):
        if sock is None:
            sock = socket.create_connection(("127.0.0.1", port), timeout=30)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            selector.register(sock, selectors.EVENT_READ)
        sock.sendall(client.request(path_of()))
        answers[sock] = (Answer(), time.perf_counter())

    for _ in range(CONNECTIONS):
        start()
    begin = time.perf_counter() + min(3.0, DURATION / 3)
    end = begin + DURATION
    while (now := time.perf_counter()) < end:
        for key, _ in selector.select(timeout=end - now):
            sock = key.fileobj
            data = sock.recv(1 << 18)
            answer, sent = answers[sock]
            complete = bool(data) and answer.add(data)
            if not complete and data:
                continue
            now = time.perf_counter()
            if not complete or answer.status != 200 or wanted not in answer.buffer:
                errors += 1
            elif begin <= now <= end:
                times.append(now - sent)
            if not data or answer.closes:
                selector.unregister(sock)
                sock.close()
                del answers[sock]
                start()
            else:
                start(sock)
    times.sort()
    at = lambda share: times[min(len(times) - 1, int(len(times) * share))] * 1000 if times else 0
    print(f"rps={len(times) / DURATION:.1f}\np50_ms={at(0.5):.2f}\np99_ms={at(0.99):.2f}\nerrors={errors}")


def size(port, site):
    client = Client(port).log_in(site)
    for page in ("list", "form"):
        path = PATHS[site, page][0]()
        text = client.page(path)
        files = {html.unescape(found) for found in re.findall(r'<(?:script|link|img)\b[^>]*?(?:src|href)="([^"]+)"', text)}
        others = [file for file in files if re.match(r"(https?:)?//", file)]
        sizes = {}
        for file in sorted(files - set(others)):
            answer, _ = client.send(urljoin(path, file))
            sizes[file] = len(answer.body()) if answer.status == 200 else 0
        whole = len(text.encode()) + sum(sizes.values())
        print(f"| {site} | {page} | {len(text.encode()):,} | {sum(sizes.values()):,} | {whole:,} | {len(sizes) + 1} | {len(others)} |")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["latency", port, *pids]:
            latency(int(port), pids)
        case ["explain", port, log, database, plans]:
            explain(int(port), log, database, plans)
        case ["load", port, site, page]:
            load(int(port), site, page)
        case ["size", port, site]:
            size(int(port), site)
        case _:
            sys.exit(__doc__)
