"""What travelled along is tried before the network: how tools are led there, and what comes after."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path, PurePosixPath

from builder.pool.index import FLATPAK, WHEELS
from builder.pool.items import ITEMS, Items, Kept
from builder.pool.others import gather as others
from builder.pool.refs import repository
from builder.pool.target import Target as Base
from builder.restore.bundles import Bundles, bundles
from builder.restore.plan import planned
from builder.restore.steps.commands import CommandStep
from builder.restore.steps.step import Target
from collectors.domains.flatpak import Flatpak
from collectors.domains.flatpak.things import App, Remote
from collectors.domains.languages import Languages
from collectors.domains.languages.cargo import Cargo
from collectors.domains.languages.npm import Npm
from collectors.domains.languages.pip import Pip
from collectors.domains.languages.pipx import Pipx
from collectors.domains.languages.uv import Uv
from collectors.domains.snap import Snap
from collectors.domains.snap.things import Package
from collectors.posture import Posture
from collectors.record import Section
from tests.postures import small_posture
from tests.unit.restore.conftest import Playing, step

HUB = Remote(name="hub", url="https://dl.example.org/repo/")


def pool(folder: Path, *names: str) -> Path:
    """Make a pool whose wheels are of the items."""
    (folder / WHEELS).mkdir(parents=True)
    kept = tuple(Kept(id=name, asked=("x",), files={}) for name in names)
    (folder / WHEELS / ITEMS).write_text(Items(items=kept).model_dump_json())
    return folder


def steps(section: Section, there: Bundles) -> dict[str, CommandStep]:
    posture = replace(small_posture(), **{section.NAME: section})
    wanted = frozenset(item.id for item in section.items())
    plan = planned(Target(posture, small_posture(), PurePosixPath("posture"), wanted, bundles=there))
    return {each.id: each for each in plan.steps["commands"] if isinstance(each, CommandStep)}


def repositories(folder: Path, *refs: tuple[str, str, str]) -> Bundles:
    for scope, remote, ref in refs:
        head = folder / repository(scope, remote) / "refs/heads" / ref
        head.parent.mkdir(parents=True, exist_ok=True)
        head.touch()
    return Bundles(flatpaks=folder)


def test_what_comes_from_the_pool_is_not_asked_for_again(playing: Playing) -> None:
    told = playing.play(
        *(
            step(name, "echo usual >> asked", pooled="echo >> asked", operand=name, user="me")
            for name in "ab"
        ),
        step("c", "echo usual >> asked", operand="c", user="me"),
    )
    assert {each["state"] for each in told.values()} == {"restored"}
    assert playing.lines("asked") == ["a b", "usual c"]


def test_what_does_not_come_from_the_pool_comes_the_usual_way(playing: Playing) -> None:
    said = "temporary failure in name resolution"
    pooled = f"f() ( case $* in *b*) echo {said}; exit 1;; esac; echo pool $* >> asked ); f"
    told = playing.play(
        *(step(name, "echo >> asked", pooled=pooled, operand=name, user="me", network=True) for name in "abc")
    )
    assert {each["state"] for each in told.values()} == {"restored"}
    assert playing.lines("asked") == ["pool a", "pool c", "b"]


def test_what_comes_from_nowhere_says_what_the_usual_way_said(playing: Playing) -> None:
    told = playing.only("echo error: E404; false", pooled="echo error: not in the pool; false", network=True)
    assert (told["state"], told["reason"]) == ("unavailable", "error: E404")


def test_pip_pipx_and_uv_are_led_to_the_folder_of_wheels(tmp_path: Path) -> None:
    section = Languages(
        pip=(Pip(user="ada", name="a", version="1"), Pip(user="ada", name="b", version="2")),
        pipx=(Pipx(user="ada", name="c", package="c", injected=("d",)),),
        uv=(Uv(user="ada", name="e", package="e", python="3.12"),),
    )
    with bundles(pool(tmp_path / "a pool", "pip:~ada/a", "pipx:~ada/c", "uv:~ada/e"), {}) as there:
        made = steps(section, there)
    assert made["pip:~ada/b"].pooled == ""
    wheels = f"'{tmp_path}/a pool/wheels'"
    led = f"export PIP_CONFIG_FILE=/dev/null PIP_FIND_LINKS={wheels} PIP_NO_INDEX=1; "
    assert made["pip:~ada/a"].pooled == f"{led}pip install --user"
    assert made["pipx:~ada/c"].pooled == f"{led}pipx install c && pipx inject c d"
    alone = f"uv tool install --offline --no-index --find-links {wheels} --python 3.12 e"
    assert made["uv:~ada/e"].pooled == f"{led}{alone}"


def test_people_may_have_other_names_here(tmp_path: Path) -> None:
    made = pool(tmp_path, "pipx:~ada/c", "pipx:everyones")
    with bundles(made, {"ada": "grace"}) as there:
        assert set(there.variables) == {"pipx:~grace/c", "pipx:everyones"}
        assert there.repository("~grace", "hub") == made / FLATPAK / repository("~ada", "hub")
        assert there.repository("games", "hub") == made / FLATPAK / repository("games", "hub")


def test_without_a_pool_nothing_is_led_anywhere(tmp_path: Path) -> None:
    with bundles(tmp_path / "none", {}) as there:
        made = steps(Languages(npm=(Npm(name="a", version="1"),)), there)
    assert [each.pooled for each in made.values()] == [""]


def test_flatpaks_remotes_lead_to_the_pool_and_back(tmp_path: Path, playing: Playing) -> None:
    playing.programs.fake("flatpak")
    remotes = (
        HUB.model_copy(update={"disabled": True, "subset": "verified"}),
        HUB.model_copy(update={"name": "other", "verified": False}),
        HUB.model_copy(update={"name": "away"}),
        HUB.model_copy(update={"scope": "~ada"}),
    )
    apps = (
        App(id="org.a", arch="x", branch="1", remote="hub"),
        App(id="org.b", arch="x", branch="1", remote="hub"),
    )
    there = repositories(
        tmp_path,
        ("", "hub", "app/org.a/x/1"),
        ("", "other", "runtime/org.p/x/1"),
        ("~ada", "hub", "app/org.a/x/1"),
    )
    made = steps(Flatpak(remotes=remotes, apps=apps), there)
    assert made["flatpak:org.b"].pooled == ""
    playing.play(made["flatpak:org.a"].model_dump(mode="json"))
    url, other = ((tmp_path / repository("", name)).as_uri() for name in ("hub", "other"))
    modify = "flatpak remote-modify --system"
    assert playing.programs.argvs() == [
        f"{modify} --url={url} --no-gpg-verify --subset= --enable -- hub",
        f"{modify} --url={other} --no-gpg-verify -- other",
        "flatpak install --system --assumeyes --noninteractive --or-update -- hub app/org.a/x/1",
        f"{modify} --url={HUB.url} --gpg-verify --subset=verified --disable -- hub",
        f"{modify} --url={HUB.url} --no-gpg-verify -- other",
    ]


def test_what_no_kind_of_bundle_takes_is_told(tmp_path: Path) -> None:
    posture: Posture = replace(
        small_posture(),
        languages=Languages(cargo=(Cargo(user="ada", name="ripgrep"),), npm=(Npm(name="a", version="1"),)),
        flatpak=Flatpak(remotes=(HUB,), apps=(App(id="org.a", arch="x", branch="1", remote="hub"),)),
        snap=Snap(snaps=(Package(name="code", channel="latest/stable", revision="1"),)),
    )
    base = Base("24.04", "noble", "amd64", {})
    gathered = others(posture, base, tmp_path, print)
    assert [gap.subject for gap in gathered.gaps] == ["cargo:~ada/ripgrep", "snap:code"]
    assert gathered.files == ()
