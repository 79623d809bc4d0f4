"""Which access lists and capabilities does a file have, in words?

Sources: acl(5), getfacl(1); capabilities(7), cap_to_text(3), and the kernel's posix_acl_xattr.h and
capability.h for how they lie in extended attributes (xattr(7)).
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

ACCESS = "system.posix_acl_access"
DEFAULT = "system.posix_acl_default"
CAPABILITY = "security.capability"

ACL_VERSION = 2
ACL_ENTRY = struct.Struct("<HHI")
TAGS = {0x01: "user", 0x02: "user", 0x04: "group", 0x08: "group", 0x10: "mask", 0x20: "other"}
NAMED_USER, NAMED_GROUP = 0x02, 0x08
LETTERS = (("r", 4), ("w", 2), ("x", 1))

EFFECTIVE = 1
REVISIONS = {2: "<IIIII", 3: "<IIIIII"}
CAPABILITIES = (
    "chown", "dac_override", "dac_read_search", "fowner", "fsetid", "kill", "setgid", "setuid", "setpcap",
    "linux_immutable", "net_bind_service", "net_broadcast", "net_admin", "net_raw", "ipc_lock", "ipc_owner",
    "sys_module", "sys_rawio", "sys_chroot", "sys_ptrace", "sys_pacct", "sys_admin", "sys_boot", "sys_nice",
    "sys_resource", "sys_time", "sys_tty_config", "mknod", "lease", "audit_write", "audit_control", "setfcap",
    "mac_override", "mac_admin", "syslog", "wake_alarm", "block_suspend", "audit_read", "perfmon", "bpf",
    "checkpoint_restore",
)  # fmt: skip


def acl_of(attributes: Mapping[str, bytes], users: Mapping[int, str], groups: Mapping[int, str]) -> str:
    """Return the access list as getfacl(1) writes it, entries parted by commas; "" where there is none.

    `user::rw-,user:ada:r--,group::r--,mask::r--,other::r--`; a directory's default entries begin with
    `default:`. Raises ValueError where the attribute is none that is known.
    """
    own = parse_acl(attributes.get(ACCESS, b""), users, groups)
    inherited = parse_acl(attributes.get(DEFAULT, b""), users, groups)
    return ",".join((*own, *(f"default:{entry}" for entry in inherited)))


def parse_acl(raw: bytes, users: Mapping[int, str], groups: Mapping[int, str]) -> tuple[str, ...]:
    """Return the entries of one access list, by kind and name.

    Raises ValueError for another version or an unknown entry.
    """
    if not raw:
        return ()
    if len(raw) < 4 or (len(raw) - 4) % ACL_ENTRY.size or raw[:4] != struct.pack("<I", ACL_VERSION):
        raise ValueError("an access list of an unknown version")
    entries = []
    for tag, permissions, number in ACL_ENTRY.iter_unpack(raw[4:]):
        if tag not in TAGS:
            raise ValueError(f"an entry of an unknown kind in an access list: {tag}")
        names = {NAMED_USER: users, NAMED_GROUP: groups}.get(tag)
        name = "" if names is None else names.get(number, str(number))
        letters = "".join(letter if permissions & bit else "-" for letter, bit in LETTERS)
        entries.append((tag, f"{TAGS[tag]}:{name}:{letters}"))
    return tuple(entry for _, entry in sorted(entries))


def parse_capabilities(raw: bytes) -> str:
    """Return capabilities as getcap(8) writes them, `cap_net_admin,cap_net_raw=ep`; "" for none.

    Raises ValueError for a revision that is not known.
    """
    if not raw:
        return ""
    revision = raw[3] if len(raw) >= 4 else 0
    if revision not in REVISIONS or len(raw) != struct.calcsize(REVISIONS[revision]):
        raise ValueError("capabilities of an unknown revision")
    magic, *words = struct.unpack(REVISIONS[revision], raw)
    permitted, inheritable = words[0] | words[2] << 32, words[1] | words[3] << 32
    effective = "e" if magic & EFFECTIVE else ""
    clauses: dict[str, list[str]] = {}
    for bit in range(64):
        granted = ("i" if inheritable >> bit & 1 else "") + ("p" if permitted >> bit & 1 else "")
        if granted:
            clauses.setdefault(effective + granted, []).append(_name(bit))
    text = " ".join(f"{','.join(names)}={flags}" for flags, names in sorted(clauses.items()))
    return text + (f" [rootid={words[4]}]" if revision == 3 else "")


def capability_bytes(text: str) -> bytes:
    """Return the extended attribute for what `parse_capabilities` wrote; raises ValueError for other text."""
    clauses, _, root = text.partition(" [rootid=")
    permitted = inheritable = magic = 0
    for clause in clauses.split():
        names, _, flags = clause.partition("=")
        bits = sum(1 << _bit(name) for name in names.split(","))
        permitted |= bits if "p" in flags else 0
        inheritable |= bits if "i" in flags else 0
        magic |= EFFECTIVE if "e" in flags else 0
    low = 0xFFFFFFFF
    words = (permitted & low, inheritable & low, permitted >> 32, inheritable >> 32)
    if root:
        return struct.pack(REVISIONS[3], magic | 3 << 24, *words, int(root.rstrip("]")))
    return struct.pack(REVISIONS[2], magic | 2 << 24, *words)


def _name(bit: int) -> str:
    return f"cap_{CAPABILITIES[bit]}" if bit < len(CAPABILITIES) else str(bit)


def _bit(name: str) -> int:
    return int(name) if name.isdigit() else CAPABILITIES.index(name.removeprefix("cap_"))
