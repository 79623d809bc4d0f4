"""Which steps bring editors' profiles, extensions and plugins back?

The profiles of VS Code and the editors made of it are named in a file of theirs, and an extension is only
installed in one that is there. All extensions of a profile, all plugins of a program are one command.
"""

from __future__ import annotations

import json
import shlex

from builder.restore.report import Outcome
from builder.restore.steps.commands import CommandStep, like_an_option, step_of, untold
from builder.restore.steps.step import Steps, Target
from collectors.domains.editors import Editors
from collectors.domains.editors.code import PROFILES, STORAGE, Extension, Profile, Variant, family
from collectors.domains.editors.jetbrains import Plugin, known
from collectors.record import File, unescaped, word

# Puts a profile among those of a storage.json, and makes its directory; the rest of the file stays as it is.
ADD_PROFILE = """
import json, os, sys
storage, folder, profile = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
try:
    with open(storage, encoding="utf-8") as file:
        data = json.load(file)
except FileNotFoundError:
    data = {}
others = [each for each in data.get("userDataProfiles", []) if each.get("name") != profile["name"]]
data["userDataProfiles"] = [*others, profile]
for each in (os.path.dirname(storage), folder):
    os.makedirs(each, exist_ok=True)
with open(storage + ".rekindle", "w", encoding="utf-8") as file:
    json.dump(data, file, indent=4)
os.replace(storage + ".rekindle", storage)
"""


def steps(to: Target) -> Steps:
    """Yield the steps of the section editors."""
    variants = {variant.name: variant for variant in family().variants}
    for thing in to.things(Editors.NAME):
        if isinstance(thing, Profile) and thing.editor in variants:
            yield _profile(thing, variants[thing.editor])
        elif isinstance(thing, Extension) and thing.editor in variants:
            yield _extension(thing, variants[thing.editor])
        elif isinstance(thing, Plugin) and thing.product in known().launchers:
            yield _plugin(thing, known().launchers[thing.product])
        elif not isinstance(thing, File):
            yield untold(thing)


def _profile(profile: Profile, variant: Variant) -> CommandStep:
    entry = {"location": unescaped(profile.folder), "name": unescaped(profile.profile)}
    shared = {"useDefaultFlags": dict.fromkeys(profile.shares, True)} if profile.shares else {}
    icon = {"icon": unescaped(profile.icon)} if profile.icon else {}
    asked = shlex.join(("python3", "-I", "-c", ADD_PROFILE))
    storage, folder = (word(f"{variant.config}/{each}") for each in (STORAGE, f"{PROFILES}/{profile.folder}"))
    told = shlex.quote(json.dumps({**entry, **icon, **shared}))
    lane = f"{profile.editor} of {profile.user}"
    return step_of(Editors.NAME, profile, command=f"{asked} ~/{storage} ~/{folder} {told}", lane=lane)


def _extension(extension: Extension, variant: Variant) -> CommandStep | Outcome:
    if extension.source == "vsix":
        return _sourceless(extension, variant)
    if extension.extension.startswith("-"):
        return like_an_option(extension)
    profile = f" --profile {word(extension.profile)}" if extension.profile else ""
    early = " --pre-release" if extension.pre_release else ""
    version = f"@{extension.version}" if extension.pinned and extension.version else ""
    return step_of(
        Editors.NAME,
        extension,
        command=f"{shlex.join(variant.command)} --force{profile}{early}",
        operand=f"--install-extension {word(extension.extension + version)}",
        lane=f"{extension.editor} of {extension.user}",
        stage=1,
        # A flatpak's program goes by its id.
        needs=(variant.command[-1],),
        network=True,
    )


def _plugin(plugin: Plugin, launcher: str) -> CommandStep | Outcome:
    if plugin.plugin.startswith("-"):
        return like_an_option(plugin)
    return step_of(
        Editors.NAME,
        plugin,
        command=f"{launcher} installPlugins",
        operand=word(plugin.plugin),
        lane=f"{plugin.product} of {plugin.user}",
        needs=(launcher,),
        network=True,
    )


def _sourceless(extension: Extension, variant: Variant) -> Outcome:
    remedy = f"{shlex.join(variant.command)} --install-extension FILE-OF-{extension.extension}.vsix"
    reason = "it was installed from a file: no market has it"
    return Outcome(id=extension.item_id(), state="unavailable", reason=reason, remedy=remedy)
