"""Which things are flatpaks made of, and what brings each back?

Sources: flatpak(1), flatpak-remote(5).
"""

from __future__ import annotations

import shlex
from typing import ClassVar

from collectors.record import Thing


class Scoped(Thing):
    """What is in one installation: `scope` is "" for the system's, `~ada`, or the name of another one."""

    scope: str = ""

    def named(self, name: str) -> str:
        """Return a name within the scope: `~ada/org.gimp.GIMP`."""
        return f"{self.scope}/{name}" if self.scope else name

    def command(self, *words: str, verb: str) -> str:
        """Return a command of flatpak in this installation."""
        return shlex.join(["flatpak", verb, scope_option(self.scope), *words])


class Remote(Scoped):
    """A remote, with the SHA-256 of its keys; their bytes are in the posture's contents under `key`.

    `subset` is the part of it that the owner sees, `filter` a file that hides some.
    """

    KIND: ClassVar[str] = "flatpak-remote"
    FREE: ClassVar[frozenset[str]] = frozenset({"title", "key"})

    name: str
    url: str
    title: str = ""
    key: str = ""
    key_sha256: str = ""
    verified: bool = True
    disabled: bool = False
    hidden: bool = False
    priority: str = ""
    subset: str = ""
    filter: str = ""
    collection: str = ""

    def item_name(self) -> str:
        """Return the name in its scope."""
        return self.named(self.name)

    def content_path(self) -> str:
        """Return where the bytes of its keys are."""
        return self.key

    def by_hand(self) -> str:
        """Return how flatpak adds it."""
        options = [f"--gpg-import={self.key}"] if self.key else []
        options += [] if self.verified else ["--no-gpg-verify"]
        options += ["--disable"] if self.disabled else []
        options += ["--no-enumerate"] if self.hidden else []
        told = (("prio", self.priority), ("subset", self.subset), ("filter", self.filter))
        options += [f"--{name}={value}" for name, value in told if value]
        options += [f"--collection-id={self.collection}"] if self.collection else []
        return self.command(*options, "--if-not-exists", self.name, self.url, verb="remote-add")


class Ref(Scoped):
    """What is installed from a remote: `org.gimp.GIMP`, `x86_64`, `stable`."""

    FREE: ClassVar[frozenset[str]] = frozenset({"commit", "current"})

    id: str
    arch: str
    branch: str
    remote: str
    commit: str = ""

    @property
    def ref(self) -> str:
        """Return how flatpak writes it: `org.gimp.GIMP/x86_64/stable`."""
        return f"{self.id}/{self.arch}/{self.branch}"

    def item_name(self) -> str:
        """Return the whole reference in its scope."""
        return self.named(self.ref)

    def by_hand(self) -> str:
        """Return how flatpak installs it."""
        return self.command(self.remote, self.ref, verb="install")


class App(Ref):
    """An application; `current` is the one of several branches that starts."""

    KIND: ClassVar[str] = "flatpak"

    current: bool = True

    def item_name(self) -> str:
        """Return its id in its scope; a branch that does not start has all of its reference."""
        return self.named(self.id if self.current else self.ref)


class Runtime(Ref):
    """A runtime or an extension that was installed for its own sake."""

    KIND: ClassVar[str] = "flatpak-runtime"


class Pattern(Scoped):
    """References that are never updated (`flatpak mask`) or never removed as unused (`flatpak pin`)."""

    pattern: str

    def item_name(self) -> str:
        """Return the pattern in its scope."""
        return self.named(self.pattern)


class Mask(Pattern):
    """What is neither installed nor updated."""

    KIND: ClassVar[str] = "flatpak-mask"

    def by_hand(self) -> str:
        """Return how flatpak masks it."""
        return self.command(self.pattern, verb="mask")


class Pin(Pattern):
    """What stays though nothing needs it."""

    KIND: ClassVar[str] = "flatpak-pin"

    def by_hand(self) -> str:
        """Return how flatpak pins it."""
        return self.command(self.pattern, verb="pin")


class Setting(Scoped):
    """A setting of an installation: `languages` and `de;en` (flatpak-config(1))."""

    KIND: ClassVar[str] = "flatpak-setting"

    key: str
    value: str

    def item_name(self) -> str:
        """Return the key in its scope."""
        return self.named(self.key)

    def by_hand(self) -> str:
        """Return how flatpak sets it."""
        return self.command("--set", self.key, self.value, verb="config")


def scope_option(scope: str) -> str:
    """Return how flatpak is told which installation is meant."""
    if scope.startswith("~"):
        return "--user"
    return f"--installation={scope}" if scope else "--system"
