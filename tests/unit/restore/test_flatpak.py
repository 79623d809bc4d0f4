"""What flatpak is asked, in which order; a fake records it. That real flatpak obeys, the round trip shows."""

from __future__ import annotations

from dataclasses import replace

from collectors.domains.flatpak import Flatpak
from collectors.domains.flatpak.things import App, Mask, Pin, Remote, Runtime, Setting
from tests.postures import small_posture
from tests.unit.restore.conftest import Playing, plan_of

HUB = Remote(name="hub", url="https://dl.example.org/repo/", title="Löw's {{ 7*7 }}")
QUIET = "--assumeyes --noninteractive --or-update"


def app(name: str, branch: str = "stable", **facts: object) -> App:
    return App.model_validate({"id": name, "arch": "x86_64", "branch": branch, "remote": "hub", **facts})


def test_remotes_then_apps_in_one_transaction_then_marks(playing: Playing) -> None:
    playing.programs.fake("flatpak")
    playing.restored(
        Flatpak(
            remotes=(HUB,),
            apps=(app("org.a"), app("org.b")),
            runtimes=(Runtime(id="org.r", arch="x86_64", branch="1", remote="hub"),),
            masks=(Mask(pattern="org.m"),),
            pins=(Pin(pattern="runtime/org.p/*/1"),),
            settings=(Setting(key="languages", value="de;en"),),
        )
    )
    first, second, apps, *last = playing.programs.argvs()
    assert {first, second} == {
        f"flatpak remote-add --system --title={HUB.title} -- hub {HUB.url}",
        "flatpak config --system --set languages de;en",
    }
    refs = "app/org.a/x86_64/stable app/org.b/x86_64/stable runtime/org.r/x86_64/1"
    assert apps == f"flatpak install --system {QUIET} -- hub {refs}"
    assert last == ["flatpak mask --system org.m", "flatpak pin --system runtime/org.p/*/1"]


def test_one_that_its_remote_has_not_keeps_no_other_away(playing: Playing) -> None:
    said = "error: No remote refs found for org.gone\n"
    playing.programs.fake("flatpak", code=1, says=said, refuses=["gone"])
    told = playing.restored(Flatpak(remotes=(HUB,), apps=(app("org.a"), app("org.gone"), app("org.z"))))
    assert [name for name, each in told.items() if each["state"] != "restored"] == ["flatpak:org.gone"]
    assert told["flatpak:org.gone"]["state"] == "unavailable"


def test_the_branch_that_starts_comes_last_and_is_made_the_current_one(playing: Playing) -> None:
    playing.programs.fake("flatpak")
    hers = {"scope": "~ada"}
    playing.restored(
        Flatpak(
            remotes=(HUB.model_copy(update=hers),),
            apps=(app("org.a", "beta", **hers), app("org.a", current=False, **hers)),
        )
    )
    assert playing.programs.argvs()[1:] == [
        f"flatpak install --user {QUIET} -- hub app/org.a/x86_64/stable",
        f"flatpak install --user {QUIET} -- hub app/org.a/x86_64/beta",
        "flatpak make-current --user -- org.a beta",
    ]


def test_nothing_comes_from_a_remote_that_is_shut_so_it_is_opened_meanwhile(playing: Playing) -> None:
    playing.programs.fake("flatpak", code=1, refuses=["install"])
    shut = HUB.model_copy(update={"disabled": True, "hidden": True})
    told = playing.restored(Flatpak(remotes=(shut,), apps=(app("org.a"),)))
    assert told["flatpak:org.a"]["state"] == "failed"
    assert [argv.replace(f"{QUIET} ", "") for argv in playing.programs.argvs()[1:]] == [
        "flatpak remote-modify --system --enable --enumerate -- hub",
        "flatpak install --system -- hub app/org.a/x86_64/stable",
        "flatpak remote-modify --system --disable --no-enumerate -- hub",
    ]


def test_the_keys_of_a_remote_come_along_in_a_file_of_the_persons(playing: Playing) -> None:
    playing.programs.fake("flatpak")
    keyed = HUB.model_copy(update={"scope": "~ada", "key": "/k.gpg", "collection": "org.c", "subset": "x"})
    posture = replace(small_posture(), contents={"/k.gpg": b"\0key\xff"})
    [step], _ = plan_of(Flatpak(remotes=(keyed,)), posture=posture)
    kept = step.model_copy(
        update={"command": step.command.replace("&& flatpak", '&& cp "$keys" kept && flatpak')}
    )
    told = playing.play(kept.model_dump(mode="json"))
    assert told[keyed.item_id()]["state"] == "restored"
    assert (playing.folder / "kept").read_bytes() == b"\0key\xff"
    [asked] = playing.programs.asked()
    assert asked.argv[4:6] == ("--subset=x", "--collection-id=org.c")
    key = next(word for word in asked.argv if word.startswith("--gpg-import="))
    assert not playing.folder.joinpath(key.partition("=")[2]).exists()


def test_a_remote_that_is_here_is_made_the_same(playing: Playing) -> None:
    playing.programs.fake("flatpak")
    here = replace(
        small_posture(), flatpak=Flatpak(remotes=(HUB.model_copy(update={"url": "https://old/"}),))
    )
    playing.restored(Flatpak(remotes=(HUB,)), here)
    assert playing.programs.argvs() == [
        "flatpak remote-modify --system --gpg-verify --enable --enumerate"
        f" --url={HUB.url} --title={HUB.title} --prio=1 --subset= --collection-id= --no-filter -- hub"
    ]


def test_what_no_remote_has_is_told(playing: Playing) -> None:
    filed = Remote(name="filed-origin", url="", bound="it stands for a file that an app was installed from")
    told = playing.restored(
        Flatpak(remotes=(filed,), apps=(app("org.f", remote="filed-origin"), app("org.g")))
    )
    assert {name: each["reason"] for name, each in told.items()} == {
        "flatpak:org.f": "it was installed from a file",
        "flatpak:org.g": "its remote hub was gone",
    }


def test_a_remote_with_a_filter_and_its_apps_wait_for_the_filter(playing: Playing) -> None:
    playing.programs.fake("flatpak")
    remote = HUB.model_copy(update={"filter": "/no/such/filter"})
    told = playing.restored(Flatpak(remotes=(remote,), apps=(app("org.a"),)))
    assert playing.runner.waiting == set(told)
    assert playing.programs.argvs() == []
