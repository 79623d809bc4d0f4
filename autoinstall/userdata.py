"""What does an autoinstall say, exactly?

The installer drops unknown keys, and takes an unknown layout or a match it does not know for "any disk":
these records are stricter, so that nothing of ours can mean more than it says. Only what Rekindle writes
or its stand-in obeys is here. Source: Ubuntu's autoinstall reference manual.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from collectors.document import dumped

USERNAME = r"^[a-z_][a-z0-9_-]{0,31}$"
HOSTNAME = r"^[A-Za-z0-9]([A-Za-z0-9.-]{0,61}[A-Za-z0-9])?$"
CRYPT_HASH = r"^\$(y|gy|7|6|5|2[aby])\$[./A-Za-z0-9=,$-]{20,}$"
LOCALE = r"^([a-z]{2,3}(_[A-Z]{2})?|C|POSIX)(\.[A-Za-z0-9-]+)?(@[a-z]+)?$"
TIMEZONE = r"^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+){0,2}$"
SIZE = r"^(-1|[0-9]+(\.[0-9]+)?[KMGT]?B?|[0-9]+%)$"
LOCKED = r"^[!*]$"

# The installer reserves these, or they are accounts of every system.
RESERVED_NAMES = frozenset({"root", "admin", "daemon", "bin", "sys", "sync", "nobody"})

Command = str | tuple[str, ...]


def _hyphenated(name: str) -> str:
    return name.replace("_", "-")


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Hyphenated(_Record):
    model_config = ConfigDict(alias_generator=_hyphenated, populate_by_name=True)


class Identity(_Record):
    """The account that the installer makes; `password` is a crypt(5) hash, or `!` for none."""

    realname: Annotated[str, StringConstraints(pattern=r"^[^:\n]*$")] = ""
    username: Annotated[str, StringConstraints(pattern=USERNAME)]
    hostname: Annotated[str, StringConstraints(pattern=HOSTNAME)]
    password: Annotated[str, StringConstraints(pattern=rf"{CRYPT_HASH}|{LOCKED}")]

    @model_validator(mode="after")
    def _not_reserved(self) -> Identity:
        if self.username in RESERVED_NAMES:
            raise ValueError(f"username {self.username} is reserved")
        return self


class Keyboard(_Record):
    """The words of keyboard(5)."""

    layout: Annotated[str, StringConstraints(min_length=1)]
    variant: str = ""
    toggle: str | None = None


class Source(_Record):
    """Which of the systems in `casper/install-sources.yaml` is installed."""

    id: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.-]*$")]
    search_drivers: bool = False


class Apt(_Hyphenated):
    """What the installer does about package sources; ours come back in the restore."""

    fallback: Literal["abort", "continue-anyway", "offline-install"]
    geoip: bool


class Ssh(_Hyphenated):
    """The server for remote logins."""

    install_server: bool = False
    authorized_keys: tuple[str, ...] = ()
    allow_pw: bool = False


class Match(_Record):
    """One disk, by globs over its udev properties; an empty match would be any disk."""

    serial: str | None = None
    model: str | None = None
    vendor: str | None = None
    path: str | None = None
    id_path: str | None = None
    devpath: str | None = None
    ssd: bool | None = None
    size: Literal["largest", "smallest"] | None = None

    @model_validator(mode="after")
    def _says_which(self) -> Match:
        facts = self.model_dump(exclude_none=True)
        if not any(str(fact).strip("*?") for fact in facts.values()):
            raise ValueError("a match that names nothing is any disk")
        return self


class Layout(_Record):
    """A layout the installer knows; without a match it would take the largest disk, so we insist."""

    name: Literal["direct"]
    match: Match


class DiskAction(_Record):
    """A disk, matched (by serial, path or match) or made afresh (curtin's storage actions)."""

    type: Literal["disk"]
    id: str
    serial: str | None = None
    path: str | None = None
    match: Match | None = None
    ptable: Literal["gpt", "msdos"] | None = None
    wipe: Literal["superblock", "superblock-recursive", "zero"] | None = None
    preserve: bool = False
    grub_device: bool = False
    name: str | None = None

    @model_validator(mode="after")
    def _says_which(self) -> DiskAction:
        Match.model_validate({"serial": self.serial, "path": self.path} if not self.match else self.match)
        return self


class PartitionAction(_Record):
    """A partition of `device`, `size` and `offset` in bytes or as `512M`, `50%`, `-1` (the rest)."""

    type: Literal["partition"]
    id: str
    device: str
    size: int | Annotated[str, StringConstraints(pattern=SIZE)]
    number: int | None = None
    offset: int | Annotated[str, StringConstraints(pattern=SIZE)] | None = None
    flag: Literal["boot", "bios_grub", "swap", "linux"] | None = None
    wipe: Literal["superblock", "zero"] | None = None
    preserve: bool = False
    grub_device: bool = False


class FormatAction(_Record):
    """A file system on `volume`."""

    type: Literal["format"]
    id: str
    volume: str
    fstype: Literal["ext4", "btrfs", "fat32", "vfat", "xfs", "swap"]
    label: str | None = None
    uuid: str | None = None
    preserve: bool = False


class MountAction(_Record):
    """Where a format is mounted: `/`, with `options` as in fstab(5)."""

    type: Literal["mount"]
    id: str
    device: str
    path: str
    options: str | None = None


Action = Annotated[DiskAction | PartitionAction | FormatAction | MountAction, Field(discriminator="type")]


class Swap(_Record):
    """A swap file's size in bytes or as `2G`; 0 is none."""

    size: int | Annotated[str, StringConstraints(pattern=SIZE)]


class Storage(_Record):
    """Either a layout or a list of actions."""

    layout: Layout | None = None
    config: tuple[Action, ...] | None = None
    swap: Swap | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Storage:
        if (self.layout is None) == (self.config is None):
            raise ValueError("either layout or config")
        return self


class Autoinstall(_Hyphenated):
    """The whole document, keys as the installer reads them."""

    version: Literal[1] = 1
    early_commands: tuple[Command, ...] = ()
    locale: Annotated[str, StringConstraints(pattern=LOCALE)]
    keyboard: Keyboard
    timezone: Annotated[str, StringConstraints(pattern=TIMEZONE)]
    identity: Identity
    source: Source | None = None
    apt: Apt
    storage: Storage
    ssh: Ssh | None = None
    packages: tuple[str, ...] = ()
    updates: Literal["security", "all"] | None = None
    late_commands: tuple[Command, ...] = ()
    error_commands: tuple[Command, ...] = ()
    shutdown: Literal["reboot", "poweroff"] = "reboot"

    def text(self) -> str:
        """Return the bare keys as YAML: what `/autoinstall.yaml` on the medium holds."""
        return dumped(self._plain())

    def cloud_config(self) -> str:
        """Return the document wrapped for cloud-init: what a NoCloud seed's `user-data` holds."""
        return "#cloud-config\n" + dumped({"autoinstall": self._plain()})

    def _plain(self) -> dict[str, Any]:
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)


def schema() -> dict[str, Any]:
    """Return the JSON schema (draft 2020-12) of these records, for readers without them."""
    return Autoinstall.model_json_schema(by_alias=True)
