"""The schemas on the disk, their examples, and reading and writing what they describe."""

import json
import re
import shutil
from pathlib import Path

import jsonschema
import pytest
from attrs import evolve
from jsonschema import Draft202012Validator, FormatChecker

from rusta_server.contracts import CONTRACTS, BadDocument, read, write
from rusta_server.contracts import writer as schemas
from rusta_server.contracts.compare import narrowings
from rusta_server.contracts.examples import EXAMPLES, invalid, valid
from rusta_server.contracts.graph import Graph, NodeKind
from rusta_server.contracts.schema import schema

ROOT = Path(__file__).parents[2]
SCHEMAS = ROOT / "schemas"
ADR = ROOT / "docs/adr/0007-contracts.md"
RELEASED = max(
    (SCHEMAS / "released").iterdir(), key=lambda folder: [int(part) for part in folder.name.split(".")]
)


def validator(name):
    return Draft202012Validator(schema(CONTRACTS[name]), format_checker=FormatChecker())


def version(text):
    return [int(part) for part in text.split(".")]


def test_the_folder_is_up_to_date():
    assert schemas.write(SCHEMAS) == [], "these were stale, and are written anew: commit them"


def test_what_is_stale_or_left_over_is_noticed(tmp_path):
    folder = Path(shutil.copytree(SCHEMAS, tmp_path / "schemas"))
    (folder / "trace.schema.json").write_text("{}")
    (folder / "examples/gone.valid.json").write_text("{}")
    (folder / "examples/card.valid.json").unlink()
    stale = ["examples/card.valid.json", "examples/gone.valid.json", "trace.schema.json"]
    assert schemas.write(folder) == stale
    assert schemas.write(folder) == []
    assert (folder / "trace.schema.json").read_bytes() == (SCHEMAS / "trace.schema.json").read_bytes()
    assert (folder / "released").is_dir()


@pytest.mark.parametrize("name", CONTRACTS)
def test_a_schema_is_one_and_says_what_it_is_about(name):
    made = schema(CONTRACTS[name])
    Draft202012Validator.check_schema(made)
    assert made["$id"] == f"urn:rusta:{name}:{made['x-version']}"
    assert version(made["x-version"])
    assert "//" not in made["$id"]
    for definition in made["$defs"].values():
        assert definition["description"], definition["title"]
        assert "\n" not in definition["description"]


@pytest.mark.parametrize("name", CONTRACTS)
def test_the_example_fits_schema_and_type(name):
    document = json.loads((SCHEMAS / f"examples/{name}.valid.json").read_bytes())
    validator(name).validate(document)
    value = read(name, json.dumps(document).encode())
    assert value == EXAMPLES[name].value
    assert json.loads(write(value)) == document


@pytest.mark.parametrize("name", CONTRACTS)
def test_the_counterexample_is_refused_for_its_reason_alone(name):
    told = json.loads((SCHEMAS / f"examples/{name}.invalid.json").read_bytes())
    assert told["why"]
    with pytest.raises(BadDocument):
        read(name, json.dumps(told["example"]).encode())
    # With the one part put right it fits.
    part, right = told["example"], valid(EXAMPLES[name])
    for step in EXAMPLES[name].where[:-1]:
        part, right = part[step], right[step]
    part[EXAMPLES[name].where[-1]] = right[EXAMPLES[name].where[-1]]
    validator(name).validate(told["example"])


@pytest.mark.parametrize("name", sorted(CONTRACTS.keys() - {"metrics", "provenance"}))
def test_the_schema_alone_refuses_the_counterexample(name):
    with pytest.raises(jsonschema.ValidationError):
        validator(name).validate(invalid(EXAMPLES[name]))


@pytest.mark.parametrize("name", CONTRACTS)
def test_fields_of_a_later_version_are_passed_over(name):
    document = {**valid(EXAMPLES[name]), "a_field_to_come": {"x": [1]}}
    validator(name).validate(document)
    assert read(name, json.dumps(document).encode()) == EXAMPLES[name].value


@pytest.mark.parametrize("name", sorted(name for name in CONTRACTS if "v" in valid(EXAMPLES[name])))
def test_a_document_of_the_next_major_version_is_refused(name):
    document = {**valid(EXAMPLES[name]), "v": 2}
    with pytest.raises(BadDocument, match=r"\$\.v"):
        read(name, json.dumps(document).encode())
    with pytest.raises(jsonschema.ValidationError):
        validator(name).validate(document)


@pytest.mark.parametrize(
    "text", [b"", b"{", b"null", b"[]", b'{"v": 1', b"\xff", b"[" * 100_000, b'"\\ud800"', b"1e999"]
)
@pytest.mark.parametrize("name", CONTRACTS)
def test_what_is_no_document_is_refused_in_words(name, text):
    with pytest.raises(BadDocument, match=f"^{name}: "):
        read(name, text)


def test_what_does_not_fit_is_not_written():
    step = EXAMPLES["trace"].value
    graph = EXAMPLES["graph"].value
    for wrong, what in (
        (evolve(step, sha="short"), "sha"),
        (evolve(step, p=1.01), "p"),
        (evolve(step, p=float("nan")), "p|finite"),
        (evolve(step, input={"deep": [float("inf")]}), "finite"),
        (evolve(step, seq=-1), "seq"),
        (evolve(step, seq="1"), "seq"),
        (evolve(step, what="\ud800"), "surrogates"),
        (evolve(graph, project=""), "project"),
        (evolve(graph, nodes=(evolve(graph.nodes[0], kind="planet"),)), "kind"),
        (object(), "no contract"),
        (NodeKind.CRATE, "no contract"),
    ):
        with pytest.raises(BadDocument, match=what):
            write(wrong)


def test_one_value_has_one_text():
    graph = EXAMPLES["graph"].value
    text = write(graph)
    shuffled = json.dumps(dict(reversed(json.loads(text).items())), indent=3).encode()
    assert write(read("graph", shuffled)) == text
    assert isinstance(read("graph", text), Graph)


def test_released_examples_are_still_read():
    examples = sorted((RELEASED / "examples").glob("*.valid.json"))
    assert {path.name.partition(".")[0] for path in RELEASED.glob("*.schema.json")} == {
        path.name.partition(".")[0] for path in examples
    }
    for path in examples:
        name = path.name.partition(".")[0]
        validator(name).validate(json.loads(path.read_bytes()))
        read(name, path.read_bytes())


def allowed_breaks():
    """The rows of the table of breaks in the ADR: (schema, version, what)."""
    table = ADR.read_text().partition("## Breaks")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| *([^|]+?) *\| *([^|]+?) *\| *([^|]+?) *\| *([^|]+?) *\|$", table, re.MULTILINE)
    return {row[:3] for row in rows if row[0] != "schema" and not set(row[0]) <= {"-"}}


def faults(name, old, new, allowed):
    """What the rules of the ADR say against `new` as the successor of the released `old`."""
    before, after = version(old["x-version"]), version(new["x-version"])
    if {**old, "$id": "", "x-version": ""} == {**new, "$id": "", "x-version": ""}:
        return [] if before == after else [f"{name}: another version of the same"]
    if after <= before:
        return [f"{name} differs from the release and needs a higher version"]
    broken = narrowings(old, new)
    found = [what for what in broken if (name, new["x-version"], what) not in allowed]
    if broken and after[0] == before[0]:
        found.append(f"{name}: a break needs another major version")
    return found


def test_schemas_only_add_to_what_was_released():
    for path in sorted(RELEASED.glob("*.schema.json")):
        name = path.name.partition(".")[0]
        assert name in CONTRACTS, f"{name} was released and is gone"
        assert faults(name, json.loads(path.read_bytes()), schema(CONTRACTS[name]), allowed_breaks()) == []


def test_a_break_needs_a_row_and_a_major_version():
    old = schema(CONTRACTS["graph"])
    new = json.loads(json.dumps(old))
    assert faults("graph", old, new, set()) == []
    new["$defs"]["Graph"]["required"].append("sha256")
    assert "higher version" in faults("graph", old, new, set())[0]
    new["x-version"] = "1.1.0"
    what = "#/$defs/Graph/sha256: required now"
    assert faults("graph", old, new, set()) == [what, "graph: a break needs another major version"]
    new["x-version"] = "2.0.0"
    assert faults("graph", old, new, set()) == [what]
    assert faults("graph", old, new, {("graph", "2.0.0", what)}) == []
