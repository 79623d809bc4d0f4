"""How does YAML become a typed record, and what is said when it does not?"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from collectors.failure import Failure

Model = TypeVar("Model", bound=BaseModel)

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_Dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def dumped(value: Any) -> str:
    """Write plain data as YAML, keys in the order given, one line per scalar."""
    return str(
        yaml.dump(
            value,
            Dumper=_Dumper,
            sort_keys=False,
            allow_unicode=True,
            default_flow_style=False,
            width=1_000_000,
        )
    )


def parsed(text: str, *, name: str) -> Any:
    """Read one YAML document of plain data; raises Failure with `name`, the line and the problem."""
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506 - one of the two safe loaders
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise Failure(f"{name}:{line}: {error.problem}", remedy="mend the YAML there") from None
    except (yaml.YAMLError, ValueError) as error:
        said = " ".join(str(error).split())
        raise Failure(f"{name}: {said}", remedy="mend the YAML there") from None


def validated(text: str, model: type[Model], *, name: str) -> Model:
    """Read `text` into `model`; raises Failure with the file, the line, the key and the remedy."""
    return as_model(parsed(text, name=name), text, model, name=name)


def as_model(data: Any, text: str, model: type[Model], *, name: str) -> Model:
    """Make a record of `data`, which was read from `text`; raises Failure as `validated` does."""
    if data is None:
        data = {}
    if not isinstance(data, dict):
        raise Failure(f"{name}:1: not a mapping of keys to values", remedy="write `key: value` lines")
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise _named(error, text, name) from None


def shipped(package: str, name: str, model: type[Model]) -> Model:
    """Return what a file says that comes with a package: `debconf.yaml` of `collectors.domains.apt`."""
    return validated(files(package).joinpath(name).read_text("utf-8"), model, name=name)


def _named(error: ValidationError, text: str, name: str) -> Failure:
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        return Failure(
            f"{name}:{_line(text, first['loc'])}: {key}: unknown key",
            remedy="remove it, or mend its spelling",
        )
    return Failure(
        f"{name}:{_line(text, first['loc'])}: {key}: {message}", remedy="write a value of that kind"
    )


def _line(text: str, location: Sequence[str | int]) -> int:
    """Return the 1-based line of the deepest part of `location` that is in the text."""
    node = yaml.compose(text, Loader=_Loader)
    line = 1
    for part in location:
        step = _child(node, part)
        if step is None:
            break
        line, node = step
    return line


def _child(node: Any, part: str | int) -> tuple[int, Any] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == str(part):
                return key.start_mark.line + 1, value
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part].start_mark.line + 1, node.value[part]
    return None
