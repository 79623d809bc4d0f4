"""Why does an installation not go on?"""

from __future__ import annotations


class Refusal(Exception):
    """What is asked for is wrong or cannot be done; no disk was touched. `storage.layout.matchh: unknown key`."""


class Broken(Exception):
    """A step of the installation did not succeed."""
