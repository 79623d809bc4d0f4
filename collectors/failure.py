"""How does Rekindle say that it cannot go on?"""

from __future__ import annotations

from dataclasses import dataclass


class Failure(Exception):  # noqa: N818 - it is no error of ours that it tells
    """A foreseen failure: one line that says what is wrong, and what a person can do about it.

    Only the command line prints it and exits. Whatever else is raised is a bug and keeps its
    traceback.
    """

    def __init__(self, message: str, *, remedy: str) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}; {self.remedy}"


@dataclass(frozen=True)
class Finding:
    """Something a collector saw but could not capture: `/etc/x`, `not readable`, `run with sudo`."""

    subject: str
    reason: str
    remedy: str
