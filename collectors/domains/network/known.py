"""What is known of the settings of networks? The knowledge is data: network.yaml says what its keys mean."""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files

from collectors.document import validated
from collectors.judgement.knowledge import knowledge
from collectors.record import Record


class Known(Record):
    """The knowledge in network.yaml."""

    settings: tuple[str, ...]
    told: dict[str, str]
    secret_keys: tuple[str, ...]
    plain_keys: tuple[str, ...]
    secret_groups: tuple[str, ...]
    netplan_secrets: tuple[str, ...]

    def is_secret(self, group: str, key: str, value: str) -> bool:
        """Tell whether a key of a connection must not be captured, by its name or by its value."""
        if group in self.secret_groups:
            return True
        if _matches(key, self.plain_keys):
            return False
        return _matches(key, self.secret_keys) or bool(knowledge().secret("/etc", f"{key}={value}".encode()))

    def is_netplan_secret(self, key: str, value: str) -> bool:
        """Tell whether a key of netplan holds a secret; `passthrough` has keys of keyfiles, `group.key`."""
        group, dot, last = key.rpartition(".")
        return _matches(key, self.netplan_secrets) or self.is_secret(group, last if dot else key, value)


@cache
def known() -> Known:
    """Return what is known of the settings of networks."""
    text = files("collectors.domains.network").joinpath("network.yaml").read_text("utf-8")
    return validated(text, Known, name="network.yaml")


def _matches(key: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(key.lower(), pattern.lower()) for pattern in patterns)
