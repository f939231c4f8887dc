"""Moving: from a cluster of ours to each engine and back, equal and in order."""

from __future__ import annotations

from pathlib import Path

from tests.gateway.servers import Gateways, run_client
from tests.processes.cluster import Cluster
from tests.processes.harness import started


def test_an_export_comes_back_as_it_was(gateways: Gateways, tmp_path: Path) -> None:
    """Odd keys, empty and long values, expiries; byte by byte, and so on the way back."""
    with started(Cluster(tmp_path, 1, replicas=1)) as cluster:
        ours = cluster[0]
        for number in range(2_000):
            ours.put(f"move/{number:05}", str(number) * (number % 50))
        for key in ("move/ä", "move/\n", "move/\x00", 'move/"', "move/键", "move/\U0001f511"):
            ours.put(key, f"<{key}>")
        run_client(ours.name, "put", "move/lives", "long", "--ttl", "300d")
        first, second, third = (str(tmp_path / f"{name}.jsonl") for name in ("one", "two", "three"))
        run_client(ours.name, "export", first, "--prefix", "move/")
        gateways.run("import", first)
        gateways.run("export", second, "--prefix", "move/")
        assert Path(second).read_text() == Path(first).read_text()
        assert len(Path(first).read_text().splitlines()) == 2_007
        run_client(ours.name, "delete", "--prefix", "move/", "--yes")
        run_client(ours.name, "import", second)
        run_client(ours.name, "export", third, "--prefix", "move/")
        assert Path(third).read_text() == Path(first).read_text()
