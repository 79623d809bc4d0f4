"""How is what items ask for kept up from build to build?

The files of a request stay as long as the same is asked: neither a registry's newer packages nor a lost
connection change them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from builder.pool.gathered import Gathered
from builder.pool.items import ITEMS, Items, Kept, read_items
from builder.whole import whole
from collectors.failure import Failure, Finding

WAITS = "the restore waits for the network and fetches it then"


@dataclass(frozen=True)
class Request:
    """What is asked for the item `id`: requirements of pip, a package of npm; `of` is for which machine."""

    id: str
    asked: tuple[str, ...]
    of: str = ""


def kept_up(
    requests: Iterable[Request],
    gaps: Iterable[Finding],
    folder: Path,
    fetch: Callable[[Request], Sequence[str]],
) -> Gathered:
    """Meet each request, write down what was met, and remove what is of no use any more.

    `fetch` brings a request's files into `folder` and returns their names; what it raises as a Failure is a
    gap of that item, beside the other `gaps`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    before = read_items(folder)
    outcomes = [_met(request, before.get(request.id), folder, fetch) for request in requests]
    met = tuple(sorted((each for each in outcomes if isinstance(each, Kept)), key=lambda kept: kept.id))
    files = {name for each in met for name in each.files}
    with whole(folder / ITEMS) as aside:
        aside.write_text(Items(items=met).model_dump_json(indent=1) + "\n")
    _prune(folder, files)
    lacking = (*gaps, *(each for each in outcomes if isinstance(each, Finding)))
    pooled = tuple(sorted({*files, ITEMS})) if met else ()
    return Gathered(pooled, tuple(sorted(lacking, key=lambda gap: gap.subject)))


def _met(
    request: Request, before: Kept | None, folder: Path, fetch: Callable[[Request], Sequence[str]]
) -> Kept | Finding:
    same = before and (before.asked, before.of) == (request.asked, request.of)
    if before and same and all(_digest(folder / name) == digest for name, digest in before.files.items()):
        return before
    try:
        names = fetch(request)
    except Failure as failure:
        return Finding(request.id, failure.message, failure.remedy)
    files = {name: _digest(folder / name) for name in sorted(names)}
    return Kept(id=request.id, asked=request.asked, of=request.of, files=files)


def _digest(path: Path) -> str:
    """Return the SHA-256 of a file, "" where there is none."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return ""


def _prune(folder: Path, files: set[str]) -> None:
    for path in [*_visible(folder)]:
        if path.is_file() and str(path.relative_to(folder)) not in {*files, ITEMS}:
            path.unlink()


def _visible(folder: Path) -> Iterator[Path]:
    """Yield what is below a folder; names that begin with a dot are tools' own caches."""
    for path in folder.iterdir():
        if not path.name.startswith("."):
            yield path
            if path.is_dir():
                yield from _visible(path)
