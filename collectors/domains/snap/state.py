"""What does snapd remember of its snaps?

Its state is JSON, readable by root alone: /var/lib/snapd/state.json. Sources: snap(8), and the names that
snapd gives to the parts of its state. Nothing of its accounts is looked at.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from collectors.document import parsed, shipped
from collectors.domains.snap.things import SYSTEM, Alias, Connection, Package, Setting
from collectors.failure import Failure, Finding
from collectors.judgement.knowledge import is_secret_setting
from collectors.reading.looking import Findings, mapping, parse_json, sequence, string
from collectors.reading.patterns import matches
from collectors.record import Record, escaped

STATE = "/var/lib/snapd/state.json"
SEED = "/var/lib/snapd/seed/seed.yaml"
# Snaps of these types are the system's, and come with whatever needs them.
OF_THE_SYSTEM = ("os", "base", "snapd", "kernel", "gadget")
# The snaps whose slots are the system's, and whose settings are.
SYSTEM_SNAPS = ("core", "snapd", SYSTEM)
NEEDED = "comes with the snaps that need it"
UNKNOWN = "a snap without a revision"
HARDWARE = "a device that is plugged in"
# `snap refresh --hold` without a time holds for centuries; a hold for some days is over before long.
FOREVER = re.compile(r"2[1-9]\d\d-|[3-9]\d{3}-")


class KnownState(Record):
    """Globs of settings, by what is known of them; see state.yaml."""

    noise: tuple[str, ...]
    secret: tuple[str, ...]


@dataclass(frozen=True)
class State:
    """What snapd remembers, by name; `secret` are the settings that are not recorded."""

    snaps: tuple[Package, ...] = ()
    connections: tuple[Connection, ...] = ()
    aliases: tuple[Alias, ...] = ()
    settings: tuple[Setting, ...] = ()
    secret: tuple[str, ...] = ()


def parse_state(content: str) -> tuple[State, Findings]:
    """Return what is the owner's in a `state.json`."""
    whole, findings = parse_json(content, path=STATE)
    if findings:
        return State(), findings
    data = mapping(mapping(whole).get("data"))
    held, facts = mapping(data.get("snaps-hold")), _whole(data.get("snaps"))
    snaps = tuple(_snap(name, each, mapping(held.get(name))) for name, each in facts.items())
    names = {snap.name for snap in snaps}
    aliases = {alias.name: alias for name, each in facts.items() for alias in _aliases(escaped(name), each)}
    connections, odd = _connections(mapping(data.get("conns")), names)
    settings, secret = _settings(mapping(data.get("config")))
    lost = mapping(data.get("snaps")).keys() - facts.keys()
    strange = [Finding(f"{STATE}: {escaped(name)}", UNKNOWN, "snap changes") for name in sorted(lost)]
    given = tuple(aliases[name] for name in sorted(aliases))
    return State(snaps, connections, given, settings, secret), (*strange, *odd)


def parse_seed(content: str) -> tuple[frozenset[str], Findings]:
    """Return the names of the snaps that the distribution's `seed.yaml` brings."""
    try:
        listed = sequence(mapping(parsed(content, name=SEED)).get("snaps"))
    except Failure as error:
        return frozenset(), (Finding(SEED, error.message, error.remedy),)
    return frozenset(string(mapping(each).get("name")) for each in listed) - {""}, ()


def _whole(snaps: Any) -> dict[str, dict[str, Any]]:
    """Return the snaps that have a revision, by name."""
    each = ((name, mapping(facts)) for name, facts in sorted(mapping(snaps).items()))
    return {name: facts for name, facts in each if string(facts.get("current"))}


def _connections(conns: dict[str, Any], installed: set[str]) -> tuple[tuple[Connection, ...], list[Finding]]:
    """Return what the owner connected or took off, and what is no connection."""
    found, odd = {}, []
    for ends, facts in sorted(conns.items()):
        each = _connection(escaped(ends), mapping(facts))
        if isinstance(each, Finding):
            odd.append(each)
        elif each and each.plug.partition(":")[0] in installed:
            found[each.item_name()] = each
    return tuple(found[name] for name in sorted(found)), odd


def _snap(name: str, facts: dict[str, Any], holds: dict[str, Any]) -> Package:
    revision = string(facts.get("current"))
    until = string(mapping(holds.get(SYSTEM)).get("hold-until"))
    return Package(
        name=escaped(name),
        channel=string(facts.get("channel")),
        revision=revision,
        held=revision if FOREVER.match(until) else "",
        classic=facts.get("classic") is True,
        devmode=facts.get("devmode") is True,
        jailmode=facts.get("jailmode") is True,
        disabled=facts.get("active") is not True,
        aliases_off=facts.get("auto-aliases-disabled") is True,
        bound=NEEDED if facts.get("type") in OF_THE_SYSTEM else "",
    )


def _aliases(snap: str, facts: dict[str, Any]) -> Iterator[Alias]:
    """Yield the names that were given by hand: `{"vc": {"manual": "url-handler"}}`."""
    for name, target in mapping(facts.get("aliases")).items():
        if app := string(mapping(target).get("manual")):
            command = snap if app == snap.partition("_")[0] else f"{snap}.{app}"
            yield Alias(name=escaped(name), command=command)


def _connection(ends: str, facts: dict[str, Any]) -> Connection | Finding | None:
    """Return the connection that `code:camera core:camera` is, None for one that snapd made by itself."""
    plug, blank, slot = ends.partition(" ")
    if not blank or ":" not in plug or ":" not in slot:
        return Finding(f"{STATE}: {ends}", "not a plug and a slot", "snap connections")
    removed = facts.get("undesired") is True
    if not removed and (facts.get("auto") is True or facts.get("by-gadget") is True):
        return None
    snap, _, name = slot.partition(":")
    shown = f":{name}" if snap in SYSTEM_SNAPS else slot
    return Connection(
        plug=plug, slot=shown, removed=removed, bound=HARDWARE if facts.get("hotplug-key") else ""
    )


def _settings(config: dict[str, Any]) -> tuple[tuple[Setting, ...], tuple[str, ...]]:
    """Return the settings of every snap, and the names of those that are secret."""
    found = {}
    for snap, values in config.items():
        owner = SYSTEM if snap in SYSTEM_SNAPS else escaped(snap)
        for key, value in _leaves(mapping(values)):
            setting = Setting(snap=owner, key=key, value=json.dumps(value, sort_keys=True))
            found[setting.item_name()] = setting
    told = {name: found[name] for name in sorted(found) if not matches(name, known_state().noise)}
    secret = tuple(name for name, setting in told.items() if _is_secret(setting))
    return tuple(setting for name, setting in told.items() if name not in secret), secret


def _leaves(values: dict[str, Any], above: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Yield each value with its key as snap(8) writes it, `ports.http`; what is unset is none."""
    for key, value in values.items():
        path = (*above, escaped(key))
        if isinstance(value, dict) and value:
            yield from _leaves(value, path)
        elif value is not None:
            yield ".".join(path), value


def _is_secret(setting: Setting) -> bool:
    return is_secret_setting(STATE, setting.key, setting.value, known_state().secret)


@cache
def known_state() -> KnownState:
    """Return what is known of snapd's state."""
    return shipped("collectors.domains.snap", "state.yaml", KnownState)
