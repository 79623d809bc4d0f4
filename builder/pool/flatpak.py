"""Which flatpaks are copied from this machine, for one without network?

Apps and runtimes, with the runtime and the extensions that each has here, come out of the installation's own
repository, signatures included. A repository in the pool is written only when what is in it changes, for
flatpak dates its summary. Sources: flatpak-metadata(5), ostree(1).
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from builder.pool.gathered import Gathered, Say
from builder.pool.refs import HEADS, repository
from builder.pool.requests import WAITS
from builder.pool.target import Target
from collectors.command import found, run
from collectors.domains.flatpak import installations
from collectors.domains.flatpak.installation import Installation, read_installation
from collectors.domains.flatpak.things import App, Ref, Runtime
from collectors.failure import Failure, Finding
from collectors.host import Machine, names, text
from collectors.posture import Posture
from collectors.reading.keyfile import Group, parse_groups
from collectors.record import unescaped

TAKES = (App, Runtime)
TOOLS = ("flatpak", "ostree")
SYSTEM, EXTENSION = "", "Extension "
# The name under which OSTree knows this machine's repository for a moment.
HERE = "here"
# OSTree opens a repository's folder `tmp`, and an archive has no folder without a file.
PLACEHOLDER = "tmp/.kept"


@dataclass(frozen=True)
class Deployed:
    """What is installed on this machine: its commit, and in which installation."""

    commit: str
    place: Installation


# By `runtime/org.gnome.Platform/x86_64/45`.
Refs = Mapping[str, Deployed]


@dataclass(frozen=True)
class Copy:
    """What an item takes, and in which repository of the pool it is to be."""

    id: str
    repository: str
    refs: Refs


def gather(
    posture: Posture, target: Target, folder: Path, say: Say, machine: Machine | None = None
) -> Gathered:
    """Gather what of the posture's apps and runtimes is installed on `machine`, this one by default."""
    host = machine or Machine()
    wanted = [*_wanted(posture, host)]
    copies = [each for each in wanted if isinstance(each, Copy)]
    gaps = [each for each in wanted if isinstance(each, Finding)]
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.iterdir():
        if path.name not in {copy.repository for copy in copies}:
            shutil.rmtree(path)
    for name in sorted({copy.repository for copy in copies}):
        some = [copy for copy in copies if copy.repository == name]
        gaps += _published(folder / name, some, host, say)
        (folder / name / PLACEHOLDER).touch()
    return Gathered(tuple(sorted(_files(folder))), tuple(sorted(gaps, key=lambda gap: gap.subject)))


def things(posture: Posture) -> Iterator[Ref]:
    """Yield what may be copied."""
    refs: tuple[Ref, ...] = (*posture.flatpak.apps, *posture.flatpak.runtimes)
    yield from (each for each in refs if not each.bound)


def _wanted(posture: Posture, host: Machine) -> Iterator[Copy | Finding]:
    """Yield what each item takes, or why it can't be copied."""
    remotes = {(remote.scope, remote.name): remote for remote in posture.flatpak.remotes}
    installed = {place.scope: _installed(host, place) for place in installations(host)[0]}
    missing = next((tool for tool in TOOLS if not found(tool)), "")
    for ref in things(posture):
        remote = remotes.get((ref.scope, ref.remote))
        if not (remote and remote.url):
            yield Finding(ref.item_id(), "no remote has it", "install it again from its file")
        elif missing:
            yield Finding(
                ref.item_id(), f"{missing} is not installed here", f"install {missing}, build again"
            )
        else:
            yield _copy(ref, installed, host)


def _copy(ref: Ref, installed: Mapping[str, Refs], host: Machine) -> Copy | Finding:
    """Return what an item takes of its own installation, and for the rest of the machine's."""
    name = f"app/{ref.ref}" if isinstance(ref, App) else f"runtime/{ref.ref}"
    own = installed.get(ref.scope, {})
    refs, lacking = taken(name, {**installed[SYSTEM], **own}, host)
    if lacking or name not in own:
        reason = f"the machine that builds does not have {lacking or ref.ref}"
        return Finding(ref.item_id(), reason, WAITS)
    return Copy(ref.item_id(), repository(ref.scope, ref.remote), refs)


def _installed(host: Machine, place: Installation) -> Refs:
    contents = read_installation(host, place)
    apps = {f"app/{ref.ref}": Deployed(ref.commit, place) for ref in contents.apps}
    return {**apps, **{f"runtime/{ref.ref}": Deployed(ref.commit, place) for ref in contents.runtimes}}


def taken(name: str, installed: Refs, host: Machine) -> tuple[Refs, str]:
    """Return a ref with all that it takes, its extensions included, and which of it is not installed."""
    refs: dict[str, Deployed] = {}
    waiting = [name]
    while waiting:
        ref = waiting.pop()
        if ref not in installed:
            return refs, ref.partition("/")[2]
        if ref not in refs:
            refs[ref] = installed[ref]
            metadata = text(host, _active(ref, installed[ref], "metadata"))
            waiting += needs(ref, parse_groups(metadata, name=ref)[0], installed)
    return refs, ""


def _active(ref: str, deployed: Deployed, name: str) -> str:
    return deployed.place.within(unescaped(ref), "active", name)


def needs(ref: str, groups: tuple[Group, ...], installed: Refs) -> Iterator[str]:
    """Yield the runtime of a ref, and of its extensions those that are installed, by its metadata."""
    _, _, architecture, branch = ref.split("/")
    for group in groups:
        if group.name in ("Application", "Runtime") and group.get("runtime"):
            yield f"runtime/{group.get('runtime')}"
        elif group.name.startswith(EXTENSION):
            point = group.name.removeprefix(EXTENSION).partition("@")[0]
            branches = (group.get("versions") or group.get("version") or branch).split(";")
            for other in installed:
                kind, name, *rest = other.split("/")
                below = group.get("subdirectories") == "true" and name.startswith(f"{point}.")
                if kind == "runtime" and (name == point or below) and rest[0] == architecture:
                    yield from (other for each in branches if each == rest[1])


def _published(folder: Path, copies: list[Copy], host: Machine, say: Say) -> Iterator[Finding]:
    """Make a repository have what the copies take and nothing else, and yield what can't be copied."""
    wanted = {ref: deployed for copy in copies for ref, deployed in copy.refs.items()}
    before = _heads(folder)
    if before == {ref: deployed.commit for ref, deployed in wanted.items()} and _summary(folder).exists():
        return
    say(f"copying {len(wanted)} flatpaks")
    if not (folder / "config").exists():
        run(["ostree", "init", f"--repo={folder}", "--mode=archive"])
    # It is the last thing to be written: a run that is killed leaves none.
    _summary(folder).unlink(missing_ok=True)
    failed = {}
    for ref, deployed in sorted(wanted.items()):
        if before.get(ref) != deployed.commit and (why := _pulled(folder, ref, deployed, host)):
            failed[ref] = why
    for ref in before.keys() - (wanted.keys() - failed.keys()):
        _ostree(folder, "refs", "--delete", ref)
    _ostree(folder, "prune", "--refs-only")
    run(["flatpak", "build-update-repo", "--no-update-appstream", folder])
    for copy in copies:
        yield from (Finding(copy.id, failed[ref], WAITS) for ref in sorted(copy.refs) if ref in failed)


def _summary(folder: Path) -> Path:
    return folder / "summary"


def _heads(folder: Path) -> dict[str, str]:
    """Return the commit of each ref that a repository has."""
    heads = folder / HEADS
    return {
        path.relative_to(heads).as_posix(): path.read_text().strip()
        for path in heads.rglob("*")
        if path.is_file()
    }


def _pulled(folder: Path, ref: str, deployed: Deployed, host: Machine) -> str:
    """Copy a ref out of its installation, and return why that failed, "" where it did not."""
    source = Path(f"{host.root}{deployed.place.path}/repo").absolute()
    try:
        _ostree(folder, "remote", "add", "--force", "--no-gpg-verify", HERE, source.as_uri())
        _ostree(folder, "pull", *_parts(source, ref, deployed, host), HERE, deployed.commit)
        _ostree(folder, "refs", "--force", "--create", ref, deployed.commit)
        _ostree(folder, "remote", "delete", HERE)
    except Failure as failure:
        return failure.message
    return ""


def _parts(source: Path, ref: str, deployed: Deployed, host: Machine) -> Iterator[str]:
    """Yield what to pull where only a part of a commit is installed: the owner's languages."""
    if (source / "state" / f"{deployed.commit}.commitpartial").exists():
        yield "--subpath=/metadata"
        for name in names(host, _active(ref, deployed, "files")):
            if not name.startswith("."):
                yield f"--subpath=/files/{name}"


def _ostree(folder: Path, verb: str, *words: str) -> str:
    return run(["ostree", f"--repo={folder}", verb, *words])


def _files(folder: Path) -> Iterator[str]:
    """Yield the files of the repositories, but for locks and what OSTree works with."""
    for path in folder.glob("*/**/*"):
        repository, _, name = path.relative_to(folder).as_posix().partition("/")
        if path.is_file() and (name == PLACEHOLDER or not name.startswith(("tmp/", ".lock"))):
            yield f"{repository}/{name}"
