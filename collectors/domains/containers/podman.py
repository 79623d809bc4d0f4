"""What does Podman keep: images, volumes, networks, containers?

Read from its storage, so that it works on a system that is not booted (containers-storage.conf(5)):
`*-images/images.json`, `*-containers/containers.json`, `networks/*.json`. How a container is run is JSON in
Podman's database: a table of SQLite, or (before 4.8) a bolt file, where the text lies in one piece.
"""

from __future__ import annotations

import json
import re
import sqlite3
from base64 import b64encode
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from collectors.domains.containers.running import Seen, env_names, told, unlike
from collectors.domains.containers.stores import Store, covers, volumes
from collectors.domains.containers.things import Image, Network
from collectors.failure import Finding
from collectors.homes import homes
from collectors.host import Host
from collectors.judgement.capture import unread
from collectors.reading.looking import (
    Findings,
    Outcome,
    json_in,
    mapping,
    names_in,
    sequence,
    string,
    strings,
)
from collectors.record import LeftOut, escaped

LOCAL = "localhost/"
SQLITE, BOLT = "db.sql", "libpod/bolt_state.db"
CONFIG = re.compile(rb'\{"spec":')
UNREADABLE = "what it says of containers is not understood"


def collect_podman(host: Host) -> Iterator[Outcome]:
    """Yield what the machine's Podman and each person's own has."""
    for store in _stores(host):
        parts, findings = names_in(host, store.path)
        yield from findings
        if parts:
            yield from covers(store, parts)
            yield from _store(host, store, parts)


def _stores(host: Host) -> Iterator[Store]:
    yield Store("podman", "podman", "/var/lib/containers/storage")
    for home in homes(host):
        yield Store("podman", f"~{home.user}/podman", home.within(".local/share/containers/storage"))


def _store(host: Host, store: Store, parts: list[str]) -> Iterator[Outcome]:
    for part in parts:
        if part.endswith("-images"):
            value, findings = json_in(host, f"{store.path}/{part}/images.json")
            yield from findings
            yield from images(value, store.name)
    yield from _networks(host, store)
    yield from _secrets(host, store)
    containers, findings = _containers(host, store, parts)
    yield from findings
    yield from told(host, store, containers)
    mounted = (mount.partition(":")[0] for seen in containers for mount in seen.mounts)
    yield from volumes(host, store, frozenset(mounted))


def images(value: Any, store: str) -> Iterator[Image]:
    """Yield the named images in the value of images.json: a list of `{"names": [...], "digest": ...}`.

    What is built or imported here is named `localhost/…`.
    """
    for each in map(mapping, sequence(value)):
        digest = string(each.get("digest"))
        for name in strings(each.get("names")):
            if "@" not in name:
                digests = (f"{name.rpartition(':')[0]}@{digest}",) if digest else ()
                yield Image(store=store, name=name, digests=digests, local=name.startswith(LOCAL))


def _networks(host: Host, store: Store) -> Iterator[Outcome]:
    """Yield the networks of a person's Podman; the machine's are files in /etc."""
    top = f"{store.path}/networks"
    names, findings = names_in(host, top)
    yield from findings
    for name in names:
        if name.endswith(".json"):
            value, findings = json_in(host, f"{top}/{name}")
            yield from findings
            yield from network(value, store.name)


def _secrets(host: Host, store: Store) -> Iterator[Outcome]:
    """Yield that the secrets stay behind, by their names: `{"nameToID": {"token": "0123"}}`."""
    value, findings = json_in(host, f"{store.path}/secrets/secrets.json")
    yield from findings
    names = ", ".join(sorted(map(string, mapping(mapping(value).get("nameToID")))))
    if names:
        why = f"secret: {names}; make each again with `podman secret create NAME FILE`"
        yield LeftOut(path=escaped(f"{store.path}/secrets"), reason=why)


def network(value: Any, store: str) -> Iterator[Network]:
    """Yield the network in the value of its file, but for one of a compose project or Podman's own."""
    said = mapping(value)
    name = string(said.get("name"))
    labels = mapping(said.get("labels"))
    if name and name != "podman" and not any("compose" in label for label in labels):
        subnets = (string(mapping(each).get("subnet")) for each in sequence(said.get("subnets")))
        yield Network(
            store=store, name=name, driver=string(said.get("driver")), subnets=tuple(filter(None, subnets))
        )


def _containers(host: Host, store: Store, parts: list[str]) -> tuple[tuple[Seen, ...], Findings]:
    """Return the containers that storage knows; of one that the database tells nothing of, name and image."""
    configs, findings = _configs(host, store)
    known = {string(mapping(config).get("id")): config for config in configs}
    found: list[Seen] = []
    for part in parts:
        if not part.endswith("-containers"):
            continue
        path = f"{store.path}/{part}/containers.json"
        value, odd = json_in(host, path)
        findings = (*findings, *odd)
        for stored in map(mapping, sequence(value)):
            config = known.get(string(stored.get("id")))
            image, odd = _image_config(host, store, parts, mapping(config).get("rootfsImageID"))
            findings = (*findings, *odd)
            seen = container(config, image, path) if config else bare(stored, path)
            found.extend([seen] if seen else [])
    return tuple(found), findings


def _configs(host: Host, store: Store) -> tuple[list[Any], Findings]:
    for name, parse in ((SQLITE, parse_sqlite), (BOLT, parse_bolt)):
        path = f"{store.path}/{name}"
        try:
            found = parse(host.read(path))
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            return [], (unread(path, error),)
        if found is None:
            return [], (Finding(escaped(path), UNREADABLE, "run `podman ps --all`"),)
        return found, ()
    return [], ()


def parse_sqlite(content: bytes) -> list[Any] | None:
    """Return the configurations of containers in Podman's database, None where it is none."""
    with TemporaryDirectory() as folder:
        copy = Path(folder, "db")
        copy.write_bytes(content)
        connection = sqlite3.connect(f"file:{copy}?mode=ro&immutable=1", uri=True)
        try:
            rows = connection.execute("SELECT JSON FROM ContainerConfig ORDER BY Name").fetchall()
            return [json.loads(row[0]) for row in rows]
        except (sqlite3.Error, ValueError, TypeError, RecursionError):
            return None
        finally:
            connection.close()


def parse_bolt(content: bytes) -> list[Any] | None:
    """Return the configurations of containers whose text is in a bolt file, those of deleted ones too."""
    decoder = json.JSONDecoder()
    found = []
    for place in CONFIG.finditer(content):
        text = content[place.start() : place.start() + 1024 * 1024].decode(errors="surrogateescape")
        try:
            found.append(decoder.raw_decode(text)[0])
        except (ValueError, RecursionError):
            continue
    return found


def _image_config(host: Host, store: Store, parts: Iterable[str], identity: Any) -> tuple[Any, Findings]:
    """Return what an image says of containers made from it; None where that is not known."""
    if not isinstance(identity, str) or not identity.isalnum():
        return None, ()
    name = b64encode(f"sha256:{identity}".encode()).decode()
    for part in parts:
        if part.endswith("-images"):
            value, findings = json_in(host, f"{store.path}/{part}/{identity}/={name}")
            if value is not None or findings:
                return mapping(value).get("config"), findings
    return None, ()


def container(config: Any, image: Any, source: str) -> Seen | None:
    """Return what Podman's configuration of a container says, without what its image says already."""
    said, made = mapping(config), mapping(image)
    process = mapping(mapping(said.get("spec")).get("process"))
    given = set(strings(made.get("Env")))
    name = string(said.get("name"))
    if not name or said.get("pause") is True:
        return None
    return Seen(
        name=name,
        source=source,
        image=string(said.get("rootfsImageName")) or string(said.get("RawImageName")),
        entrypoint=unlike(said.get("entrypoint"), made.get("Entrypoint")),
        command=unlike(said.get("command"), made.get("Cmd")),
        restart=string(said.get("restart_policy")),
        ports=tuple(_ports(sequence(said.get("newPortMappings")))),
        mounts=tuple(sorted(_mounts(said))),
        networks=tuple(sorted(map(string, mapping(said.get("newNetworks"))))) or _mode(said),
        environment=env_names(word for word in strings(process.get("env")) if word not in given),
        options=("--privileged",) if said.get("privileged") is True else (),
        labels={string(key): string(value) for key, value in mapping(said.get("labels")).items()},
    )


def bare(stored: dict[str, Any], source: str) -> Seen | None:
    """Return a container of which only its storage is known."""
    names = strings(stored.get("names"))
    try:
        said = mapping(json.loads(str(stored.get("metadata"))))
    except (ValueError, RecursionError):
        said = {}
    return Seen(name=names[0], source=source, image=string(said.get("image-name"))) if names else None


def _ports(ports: list[Any]) -> Iterator[str]:
    for port in map(mapping, ports):
        place = (string(port.get("host_ip")), str(port.get("host_port")), str(port.get("container_port")))
        yield f"{':'.join(filter(None, map(escaped, place)))}/{string(port.get('protocol')) or 'tcp'}"


def _mounts(said: dict[str, Any]) -> Iterator[str]:
    """Yield the named volumes, and the binds that the owner asked for (`userVolumes` names their targets)."""
    for volume in map(mapping, sequence(said.get("namedVolumes"))):
        name = string(volume.get("volumeName"))
        if name:
            yield f"{name}:{string(volume.get('dest'))}" + _read_only(volume)
    asked = set(strings(said.get("userVolumes")))
    for mount in map(mapping, sequence(mapping(said.get("spec")).get("mounts"))):
        target = string(mount.get("destination"))
        if target in asked and mount.get("type") == "bind":
            yield f"{string(mount.get('source'))}:{target}" + _read_only(mount)


def _mode(said: dict[str, Any]) -> tuple[str, ...]:
    """Return the mode of its network where that is not a network by name: `host`."""
    mode = string(said.get("networkMode"))
    return (mode,) if mode in ("host", "none") else ()


def _read_only(mount: dict[str, Any]) -> str:
    return ":ro" if "ro" in strings(mount.get("options")) else ""
