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
