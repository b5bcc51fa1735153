# SPDX-License-Identifier: Apache-2.0
"""The base of every error that a user may see, and how its text is made safe for a terminal."""

from __future__ import annotations

from turret_common.reason_codes import ReasonCode


class TurretError(Exception):
    """An error with a reason code.

    Attributes:
        code: why, as a number that programs can act on.
        message: why, as one sentence for a person.
    """

    def __init__(self, code: ReasonCode, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    def again(self) -> TurretError:
        """Return this error to raise it once more: without the frames of the times before, which it would collect."""
        return self.with_traceback(None)


def printable(text: str) -> str:
    """Return a text with control characters escaped: names in files from elsewhere may hold any."""
    return ''.join(
        part if part.isprintable() else part.encode('unicode_escape', 'surrogatepass').decode() for part in text)
