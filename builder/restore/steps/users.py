"""Which steps bring people and their groups back?"""

from __future__ import annotations

from typing import ClassVar

from builder.restore.steps.commands import step_of
from builder.restore.steps.step import Step, Steps, Target
from collectors.domains.users import Group, User, Users
from collectors.record import File


class GroupStep(Step):
    """A group to make (group(5))."""

    PART: ClassVar[str] = "groups"

    name: str
    gid: int


class UserStep(Step):
    """A person's account to make, or to make the same; see collectors.domains.users.User."""

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


def steps(to: Target) -> Steps:
    """Yield the steps of the section users."""
    for thing in to.things(Users.NAME):
        about = {"id": thing.item_id(), "section": Users.NAME}
        if isinstance(thing, Group):
            yield GroupStep(**about, **thing.model_dump(exclude={"bound"}))
        elif isinstance(thing, User):
            yield UserStep(**about, **thing.model_dump(exclude={"bound", "password"}))
        elif not isinstance(thing, File):
            yield step_of(Users.NAME, thing)
