"""Who logs in to a shell that no package brings?

Without it they cannot log in on a new machine: a restore puts another one in its place.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Iterator, Mapping

from collectors.collected import Loss
from collectors.debian import dpkg
from collectors.domains.programs import program_trees
from collectors.host import Host
from collectors.record import escaped

PACKAGED = (
    *("bash", "csh", "dash", "false", "fish", "ksh", "ksh93", "mksh", "nologin", "rbash", "sh", "sync"),
    *("tcsh", "true", "yash", "zsh"),
)
SYSTEM = ("/bin", "/sbin", "/usr/bin", "/usr/sbin")
# Where a program manager keeps what it brings back by itself.
MANAGED = ("/home/linuxbrew/.linuxbrew/", "/nix/", "/snap/")


def shell_losses(host: Host, shells: Mapping[str, str]) -> Iterator[Loss]:
    """Yield a loss for each person whose shell nothing brings; `shells` are the paths by name."""
    odd = {name: shell for name, shell in shells.items() if shell and not _is_usual(shell)}
    owned = dpkg.owners(host, dpkg.read(host), tuple(_aliases(odd.values()))) if odd else {}
    trees = program_trees(host) if odd else frozenset()
    for name, shell in sorted(odd.items()):
        if not any(path in owned for path in _aliases([shell])) and not _is_below(shell, trees):
            yield Loss(
                kind="unowned",
                subject=escaped(shell),
                reason=f"{name} logs in to it, and no package brings it",
                remedy=f"sudo chsh --shell /bin/bash {shlex.quote(name)}",
            )


def _is_usual(shell: str) -> bool:
    folder, name = os.path.split(shell)
    return (folder in SYSTEM and name in PACKAGED) or shell.startswith(MANAGED)


def _aliases(shells: Iterable[str]) -> Iterator[str]:
    """Yield each path, and the one that means the same where /bin is a link to /usr/bin."""
    for shell in shells:
        yield shell
        yield shell.removeprefix("/usr") if shell.startswith(("/usr/bin/", "/usr/sbin/")) else f"/usr{shell}"


def _is_below(path: str, trees: frozenset[str]) -> bool:
    while path not in ("", "/"):
        if path in trees:
            return True
        path = os.path.dirname(path)
    return False
