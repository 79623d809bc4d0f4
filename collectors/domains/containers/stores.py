"""Where do Docker and Podman keep their things, and whose is it?

Sources: dockerd(8), containers-storage.conf(5). Both may be the machine's, or one person's (rootless).
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from collectors.collected import Cover, Loss
from collectors.domains.containers.things import Volume
from collectors.failure import Finding
from collectors.homes import homes
from collectors.host import Host
from collectors.reading.looking import Outcome, entry_at, json_in, mapping, names_in, string
from collectors.record import escaped

DAEMON = "/etc/docker/daemon.json"
ANONYMOUS = 64


@dataclass(frozen=True)
class Store:
    """One engine's data in a directory; `name` is how ids name it, `~ada/podman`."""

    engine: str
    name: str
    path: str


def stores(host: Host, engine: str, system: str, below_home: str) -> Iterator[Store]:
    """Yield the stores of an engine that may be there, the machine's first."""
    yield Store(engine, engine, system)
    for home in homes(host):
        yield Store(engine, f"~{home.user}/{engine}", home.within(below_home))


def docker_root(host: Host) -> tuple[str, tuple[Finding, ...]]:
    """Return where the machine's Docker keeps its data; it is told in daemon.json."""
    value, findings = json_in(host, DAEMON)
    root = mapping(value).get("data-root")
    return root if isinstance(root, str) and root.startswith("/") else "/var/lib/docker", findings


def covers(store: Store, parts: list[str]) -> Iterator[Cover]:
    """Yield what the engine makes anew in its store: all but the volumes."""
    for name in parts:
        if name != "volumes":
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
    volume = Volume(store=store.name, name=escaped(name), options=_options(mapping(options)))
    data, findings = names_in(host, f"{place}/_data")
    yield from findings
    if not is_anonymous(name):
        yield volume
    if not data:
        yield Cover(place, volume.item_id())
    else:
        yield _loss(host, store, name)


def _options(options: dict[str, object]) -> tuple[str, ...]:
    """Return the options of the local driver (opts.json) as `docker volume create --opt` takes them."""
    names = {"MountType": "type", "MountOpts": "o", "MountDevice": "device"}
    given = ((word, string(options.get(key))) for key, word in names.items())
    return tuple(f"{word}={_masked(value)}" for word, value in given if value)


def _masked(options: str) -> str:
    """Return mount options without passwords."""
    return ",".join(
        word for word in options.split(",") if not word.lower().startswith(("password=", "pass=", "passwd="))
    )


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
