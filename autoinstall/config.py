"""What did the owner decide that cannot be read from their machine? (`rekindle.yaml`)"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

from autoinstall.userdata import CRYPT_HASH, HOSTNAME, USERNAME
from collectors.document import validated
from collectors.failure import Failure

ADD_IDENTITY = "add it below `identity:`; `mkpasswd -m yescrypt` or `openssl passwd -6` makes one"

AGE_RECIPIENT = r"^age1[a-z0-9]{20,}$"


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Identity(_Settings):
    """The one account that the installer makes.

    `password_hash` is a crypt(5) hash; whoever holds the stick can read it. `username` defaults to the
    first person of the posture.
    """

    password_hash: Annotated[str, StringConstraints(pattern=CRYPT_HASH)] | None = None
    username: Annotated[str, StringConstraints(pattern=USERNAME)] | None = None


class Disk(_Settings):
    """Which disk may be erased, by globs over what lsblk(8) says. Without any: the only internal disk."""

    serial: str | None = None
    model: str | None = None

    def said(self) -> str:
        """Return the rule for a person: `the only internal disk`, `the disk with serial S5GX*`."""
        rules = [f"{key} {glob}" for key, glob in self.model_dump(exclude_none=True).items()]
        return f"the disk with {' and '.join(rules)}" if rules else "the only internal disk"

    @field_validator("serial", "model")
    @classmethod
    def _names_something(cls, glob: str | None) -> str | None:
        if glob is not None and not glob.strip("*? "):
            raise ValueError("matches any disk")
        return glob


class Restore(_Settings):
    """How the new machine differs from the old one: `map_user` has a new name for each old one.

    `{"ada": "eve"}`: her account, her home, and what names them come back as eve's.
    """

    map_user: dict[
        Annotated[str, StringConstraints(pattern=USERNAME)],
        Annotated[str, StringConstraints(pattern=USERNAME)],
    ] = Field(default_factory=dict)


class Secrets(_Settings):
    """Who can open what `rekindle secrets seal` sealed: an age recipient, `age1…`."""

    recipient: Annotated[str, StringConstraints(pattern=AGE_RECIPIENT)] | None = None


class Timer(_Settings):
    """When the chain runs: a calendar expression of systemd.time(7)."""

    calendar: str = "weekly"


class Config(_Settings):
    """`rekindle.yaml`. Every key may be left out.

    `host` names the posture (default: the machine's own name); `base` is the base ISO's path or `standin`
    (default: the only one that was fetched), `allow_unverified` lets it be one that nobody vouches for;
    `publish` lists folders and rclone remotes (`gdrive:rekindle`); `countdown_seconds` is how long the
    boot menu waits; `source` is an id of the base's `casper/install-sources.yaml`; `offline` puts what a
    machine without network needs on the ISO.
    """

    host: Annotated[str, StringConstraints(pattern=HOSTNAME)] | None = None
    base: str | None = None
    allow_unverified: bool = False
    identity: Identity = Identity()
    disk: Disk = Disk()
    source: str | None = None
    offline: bool = False
    countdown_seconds: int = Field(default=30, ge=0, le=3600)
    publish: tuple[str, ...] = ()
    restore: Restore = Restore()
    secrets: Secrets = Secrets()
    timer: Timer = Timer()


def read_config(file: Path) -> Config:
    """Read `rekindle.yaml`; a missing file is the default. Raises Failure with file, line, key, remedy."""
    try:
        text = file.read_text()
    except FileNotFoundError:
        return Config()
    except (OSError, UnicodeDecodeError) as error:
        raise Failure(f"{file}: {error}", remedy="make it a readable text file") from None
    return validated(text, Config, name=str(file))
