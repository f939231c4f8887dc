"""Overrides: settings as a person names them, `--set NAME=VALUE`.

Whatever is wrong with one is said in a sentence that names the value and what would do. Nothing
here knows a setting by name: a new field of Settings can be set at once.
"""

from __future__ import annotations

import dataclasses
import difflib

from kvcluster.config import (
    ENTRIES_CEILING,
    KEY_CEILING_BYTES,
    VALUE_CEILING_BYTES,
    Settings,
)
from kvcluster.errors import BadSetting
from kvcluster.model.relations import check_relations

CEILINGS = {
    "key_limit_bytes": KEY_CEILING_BYTES,
    "value_limit_bytes": VALUE_CEILING_BYTES,
    "batch_operations": ENTRIES_CEILING,
    "put_many_keys": ENTRIES_CEILING,
    "replication_batch_entries": ENTRIES_CEILING,
    "pull_page_entries": ENTRIES_CEILING,
    "hold_entries": ENTRIES_CEILING,
}
"""The most that a setting may be: peers take no more."""


def with_overrides(settings: Settings, assignments: list[str]) -> Settings:
    """Return settings with each "NAME=VALUE" of a command line applied.

    Raises BadSetting, naming the value, for an unknown name, a value of the wrong type, one that is
    over what the protocol allows, and values that do not fit together (model/relations.py).
    """
    types = {field.name: field.type for field in dataclasses.fields(settings)}
    changes: dict[str, int | float] = {}
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        if not equals:
            raise BadSetting(f"--set wants NAME=VALUE, got {assignment!r}")
        if name not in types:
            raise BadSetting(f"no setting is called {name!r}{_suggestion(name, list(types))}")
        changes[name] = _parse(name, text, integer=types[name] == "int")
    changed = dataclasses.replace(settings, **changes)  # type: ignore[arg-type]
    check_relations(changed)
    return changed


def _parse(name: str, text: str, *, integer: bool) -> int | float:
    kind = "a whole number" if integer else "a number"
    try:
        value = int(text) if integer else float(text)
    except ValueError:
        raise BadSetting(f"setting {name} wants {kind}, got {text!r}") from None
    if not 0 < value < float("inf"):
        raise BadSetting(f"setting {name} wants {kind} above 0, got {text!r}")
    most = CEILINGS.get(name, value)
    if value > most:
        raise BadSetting(f"setting {name} may be at most {most}, got {text!r}: peers take no more")
    return value


def _suggestion(name: str, names: list[str]) -> str:
    close = difflib.get_close_matches(name, names, n=1)
    return f"; did you mean {close[0]}?" if close else f"; there are: {', '.join(names)}"
