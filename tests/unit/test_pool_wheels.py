"""What pip, pipx and uv ask for, for which machine, and what stays from build to build."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from builder.pool import wheels
from builder.pool.items import read_items
from builder.pool.requests import Request, kept_up
from builder.pool.target import Target
from collectors.domains.languages import Languages
from collectors.domains.languages.pip import Pip
from collectors.domains.languages.pipx import Pipx
from collectors.domains.languages.uv import Uv
from collectors.failure import Failure, Finding
from tests.postures import small_posture

NOBLE = Target("24.04", "noble", "amd64", {"python3": "3.12.3-0ubuntu2", "libc6": "2.39-0ubuntu8.4"})


def asked(
    languages: Languages, monkeypatch: pytest.MonkeyPatch, folder: Path, target: Target = NOBLE
) -> dict[str, str]:
    """Return what is asked for each item, or why nothing is."""
    monkeypatch.setattr(wheels, "_fetch", lambda request, **_: [])
    gathered = wheels.gather(replace(small_posture(), languages=languages), target, folder, pytest.fail)
    met = {name: " ".join(kept.asked) for name, kept in read_items(folder).items()}
    return {**met, **{gap.subject: gap.reason for gap in gathered.gaps}}


def test_the_version_that_the_machine_has_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    languages = Languages(
        pip=(Pip(user="ada", name="httpie", version="3.2.4"), Pip(name="anything")),
        pipx=(
            Pipx(user="ada", name="black_23", version="24.1.0", package="black[d]==23.1.0", suffix="_23"),
            Pipx(
                user="ada", name="poetry", version="1.8.2", package="poetry", injected=("poetry-plugin-up",)
            ),
        ),
        uv=(
            Uv(
                user="ada",
                name="ruff",
                version="0.4.1",
                package="ruff",
                others=("ruff-lsp[x]",),
                python="3.12",
            ),
        ),
    )
    assert asked(languages, monkeypatch, tmp_path) == {
        "pip:anything": "anything",
        "pip:~ada/httpie": "httpie==3.2.4",
        "pipx": "pip setuptools wheel",
        "pipx:~ada/black_23": "black[d]==23.1.0",
        "pipx:~ada/poetry": "poetry==1.8.2 poetry-plugin-up",
        "uv:~ada/ruff": "ruff==0.4.1 ruff-lsp[x]",
    }


def test_what_no_index_has_or_runs_elsewhere_is_a_gap(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    languages = Languages(
        pip=(
            Pip(name="a", version="1", source="git+https://example.org/a.git@1f2e"),
            Pip(user="ada", name="b", version="1", runtime="python/3.11.7", within="pyenv exec"),
        ),
        pipx=(
            Pipx(name="c", version="1", package="/home/ada/c"),
            Pipx(name="d", version="1", package="d @ https://example.org/d.zip"),
            Pipx(name="e", version="1", package="e", pip_args=("--index-url=https://example.org",)),
            Pipx(name="f", version="1", package="--upgrade"),
        ),
        uv=(Uv(user="ada", name="g", version="1", package="g", python="3.9"),),
    )
    assert asked(languages, monkeypatch, tmp_path) == {
        "pip:a": "no index has it so: git+https://example.org/a.git@1f2e",
        "pip:~ada/python/3.11.7/b": "it is within python/3.11.7, which is not bundled",
        "pipx:c": "no index has it so: /home/ada/c",
        "pipx:d": "no index has it so: d @ https://example.org/d.zip",
        "pipx:e": "no index has it so: --index-url=https://example.org",
        "pipx:f": "no index has it so: --upgrade==1",
        "uv:~ada/g": "no index has it so: for Python 3.9",
    }
    assert list(tmp_path.iterdir()) == [tmp_path / "items.json"]


def test_without_python_there_is_nothing_to_ask_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bare = replace(NOBLE, packages={})
    told = asked(Languages(pip=(Pip(name="a", version="1"),)), monkeypatch, tmp_path, bare)
    assert told == {"pip:a": "the base installs no Python"}


def test_a_machine_is_told_by_its_python_and_its_c_library() -> None:
    told = json.loads(wheels.complete_platform(replace(NOBLE, architecture="arm64")))
    tags, environment = told["compatible_tags"], told["marker_environment"]
    assert (environment["python_version"], environment["python_full_version"]) == ("3.12", "3.12.3")
    assert environment["platform_machine"] == "aarch64"
    assert tags[0] == "cp312-cp312-manylinux_2_39_aarch64"
    assert tags.index("cp312-cp312-manylinux_2_17_aarch64") + 1 == tags.index(
        "cp312-cp312-manylinux2014_aarch64"
    )
    assert {"cp38-abi3-manylinux_2_28_aarch64", "py3-none-linux_aarch64", "py3-none-any"} < set(tags)
    wrong = ("manylinux_2_40", "x86_64", "cp313", "cp311-cp311", "py313", "musl")
    assert [tag for tag in tags if any(part in tag for part in wrong)] == []
    assert len(tags) == len(set(tags))


class Index:
    """An index that has what it is told, and counts who asks."""

    def __init__(self, folder: Path, **has: str) -> None:
        self.folder, self.has, self.asked = folder, has, []

    def fetch(self, request: Request) -> Sequence[str]:
        self.asked.append(request.id)
        if request.id not in self.has:
            raise Failure("nobody has it", remedy="wait")
        name = f"{request.asked[0]}.whl"
        (self.folder / name).write_text(self.has[request.id])
        return [name]


def test_what_is_there_and_right_is_not_asked_for_again(tmp_path: Path) -> None:
    index = Index(tmp_path, a="one", b="two")
    both = [Request("a", ("a==1",), "3.12"), Request("b", ("b==1",), "3.12")]
    first = kept_up(both, (), tmp_path, index.fetch)
    assert first.files == ("a==1.whl", "b==1.whl", "items.json")
    before = (tmp_path / "items.json").read_bytes()
    assert kept_up(both, (), tmp_path, pytest.fail) == first
    assert (tmp_path / "items.json").read_bytes() == before
    (tmp_path / "b==1.whl").write_text("tw")
    assert kept_up(both, (), tmp_path, index.fetch) == first
    assert index.asked == ["a", "b", "b"]
    assert (tmp_path / "b==1.whl").read_text() == "two"


def test_another_version_or_another_machine_is_asked_for_and_the_old_one_goes(tmp_path: Path) -> None:
    index = Index(tmp_path, a="one")
    for request in (
        Request("a", ("a==1",), "3.12"),
        Request("a", ("a==2",), "3.12"),
        Request("a", ("a==2",), "3.13"),
    ):
        kept_up([request], (), tmp_path, index.fetch)
    assert index.asked == ["a", "a", "a"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a==2.whl", "items.json"]
    (tmp_path / ".pex").mkdir()
    (tmp_path / ".pex/kept").touch()
    assert kept_up([], (), tmp_path, pytest.fail).files == ()
    assert sorted(path.name for path in tmp_path.rglob("*")) == [".pex", "items.json", "kept"]


def test_what_nobody_has_is_a_gap_and_sinks_no_other(tmp_path: Path) -> None:
    gap = Finding("z", "from elsewhere", "wait")
    gathered = kept_up(
        [Request("b", ("b",)), Request("a", ("a",))], [gap], tmp_path, Index(tmp_path, a="x").fetch
    )
    assert gathered.gaps == (Finding("b", "nobody has it", "wait"), gap)
    assert gathered.files == ("a.whl", "items.json")


def test_a_list_that_is_none_of_ours_counts_as_none(tmp_path: Path) -> None:
    (tmp_path / "items.json").write_text("[")
    assert read_items(tmp_path) == read_items(tmp_path / "nowhere") == {}
