"""What does netplan say of networks?

Source: netplan(5). NetworkManager keeps its connections there too, where netplan is its store
(`90-NM-<uuid>.yaml`). What the installer wrote, and what names a card, is bound to the machine.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from collectors.document import dumped, parsed
from collectors.domains.network.known import known
from collectors.failure import Failure, Finding
from collectors.host import Host
from collectors.reading.looking import Outcome, mapping, names_in, text_in
from collectors.record import LeftOut, Thing, escaped

PLANS = "/etc/netplan"
SHIPPED = "/usr/lib/netplan"
MANAGER = "NetworkManager"
INSTALLERS = ("50-cloud-init.yaml", "00-installer-config.yaml", "00-installer-config-wifi.yaml")
BY_INSTALLER = "the installer's own, for this machine's network cards; the new one's installer writes another"
BY_CARD = "names a network card of this machine: for another one, write its name there"
CARDS = ("ethernets", "wifis", "modems")
MADE_BY_MANAGER = "NM-"


class Plan(Thing):
    """A file of netplan, as YAML without its secrets, whose keys are told."""

    KIND: ClassVar[str] = "netplan"

    name: str
    document: str
    secrets: tuple[str, ...] = ()

    def item_name(self) -> str:
        """Return the file's name."""
        return self.name

    def by_hand(self) -> str:
        """Return how a file that was written there is put to use."""
        return "netplan apply"


class Renderer(Thing):
    """The program that is in charge of all networks, where it is NetworkManager: a server has another."""

    KIND: ClassVar[str] = "renderer"

    name: str

    def item_name(self) -> str:
        """Return the program."""
        return self.name

    def by_hand(self) -> str:
        """Return how it takes charge."""
        return f"netplan set renderer={self.name}"


def collect_renderer(host: Host) -> Iterator[Outcome]:
    """Yield NetworkManager where netplan puts it in charge; of its files the last by name decides."""
    places = {name: folder for folder in (SHIPPED, PLANS) for name in names_in(host, folder)[0]}
    said = ""
    for name in sorted(each for each in places if each.endswith(".yaml")):
        said = renderer(text_in(host, f"{places[name]}/{name}")[0]) or said
    if said == MANAGER:
        yield Renderer(name=MANAGER)


def renderer(content: str) -> str:
    """Return which program a file puts in charge of all networks, "" where it says none."""
    try:
        said = mapping(mapping(parsed(content, name="")).get("network")).get("renderer")
    except (Failure, RecursionError):  # told with the plans
        return ""
    return said if isinstance(said, str) else ""


def collect_plans(host: Host) -> Iterator[Outcome]:
    """Yield the plans and what of them stays behind."""
    names, findings = names_in(host, PLANS)
    yield from findings
    for name in names:
        path = f"{PLANS}/{name}"
        content, findings = text_in(host, path) if name.endswith(".yaml") else ("", ())
        yield from findings
        plan, secrets, findings = parse_plan(content, name=name)
        yield from findings
        if plan:
            yield plan
        if secrets:
            why = f"secret: {', '.join(secrets)}; write it there again"
            yield LeftOut(path=escaped(path), reason=why)


def parse_plan(content: str, *, name: str) -> tuple[Plan | None, tuple[str, ...], tuple[Finding, ...]]:
    """Return the plan of a file, the keys of its secrets, and what is wrong with it.

    One that only says which program is in charge of all networks comes to nothing.
    """
    try:
        value = parsed(content, name=name)
    except (Failure, RecursionError) as error:
        reason = error.message if isinstance(error, Failure) else "nested too deeply"
        return (
            None,
            (),
            (Finding(f"{PLANS}/{escaped(name)}", escaped(reason), "mend it, then `netplan get`"),),
        )
    network = mapping(mapping(value).get("network"))
    if not network.keys() - {"version", "renderer"}:
        return None, (), ()
    secrets: set[str] = set()
    document = dumped(_redacted(value, secrets, {}))
    keys = tuple(sorted(secrets))
    return Plan(name=escaped(name), document=document, secrets=keys, bound=_bound(name, network)), keys, ()


def _bound(name: str, network: dict[str, Any]) -> str:
    if name in INSTALLERS:
        return BY_INSTALLER
    cards = (card for kind in CARDS for card in mapping(network.get(kind)))
    return BY_CARD if any(not str(card).startswith(MADE_BY_MANAGER) for card in cards) else ""


def _redacted(value: Any, secrets: set[str], done: dict[int, Any]) -> Any:
    """Return a copy without secrets, whose keys go into `secrets`; what is there twice is copied once."""
    if id(value) in done:
        return done[id(value)]
    if isinstance(value, list):
        copies: list[Any] = []
        done[id(value)] = copies
        copies.extend(_redacted(each, secrets, done) for each in value)
        return copies
    if not isinstance(value, dict):
        return value
    copy: dict[Any, Any] = {}
    done[id(value)] = copy
    for key, each in value.items():
        if not isinstance(each, dict) and known().is_netplan_secret(str(key), str(each)):
            secrets.add(escaped(str(key)))
        else:
            copy[key] = _redacted(each, secrets, done)
    return copy
