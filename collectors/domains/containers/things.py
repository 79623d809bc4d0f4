"""What are the things of containers: images, volumes, networks, containers, projects, boxes, machines?

Each lies in a store: Docker's or Podman's, the machine's or one person's. `store` is how ids name it:
`docker`, `~ada/podman`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from collectors.record import Thing, word

Words = tuple[str, ...]


def joined(words: Iterable[str]) -> str:
    """Return escaped words as one command of bash."""
    return " ".join(map(word, words))


class Stored(Thing):
    """A thing of that name in a store."""

    store: str
    name: str

    def item_name(self) -> str:
        """Return `~ada/podman/web`."""
        return f"{self.store}/{self.name}"

    @property
    def engine(self) -> str:
        """The command of its store: `podman`."""
        return self.store.rpartition("/")[2]

    def said(self, *words: str) -> str:
        """Return a command of its store."""
        return joined((self.engine, *words))


class Image(Stored):
    """An image by its tag, `docker.io/library/postgres:16`; `local` if no registry has it."""

    KIND: ClassVar[str] = "image"
    FREE: ClassVar[frozenset[str]] = frozenset({"digests"})

    digests: Words = ()
    local: bool = False

    def by_hand(self) -> str:
        """Return how it is pulled; a local one has to be built."""
        return "" if self.local else self.said("pull", self.name)


class Volume(Stored):
    """A named volume; `options` are those of its driver, as `type=nfs`."""

    KIND: ClassVar[str] = "volume"

    driver: str = "local"
    options: Words = ()

    def by_hand(self) -> str:
        """Return how an empty one is made."""
        options = (each for option in self.options for each in ("--opt", option))
        driver = () if self.driver == "local" else ("--driver", self.driver)
        return self.said("volume", "create", *driver, *options, self.name)


class Network(Stored):
    """A network that somebody made."""

    KIND: ClassVar[str] = "container-network"

    driver: str = ""
    subnets: Words = ()

    def by_hand(self) -> str:
        """Return how it is made."""
        driver = ("--driver", self.driver) if self.driver else ()
        subnets = (each for subnet in self.subnets for each in ("--subnet", subnet))
        return self.said("network", "create", *driver, *subnets, self.name)


class Container(Stored):
    """A container and how it is run.

    `ports` are `127.0.0.1:8080:80/tcp`, `mounts` `pg:/data` or `/srv/x:/x:ro`, `environment` names alone: the
    values may be secrets. `options` are others that it was given, `--privileged`.
    """

    KIND: ClassVar[str] = "container"

    image: str = ""
    entrypoint: Words = ()
    command: Words = ()
    restart: str = ""
    ports: Words = ()
    mounts: Words = ()
    networks: Words = ()
    environment: Words = ()
    options: Words = ()

    def by_hand(self) -> str:
        """Return how it is run; each `--env NAME` takes its value from the shell."""
        options = [
            *(("--restart", self.restart) if self.restart else ()),
            *(each for port in self.ports for each in ("--publish", port)),
            *(each for mount in self.mounts for each in ("--volume", mount)),
            *(each for network in self.networks for each in ("--network", network)),
            *(each for name in self.environment for each in ("--env", name)),
            *self.options,
            *(("--entrypoint", self.entrypoint[0]) if self.entrypoint else ()),
        ]
        words = (*self.entrypoint[1:], *self.command)
        return self.said("run", "--detach", "--name", self.name, *options, self.image, *words)


class Project(Thing):
    """A project of compose; `place` is its directory as ids name it, `~ada/src/x`."""

    KIND: ClassVar[str] = "compose"

    place: str
    name: str
    engine: str
    directory: str
    config_files: Words = ()
    services: Words = ()

    def item_name(self) -> str:
        """Return its directory."""
        return self.place

    def by_hand(self) -> str:
        """Return how it is brought up."""
        files = (each for path in self.config_files for each in ("--file", path))
        where = ("--project-directory", self.directory, "--project-name", self.name)
        return joined((self.engine, "compose", *where, *files, "up", "--detach"))


class Box(Stored):
    """A distrobox or a toolbox: a container that one works in; `home` is "" where it shares the person's."""

    KIND: ClassVar[str] = "box"

    manager: str
    image: str = ""
    home: str = ""

    def by_hand(self) -> str:
        """Return how an empty one is made."""
        if self.manager == "toolbox":
            return joined(("toolbox", "create", "--image", self.image, self.name))
        home = ("--home", self.home) if self.home else ()
        return joined(("distrobox", "create", "--name", self.name, "--image", self.image, *home))


class Instance(Thing):
    """A virtual machine, or a system container of LXD or Incus; `disks` are the paths of its data."""

    KIND: ClassVar[str] = "instance"

    manager: str
    name: str
    disks: Words = ()

    def item_name(self) -> str:
        """Return `libvirt/win11`, `~ada/libvirt/win11`."""
        return f"{self.manager}/{self.name}"
