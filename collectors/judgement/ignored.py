"""What does the owner not want in the posture?

The file /etc/rekindle/ignore: a pattern in each line, as in etc.yaml beside this module, and comments
after `#`.
"""

from __future__ import annotations

from collectors.failure import Finding
from collectors.host import Host, remembered, text
from collectors.judgement.knowledge import Rule
from collectors.record import LeftOut, escaped

IGNORE = "/etc/rekindle/ignore"
WHY = "the owner wants it left out"


@remembered
def ignored(host: Host) -> Rule | None:
    """Return the rule for what the owner wants left out, None where that is nothing."""
    patterns, _ = parse_ignore(text(host, IGNORE))
    return Rule(verdict="noise", why=WHY, paths=patterns) if patterns else None


def told_once(host: Host) -> tuple[tuple[LeftOut, ...], tuple[Finding, ...]]:
    """Return the one line that tells all patterns, and the lines that are none."""
    patterns, findings = parse_ignore(text(host, IGNORE))
    reason = f"{WHY}: {', '.join(map(escaped, patterns))}"
    return ((LeftOut(path=IGNORE, reason=reason),) if patterns else ()), findings


def parse_ignore(content: str) -> tuple[tuple[str, ...], tuple[Finding, ...]]:
    """Return the patterns in their order, and the lines that are none: one begins with `/`."""
    patterns, findings = [], []
    for number, line in enumerate(content.split("\n"), start=1):
        pattern = line.strip().rstrip("/")
        if pattern.startswith("/") and _is_text(pattern):
            patterns.append(pattern)
        elif line.strip() and not pattern.startswith("#"):
            findings.append(
                Finding(f"{IGNORE}:{number}", "not an absolute path in UTF-8", "begin it with `/`")
            )
    return tuple(dict.fromkeys(patterns)), tuple(findings)


def _is_text(pattern: str) -> bool:
    """Tell whether all bytes were UTF-8: what was not is a surrogate here."""
    return not any("\ud800" <= letter <= "\udfff" for letter in pattern)
