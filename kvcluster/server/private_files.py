"""Private files: what a node keeps is for the user who runs it, and for nobody else.

What it makes is so from the beginning (storage/disk.py): files 0600, folders 0700. What an earlier
version has left is more open, and is tightened when the node starts, with care:

- only what is a node's by its name: its JSON file, what lies beside it under that name, and its
  `.wal` folder with what is in it;
- only what belongs to this user, is a file or a folder, and no link: a link that somebody has put
  there would have us change what it points to;
- never the folder that `--data-dir` names, which may be a checkout, or somebody's home. Of one that
  others can write in, and so take a node's files away or put others there, the log warns.

What cannot be tightened is told, and no reason not to start.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from kvcluster.storage.disk import PRIVATE, PRIVATE_FOLDER

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def keep_private(json: Path) -> Iterator[str]:
    """Tighten what is there of the node with this JSON file; a remark on each that could not be."""
    folder = json.with_suffix(".wal")
    for path in [*_beside(json), folder, *_inside(folder)]:
        try:
            _tighten(path)
        except OSError as error:
            yield f"{path} can be read by others, and that cannot be changed: {error.strerror}"
    where = json.parent
    try:
        mode = where.stat().st_mode
    except OSError:
        return  # it is made yet
    if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
        place = where.absolute()
        yield f"whoever uses this machine can take files out of {place}, or put some there"


def _beside(json: Path) -> list[Path]:
    """The JSON file, and what is called after it."""
    try:
        return sorted(it for it in json.parent.iterdir() if it.name.startswith(json.name))
    except OSError:
        return []


def _inside(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir()) if not folder.is_symlink() else []
    except OSError:
        return []


def _tighten(path: Path) -> None:
    """Take from others what they may do with it. Raises OSError."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        if path.is_symlink() or not path.exists():
            return
        raise
    try:
        seen = os.fstat(file)
        if seen.st_uid != os.geteuid() or not seen.st_mode & _OTHERS:
            return
        if stat.S_ISDIR(seen.st_mode):
            os.fchmod(file, seen.st_mode & PRIVATE_FOLDER)
        elif stat.S_ISREG(seen.st_mode) and seen.st_nlink == 1:
            os.fchmod(file, seen.st_mode & PRIVATE)
    finally:
        os.close(file)
