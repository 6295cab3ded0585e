"""Every knowledge card: it loads, its placeholders are defined, and what it cites stands in the docs here."""

import pytest

from rusta_server.errors import RustaError
from rusta_server.orchestrator import cards

FILES = sorted(cards.FOLDER.glob("*.toml"))

CARD = """
[[card]]
codes = ["E0382"]
message = 'use of moved value: `(?P<name>[^`]+)`'
labels.moved = 'value moved (?P<how>\\w+)'
here = ["`{name}` was moved {moved.how} on line {moved.line}.", "It was moved."]
[[card.why]]
say = "Every value has one owner."
cite = { corpus = "book", id = "a/b", quote = "There can only be one owner at a time." }
"""


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_the_cards_are_sound(file, docs):
    found = ((card, problem) for card in cards.read(file) for problem in cards.problems(card, docs))
    complaints = [f"{card.name}: {problem}" for card, problem in found]
    assert not complaints, "\n".join(complaints)


def test_all_cards_load_together():
    loaded = cards.load()
    assert sum(map(len, loaded.about.values())) >= sum(len(cards.read(file)) for file in FILES) - len(
        loaded.without_code
    )


@pytest.fixture
def read(tmp_path):
    def read(text):
        (tmp_path / "some.toml").write_text(text)
        return cards.read(tmp_path / "some.toml")

    return read


def test_a_card(read):
    (card,) = read(CARD)
    assert card.codes == ("E0382",)
    assert card.why[0].say == ("Every value has one owner.",)
    assert card.why[0].cite[0].id == "a/b"
    assert list(cards.problems(card, None)) == []


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("{moved.how}", "{moved.who}", "unknown {moved.who}"),
        ("{name}", "{nam}", "unknown {nam}"),
        ("one owner.", "`one owner.", "odd number of backticks"),
        ('"There can only be one owner at a time."', '" "', "a quote has"),
        ('codes = ["E0382"]', 'tokens = ["move"]\n', "unknown {moved.line}"),
    ],
)
def test_what_is_wrong_is_said(read, old, new, complaint):
    text = CARD.replace(old, new)
    if "tokens" in new:
        text = text.replace("message =", "# message =").replace("{name}", "x")
        text = text.replace("labels.moved", "# labels.moved")
    (card,) = read(text)
    assert any(complaint in problem for problem in cards.problems(card, None))


@pytest.mark.parametrize(
    ("old", "new"),
    [("codes", "kodes"), ("(?P<name>", "(?P<name"), ("[[card]]", "[[card]"), ("quote", "qoute")],
)
def test_a_broken_file_is_named(read, old, new):
    with pytest.raises(RustaError, match=r"some\.toml"):
        read(CARD.replace(old, new, 1))


def test_the_first_wording_whose_placeholders_are_known_is_used():
    wordings = ["`{name}` on line {moved.line}", "`{name}`", "it"]
    assert cards.fill(wordings, {"name": "s", "moved.line": "4"}) == "`s` on line 4"
    assert cards.fill(wordings, {"name": "s"}) == "`s`"
    assert cards.fill(wordings, {}) == "it"
    assert cards.fill(wordings[:2], {}) is None
    assert cards.fill(['`println!("{}")` and { x }'], {}) == '`println!("{}")` and { x }'


def test_a_card_for_this_very_message_goes_before_a_general_one(read, tmp_path):
    read(CARD + '[[card]]\ncodes = ["E0382"]\nhere = ["General."]\n')
    loaded = cards.load(tmp_path)
    assert loaded.for_diagnostic("E0382", "use of moved value: `x`").message
    assert loaded.for_diagnostic("E0382", "something else").here == ("General.",)
    assert loaded.for_diagnostic("E0001", "something else") is None
