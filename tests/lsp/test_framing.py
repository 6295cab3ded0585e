"""The decoder cuts any stream into the bodies that were sent, and survives what is no message."""

import itertools

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rusta_server.lsp import jsonrpc
from rusta_server.lsp.framing import MAX_HEADER_N_BYTES, Decoder, Fault, frame

bodies = st.lists(st.binary(min_size=0, max_size=300), max_size=8)


def decode_all(decoder: Decoder, chunks) -> list[bytes | Fault]:
    items = []
    for chunk in chunks:
        decoder.feed(chunk)
        while (item := decoder.next()) is not None:
            items.append(item)
    return items


def cut(data: bytes, places: list[int]) -> list[bytes]:
    marks = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(marks)]


@given(bodies, st.lists(st.integers(min_value=0), max_size=20))
def test_bodies_come_out_as_they_went_in_however_they_are_cut(sent, places):
    stream = b"".join(frame(body) for body in sent)
    decoder = Decoder()
    assert decode_all(decoder, cut(stream, places)) == sent
    assert decoder.end() is None


@given(st.binary(max_size=2000), st.lists(st.integers(min_value=0), max_size=10))
def test_no_input_breaks_the_decoder(noise, places):
    decoder = Decoder(max_body_n_bytes=500)
    decode_all(decoder, cut(noise, places))
    decoder.end()


@given(st.binary(max_size=200).filter(lambda noise: b"Content-Length" not in noise and b":" not in noise))
def test_a_message_after_noise_is_found(noise):
    decoder = Decoder()
    items = decode_all(decoder, [noise + b"\r\n\r\n", frame(b'{"id":1}'), frame(b'{"id":2}')])
    assert [item for item in items if isinstance(item, bytes)][-1] == b'{"id":2}'
    assert isinstance(items[0], Fault)


@pytest.mark.parametrize(
    "header",
    [
        b"hello there\r\n\r\n",
        b"Content-Length: ten\r\n\r\n",
        b"Content-Length: -5\r\n\r\n",
        b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n",
        b"Content-Type: text\r\n\r\n",
        b"\r\n\r\n",
        b"no colon\nContent-Length: 5\n",
        b"x" * (MAX_HEADER_N_BYTES + 10),
    ],
)
def test_a_bad_header_is_a_fault_and_the_next_message_is_read(header):
    decoder = Decoder()
    *faults, body = decode_all(decoder, [header, frame(b"{}")])
    assert faults
    assert all(isinstance(fault, Fault) for fault in faults)
    assert body == b"{}"


def test_other_headers_and_cases_are_accepted():
    decoder = Decoder()
    stream = b"Content-Type: application/vscode-jsonrpc; charset=utf-8\r\ncontent-length:  2 \r\n\r\n{}"
    assert decode_all(decoder, [stream]) == [b"{}"]


def test_a_length_that_is_too_long_loses_only_its_own_message():
    decoder = Decoder()
    decoder.feed(b"Content-Length: 40\r\n\r\n{}" + frame(b'{"id":1}') + frame(b'{"id":2}'))
    swallowed = decoder.next()
    assert isinstance(swallowed, bytes)
    with pytest.raises(jsonrpc.Malformed):
        jsonrpc.peek(swallowed)
    decoder.reject(swallowed)
    assert decode_all(decoder, [b""]) == [b'{"id":1}', b'{"id":2}']


def test_a_length_that_is_too_short_loses_only_its_own_message():
    decoder = Decoder()
    decoder.feed(b"Content-Length: 4\r\n\r\n" + b'{"id":0,"method":"x"}' + frame(b'{"id":1}'))
    body = decoder.next()
    assert isinstance(body, bytes)
    decoder.reject(body)
    assert decode_all(decoder, [b""])[-1] == b'{"id":1}'


def test_a_message_that_is_too_big_is_skipped_and_its_id_is_known():
    decoder = Decoder(max_body_n_bytes=10_000)
    big = b'{"jsonrpc":"2.0","id":7,"method":"x","params":"' + b"a" * 50_000 + b'"}'
    stream = frame(big) + frame(b"{}")
    fault, body = decode_all(decoder, [stream[i : i + 1000] for i in range(0, len(stream), 1000)])
    assert isinstance(fault, Fault)
    assert "50" in fault.reason
    assert jsonrpc.guess(fault.head) == (7, True)
    assert body == b"{}"


@pytest.mark.parametrize("rest", [b"Content-Len", b"Content-Length: 10\r\n\r\n{", b"junk"])
def test_an_end_within_a_message_is_noticed(rest):
    decoder = Decoder()
    assert decode_all(decoder, [frame(b"{}"), rest]) == [b"{}"]
    assert isinstance(decoder.end(), Fault)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


@given(st.integers(0, 2**40) | st.text(max_size=20), st.text(max_size=20), json_values)
def test_peek_reads_id_and_method_whatever_the_params(id, method, params):
    envelope = jsonrpc.peek(jsonrpc.request(id, method, params))
    assert (envelope.id, envelope.method) == (id, method)


@given(json_values, json_values)
def test_replace_changes_one_member_only(result, data):
    body = msgspec.json.encode({"jsonrpc": "2.0", "id": 1, "result": result, "data": data})
    changed = msgspec.json.decode(jsonrpc.replace(body, result="new"))
    assert changed == {"jsonrpc": "2.0", "id": 1, "result": "new", "data": data}


def test_replace_keeps_the_other_members_bytes():
    body = b'{"jsonrpc": "2.0", "id": 1, "big": 123456789012345678901234567890.50, "result": 1}'
    assert b"123456789012345678901234567890.50" in jsonrpc.replace(body, result=2)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'{"id": 1.5}', b'{"method": 3}', b"\xff\xfe"])
def test_what_is_no_message_is_malformed(body):
    with pytest.raises(jsonrpc.Malformed):
        jsonrpc.peek(body)


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b'{"jsonrpc":"2.0","id":3,"method":"a","params":{"id":9', (3, True)),
        (b'{"jsonrpc":"2.0","id":"x\\"y","result":{"id":9', ('x"y', False)),
        (b'{"jsonrpc":"2.0","method":"a","params":{"id":9', (None, True)),
        (b"nonsense", (None, False)),
    ],
)
def test_guess_finds_whom_to_answer(head, expected):
    assert jsonrpc.guess(head) == expected
