"""How does the desktop look: icons, cursors, themes, wallpapers, and what else is added to it?

Sources: the XDG base directory, icon theme and desktop theme specifications, the KPackage structure
(metadata.json or metadata.desktop). look.yaml beside this module names the places. A small folder comes back
by its files; a large one by the store that it came from; else it is a loss.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Iterator
from functools import partial
from typing import ClassVar
from urllib.parse import unquote

from collectors.collected import Cover
from collectors.domains.desktop.kconfig import parse_kconfig
from collectors.domains.desktop.kde import without_churn
from collectors.domains.desktop.part import Part, joined, trimmed
from collectors.domains.desktop.places import places
from collectors.domains.desktop.stores import all_stuff, source_of, stuff_of
from collectors.domains.desktop.trees import extent, tree_loss
from collectors.failure import Finding
from collectors.homes import Home
from collectors.host import Host
from collectors.judgement.capture import MAX_FILE_BYTES, content_of, settings, unread
from collectors.reading.looking import names_in
from collectors.reading.places import expanded
from collectors.record import Thing, escaped

TITLED = (("Icon Theme",), ("Desktop Entry",), ("X-GNOME-Metatheme",))
MADE = "made anew by the desktop"
PICTURES = (
    (".config/plasma-org.kde.plasma.desktop-appletsrc", "Image"),
    (".config/kscreenlockerrc", "Image"),
    (".config/plasmarc", "usersWallpapers"),
)


class Bundle(Thing):
    """A theme, an applet or the like that is too large for a posture: `~ada/.local/share/icons/Papirus`.

    `tree` is a hash over the names and sizes of its files, `page` where its store has it.
    """

    KIND: ClassVar[str] = "look"
    FREE: ClassVar[frozenset[str]] = frozenset({"title", "version", "files", "size_bytes", "tree"})

    name: str
    kind: str
    title: str = ""
    version: str = ""
    store_id: str = ""
    page: str = ""
    files: int
    size_bytes: int
    tree: str

    def item_name(self) -> str:
        """Return its name."""
        return self.name

    def by_hand(self) -> str:
        """Return how its page is opened, where it has one."""
        return f"xdg-open {shlex.quote(self.page)}" if self.page else ""


def collect_look(host: Host, home: Home) -> Part[Bundle]:
    """Return the bundles in one home, and the files that tell programs how to look."""
    folders = [(kind, folder) for kind, inside in places().bundles.items() for folder in inside]
    bundles = joined(_bundles(host, home, kind, home.within(folder)) for kind, folder in folders)
    files, unseen = expanded(host, home.path, places().files)
    whole, denied = expanded(host, home.path, places().whole)
    made, _ = expanded(host, home.path, places().made)
    trims = (trimmed(host, path, partial(without_churn, path=escaped(path), file="qt")) for path in whole)
    rest: Part[Bundle] = Part(
        outcomes=(*settings(host, *files), *(outcome for trim in trims for outcome in trim)),
        findings=(*unseen, *denied, *stuff_of(host, home)[1]),
        covers=tuple(Cover(path, MADE) for path in made),
    )
    return joined((bundles, rest))


def collect_wallpapers(host: Host, home: Home, addresses: Iterable[str]) -> Part[Bundle]:
    """Return what comes of the pictures in a home that the desktop shows, if nothing else here tells them.

    Of a large one that lies in a hidden folder nothing else would tell; the others are the owner's data.
    """
    inside = tuple(home.within(folder) for each in places().bundles.values() for folder in each)
    paths = sorted({_path(each) for each in (*addresses, *_pictures(host, home))})
    mine = [path for path in paths if path.startswith(f"{home.path}/") and not path.startswith(inside)]
    return joined(_wallpaper(host, home, path) for path in mine)


def parse_title(text: str, *, json_text: str = "") -> tuple[str, str]:
    """Return the title and the version of a bundle by its index.theme, metadata.desktop or metadata.json."""
    title, version = _from_json(json_text)
    for each in parse_kconfig(text, path="")[0]:
        if (
            each.group[-1:] in (("Icon Theme",), ("Desktop Entry",), ("X-GNOME-Metatheme",))
            and not each.locale
        ):
            title = title or (each.value if each.key == "Name" else "")
            version = version or (each.value if each.key == "X-KDE-PluginInfo-Version" else "")
    return escaped(title), escaped(version)


def _from_json(text: str) -> tuple[str, str]:
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        return "", ""
    plugin = told.get("KPlugin", told) if isinstance(told, dict) else {}
    values = (plugin.get("Name"), plugin.get("Version")) if isinstance(plugin, dict) else ("", "")
    title, version = (each if isinstance(each, str) else "" for each in values)
    return title, version


def _bundles(host: Host, home: Home, kind: str, folder: str) -> Part[Bundle]:
    top = host.look(folder)
    if top is None or not top.is_dir:
        return Part(outcomes=tuple(settings(host, folder)))
    inside, unseen = names_in(host, folder)
    paths = [f"{folder}/{name}" for name in inside if name not in places().but]
    made, _ = expanded(host, home.path, places().made)
    parts = (_bundle(host, home, kind, path) for path in paths if path not in made)
    return joined((Part(findings=unseen), *parts))


def _bundle(host: Host, home: Home, kind: str, path: str) -> Part[Bundle]:
    """Return what one bundle comes to: files, or an item and its cover or loss."""
    try:
        size = extent(host, path)
    except OSError as error:
        return Part(findings=(unread(path, error),))
    if size.small:
        return Part(outcomes=tuple(settings(host, path)))
    if host.look(f"{path}/.git"):
        return Part()
    source = source_of(path, all_stuff(host).get(home.user, ()))
    title, version = parse_title(
        _text(host, f"{path}/index.theme") or _text(host, f"{path}/metadata.desktop"),
        json_text=_text(host, f"{path}/metadata.json"),
    )
    bundle = Bundle(
        name=escaped(home.name(path)),
        kind=kind,
        title=title,
        version=source.version if source else version,
        store_id=source.id if source else "",
        page=source.page if source else "",
        files=size.files,
        size_bytes=size.size_bytes,
        tree=size.tree,
    )
    if source and source.page:
        return Part((bundle,), covers=(Cover(path, bundle.item_id()),))
    return Part((bundle,), losses=(tree_loss(path, title, size),))


def _wallpaper(host: Host, home: Home, path: str) -> Part[Bundle]:
    entry = host.look(path)
    if entry is None or not entry.is_file:
        return Part()
    if entry.size_bytes <= MAX_FILE_BYTES:
        return Part(outcomes=tuple(settings(host, path)))
    hidden = path.startswith(home.within("."))
    return Part(losses=(tree_loss(path, "a wallpaper", extent(host, path)),) if hidden else ())


def _pictures(host: Host, home: Home) -> Iterator[str]:
    for file, key in PICTURES:
        for each in parse_kconfig(_text(host, home.within(file)), path="")[0]:
            if each.key == key:
                yield from each.value.split(",")


def _path(address: str) -> str:
    """Return the path that an address or a path means."""
    return unquote(address.removeprefix("file://"), errors="surrogateescape") if "://" in address else address


def _text(host: Host, path: str) -> str:
    """Return a file's text, nothing where it cannot be read: it tells a title and no more."""
    if host.look(path) is None:
        return ""
    content = content_of(host, path)
    return "" if isinstance(content, Finding) else content.decode(errors="surrogateescape")
