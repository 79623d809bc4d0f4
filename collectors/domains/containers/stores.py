"""Where do Docker and Podman keep their things, and whose is it?

Sources: dockerd(8), containers-storage.conf(5). Both may be the machine's, or one person's (rootless).
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from collectors.collected import Cover, Loss
from collectors.domains.containers.things import Volume
from collectors.domains.services.fstab import is_secret, without_password
from collectors.host import Host
from collectors.reading.looking import Outcome, entry_at, json_in, mapping, names_in, string
from collectors.record import LeftOut, escaped

ANONYMOUS = 64


@dataclass(frozen=True)
class Store:
    """One engine's data in a directory; `name` is how ids name it, `~ada/podman`."""

    engine: str
    name: str
    path: str


def covers(store: Store, parts: list[str]) -> Iterator[Cover]:
    """Yield what the engine makes anew in its store: all but volumes and secrets."""
    for name in parts:
        if name not in ("volumes", "secrets"):
            yield Cover(f"{store.path}/{name}", f"made anew by {store.engine}, from its images")


def volumes(host: Host, store: Store, used: frozenset[str]) -> Iterator[Outcome]:
    """Yield the named volumes and those without a name that containers use; what is in one is a loss."""
    top = f"{store.path}/volumes"
    found, findings = names_in(host, top)
    yield from findings
    for name in found:
        entry, findings = entry_at(host, f"{top}/{name}")
        yield from findings
        if entry is None or not entry.is_dir:
            yield Cover(f"{top}/{name}", f"made anew by {store.engine}")
        elif name in used or not is_anonymous(name):
            yield from _volume(host, store, name)
        else:
            yield Cover(f"{top}/{name}", "left by a container that is gone, without a name")


def is_anonymous(name: str) -> bool:
    """Tell whether an engine made that name up: 64 hex digits."""
    return len(name) == ANONYMOUS and set(name) <= set("0123456789abcdef")


def _volume(host: Host, store: Store, name: str) -> Iterator[Outcome]:
    place = f"{store.path}/volumes/{name}"
    options, findings = json_in(host, f"{place}/opts.json")
    yield from findings
    given, secret = _options(mapping(options))
    volume = Volume(store=store.name, name=escaped(name), options=given)
    data, findings = names_in(host, f"{place}/_data")
    yield from findings
    if not is_anonymous(name):
        yield volume
    if secret:
        why = f"holds the password of what is mounted in the volume {volume.name}: give it again"
        yield LeftOut(path=escaped(f"{place}/opts.json"), reason=why)
    if not data:
        yield Cover(place, volume.item_id())
    else:
        yield _loss(host, store, name)


def _options(options: dict[str, object]) -> tuple[tuple[str, ...], bool]:
    """Return the options of the local driver (opts.json) as `docker volume create --opt` takes them.

    Passwords are not among them; whether there are any comes second.
    """
    names = {"MountType": "type", "MountOpts": "o", "MountDevice": "device"}
    given = {word: string(options.get(key)) for key, word in names.items()}
    masked = {word: _masked(value) for word, value in given.items()}
    return tuple(f"{word}={value}" for word, value in masked.items() if value), given != masked


def _masked(options: str) -> str:
    """Return mount options without passwords."""
    return ",".join(without_password(word) for word in options.split(",") if not is_secret(word))


def _loss(host: Host, store: Store, name: str) -> Loss:
    data = f"{store.path}/volumes/{name}/_data"
    entry, _ = entry_at(host, data)
    archive = shlex.quote(f"{name}.tar.gz")
    return Loss(
        "volume",
        escaped(data),
        f"what {store.engine} keeps in the volume {escaped(name)}",
        f"tar -C {shlex.quote(escaped(data))} -czf {archive} .",
        newest=entry.mtime_ns // 10**9 if entry else 0,
    )
