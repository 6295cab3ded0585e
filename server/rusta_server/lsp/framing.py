"""Content-Length framing: bytes in, message bodies or faults out. Pure; no input and output here.

The bodies are the sender's bytes, unchanged. A fault never ends the stream: the decoder looks for the
next header and goes on.
"""

import re

from attrs import frozen

MAX_BODY_N_BYTES = 256 * 1024 * 1024
MAX_HEADER_N_BYTES = 8 * 1024
HEAD_N_BYTES = 4 * 1024

_END = b"\r\n\r\n"
_START = b"Content-Length:"
_LINE = re.compile(rb"[!-9;-~]+:[^\r\n]*")
_LENGTH = re.compile(rb"content-length:[ \t]*(\d{1,15})[ \t]*", re.IGNORECASE)


@frozen
class Fault:
    """Something in the stream that is no message.

    Attributes:
        reason: what is wrong, for the log and the other side.
        head: the first bytes of the message's body as far as known, to find out whom to answer.
    """

    reason: str
    head: bytes = b""


def frame(body: bytes) -> bytes:
    """One message as it goes over the wire."""
    return b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


class Decoder:
    """Cuts a stream of bytes into bodies.

    Feed it whatever arrived, then call `next` until it answers None.
    """

    def __init__(self, max_body_n_bytes: int = MAX_BODY_N_BYTES) -> None:
        self._max = max_body_n_bytes
        self._buffer = bytearray()
        self._length: int | None = None  # of the body whose header was read
        self._skip = 0  # bytes of a too big body still to come
        self._seeking = False  # for a header, after a fault

    def feed(self, data: bytes) -> None:
        """Add what arrived."""
        if self._skip:
            dropped = min(self._skip, len(data))
            self._skip -= dropped
            data = data[dropped:]
        self._buffer += data

    def next(self) -> bytes | Fault | None:
        """The next body or fault; None when more bytes are needed."""
        if self._length is None:
            outcome = self._header()
            if not isinstance(outcome, int):
                return outcome
            self._length = outcome
        if self._length > self._max:
            return self._too_big(self._length)
        if len(self._buffer) < self._length:
            return None
        body = self._take(self._length)
        self._length = None
        return body

    def reject(self, body: bytes) -> None:
        """Take back a body that is no JSON: a wrong length may have swallowed the next message's header."""
        start = body.find(_START)
        if start >= 0:
            self._buffer[:0] = body[start:]
            self._length = None
        self._seeking = True

    def end(self) -> Fault | None:
        """The stream has ended; a fault when that was in the middle of a message."""
        if self._skip:
            return Fault(f"the stream ended with {self._skip} bytes of a message missing")
        if self._length is not None:
            return Fault(f"the stream ended after {len(self._buffer)} of a message's {self._length} bytes")
        if self._buffer.strip() and not self._seeking:
            return Fault("the stream ended within a header")
        return None

    def _header(self) -> int | Fault | None:
        """The length of the next body."""
        if self._seeking and not self._seek():
            return None
        end = self._buffer.find(_END, 0, MAX_HEADER_N_BYTES)
        block = bytes(self._buffer[: end if end >= 0 else MAX_HEADER_N_BYTES])
        lines = block.split(b"\r\n")
        complete = lines if end >= 0 else lines[:-1]
        for line in complete:
            if not _LINE.fullmatch(line):
                return self._lost(f"expected a header, found {line[:60]!r}")
        if end < 0:
            if len(self._buffer) >= MAX_HEADER_N_BYTES or b"\n" in lines[-1]:
                return self._lost(f"expected a header, found {block[:60]!r}")
            return None
        lengths = [found for line in lines if (found := _LENGTH.fullmatch(line))]
        if len(lengths) != 1:
            return self._lost(f"a header without a valid Content-Length: {block[:60]!r}", end + len(_END))
        del self._buffer[: end + len(_END)]
        return int(lengths[0].group(1))

    def _lost(self, reason: str, n_bytes: int = 1) -> Fault:
        # At least one byte goes, so that the same header is not found again.
        del self._buffer[:n_bytes]
        self._seeking = True
        return Fault(reason)

    def _seek(self) -> bool:
        start = self._buffer.find(_START)
        if start < 0:
            del self._buffer[: -(len(_START) - 1)]
            return False
        del self._buffer[:start]
        self._seeking = False
        return True

    def _too_big(self, length: int) -> Fault | None:
        if len(self._buffer) < HEAD_N_BYTES:
            return None
        head = bytes(self._buffer[:HEAD_N_BYTES])
        self._skip = length - min(length, len(self._buffer))
        del self._buffer[:length]
        self._length = None
        return Fault(f"a message of {length} bytes is over the limit of {self._max}", head)

    def _take(self, n_bytes: int) -> bytes:
        with memoryview(self._buffer) as view:
            body = bytes(view[:n_bytes])
        del self._buffer[:n_bytes]
        return body
