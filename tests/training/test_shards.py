from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rusta_inference.codec import BOS, VOCAB
from rusta_training import shards
from rusta_training.shards import ShardError

TOKENS = st.integers(0, VOCAB - 1).filter(lambda token: token != BOS)
SAMPLES = st.lists(st.lists(TOKENS, max_size=40).map(lambda tokens: [BOS, *tokens]), max_size=20)


def write(folder: Path, samples: Sequence[Sequence[int]], shard_tokens: int = 50) -> shards.Manifest:
    return shards.write_shards(folder, "s0", "train", samples, "0" * 64, shard_tokens)


@given(samples=SAMPLES)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None)
def test_samples_come_back_in_order(samples: list[list[int]], tmp_path: Path) -> None:
    manifest = write(tmp_path, samples)
    read = [
        s.tolist() for tokens in shards.read_shards(tmp_path / "s0-train") for s in shards.samples_of(tokens)
    ]
    assert read == samples
    assert shards.read_manifest(tmp_path / "s0-train") == manifest
    assert (manifest.n_samples, manifest.n_tokens) == (len(samples), sum(map(len, samples)))


def test_equal_samples_give_equal_files(tmp_path: Path) -> None:
    samples = [[BOS, *range(100)] for _ in range(5)]
    assert write(tmp_path / "a", samples).sha256 == write(tmp_path / "b", samples).sha256
    for path in sorted((tmp_path / "a/s0-train").iterdir()):
        assert path.read_bytes() == (tmp_path / "b/s0-train" / path.name).read_bytes()


@pytest.mark.parametrize("sample", [[], [1, 2], [BOS, 1, BOS], [BOS, VOCAB], [BOS, -1]])
def test_what_is_no_sample_is_refused_and_the_old_shards_stay(sample: list[int], tmp_path: Path) -> None:
    before = write(tmp_path, [[BOS, 1]])
    with pytest.raises(ShardError):
        write(tmp_path, [[BOS, 2], sample])
    assert shards.read_manifest(tmp_path / "s0-train") == before
    assert [tokens.tolist() for tokens in shards.read_shards(tmp_path / "s0-train")] == [[BOS, 1]]


def test_an_altered_or_truncated_shard_is_noticed(tmp_path: Path) -> None:
    write(tmp_path / "other", [[BOS, 3]])
    write(tmp_path, [[BOS, 1]])
    shard = tmp_path / "s0-train/00000.xz"
    whole = shard.read_bytes()
    shard.write_bytes((tmp_path / "other/s0-train/00000.xz").read_bytes())
    with pytest.raises(ShardError, match="not the one in the manifest"):
        list(shards.read_shards(tmp_path / "s0-train"))
    shard.write_bytes(whole[:-9])
    with pytest.raises(ShardError):
        list(shards.read_shards(tmp_path / "s0-train"))
    with pytest.raises(ShardError):
        shards.read_manifest(tmp_path)


def test_tokens_are_sixteen_bits_wide(tmp_path: Path) -> None:
    write(tmp_path, [[BOS, 1]])
    assert next(shards.read_shards(tmp_path / "s0-train")).dtype == np.uint16
