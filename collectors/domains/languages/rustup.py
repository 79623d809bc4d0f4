"""Which toolchains did rustup install, with what components and targets, and which is the default?

Sources: rustup's `settings.toml`, and the `components` file that its installer leaves in each toolchain.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from collectors.collected import Cover, Loss
from collectors.domains.languages.package import command, shown
from collectors.domains.languages.reading import (
    content,
    entries,
    name_of,
    open_homes,
    target_of,
    toml_table,
    word,
)
from collectors.domains.languages.toolchains import Toolchain, ToolchainDefault
from collectors.failure import Finding
from collectors.homes import Home
from collectors.host import Entry, Host
from collectors.reading.looking import Outcome, mapping
from collectors.record import escaped

RUSTUP = ".rustup"
# What every toolchain of rustup's profile `minimal` has.
MINIMAL = frozenset({"cargo", "rust-std", "rustc"})
STANDARD_LIBRARY = "rust-std-"


@dataclass(frozen=True)
class Settings:
    """What settings.toml says: the default toolchain, and those of folders."""

    default: str = ""
    overrides: tuple[tuple[str, str], ...] = ()


def found(host: Host) -> Iterator[Outcome]:
    """Yield the toolchains of rustup in each home, and the default one."""
    for home in open_homes(host):
        for entry in entries(host, home.within(RUSTUP, "toolchains")):
            if isinstance(entry, Finding):
                yield entry
            elif entry.is_symlink:
                yield _linked(host, entry)
            elif entry.is_dir and not entry.is_foreign:
                yield from _toolchain(host, home, entry)
        yield from _settings(host, home)


def _toolchain(host: Host, home: Home, entry: Entry) -> Iterator[Outcome]:
    name = name_of(entry)
    text = content(host, f"{entry.path}/lib/rustlib/components")
    if isinstance(text, Finding):
        yield text
    components, targets = parse_components(text if isinstance(text, str) else "", name)
    toolchain = Toolchain(
        user=escaped(home.user),
        name=f"rust/{escaped(name)}",
        manager="rustup",
        components=tuple(map(shown, components)),
        targets=tuple(map(shown, targets)),
        command=install_command(name, components, targets),
    )
    yield toolchain
    yield Cover(entry.path, toolchain.item_id())


def install_command(name: str, components: tuple[str, ...], targets: tuple[str, ...]) -> str:
    """Return how rustup installs a toolchain with these components, and no others."""
    more = ",".join(map(shown, sorted(set(components) - MINIMAL)))
    others = ",".join(map(shown, targets))
    added = (*(("--component", more) if more else ()), *(("--target", others) if others else ()))
    return command("rustup", "toolchain", "install", shown(name), "--profile", "minimal", *added)


def _linked(host: Host, entry: Entry) -> Loss | Finding:
    target = target_of(host, entry)
    if isinstance(target, Finding):
        return target
    reason = f"a toolchain that leads to {escaped(target)}, built by hand"
    return Loss("sourceless", escaped(entry.path), reason, "push the sources it was built from")


def _settings(host: Host, home: Home) -> Iterator[Outcome]:
    path = home.within(RUSTUP, "settings.toml")
    text = content(host, path)
    settings = parse_settings(text, escaped(path)) if isinstance(text, str) else text
    if isinstance(settings, Finding):
        yield settings
    if not isinstance(settings, Settings):
        return
    yield Cover(path, "made anew by rustup")
    chosen = ((("rust", settings.default),) if settings.default else ()) + tuple(
        (f"rust in {folder}", toolchain) for folder, toolchain in settings.overrides
    )
    for runtime, toolchain in chosen:
        folder = runtime.removeprefix("rust in ") if runtime != "rust" else ""
        words = ("override", "set", "--path", shown(folder)) if folder else ("default",)
        yield ToolchainDefault(
            user=escaped(home.user),
            manager="rustup",
            runtime=shown(runtime),
            versions=(shown(toolchain),),
            command=command("rustup", *words, shown(toolchain)),
        )


def parse_settings(text: str, path: str) -> Settings | Finding:
    """Return what a settings.toml says."""
    data = toml_table(text, path)
    if isinstance(data, Finding):
        return data
    overrides = mapping(data.get("overrides")).items()
    return Settings(
        word(data.get("default_toolchain")),
        tuple(sorted((folder, word(name)) for folder, name in overrides if folder and word(name))),
    )


def parse_components(text: str, toolchain: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the components of a toolchain, and the targets besides its own; a line is `rustfmt-<target>`.

    The toolchain's name ends with its own target: `stable-x86_64-unknown-linux-gnu`.
    """
    own, components, targets = toolchain.split("-", 1)[-1], set(), set()
    for line in filter(None, (line.strip() for line in text.split("\n"))):
        if line.startswith(STANDARD_LIBRARY) and not own.endswith(
            target := line.removeprefix(STANDARD_LIBRARY)
        ):
            targets.add(target)
            continue
        name = next((line[: -len(end)] for end in _ends(own) if line.endswith(end)), line)
        components.add(name.removesuffix("-preview"))
    return tuple(sorted(components)), tuple(sorted(targets))


def _ends(own: str) -> tuple[str, ...]:
    """Return what a component's line may end with: the target, after the date of a dated toolchain."""
    parts = own.split("-")
    return tuple(f"-{'-'.join(parts[start:])}" for start in range(len(parts)))
