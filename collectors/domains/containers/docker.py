"""What does Docker keep: images, volumes, containers?

Read from its data directory, so that it works on a system that is not booted: `image/*/repositories.json`,
`containers/*/config.v2.json` and `hostconfig.json`. Networks are only in a database of its own (bolt): those
that containers are in are told by them. Images that containerd keeps (Docker 29 and newer on a fresh
installation, or the feature `containerd-snapshotter`) can only be asked of a running daemon.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from collectors.domains.containers.running import Seen, env_names, told, unlike
from collectors.domains.containers.stores import Store, covers, volumes
from collectors.domains.containers.things import Image
from collectors.failure import Failure, Finding
from collectors.homes import homes
from collectors.host import Host
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
from collectors.record import escaped

PID = "/run/docker.pid"
CONTAINERD = "/var/lib/containerd"
BLOBS = "io.containerd.content.v1.content/blobs/sha256"
DIGESTS = ("docker", "image", "ls", "--digests", "--format", "{{json .}}")


def collect_docker(host: Host) -> Iterator[Outcome]:
    """Yield what the machine's Docker and each person's own has."""
    for place, config in _places(host):
        value, findings = json_in(host, config)
        yield from findings
        daemon = mapping(value)
        root = daemon.get("data-root")
        store = replace(place, path=root) if isinstance(root, str) and root.startswith("/") else place
        parts, findings = names_in(host, store.path)
        yield from findings
        if parts:
            yield from covers(store, parts)
            yield from _images(host, store, daemon)
            yield from _made(host, store)


def _places(host: Host) -> Iterator[tuple[Store, str]]:
    """Yield where each store is unless its daemon's settings say otherwise, and where these are."""
    yield Store("docker", "docker", "/var/lib/docker"), "/etc/docker/daemon.json"
    for home in homes(host):
        store = Store("docker", f"~{home.user}/docker", home.within(".local/share/docker"))
        yield store, home.within(".config/docker/daemon.json")


def _images(host: Host, store: Store, daemon: dict[str, Any]) -> Iterator[Outcome]:
    """Yield the images; what Docker kept by itself is stale where containerd does now."""
    drivers, findings = names_in(host, f"{store.path}/image")
    yield from findings
    if not drivers or mapping(daemon.get("features")).get("containerd-snapshotter") is True:
        yield from _of_containerd(host, store)
        return
    for driver in drivers:
        value, findings = json_in(host, f"{store.path}/image/{driver}/repositories.json")
        yield from findings
        yield from images(value, store.name)


def _made(host: Host, store: Store) -> Iterator[Outcome]:
    """Yield what was made of the images: containers, and the volumes that they use."""
    containers, findings = _containers(host, store)
    yield from findings
    yield from told(host, store, containers)
    mounted = (mount.partition(":")[0] for seen in containers for mount in seen.mounts)
    yield from volumes(host, store, frozenset(mounted))


def images(value: Any, store: str) -> Iterator[Image]:
    """Yield the tagged images in the value of repositories.json.

    It is `{"Repositories": {"postgres": {"postgres:16": "sha256:<id>", "postgres@sha256:<digest>":
    "sha256:<id>"}}}`: an image that no digest names came from no registry.
    """
    repositories = mapping(mapping(value).get("Repositories"))
    names = {
        string(name): identity
        for by_name in map(mapping, repositories.values())
        for name, identity in by_name.items()
        if isinstance(identity, str) and name
    }
    digests: dict[str, list[str]] = {}
    for name, identity in sorted(names.items()):
        if "@" in name:
            digests.setdefault(identity, []).append(name)
    for name, identity in sorted(names.items()):
        if "@" not in name:
            known = tuple(digests.get(identity, ()))
            yield Image(store=store, name=name, digests=known, local=not known)


def parse_listed(content: str, store: str) -> tuple[tuple[Image, ...], Findings]:
    """Return the tagged images that `docker image ls --digests` lists, one JSON object a line."""
    found, findings = [], []
    for number, line in enumerate(content.split("\n"), start=1):
        try:
            row = mapping(json.loads(line)) if line.strip() else {"Tag": "<none>"}
        except (ValueError, RecursionError):
            row = {}
        name, tag, digest = (string(row.get(key)) for key in ("Repository", "Tag", "Digest"))
        if not tag:
            findings.append(Finding(f"docker image ls:{number}", "not an image", "run it by hand"))
        elif "<none>" not in (name, tag):
            digests = () if digest in ("", "<none>") else (f"{name}@{digest}",)
            found.append(Image(store=store, name=f"{name}:{tag}", digests=digests, local=not digests))
    return tuple(found), tuple(findings)


def _of_containerd(host: Host, store: Store) -> Iterator[Outcome]:
    """Yield the images in containerd; a daemon that runs is asked, for asking would start another."""
    if host.booted and store.name == "docker" and host.look(PID) is not None:
        yield from _asked(host, store)
        return
    for top in (f"{store.path}/containerd/daemon", *((CONTAINERD,) if store.name == "docker" else ())):
        place = f"{top}/{BLOBS}"
        blobs, findings = names_in(host, place)
        yield from findings
        if blobs:
            remedy = "boot that system, start Docker, and collect there"
            yield Finding(escaped(place), f"only a running {store.name} tells which images these are", remedy)


def _asked(host: Host, store: Store) -> Iterator[Outcome]:
    try:
        found, findings = parse_listed(host.ask(DIGESTS), store.name)
    except Failure as failure:
        yield Finding("docker image ls", failure.message, failure.remedy)
        return
    yield from found
    yield from findings


def _containers(host: Host, store: Store) -> tuple[tuple[Seen, ...], Findings]:
    top = f"{store.path}/containers"
    names, findings = names_in(host, top)
    found = []
    for name in names:
        config, odd = json_in(host, f"{top}/{name}/config.v2.json")
        limits, strange = json_in(host, f"{top}/{name}/hostconfig.json")
        image, lost = _image_config(host, store, mapping(config).get("Image"))
        findings = (*findings, *odd, *strange, *lost)
        seen = container(config, limits, image, f"{top}/{name}/config.v2.json")
        found.extend([seen] if seen else [])
    return tuple(found), findings


def _image_config(host: Host, store: Store, identity: Any) -> tuple[Any, Findings]:
    """Return what an image says of containers made from it; None where that is not known."""
    algorithm, _, digest = identity.partition(":") if isinstance(identity, str) else ("", "", "")
    if not algorithm.isalnum() or not digest.isalnum():
        return None, ()
    drivers, findings = names_in(host, f"{store.path}/image")
    for driver in drivers:
        place = f"{store.path}/image/{driver}/imagedb/content/{algorithm}/{digest}"
        value, odd = json_in(host, place)
        findings = (*findings, *odd)
        if value is not None:
            return mapping(value).get("config"), findings
    return None, findings


def container(config: Any, limits: Any, image: Any, source: str) -> Seen | None:
    """Return what the two files of a container say, without what its image says already."""
    whole, host_config = mapping(config), mapping(limits)
    inner, made = mapping(whole.get("Config")), mapping(image)
    name = string(whole.get("Name")).lstrip("/")
    if not name or host_config.get("AutoRemove") is True:
        return None
    given = set(strings(made.get("Env")))
    return Seen(
        name=name,
        source=source,
        image=string(inner.get("Image")),
        entrypoint=unlike(inner.get("Entrypoint"), made.get("Entrypoint")),
        command=unlike(inner.get("Cmd"), made.get("Cmd")),
        restart=_restart(mapping(host_config.get("RestartPolicy"))),
        ports=tuple(_ports(mapping(host_config.get("PortBindings")))),
        mounts=tuple(sorted(_mounts(mapping(whole.get("MountPoints"))))),
        networks=tuple(sorted(map(string, mapping(mapping(whole.get("NetworkSettings")).get("Networks"))))),
        environment=env_names(word for word in strings(inner.get("Env")) if word not in given),
        options=tuple(_options(host_config)),
        labels={string(key): string(value) for key, value in mapping(inner.get("Labels")).items()},
    )


def _restart(policy: dict[str, Any]) -> str:
    name, times = string(policy.get("Name")), policy.get("MaximumRetryCount")
    return f"{name}:{times}" if isinstance(times, int) and times > 0 else name


def _options(limits: dict[str, Any]) -> Iterator[str]:
    """Yield what a container was given besides: privileges, devices, names of hosts."""
    if limits.get("Privileged") is True:
        yield "--privileged"
    yield from (f"--cap-add={each}" for each in strings(limits.get("CapAdd")))
    for device in map(mapping, sequence(limits.get("Devices"))):
        yield f"--device={string(device.get('PathOnHost'))}:{string(device.get('PathInContainer'))}"
    yield from (f"--gpus={_count(each)}" for each in map(mapping, sequence(limits.get("DeviceRequests"))))
    yield from (f"--add-host={each}" for each in strings(limits.get("ExtraHosts")))


def _count(request: dict[str, Any]) -> str:
    """Return how many graphics cards are asked for: -1 is all."""
    count = request.get("Count")
    return str(count) if isinstance(count, int) and count > 0 else "all"


def _ports(bindings: dict[str, Any]) -> Iterator[str]:
    for port, places in sorted(bindings.items()):
        for place in map(mapping, sequence(places)):
            words = (string(place.get("HostIp")), string(place.get("HostPort")), string(port))
            yield ":".join(filter(None, words))


def _mounts(points: dict[str, Any]) -> Iterator[str]:
    """Yield the mounts `source:target`, a volume by its name."""
    for target, point in points.items():
        said = mapping(point)
        source = string(said.get("Name")) or string(said.get("Source"))
        if source:
            yield f"{source}:{string(target)}" + (":ro" if said.get("RW") is False else "")
