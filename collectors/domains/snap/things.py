"""Which things are snaps made of, and what brings each back?

Sources: snap(8).
"""

from __future__ import annotations

import shlex
from typing import ClassVar

from collectors.record import Thing

SYSTEM = "system"


class Package(Thing):
    """A snap, `code` from `latest/stable`; a parallel one has its key in the name, `code_work`.

    `held` is the revision at which the owner holds it, "" where it is refreshed.
    """

    KIND: ClassVar[str] = "snap"
    FREE: ClassVar[frozenset[str]] = frozenset({"revision"})

    name: str
    channel: str = ""
    revision: str = ""
    held: str = ""
    classic: bool = False
    devmode: bool = False
    jailmode: bool = False
    disabled: bool = False
    aliases_off: bool = False

    @property
    def sideloaded(self) -> bool:
        """Whether it came from a file: the store's revisions are numbers, the others `x1`."""
        return self.revision.startswith("x")

    def item_name(self) -> str:
        """Return the name."""
        return self.name

    def by_hand(self) -> str:
        """Return how snap installs it."""
        modes = [f"--{mode}" for mode in ("classic", "devmode", "jailmode") if getattr(self, mode)]
        channel = [f"--channel={self.channel}"] if self.channel else []
        revision = [f"--revision={self.held}"] if self.held else []
        return shlex.join(["snap", "install", *modes, *channel, *revision, self.name])


class Connection(Thing):
    """A plug that the owner connected to a slot or, `removed`, took off one: `code:camera` and `:camera`.

    A slot of the system has no snap before its colon, as snap(8) writes it.
    """

    KIND: ClassVar[str] = "snap-connection"

    plug: str
    slot: str
    removed: bool = False

    def item_name(self) -> str:
        """Return the plug and the slot."""
        return f"{self.plug} {self.slot}"

    def by_hand(self) -> str:
        """Return how snap makes or removes it."""
        return shlex.join(["snap", "disconnect" if self.removed else "connect", self.plug, self.slot])


class Alias(Thing):
    """A name that the owner gave to a command of a snap, `vc` for `code.url-handler`."""

    KIND: ClassVar[str] = "snap-alias"

    name: str
    command: str

    def item_name(self) -> str:
        """Return the name."""
        return self.name

    def by_hand(self) -> str:
        """Return how snap gives it."""
        return shlex.join(["snap", "alias", self.command, self.name])


class Setting(Thing):
    """A setting of a snap, `nextcloud` and `ports.http`; `value` is JSON. The system's are of `system`."""

    KIND: ClassVar[str] = "snap-setting"

    snap: str
    key: str
    value: str

    def item_name(self) -> str:
        """Return the snap and the key."""
        return f"{self.snap}:{self.key}"

    def by_hand(self) -> str:
        """Return how snap sets it."""
        return shlex.join(["snap", "set", "-t", self.snap, f"{self.key}={self.value}"])
