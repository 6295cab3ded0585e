"""C functions for the sandbox's launcher; −1 becomes an OSError."""

import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 1, 4, 22, 24, 38


def call(function: object, *arguments: object) -> int:
    """Call a C function.

    Raises:
        OSError: it returned −1.
    """
    result: int = function(*arguments)  # type: ignore[operator]
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{getattr(function, '__name__', 'call')}: {os.strerror(code)}")
    return result
