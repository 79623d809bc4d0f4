"""How do a posture and the owner's decisions become an autoinstall?"""

from __future__ import annotations

import json

from pydantic import ValidationError

from autoinstall import userdata
from autoinstall.config import ADD_IDENTITY, Config
from autoinstall.userdata import Autoinstall
from collectors.domains.system import System
from collectors.domains.users import User
from collectors.failure import Failure
from collectors.posture import Posture

# No disk has this name: until the early-command has chosen one, the installer finds none.
UNCHOSEN_DISK = "/dev/rekindle-has-not-chosen-a-disk"

ON_MEDIUM = "/cdrom/rekindle"
PAYLOAD = "/var/lib/rekindle/payload.tar"
SIGNERS = "/etc/rekindle/allowed_signers"
UNIT = "rekindle-restore.service"
FIRST_BOOT = "/usr/local/lib/rekindle/first-boot"
# Lower ones are services', even where they may log in (Debian policy 9.2.2).
FIRST_PERSON_UID = 1000


def bake(
    posture: Posture, config: Config, *, signed: bool = False, medium_id: str = "", pool: bool = False
) -> Autoinstall:
    """Return the autoinstall that brings this posture back; raises Failure where a decision is missing.

    `signed`: the medium tells who may have signed its payload, and the new machine will hold others to it.
    `medium_id` names the medium: the new machine's disk will bear it, so that a medium left in does not
    install again. `pool`: the medium has packages for a machine without network.
    """
    system = posture.system
    try:
        return Autoinstall(
            version=1,
            early_commands=(_choose_disk(config),),
            locale=_locale(system),
            keyboard=_keyboard(system),
            timezone=system.timezone or "Etc/UTC",
            identity=_identity(posture, config),
            apt=userdata.Apt(fallback="offline-install", geoip=False),
            storage=_storage(),
            late_commands=_late_commands(signed, medium_id, pool),
            error_commands=(("sh", f"{ON_MEDIUM}/installer/failed"),),
            shutdown="reboot",
            **({"source": userdata.Source(id=config.source)} if config.source else {}),
        )
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise Failure(
            f"the posture's {key or 'identity'} cannot be told to the installer: {first['msg']}",
            remedy="mend it on the machine and collect again",
        ) from None


def _choose_disk(config: Config) -> tuple[str, ...]:
    rule = config.disk.model_dump(exclude_none=True)
    return ("python3", f"{ON_MEDIUM}/installer/choose_disk.py", json.dumps(rule), UNCHOSEN_DISK)


def _storage() -> userdata.Storage:
    match = userdata.Match(path=UNCHOSEN_DISK)
    return userdata.Storage(layout=userdata.Layout(name="direct", match=match))


def _late_commands(signed: bool, medium_id: str, pool: bool) -> tuple[userdata.Command, ...]:
    return (
        ("sh", f"{ON_MEDIUM}/installer/mark", medium_id),
        ("mkdir", "-p", "-m", "0700", "/target/var/lib/rekindle"),
        ("cp", f"{ON_MEDIUM}/payload.tar", f"/target{PAYLOAD}"),
        *((("sh", f"{ON_MEDIUM}/installer/unpack-pool"),) if pool else ()),
        *((_put("allowed_signers", SIGNERS, "0644"),) if signed else ()),
        _put("first-boot/first-boot", FIRST_BOOT, "0755"),
        _put(f"first-boot/{UNIT}", f"/etc/systemd/system/{UNIT}", "0644"),
        ("curtin", "in-target", "--", "systemctl", "enable", UNIT),
    )


def _put(source: str, place: str, mode: str) -> tuple[str, ...]:
    return ("install", "-D", "-m", mode, f"{ON_MEDIUM}/{source}", f"/target{place}")


def _locale(system: System) -> str:
    return system.locale or "C.UTF-8"


def _keyboard(system: System) -> userdata.Keyboard:
    return userdata.Keyboard(
        layout=system.keyboard.layout or "us", variant=system.keyboard.variant, toggle=None
    )


def _identity(posture: Posture, config: Config) -> userdata.Identity:
    if config.identity.password_hash is None:
        raise Failure("rekindle.yaml: identity.password_hash: missing", remedy=ADD_IDENTITY)
    name = config.identity.username or _first_person(posture)
    names = config.restore.map_user
    former = name if name in names else next((old for old, new in names.items() if new == name), name)
    person = next((user for user in posture.users.users if user.name == former), None)
    return userdata.Identity(
        realname=_real_name(person),
        username=names.get(name, name),
        hostname=posture.system.hostname,
        password=config.identity.password_hash,
    )


def _first_person(posture: Posture) -> str:
    people = sorted(posture.users.users, key=lambda user: (user.uid < FIRST_PERSON_UID, user.uid))
    if not people:
        raise Failure(
            "the posture has no person to log in as",
            remedy="set identity.username in rekindle.yaml",
        )
    return people[0].name


def _real_name(person: User | None) -> str:
    return person.gecos.split(",")[0] if person else ""
