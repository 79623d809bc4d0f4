"""Every parser against a folder of samples from real machines, and odd ones."""

from __future__ import annotations

import re
from pathlib import Path

from collectors import accounts
from collectors.debian import dpkg, sources, stanzas, variables
from tests.unit.sampled import SAMPLES, sampled

test_diversions = sampled("diversions", lambda text, name: dpkg.parse_diversions(text))
test_extended_states = sampled("extended_states", lambda text, name: dpkg.parse_extended_states(text))
test_group = sampled("group", lambda text, name: accounts.parse_group(text))
test_passwd = sampled("passwd", lambda text, name: accounts.parse_passwd(text))
test_sources = sampled("sources", lambda text, name: sources.parse_sources(text, path=name))
test_stanzas = sampled("stanzas", lambda text, name: stanzas.parse_stanzas(text))
test_status = sampled("status", lambda text, name: dpkg.parse_status(text))
test_variables = sampled("variables", lambda text, name: variables.parse_variables(text, name=name))


def test_no_sample_lies_unused() -> None:
    tests = "".join(path.read_text("utf-8") for path in Path(__file__).parent.rglob("test_*.py"))
    used = set(re.findall(r'sampled\(\s*"([\w-]+)"', tests))
    assert sorted(folder.name for folder in SAMPLES.iterdir() if folder.name not in used) == []
