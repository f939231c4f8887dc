"""By what a program shows who it is: who wins, what is wrong, and that no secret is told."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from kvcluster.client.credentials import Credentials, use_in_this_program, usual
from kvcluster.commands.authority import Authority
from kvcluster.commands.identity import add_identity, use_identity


class Refused(Exception):
    """With what is wrong."""


def refuse(sentence: str, /) -> NoReturn:
    """As a parser does."""
    raise Refused(sentence)


@pytest.fixture(autouse=True)
def nothing_before() -> Iterator[None]:
    """What a program shows is one thing for all of it."""
    use_in_this_program(None)
    yield
    use_in_this_program(None)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With certificates and tokens."""
    Authority(tmp_path).certify_client("ops", 30)
    (tmp_path / "token").write_text("of-the-file\n")
    (tmp_path / "other").write_text("of-the-other\n")
    return tmp_path


def shown(*words: str, **environment: str) -> Credentials:
    """What is shown after these words, in this environment."""
    parser = argparse.ArgumentParser()
    add_identity(parser)
    use_identity(parser.parse_args(words), refuse, environment)
    return usual()


def test_nothing_said_is_nothing_shown() -> None:
    """And gRPC is not loaded for it."""
    assert shown() == Credentials()
    assert shown(KV_TOKEN="", KV_TLS_CA="", KV_TOKEN_FILE="") == Credentials()


def test_an_option_wins_and_a_file_that_it_names_over_the_token(folder: Path) -> None:
    """The token of the environment over the file of the environment."""
    file, other = str(folder / "token"), str(folder / "other")
    assert shown("--token-file", file).token == "of-the-file"
    assert shown(KV_TOKEN_FILE=file).token == "of-the-file"
    assert shown("--token-file", file, KV_TOKEN_FILE=other).token == "of-the-file"
    assert shown("--token-file", file, KV_TOKEN="of-the-environment").token == "of-the-file"
    assert shown(KV_TOKEN="of-the-environment", KV_TOKEN_FILE=file).token == "of-the-environment"


def test_certificates_come_from_either(folder: Path) -> None:
    """Each for itself."""
    ca, cert, key = (str(folder / name) for name in ("ca.pem", "ops.pem", "ops.key"))
    tls = shown("--tls-ca", ca, "--tls-cert", cert, KV_TLS_KEY=key, KV_TLS_CA="nowhere").tls
    assert tls
    assert (tls.tls.ca, tls.tls.cert, tls.tls.key) == (ca, cert, key)


def test_the_token_is_taken_out_of_the_environment() -> None:
    """Programs that are started from here do not get it."""
    environment = {"KV_TOKEN": "sesame", "HOME": "/"}
    use_identity(argparse.Namespace(), refuse, environment)
    assert environment == {"HOME": "/"}
    assert usual().token == "sesame"
    assert "sesame" not in repr(usual())


def test_what_is_wrong_is_said_without_the_secret(folder: Path) -> None:
    """Of a file its name, of a token nothing."""
    (folder / "empty").write_text("\n")
    (folder / "binary").write_bytes(b"\xff\xfe")
    wrong = {
        ("--token-file", str(folder / "none")): "none cannot be read: No such file",
        ("--token-file", str(folder / "empty")): "has no token in it",
        ("--token-file", str(folder / "binary")): "it is not text",
        ("--token-file", str(folder / "ops.key")): "characters that no token has",
        ("--tls-ca", str(folder / "token")): "there is no certificate in",
        ("--tls-cert", str(folder / "ops.pem")): "goes with its key",
    }
    for words, sentence in wrong.items():
        with pytest.raises(Refused, match=sentence) as caught:
            shown(*words)
        assert "of-the-file" not in str(caught.value)
        assert "PRIVATE" not in str(caught.value)
    with pytest.raises(Refused) as caught:
        shown(KV_TOKEN="open sesame")
    assert "sesame" not in str(caught.value)
