"""What can become of a patch: one code for each outcome, and the exception that carries a refusal."""

from enum import StrEnum

from ..errors import RustaError


class ResultCode(StrEnum):
    """The outcome of applying or reverting a patch.

    All but the first two and `HALF_WRITTEN` mean that every byte is as before, up to what somebody else
    wrote meanwhile.
    """

    APPLIED = "applied"
    REVERTED = "reverted"

    # The patch is wrong in itself.
    OVERLAP = "overlap"
    OUT_OF_RANGE = "out-of-range"
    NO_PREIMAGE = "no-preimage"
    UNANNOUNCED_CREATION = "unannounced-creation"
    UNANNOUNCED_DELETION = "unannounced-deletion"
    EMPTY = "empty"

    # It names a path that must not be written.
    ABSOLUTE_PATH = "absolute-path"
    PARENT_PATH = "parent-path"
    MALFORMED_PATH = "malformed-path"
    RESERVED_NAME = "reserved-name"
    GIT_FOLDER = "git-folder"
    PROTECTED_PATH = "protected-path"
    COLLISION = "collision"

    # It does not fit what the disk holds.
    SYMLINK = "symlink"
    NOT_A_FILE = "not-a-file"
    MISSING = "missing"
    EXISTS = "exists"
    CHANGED = "changed"
    READ_ONLY = "read-only"

    # It could not be done, or was taken back.
    REGRESSION = "regression"
    LOCKED = "locked"
    CANNOT_WRITE = "cannot-write"
    HALF_WRITTEN = "half-written"
    UNKNOWN_PATCH = "unknown-patch"
    NOT_IN_EFFECT = "not-in-effect"


class Conflict(RustaError):
    """A patch is refused, or could not be written; the code says why."""

    def __init__(
        self, code: ResultCode, message: str, *, path: str | None = None, hint: str | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.code = code
        self.path = path
