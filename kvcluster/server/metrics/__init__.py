"""Metrics: what a node counts and measures, told in the way that Prometheus reads it.

Nothing is counted here. Each part of a node counts what it does itself (traffic.py, budgets.py,
storage/counts.py, model/exchange.py, cluster/repair/progress.py), in plain numbers, whether anybody
asks or not. This package reads them when it is asked, names them after Prometheus's conventions,
and serves the page. So a write costs the same with it and without, and the rest of the node does
not know of it: it is an optional extra, imported by server.py for `--metrics` alone.

docs/metrics.md lists every metric; a test holds that list and the code together.
"""

from kvcluster.errors import CannotStart

try:
    import prometheus_client  # noqa: F401 - whether it is there
except ImportError:
    raise CannotStart(
        "--metrics needs a package that is not installed: pip install prometheus-client"
    ) from None
