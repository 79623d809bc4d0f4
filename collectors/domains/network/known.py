"""What is known of the settings of networks? The knowledge is data: network.yaml says what its keys mean."""

from __future__ import annotations

from functools import cache

from collectors.document import shipped
from collectors.judgement.knowledge import is_secret_setting
from collectors.reading.patterns import matches
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
        if matches(key.lower(), self.plain_keys):
            return False
        return is_secret_setting("/etc", key, value, self.secret_keys)

    def is_netplan_secret(self, key: str, value: str) -> bool:
        """Tell whether a key of netplan holds a secret; `passthrough` has keys of keyfiles, `group.key`."""
        group, dot, last = key.rpartition(".")
        return matches(key.lower(), self.netplan_secrets) or self.is_secret(
            group, last if dot else key, value
        )


@cache
def known() -> Known:
    """Return what is known of the settings of networks."""
    return shipped("collectors.domains.network", "network.yaml", Known)
