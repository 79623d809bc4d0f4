"""Which wheels do the programs of pipx and uv and the packages of pip need on a machine without network?

pex asks pip for another machine than this one: for its Python, its C library and its markers. Only wheels
are taken: what has none is built by a compiler and what the network brings, and is told as a gap. Sources:
the PyPA specifications "Platform compatibility tags", "Dependency specifiers", pex's complete platforms.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from builder.pool.gathered import Gathered, Say
from builder.pool.requests import WAITS, Request, kept_up
from builder.pool.target import Target
from collectors.command import run
from collectors.domains.languages.pip import Pip
from collectors.domains.languages.pipx import NAMES_VERSION, Pipx
from collectors.domains.languages.uv import Uv
from collectors.failure import Failure, Finding
from collectors.posture import Posture

TAKES = (Pip, Pipx, Uv)
# What pipx puts into the environment that all of its programs share.
OF_PIPX = Request("pipx", ("pip", "setuptools", "wheel"))
# A requirement that an index answers: `black[d]==23.1.0 ; python_version > "3.8"`.
OF_AN_INDEX = re.compile(r"[A-Za-z0-9][\w.-]*(\[[\w.,\s-]*\])?[^@/\\]*")
MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
# The C libraries of the oldest tags (PEP 513, 571, 599).
OLD_TAGS = {5: "manylinux1", 12: "manylinux2010", 17: "manylinux2014"}
OLDEST_ABI3 = 2
REFUSED = re.compile(r"ERROR: (.*?)(?: \(from .*| \||$)")


def gather(posture: Posture, target: Target, folder: Path, say: Say) -> Gathered:
    """Gather the wheels of all items for the target's own Python, kept in `folder`."""
    wanted = [_wanted(thing, target) for thing in things(posture)]
    requests = [each for each in wanted if isinstance(each, Request)]
    if any(request.id.startswith(f"{Pipx.KIND}:") for request in requests):
        requests.insert(0, OF_PIPX)
    of = f"Python {target.python} on {target.architecture} with glibc 2.{_glibc(target)}"
    asked = [Request(each.id, each.asked, of) for each in requests]
    gaps = [each for each in wanted if isinstance(each, Finding)]
    return kept_up(asked, gaps, folder, partial(_fetch, target=target, folder=folder, say=say))


def things(posture: Posture) -> Iterator[Pip | Pipx | Uv]:
    """Yield what may come as wheels."""
    section = posture.languages
    packages: tuple[Pip | Pipx | Uv, ...] = (*section.pip, *section.pipx, *section.uv)
    yield from (each for each in packages if not each.bound)


def _wanted(thing: Pip | Pipx | Uv, target: Target) -> Request | Finding:
    """Return what an item asks for, in the version that the machine has, or why it can't be bundled."""
    if not target.python:
        return _gap(thing, "the base installs no Python")
    if thing.runtime:
        return _gap(thing, f"it is within {thing.runtime}, which is not bundled")
    main, others, odd = _asked(thing, target)
    asked = (_versioned(main, thing.version), *others)
    strange = odd or next((each for each in asked if not OF_AN_INDEX.fullmatch(each)), "")
    return _gap(thing, f"no index has it so: {strange}") if strange else Request(thing.item_id(), asked)


def _asked(thing: Pip | Pipx | Uv, target: Target) -> tuple[str, tuple[str, ...], str]:
    """Return the requirement, those beside it, and what of it no wheel of an index can be."""
    if isinstance(thing, Pip):
        return thing.name, (), thing.source
    if isinstance(thing, Pipx):
        return thing.package, thing.injected, " ".join(thing.pip_args)
    return thing.package, thing.others, _other_python(thing, target)


def _versioned(asked: str, version: str) -> str:
    """Return a requirement with the version that is there, where it names none: `black[d]==23.1.0`."""
    return asked if NAMES_VERSION.search(asked) or not version else f"{asked}=={version}"


def _other_python(tool: Uv, target: Target) -> str:
    return "" if tool.python in ("", target.python) else f"for Python {tool.python}"


def _gap(thing: Pip | Pipx | Uv, reason: str) -> Finding:
    return Finding(thing.item_id(), reason, WAITS)


def _fetch(request: Request, *, target: Target, folder: Path, say: Say) -> Sequence[str]:
    """Download the wheels of a request and of all that it needs, and return their names."""
    say(f"fetching wheels of {request.id}")
    with tempfile.TemporaryDirectory(dir=folder, prefix=".fetching-") as aside:
        platform, wheels = Path(aside) / "platform.json", Path(aside) / "wheels"
        platform.write_text(complete_platform(target))
        try:
            run(
                [
                    *(sys.executable, "-m", "pex.cli", "download", "--use-pip-config"),
                    *("--complete-platform", str(platform), "--wheel", "--no-build"),
                    *("--resolver-version", "pip-2020-resolver", "--dest", str(wheels)),
                    *request.asked,
                ],
                env={"PEX_ROOT": str(folder / ".pex")},
            )
        except Failure as failure:
            raise Failure(_reason(failure.message, request), remedy=WAITS) from None
        made = sorted(wheels.iterdir())
        for wheel in made:
            wheel.replace(folder / wheel.name)
    return [wheel.name for wheel in made]


def _reason(said: str, request: Request) -> str:
    found = REFUSED.search(said)
    return f"no wheels for {request.of}: {found[1] if found else said.splitlines()[-1]}"


def complete_platform(target: Target) -> str:
    """Return the JSON by which pex knows a machine: its tags, best first, and its marker environment."""
    minor = int(target.python.partition(".")[2])
    full = target.packages["python3"].partition("-")[0]
    environment = {
        "implementation_name": "cpython",
        "implementation_version": full,
        "os_name": "posix",
        "platform_machine": MACHINES[target.architecture],
        "platform_python_implementation": "CPython",
        "platform_release": "",
        "platform_system": "Linux",
        "platform_version": "",
        "python_full_version": full,
        "python_version": target.python,
        "sys_platform": "linux",
    }
    return json.dumps({"marker_environment": environment, "compatible_tags": [*_tags(minor, target)]})


def _tags(minor: int, target: Target) -> Iterator[str]:
    """Yield `cp312-cp312-manylinux_2_39_x86_64` and all else that a Python 3.12 takes."""
    own, older = f"cp3{minor}", [f"py3{each}" for each in range(minor, -1, -1)]
    platforms = [*_platforms(MACHINES[target.architecture], _glibc(target))]
    compiled = [
        f"{own}-{own}",
        *(f"cp3{each}-abi3" for each in range(minor, OLDEST_ABI3 - 1, -1)),
        f"{own}-none",
    ]
    for start in (*compiled, "py3-none"):
        yield from (f"{start}-{platform}" for platform in platforms)
    yield from (f"{each}-none-any" for each in (own, older[0], "py3", *older[1:]))


def _platforms(machine: str, glibc: int) -> Iterator[str]:
    for minor in range(glibc, min(OLD_TAGS) - 1, -1):
        yield f"manylinux_2_{minor}_{machine}"
        if minor in OLD_TAGS:
            yield f"{OLD_TAGS[minor]}_{machine}"
    yield f"linux_{machine}"


def _glibc(target: Target) -> int:
    """Return 39 where the C library is `2.39-0ubuntu8`; 17 is the least that Python's wheels ask for."""
    found = re.match(r"2\.(\d+)", target.packages.get("libc6", ""))
    return int(found[1]) if found else 17
