"""`certs`: what it makes is what nodes want, and the same command again renews it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from cryptography import x509

from kvcluster.command_line import run
from kvcluster.console import program
from kvcluster.console.screen import Exit
from kvcluster.model.members import DEFAULT_CLUSTER
from kvcluster.wire.tls import Tls, read_pem

CLIENT = program.client(DEFAULT_CLUSTER)


def certificate(path: Path) -> x509.Certificate:
    """What is in a file."""
    return x509.load_pem_x509_certificate(path.read_bytes())


def test_it_makes_what_nodes_and_clients_want(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The unit and the host for a node, the name and no unit for a client; keys are private."""
    folder = tmp_path / "certs"
    assert (
        run(["certs", "node-a", "10.0.0.1", "--client", "ops", "--dir", str(folder)], CLIENT) == 0
    )
    assert "node-a.pem and .key: a node on node-a" in capsys.readouterr().out
    node, address, ops = (
        certificate(folder / f"{name}.pem") for name in ("node-a", "10.0.0.1", "ops")
    )
    assert node.subject.rfc4514_string() == "CN=node-a,OU=kvcluster-node"
    names = node.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["node-a"]
    names = address.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(it) for it in names.get_values_for_type(x509.IPAddress)] == ["10.0.0.1"]
    assert ops.subject.rfc4514_string() == "CN=ops"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {it.stat().st_mode & 0o777 for it in folder.glob("*.key")} == {0o600}
    for name in ("node-a", "ops"):
        read_pem(Tls(folder / "ca.pem", folder / f"{name}.pem", folder / f"{name}.key"))


def test_again_it_renews_by_the_same_authority(tmp_path: Path) -> None:
    """What was signed before stays good."""
    words = ["certs", "node-a", "--dir", str(tmp_path), "--days", "90"]
    assert run(words, CLIENT) == 0
    authority, node = certificate(tmp_path / "ca.pem"), certificate(tmp_path / "node-a.pem")
    assert run(words, CLIENT) == 0
    assert certificate(tmp_path / "ca.pem") == authority
    renewed = certificate(tmp_path / "node-a.pem")
    assert renewed.serial_number != node.serial_number
    for each in (node, renewed):
        each.verify_directly_issued_by(authority)
    assert sorted(it.suffix for it in tmp_path.iterdir()) == [".key", ".key", ".pem", ".pem"]


@pytest.mark.parametrize(
    "words", [[], ["ca"], ["--client", "ca"], ["../x"], ["a b"], ["--client", "a\nb"], [".x"]]
)
def test_what_is_no_name_is_refused(
    tmp_path: Path, words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name becomes a file."""
    monkeypatch.chdir(tmp_path)
    assert run(["certs", *words], CLIENT) == Exit.BAD_USAGE
    assert list(tmp_path.iterdir()) == []


def test_without_cryptography_it_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is an extra: no node needs it."""
    monkeypatch.setitem(sys.modules, "cryptography", None)
    monkeypatch.delitem(sys.modules, "kvcluster.commands.authority", raising=False)
    assert run(["certs", "a", "--dir", str(tmp_path)], CLIENT) == Exit.BAD_USAGE
    assert 'pip install "kvcluster[certs]"' in " ".join(capsys.readouterr().err.split())
