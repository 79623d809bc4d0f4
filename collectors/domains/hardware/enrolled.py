"""What was enrolled or authorized on this machine: keys of Secure Boot, fingers, Thunderbolt devices?

And what was its kernel told to do? Sources: update-secureboot-policy(8), fprintd(1), boltd(8),
grub-mkconfig's /etc/default/grub.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from collectors.debian.variables import parse_variables
from collectors.domains.hardware.known import known
from collectors.domains.hardware.things import part
from collectors.host import Host
from collectors.judgement.knowledge import knowledge
from collectors.reading.keyfile import group_named, parse_groups
from collectors.reading.looking import Outcome, distinct, entry_at, names_in, text_in
from collectors.record import LeftOut, Thing, escaped

MOK = "/var/lib/shim-signed/mok"
DKMS_KEY = "/var/lib/dkms/mok.key"
PRIVATE = "the private key that signs modules for this machine: another one makes its own"
FINGERS = "/var/lib/fprint"
BOLT = "/var/lib/boltd/devices"
GRUB = "/etc/default/grub"
GRUB_PARTS = "/etc/default/grub.d"
COMMAND_LINE = "/etc/kernel/cmdline"
GRUB_KEYS = ("GRUB_CMDLINE_LINUX", "GRUB_CMDLINE_LINUX_DEFAULT")


def collect_enrolled(host: Host) -> Iterator[Outcome]:
    """Yield what was enrolled, and what the kernel was told."""
    yield from _secure_boot(host)
    yield from _fingers(host)
    yield from _thunderbolt(host)
    yield from _kernel_options(host)


def kernel_options(line: str) -> tuple[str, ...]:
    """Return the options of a kernel's command line that no installer gives, without those that hold secrets.

    A file that has such a one is left out as a whole by section files, which tells it.
    """
    try:
        words = shlex.split(line)
    except ValueError:  # a quote that does not end
        words = line.split()
    kept = (word for word in words if not (known().by_installer(word) or _is_secret(word)))
    return tuple(dict.fromkeys(map(escaped, kept)))


def _is_secret(option: str) -> bool:
    return bool(knowledge().secret(GRUB, option.encode(errors="surrogateescape")))


def _secure_boot(host: Host) -> Iterator[Outcome]:
    names, findings = names_in(host, MOK)
    yield from findings
    for name in names:
        if name.endswith((".der", ".pem")):
            yield part("secure-boot", escaped(name))
        elif name.endswith((".priv", ".key")):
            yield LeftOut(path=f"{MOK}/{escaped(name)}", reason=PRIVATE)
    entry, findings = entry_at(host, DKMS_KEY)
    yield from findings
    if entry:
        yield LeftOut(path=DKMS_KEY, reason=PRIVATE)


def _fingers(host: Host) -> Iterator[Outcome]:
    names, findings = names_in(host, FINGERS)
    yield from findings
    yield from (part("fingerprint", escaped(name)) for name in names)


def _thunderbolt(host: Host) -> Iterator[Outcome]:
    names, findings = names_in(host, BOLT)
    yield from findings
    titles = []
    for name in names:
        content, findings = text_in(host, f"{BOLT}/{name}")
        yield from findings
        groups, findings = parse_groups(content, name=f"{BOLT}/{name}")
        yield from findings
        device = group_named(groups, "device")
        titles.append(f"{device.get('vendor')} {device.get('name')}".strip() or escaped(name))
    yield from (part("thunderbolt", title) for title in distinct(titles))


def _kernel_options(host: Host) -> Iterator[Thing]:
    """Yield the options that were added; section files has the files, and tells of lines that are none."""
    parts = (f"{GRUB_PARTS}/{name}" for name in names_in(host, GRUB_PARTS)[0] if name.endswith(".cfg"))
    lines = [text_in(host, COMMAND_LINE)[0]]
    for path in (GRUB, *parts):
        variables, _ = parse_variables(text_in(host, path)[0], name=path)
        lines.extend(variables.get(key, "") for key in GRUB_KEYS)
    options = dict.fromkeys(option for line in lines for option in kernel_options(line))
    yield from (part("kernel-option", option) for option in options if not option.startswith("$"))
