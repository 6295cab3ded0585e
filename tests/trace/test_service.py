"""The trace server, for real: a socket on this machine, a token, and those who should not get in."""

import asyncio
import json
import socket
import threading
import time
from contextlib import contextmanager

import httpx
import psutil
import pytest
import schemathesis
import uvicorn
import websockets.asyncio.client as ws
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

from rusta_server.errors import RustaError
from rusta_server.trace import canonical
from rusta_server.trace import ledger as ledger_module
from rusta_server.trace.jobs import Jobs
from rusta_server.trace.ledger import Ledger, begin, resume
from rusta_server.trace.openapi import document
from rusta_server.trace.record import Kind
from rusta_server.trace.service import MAX_BODY_N_BYTES, Abilities, app

TOKEN = "t" * 43
ANCHOR = "error_codes/E0382#af3666d6"


def sleepy(arguments, handle):
    if arguments.get("fail"):
        raise RustaError("it does not work.", hint="Mend it.")
    if arguments.get("bug"):
        raise ValueError("a bug")
    handle.cancelled.wait(float(arguments.get("seconds", 0)))
    return {"slept": True}


@contextmanager
def serving(folder, **options):
    ledger = Ledger(folder / "ledger")
    jobs = Jobs({"explain": sleepy}, **options)
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    abilities = Abilities(
        anchor=lambda id: {"id": id, "quote": "A variable was used …"} if id == ANCHOR else None,
        replay=lambda id: {"n_same": 1, "n_recorded": 1, "difference": None, "breaks_off": False},
    )
    application = app(ledger, jobs, abilities, token=TOKEN, hosts=(f"127.0.0.1:{port}", f"localhost:{port}"))
    config = uvicorn.Config(
        application, log_level="warning", ws="websockets-sansio", timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield ledger, f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(10)
        jobs.stop()


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("service")) as running:
        yield running


@pytest.fixture
def client(service):
    with httpx.Client(base_url=service[1], headers={"Authorization": f"Bearer {TOKEN}"}) as client:
        yield client


def write(ledger, n=3):
    with begin(ledger) as trace:
        trace.add(Kind.PLAN, "search", input={"command": "fix"})
        for _ in range(n - 2):
            trace.add(Kind.PROBE, "cargo.check")
        trace.add(Kind.DECIDE, "offer", citations=(ANCHOR,), decision="shown")
    return trace.id


# Who gets in.


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": "Bearer wrong"}, 401),
        ({"Authorization": f"Bearer {TOKEN}", "Host": "evil.example"}, 421),
        ({"Authorization": f"Bearer {TOKEN}", "Host": "127.0.0.1:1"}, 421),
        ({"Authorization": f"Bearer {TOKEN}", "Origin": "http://evil.example"}, 403),
        ({"Authorization": f"Bearer {TOKEN}", "Origin": "null"}, 403),
        ({"Authorization": f"Bearer {TOKEN}", "Sec-Fetch-Site": "cross-site"}, 403),
        ({"Authorization": f"Bearer {TOKEN}", "Sec-Fetch-Site": "same-site"}, 403),
    ],
)
def test_others_are_refused(service, headers, status):
    answer = httpx.get(f"{service[1]}/traces", headers=headers)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status and answer.json()["detail"]


def test_a_form_of_another_page_starts_nothing(client):
    """What a browser may send across sites without asking first: a form's content types."""
    before = client.get("/jobs").json()
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        answer = client.post("/job", content='{"kind":"explain"}', headers={"Content-Type": kind})
        assert answer.status_code == 415
    assert client.get("/jobs").json() == before


def test_the_page_holds_no_secret_and_allows_only_itself(service):
    answer = httpx.get(f"{service[1]}/")
    assert answer.status_code == 200
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy
    assert TOKEN not in answer.text and "http://" not in answer.text and "https://" not in answer.text
    assert answer.headers["x-frame-options"] == "DENY"


def test_too_long_bodies_are_refused_announced_or_not(client):
    answer = client.post(
        "/traces", content=b"x" * (MAX_BODY_N_BYTES + 1), headers={"Content-Type": "application/x-ndjson"}
    )
    assert answer.status_code == 413

    def pieces():
        for _ in range(MAX_BODY_N_BYTES // (1 << 20) + 2):
            yield b"x" * (1 << 20)

    answer = client.post("/traces", content=pieces(), headers={"Content-Type": "application/x-ndjson"})
    assert answer.status_code == 413


# Jobs.


def wait_for(client, id, statuses=("done", "failed", "cancelled")):
    for _ in range(500):
        job = client.get(f"/job/{id}").json()
        if job["status"] in statuses:
            return job
        time.sleep(0.02)
    raise AssertionError(job)


def test_a_job_is_queued_and_done(client):
    answer = client.post("/job", json={"kind": "explain", "arguments": {}})
    assert answer.status_code == 202
    job = wait_for(client, answer.json()["id"])
    assert job["status"] == "done" and job["result"] == {"slept": True}


def test_a_job_can_be_cancelled_while_it_runs_and_while_it_waits(client):
    first = client.post("/job", json={"kind": "explain", "arguments": {"seconds": 30}}).json()["id"]
    second = client.post("/job", json={"kind": "explain", "arguments": {"seconds": 30}}).json()["id"]
    wait_for(client, first, ("running",))
    assert client.delete(f"/job/{second}").json()["status"] == "cancelled"
    client.delete(f"/job/{first}")
    assert wait_for(client, first)["status"] == "cancelled"


def test_a_failure_is_told_and_a_bug_tells_nothing_inside(client):
    failed = wait_for(
        client, client.post("/job", json={"kind": "explain", "arguments": {"fail": 1}}).json()["id"]
    )
    assert failed["status"] == "failed" and failed["error"] == "it does not work. Mend it."
    bug = wait_for(
        client, client.post("/job", json={"kind": "explain", "arguments": {"bug": 1}}).json()["id"]
    )
    assert bug["status"] == "failed" and "ValueError" not in bug["error"]


def test_the_queue_is_bounded(tmp_path):
    with serving(tmp_path, max_waiting=2) as (_, url):
        headers = {"Authorization": f"Bearer {TOKEN}"}
        body = {"kind": "explain", "arguments": {"seconds": 30}}
        statuses = [httpx.post(f"{url}/job", json=body, headers=headers).status_code for _ in range(6)]
        assert statuses[:2] == [202, 202] and statuses[-1] == 429


# Traces.


def test_traces_are_listed_in_pages_and_read(service, client):
    ids = [write(service[0]) for _ in range(5)]
    page = client.get("/traces", params={"limit": 2}).json()
    seen = [one["id"] for one in page["traces"]]
    while page["next"]:
        page = client.get("/traces", params={"limit": 2, "before": page["next"]}).json()
        seen += [one["id"] for one in page["traces"]]
    assert set(ids) <= set(seen) and len(seen) == len(set(seen)) and seen == sorted(seen, reverse=True)
    trace = client.get(f"/traces/{ids[0]}", params={"from": 1, "limit": 1}).json()
    assert [step["seq"] for step in trace["steps"]] == [1] and trace["next"] == 2


def test_payloads_and_anchors(service, client):
    with begin(service[0]) as trace:
        step = trace.add(Kind.PLAN, "search", input={"text": "x" * 5000})
    assert client.get(f"/payloads/{step.input_sha}").json() == {"text": "x" * 5000}
    assert client.get(f"/anchors/{ANCHOR.replace('#', '%23')}").json()["id"] == ANCHOR
    assert client.get("/anchors/nothing%2Fhere%2300000000").status_code == 404
    assert client.get("/payloads/..%2f..%2fetc%2fpasswd").status_code == 404
    assert client.get("/traces/..%2f..%2fetc%2fpasswd").status_code == 404


def hand_in(client, data, **query):
    return client.post(
        "/traces", content=data, params=query, headers={"Content-Type": "application/x-ndjson"}
    )


def test_a_whole_trace_is_taken_in(service, client):
    lines = service[0].path(write(service[0])).read_bytes()
    answer = hand_in(client, lines)
    assert answer.status_code == 201
    assert service[0].path(answer.json()["id"]).read_bytes() == lines


@pytest.fixture
def with_secret(service, monkeypatch):
    """A trace by a program that takes no secrets out."""
    monkeypatch.setattr(ledger_module, "clean_value", lambda value: value)
    with begin(service[0]) as trace:
        trace.add(Kind.PLAN, "search", input={"note": "ghp_" + "Ab3" * 12})
        trace.add(Kind.PROBE, "cargo.check")
        trace.add(Kind.DECIDE, "offer", citations=(ANCHOR,), decision="shown")
    path = service[0].path(trace.id)
    lines = path.read_bytes()
    path.unlink()
    return lines


def test_a_trace_with_a_secret_is_refused_by_its_place_and_kind(service, client, with_secret):
    before = service[0].ids()
    answer = hand_in(client, with_secret)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["secrets"] == [{"step": 0, "field": "input.note", "kind": "GitHub token"}]
    assert "step 0, input.note (GitHub token)" in answer.json()["detail"]
    assert "keep_secrets=true" in answer.json()["detail"] and "Ab3Ab3" not in answer.text
    assert service[0].ids() == before


def test_a_trace_with_a_secret_is_kept_if_that_is_wanted(service, client, with_secret):
    answer = hand_in(client, with_secret, keep_secrets="true")
    assert answer.status_code == 201
    assert service[0].path(answer.json()["id"]).read_bytes() == with_secret
    assert hand_in(client, with_secret, keep_secrets="yes").status_code == 422
    assert hand_in(client, with_secret, keep="true").status_code == 422


def without_anchor(lines):
    rows = [json.loads(line) for line in lines.splitlines()]
    rows[-1]["citations"] = []
    del rows[-1]["sha"]
    rows[-1]["sha"] = canonical.sha(rows[-1])
    return b"".join(canonical.encode(row) + b"\n" for row in rows)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda lines: b"",
        lambda lines: b"\n",
        lambda lines: b"{}\n",
        lambda lines: b"\xff\xfe\n",
        lambda lines: lines[:-1],
        lambda lines: lines.replace(b"cargo.check", b"cargo.steal"),
        lambda lines: b"".join(lines.splitlines(keepends=True)[1:]),
        without_anchor,
    ],
)
def test_what_is_no_sound_and_cited_trace_is_refused(service, client, spoil):
    lines = service[0].path(write(service[0])).read_bytes()
    before = service[0].ids()
    answer = hand_in(client, spoil(lines))
    assert answer.status_code == 422 and answer.json()["detail"]
    assert service[0].ids() == before


# Streams.


def events(lines, count):
    found = []
    for line in lines:
        if line.startswith("data: "):
            found.append(json.loads(line[6:]))
            if len(found) == count:
                return found
    return found


def test_a_stream_goes_on_with_what_is_written_and_is_resumed(service, client):
    ledger = service[0]
    id = write(ledger, 3)
    with client.stream("GET", "/stream", params={"trace": id}) as answer:
        lines = answer.iter_lines()
        assert [step["seq"] for step in events(lines, 3)] == [0, 1, 2]
        with resume(ledger, id) as trace:
            trace.add(Kind.PROBE, "cargo.test")
        assert [step["what"] for step in events(lines, 1)] == ["cargo.test"]
    with client.stream("GET", "/stream", params={"trace": id}, headers={"Last-Event-ID": "1"}) as answer:
        assert [step["seq"] for step in events(answer.iter_lines(), 2)] == [2, 3]


async def test_a_web_socket_streams_too(service):
    ledger, url = service
    id = write(ledger, 3)
    address = f"{url.replace('http', 'ws')}/stream?trace={id}&from=1"
    async with ws.connect(address, subprotocols=["rusta.v1", f"token.{TOKEN}"]) as client:
        assert client.subprotocol == "rusta.v1"
        async with asyncio.timeout(5):
            assert [json.loads(await client.recv())["seq"] for _ in range(2)] == [1, 2]
        await asyncio.to_thread(append, ledger, id)
        async with asyncio.timeout(5):
            assert json.loads(await client.recv())["what"] == "cargo.test"
    for options in (
        {"subprotocols": ["rusta.v1", "token.wrong"]},
        {"origin": "http://evil.example", "subprotocols": ["rusta.v1", f"token.{TOKEN}"]},
    ):
        with pytest.raises(Exception, match=r"403|1008"):
            async with ws.connect(address, **options):
                pass


def append(ledger, id):
    with resume(ledger, id) as trace:
        trace.add(Kind.PROBE, "cargo.test")


def test_a_broken_trace_says_so_and_ends(service, client):
    ledger = service[0]
    id = write(ledger, 4)
    path = ledger.path(id)
    path.write_bytes(path.read_bytes().replace(b"cargo.check", b"cargo.chick", 1))
    with client.stream("GET", "/stream", params={"trace": id}) as answer:
        text = "\n".join(answer.iter_lines())
    assert "event: broken" in text


def test_no_thread_or_file_stays_with_a_client_that_left(service, client):
    ledger = service[0]
    id = write(ledger, 3)
    for _ in range(3):
        with client.stream("GET", "/stream", params={"trace": id}) as answer:
            events(answer.iter_lines(), 1)
    for _ in range(100):
        if not any(id in name for name in open_files()):
            return
        time.sleep(0.1)
    raise AssertionError(open_files())


def open_files():
    return [file.path for file in psutil.Process().open_files()]


# The document.


@schemathesis.serializer("application/x-ndjson")
def lines_of(context, value):
    return str(value).encode()


INTERFACE = schemathesis.openapi.from_dict(document(["explain"]))


@INTERFACE.exclude(path="/stream").parametrize()
@settings(max_examples=30, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_the_server_is_as_its_document_says(service, case):
    """Requests made from the document, right ones and wrong ones; the answers are what it announces."""
    # No schema can say of a text that it is a hash-chained trace.
    left_out = [positive_data_acceptance] if case.operation.label == "POST /traces" else []
    case.call_and_validate(
        base_url=service[1], headers={"Authorization": f"Bearer {TOKEN}"}, excluded_checks=left_out
    )


def test_the_document_is_served(client):
    assert client.get("/openapi.json").json() == document(["explain"])


def test_a_trace_that_is_cleared_away_ends_its_stream(service, client):
    ledger = service[0]
    id = write(ledger, 3)
    with client.stream("GET", "/stream", params={"trace": id}) as answer:
        lines = answer.iter_lines()
        events(lines, 3)
        ledger.path(id).unlink()
        assert any("event: broken" in line for line in lines)
