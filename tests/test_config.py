"""Settings as editors send them."""

import pytest

from rusta_server import config
from rusta_server.errors import RustaError


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"level": "v9"}, "rusta.level: no such choice"),
        ({"maxLines": "many"}, "rusta.maxLines: invalid value for type, expected int"),
    ],
)
def test_a_wrong_setting_is_named_as_the_editor_names_it(settings, complaint):
    with pytest.raises(RustaError, match=f"^{complaint}$"):
        config.load(settings)


def test_the_cache_folder_may_be_given_from_here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert config.Config(cache_dir="cache").cache == tmp_path / "cache"
    assert config.Config(cache_dir="~/cache").cache.is_absolute()


def test_settings_that_are_not_ours_are_passed_over():
    assert config.load({"level": "v2", "colour": "blue"}) == config.Config(level="v2")


def write(root, text):
    (root / config.POLICY_FILE).write_text(text)


def test_defaults_project_person(tmp_path):
    assert config.load({}, project=tmp_path) == config.load({}) == config.Config()
    write(tmp_path, '[policy]\nmax_lines = 5\nnever_touch = ["src/gen/**"]\n')
    assert config.load({}, project=tmp_path) == config.Config(max_lines=5, never_touch=("src/gen/**",))
    assert config.load({"max_lines": 7, "level": None, "colour": "blue"}, project=tmp_path).max_lines == 7


def test_a_project_takes_no_protection_away(tmp_path):
    write(tmp_path, '[policy]\nsandbox = false\napply_level = "v2"\n')
    assert config.load({}, project=tmp_path).sandbox and config.load({}, project=tmp_path).apply_level == "v3"
    assert not config.load({"sandbox": False}, project=tmp_path).sandbox


@pytest.mark.parametrize(("wished", "got"), [(0.1, 0.0), (0.99, 0.99)])
def test_a_project_may_ask_for_more_certainty_not_for_less(tmp_path, wished, got):
    write(tmp_path, f"[policy]\ntau_answer = {wished}\ntau_patch = {wished}\n")
    found, default = config.load({}, project=tmp_path), config.Config()
    assert found.tau_answer == max(default.tau_answer, got)
    assert found.tau_patch == max(default.tau_patch, got)
    assert config.load({"tauPatch": 0.1}, project=tmp_path).tau_patch == 0.1


@pytest.mark.parametrize(("theirs", "wished"), [("short", "full"), ("full", "short")])
def test_what_is_remembered_a_project_may_set_and_a_person_decides(tmp_path, theirs, wished):
    write(tmp_path, f'[policy]\nmemory = "{wished}"\n')
    assert config.load({}, project=tmp_path).memory == wished
    assert config.load({"memory": theirs}, project=tmp_path).memory == theirs


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[policy]\nmax_lines = 0\n", "max_lines"),
        ('[policy]\nlevel = "v9"\n', "level"),
        ("[policy]\nspeed = 1\n", "no such setting: speed"),
        ("[rules]\n", "no such setting: rules"),
        ("policy = [", "rusta.toml"),
        ('policy = "x"', "policy"),
    ],
)
def test_a_wrong_file_is_named(tmp_path, text, complaint):
    write(tmp_path, text)
    with pytest.raises(RustaError, match=complaint):
        config.load({}, project=tmp_path)


def test_the_project_is_the_nearest_folder_of_the_repository_with_a_policy(tmp_path):
    inner = tmp_path / "repo" / "crate" / "src"
    inner.mkdir(parents=True)
    write(tmp_path, "")
    assert config.project_of(inner) == tmp_path
    (tmp_path / "repo" / ".git").mkdir()
    assert config.project_of(inner) is None
    write(tmp_path / "repo", "")
    assert config.project_of(inner) == tmp_path / "repo"
