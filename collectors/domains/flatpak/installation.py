"""What is in one installation of flatpak?

It is read from the disk: the repository's `config`, whose remotes are OSTree's (ostree.repo-config(5)), and
the folders `app` and `runtime`, where `<id>/<arch>/<branch>/active/deploy` says what was installed from
where.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

from collectors.domains.flatpak.things import App, Mask, Pin, Ref, Remote, Runtime, Setting
from collectors.failure import Finding
from collectors.host import Host
from collectors.judgement.capture import content_of, unread
from collectors.judgement.knowledge import knowledge
from collectors.reading.keyfile import Group, group_named, parse_groups
from collectors.reading.looking import Findings, names_in, text_in
from collectors.reading.patterns import matches
from collectors.record import LeftOut, escaped, sha256, unescaped

REMOTE = 'remote "'
SETTINGS = ("languages", "extra-languages")
TRUE = ("true", "1")
# flatpak's own, and none.
USUAL_PRIORITY = ("0", "1")
OF_A_FILE = "it stands for a file that an app was installed from"


@dataclass(frozen=True)
class Installation:
    """Where apps are installed: `~ada` and `/home/ada/.local/share/flatpak`, "" and `/var/lib/flatpak`."""

    scope: str
    path: str

    def within(self, *parts: str) -> str:
        """Return the absolute path of something in it."""
        return "/".join((self.path, *parts))


@dataclass(frozen=True)
class Config:
    """What a repository's `config` says; patterns are references as flatpak writes them, with `*`."""

    remotes: tuple[Remote, ...] = ()
    pinned: tuple[str, ...] = ()
    masked: tuple[str, ...] = ()
    settings: tuple[Setting, ...] = ()
    secret: bool = False


@dataclass(frozen=True)
class Contents:
    """What is in an installation; `keys` are the bytes of the remotes' keys by escaped path."""

    config: Config
    apps: tuple[App, ...]
    runtimes: tuple[Ref, ...]
    keys: dict[str, bytes]
    left_out: tuple[LeftOut, ...]
    findings: Findings

    def chosen(self) -> Iterator[Runtime]:
        """Yield the runtimes that were installed for their own sake: flatpak pins these."""
        for each in self.runtimes:
            if matches(f"runtime/{each.ref}", self.config.pinned):
                yield Runtime(**each.model_dump())

    def pins(self, scope: str) -> Iterator[Pin]:
        """Yield the patterns that are more than the mark of one runtime that is there."""
        there = {f"runtime/{each.ref}" for each in self.runtimes}
        return (Pin(scope=scope, pattern=each) for each in self.config.pinned if each not in there)

    def masks(self, scope: str) -> Iterator[Mask]:
        """Yield the patterns of what is not to be updated."""
        return (Mask(scope=scope, pattern=each) for each in self.config.masked)


def read_installation(host: Host, place: Installation) -> Contents:
    """Return all that is in an installation; nothing where there is none."""
    path = place.within("repo", "config")
    text, unseen = text_in(host, path)
    config, odd = parse_config(text, scope=place.scope, path=path)
    apps, strange = _refs(host, place, "app")
    runtimes, lost = _refs(host, place, "runtime")
    keyed = [_keyed(host, place, remote) for remote in config.remotes]
    outcomes = [outcome for _, outcome in keyed]
    return Contents(
        config=Config(tuple(each for each, _ in keyed), config.pinned, config.masked, config.settings),
        apps=tuple(_apps(host, place, apps)),
        runtimes=runtimes,
        keys={remote.key: content for remote, content in keyed if isinstance(content, bytes)},
        left_out=(
            *(each for each in outcomes if isinstance(each, LeftOut)),
            *(_secret(path) for _ in range(config.secret)),
        ),
        findings=(
            *(*unseen, *odd, *strange, *lost),
            *(each for each in outcomes if isinstance(each, Finding)),
        ),
    )


def parse_config(content: str, *, scope: str, path: str) -> tuple[Config, Findings]:
    """Return what a repository's `config` says, and its lines that are not understood."""
    groups, findings = parse_groups(content, name=path)
    core = group_named(groups, "core")
    remotes = {}
    secret = False
    for group in groups:
        if group.name.startswith(REMOTE):
            remote = _remote(group, scope)
            remotes[remote.name] = remote
            secret |= remote.url != group.get("url")
    settings = (Setting(scope=scope, key=key, value=core.get(f"xa.{key}")) for key in SETTINGS)
    return (
        Config(
            tuple(remotes[name] for name in sorted(remotes)),
            _patterns(core.get("xa.pinned")),
            _patterns(core.get("xa.masked")),
            tuple(each for each in settings if each.value),
            secret,
        ),
        findings,
    )


def parse_deploy(content: bytes) -> tuple[str, str] | None:
    """Return the remote and the commit that a `deploy` file begins with, None where it is none.

    It is a GVariant `(ssasta{sv})`: its first two strings end in a zero each.
    """
    remote, ended, rest = content.partition(b"\0")
    commit, closed, _ = rest.partition(b"\0")
    if not (ended and closed and remote) or len(commit) != 64:
        return None
    return escaped(os.fsdecode(remote)), escaped(os.fsdecode(commit))


def _remote(group: Group, scope: str) -> Remote:
    verified = group.get("gpg-verify") in TRUE
    return Remote(
        scope=scope,
        name=group.name[len(REMOTE) :].removesuffix('"'),
        url=_without_user(group.get("url")),
        title=group.get("xa.title"),
        verified=verified,
        disabled=group.get("xa.disable") in TRUE,
        hidden=group.get("xa.noenumerate") in TRUE,
        priority=group.get("xa.prio") if group.get("xa.prio") not in USUAL_PRIORITY else "",
        subset=group.get("xa.subset"),
        filter=group.get("xa.filter"),
        collection=group.get("collection-id"),
        bound="" if group.get("url") else OF_A_FILE,
    )


def _without_user(url: str) -> str:
    """Return a URL without the name and the password in it."""
    scheme, slashes, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}{slashes}{host.rpartition('@')[2]}{slash}{path}"


def _keyed(
    host: Host, place: Installation, remote: Remote
) -> tuple[Remote, bytes | LeftOut | Finding | None]:
    """Return a remote with its keys, and their bytes or why there are none."""
    path = place.within("repo", f"{remote.name}.trustedkeys.gpg")
    try:
        if "/" in remote.name or host.look(path) is None:
            return remote, None
    except OSError as error:
        return remote, unread(path, error)
    content = content_of(host, path)
    if isinstance(content, Finding):
        return remote, content
    if secret := knowledge().secret(path, content):
        return remote, LeftOut(path=escaped(path), reason=secret)
    return remote.model_copy(update={"key": escaped(path), "key_sha256": sha256(content)}), content


def _refs(host: Host, place: Installation, kind: str) -> tuple[tuple[Ref, ...], Findings]:
    """Return what is installed in the folder `app` or `runtime`, sorted."""
    top = place.within(kind)
    found: list[Ref] = []
    names, findings = names_in(host, top)
    told = [*findings]
    for name, arch, branch in chain.from_iterable(_branches(host, top, name) for name in names):
        ref = _ref(host, place.scope, f"{top}/{name}/{arch}/{branch}/active", (name, arch, branch))
        if isinstance(ref, Finding):
            told.append(ref)
        elif ref:
            found.append(ref)
    return tuple(found), tuple(told)


def _branches(host: Host, top: str, name: str) -> Iterator[tuple[str, str, str]]:
    for arch in names_in(host, f"{top}/{name}")[0]:
        for branch in names_in(host, f"{top}/{name}/{arch}")[0]:
            yield name, arch, branch


def _ref(host: Host, scope: str, active: str, parts: tuple[str, str, str]) -> Ref | Finding | None:
    """Return what is deployed; what was removed leaves folders without `active` behind."""
    path = f"{active}/deploy"
    try:
        if host.look(active) is None:
            return None
        deployed = parse_deploy(host.read(path))
    except OSError as error:
        return unread(path, error)
    if deployed is None:
        return Finding(escaped(path), "not what flatpak writes", "flatpak repair")
    remote, commit = deployed
    name, arch, branch = map(escaped, parts)
    return Ref(scope=scope, id=name, arch=arch, branch=branch, remote=remote, commit=commit)


def _apps(host: Host, place: Installation, refs: Iterable[Ref]) -> Iterator[App]:
    """Yield the apps; where no branch is marked as current, none is."""
    for ref in refs:
        try:
            current = escaped(host.link(place.within("app", unescaped(ref.id), "current")))
        except OSError:
            current = ""
        yield App(**ref.model_dump(), current=current == f"{ref.arch}/{ref.branch}")


def _patterns(value: str) -> tuple[str, ...]:
    return tuple(sorted({*filter(None, value.split(";"))}))


def _secret(path: str) -> LeftOut:
    return LeftOut(path=escaped(path), reason="a password in the address of a remote: log in to it again")
