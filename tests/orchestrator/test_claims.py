"""Citations or silence: what cannot be looked up is not said, whoever tries."""

import copy
import pickle

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rusta_server.orchestrator import render
from rusta_server.orchestrator.claims import Citation, Cited, Claim, by_corpus, cite, is_genuine, within
from rusta_server.orchestrator.explain import Explanation, Part
from rusta_server.tools.docs import Resolution, State, anchor
from rusta_server.tools.docs.anchor import ORPHAN, section

BOOK = section(
    "book@1.95.0",
    "ch04/rules",
    kind="heading",
    title="Ownership Rules",
    link="file:///docs/book/ch04.html#rules",
    texts=[("text", "Each value in Rust has an owner."), ("text", "There can only be one owner at a time.")],
)
OTHER = section(
    "book@1.95.0",
    "ch05/other",
    kind="heading",
    title="Other",
    link="file:///docs/book/ch05.html#other",
    texts=[("text", "A struct packages related values.")],
)
RULE = anchor(BOOK, "There can only be one owner at a time.")
RESOLVE = within(BOOK, OTHER)
RENDERERS = [render.to_markdown, render.to_plain, render.to_rich, render.to_json]


def said(anchor_, resolve=RESOLVE):
    return cite([Claim("Values have one owner.", (anchor_,))], resolve)


def shown(*claims):
    return [renderer(Explanation("x", (Part("why", claims),), "rusta explain x")) for renderer in RENDERERS]


def test_a_claim_whose_anchor_resolves_is_said():
    (claim,) = said(RULE)
    assert claim.citations[0].state == State.VALID
    assert "one owner at a time" in shown(claim)[0]


def test_a_claim_without_anchors_is_not_said():
    assert cite([Claim("Trust me.", ())], RESOLVE) == ()


def test_all_anchors_must_resolve():
    lost = attrs.evolve(RULE, structural_id="ch99")
    assert cite([Claim("Both.", (RULE, lost))], RESOLVE) == ()
    assert len(cite([Claim("Both.", (RULE, anchor(OTHER, "A struct")))], RESOLVE)) == 1


def test_a_reworded_span_is_quoted_as_it_is_today_and_says_so():
    old = "There can be only one owner at a time."
    (claim,) = said(anchor(attrs.evolve(BOOK, blocks=section_of(old).blocks), old))
    assert claim.citations[0].state == State.DRIFTED
    assert claim.citations[0].anchor.quote == "There can only be one owner at a time."
    assert "wording changed" in shown(claim)[0]
    assert "can be only" not in shown(claim)[0]


def section_of(text):
    return section("book@1.94.0", "ch04/rules", kind="heading", title="", link="", texts=[("text", text)])


texts = st.text(max_size=60)


@given(
    corpus=st.sampled_from(["book@1.95.0", "book@1.0.0", "reference@1.95.0", "book", ""]) | texts,
    structural_id=st.sampled_from(["ch04/rules", "ch05/other", ""]) | texts,
    quote=st.sampled_from(["", " ", RULE.quote, "A struct packages", RULE.quote + " "]) | texts,
    sha256=st.sampled_from([RULE.sha256, "0" * 64, ""]) | texts,
)
def test_what_a_forged_anchor_says_is_never_said_unless_it_stands_there(corpus, structural_id, quote, sha256):
    forged = attrs.evolve(RULE, corpus=corpus, structural_id=structural_id, quote=quote, sha256=sha256)
    for claim in said(forged):
        (citation,) = claim.citations
        today = {BOOK.id: BOOK, OTHER.id: OTHER}[citation.anchor.structural_id]
        assert citation.anchor.quote.strip()
        assert citation.anchor.quote in today.text
        assert citation.anchor == anchor(today, citation.anchor.quote, near=citation.anchor.offset)


LIES = [
    ("an anchor that was not asked for", lambda a: Resolution(State.VALID, anchor(OTHER, "A struct"), 1.0)),
    ("another quote", lambda a: Resolution(State.VALID, attrs.evolve(a, quote="No owner at all."), 1.0)),
    ("an empty quote", lambda a: Resolution(State.VALID, attrs.evolve(a, quote=""), 1.0)),
    ("another corpus", lambda a: Resolution(State.VALID, attrs.evolve(a, corpus="nomicon@1.95.0"), 1.0)),
    ("valid, but nowhere", lambda a: Resolution(State.VALID, None, 1.0)),
    ("an orphan with an anchor", lambda a: Resolution(State.ORPHAN, a, 0.0)),
    ("drifted too far", lambda a: Resolution(State.DRIFTED, anchor(OTHER, "A struct"), 0.5)),
    ("drifted, but something else", lambda a: Resolution(State.DRIFTED, anchor(OTHER, "A struct"), 1.0)),
]


@pytest.mark.parametrize(("lie", "resolve"), LIES, ids=[lie for lie, _ in LIES])
def test_a_resolver_that_lies_is_not_believed(lie, resolve):
    assert said(RULE, resolve) == ()


def forgeries():
    """Ways to a claim that `cite` did not make; each yields one, or raises ValueError on the way."""
    (true,) = said(RULE)
    citation = Citation(RULE, State.VALID, "Book")
    wrong = Citation(attrs.evolve(RULE, quote="No owner."), State.VALID, "Book")

    class Sub(Cited):
        def __attrs_post_init__(self):
            pass

    def rewritten(**fields):
        made = copy.copy(true)
        for name, value in fields.items():
            object.__setattr__(made, name, value)
        return made

    def without_init():
        made = Cited.__new__(Cited)
        for name, value in (("text", "x"), ("citations", (citation,)), ("_seal", true._seal)):
            object.__setattr__(made, name, value)
        return made

    yield lambda: Cited("Made up.", (citation,))
    yield lambda: Cited("Made up.", ())
    yield lambda: Cited("Made up.", (citation,), true._seal)
    yield lambda: Cited(true.text, (wrong,), true._seal)
    yield lambda: Cited(true.text, (*true.citations, citation), true._seal)
    yield lambda: Sub("Made up.", (citation,))
    yield lambda: attrs.evolve(true, text="Made up.")
    yield lambda: attrs.evolve(true, citations=())
    yield lambda: rewritten(text="Made up.")
    yield lambda: rewritten(citations=(wrong,))
    yield lambda: rewritten(citations=())
    yield without_init
    yield lambda: Claim("Made up.", (RULE,))
    yield lambda: "Made up."


FORGERIES = list(forgeries())


@pytest.mark.parametrize("number", range(len(FORGERIES)))
def test_a_forged_claim_is_not_shown(number):
    forge = FORGERIES[number]
    try:
        forged = forge()
    except ValueError:
        return
    assert not is_genuine(forged)
    for renderer in RENDERERS:
        with pytest.raises(ValueError, match="not shown"):
            renderer(Explanation("x", (Part("why", (forged,)),), "rusta explain x"))


def test_nothing_is_said_in_a_heading():
    (claim,) = said(RULE)
    for renderer in RENDERERS:
        with pytest.raises(ValueError, match="not shown"):
            renderer(Explanation("x", (Part("Values have no owner.", (claim,)),), "rusta explain x"))


def test_a_claim_of_another_process_is_not_shown(monkeypatch):
    (claim,) = said(RULE)
    kept = pickle.dumps(claim)
    monkeypatch.setattr("rusta_server.orchestrator.claims._SECRET", b"of another process")
    assert not is_genuine(pickle.loads(kept))


def test_resolvers_are_chosen_by_corpus():
    resolve = by_corpus({"book": RESOLVE, "crate": lambda a: Resolution(State.VALID, a, 1.0)})
    assert resolve(RULE).state == State.VALID
    assert resolve(attrs.evolve(RULE, corpus="crate:semver@1.0.14")).state == State.VALID
    assert resolve(attrs.evolve(RULE, corpus="reference@1.95.0")) == ORPHAN
    assert by_corpus({"": RESOLVE})(RULE).state == State.VALID
