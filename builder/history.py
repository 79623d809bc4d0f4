"""How is a posture's history kept?

A git repository, one folder per machine, one commit per change.
"""

from __future__ import annotations

import tarfile
import tempfile
from pathlib import Path

import git

from builder.payload.pack import Commit
from builder.whole import whole
from collectors.failure import Failure
from collectors.posture import Posture
from collectors.repository import SECRETS, finish_swap, read_posture, write_posture

# The owner's own git settings must not change what is stored, nor ask for a signature.
SETTINGS = {
    ("user", "name"): "Rekindle",
    ("user", "email"): "rekindle@localhost",
    ("commit", "gpgsign"): "false",
    ("core", "autocrlf"): "false",
    ("core", "attributesFile"): "/dev/null",
    ("core", "hooksPath"): "/dev/null",
}


def posture_folder(repository: Path, host: str) -> Path:
    """Return where the posture of `host` lies."""
    return repository / "hosts" / host


def secrets_file(repository: Path, host: str) -> Path:
    """Return where the sealed secrets of `host` lie."""
    return posture_folder(repository, host) / SECRETS


def sealed_secrets(repository: Path, host: str) -> bytes:
    """Return the sealed secrets of `host`, nothing where there are none."""
    try:
        return secrets_file(repository, host).read_bytes()
    except FileNotFoundError:
        return b""


def known_hosts(repository: Path) -> list[str]:
    """Return the names of the machines whose postures are in the repository."""
    folder = repository / "hosts"
    return sorted(p.name for p in folder.iterdir() if not p.name.startswith(".")) if folder.is_dir() else []


def last_posture(repository: Path, host: str) -> Posture | None:
    """Return the posture of `host` as last collected, or None; raises Failure where it is broken."""
    folder = posture_folder(repository, host)
    finish_swap(folder)
    return read_posture(folder) if folder.is_dir() else None


def last_commit(repository: Path, host: str) -> Commit:
    """Return the commit that the last posture of `host` came with; empty where it is not committed."""
    try:
        place = posture_folder(Path(), host).as_posix()
        said = git.Repo(repository).git.log("-1", "--format=%H %cI", "--", place)
    except (git.NoSuchPathError, git.InvalidGitRepositoryError, git.GitCommandError):
        return Commit()
    return Commit(*said.split())


def posture_at(repository: Path, host: str, revision: str) -> Posture:
    """Return the posture of `host` as of a commit, a date `@{2026-11-01}` or anything that git knows.

    Raises Failure where that names no posture.
    """
    try:
        commit = git.Repo(repository).git.rev_parse("--verify", "--end-of-options", f"{revision}^{{commit}}")
        with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as archive:
            git.Repo(repository).archive(
                archive, treeish=commit, path=posture_folder(Path(), host).as_posix()
            )
            archive.seek(0)
            with tarfile.open(fileobj=archive, errors="surrogateescape") as tar:
                tar.extractall(folder, filter="data")
            return read_posture(posture_folder(Path(folder), host))
    except (git.NoSuchPathError, git.InvalidGitRepositoryError):
        raise Failure(f"{repository}: no posture yet", remedy="run `rekindle collect`") from None
    except git.GitCommandError:
        raise Failure(
            f"{revision}: no commit with a posture of {host}",
            remedy=f"name one that `git -C {repository} log` shows",
        ) from None


def commit_posture(repository: Path, host: str, posture: Posture, message: str) -> str | None:
    """Write and commit the posture of `host`; return the commit's hash, or None when nothing changed."""
    repo = _opened(repository)
    write_posture(posture, posture_folder(repository, host))
    return _committed(repo, repository, f"hosts/{host}", message)


def commit_secrets(repository: Path, host: str, sealed: bytes) -> str | None:
    """Write and commit the sealed secrets of `host`; return the commit's hash."""
    repo = _opened(repository)
    file = secrets_file(repository, host)
    with whole(file) as aside:
        aside.write_bytes(sealed)
    return _committed(repo, repository, str(file.relative_to(repository)), "secrets sealed")


def _committed(repo: git.Repo, repository: Path, place: str, message: str) -> str | None:
    try:
        repo.git.add("--all", "--force", "--", place)
        if not repo.git.status("--porcelain", "--", place):
            return None
        repo.git.commit("--quiet", "--message", message, "--", place)
        return str(repo.head.commit.hexsha)
    except git.GitCommandError as error:
        raise _refused(repository, error) from None


def _opened(repository: Path) -> git.Repo:
    try:
        repository.mkdir(parents=True, exist_ok=True, mode=0o700)
        repo = git.Repo.init(repository, initial_branch="main")
        with repo.config_writer() as config:
            for (section, key), value in SETTINGS.items():
                config.set_value(section, key, value)
    except OSError as error:
        raise Failure(f"{repository}: {error}", remedy="run with sudo, or set REKINDLE_HOME") from None
    except git.GitCommandError as error:
        raise _refused(repository, error) from None
    return repo


def _refused(repository: Path, error: git.GitCommandError) -> Failure:
    said = " ".join(str(error.stderr).replace("stderr:", "").split()).strip("' ")
    return Failure(f"{repository}: git: {said}", remedy="mend that with git, as the repository's owner")
