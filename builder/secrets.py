"""Which secrets stay behind, and how do they travel sealed?

What a posture leaves out as secret can be sealed with age(1) for a key that lies elsewhere: `secrets.age` is
the list of those files as JSON. It is never in the clear on a disk, in an argument or in a log.
"""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Callable, Iterator
from functools import cache

import pyrage
from pydantic import ValidationError

from collectors.failure import Failure, Finding
from collectors.homes import group_names, user_names, usual
from collectors.host import Entry, Host
from collectors.judgement.capture import MAX_FILE_BYTES
from collectors.judgement.knowledge import knowledge
from collectors.posture import Posture
from collectors.reading.patterns import globs
from collectors.record import EscapedPath, LeftOut, Record, escaped, unescaped

SCHEMA_VERSION = 1
# Files that a collector takes its things from and leaves behind as a whole, for the secrets in them.
WHOLE = (
    *("/etc/NetworkManager/system-connections", "/etc/netplan", "/etc/wireguard", "/var/lib/iwd"),
    *("/home/*/.config/rclone/rclone.conf", "/root/.config/rclone/rclone.conf"),
    *("/home/*/.config/borg/keys", "/root/.config/borg/keys"),
)
# Never put back: the accounts are the new machine's.
ACCOUNTS = ("/etc/shadow*", "/etc/gshadow*", "/etc/passwd*", "/etc/group*", "/var/backups")
CONNECTIONS = "/etc/NetworkManager/system-connections/"
# What of a connection names a card of the old machine (nm-settings-keyfile(5)); an interface that the
# connection itself makes has its name on every machine.
OF_A_CARD = re.compile(rb"(?m)^[ \t]*(?:interface-name|mac-address)[ \t]*=.*\n?")
MAKES_INTERFACE = re.compile(
    rb"(?m)^[ \t]*type[ \t]*=[ \t]*(?:wireguard|bridge|bond|vlan|team|tun|dummy|ip-tunnel)\b"
)
IDENTITY = re.compile(r"AGE-SECRET-KEY-1[0-9A-Z]+")
SEALED_IDENTITY = (b"age-encryption.org/", b"-----BEGIN AGE ENCRYPTED FILE-----")
NO_RECIPIENT = "write `secrets: {recipient: age1…}` into rekindle.yaml; `age-keygen` makes a key"


class SealedFile(Record):
    """One file as it lay on the old machine; `content` is in base64."""

    path: EscapedPath
    owner: str
    group: str
    mode: str
    content: str

    def raw(self) -> bytes:
        """Return the bytes; raises ValueError where they are none."""
        return base64.b64decode(self.content, validate=True)


class Sealed(Record):
    """All that is sealed, by path."""

    schema_version: int = SCHEMA_VERSION
    files: tuple[SealedFile, ...] = ()


def left_out(host: Host, posture: Posture) -> tuple[LeftOut, ...]:
    """Return which paths the posture left out as secret, and would be whole with their bytes."""
    bound = {f"/etc/netplan/{plan.name}" for plan in posture.network.plans if plan.bound}
    told = (each for section in posture.sections() for each in section.left_out if _is_whole(host, each))
    mounts = (mount for mount in posture.services.mounts if "credentials" in mount.secrets)
    files = (LeftOut(path=mount.credentials, reason=f"the password for {mount.path}") for mount in mounts)
    found = {each.path: each for each in (*files, *told) if each.path not in bound}
    return tuple(found[path] for path in sorted(found))


def gathered(host: Host, posture: Posture) -> tuple[Sealed, tuple[Finding, ...]]:
    """Read the secrets that `posture` left out, and say what could not be read."""
    files: dict[str, SealedFile] = {}
    findings: list[Finding] = []
    for secret in left_out(host, posture):
        for entry in _files(host, unescaped(secret.path)):
            try:
                files[entry.path] = _sealed(host, entry)
            except OSError as error:
                remedy = "keep it in a safe place of its own"
                findings.append(Finding(escaped(entry.path), error.strerror or str(error), remedy))
    return Sealed(files=tuple(files[path] for path in sorted(files))), tuple(findings)


def seal(sealed: Sealed, recipient: str | None) -> bytes:
    """Encrypt the files for the holder of the key to `recipient`, `age1…`; raises Failure."""
    if not recipient:
        raise Failure("nobody is named who may open the secrets", remedy=NO_RECIPIENT)
    try:
        whom = pyrage.x25519.Recipient.from_str(recipient)
    except pyrage.RecipientError:
        raise Failure(f"secrets.recipient: {recipient}: no age recipient", remedy=NO_RECIPIENT) from None
    return bytes(pyrage.encrypt(sealed.model_dump_json().encode(), [whom]))


def unseal(content: bytes, identity: bytes, ask: Callable[[str], str]) -> Sealed:
    """Decrypt what `seal` made; raises Failure.

    `identity` is an age identity, a file with one, or such a file that a passphrase opens, for which `ask`
    asks.
    """
    if identity.startswith(SEALED_IDENTITY):
        identity = _opened(identity, ask("passphrase of the identity"))
    found = IDENTITY.findall(identity.decode(errors="replace").upper())
    if not found:
        raise Failure("that is no age identity", remedy="give the line AGE-SECRET-KEY-1… of your key")
    try:
        keys = [pyrage.x25519.Identity.from_str(each) for each in found]
        plain = pyrage.decrypt(content, keys)
    except (pyrage.IdentityError, pyrage.DecryptError):
        raise Failure("this identity does not open the secrets", remedy="use the one they are for") from None
    try:
        return Sealed.model_validate_json(plain)
    except ValidationError:
        raise Failure("the sealed secrets are none that are known here", remedy="seal them again") from None


def _opened(identity: bytes, passphrase: str) -> bytes:
    try:
        return bytes(pyrage.passphrase.decrypt(identity, passphrase))
    except pyrage.DecryptError:
        raise Failure("the passphrase does not open the identity", remedy="try again") from None


def _is_whole(host: Host, secret: LeftOut) -> bool:
    path = usual(host, unescaped(secret.path))
    if globs(ACCOUNTS).fullmatch(path):
        return False
    return secret.reason in _reasons() or bool(globs(WHOLE).fullmatch(path))


@cache
def _reasons() -> frozenset[str]:
    """Return why whole files are left out as secret."""
    known = knowledge()
    return frozenset(rule.why for rule in (*known.names, *known.contents) if rule.verdict == "secret")


def _files(host: Host, top: str) -> Iterator[Entry]:
    """Yield the files at a path or below it, none through a link."""
    entry = host.look(top)
    if entry is None or entry.is_foreign:
        return
    if entry.is_file:
        yield entry
    elif entry.is_dir:
        for name in sorted(host.list(top)):
            yield from _files(host, os.path.join(top, name))


def _sealed(host: Host, entry: Entry) -> SealedFile:
    if entry.size_bytes > MAX_FILE_BYTES:
        raise OSError(f"too large to be sealed: {entry.size_bytes} bytes")
    content = host.read(entry.path)
    if entry.path.startswith(CONNECTIONS):
        content = without_card(content)
    return SealedFile(
        path=escaped(entry.path),
        owner=user_names(host).get(entry.uid, str(entry.uid)),
        group=group_names(host).get(entry.gid, str(entry.gid)),
        mode=entry.permissions,
        content=base64.b64encode(content).decode(),
    )


def without_card(connection: bytes) -> bytes:
    """Return a keyfile of NetworkManager without what binds it to a card of the old machine."""
    return connection if MAKES_INTERFACE.search(connection) else OF_A_CARD.sub(b"", connection)
