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
    facts = {(each.group, each.key): each.value for each in kept}
    gone = {*_bare_desktops(kept, facts, layout), *_bare_tray_items(kept, facts, layout)}
    meant = tuple(each for each in kept if each.group[:2] not in gone and each.group[:4] not in gone)
    screens = _screens(meant, facts, layout)
    return tuple(_placed(each, screens) for each in meant)


def _bare_desktops(
    settings: tuple[Setting, ...], facts: Mapping[tuple[Path, str], str], layout: Layout
) -> set[Path]:
    desktops = {top for top in _containments(settings) if facts.get((top, "plugin")) in layout.desktops}
    plain = {top for top in desktops if facts.get((top, "wallpaperplugin"), "") in layout.plain_wallpapers}
    plumbing = (*layout.plumbing, "wallpaperplugin")
    told = {each.group[:2] for each in settings if len(each.group) > 2 or each.key not in plumbing}
    return plain - told


def _bare_tray_items(
    settings: tuple[Setting, ...], facts: Mapping[tuple[Path, str], str], layout: Layout
) -> set[Path]:
    trays = {top for top in _containments(settings) if facts.get((top, "plugin")) in layout.trays}
    items = {each.group[:4] for each in settings if each.group[:2] in trays and _is_applet(each.group)}
    told = {each.group[:4] for each in settings if len(each.group) > 4 or each.key not in layout.plumbing}
    return items - told


def _containments(settings: tuple[Setting, ...]) -> set[Path]:
    return {each.group[:2] for each in settings if each.group[:1] == ("Containments",) and each.group[1:]}


def _is_applet(group: Path) -> bool:
    return len(group) >= 4 and group[2] == "Applets"


def _screens(
    settings: tuple[Setting, ...], facts: Mapping[tuple[Path, str], str], layout: Layout
) -> dict[Path, int]:
    """Return the new number of each containment's screen."""
    numbered: dict[Path, int] = {}
    seen: dict[str, list[str]] = {}
    for top in sorted(_containments(settings), key=_by_number):
        screen = next((each.value for each in settings if _is_screen(each) and each.group == top), None)
        if screen is None:
            continue
        is_desktop = facts.get((top, "plugin")) in layout.desktops
        place = seen.setdefault(facts.get((top, "activityId"), "") if is_desktop else "panels", [])
        if screen not in place:
            place.append(screen)
        numbered[top] = place.index(screen)
    return numbered


def _by_number(top: Path) -> tuple[int, str]:
    return (int(top[1]) if top[1].isascii() and top[1].isdigit() and len(top[1]) < 10 else 10**9, top[1])


def _is_screen(setting: Setting) -> bool:
    return setting.key == "lastScreen" and setting.group[:1] == ("Containments",) and len(setting.group) == 2


def _placed(setting: Setting, screens: Mapping[Path, int]) -> Setting:
    if not _is_screen(setting):
        return setting
    number = str(screens[setting.group])
    return replace(setting, value=number, line=f"lastScreen={number}")
