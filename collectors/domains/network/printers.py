"""Which printers are set up?

Source: printers.conf(5) and classes.conf(5) of CUPS. What a printer is doing, and since when, is not kept.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar

from collectors.failure import Finding
from collectors.homes import homes
from collectors.host import Host
from collectors.reading.looking import Outcome, text_in
from collectors.record import LeftOut, Thing, escaped

QUEUES = ("/etc/cups/printers.conf", "/etc/cups/classes.conf")
BEGINS = re.compile(r"<(Default)?(?:Printer|Class) (.+)>")
ENDS = re.compile(r"</(?:Default)?(?:Printer|Class)>")
PASSWORD = re.compile(r"(://[^/@:\s]*):[^/\s]*@")
FOUND_ANEW = "cups-browsed finds it in the network again"
# What CUPS keeps for itself, or what is told in a field of its own.
CHURN = (
    "PrinterId", "UUID", "State", "StateMessage", "StateTime", "ConfigTime", "Reason", "Type", "Accepting",
    "Attribute", "MarkerChangeTime", "MarkerColors", "MarkerNames",
)  # fmt: skip
USUAL = (
    "JobSheets none none", "QuotaPeriod 0", "PageLimit 0", "KLimit 0", "OpPolicy default",
    "ErrorPolicy retry-job", "Shared Yes", "Shared No",
)  # fmt: skip


class Printer(Thing):
    """A queue, `Brother_HL`; `options` are `sides=two-sided`, `settings` other lines of its configuration.

    `members` are the printers of a class, `secrets` what its address has and stays behind.
    """

    KIND: ClassVar[str] = "printer"

    name: str
    uri: str = ""
    model: str = ""
    title: str = ""
    location: str = ""
    default: bool = False
    shared: bool = False
    options: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    members: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()

    def item_name(self) -> str:
        """Return the name of its queue."""
        return self.name

    def by_hand(self) -> str:
        """Return how it is set up for driverless printing; of a class, how its first member joins."""
        name = shlex.quote(self.name)
        if self.members:
            return f"lpadmin -p {shlex.quote(self.members[0])} -c {name}"
        options = "".join(f" -o {shlex.quote(option)}" for option in self.options)
        return f"lpadmin -p {name} -E -v {shlex.quote(self.uri)} -m everywhere{options}"


@dataclass(frozen=True)
class Queue:
    """One block of the file: its name and its lines."""

    name: str
    default: bool
    lines: list[str] = field(default_factory=list)

    def every(self, key: str) -> tuple[str, ...]:
        """Return the escaped values of a key."""
        pairs = (line.partition(" ") for line in self.lines)
        return tuple(escaped(value.strip()) for name, _, value in pairs if name == key)

    def get(self, key: str) -> str:
        """Return the escaped value of a key that comes last, or ""."""
        return (self.every(key) or ("",))[-1]


def collect_printers(host: Host) -> Iterator[Outcome]:
    """Yield the printers, and the passwords in their addresses that stay behind."""
    for path in QUEUES:
        content, findings = text_in(host, path)
        yield from findings
        printers, findings = parse_printers(content, name=path)
        yield from findings
        yield from printers
        named = PASSWORD.search(content)
        if named:
            why = "holds the password of a printer: give it again with `lpadmin -p NAME -v ADDRESS`"
            yield LeftOut(path=path, reason=why)


def lpoptions(host: Host) -> Iterator[str]:
    """Yield where each person keeps their own default printer and its options."""
    return (home.within(".cups/lpoptions") for home in homes(host))


def parse_printers(content: str, *, name: str) -> tuple[tuple[Printer, ...], tuple[Finding, ...]]:
    """Return the printers of a file of CUPS, and its lines that belong to none."""
    queues, findings = _queues(content, name)
    return tuple(_printer(queue) for queue in queues), findings


def _queues(content: str, name: str) -> tuple[list[Queue], tuple[Finding, ...]]:
    queues: list[Queue] = []
    findings = []
    inside = False
    for number, line in enumerate(content.split("\n"), start=1):
        words = line.strip()
        begins = BEGINS.fullmatch(words)
        if begins:
            queues.append(Queue(escaped(begins[2].strip()), bool(begins[1])))
            inside = True
        elif ENDS.fullmatch(words):
            inside = False
        elif inside and not words.startswith("#"):
            queues[-1].lines.extend([words] if words else [])
        elif words and not words.startswith(("#", "NextPrinterId ")):
            findings.append(Finding(f"{name}:{number}", "belongs to no printer", "set that printer up again"))
    return queues, tuple(findings)


def _printer(queue: Queue) -> Printer:
    address = queue.get("DeviceURI")
    uri = PASSWORD.sub(r"\1@", address)
    told = ("DeviceURI", "MakeModel", "Info", "Location", "Option", "Printer", *CHURN)
    rest = (line for line in queue.lines if line.partition(" ")[0] not in told and line not in USUAL)
    return Printer(
        name=queue.name,
        uri=uri,
        model=queue.get("MakeModel"),
        title=queue.get("Info"),
        location=queue.get("Location"),
        default=queue.default,
        shared=queue.get("Shared") == "Yes",
        options=tuple("=".join(option.split(" ", 1)) for option in queue.every("Option")),
        settings=tuple(escaped(line) for line in rest),
        members=queue.every("Printer"),
        secrets=("password",) if uri != address else (),
        bound=FOUND_ANEW if uri.startswith("implicitclass:") else "",
    )
