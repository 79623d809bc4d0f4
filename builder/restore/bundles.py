"""What of a posture comes from what travelled along, and how are its tools told?"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from builder.pool.index import FLATPAK, NPM, WHEELS
from builder.pool.items import read_items
from builder.pool.refs import has_ref, repository
from builder.restore.registry import registry

NOWHERE = Path("/nonexistent")


@dataclass(frozen=True)
class Bundles:
    """`variables` by an item's id: with them its own command finds it in the pool, and asks no network.

    `wheels` is the folder of these, `flatpaks` has the repositories of remotes; `before` are the names that
    people had, by those of here.
    """

    variables: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    wheels: Path = NOWHERE
    flatpaks: Path = NOWHERE
    before: Mapping[str, str] = field(default_factory=dict)

    def repository(self, scope: str, remote: str) -> Path:
        """Return where what was installed from a remote lies, if it does."""
        user = scope[1:] if scope.startswith("~") else ""
        return self.flatpaks / repository(f"~{self.before.get(user, user)}" if user else scope, remote)

    def has_ref(self, scope: str, remote: str, ref: str) -> bool:
        """Tell whether `app/org.gimp.GIMP/x86_64/stable` is there."""
        return has_ref(self.repository(scope, remote), ref)


@contextmanager
def bundles(pool: Path, names: Mapping[str, str]) -> Iterator[Bundles]:
    """Yield what is in `pool`, and answer npm as a registry meanwhile; nothing where there is no pool.

    `names` are those that people have here, by those that they had.
    """
    with ExitStack() as stack:
        wheels, tarballs = (read_items(pool / kind) for kind in (WHEELS, NPM))
        variables = {_called(name, names): _of_pip(pool / WHEELS) for name in wheels}
        if tarballs:
            address = stack.enter_context(registry(pool / NPM))
            variables |= {_called(name, names): {"npm_config_registry": address} for name in tarballs}
        yield Bundles(variables, pool / WHEELS, pool / FLATPAK, {new: old for old, new in names.items()})


def _called(name: str, names: Mapping[str, str]) -> str:
    """Return an item's id under the name that its person has here: `pipx:~ada/black`."""
    kind, mark, rest = name.partition(":~")
    user, slash, package = rest.partition("/")
    return f"{kind}{mark}{names.get(user, user)}{slash}{package}"


def _of_pip(folder: Path) -> Mapping[str, str]:
    """Return what pip, and pip in pipx, is told: no one's own settings lead it elsewhere."""
    return {"PIP_CONFIG_FILE": os.devnull, "PIP_FIND_LINKS": str(folder), "PIP_NO_INDEX": "1"}
