"""`#[derive(…)]` with something in it that is no trait."""

import re
from collections.abc import Iterator

from ...patch.edit import Edit
from .. import Candidate, Context
from .. import syntax as sx
from . import fix, rule


@rule("E0777")
def derive_a_path(context: Context) -> Iterator[Candidate]:
    """`#[derive("Clone")]`: a trait is written without quotes."""
    source, primary = sx.source_of(context), context.diagnostic.primary
    if source is None or primary is None:
        return
    text = source.text[primary.start : primary.end].decode()
    name = re.fullmatch(r'"([\w:, ]+)"', text)
    if name:
        edit = Edit(source.path, primary.start, primary.end, name[1].encode())
        yield fix("derive-path", f"Derive `{name[1]}`", 0.7, edit)
