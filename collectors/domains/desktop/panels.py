"""What of Plasma's layout (plasma-org.kde.plasma.desktop-appletsrc) does its owner mean?

The file is one graph: containments (desktops, panels, trays) with applets in them, bound together by numbers
that Plasma gives out (`SystrayContainmentId`, `AppletOrder`). Key by key it could not be put back, so it
comes back whole. Plasma writes into it unasked, too; so its bytes in the posture are the file less

- the churn that kde.yaml names: popup sizes, positions for one size of a screen, what is preloaded;
- desktops that say nothing but what Plasma gives each new screen and activity: it makes them again;
- applets in a system tray that have no settings: the tray makes them from its list of items.

`lastScreen` cannot go, for Plasma would make a new desktop in place of one that has no screen. The screens
are numbered anew: in the order of the containments' numbers, the panels' first screen is 0, and so is the
first of each activity's desktops. Thus a second monitor, or another one being the first, changes nothing, and
all stands on the new machine's screens. A Plasma that starts from these bytes writes its churn again, and the
same remains of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from collectors.domains.desktop.churn import Layout
from collectors.domains.desktop.kconfig import Setting

Path = tuple[str, ...]


def settled(settings: Iterable[Setting], layout: Layout) -> tuple[Setting, ...]:
    """Return what the owner means of a layout's settings that are no churn."""
    kept = tuple(settings)
    plugins = {each.group: each.value for each in kept if each.key == "plugin"}
    gone = _bare_desktops(kept, plugins, layout) | _bare_tray_items(kept, plugins, layout)
    meant = tuple(each for each in kept if not any(each.group[: len(top)] == top for top in gone))
    screens = _screens(meant, plugins, layout)
    return tuple(_placed(each, screens) for each in meant)


def _bare_desktops(settings: tuple[Setting, ...], plugins: Mapping[Path, str], layout: Layout) -> set[Path]:
    desktops = {top for top in _containments(settings) if plugins.get(top) in layout.desktops}
    return {top for top in desktops if not any(_is_told(each, top, layout) for each in settings)}


def _bare_tray_items(settings: tuple[Setting, ...], plugins: Mapping[Path, str], layout: Layout) -> set[Path]:
    trays = {group for group, plugin in plugins.items() if plugin in layout.trays}
    items = {group for group in plugins if group[:-2] in trays and group[-2:-1] == ("Applets",)}
    return {item for item in items if not any(_is_told(each, item, layout) for each in settings)}


def _is_told(setting: Setting, top: Path, layout: Layout) -> bool:
    """Tell whether a setting says something of `top` that Plasma does not give each such one."""
    if setting.group[: len(top)] != top:
        return False
    if setting.key == "wallpaperplugin":
        return setting.value not in layout.plain_wallpapers
    return setting.group != top or setting.key not in layout.plumbing


def _containments(settings: tuple[Setting, ...]) -> set[Path]:
    return {each.group[:2] for each in settings if each.group[:1] == ("Containments",) and each.group[1:]}


def _screens(settings: tuple[Setting, ...], plugins: Mapping[Path, str], layout: Layout) -> dict[Path, int]:
    """Return the new number of each containment's screen."""
    screens = {each.group: each.value for each in settings if _is_screen(each)}
    activities = {each.group: each.value for each in settings if each.key == "activityId"}
    numbered: dict[Path, int] = {}
    seen: dict[str, list[str]] = {}
    for top in sorted(screens, key=_by_number):
        is_desktop = plugins.get(top) in layout.desktops
        place = seen.setdefault(activities.get(top, "") if is_desktop else "panels", [])
        if screens[top] not in place:
            place.append(screens[top])
        numbered[top] = place.index(screens[top])
    return numbered


def _by_number(top: Path) -> tuple[int, str]:
    return (int(top[1]) if top[1].isascii() and top[1].isdigit() and len(top[1]) < 10 else 10**9, top[1])


def _is_screen(setting: Setting) -> bool:
    return setting.key == "lastScreen" and setting.group[:1] == ("Containments",) and len(setting.group) == 2


def _placed(setting: Setting, screens: Mapping[Path, int]) -> Setting:
    if not _is_screen(setting):
        return setting
    number = str(screens[setting.group])
    return replace(setting, value=number, line=f"{setting.line.partition('=')[0]}={number}")
