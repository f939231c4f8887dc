"""What Tab offers: the words that may stand at the cursor, and begin as what stands there.

What may stand there is decided in expecting.py. A word with spaces is offered in quotes; it goes in
the place of the word that is there, whose own quotes may be open.

Keys are asked for from the cluster: only a few, and only for half a second, since who waits for a
completion types on. Whatever goes wrong, nothing is offered and nothing is said; the command itself
will say it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from prompt_toolkit.completion import CompleteEvent, Completer, Completion, PathCompleter
from prompt_toolkit.document import Document

from kvcluster.client.raw import RawClient
from kvcluster.console.escaping import as_line, shown
from kvcluster.shell.expecting import FILES, KEYS, NODES, Expected, expected
from kvcluster.shell.grammar import Grammar
from kvcluster.shell.line import at_cursor, quoted

Offer = tuple[str, str]
"""A word, and what it means."""


class LineCompleter(Completer):
    """Completes a line. It is asked in a thread, since a cluster may be slow to name its keys."""

    def __init__(
        self,
        grammar: Grammar,
        keys: Callable[[str], Iterable[str]],
        nodes: Callable[[], Sequence[str]],
    ) -> None:
        self._grammar = grammar
        self._keys = keys
        self._nodes = nodes
        self._files = PathCompleter(expanduser=True)

    def get_completions(self, document: Document, event: CompleteEvent) -> Iterable[Completion]:
        """The completions, as prompt_toolkit wants them."""
        text = document.text_before_cursor
        before, word = at_cursor(text)
        here = expected(self._grammar, before, word.text)
        dashes = "--" in before
        for offer, meaning in self._offers(here, word.text, event):
            # As an argument, a word that begins with a dash would be taken for an option.
            if here.words is None and offer.startswith("-") and not dashes:
                continue
            yield Completion(
                quoted(offer),
                start_position=word.start - len(text),
                display=shown(offer),
                display_meta=meaning,
            )

    def _offers(self, here: Expected, typed: str, event: CompleteEvent) -> Iterable[Offer]:
        if here.words is not None:
            return [it for it in here.words.items() if it[0].startswith(typed)]
        if here.name in KEYS:
            return [(key, "") for key in self._keys(typed)]
        if here.name in NODES:
            return [(node, "") for node in self._nodes() if node.startswith(typed)]
        if here.name in FILES and "\0" not in typed:
            rest = self._files.get_completions(Document(typed), event)
            return [(typed + it.text, "") for it in rest]
        return []


_LIMIT = 50
_TIMEOUT_S = 0.5


def keys_beginning(store: RawClient, prefix: str) -> list[str]:
    """Some keys; none that a line could not show, since nobody could tell what stands there."""
    try:
        prefix.encode()
    except UnicodeError:  # half a letter was typed
        return []
    found = store.keys(prefix, _LIMIT, _TIMEOUT_S)
    return [key for key in found if as_line(key).replace("\\\\", "\\") == key]
