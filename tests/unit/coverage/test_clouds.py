"""Folders that a cloud client or a backup keeps elsewhere are found in what these write."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.coverage.clouds import (
    Client,
    Kept,
    clouds,
    known,
    parse_job,
    parse_settings,
    parse_table,
    remotes,
)
from tests.unit.fakes import machine
from tests.unit.sampled import sampled

ADA = "/home/ada"
PASSWD = "root:x:0:0:root:/root:/bin/bash\nada:x:1000:1000::/home/ada:/bin/bash\n"
TEXT = st.one_of(
    st.text(),
    st.binary().map(lambda raw: raw.decode(errors="surrogateescape")),
    st.lists(
        st.sampled_from(
            (
                "rclone",
                "sync",
                "restic",
                "backup",
                "-r",
                "/a",
                "~/b",
                "'",
                '"',
                "\\\n",
                "\n",
                " ",
                "=",
                "x:",
                "- ",
                "localPath=",
            )
        )
    ).map(" ".join),
)


def client(name: str) -> Client:
    return next(each for each in known().clients if each.name == name)


test_settings = sampled("cloud_settings", lambda text, name: list(parse_settings(text, client(name), ADA)))
test_jobs = sampled("backup_jobs", lambda text, name: list(parse_job(text, ADA)))


def database(tmp_path: Path, *statements: str) -> bytes:
    place = tmp_path / "made.db"
    with sqlite3.connect(place) as connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()
    return place.read_bytes()


def test_all_places_are_looked_at(tmp_path: Path) -> None:
    vorta = database(
        tmp_path,
        "CREATE TABLE sourcefilemodel (dir TEXT)",
        "INSERT INTO sourcefilemodel VALUES ('/home/ada/v')",
    )
    host = machine(
        tmp_path,
        {
            "/etc/passwd": PASSWD,
            "/root": None,
            f"{ADA}/.dropbox/info.json": '{"personal": {"path": "/home/ada/Dropbox"}}',
            f"{ADA}/.local/share/Vorta/settings.db": vorta,
            f"{ADA}/.config/systemd/user/backup.service": "ExecStart=%h/bin/backup.sh\n",
            f"{ADA}/bin/backup.sh": '#!/bin/sh\nrestic backup "$HOME/Music"\n',
            "/etc/cron.d/www": "1 1 * * * root rclone copy /srv/www s3:www\n",
            "/var/spool/cron/crontabs/ada": "1 1 * * * borg create repo::x ~/cron\n",
            "/etc/systemd/system/x.service": "ExecStart=/usr/bin/restic backup ~/of-root\n",
        },
    )
    assert clouds(host) == (
        Kept("/home/ada/Dropbox", "Dropbox"),
        Kept("/home/ada/Music", "restic"),
        Kept("/home/ada/cron", "borg"),
        Kept("/home/ada/v", "Vorta"),
        Kept("/root/of-root", "restic"),
        Kept("/srv/www", "rclone"),
    )


def test_nothing_there(tmp_path: Path) -> None:
    assert clouds(machine(tmp_path, {"/etc/passwd": PASSWD, ADA: None})) == ()


def test_a_client_whose_settings_cannot_be_read_has_its_usual_folder_only_if_it_is_there(
    tmp_path: Path,
) -> None:
    place = f"{ADA}/.local/share/data/Mega Limited/MEGAsync/MEGAsync.cfg"
    assert clouds(machine(tmp_path, {"/etc/passwd": PASSWD, place: b"\x00\xff"})) == (
        Kept(f"{ADA}/MEGA", "MEGA"),
    )


def test_the_root_itself_is_no_clients_folder_but_a_backups() -> None:
    assert parse_settings("0\\localPath=/\n", client("Nextcloud"), ADA) == ()
    assert parse_job("1 1 * * * restic backup /\n", ADA) == (Kept("/", "restic"),)


@pytest.mark.parametrize("content", [b"", b"SQLite format 3\x00", b"x" * 5000])
def test_a_broken_database_names_no_folder(content: bytes) -> None:
    assert parse_table(content, "SELECT dir FROM sourcefilemodel") == ()


def test_remotes_are_told_by_name(tmp_path: Path) -> None:
    content = "[gdrive]\ntype = drive\n\n[b 2]\ntype = b2\n"
    host = machine(tmp_path, {"/etc/passwd": PASSWD, f"{ADA}/.config/rclone/rclone.conf": content})
    assert remotes(host) == ("b 2", "gdrive")


@given(TEXT)
def test_settings_take_any_text(text: str) -> None:
    for each in known().clients:
        assert all(kept.path.startswith("/") and kept.path != "/" for kept in parse_settings(text, each, ADA))


@given(TEXT)
def test_jobs_take_any_text(text: str) -> None:
    assert all(
        kept.path.startswith("/") and ".." not in kept.path.split("/") for kept in parse_job(text, ADA)
    )
