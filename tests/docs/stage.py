"""A stage on which a document is played: a scratch folder, ports of its own, servers that run on.

A document says `localhost:50051` and `node-a`; here these are a port that nobody else uses and one
of this machine's loopback addresses, each with a folder of its own as a machine has. What comes
out is turned back before it is looked at. The ports are drawn until the key `city` lives where the
documents say that it does, so that "forwarded to localhost:50051" is compared like any other word.

A server that a document starts runs until it is stopped or the stage is cleared, as a terminal
would. Before the next command everybody waits until all of them serve and know each other: a
reader takes longer than that to go to the other terminal.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from kvcluster import Tls
from kvcluster.client.credentials import Credentials, use_in_this_program
from kvcluster.commands.demo.local_cluster import free_ports
from kvcluster.model.slots import placement_of, slot_of
from kvcluster.view.health import Health, ask_until, settled
from tests.docs.markdown import ROOT, Block, commands, session
from tests.docs.sameness import unlike

NODES = ("50051", "50052", "50053")
PORTS = (*NODES, "9101")
"""Those of the nodes, and that of a page of metrics."""
MACHINES = {"node-a": "127.0.0.2", "node-b": "127.0.0.3", "node-c": "127.0.0.4"}
SHORTER = {"--duration 5": "--duration 0.2 --keys 100"}
"""What a document shows at its full length."""

_CLUSTER = ",".join(f"localhost:{port}" for port in NODES)
_PATIENCE_S = 30.0
_COMMAND_TIMEOUT_S = 60.0
_SERVER = re.compile(r"python server\.py (\d+)")
_MACHINE = re.compile(r"--(?:name|host) (node-[abc])")
_EXPORT = re.compile(r"export (\w+)=(\S+)")
_UNSET = re.compile(r"unset (.+)")
_STOP = re.compile(r"stop (\S+)")


class Stage:
    """Plays blocks, one after the other. Use it as a context, or servers are left running."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ports = dict(zip(PORTS, map(str, _fitting_ports()), strict=True))
        self._servers: dict[str, subprocess.Popen[bytes]] = {}
        self._addresses: dict[str, str] = {}
        self._fresh = False  # whether a server was started that nobody has waited for yet
        for name in ("", *MACHINES):
            _furnish(folder / name)
        self._environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "HOME": str(folder),
            "KV_NODES": self._here(_CLUSTER),
        }

    def __enter__(self) -> Stage:
        return self

    def __exit__(self, *_: object) -> None:
        use_in_this_program(None)
        for process in self._servers.values():
            process.kill()
            process.wait()

    def play(self, block: Block) -> None:
        """Do what a block says. Raises AssertionError, with the place in the document."""
        for step in block.marks.get("first", []):
            self._step(step, block)
        folder = self._folder / block.mark("on")
        code = int(block.mark("exits with") or 0)
        if block.language == "python":
            self._program(block, folder)
        elif block.is_session:
            for command, shown in session(block.text):
                printed = self._command(command, folder, block, code)
                if not block.mark("output"):
                    difference = unlike(shown, printed.splitlines())
                    assert not difference, f"{block.place}: $ {command}\n{difference}"
        else:
            self._lines(commands(block.text), folder, block, code)

    def _step(self, step: str, block: Block) -> None:
        """What a mark asks for: a server, or all, stopped as Ctrl+C does it; or a command."""
        if not (found := _STOP.fullmatch(step)):
            self._lines([step], self._folder / block.mark("on"), block, 0)
            return
        self._wait()
        for name in list(self._servers) if found[1] == "all" else [found[1]]:
            process = self._servers.pop(name)
            process.send_signal(signal.SIGINT)
            code = process.wait(_PATIENCE_S)
            assert code == 0, f"{block.place}: {name} ended with {code}"

    def _lines(self, lines: Sequence[str], folder: Path, block: Block, code: int) -> None:
        """Commands: servers one by one, everything between them as one script."""
        script: list[str] = []
        for line in lines:
            if _SERVER.match(line):
                self._script(script, folder, block, 0)
                self._serve(line)
                script = []
            else:
                script.append(line)
        self._script(script, folder, block, code)

    def _script(self, lines: Sequence[str], folder: Path, block: Block, code: int) -> None:
        if lines:
            self._command("\n".join(lines), folder, block, code)
            for name, value in _EXPORT.findall("\n".join(lines)):
                self._environment[name] = self._here(value)
            for names in _UNSET.findall("\n".join(lines)):
                for name in names.split():
                    self._environment.pop(name, None)

    def _program(self, block: Block, folder: Path) -> None:
        path = folder / "program.py"
        path.write_text(self._here(block.text), encoding="utf-8")
        self._command("python program.py", folder, block, 0)

    def _command(self, command: str, folder: Path, block: Block, code: int) -> str:
        """Run it as a shell would; what it printed, in the words of the document."""
        self._wait()
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", self._here(command)],
            cwd=folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_COMMAND_TIMEOUT_S,
        )
        printed = self._there(done.stdout)
        if "curl: command not found" in printed:
            pytest.skip("there is no curl on this machine")
        assert done.returncode == code, (
            f"{block.place}: exit code {done.returncode}, not {code}\n{command}\n{printed}"
        )
        assert "Traceback" not in printed, f"{block.place}: {command}\n{printed}"
        return printed

    def _serve(self, line: str) -> None:
        """Start a server in a terminal of its own, on the machine that it names."""
        port, machine = line.split()[2], _MACHINE.search(line)
        host = machine[1] if machine else "localhost"
        name = _name(host, port)
        if "--cluster" not in line:
            line += f" --cluster {_CLUSTER}"
        folder = self._folder / (host if machine else "")
        with (folder / f"server_{name}.log").open("ab") as log:
            self._servers[name] = subprocess.Popen(
                ["bash", "-c", f"exec {self._here(line)}"],
                cwd=folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._addresses[name] = self._here(f"{host}:{port}")
        self._fresh = True

    def _wait(self) -> None:
        """Return when every server that was started serves, and they know each other."""
        if not self._fresh:
            return
        addresses = [self._addresses[name] for name in self._servers]
        self._show_certificates()

        def good(answers: Sequence[Health]) -> bool:
            self._raise_if_one_ended()
            return all(answer.serving for answer in answers) and settled(answers)

        answers = ask_until(addresses, good, timeout_s=2.0, patience_s=_PATIENCE_S)
        assert good(answers), f"not ready within {_PATIENCE_S:g} s: {answers}"
        self._fresh = False

    def _show_certificates(self) -> None:
        """Look at servers as the commands of the document do: with its certificates, if it has."""
        files = {
            word: self._folder / path
            for word in ("ca", "cert", "key")
            if (path := self._environment.get(f"KV_TLS_{word.upper()}"))
        }
        use_in_this_program(Credentials.of(Tls(**files), None) if files else None)

    def _raise_if_one_ended(self) -> None:
        for name, process in self._servers.items():
            log = next(self._folder.rglob(f"server_{name}.log"))
            ended = process.poll() is not None
            assert not ended, f"server {name} ended with {process.returncode}\n{log.read_text()}"

    def logs(self) -> str:
        """What every server has said."""
        return "".join(path.read_text("utf-8") for path in self._folder.rglob("server_*.log"))

    def _here(self, text: str) -> str:
        return _replaced(text, {**self._ports, **MACHINES, **SHORTER})

    def _there(self, text: str) -> str:
        back = {here: there for there, here in {**self._ports, **MACHINES}.items()}
        return _replaced(text, back)


def _name(host: str, port: str) -> str:
    """What a document calls a server: "50051", or "node-a"."""
    if host == "localhost":
        return port
    return host if port == NODES[0] else f"{host}:{port}"


def _replaced(text: str, words: Mapping[str, str]) -> str:
    """Every word at once, so that what one was replaced by is not replaced again."""
    pattern = "|".join(rf"(?<![a-z0-9.]){re.escape(word)}(?!\w)" for word in words)
    return re.sub(pattern, lambda found: words[found[0]], text)


def _furnish(folder: Path) -> None:
    """Put the programs where a reader of the documents stands."""
    folder.mkdir(exist_ok=True)
    for name in ("server.py", "client.py", "health_check_client.py", "demo.proto"):
        (folder / name).symlink_to(ROOT / name)


def _fitting_ports() -> list[int]:
    """Ports with which `city` lives on the first and the third node, in this order."""
    while True:
        ports = free_ports(len(PORTS))
        names = tuple(f"localhost:{port}" for port in ports[: len(NODES)])
        if placement_of(names, 2).replicas(slot_of("city")) == (names[0], names[2]):
            return ports
