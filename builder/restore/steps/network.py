"""Which steps bring networks, printers and what is near them back?

Secrets stay behind: a connection comes back without them, and NetworkManager asks. What would not work
without them, or stop a boot, is not written.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import ClassVar, Literal

from builder.restore.report import Outcome
from builder.restore.steps.commands import untold
from builder.restore.steps.keyfiles import KeyfileStep
from builder.restore.steps.step import Step, Steps, Target
from collectors.domains.network import Network
from collectors.domains.network.connections import CONNECTIONS, WIFI, Connection
from collectors.domains.network.netplan import Plan, Renderer
from collectors.domains.network.printers import QUEUES, Printer
from collectors.domains.network.resolver import Resolver
from collectors.domains.network.wireguard import TUNNELS, Tunnel
from collectors.domains.network.wireless import IWD, Wifi
from collectors.record import File, Thing, escaped, unescaped, word

# Of these NetworkManager finds the card by itself; all others it makes, under the name that they have.
HARDWARE = ("", "ethernet", "802-3-ethernet", *WIFI, "gsm", "cdma", "bluetooth", "infiniband", "adsl", "vpn")
OWN_KEYS = (
    "connection.timestamp",
    "connection.interface-name",
    "wifi.seen-bssids",
    "802-11-wireless.seen-bssids",
)
UNLOCK = "run `rekindle secrets unlock`: it goes on by itself"


class NetworkStep(Step):
    """What takes effect when all else is done: `text` of a plan of netplan or of resolv.conf, escaped.

    A `link` is made instead of a file. `secrets` were taken out of the text.
    """

    PART: ClassVar[str] = "network"

    kind: Literal["renderer", "plan", "resolver"]
    name: str = ""
    text: str = ""
    link: str = ""
    secrets: tuple[str, ...] = ()


class PrinterStep(Step):
    """A queue of CUPS as the `lines` of its block in `path`, escaped.

    `secrets` are not in its address: `remedy` says how to give them.
    """

    PART: ClassVar[str] = "printers"

    path: str
    sort: Literal["Printer", "Class"]
    name: str
    default: bool
    lines: tuple[str, ...]
    secrets: tuple[str, ...] = ()
    remedy: str = ""


def steps(to: Target) -> Steps:
    """Yield the steps of the section network."""
    for thing in to.things(Network.NAME):
        if not isinstance(thing, File):
            yield _made(thing)


def _made(thing: Thing) -> Step | Outcome:
    if isinstance(thing, Connection):
        return connection(thing)
    if isinstance(thing, Printer):
        return printer(thing)
    if isinstance(thing, Wifi):
        return wifi(thing)
    about = {"id": thing.item_id(), "section": Network.NAME}
    if isinstance(thing, Plan):
        return NetworkStep(**about, kind="plan", name=thing.name, text=thing.document, secrets=thing.secrets)
    if isinstance(thing, Renderer):
        return NetworkStep(**about, kind="renderer", name=thing.name)
    if isinstance(thing, Resolver):
        text = "".join(f"{line}\n" for line in thing.lines)
        return NetworkStep(**about, kind="resolver", text=text, link=thing.target)
    if isinstance(thing, Tunnel):
        remedy = f"{UNLOCK}; or write {TUNNELS}/{thing.name}.conf with new keys (`wg genkey`)"
        return awaited(thing, "the keys of the tunnel are secret", remedy)
    return untold(thing)


def connection(thing: Connection) -> KeyfileStep:
    """Return the step of a keyfile: under its own name, for the cards that this machine has."""
    settings = {group: dict(keys) for group, keys in thing.settings.items()}
    if thing.interface and thing.type not in HARDWARE:
        settings.setdefault("connection", {})["interface-name"] = thing.interface
    cards = tuple(f"{group}.mac-address" for group in thing.settings)
    path = f"{CONNECTIONS}/{file_name(thing)}"
    return KeyfileStep(
        id=thing.item_id(),
        section=Network.NAME,
        path=path,
        groups=settings,
        own=(*OWN_KEYS, *cards),
        secrets=thing.secrets,
        remedy=_given_by(thing, path),
    )


def _given_by(thing: Connection, path: str) -> str:
    """Return how its secrets are given: NetworkManager does not load a connection that lacks an identity."""
    if any(name.endswith("identity") for name in thing.secrets):
        return f"{UNLOCK}; or write them into {path}"
    asked = shlex.join(("nmcli", "--ask", "connection", "up", thing.name))
    return f"NetworkManager asks for it, or `{asked}`"


def file_name(thing: Connection) -> str:
    """Return the escaped name of a connection's file: its own, unless it leads elsewhere."""
    file = _said(thing.file)
    if file and "/" not in file and not file.startswith("."):
        return escaped(file)
    plain = escaped(_said(thing.name).replace("/", "-").lstrip("."))
    return f"{plain or thing.KIND}.nmconnection"


def _said(name: str) -> str:
    """Return what an escaped name stands for; one that is not well escaped stands for itself."""
    try:
        return unescaped(name)
    except ValueError:
        return name


def wifi(thing: Wifi) -> Step | Outcome:
    """Return the step of an open network of iwd; all others have a password."""
    if (thing.program, thing.security) != ("iwd", "open"):
        return awaited(thing, "its password is secret", f"{UNLOCK}; or `{thing.by_hand()}`")
    plain = all(letter.isalnum() or letter in " -_" for letter in thing.name) and thing.name.isascii()
    name = thing.name if plain else f"={_said(thing.name).encode(errors='surrogateescape').hex()}"
    return KeyfileStep(id=thing.item_id(), section=Network.NAME, path=f"{IWD}/{name}.open", groups={})


def printer(thing: Printer) -> PrinterStep:
    """Return the step of a queue, with the lines that cupsd would write."""
    is_class = bool(thing.members)
    return PrinterStep(
        id=thing.item_id(),
        section=Network.NAME,
        path=QUEUES[is_class],
        sort="Class" if is_class else "Printer",
        name=thing.name,
        default=thing.default,
        lines=tuple(_lines(thing)),
        secrets=thing.secrets,
        remedy=f"give it with `lpadmin -p {word(thing.name)} -v ADDRESS`",
    )


def _lines(thing: Printer) -> Iterator[str]:
    said = (
        ("Info", thing.title),
        ("Location", thing.location),
        ("MakeModel", thing.model),
        ("DeviceURI", thing.uri),
    )
    yield from (f"{key} {value}" for key, value in said if value)
    yield from ("State Idle", "Accepting Yes", f"Shared {'Yes' if thing.shared else 'No'}")
    yield from (f"Printer {name}" for name in thing.members)
    yield from thing.settings
    yield from (f"Option {option.replace('=', ' ', 1)}" for option in thing.options)


def awaited(thing: Thing, reason: str, remedy: str) -> Outcome:
    """Return the outcome of what cannot be written without its secrets."""
    return Outcome(id=thing.item_id(), state="deferred", reason=reason, remedy=remedy, until="secret")
