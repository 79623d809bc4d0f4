"""Which commands in people's homes only enter a box? distrobox-export(1) writes them into ~/.local/bin."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from collectors.collected import Cover
from collectors.domains.containers.things import Box
from collectors.homes import homes
from collectors.host import Host
from collectors.reading.looking import entry_at, names_in, text_in
from collectors.record import escaped

FOLDER = ".local/bin"
MARK = re.compile(r"(?m)\A#!.*\n# distrobox_binary\n# name: (.+)$")
MAX_BYTES = 4096


def exported(host: Host, boxes: Iterable[Box]) -> Iterator[Cover]:
    """Yield the commands that enter one of the boxes."""
    by_name = {box.name: box.item_id() for box in boxes}
    for home in homes(host) if by_name else ():
        folder = home.within(FOLDER)
        for name in names_in(host, folder)[0]:
            entry, _ = entry_at(host, f"{folder}/{name}")
            if entry and entry.is_file and entry.size_bytes <= MAX_BYTES:
                box = by_name.get(box_of(text_in(host, entry.path)[0]))
                if box:
                    yield Cover(entry.path, box)


def box_of(script: str) -> str:
    """Return the escaped name of the box that a command enters, "" for any other script."""
    found = MARK.match(script)
    return escaped(found[1].strip()) if found else ""
