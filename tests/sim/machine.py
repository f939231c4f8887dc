"""A machine of a history: what outlives the processes that run on it."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.storage.fake_disk import FakeDisk

START_MS = 1_800_000_000_000
FAST_S = (0.0001, 0.002)


@dataclass
class Machine:
    """What outlives a process: its disk and its clock."""

    disk: FakeDisk = field(default_factory=FakeDisk)
    clock_offset_ms: float = 0.0
    clock_rate: float = 1.0
    behind_ms: float = 0.0
    """How much of that is because it lost the time in a power cut, and nobody set it since."""
    set_back_s: float = float("-inf")
    """When its clock was set back last."""
    work_s: tuple[float, float] = FAST_S
    """How long a piece of work takes on this disk."""
    may_fail: str = ""
    """Why this process may end by itself; empty if it may not."""
    busy: bool = False
    """A process is there, perhaps one that still starts or already stops."""
    damaged: bool = False
    """Its files are not what its last process left there, and it has not been made whole since."""
    lives: int = 0
    """How many processes there have been."""

    def wall_ms(self, now_s: float) -> int:
        """What its clock says at a time of the loop's."""
        return START_MS + int(now_s * 1000 * self.clock_rate + self.clock_offset_ms)

    def lose_time(self, behind_ms: float) -> None:
        """It has no clock of its own, and starts from an old time after a power cut."""
        self.clock_offset_ms -= behind_ms
        self.behind_ms += behind_ms

    def set_right(self) -> None:
        """Whoever keeps its clock in step gives it the time that it lost."""
        self.clock_offset_ms += self.behind_ms
        self.behind_ms = 0.0

    def mend(self) -> None:
        """Make the disk fast, large and sound."""
        self.work_s = FAST_S
        self.disk.mend()
