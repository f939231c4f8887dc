"""`--version`, the same of every program here: ours, and that of Python, which bug reports lack.

To find it costs time, which nobody else should spend: it is looked up when it is asked for.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any, NoReturn


class Version(argparse.Action):
    """The action of `--version`: prints it, and ends."""

    def __init__(self, option_strings: Sequence[str], dest: str) -> None:
        super().__init__(option_strings, argparse.SUPPRESS, nargs=0, help="print the version")

    def __call__(
        self, parser: argparse.ArgumentParser, *_: Any, option_string: str | None = None
    ) -> NoReturn:
        """Print it, and end."""
        from importlib import metadata

        try:
            version = metadata.version("kvcluster")
        except metadata.PackageNotFoundError:
            version = "of a folder that was not installed"
        print(f"kvcluster {version}, Python {sys.version.split()[0]}", flush=True)
        parser.exit()
