"""Which steps bring people and their groups back?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from builder.restore.steps.commands import CommandStep, step_of
from builder.restore.steps.step import Step, Steps, Target
from collectors.domains.users import LINGER, Group, Linger, User, Users
from collectors.domains.users.subids import SubIds
from collectors.record import File, word


class GroupStep(Step):
    """A group to make (group(5))."""

    PART: ClassVar[str] = "groups"

    name: str
    gid: int


class UserStep(Step):
    """A person's account to make, or to make the same; see collectors.domains.users.User.

    `gids` are the numbers of those of their groups that are people's; all others are the system's.
    """

    PART: ClassVar[str] = "users"

    name: str
    uid: int
    group: str
    gecos: str
    home: str
    shell: str
    groups: tuple[str, ...] = ()
    home_mode: str = ""
    expires: str = ""
    password: str = ""
    gids: Mapping[str, int]


class SubIdStep(Step):
    """The ranges of numbers that a person has for containers: `100000-165535`.

    `people` are all who come back: making their accounts may have given them what is another's.
    """

    PART: ClassVar[str] = "subids"

    user: str
    uids: tuple[str, ...]
    gids: tuple[str, ...]
    people: tuple[str, ...]
    by_hand: str


def steps(to: Target) -> Steps:
    """Yield the steps of the section users."""
    numbers = {group.name: group.gid for group in to.posture.users.groups}
    people = tuple(user.name for user in to.posture.users.users)
    for thing in to.things(Users.NAME):
        about = {"id": thing.item_id(), "section": Users.NAME}
        if isinstance(thing, Group):
            yield GroupStep(**about, **thing.model_dump(exclude={"bound"}))
        elif isinstance(thing, User):
            gids = {name: numbers[name] for name in (thing.group, *thing.groups) if name in numbers}
            yield UserStep(**about, **thing.model_dump(exclude={"bound"}), gids=gids)
        elif isinstance(thing, SubIds):
            facts = thing.model_dump(exclude={"bound"})
            yield SubIdStep(**about, **facts, people=people, by_hand=thing.by_hand())
        elif isinstance(thing, Linger):
            yield lingering(thing)
        elif not isinstance(thing, File):
            yield step_of(Users.NAME, thing)


def lingering(thing: Linger) -> CommandStep:
    """Return the step of somebody who lingers: from now on, or without logind from the next boot."""
    name = word(thing.user)
    mark = f"mkdir -p {LINGER} && : > {LINGER}/{name}"
    command = f"id -u -- {name} > /dev/null && {{ {thing.by_hand()} 2> /dev/null || {{ {mark}; }}; }}"
    return step_of(Users.NAME, thing, user="", command=command)
