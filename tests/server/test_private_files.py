"""What a node keeps is for its user; what is not its own, and what a link points to, stays."""

from __future__ import annotations

from pathlib import Path

from kvcluster.server.private_files import keep_private
from tests.processes.harness import Server, eventually


def mode(path: Path) -> int:
    """What who may do."""
    return path.stat().st_mode & 0o777


def test_open_files_of_a_node_are_tightened_and_nothing_else(tmp_path: Path) -> None:
    """Those of a neighbour, a link and what it points to, and the folder itself."""
    ours = [tmp_path / "data_node_1.json", tmp_path / "data_node_1.json.part"]
    wal = tmp_path / "data_node_1.wal"
    wal.mkdir(mode=0o755)
    ours += [wal / "lock", wal / "1"]
    others = [tmp_path / "data_node_2.json", tmp_path / "victim"]
    for path in (*ours, *others):
        path.write_text("x")
        path.chmod(0o644)
    (wal / "2").symlink_to(tmp_path / "victim")
    (tmp_path / "data_node_1.json.link").symlink_to(tmp_path / "victim")
    (wal / "3").hardlink_to(tmp_path / "data_node_2.json")
    tmp_path.chmod(0o755)
    assert list(keep_private(tmp_path / "data_node_1.json")) == []
    assert [mode(path) for path in ours] == [0o600] * 4
    assert [mode(path) for path in others] == [0o644] * 2
    assert (mode(wal), mode(tmp_path)) == (0o700, 0o755)


def test_a_folder_in_which_all_may_write_is_told(tmp_path: Path) -> None:
    """Whoever can put files there can put a node's there; /tmp with its sticky bit is another
    matter.
    """
    tmp_path.chmod(0o777)
    (remark,) = keep_private(tmp_path / "data_node_1.json")
    assert "or put some there" in remark
    tmp_path.chmod(0o1777)
    assert list(keep_private(tmp_path / "data_node_1.json")) == []
    assert list(keep_private(tmp_path / "none" / "data_node_1.json")) == []


def test_what_a_node_makes_is_private_from_the_beginning(tmp_path: Path) -> None:
    """Its folder, its journal, its lock, its JSON, whatever the umask says."""
    folder = tmp_path / "new" / "data"
    server = Server(24_999, "localhost:24999", tmp_path, ["--data-dir", str(folder)])
    server.start()
    try:
        server.wait_serving()
        server.put("a", "b")
        path = folder / "data_node_24999.json"
        eventually(lambda: path.exists() and "b" in path.read_text(), "the JSON is there")
        server.interrupt()  # a running one may take a checkpoint away while we look
        files = [it for it in folder.rglob("*") if it.is_file()]
        folders = [folder, *(it for it in folder.rglob("*") if it.is_dir())]
        assert {mode(it) for it in files} == {0o600}
        assert {mode(it) for it in folders} == {0o700}
    finally:
        server.clean_up()
