"""How does a posture lie in its repository?

`hosts/<name>/<section>.yaml` for the sections, `hosts/<name>/files/<absolute path>` for the
contents, `hosts/<name>/pristine/<absolute path>` for what packages brought in their place, and
`hosts/<name>/secrets.age` for secrets that were sealed. Git's history of it is made elsewhere:
here are only files.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from collectors.document import as_model, dumped, parsed
from collectors.failure import Failure
from collectors.posture import SCHEMA_VERSION, SECTIONS, Posture
from collectors.record import Section, unescaped

VERSION_KEY = "schema_version"
CONTENTS, PRISTINE = "files", "pristine"
SECRETS = "secrets.age"
# What a posture of the first schema has; the other sections of such a one are empty.
OF_THE_FIRST_SCHEMA = ("system", "apt", "files", "users")


def section_text(section: Section) -> str:
    """Return the YAML of one section."""
    plain = section.model_dump(mode="json", exclude_defaults=True)
    return dumped({VERSION_KEY: SCHEMA_VERSION, **plain})


def read_section(text: str, kind: type[Section], *, name: str) -> Section:
    """Read the YAML of one section; raises Failure for a newer schema, broken YAML or a wrong value."""
    data = parsed(text, name=name)
    version = data.pop(VERSION_KEY, None) if isinstance(data, dict) else None
    if type(version) is not int or version < 1:  # not a bool, which is an int too
        raise Failure(f"{name}:1: {VERSION_KEY}: missing", remedy="collect the machine again")
    if version > SCHEMA_VERSION:
        raise Failure(
            f"{name}:1: {VERSION_KEY}: {version} is newer than {SCHEMA_VERSION}, the newest known here",
            remedy="upgrade Rekindle",
        )
    return as_model(data, text, kind, name=name)


def files_of(posture: Posture) -> Mapping[str, bytes]:
    """Return all files of a posture's directory: relative path (as `os.fsdecode` gives it) to bytes."""
    texts = {f"{section.NAME}.yaml": section_text(section).encode() for section in posture.sections()}
    contents = {content_path(path): content for path, content in posture.contents.items()}
    pristine = {content_path(path, PRISTINE): content for path, content in posture.pristine.items()}
    return dict(sorted({**texts, **contents, **pristine}.items()))


def write_posture(posture: Posture, directory: Path) -> None:
    """Write a posture's directory aside, then swap it in: a reader sees the old one or the new one.

    What a killed run left beside it is overwritten by the next; sealed secrets stay.
    """
    fresh, old = _beside(directory)
    finish_swap(directory)
    shutil.rmtree(fresh, ignore_errors=True)
    for name, content in files_of(posture).items():
        place = os.path.join(fresh, name)
        os.makedirs(os.path.dirname(place), exist_ok=True)
        with open(place, "wb") as file:
            file.write(content)
    if (directory / SECRETS).is_file():
        shutil.copy2(directory / SECRETS, fresh / SECRETS)
    shutil.rmtree(old, ignore_errors=True)
    if directory.is_dir():
        directory.rename(old)
    fresh.rename(directory)
    shutil.rmtree(old, ignore_errors=True)


def finish_swap(directory: Path) -> None:
    """Put in place what a kill between the two renames of `write_posture` left beside it, whole."""
    fresh, old = _beside(directory)
    if old.is_dir() and fresh.is_dir() and not directory.is_dir():
        fresh.rename(directory)


def _beside(directory: Path) -> tuple[Path, Path]:
    return directory.with_name(f".{directory.name}.new"), directory.with_name(f".{directory.name}.old")


def read_posture(directory: Path) -> Posture:
    """Read the posture in `directory` (`…/hosts/<name>`); raises Failure."""
    sections: dict[str, Any] = {}
    is_first = _is_of_the_first_schema(directory)
    for section, kind in SECTIONS.items():
        file = directory / f"{section}.yaml"
        if is_first and section not in OF_THE_FIRST_SCHEMA:
            continue
        try:
            text = file.read_text("utf-8")
        except OSError as error:
            raise Failure(f"{file}: {error.strerror}", remedy="run `rekindle collect`") from None
        except UnicodeDecodeError as error:
            raise Failure(f"{file}: not UTF-8: {error.reason}", remedy="restore it from git") from None
        sections[section] = read_section(text, kind, name=str(file))
    found = sections.values()
    contents = {path: _content(directory, path) for each in found for path in each.content_paths()}
    pristine = {path: _content(directory, path, PRISTINE) for each in found for path in each.pristine_paths()}
    return Posture(**sections, contents=contents, pristine=pristine)


def _is_of_the_first_schema(directory: Path) -> bool:
    """Tell whether no section of a later schema is there."""
    return not any((directory / f"{name}.yaml").exists() for name in SECTIONS.keys() - {*OF_THE_FIRST_SCHEMA})


def content_path(path: str, top: str = CONTENTS) -> str:
    """Return where the bytes of the escaped absolute `path` lie below `top` in the posture's directory.

    Git reads its own `.git*` names wherever they stand: their first letter is written `%2e` here.
    """
    parts = unescaped(path).replace("%", "%25").split("/")
    safe = [f"%2e{part[1:]}" if part.lower().startswith(".git") else part for part in parts]
    return top + "/".join(safe)


def _content(directory: Path, path: str, top: str = CONTENTS) -> bytes:
    place = os.path.join(directory, content_path(path, top))
    try:
        with open(place, "rb") as file:
            return file.read()
    except OSError as error:
        raise Failure(f"{place!r}: {error.strerror}", remedy="restore it from git") from None
