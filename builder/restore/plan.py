"""Which steps apply a posture to a machine?

The plan is written as JSON for modules that know nothing but the standard library: for each of the words
that they know (`packages`, `files`, `commands`) the steps, which carry the ids of their items. Paths are
escaped as in a posture.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from builder.restore.report import Outcome
from builder.restore.steps import (
    apt,
    containers,
    desktop,
    dotfiles,
    editors,
    files,
    flatpak,
    hardware,
    languages,
    network,
    programs,
    repos,
    services,
    snap,
    snapshots,
    system,
    users,
)
from builder.restore.steps.commands import plain
from builder.restore.steps.step import Maker, Step, Target
from collectors.domains.apt import Package
from collectors.posture import SECTIONS, Posture

# How the items of a section come back; those of the others by the command that each names itself. The files
# that a section captured come back in any case.
MAKERS: Mapping[str, Maker] = {
    **{section: plain(section) for section in SECTIONS},
    "apt": apt.steps,
    "containers": containers.steps,
    "desktop": desktop.steps,
    "dotfiles": dotfiles.steps,
    "editors": editors.steps,
    "files": files.steps,
    "flatpak": flatpak.steps,
    "hardware": hardware.steps,
    "languages": languages.steps,
    "network": network.steps,
    "programs": programs.steps,
    "repos": repos.steps,
    "services": services.steps,
    "snap": snap.steps,
    "snapshots": snapshots.steps,
    "system": system.steps,
    "users": users.steps,
}


@dataclass(frozen=True)
class Plan:
    """All steps by the word that their modules know; `told` are outcomes of items that need or have none.

    `owned` are the names of the owner's packages, whether they are asked for or not: none goes for another.
    """

    steps: Mapping[str, tuple[Step, ...]]
    told: tuple[Outcome, ...]
    owned: tuple[str, ...] = ()

    def text(self) -> str:
        """Return the JSON that the playbook's modules read."""
        plain = {part: [step.model_dump(mode="json") for step in steps] for part, steps in self.steps.items()}
        return json.dumps({**plain, "owned": self.owned}, indent=1)

    def works(self) -> Mapping[str, int]:
        """Return how many steps there are of each kind of work: `{"packages": 18, "commands snap": 2}`."""
        return Counter(step.work() for steps in self.steps.values() for step in steps)

    def todo(self) -> tuple[str, ...]:
        """Return what there is to do by sections and kinds of work: the playbook leaves out all else."""
        sections = (step.section for steps in self.steps.values() for step in steps)
        return tuple(sorted({*sections, *self.works()}))

    def ids(self) -> frozenset[str]:
        """Return the ids of the items for which something is done."""
        return frozenset(step.id for steps in self.steps.values() for step in steps)


def planned(to: Target) -> Plan:
    """Plan how everything that `to` wants comes back."""
    steps: dict[str, list[Step]] = defaultdict(list)
    told: list[Outcome] = []
    for section in SECTIONS:
        for made in (*MAKERS[section](to), *files.captured(section, to)):
            if isinstance(made, Outcome):
                told.append(made)
            else:
                steps[made.PART].append(made)
    owned = tuple(package.name for package in to.posture.apt.packages)
    return Plan({part: tuple(some) for part, some in steps.items()}, tuple(told), owned)


def already(posture: Posture, here: Posture) -> frozenset[str]:
    """Return the ids of the items of `posture` that a machine has as they were.

    Packages are none of them: one that dpkg could not configure was chosen all the same.
    """
    found = {(item.id, item.fingerprint) for item in here.items()}
    same = (item.id for item in posture.items() if (item.id, item.fingerprint) in found)
    return frozenset(name for name in same if not name.startswith(f"{Package.KIND}:"))
