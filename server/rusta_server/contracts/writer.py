"""Writes the folder `schemas/`: ``python -m rusta_server.contracts.writer schemas``."""

import json
import sys
from pathlib import Path
from typing import Any

from .examples import EXAMPLES, invalid, valid
from .registry import CONTRACTS
from .schema import schema


def files() -> dict[str, bytes]:
    """What belongs into the folder, by path."""
    found = {}
    for name, contract in CONTRACTS.items():
        example = EXAMPLES[name]
        found[f"{name}.schema.json"] = _text(schema(contract))
        found[f"examples/{name}.valid.json"] = _text(valid(example))
        found[f"examples/{name}.invalid.json"] = _text({"why": example.why, "example": invalid(example)})
    return found


def write(folder: Path) -> list[str]:
    """Bring the folder up to date, releases aside; returns what was stale, missing or left over."""
    wanted = files()
    present = {
        path.relative_to(folder).as_posix() for path in (*folder.glob("*.json"), *folder.glob("examples/*"))
    }
    for name in present - wanted.keys():
        (folder / name).unlink()
    stale = [name for name in wanted if name not in present or (folder / name).read_bytes() != wanted[name]]
    for name in stale:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(wanted[name])
    return sorted([*stale, *(present - wanted.keys())])


def _text(value: Any) -> bytes:  # noqa: ANN401  JSON
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()


if __name__ == "__main__":
    for stale_name in write(Path(sys.argv[1])):
        print(stale_name)
