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

ON_MEDIUM = "/cdrom/rekindle/installer"
# Lower ones are services', even where they may log in (Debian policy 9.2.2).
FIRST_PERSON_UID = 1000


def bake(posture: Posture, config: Config, *, medium_id: str) -> Autoinstall:
    """Return the autoinstall that brings this posture back; raises Failure where a decision is missing.

    `medium_id` names the medium: the new machine's disk will bear it, so that a medium left in does not
    install again.
    """
    system = posture.system
    try:
        return Autoinstall(
            version=1,
            early_commands=(_choose_disk(config, medium_id),),
            locale=_locale(system),
            keyboard=_keyboard(system),
            timezone=system.timezone or "Etc/UTC",
            identity=_identity(posture, config),
            apt=userdata.Apt(fallback="offline-install", geoip=False),
            storage=_storage(),
            late_commands=(("sh", f"{ON_MEDIUM}/lay"), ("sh", f"{ON_MEDIUM}/mark", medium_id)),
            error_commands=(("sh", f"{ON_MEDIUM}/failed"),),
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


def _choose_disk(config: Config, medium_id: str) -> tuple[str, ...]:
    rule = json.dumps(config.disk.model_dump(exclude_none=True))
    return ("python3", f"{ON_MEDIUM}/choose_disk.py", rule, UNCHOSEN_DISK, medium_id)


def _storage() -> userdata.Storage:
    match = userdata.Match(path=UNCHOSEN_DISK)
    return userdata.Storage(layout=userdata.Layout(name="direct", match=match))


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
