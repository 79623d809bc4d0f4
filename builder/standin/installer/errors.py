"""Why does an installation not go on?"""

from __future__ import annotations


class Refusal(Exception):  # noqa: N818 - what is asked for is at fault
    """What is asked for is wrong or cannot be done: `storage.layout.matchh: unknown key`."""


class Broken(Exception):  # noqa: N818 - the machine is at fault
    """A step of the installation did not succeed."""
