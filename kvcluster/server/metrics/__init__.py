"""Metrics: what a node counts and measures, told in the way that Prometheus reads it.

Nothing is counted here. Each part of a node counts what it does itself (server/traffic.py,
server/budgets.py, storage/journal.py, model/exchange.py, cluster/repair/progress.py), in plain
numbers, whether anybody asks or not. This package reads them when it is asked, names them after
Prometheus's conventions, and serves the page. So a write costs the same with it and without, and
the rest of the node does not know of it: it is an optional extra, imported by server.py for
`--metrics` alone.

    exposition.py        the page that Prometheus reads
    web.py               its own HTTP server
    collector.py         one look at a node, taken in its event loop
    families.py          a metric with its labels, as prometheus_client wants it
    call_metrics.py      what clients and peers asked
    peer_metrics.py      what this node thinks of each of the others
    storage_metrics.py   what it holds, and how its disk does
    engine_metrics.py    the engine under a gateway
    upkeep_metrics.py    whether it serves, and what it does so that all hold the same

docs/metrics.md lists every metric; a test holds that list and the code together.
"""

from kvcluster.errors import CannotStart

try:
    import prometheus_client  # noqa: F401 - whether it is there
except ImportError:
    raise CannotStart(
        "--metrics needs a package that is not installed: pip install prometheus-client"
    ) from None
