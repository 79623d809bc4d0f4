"""Which clones are planned, and which are refused before git is asked?"""

from __future__ import annotations

import pytest

from builder.restore.steps.repos import is_address
from collectors.domains.repos import Repos
from collectors.domains.repos.clone import Remote, Repo
from tests.unit.restore.conftest import plan_of


def repo(url: str) -> Repo:
    remotes = (Remote(name="origin", url=url),)
    return Repo(path="/home/me/x", name="~me/x", user="me", remotes=remotes, branch="main")


@pytest.mark.parametrize(
    "url",
    [
        *("--upload-pack=touch pwned", "-oProxyCommand=touch pwned", "ext::sh -c touch% pwned", "fd::17"),
        *("ssh://-oProxyCommand=touch pwned/x", "git@-oProxyCommand=x:y", "a::b", "relative", "foo://x", ""),
    ],
)
def test_an_address_that_would_run_a_program_is_refused(url: str) -> None:
    assert not is_address(url)
    steps, outcomes = plan_of(Repos(repos=(repo(url),)))
    assert not steps
    assert [each.state for each in outcomes] == ["unavailable"]


@pytest.mark.parametrize(
    "url",
    [
        "/srv/git/x.git",
        "https://ada@git.example.org/x",
        "git@git.example.org:x/y.git",
        "nas:x.git",
        "ssh://git@[::1]/x",
    ],
)
def test_usual_addresses_are_asked(url: str) -> None:
    assert is_address(url)
