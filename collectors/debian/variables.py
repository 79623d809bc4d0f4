"""How is a file of shell variables read, such as /etc/os-release and /etc/default/keyboard?"""

from __future__ import annotations

import re
import shlex

from collectors.failure import Finding

ASSIGNMENT = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)=(.*)", re.DOTALL)


def parse_variables(content: str, *, name: str) -> tuple[dict[str, str], tuple[Finding, ...]]:
    """Return the variables of os-release(5) and its like, quotes taken off, and the lines that are none.

    A value is one word of the shell; nothing is expanded. The last assignment of a variable counts.
    """
    variables, findings = {}, []
    for number, line in enumerate(content.split("\n"), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        found = ASSIGNMENT.fullmatch(line)
        value = _word(found[2]) if found else None
        if found is None or value is None:
            findings.append(Finding(f"{name}:{number}", "not `NAME=value`", "mend that line"))
        else:
            variables[found[1]] = value
    return variables, tuple(findings)


def _word(value: str) -> str | None:
    """Return the one shell word that `value` is, or None."""
    try:
        words = shlex.split(value, comments=True)
        value.encode()
    except ValueError:  # quotes that do not end, or bytes that are not UTF-8
        return None
    return words[0] if len(words) == 1 else "" if not words else None
