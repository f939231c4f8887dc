"""The door: options that do not fit together are refused with a sentence, at the start."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from kvcluster.commands.authority import Authority
from kvcluster.errors import CannotStart
from kvcluster.server.door import Door, door_of
from kvcluster.server.guard import Guard, hash_of
from kvcluster.server.options import cluster_of, parse_arguments
from tests.edges.rights import SECRET, token_of, tokens_file


def door(*words: str, host: str = "localhost", **environment: str) -> Door:
    """The door of a command line."""
    options = parse_arguments(["50051", *words], environment)
    return door_of(options, cluster_of(options), host)


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    """Options with files that are good."""
    Authority(tmp_path).certify_node("localhost", 30)
    (tmp_path / "tokens").write_text(tokens_file())
    (tmp_path / "secret").write_text(SECRET)
    names = {"cert": "localhost.pem", "key": "localhost.key", "ca": "ca.pem"}
    return {
        **{f"--tls-{option}": str(tmp_path / name) for option, name in names.items()},
        "--tokens": str(tmp_path / "tokens"),
        "--cluster-secret-file": str(tmp_path / "secret"),
        "--audit": str(tmp_path / "audit"),
    }


def words(files: dict[str, str], *options: str) -> list[str]:
    """These of them."""
    return [word for option in options for word in (option, files[option])]


TLS = ("--tls-cert", "--tls-key")


def test_with_nothing_there_is_no_guard() -> None:
    """Three terminals on localhost are as open as they always were."""
    made = door()
    assert made == Door()
    assert made.guard("n", lambda: 0) is None
    assert made.credentials() is None


@pytest.mark.parametrize("options", [(*TLS, "--tls-ca"), ("--cluster-secret-file",), ("--audit",)])
def test_each_makes_a_guard(files: dict[str, str], options: tuple[str, ...]) -> None:
    """An audit alone asks for nothing, and writes who it was."""
    made = door(*words(files, *options))
    guard = made.guard("n", lambda: 0)
    assert guard is not None
    assert guard.rules.certificates == (options[0] == "--tls-cert")
    assert guard.rules.secret == (options[0] == "--cluster-secret-file")
    assert (made.credentials() is None) == (options[0] != "--tls-cert")


REFUSED: dict[str, tuple[tuple[str, ...], tuple[str, ...], str]] = {
    "a certificate alone": (("--tls-cert",), (), "go together"),
    "a key alone": (("--tls-key",), (), "go together"),
    "an authority alone": (("--tls-ca",), (), "go with --tls-cert"),
    "certificates of clients without TLS": ((), ("--client-certs", "required"), "go with"),
    "no authority among peers": (TLS, (), "--tls-cert wants --tls-ca"),
    "required without an authority": (TLS, ("--client-certs", "required"), "wants --tls-ca"),
    "optional": ((*TLS, "--tls-ca"), ("--client-certs", "optional"), "cannot be had"),
    "no way to know a peer": ((*TLS, "--tls-ca"), ("--client-certs", "off"), "need --cluster-sec"),
    "tokens and open peers": (("--tokens",), (), "could pose as a peer"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_would_leave_the_door_open_is_refused(files: dict[str, str], kind: str) -> None:
    """With what is missing in the sentence."""
    options, more, wanted = REFUSED[kind]
    with pytest.raises(CannotStart, match=wanted):
        door(*words(files, *options), *more)


def test_what_fits_together_is_taken(files: dict[str, str]) -> None:
    """Tokens with either, both kinds of proof at once, one node with tokens alone."""
    door(*words(files, *TLS, "--tls-ca", "--tokens"))
    door(*words(files, "--cluster-secret-file", "--tokens"))
    door(*words(files, *TLS, "--tls-ca", "--cluster-secret-file"))
    door(*words(files, *TLS, "--tls-ca", "--cluster-secret-file"), "--client-certs", "off")
    door(*words(files, "--tokens"), "--cluster", "localhost:50051")
    door(*words(files, *TLS), "--cluster", "localhost:50051", "--client-certs", "off")
    secret = files["--cluster-secret-file"]
    assert door(KV_CLUSTER_SECRET_FILE=secret).secrets
    assert door(KVCLUSTER_CLUSTER_SECRET_FILE=secret).secrets


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "fe80::1"])
def test_beyond_this_machine_it_takes_tls_or_a_word(files: dict[str, str], host: str) -> None:
    """A secret keeps strangers from being peers, and nobody from reading the wire."""
    for options in ((), ("--cluster-secret-file",)):
        with pytest.raises(CannotStart, match="can be reached from other machines"):
            door(*words(files, *options), host=host)
    door("--insecure", host=host)
    door(host=host, KVCLUSTER_INSECURE="1")
    door(*words(files, *TLS, "--tls-ca"), host=host)
    for near in ("127.0.0.1", "::1", "127.8.8.8", "localhost"):
        door(host=near)


BAD_FILES = {
    "--tokens": "--tokens .* cannot be used: ",
    "--cluster-secret-file": "cannot be used: a secret in it has fewer than 16",
    "--tls-ca": "TLS cannot be used: there is no certificate in",
    "--tls-key": "TLS cannot be used: .* are no certificate with its key",
}


@pytest.mark.parametrize("option", BAD_FILES)
def test_a_bad_file_is_named_and_not_quoted(files: dict[str, str], option: str) -> None:
    """At the start there is no last good one."""
    Path(files[option]).write_text("sesame")
    base = [*TLS, "--tls-ca", "--tokens", "--cluster-secret-file"]
    with pytest.raises(CannotStart, match=BAD_FILES[option]) as caught:
        door(*words(files, *base))
    assert "sesame" not in str(caught.value)
    Path(files[option]).unlink()
    with pytest.raises(CannotStart, match=r"cannot be read: .*No such file"):
        door(*words(files, *base))


def test_the_log_says_who_may_speak(files: dict[str, str]) -> None:
    """And warns where everybody may; of three terminals on localhost it says nothing."""
    assert list(door().told()) == []
    ((level, sentence),) = door("--insecure", host="0.0.0.0").told()
    assert level == logging.WARNING
    assert sentence.startswith("--insecure: 0.0.0.0 can be reached from other machines")
    assert list(door("--insecure").told()) == [], "on this machine it means nothing"
    told = [it for _, it in door(*words(files, *TLS, "--tls-ca", "--tokens")).told()]
    assert told == [
        "it speaks TLS, and whoever connects shows a certificate",
        "clients need a name; 5 entries have one",
    ]


def test_metrics_are_for_who_may_read_or_is_on_this_machine(files: dict[str, str]) -> None:
    """By the header that scrapers send."""
    guard: Any = door(*words(files, *TLS, "--tls-ca", "--tokens")).guard("n", lambda: 0)
    assert isinstance(guard, Guard)
    assert guard.refusal_to_look("127.0.0.1:5", "") == ""
    assert guard.refusal_to_look("10.0.0.9:5", f"Bearer {token_of('reader')}") == ""
    assert "asks for a token" in guard.refusal_to_look("10.0.0.9:5", "")
    assert "none that is known" in guard.refusal_to_look("10.0.0.9:5", "Bearer x")
    assert "expired" in guard.refusal_to_look("10.0.0.9:5", f"bearer {token_of('old')}")
    assert hash_of("a") != hash_of("b")
    guard = door(*words(files, *TLS, "--tls-ca")).guard("n", lambda: 0)
    assert "by certificates" in guard.refusal_to_look("10.0.0.9:5", "")
    assert guard.refusal_to_look("127.0.0.1:5", "") == ""
    guard = door(*words(files, "--cluster-secret-file")).guard("n", lambda: 0)
    assert guard.refusal_to_look("10.0.0.9:5", "") == "", "as its clients, it asks for nothing"
