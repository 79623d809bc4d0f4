"""Where is the autoinstall, and does it say what may be obeyed?

The order is that of Ubuntu's installer; the checks are stricter, so that nothing is dropped in silence.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from .errors import Refusal

COPY = "/autoinstall.yaml"
ON_MEDIUM = "/cdrom/autoinstall.yaml"
WORD = "autoinstall"

Document = dict[str, Any]


@dataclass(frozen=True)
class Place:
    """Where an autoinstall may lie; in a NoCloud seed it is a part of cloud-config."""

    path: str
    is_seed: bool = False


def places(command_line: str) -> list[Place]:
    """Return where to look, the first hit wins: kernel command line, live root, NoCloud seed, medium."""
    words = command_line.split()
    named = [word.partition("=")[2] for word in words if word.startswith("subiquity.autoinstallpath=")]
    seeds = [seed for word in words if (seed := _seed(word))]
    return [
        *(Place(path) for path in named[-1:]),
        Place(COPY),
        *(Place(f"{seed.rstrip('/')}/user-data", is_seed=True) for seed in seeds[-1:]),
        Place(ON_MEDIUM),
    ]


def _seed(word: str) -> str:
    """Return the folder of `ds=nocloud;s=/cdrom/nocloud/`, or "" for another word."""
    match = re.fullmatch(r"ds=nocloud(?:-net)?;(?:.*;)?(?:s|seedfrom)=(?:file://)?(/[^;]*)(?:;.*)?", word)
    return match[1] if match else ""


def find(command_line: str, root: Path = Path("/")) -> tuple[Place, str] | None:
    """Return the place and the text of the first autoinstall there is; raises Refusal for broken YAML."""
    for place in places(command_line):
        file = root / place.path.lstrip("/")
        if not file.is_file():
            continue
        text = file.read_text(errors="surrogateescape")
        if not place.is_seed:
            return place, text
        if file.with_name("meta-data").is_file() and (inner := from_seed(text)):
            return place, inner
    return None


def from_seed(user_data: str) -> str:
    """Return the autoinstall inside `#cloud-config`, as YAML of its own, or "" where there is none."""
    if not user_data.startswith("#cloud-config"):
        return ""
    document = parsed(user_data)
    return yaml.safe_dump(document[WORD], sort_keys=False) if WORD in document else ""


def is_confirmed(command_line: str) -> bool:
    """Tell whether the kernel command line has the word that lets the installer go on by itself."""
    return WORD in command_line.split()


def parsed(text: str) -> Document:
    """Read the YAML, bare or under one `autoinstall:`; raises Refusal."""
    try:
        document = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise Refusal(f"line {line}: {error.problem}") from None
    if not isinstance(document, dict):
        raise Refusal("not a mapping of keys to values")
    return document


def unwrapped(document: Document) -> Document:
    """Return the bare keys; nothing may stand beside a wrapping `autoinstall:`."""
    if WORD not in document:
        return document
    beside = sorted(str(key) for key in document if key != WORD)
    if beside:
        raise Refusal(f"{beside[0]}: stands beside autoinstall, which must be alone")
    if not isinstance(document[WORD], dict):
        raise Refusal("autoinstall: not a mapping of keys to values")
    return dict(document[WORD])


def check(document: Document, schema: Mapping[str, Any]) -> None:
    """Raise Refusal with the key and the reason where the document is not what the schema says."""
    if "version" not in document:
        raise Refusal("version: missing")
    errors = jsonschema.Draft202012Validator(schema).iter_errors(document)
    first = min(errors, key=lambda error: [str(part) for part in error.absolute_path], default=None)
    if first is not None:
        raise Refusal(_told(_deepest(first)))


def _deepest(error: jsonschema.ValidationError) -> jsonschema.ValidationError:
    """Follow an anyOf or oneOf into the branch that was meant: of the right kind, with the fewest errors."""
    while error.context:
        branches: dict[object, list[jsonschema.ValidationError]] = defaultdict(list)
        for inner in error.context:
            branches[inner.schema_path[0]].append(inner)
        meant = min(branches.values(), key=lambda branch: (any(map(_is_other, branch)), len(branch)))
        error = max(meant, key=lambda inner: len(inner.absolute_path))
    return error


def _is_other(error: jsonschema.ValidationError) -> bool:
    """Tell whether the branch is for another kind of value or another `type:` of action."""
    return error.validator in ("type", "const") and (len(error.path) == 0 or error.path[-1] == "type")


def _told(error: jsonschema.ValidationError) -> str:
    path = list(error.absolute_path)
    schema: Any = error.schema
    value: Any = error.instance
    if error.validator == "additionalProperties":
        unknown = sorted(str(key) for key in value if key not in schema.get("properties", {}))
        return f"{key_path([*path, unknown[0]])}: unknown key"
    if error.validator == "required":
        missing = [key for key in schema["required"] if key not in value]
        return f"{key_path([*path, missing[0]])}: missing"
    if error.validator == "const" and error.parent is not None:
        others = (other for other in error.parent.context or () if other.validator == "const")
        words = [str(other.validator_value) for other in others]
        return f"{key_path(path)}: {value!r} is not one of {', '.join(words)}"
    return f"{key_path(path) or 'the document'}: {error.message}"


def key_path(parts: Iterable[str | int]) -> str:
    """Write a path as `storage.config[2].size`."""
    text = ""
    for part in parts:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.removeprefix(".")


def _without(*keys: str) -> Callable[[Any], bool]:
    return lambda value: not any(value.get(key) for key in keys)


def _is_off(value: Any) -> bool:
    return not value


# What the schema may know and the stand-in does not do: it goes on only where that is switched off.
OFF: Mapping[str, Callable[[Any], bool]] = {
    "active-directory": _is_off,
    "codecs": _without("install"),
    "debconf-selections": _is_off,
    "drivers": _without("install"),
    "interactive-sections": _is_off,
    "kernel": _is_off,
    "kernel-crash-dumps": _without("enabled"),
    "network": _is_off,
    "oem": lambda value: value.get("install") in (False, "auto"),
    "proxy": _is_off,
    "refresh-installer": _without("update"),
    "reporting": _is_off,
    "snaps": _is_off,
    "source": _without("search_drivers"),
    "ubuntu-advantage": _is_off,
    "ubuntu-pro": _is_off,
    "user-data": _is_off,
    "zdevs": _is_off,
}
# The keys it obeys below each of these; the others it must not pass over.
OBEYED: Mapping[str, frozenset[str]] = {
    "apt": frozenset({"fallback", "geoip"}),
    "identity": frozenset({"realname", "username", "hostname", "password"}),
    "keyboard": frozenset({"layout", "variant", "toggle"}),
    "source": frozenset({"id", "search_drivers"}),
    "ssh": frozenset({"install-server", "authorized-keys", "allow-pw"}),
    "storage": frozenset({"layout", "config", "swap"}),
}
TOP = frozenset(
    {
        *("version", "early-commands", "late-commands", "error-commands", "locale", "timezone"),
        *("packages", "updates", "shutdown"),
    }
)
NEEDED = ("identity", "locale", "storage")


def refuse_unable(document: Document) -> None:
    """Raise Refusal where the schema allows what the stand-in does not do, or what it needs is missing."""
    for key, value in document.items():
        if key in OFF and not OFF[key](value):
            raise Refusal(f"{key}: the stand-in cannot do this")
        if key not in TOP and key not in OFF and key not in OBEYED:
            raise Refusal(f"{key}: the stand-in does not know this key")
        for inner in value if key in OBEYED else ():
            if inner not in OBEYED[key]:
                raise Refusal(f"{key}.{inner}: the stand-in cannot do this")
    for key in NEEDED:
        if key not in document:
            raise Refusal(f"{key}: missing")


def chosen_source(document: Document, sources: Sequence[Mapping[str, Any]]) -> str:
    """Return the file name in casper/ of the system to install, by `source.id` or the default one."""
    wanted = document.get("source", {}).get("id")
    for source in sources:
        if source["id"] == wanted or (wanted is None and source.get("default")):
            return str(source["path"])
    known = ", ".join(str(source["id"]) for source in sources)
    raise Refusal(f"source.id: {wanted} is not on this medium; it has {known}")


def refuse_unknown_words(document: Document, root: Path = Path("/")) -> None:
    """Raise Refusal for a time zone, locale or keyboard that this system does not have."""
    zone = document.get("timezone", "Etc/UTC")
    if not (root / "usr/share/zoneinfo" / zone).is_file():
        raise Refusal(f"timezone: there is no {zone}")
    locale_line(document["locale"], (root / "usr/share/i18n/SUPPORTED").read_text())
    layout = document.get("keyboard", {}).get("layout", "us")
    rules = (root / "usr/share/X11/xkb/rules/base.lst").read_text()
    known = layouts(rules)
    for word in layout.split(","):
        if word not in known:
            raise Refusal(f"keyboard.layout: there is no {word}")


def layouts(rules: str) -> frozenset[str]:
    """Return the layouts that XKB's `base.lst` lists."""
    section = rules.partition("! layout")[2].partition("\n!")[0]
    return frozenset(line.split()[0] for line in section.splitlines() if line.strip())


def locale_line(locale: str, supported: str) -> str:
    """Return the line of locale.gen(5) that makes the locale, "" for one that needs none; raises Refusal."""
    if locale in ("C", "POSIX", "C.UTF-8"):
        return ""
    for line in supported.splitlines():
        name, _, charset = line.partition(" ")
        if locale in (name, f"{name}.{charset}"):
            return line
    raise Refusal(f"locale: there is no {locale}")
