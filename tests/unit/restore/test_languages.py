"""What managers of languages are asked: by whom, with what, in which order; fakes record it."""

from __future__ import annotations

from pathlib import Path

from collectors.domains.languages import Languages
from collectors.domains.languages.brew import Cask, Formula, Tap
from collectors.domains.languages.cargo import Cargo
from collectors.domains.languages.conda import Conda
from collectors.domains.languages.gem import Gem
from collectors.domains.languages.golang import Go
from collectors.domains.languages.node import Bun, Pnpm, Yarn
from collectors.domains.languages.npm import Npm
from collectors.domains.languages.pip import Pip
from collectors.domains.languages.pipx import Pipx
from collectors.domains.languages.toolchains import Toolchain, ToolchainDefault
from collectors.domains.languages.uv import Uv
from tests.unit.restore.conftest import Playing, plan_of

NODE = Toolchain(user="ada", name="node/v20.11.0", manager="nvm", command="nvm install v20.11.0")
PYTHON = Toolchain(user="ada", name="python/3.11.7", manager="pyenv", command="pyenv install 3.11.7")


def npm(name: str, version: str = "1.0.0", user: str = "ada", prefix: str = "~/.npm-global") -> Npm:
    return Npm(user=user, name=name, version=version, prefix=prefix)


def states(told: dict[str, dict[str, str]]) -> dict[str, str]:
    return {name: each["state"] for name, each in told.items()}


def test_packages_of_one_place_are_asked_for_together(playing: Playing) -> None:
    playing.programs.fake("npm", "pip", "gem", "pnpm")
    playing.restored(
        Languages(
            npm=(npm("shared", user="", prefix="/usr/local"), npm("@ada/x"), npm("y", version="")),
            pip=(
                Pip(user="ada", name="a", version="1"),
                Pip(user="ada", name="b", version="2"),
                Pip(name="c"),
            ),
            gem=(Gem(user="ada", name="x", version="1"), Gem(user="ada", name="y", version="2")),
            pnpm=(
                Pnpm(user="ada", name="v", asked="^1"),
                Pnpm(user="ada", name="w", asked="git+https://x.org/w"),
            ),
        )
    )
    home = playing.folder
    assert sorted(playing.programs.argvs(), key=lambda argv: argv.replace(str(home), "")) == [
        "gem install --user-install x:1 y:2",
        f"npm install --global --prefix {home}/.npm-global @ada/x@1.0.0 y",
        "npm install --global --prefix /usr/local shared@1.0.0",
        "pip install --user a==1 b==2",
        "pip install c",
        "pnpm add --global v@^1 git+https://x.org/w",
    ]


def test_one_that_no_registry_has_keeps_no_other_away(playing: Playing) -> None:
    playing.programs.fake("npm", code=1, says="npm ERR! 404 'b@1' is not in this registry.\n", refuses=["b@"])
    told = playing.restored(Languages(npm=tuple(map(npm, "abcd"))))
    assert states(told) == {
        **dict.fromkeys(("npm:~ada/a", "npm:~ada/c", "npm:~ada/d"), "restored"),
        "npm:~ada/b": "unavailable",
    }
    assert told["npm:~ada/b"]["remedy"].endswith("npm install --global --prefix ~/.npm-global b@1.0.0")
    assert [argv.split(".npm-global ")[1] for argv in playing.programs.argvs()] == [
        "a@1.0.0 b@1.0.0 c@1.0.0 d@1.0.0",
        "a@1.0.0 b@1.0.0",
        "a@1.0.0",
        "b@1.0.0",
        "c@1.0.0 d@1.0.0",
    ]


def nvm(playing: Playing) -> None:
    """Install nvm as a function of the shell, which is what it is."""
    playing.programs.fake("nvm-was", "sdk-was")
    for place, name in ((".nvm/nvm.sh", "nvm"), (".sdkman/bin/sdkman-init.sh", "sdk")):
        path = playing.folder / place
        path.parent.mkdir(parents=True)
        path.write_text(f'{name}() {{ {name}-was "$@"; }}\n')


def test_a_toolchain_comes_first_then_what_is_chosen_then_what_is_in_it(playing: Playing) -> None:
    nvm(playing)
    default = ToolchainDefault(
        user="ada",
        manager="nvm",
        runtime="node",
        versions=("lts/iron",),
        command="nvm alias default lts/iron",
    )
    pm2 = Npm(user="ada", name="pm2", version="5", runtime=NODE.name, within="nvm exec v20.11.0")
    told = playing.restored(Languages(npm=(pm2,), toolchains=(NODE,), defaults=(default,)))
    assert set(states(told).values()) == {"restored"}
    assert playing.programs.argvs() == [
        "nvm-was install v20.11.0",
        "nvm-was alias default lts/iron",
        "nvm-was exec v20.11.0 npm install --global pm2@5",
    ]


def test_every_kind_of_toolchain_is_asked_of_its_manager(playing: Playing) -> None:
    nvm(playing)
    playing.programs.fake("pyenv", "pip")
    java = Toolchain(user="ada", name="java/21", manager="sdkman", command="sdk install java 21")
    lib = Pip(user="ada", name="lib", version="1", runtime=PYTHON.name, within="PYENV_VERSION=3.11.7")
    playing.restored(Languages(pip=(lib,), toolchains=(java, PYTHON)))
    assert sorted(playing.programs.argvs()) == [
        "pip install lib==1",
        "pyenv install 3.11.7",
        "sdk-was install java 21",
    ]


def test_what_has_a_command_of_its_own_is_asked_for_by_it(playing: Playing) -> None:
    playing.programs.fake("pipx", "uv", "cargo", "go", "conda", "brew", "yarn", "bun")
    told = playing.restored(
        Languages(
            pipx=(Pipx(user="ada", name="black", package="black[d]", injected=("x",)),),
            uv=(Uv(user="ada", name="ruff", package="ruff==0.4.1", others=("lsp",)),),
            cargo=(Cargo(user="ada", name="rg", asked="^14", features=("a", "b")),),
            go=(Go(user="ada", name="x.org/gopls", version="v1", tags="t"), Go(user="ada", name="own")),
            conda=(Conda(user="ada", name="x y", prefix="~/m/envs/x y", specs=("a>=1",), channels=("c",)),),
            brew=(Formula(user="ada", name="jq", pinned=True),),
            casks=(Cask(user="ada", name="font"),),
            taps=(Tap(user="ada", name="a/t", url="https://x.org/t"), Tap(user="ada", name="a/own")),
            yarn=(Yarn(user="ada", name="serve", asked="14"),),
            bun=(Bun(user="ada", name="tool"),),
        )
    )
    asked = playing.programs.argvs()
    assert asked.index("brew tap a/t https://x.org/t") < asked.index("brew install jq")
    assert sorted(asked) == [
        "brew install --cask font",
        "brew install jq",
        "brew pin jq",
        "brew tap a/t https://x.org/t",
        "bun add --global tool@latest",
        "cargo install --version ^14 --features a,b rg",
        f"conda create --prefix {playing.folder}/m/envs/x y --channel c a>=1",
        "go install -tags t x.org/gopls@v1",
        "pipx inject black x",
        "pipx install black[d]",
        "uv tool install --with lsp ruff==0.4.1",
        "yarn global add serve@14",
    ]
    assert {name for name, state in states(told).items() if state != "restored"} == {
        "go:~ada/own",
        "brew-tap:~ada/a/own",
    }


def test_an_environment_that_is_there_is_never_made_anew(playing: Playing) -> None:
    playing.programs.fake("conda")
    (playing.folder / "m/envs/x/conda-meta").mkdir(parents=True)
    playing.restored(Languages(conda=(Conda(user="ada", name="x", prefix="~/m/envs/x", specs=("a",)),)))
    assert playing.programs.argvs() == [f"conda install --prefix {playing.folder}/m/envs/x a"]


def test_what_was_made_from_a_folder_waits_for_the_folder(playing: Playing, tmp_path: Path) -> None:
    playing.programs.fake("npm", "pip", "pipx", "uv", "cargo")
    src = f"{tmp_path}/löw's src"
    section = Languages(
        npm=(Npm(user="ada", name="mine", prefix="~/.n", source=f"file:{src}"),),
        pip=(
            Pip(user="ada", name="hers", source=src, editable=True),
            Pip(user="ada", name="mail", source=f"file://{tmp_path}/l%C3%B6w's%20src"),
        ),
        pipx=(Pipx(user="ada", name="hers", package=f"hers @ file://{tmp_path}/l%C3%B6w's%20src"),),
        uv=(Uv(user="ada", name="hers", package=f"{src}[x]", editable=True),),
        cargo=(Cargo(user="ada", name="hers", source=f"path+file://{src}"),),
    )
    told = playing.restored(section)
    assert set(states(told).values()) == {"unavailable"}
    assert told["npm:~ada/mine"]["reason"] == f"no {src} here"
    assert playing.runner.waiting == set(told)
    Path(src).mkdir()
    assert set(states(playing.restored(section)).values()) == {"restored"}
    assert (
        f"pip install --user --editable {src} file://{tmp_path}/l%C3%B6w's%20src" in playing.programs.argvs()
    )


def test_what_looks_like_an_option_or_a_command_is_data(playing: Playing) -> None:
    playing.programs.fake("npm", "pip")
    told = playing.restored(
        Languages(
            npm=(npm("--prefix=/etc"), npm("$(touch pwned)"), npm("; touch pwned")),
            pip=(
                Pip(user="ada", name="x", source="-r/etc/shadow"),
                Pip(user="ada", name="{{ 7*7 }}", version="1"),
            ),
        )
    )
    assert [name for name, state in states(told).items() if state == "unavailable"] == [
        "npm:~ada/--prefix=/etc",
        "pip:~ada/x",
    ]
    asked = {word for each in playing.programs.asked() for word in each.argv}
    assert {"$(touch pwned)@1.0.0", "; touch pwned@1.0.0", "{{ 7*7 }}==1"} <= asked
    assert not (playing.folder / "pwned").exists()


def test_without_its_manager_all_of_it_waits(playing: Playing) -> None:
    playing.programs.fake("npm")
    told = playing.restored(Languages(npm=(npm("a"),), toolchains=(NODE,)))
    assert told["toolchain:~ada/node/v20.11.0"]["reason"] == "no ~/.nvm/nvm.sh here"
    assert playing.runner.waiting >= {"toolchain:~ada/node/v20.11.0"}


def test_managers_of_several_people_go_side_by_side() -> None:
    made, _ = plan_of(Languages(npm=(npm("a"), npm("b", user="bob"), npm("c", user="")), toolchains=(NODE,)))
    assert [(each.user, each.lane, each.stage) for each in made] == [
        ("ada", "nvm of ada", 0),
        ("", "npm", 2),
        ("ada", "npm of ada", 2),
        ("bob", "npm of bob", 2),
    ]
