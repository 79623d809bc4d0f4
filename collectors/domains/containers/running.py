"""What is one container: a project's, a box, the owner's own, or a leftover?

`Seen` is what either engine's data say of a container, in one shape.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from collectors.collected import Loss
from collectors.domains.containers.stores import Store
from collectors.domains.containers.things import Box, Container, Network, Project
from collectors.homes import home_of, homes
from collectors.host import Host
from collectors.judgement.knowledge import knowledge
from collectors.reading.looking import Outcome, strings
from collectors.record import LeftOut, escaped, unescaped

# What an engine names a container that nobody named: an adjective and a surname.
MADE_UP = re.compile(r"[a-z]+_[a-z]+\d*")
USUAL_NETWORKS = ("bridge", "podman", "default", "pasta", "slirp4netns", "private", "")
SHIPPED_NETWORKS = ("host", "none", *USUAL_NETWORKS)
COMPOSE = "com.docker.compose"


@dataclass(frozen=True)
class Seen:
    """A container as its engine describes it; all text is escaped. `source` is the file that says so."""

    name: str
    source: str
    image: str = ""
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    restart: str = ""
    ports: tuple[str, ...] = ()
    mounts: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    environment: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def manager(self) -> str:
        """What made it a box: `distrobox`, `toolbox`, or ""."""
        if self.labels.get("manager") == "distrobox":
            return "distrobox"
        return "toolbox" if "com.github.containers.toolbox" in self.labels else ""

    @property
    def project(self) -> str:
        """The project of compose that it is a part of, or ""."""
        return self.labels.get(f"{COMPOSE}.project", "")

    @property
    def is_leftover(self) -> bool:
        """Whether nobody named it, and nothing starts it."""
        return self.restart in ("", "no") and bool(MADE_UP.fullmatch(self.name))


def told(host: Host, store: Store, containers: Iterable[Seen]) -> Iterator[Outcome]:
    """Yield what the containers of one store come to: boxes, projects, containers and their networks."""
    every = tuple(containers)
    yield from projects(host, store, every)
    for seen in every:
        if seen.manager:
            yield from _box(host, store, seen)
        elif not seen.project and not seen.is_leftover:
            yield from _container(store, seen)
    for name in sorted({name for seen in every if not seen.project for name in seen.networks}):
        if name not in SHIPPED_NETWORKS and not name.startswith("container:"):
            yield Network(store=store.name, name=name)


def projects(host: Host, store: Store, containers: Iterable[Seen]) -> Iterator[Project]:
    """Yield the projects of compose that the containers are parts of."""
    parts: dict[tuple[str, str], list[Seen]] = {}
    for seen in containers:
        if seen.project:
            parts.setdefault((_directory(seen), seen.project), []).append(seen)
    for (directory, name), members in sorted(parts.items()):
        services = {seen.labels.get(f"{COMPOSE}.service", "") for seen in members} - {""}
        files = members[0].labels.get(f"{COMPOSE}.project.config_files", "")
        yield Project(
            place=_place(host, store, directory, name),
            name=name,
            engine=store.engine,
            directory=directory,
            config_files=tuple(filter(None, files.split(","))),
            services=tuple(sorted(services)),
        )


def _directory(seen: Seen) -> str:
    return seen.labels.get(f"{COMPOSE}.project.working_dir", "")


def _place(host: Host, store: Store, directory: str, name: str) -> str:
    """Return how ids name a project: by its directory, where the engine wrote that down."""
    if not directory.startswith("/"):
        return f"{store.name}/{name}"
    home = home_of(host, unescaped(directory))
    return home.name(directory) if home else directory


def _box(host: Host, store: Store, seen: Seen) -> Iterator[Outcome]:
    # What distrobox-init(1) is told: `--home /home/ada`.
    given = dict(zip(seen.command, seen.command[1:], strict=False)).get("--home", "")
    home = "" if given in {each.path for each in homes(host)} else given
    box = Box(store=store.name, name=seen.name, manager=seen.manager, image=seen.image, home=home)
    yield box
    reason = f"what was installed inside the {seen.manager} {seen.name}"
    remedy = box.said("commit", seen.name, f"{seen.name.lower()}-saved")
    yield Loss("uncovered", box.item_id(), reason, remedy)


def _container(store: Store, seen: Seen) -> Iterator[Outcome]:
    entrypoint, command = seen.entrypoint, seen.command
    # The rules about secrets are for lines of a file: an option without its dashes is one.
    if knowledge().secret("/etc/command", "\n".join(_settings((*entrypoint, *command))).encode()):
        entrypoint, command = (), ()
        yield LeftOut(path=escaped(seen.source), reason=without_command(seen.name))
    yield Container(
        store=store.name,
        name=seen.name,
        image=seen.image,
        entrypoint=entrypoint,
        command=command,
        restart="" if seen.restart == "no" else seen.restart,
        ports=seen.ports,
        mounts=seen.mounts,
        networks=tuple(name for name in seen.networks if name not in USUAL_NETWORKS),
        environment=seen.environment,
        options=seen.options,
    )


def without_command(name: str) -> str:
    """Return why a container is told without its command."""
    return f"the command of the container {name} holds a password: give it again"


def _settings(command: tuple[str, ...]) -> Iterator[str]:
    """Yield each word as a setting, and each option with the word after it; a word may be a shell's line."""
    words = [part for word in command for part in word.split()]
    for word, following in zip(words, (*words[1:], ""), strict=False):
        yield word.lstrip("-")
        if word.startswith("-") and "=" not in word:
            yield f"{word.lstrip('-')}={following}"


def env_names(environment: Iterable[str]) -> tuple[str, ...]:
    """Return the names of `NAME=value` words but for those that an engine gives."""
    names = {word.partition("=")[0] for word in environment}
    return tuple(sorted(names - {"", "PATH", "TERM", "container", "HOSTNAME", "HOME"}))


def unlike(words: Any, made: Any) -> tuple[str, ...]:
    """Return the words of a command unless its image has the same."""
    return () if strings(words) == strings(made) else strings(words)
