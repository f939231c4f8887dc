"""What docs/operate.md says of the log is what nodes write into it."""

from __future__ import annotations

import re

from kvcluster.model.operation import Kind
from tests.docs.markdown import ROOT
from tests.docs.prose import section

_WORDS = (r'"([A-Z][A-Z-]+)  ', r'_log\("([A-Z]+)",')
"""How the first word of a line stands in the code."""
_OTHERS = {"PYTHON", *(kind.name for kind in Kind)}
"""What Python and the libraries have to say; and what was asked, by its kind."""


def test_every_word_of_the_log_is_told_and_no_other() -> None:
    """Whoever looks for lines of a kind looks for its word."""
    sources = [*(ROOT / "kvcluster" / "cluster").rglob("*.py"), ROOT / "server.py"]
    sources += [*(ROOT / "kvcluster" / "server").rglob("*.py"), ROOT / "kvcluster" / "node.py"]
    sources += (ROOT / "kvcluster" / "storage").rglob("*.py")
    code = "".join(path.read_text("utf-8") for path in sources)
    written = {word for how in _WORDS for word in re.findall(how, code)}
    first, _, _ = section(ROOT / "docs" / "operate.md", "The log").strip().partition("\n\n")
    told = set(re.findall(r"\b[A-Z][A-Z-]{2,}\b", first))
    assert written - _OTHERS == told - _OTHERS
    assert told & _OTHERS == _OTHERS - {Kind.GET.name}, "reads are no news"
