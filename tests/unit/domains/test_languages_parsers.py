"""Every parser of the section `languages` against its samples, and against any text."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.domains.languages import (
    brew,
    buildinfo,
    cargo,
    conda,
    gem,
    golang,
    node,
    npm,
    pip,
    pipx,
    rustup,
    toolchains,
    uv,
)
from collectors.domains.languages.package import shown
from collectors.domains.languages.reading import json_table, toml_table
from collectors.failure import Finding
from collectors.record import unescaped
from tests.unit.sampled import sampled

test_brew_receipt = sampled("brew_receipt", lambda text, name: brew.parse_tab(text, name))
test_conda_environments = sampled("conda_environments", lambda text, name: conda.parse_environments(text))
test_conda_history = sampled("conda_history", lambda text, name: conda.parse_history(text, name))
test_crates2 = sampled("crates2", lambda text, name: cargo.parse_crates(text, name))
test_direct_url = sampled("direct_url", lambda text, name: pip.parse_direct_url(text, name))
test_gemspec = sampled("gemspec", lambda text, name: gem.parse_gemspec(text, name))
test_git_origin = sampled("git_origin", lambda text, name: brew.parse_origin(text))
test_go_env = sampled("go_env", lambda text, name: golang.parse_environment(text))
test_go_modules = sampled("go_modules", lambda text, name: buildinfo.parse_modules(text, name))
test_mise_config = sampled("mise_config", lambda text, name: toolchains.parse_mise(text, name))
test_node_globals = sampled("node_globals", lambda text, name: node.parse_dependencies(text, name))
test_npm_package = sampled("npm_package", lambda text, name: npm.parse_manifest(text, name))
test_npmrc = sampled("npmrc", lambda text, name: npm.parse_prefix(text, "/home/ada"))
test_pip_record = sampled("pip_record", lambda text, name: [shown(each) for each in pip.parse_record(text)])
test_pipx_metadata = sampled("pipx_metadata", lambda text, name: pipx.parse_pipx(text, name))
test_rustup_components = sampled(
    "rustup_components", lambda text, name: list(rustup.parse_components(text, name))
)
test_rustup_settings = sampled("rustup_settings", lambda text, name: rustup.parse_settings(text, name))
test_tool_versions = sampled("tool_versions", lambda text, name: toolchains.parse_tools(text))
test_uv_receipt = sampled("uv_receipt", lambda text, name: uv.parse_receipt(text, name, name))
test_version_words = sampled("version_words", lambda text, name: list(toolchains.parse_words(text)))
test_volta_platform = sampled("volta_platform", lambda text, name: toolchains.parse_volta(text, name))

FEW = settings(max_examples=30, deadline=None)
BYTES = st.binary(max_size=120).map(lambda raw: raw.decode(errors="surrogateescape"))
KEYS = (
    *("name", "package", "package_or_url", "main_package", "injected_packages", "pip_args", "version"),
    *("_resolved", "private", "dependencies", "url", "vcs_info", "dir_info", "subdirectory", "editable"),
    *(
        "installs",
        "bins",
        "features",
        "tool",
        "requirements",
        "entrypoints",
        "extras",
        "git",
        "source",
        "tap",
    ),
    *("used_options", "installed_on_request", "node", "runtime", "overrides", "tools"),
)
LEAVES = st.sampled_from((*KEYS, None, True, 7, "file:///x", "\ud800", "[", {}, ["x", 3]))
TREES = st.dictionaries(
    st.sampled_from((*KEYS, "x 1 (git+u)")),
    st.one_of(LEAVES, st.dictionaries(st.sampled_from((*KEYS, "x 1 (git+u)")), LEAVES, max_size=3)),
    max_size=4,
)
LINES = """
[tool]|requirements = ['x', {name = 'x'}]|[tools]|a = ['1']|[overrides]|prefix=~/x
# update specs: ['a=1', "b"]|# update specs: [|+c/noarch::a-1-0|# remove specs: ['a']
  s.name = "x".freeze|  s.version = "1"|]|  s.executables = ["|  s.add_dependency(%q<y>.freeze
path\tx|mod\ta\tb\tc|=>\tx|build\tk=v|mod|\t|x,,|"|../..,|rust-std-x|-x|GOBIN=/x
nodejs 1 2|#|[remote "origin"]|url = u|/x|\udcff|ü
""".replace("\n", "|").split("|")
TEXT = st.one_of(
    BYTES,
    st.lists(st.sampled_from(LINES), max_size=8).map("\n".join),
    TREES.map(json.dumps),
    LEAVES.map(json.dumps),
)
JSON_TABLES: tuple[Callable[[str, str], Any], ...] = (
    brew.parse_tab,
    node.parse_dependencies,
    npm.parse_manifest,
    pipx.parse_pipx,
    toolchains.parse_volta,
)
TOML_TABLES: tuple[Callable[[str, str], Any], ...] = (
    rustup.parse_settings,
    toolchains.parse_mise,
    lambda text, path: uv.parse_receipt(text, path, "x"),
)


@FEW
@given(TEXT)
def test_what_is_no_table_is_a_finding(text: str) -> None:
    is_json, is_toml = (not isinstance(parse(text, "x"), Finding) for parse in (json_table, toml_table))
    assert is_json or all(isinstance(parse(text, "x"), Finding) for parse in JSON_TABLES)
    assert is_toml or all(isinstance(parse(text, "x"), Finding) for parse in TOML_TABLES)
    assert [parse(text, "x") for parse in (*JSON_TABLES, *TOML_TABLES)]


@FEW
@given(TEXT)
def test_each_installed_crate_is_one_or_a_finding(text: str) -> None:
    crates, findings = cargo.parse_crates(text, "x")
    try:
        data = json.loads(text)
    except ValueError:
        data = None
    installs = data.get("installs") if isinstance(data, dict) else None
    expected = len(installs) if isinstance(installs, dict) else int(not isinstance(data, dict))
    assert len(crates) + len(findings) == expected


@FEW
@given(TEXT)
def test_each_word_asked_of_conda_is_kept_removed_or_told(text: str) -> None:
    history, findings = conda.parse_history(text, "x")
    asked = [line for line in text.split("\n") if line.startswith("# update specs: [")]
    assert len(findings) == len([line for line in asked if line.endswith("[")])
    assert bool(history.specs) <= bool(asked)


@FEW
@given(TEXT)
def test_the_record_of_a_package_names_the_top_of_each_line(text: str) -> None:
    tops = pip.parse_record(text)
    plain = [line.partition(",")[0] for line in text.split("\n") if not line.startswith(('"', "/", ".."))]
    assert {line.partition("/")[0] for line in plain if line and "\0" not in line} <= set(tops)


@FEW
@given(TEXT)
def test_each_component_is_one_or_a_target(text: str) -> None:
    components, targets = rustup.parse_components(text, "stable-y")
    lines = {line.strip() for line in text.split("\n") if line.strip()}
    assert len(components) + len(targets) <= len(lines)
    assert bool(components or targets) == bool(lines)


@FEW
@given(TEXT)
def test_the_rest_takes_any_text(text: str) -> None:
    brew.parse_origin(text)
    conda.parse_environments(text)
    gem.parse_gemspec(text, "x")
    golang.parse_environment(text)
    npm.parse_prefix(text, "/home/ada")
    pip.parse_direct_url(text, "x")
    toolchains.parse_tools(text)
    toolchains.parse_words(text)
    assert ("path\t" in text) >= isinstance(buildinfo.parse_modules(text, "x"), buildinfo.BuildInfo)


@FEW
@given(st.binary(max_size=200))
def test_any_bytes_may_be_a_program(content: bytes) -> None:
    header = buildinfo.ELF64_LITTLE + content
    for program in (content, header, buildinfo.MAGIC + content):
        blob = buildinfo.read_blob(lambda start, size, whole=program: whole[start : start + size])
        assert buildinfo.parse_blob(blob) == "" or blob
        buildinfo.parse_blob(program)


@FEW
@given(st.text(st.characters(), max_size=30))
def test_any_word_is_shown_in_one_line_of_utf8(word: str) -> None:
    told = shown(word)
    assert told.encode() and len(told.splitlines()) == 1 if told else not word
    unescaped(told)


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("git+https://token@example.org/x", "git+https://example.org/x"),
        ("https://ada:hunter2@example.org/x", "https://example.org/x"),
        ("git+ssh://git@example.org/x", "git+ssh://git@example.org/x"),
        ("ssh://ada:hunter2@example.org/x", "ssh://ada@example.org/x"),
        ("--index-url=https://ada:hunter2@example.org/simple", "--index-url=https://example.org/simple"),
        ("git+https://git@example.org/x", "git+https://git@example.org/x"),
        ("https://ada:p@ss@example.org/@ada/x@v1", "https://example.org/@ada/x@v1"),
        ("https://example.org/x.whl?access_token=hunter2&x=1#y", "https://example.org/x.whl?x=1#y"),
        ("https://example.org/x?branch=main", "https://example.org/x?branch=main"),
        ("https://example.org/t/ab-hunter2/private", "https://example.org/private"),
        ("x@1.0", "x@1.0"),
    ],
)
def test_credentials_in_an_address_are_never_told(word: str, told: str) -> None:
    assert shown(word) == told


@pytest.mark.parametrize(
    ("version", "settings", "local"),
    [
        ("v1.0.0", (), False),
        ("v1.0.0+dirty", (), True),
        ("(devel)", (("vcs.revision", "0a1b"),), False),
        ("(devel)", (("vcs.revision", "0a1b"), ("vcs.modified", "true")), True),
        ("(devel)", (), True),
    ],
)
def test_a_go_program_of_changed_or_unknown_sources_is_local(
    version: str, settings: tuple[tuple[str, str], ...], local: bool
) -> None:
    assert golang.is_local(buildinfo.BuildInfo("example.org/x", "example.org/x", version, settings)) is local
