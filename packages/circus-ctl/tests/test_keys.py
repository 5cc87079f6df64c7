"""Key files and circusctl auth: what is made, who can read it, what is refused."""

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import zmq

from circus.client.keys import (
    AuthorizedKey,
    KeyDirectory,
    KeyFileError,
    Role,
    default_directory,
    make_pair,
    read_client_key,
    write_client_key,
)
from circus.client.security import CurveKeys
from circus.ctl.discover import events_behind
from circus.ctl.failures import Failure

if TYPE_CHECKING:
    from conftest import Outcome

Ctl = Callable[..., "Outcome"]
PUBLIC = "k" * 40

curve = pytest.mark.skipif(not zmq.has("curve"), reason="this libzmq has no CURVE: pip install pyzmq")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@curve
def test_what_is_secret_is_its_owners_alone(tmp_path: Path):
    before = os.umask(0)
    try:
        directory = KeyDirectory(tmp_path / "a" / "keys")
        made = directory.create()
        directory.add(AuthorizedKey("bob", Role.VIEWER, PUBLIC))
    finally:
        os.umask(before)
    assert directory.server() == made
    modes = {path.name: mode(path) for path in directory.path.rglob("*")}
    assert modes == {"server.key": 0o600, "server.pub": 0o644, "authorized": 0o700, "bob.pub": 0o600}
    assert mode(directory.path) == 0o700
    assert made.secret_key not in repr(made)
    with pytest.raises(KeyFileError, match="is there already"):
        directory.create()


def test_keys_come_and_go_with_their_files(tmp_path: Path):
    folder = tmp_path / "authorized"
    folder.mkdir()
    directory = KeyDirectory(tmp_path)
    assert directory.authorized() == []
    directory.add(AuthorizedKey("bob", Role.VIEWER, PUBLIC))
    assert directory.find(PUBLIC) == AuthorizedKey("bob", Role.VIEWER, PUBLIC)
    with pytest.raises(KeyFileError, match="is there already"):
        directory.add(AuthorizedKey("bob", Role.ADMIN, PUBLIC))
    (folder / "bob.pub").write_text(f"admin {PUBLIC} by hand\n")
    found = directory.find(PUBLIC)
    assert found is not None
    assert found.role is Role.ADMIN
    (folder / "broken.pub").write_text("god " + PUBLIC)
    (folder / "empty.pub").write_text("")
    (folder / "link.pub").symlink_to(folder / "bob.pub")
    assert [key.name for key in directory.authorized()] == ["bob"]
    directory.remove("bob")
    assert directory.find(PUBLIC) is None
    with pytest.raises(KeyFileError, match="no key of the name"):
        directory.remove("bob")


@pytest.mark.parametrize("name", ["", "../x", ".hidden", "a/b", "a b", "x" * 65])
def test_names_that_would_be_paths_are_none(tmp_path: Path, name: str):
    (tmp_path / "authorized").mkdir()
    directory = KeyDirectory(tmp_path)
    with pytest.raises(KeyFileError, match="cannot name a key"):
        directory.add(AuthorizedKey(name, Role.VIEWER, PUBLIC))
    with pytest.raises(KeyFileError):
        directory.remove(name)
    with pytest.raises(KeyFileError, match="40 characters"):
        directory.add(AuthorizedKey("ok", Role.VIEWER, "short"))


def test_a_clients_file(tmp_path: Path):
    path = tmp_path / "me.key"
    keys = CurveKeys(server_key="s" * 40, public_key=PUBLIC, secret_key="#" + "x" * 39)
    write_client_key(path, keys)
    assert mode(path) == 0o600
    assert read_client_key(path) == keys
    path.chmod(0o640)
    with pytest.raises(KeyFileError, match="chmod 600"):
        read_client_key(path)
    path.chmod(0o600)
    path.write_text(f"public {PUBLIC}\n")
    with pytest.raises(KeyFileError, match="has no server key"):
        read_client_key(path)
    path.write_text("public short\n")
    with pytest.raises(KeyFileError, match="public key is not one"):
        read_client_key(path)
    with pytest.raises(KeyFileError, match="No such file"):
        read_client_key(tmp_path / "none")


def test_where_a_daemons_keys_are():
    assert default_directory({"HOME": "/home/a"}, uid=0) == Path("/etc/circus/keys")
    assert default_directory({"HOME": "/home/a"}, uid=5) == Path("/home/a/.config/circus/keys")
    assert default_directory({"XDG_CONFIG_HOME": "/c"}, uid=5) == Path("/c/circus/keys")


def test_where_events_are_for_those_with_keys():
    assert events_behind("tcp://box:5565", "tcp://0.0.0.0:5566") == "tcp://box:5566"
    assert events_behind("tcp://box:5565", "tcp://192.0.2.1:7") == "tcp://192.0.2.1:7"
    with pytest.raises(Failure, match="publishes nothing to those with keys"):
        events_behind("tcp://box:5565", "")


@curve
def test_auth_from_first_to_last(circusctl: Ctl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    folder = str(tmp_path / "keys")
    before = circusctl("auth", "add", "bob", "--dir", folder)
    assert before.code == 1
    assert "circusctl auth init" in before.err

    made = circusctl("auth", "init", "--dir", folder, "--out", "me.key")
    assert made.code == 0, made.err
    assert f"curve_dir = {folder}" in made.out
    assert circusctl("auth", "init", "--dir", folder).code == 1

    assert circusctl("auth", "add", "bob", "--dir", folder).code == 0
    assert mode(tmp_path / "bob.key") == 0o600
    server = KeyDirectory(tmp_path / "keys").server().public_key
    mine = circusctl("auth", "new", "own.key", "--server", server).out.strip()
    assert read_client_key(tmp_path / "own.key").public_key == mine
    assert circusctl("auth", "add", "eve", "--public", mine, "--role", "admin", "--dir", folder).code == 0

    listed = circusctl("auth", "list", "--dir", folder).out
    names = sorted(line.split()[:2] for line in listed.splitlines())
    assert names[1:] == [["eve", "admin"], ["root", "admin"]] or os.getuid() != 0
    assert ["bob", "viewer"] in names
    assert circusctl("auth", "remove", "bob", "--dir", folder).out == "bob is not let in any more\n"
    assert "bob" not in circusctl("auth", "list", "--json", "--dir", folder).out


@pytest.mark.parametrize(
    "words", ["auth", "auth fly", "auth add", "auth list x", "auth new f", "auth add x --role god"]
)
def test_auth_refuses_what_it_does_not_know(circusctl: Ctl, words: str):
    outcome = circusctl(*words.split())
    assert outcome.code in {1, 2}
    assert outcome.err


def test_a_key_file_that_is_not_there_is_told(circusctl: Ctl):
    outcome = circusctl("--key", "/nowhere.key", "--endpoint", "tcp://127.0.0.1:1", "status")
    assert (outcome.code, outcome.out) == (1, "")
    assert "/nowhere.key" in outcome.err


def test_a_pair_is_one():
    if zmq.has("curve"):
        public, secret = make_pair()
        assert len(public) == len(secret) == 40
