"""Which flatpaks are installed, and from which remotes?

Sources: flatpak(1), flatpak-installation(5), flatpak-override(1); everything is read from the disk.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import ClassVar

from collectors.collected import Collected, Cover, Loss
from collectors.domains.flatpak.installation import Contents, Installation, read_installation
from collectors.domains.flatpak.things import App, Mask, Pin, Ref, Remote, Runtime, Setting
from collectors.failure import Finding
from collectors.homes import homes
from collectors.host import Host
from collectors.judgement.capture import gathered, settings
from collectors.reading.keyfile import Group, parse_groups
from collectors.reading.looking import Findings, names_in, text_in
from collectors.record import File, Section, unescaped

SYSTEM = "/var/lib/flatpak"
MORE = "/etc/flatpak/installations.d"
NAMED = 'Installation "'
IN_A_HOME = ".local/share/flatpak"
# The permissions that apps were given; `documents` are files they were once handed.
PERMISSIONS = "db"
DOCUMENTS = "documents"
ANEW = "made anew by flatpak"
NEEDED = "comes with the apps that need it"
MADE_ANEW = ("repo", "exports", "appstream", ".changed", ".removed", "oci")


class Flatpak(Section):
    """Flatpak applications, their remotes and what they may do."""

    NAME: ClassVar[str] = "flatpak"

    remotes: tuple[Remote, ...] = ()
    apps: tuple[App, ...] = ()
    runtimes: tuple[Runtime, ...] = ()
    masks: tuple[Mask, ...] = ()
    pins: tuple[Pin, ...] = ()
    settings: tuple[Setting, ...] = ()
    files: tuple[File, ...] = ()


def collect(host: Host) -> Collected[Flatpak]:
    """Collect the section `flatpak`."""
    places, findings = installations(host)
    read = [(place, read_installation(host, place)) for place in places]
    files = gathered(outcome for place in places for outcome in settings(host, *_settings(host, place)))
    section = Flatpak(
        remotes=tuple(each for _, found in read for each in found.config.remotes),
        apps=tuple(each for _, found in read for each in found.apps),
        runtimes=tuple(each for _, found in read for each in found.chosen()),
        masks=tuple(each for place, found in read for each in found.masks(place.scope)),
        pins=tuple(each for place, found in read for each in found.pins(place.scope)),
        settings=tuple(each for _, found in read for each in found.config.settings),
        files=files.records,
        left_out=(*(each for _, found in read for each in found.left_out), *files.left_out),
    )
    return Collected(
        section,
        {**files.contents, **{path: key for _, found in read for path, key in found.keys.items()}},
        (*findings, *(each for _, found in read for each in found.findings), *files.findings),
        tuple(cover for place, found in read for cover in covers(host, place, found)),
        tuple(loss for place, found in read for loss in losses(place, found)),
    )


def installations(host: Host) -> tuple[tuple[Installation, ...], Findings]:
    """Return the system's installation, others that the administrator made, and one for each home."""
    names, unseen = names_in(host, MORE)
    found, findings = [Installation("", SYSTEM)], [*unseen]
    for name in names:
        if name.endswith(".conf"):
            content, closed = text_in(host, f"{MORE}/{name}")
            more, odd = parse_installations(content, path=f"{MORE}/{name}")
            found += more
            findings += (*closed, *odd)
    found += [Installation(home.name(home.path), home.within(IN_A_HOME)) for home in homes(host)]
    return tuple({place.scope: place for place in reversed(found)}.values())[::-1], tuple(findings)


def parse_installations(content: str, *, path: str) -> tuple[tuple[Installation, ...], Findings]:
    """Return the installations in a file of flatpak-installation(5)."""
    groups, findings = parse_groups(content, name=path)
    named = [(group.name[len(NAMED) :].removesuffix('"'), group) for group in groups if _names_one(group)]
    lost = [name for name, group in named if not group.get("Path").startswith("/")]
    return (
        tuple(Installation(name, group.get("Path").rstrip("/")) for name, group in named if name not in lost),
        (*findings, *(Finding(path, f"{name}: no absolute Path", "mend that file") for name in lost)),
    )


def _names_one(group: Group) -> bool:
    return group.name.startswith(NAMED)


def covers(host: Host, place: Installation, found: Contents) -> Iterator[Cover]:
    """Yield the paths that come back with the apps; what these keep in ~/.var/app is data."""
    lost = {app.item_id() for app, _ in _lost(found)}
    for app in found.apps:
        if app.item_id() not in lost:
            started = (f"app/{app.id}/current", f"exports/bin/{app.id}") if app.current else ()
            for path in (f"app/{app.ref}", *started):
                yield Cover(place.within(unescaped(path)), app.item_id())
    chosen = {each.ref: each.item_id() for each in found.chosen()}
    for each in found.runtimes:
        yield Cover(place.within(unescaped(f"runtime/{each.ref}")), chosen.get(each.ref, NEEDED))
    yield from (Cover(place.within(name), ANEW) for name in MADE_ANEW if _there(host, place, name))
    for home in homes(host):
        if place.path == home.within(IN_A_HOME):
            for name in names_in(host, home.within(".var", "app"))[0]:
                yield Cover(home.within(".var", "app", name, "cache"), f"made anew by {name}")


def losses(place: Installation, found: Contents) -> Iterator[Loss]:
    """Yield the apps and the chosen runtimes that no remote would bring back."""
    for ref, reason in _lost(found):
        bundle = shlex.join(
            ["flatpak", "build-bundle", place.within("repo"), f"{ref.id}.flatpak", ref.id, ref.branch]
        )
        yield Loss("sourceless", ref.item_id(), reason, bundle)


def _lost(found: Contents) -> Iterator[tuple[Ref, str]]:
    remotes = {remote.name: remote for remote in found.config.remotes}
    for ref in (*found.apps, *found.chosen()):
        remote = remotes.get(ref.remote)
        if remote is None:
            yield ref, f"its remote {ref.remote} is gone"
        elif not remote.url:
            yield ref, "it was installed from a file: no remote has it"


def _settings(host: Host, place: Installation) -> Iterator[str]:
    yield place.within("overrides")
    for name in names_in(host, place.within(PERMISSIONS))[0]:
        if name != DOCUMENTS:
            yield place.within(PERMISSIONS, name)


def _there(host: Host, place: Installation, name: str) -> bool:
    try:
        return host.look(place.within(name)) is not None
    except OSError:
        return False
