"""What recovery finds, and how it sets a file aside before anything is done to it.

A copy and no rename: until the next checkpoint has put the disk back into its plain state, the
original must stay where it is, or a crash in between would find it missing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from kvcluster.model.entry import Version
from kvcluster.storage.disk import Disk
from kvcluster.storage.table import Table


@dataclass
class Recovered:
    """What was found at start."""

    table: Table = field(default_factory=Table)
    new: bool = False
    """There was nothing on disk: nobody has ever run here, or all of it is lost."""
    clock: int = 0
    """The largest hybrid time on disk."""
    hints: dict[str, Version] = field(default_factory=dict)
    promises: dict[str, Version] = field(default_factory=dict)
    """Those that no entry has reached; see promises.py."""
    votes: bool = False
    """What is here counted for majorities, and nothing of it is missing."""
    forgot: bool = False
    """What was here may have counted, and something of it is missing: since then it never did."""
    next_segment: int = 1
    incomplete: str = ""
    """Not empty: something acknowledged may be missing here, and why."""
    repair: bool = False
    """What is here may be old or absent: there was no journal (a new node, or its folder was
    lost), or pairs count as written by hand; and no peer has mended that yet."""
    node: str = ""
    """Who wrote the files; empty: not known."""
    configuration: int = 0
    """Digest of the configuration under which the files were written; 0: not known."""
    rewrite: bool = False
    """The disk is not in its plain state: write a checkpoint before serving."""
    behind: bool = False
    """The JSON lacks what the journal holds: a checkpoint is due although nothing new came."""
    remarks: list[str] = field(default_factory=list)
    """What a person should know, a sentence each."""

    def damage(self, what: str) -> None:
        """Record that something is missing or does not check out."""
        self.lack(what)
        self.remarks.append(what)

    def lack(self, what: str) -> None:
        """Record that something acknowledged is not here."""
        self.incomplete = self.incomplete or what
        self.votes = False
        self.repair = True
        self.rewrite = True


class Aside:
    """Keeps copies of files that something is wrong with. They are never deleted."""

    def __init__(self, disk: Disk, stamp: str, remarks: list[str]) -> None:
        self._disk = disk
        self._stamp = stamp
        self._remarks = remarks

    def keep(self, path: Path, data: bytes, why: str) -> None:
        """Copy a file to <name>.<why>-<stamp>, unless an earlier start did so already."""
        names = self._disk.names(path.parent)
        earlier = [name for name in names if name.startswith(f"{path.name}.{why}-")]
        if any(self._disk.read(path.with_name(name)) == data for name in earlier):
            return
        name = f"{path.name}.{why}-{self._stamp}"
        while name in earlier:
            name += "x"
        self._copy(path.with_name(name), data)
        self._remarks.append(f"kept a copy of {path.name} as {name}")

    def _copy(self, path: Path, data: bytes) -> None:
        copy = self._disk.create(path)
        try:
            copy.append(data)
            copy.sync()
        finally:
            copy.close()
        self._disk.sync_folder(path.parent)
