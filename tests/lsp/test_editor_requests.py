"""What an editor with a view of its own asks of Rusta: state, traces, pages, and what it tells of fixes."""

import asyncio
import json
import stat
import time

import pytest

from rusta_server.lsp import features
from rusta_server.lsp.features.feedback import Heard
from rusta_server.memory import feedback
from rusta_server.trace.ledger import Ledger, begin
from rusta_server.trace.record import Kind


@pytest.fixture
async def client(connect, tmp_path):
    """A connection with all features, whose cache is in `tmp_path`."""

    async def start(**rusta):
        options = {"rusta": {"cacheDir": str(tmp_path / "cache"), "citations": False, **rusta}}
        return await connect(features.register_all(), options, rootUri=tmp_path.as_uri())

    return start


class Ids:
    n = 100


async def ask(wire, method, params=None):
    Ids.n += 1
    answer = await wire.request(Ids.n, method, params)
    assert "error" not in answer, answer["error"]
    return answer["result"]


async def refused(wire, method, params=None) -> str:
    Ids.n += 1
    return (await wire.request(Ids.n, method, params))["error"]["message"]


async def run(wire, command, *arguments):
    return await ask(wire, "workspace/executeCommand", {"command": command, "arguments": list(arguments)})


def search(ledger: Ledger, *decisions: str) -> str:
    with begin(ledger) as writer:
        writer.add(Kind.PLAN, "offers", input={"command": "serve"})
        for decision in decisions:
            writer.add(Kind.DECIDE, "abstain", decision=decision)
    return writer.id


async def test_traces_are_listed_newest_first_in_pages(client, tmp_path):
    wire, _ = await client()
    ledger = Ledger(tmp_path / "cache/ledger")
    ids = [search(ledger, f"number {n}") for n in range(3)]
    first = await ask(wire, "rusta/traces", {"limit": 2})
    assert [one["id"] for one in first["traces"]] == ids[:0:-1]
    assert first["traces"][0]["outcome"] == "number 2"
    second = await ask(wire, "rusta/traces", {"limit": 2, "before": first["next"]})
    assert ([one["id"] for one in second["traces"]], second["next"]) == (ids[:1], None)


async def test_a_trace_that_begins_is_told_to_who_waits(client, tmp_path):
    wire, _ = await client()
    ledger = Ledger(tmp_path / "cache/ledger")
    known = search(ledger)
    waiting = asyncio.ensure_future(ask(wire, "rusta/traces", {"after": known, "waitMs": 20_000}))
    await asyncio.sleep(0.2)
    assert not waiting.done()
    new = search(ledger)
    assert [one["id"] for one in (await waiting)["traces"]] == [new]


async def test_a_trace_is_followed_while_it_is_written(client, tmp_path):
    wire, _ = await client()
    with begin(Ledger(tmp_path / "cache/ledger")) as writer:
        writer.add(Kind.PLAN, "offers", input={"command": "serve"})
        page = await ask(wire, "rusta/trace", {"id": writer.id})
        assert ([step["what"] for step in page["steps"]], page["next"]) == (["offers"], 1)
        waiting = asyncio.ensure_future(
            ask(wire, "rusta/trace", {"id": writer.id, "from": page["next"], "waitMs": 20_000})
        )
        await asyncio.sleep(0.2)
        writer.add(Kind.DECIDE, "abstain", decision="unknown")
        later = await waiting
    assert ([step["decision"] for step in later["steps"]], later["next"]) == (["unknown"], 2)


async def test_who_waits_in_vain_is_answered_with_nothing(client, tmp_path):
    wire, _ = await client()
    id = search(Ledger(tmp_path / "cache/ledger"))
    began = time.monotonic()
    page = await ask(wire, "rusta/trace", {"id": id, "from": 1, "waitMs": 300})
    assert (page["steps"], page["next"]) == ([], 1)
    assert time.monotonic() - began >= 0.3


async def test_a_waiting_request_can_be_cancelled(client):
    wire, _ = await client()
    asking = asyncio.ensure_future(wire.request("w", "rusta/traces", {"waitMs": 30_000}))
    await asyncio.sleep(0.2)
    wire.notify("$/cancelRequest", {"id": "w"})
    assert "error" in await asking


async def test_a_broken_trace_is_refused_and_left_as_it_is(client, tmp_path):
    wire, _ = await client()
    ledger = Ledger(tmp_path / "cache/ledger")
    id = search(ledger, "unknown")
    text = ledger.path(id).read_text().replace("unknown", "certain")
    ledger.path(id).write_text(text)
    assert "not what its hash says" in await refused(wire, "rusta/trace", {"id": id})
    assert ledger.path(id).read_text() == text


@pytest.mark.parametrize("id", ["../../../etc/passwd", "", None, 7, "20200101T000000-00000000"])
async def test_only_traces_can_be_read(client, id):
    wire, _ = await client()
    assert await refused(wire, "rusta/trace", {"id": id})


async def test_payloads_are_read_by_their_hash_alone(client, tmp_path):
    wire, _ = await client()
    sha = Ledger(tmp_path / "cache/ledger").put_blob(b'{"a":1}')
    assert await ask(wire, "rusta/payload", {"sha": sha}) == {"a": 1}
    for wrong in ("../traces", "0" * 64, None):
        assert await refused(wire, "rusta/payload", {"sha": wrong})


async def test_there_is_nothing_to_take_back_where_nothing_was_written(client):
    wire, _ = await client()
    assert await ask(wire, "rusta/patches") == {"patches": []}
    params = {"command": "rusta.revert", "arguments": ["0000"]}
    assert "no patch 0000" in await refused(wire, "workspace/executeCommand", params)


async def test_a_patch_that_rusta_wrote_is_taken_back(client, tmp_path):
    from rusta_server.patch import apply as tree
    from rusta_server.patch.edit import Edit
    from rusta_server.patch.patch import Patch, sha256

    file = tmp_path / "lib.rs"
    file.write_text("one\n")
    patch = Patch((Edit("lib.rs", 0, 3, b"two"),), {"lib.rs": sha256(b"one\n")})
    tree.apply(tmp_path, patch, journals=tmp_path / "cache/journals", title="one to two")
    wire, _ = await client()
    (one,) = (await ask(wire, "rusta/patches"))["patches"]
    assert (one["title"], one["paths"]) == ("one to two", ["lib.rs"])
    assert (await run(wire, "rusta.revert", one["id"]))["paths"] == ["lib.rs"]
    assert file.read_text() == "one\n"
    assert await ask(wire, "rusta/patches") == {"patches": []}


async def test_the_state_is_told_and_waited_for(client):
    wire, proxy = await client()
    now = await ask(wire, "rusta/status")
    assert now == {
        "trusted": True,
        "analyzer": "running",
        "failure": None,
        "searching": False,
        "ready": 0,
        "citations": "off",
    }
    waiting = asyncio.ensure_future(ask(wire, "rusta/status", {"seen": now, "waitMs": 20_000}))
    await asyncio.sleep(0.2)
    assert not waiting.done()
    proxy.session.config = proxy.session.config.__class__(citations=True)
    assert (await waiting)["citations"] != "off"


async def test_of_an_untrusted_folder_the_state_says_so(client):
    wire, _ = await client(trusted=False)
    now = await ask(wire, "rusta/status")
    assert (now["trusted"], now["analyzer"], now["failure"]) == (False, "failed", None)


TOLD = feedback.Feedback("accepted", "E0384", "rustc", "make it `mut`", "V3", 0.97, 1.0)


async def test_feedback_is_remembered_but_not_written_unless_it_is_wanted(client, tmp_path):
    wire, proxy = await client()
    proxy.session.state(Heard).of[7] = TOLD
    assert await ask(wire, "rusta/feedback", {"fix": 7, "what": "undone"}) == {"kept": False}
    assert proxy.session.state(Heard).of[7].what == "undone"
    assert not (tmp_path / "cache/feedback.jsonl").exists()


async def test_wanted_feedback_is_a_line_that_only_the_user_can_read(client, tmp_path):
    wire, proxy = await client()
    proxy.session.state(Heard).of[7] = TOLD
    wanted = {"fix": 7, "what": "ignored", "keep": True}
    assert await ask(wire, "rusta/feedback", wanted) == {"kept": True, "rule": "memory-full"}
    file = tmp_path / "cache/feedback.jsonl"
    (line,) = file.read_text().splitlines()
    told = json.loads(line)
    assert (told["v"], told["what"], told["code"], told["level"]) == (1, "ignored", "E0384", "V3")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


async def test_where_the_policy_says_so_nothing_is_kept(client, tmp_path):
    wire, proxy = await client(memory="short")
    proxy.session.state(Heard).of[7] = TOLD
    wanted = {"fix": 7, "what": "ignored", "keep": True}
    assert await ask(wire, "rusta/feedback", wanted) == {"kept": False, "rule": "memory-short"}
    assert proxy.session.state(Heard).of[7].what == "ignored", "for this session it is remembered"
    assert not list((tmp_path / "cache").rglob("*feedback*"))


async def test_what_is_kept_of_a_project_stays_apart(client, tmp_path):
    wire, proxy = await client(memory="project")
    proxy.session.state(Heard).of[7] = TOLD
    wanted = {"fix": 7, "what": "accepted", "keep": True}
    assert await ask(wire, "rusta/feedback", wanted) == {"kept": True, "rule": "memory-project"}
    (file,) = (tmp_path / "cache").rglob("feedback.jsonl")
    assert file == feedback.file_of(tmp_path / "cache", tmp_path) != feedback.file_of(file.parents[2], file)
    assert file.parent.parent == tmp_path / "cache/projects"


@pytest.mark.parametrize(
    "params", [{}, {"fix": 99, "what": "accepted"}, {"fix": 7, "what": "liked"}, [], None]
)
async def test_feedback_on_nothing_is_refused_and_leaves_nothing(client, tmp_path, params):
    wire, _ = await client()
    assert await refused(wire, "rusta/feedback", params)
    assert not (tmp_path / "cache/feedback.jsonl").exists()


def test_feedback_keeps_no_secret_and_does_not_grow_without_bound(tmp_path, monkeypatch):
    from attrs import evolve

    monkeypatch.setattr(feedback, "MAX_N_BYTES", 2000)
    file = tmp_path / "cache/feedback.jsonl"
    token = "ghp_" + "a1B2" * 9
    for _ in range(31):
        feedback.keep(file, evolve(TOLD, title=f"use {token}"))
    kept = [path.read_text() for path in file.parent.iterdir()]
    assert sorted(path.name for path in file.parent.iterdir()) == ["feedback.1.jsonl", "feedback.jsonl"]
    assert all(token not in text and len(text) < 2500 for text in kept)
    assert all(json.loads(line)["code"] == "E0384" for text in kept for line in text.splitlines())


async def test_a_cited_page_is_shown_with_the_quote_marked(client, docs):
    from rusta_server.orchestrator import cards, explain

    found = explain.of_name("E0384", docs, cards.load())
    cited = [citation.anchor for claim in found.claims() for citation in claim.citations]
    anchor = next(anchor for anchor in cited if anchor.link.startswith("file"))
    wire, _ = await client(citations=True, cacheDir=str(docs.path.parent.parent))
    async with asyncio.timeout(60):
        while (await ask(wire, "rusta/status"))["citations"] != "ready":
            await asyncio.sleep(0.1)
    page = await ask(wire, "rusta/page", {"id": anchor.id})
    assert (page["kind"], page["marked"], page["link"]) == ("page", 1, anchor.link)
    assert '<mark id="quote">' in page["html"]
    assert page["web"].startswith("https://doc.rust-lang.org/")


async def test_only_pages_of_the_documentation_are_shown(client, docs, tmp_path):
    secret = tmp_path / "secret.html"
    secret.write_text("<main>secret</main>")
    wire, _ = await client(citations=True, cacheDir=str(docs.path.parent.parent))
    async with asyncio.timeout(60):
        while (await ask(wire, "rusta/status"))["citations"] != "ready":
            await asyncio.sleep(0.1)
    for link in (secret.as_uri(), "https://example.org/x.html", "file:///etc/passwd", "file:///../x.html"):
        assert "no page" in await refused(wire, "rusta/page", {"link": link})
    source = await ask(wire, "rusta/page", {"link": "file:///work/src/lib.rs#L3"})
    assert source == {"kind": "source", "uri": "file:///work/src/lib.rs", "line": 2}
