"""The one root of Rusta's exceptions.

Expected outcomes are data (see `tools.cargo.Outcome` and friends); an exception means a bug or an
environment that does not work.
"""


class RustaError(Exception):
    """Something a person has to mend: says what happened, where, and what to do next.

    ``str(error)`` is shown as it is, without a stack; ``hint`` is the next step, often a command.
    """

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint
