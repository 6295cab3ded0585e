"""What an open index survives: threads, a close in between, and a process without free file handles."""

import os
import resource
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor

from rusta_server.tools.docs import Docs, open_docs

OWNERSHIP = ("book", "ch04-01-what-is-ownership/ownership-rules")


def test_several_threads_read_the_same(small_docs):
    wanted = small_docs.section(*OWNERSHIP)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: small_docs.section(*OWNERSHIP), range(200)))
    assert found == [wanted] * 200


def test_closed_while_others_read_it_is_no_damage(small, cache, small_docs):
    path = small_docs.path
    small_docs.close()
    for _ in range(20):
        docs = open_docs(cache, small)
        started = threading.Barrier(5)

        def read(docs=docs, started=started):
            docs.section(*OWNERSHIP)
            started.wait()
            while docs.section(*OWNERSHIP):
                pass

        readers = [threading.Thread(target=read) for _ in range(4)]
        for reader in readers:
            reader.start()
        started.wait()
        docs.close()
        for reader in readers:
            reader.join()
        assert path.is_file()
    assert isinstance(open_docs(cache, small), Docs)


def test_too_many_open_files_are_no_damage(small, cache, small_docs):
    small_docs.close()
    docs = open_docs(cache, small)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken = os.open("/dev/null", os.O_RDONLY)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (taken, hard))
        assert docs.section(*OWNERSHIP) is None
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        os.close(taken)
    assert docs.path.is_file()
    assert isinstance(open_docs(cache, small), Docs)


def test_a_file_that_is_no_index_any_more_is_removed(small, cache, small_docs):
    small_docs.close()
    docs = open_docs(cache, small)
    docs.path.unlink()
    with sqlite3.connect(docs.path) as other:
        other.execute("CREATE TABLE meta (key, value)")
    assert docs.section(*OWNERSHIP) is None
    assert docs.is_damaged
    assert not docs.path.exists()
