"""How long a search takes: of diagnostics, symbols and words, cold and warm."""

import hashlib
import time
from collections.abc import Callable, Sequence
from statistics import median

from attrs import frozen

from rusta_server.tools.docs import Docs, Query

N_QUERIES = 300
N_TIMES = 4
# Where a hover looks for something to read.
TO_READ = ("book", "reference", "rust-by-example", "nomicon", "edition-guide")


@frozen
class Speed:
    """Times of one kind of query, each the best of `N_TIMES`, as other programs take the processor too.

    Attributes:
        cold_ms: of the first one after the index was opened.
    """

    kind: str
    n: int
    cold_ms: float
    p50_ms: float
    p95_ms: float


def measure(docs: Docs, opened: Callable[[], Docs]) -> list[Speed]:
    """Time queries of three kinds, in all corpora and in those to read."""
    codes = _some(docs, "SELECT id FROM section WHERE kind = 'error'")
    symbols = _some(docs, "SELECT id FROM section WHERE corpus = 'std' AND kind = 'item'")
    titles = _some(docs, "SELECT title FROM section WHERE kind = 'heading' AND corpus != 'std'")
    kinds = {
        "error code": [Query(code=code) for code in codes],
        "error code, to read": [Query(code=code, corpora=TO_READ) for code in codes],
        "symbol": [Query(symbol=symbol) for symbol in symbols],
        "symbol, to read": [Query(symbol=symbol, corpora=TO_READ) for symbol in symbols],
        "words": [Query(words=title) for title in titles],
    }
    return [_speed(kind, queries, opened()) for kind, queries in kinds.items()]


def _speed(kind: str, queries: Sequence[Query], docs: Docs) -> Speed:
    cold = _time_ms(docs, queries[0])
    times = sorted(min(_time_ms(docs, query) for _ in range(N_TIMES)) for query in queries)
    docs.close()
    return Speed(
        kind,
        len(queries),
        round(cold, 2),
        round(median(times), 2),
        round(times[int(0.95 * (len(times) - 1))], 2),
    )


def _time_ms(docs: Docs, query: Query) -> float:
    started = time.perf_counter()
    docs.search(query)
    return (time.perf_counter() - started) * 1000


def _some(docs: Docs, sql: str) -> list[str]:
    found = [row[0] for row in docs.rows(sql)]
    return sorted(found, key=lambda one: hashlib.sha256(one.encode()).digest())[:N_QUERIES]
