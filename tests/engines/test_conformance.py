"""The contract, on the twin and on each engine: what a gateway may build on."""

from __future__ import annotations

import asyncio
import random

import pytest

from kvcluster.engines.contract import EnginePage, Mismatched, ReadOutcome, WriteDone, WriteOutcome
from kvcluster.errors import KvError, NothingWritten, OutcomeUnknown
from kvcluster.model.condition import Condition
from kvcluster.model.decision import Content
from kvcluster.model.entry import VERSION_BYTES, Version
from kvcluster.model.operation import Kind, Operation
from tests.engines.setting import Setting

ODD_KEYS = [
    "a", "b", "B", "aa", "a/b", "a\x00b", "\x00", "ä", "à", "Hà Nội", "键", "\U0001f511", "\uffff",
    "%", "*", "{x}", "x}{", "'", '"', "\\", "a b", "\n", "\x7f", "z" * 1_024,
]  # fmt: skip


def put(key: str, value: str = "v", condition: Condition | None = None, **life: int) -> Operation:
    """One put."""
    return Operation(Kind.PUT, key, value, condition, **life)  # type: ignore[arg-type]


def delete(key: str, condition: Condition | None = None) -> Operation:
    """One delete."""
    return Operation(Kind.DELETE, key, condition=condition)


async def write(setting: Setting, *operations: Operation) -> list[WriteOutcome]:
    """Write them in one call."""
    return await setting.engine.write(operations, setting.soon_s)


async def done(setting: Setting, operation: Operation) -> WriteDone:
    """Write one, which must succeed."""
    (outcome,) = await write(setting, operation)
    assert isinstance(outcome, WriteDone), outcome
    return outcome


async def read(setting: Setting, *keys: str) -> list[Content]:
    """Read them, which must succeed."""
    outcomes: list[ReadOutcome] = await setting.engine.read(
        keys, setting.soon_s, linearizable=setting.engine.traits.linearizable
    )
    assert not any(isinstance(it, KvError) for it in outcomes), outcomes
    return [it for it in outcomes if isinstance(it, Content)]


async def value(setting: Setting, key: str) -> str | None:
    """What one key has."""
    return (await read(setting, key))[0].value


async def page(
    setting: Setting,
    prefix: str = "",
    after: str = "",
    limit: int = 100,
    *,
    keys_only: bool = False,
) -> EnginePage:
    """One page."""
    return await setting.engine.page(
        prefix, after, limit, keys_only=keys_only, deadline_s=setting.soon_s
    )


async def scan(setting: Setting, prefix: str = "", limit: int = 7) -> list[tuple[str, str]]:
    """All pairs behind a prefix, page by page."""
    pairs: list[tuple[str, str]] = []
    after = ""
    for _ in range(10_000):
        got = await page(setting, prefix, after, limit)
        assert len(got.pairs) <= limit
        pairs += [(key, text) for key, text, _ in got.pairs]
        if got.reached is None:
            return pairs
        assert got.reached.encode() > after.encode(), "the scan does not get on"
        assert not got.pairs or got.pairs[-1][0].encode() <= got.reached.encode()
        after = got.reached
    raise AssertionError("the scan has no end")


async def test_what_is_put_is_read(setting: Setting) -> None:
    """With a version of 12 bytes, which the read tells too."""
    wrote = await done(setting, put("k", "Hà Nội"))
    (content,) = await read(setting, "k")
    assert (content.value, content.expires_ms) == ("Hà Nội", 0)
    assert content.version == wrote.version
    assert len(wrote.version) == VERSION_BYTES
    assert 1 <= wrote.acknowledged <= wrote.replicas


async def test_a_key_that_was_never_there_has_nothing(setting: Setting) -> None:
    """No value, and no error."""
    (content,) = await read(setting, "never")
    assert content.value is None


async def test_an_empty_value_is_a_value(setting: Setting) -> None:
    """And not a missing one."""
    await done(setting, put("k", ""))
    assert await value(setting, "k") == ""


async def test_a_later_value_has_a_larger_version(setting: Setting) -> None:
    """Across deletes, too."""
    versions = []
    for number in range(5):
        versions.append((await done(setting, put("k", str(number)))).version)
        if number == 2:
            await done(setting, delete("k"))
    assert versions == sorted(versions)
    assert len(set(versions)) == 5


async def test_a_delete_says_whether_the_key_was_there(setting: Setting) -> None:
    """And it is gone afterwards."""
    await done(setting, put("k"))
    assert (await done(setting, delete("k"))).found
    assert not (await done(setting, delete("k"))).found
    assert await value(setting, "k") is None


async def test_many_writes_in_one_call_have_an_outcome_each_in_their_order(
    setting: Setting,
) -> None:
    """Puts and deletes mixed, more than fit into one request of some engines."""
    await done(setting, put("old", "1"))
    operations = [put(f"k{number:03}", str(number)) for number in range(300)]
    operations.insert(100, delete("old"))
    operations.insert(200, delete("never"))
    outcomes = await write(setting, *operations)
    assert len(outcomes) == 302
    assert all(isinstance(it, WriteDone) for it in outcomes)
    founds = [it.found for it in outcomes if isinstance(it, WriteDone)]
    assert (founds[100], founds[200]) == (True, False)
    contents = await read(setting, *[it.key for it in operations])
    assert [it.value for it in contents if it.value] == [str(number) for number in range(300)]


async def test_odd_keys_and_values_come_back_as_they_were(setting: Setting) -> None:
    """Whatever UTF-8 can say, NUL included."""
    for key in ODD_KEYS:
        await done(setting, put(key, f"<{key}>\x00"))
    contents = await read(setting, *ODD_KEYS)
    assert [it.value for it in contents] == [f"<{key}>\x00" for key in ODD_KEYS]


async def test_a_scan_is_in_the_order_of_bytes(setting: Setting) -> None:
    """Not of a locale, nor of UTF-16."""
    await write(setting, *[put(key, key) for key in ODD_KEYS])
    assert await scan(setting) == [(key, key) for key in sorted(ODD_KEYS, key=str.encode)]


async def test_a_prefix_is_no_pattern_and_no_more_than_itself(setting: Setting) -> None:
    """`a%` means that, and the last key behind a prefix is followed by nothing."""
    keys = ["a", "a%", "a%b", "ab", "a\uffff", "b", "a*", "a\U0010ffff", "a\U0010ffffz"]
    await write(setting, *[put(key, key) for key in keys])
    for prefix in ("a", "a%", "a\U0010ffff", "b", "c", ""):
        wanted = sorted((key for key in keys if key.startswith(prefix)), key=str.encode)
        assert [key for key, _ in await scan(setting, prefix, 2)] == wanted


async def test_a_page_begins_behind_a_key_that_need_not_be_there(setting: Setting) -> None:
    """Nor behind the prefix."""
    await write(setting, *[put(key) for key in ("a", "c", "p/1", "p/2", "q")])
    assert [key for key, *_ in (await page(setting, "", "b")).pairs] == ["c", "p/1", "p/2", "q"]
    assert [key for key, *_ in (await page(setting, "p/", "a")).pairs] == ["p/1", "p/2"]
    assert [key for key, *_ in (await page(setting, "p/", "p/1")).pairs] == ["p/2"]
    assert [key for key, *_ in (await page(setting, "p/", "z")).pairs] == []


async def test_a_page_of_keys_has_no_values(setting: Setting) -> None:
    """They were not asked for."""
    await done(setting, put("k", "long"))
    assert (await page(setting, keys_only=True)).pairs == [("k", "", 0)]


async def test_large_values_make_small_pages(setting: Setting) -> None:
    """A page of a hundred of them would be more than a message takes."""
    text = "v" * 900_000
    for number in range(6):
        await done(setting, put(f"k{number}", text))
    assert await value(setting, "k3") == text
    got = await page(setting)
    size_bytes = sum(len(it) for _, it, _ in got.pairs)
    assert len(got.pairs) >= 1
    assert setting.kind == "twin" or size_bytes < 2 << 20
    assert len(await scan(setting, limit=100)) == 6


async def test_a_value_of_the_limit_is_taken(setting: Setting) -> None:
    """The API promises a MiB, whatever is beneath."""
    text = "x" * (1 << 20)
    assert setting.engine.traits.value_limit_bytes >= len(text)
    await done(setting, put("k" * 1_024, text))
    assert await value(setting, "k" * 1_024) == text


async def test_put_if_absent_is_done_once(setting: Setting) -> None:
    """And says what is there instead."""
    first = await done(setting, put("k", "1", Condition.absent()))
    (outcome,) = await write(setting, put("k", "2", Condition.absent()))
    assert isinstance(outcome, Mismatched)
    assert (outcome.there.value, outcome.there.version) == ("1", first.version)
    assert await value(setting, "k") == "1"


@pytest.mark.parametrize(
    ("condition", "when_absent", "when_there"),
    [
        (Condition.absent(), True, False),
        (Condition.exists(), False, True),
        (Condition.value("1"), False, True),
        (Condition.value("2"), False, False),
        (Condition.version(Version(bytes(12))), False, False),
        (Condition.none(), True, True),
    ],
    ids=["absent", "exists", "value", "other value", "other version", "none"],
)
@pytest.mark.parametrize("deletes", [False, True], ids=["put", "delete"])
async def test_conditions_are_judged_on_what_is_there(
    setting: Setting, condition: Condition, when_absent: bool, when_there: bool, deletes: bool
) -> None:
    """Each kind of them, of a put and of a delete, with the key there and not there."""
    await done(setting, put("there", "1"))
    for key, holds in (("absent", when_absent), ("there", when_there)):
        operation = delete(key, condition) if deletes else put(key, "new", condition)
        (outcome,) = await write(setting, operation)
        assert isinstance(outcome, WriteDone if holds else Mismatched), (key, outcome)
        before = "1" if key == "there" else None
        after = (None if deletes else "new") if holds else before
        assert await value(setting, key) == after
        if isinstance(outcome, Mismatched):
            assert outcome.there.value == before


async def test_a_condition_on_the_version_that_was_read_holds(setting: Setting) -> None:
    """And no more once somebody wrote, even the same value."""
    await done(setting, put("k", "1"))
    (content,) = await read(setting, "k")
    assert content.version
    await done(setting, put("k", "2", Condition.version(content.version)))
    (outcome,) = await write(setting, put("k", "3", Condition.version(content.version)))
    assert isinstance(outcome, Mismatched)
    assert outcome.there.value == "2"


async def test_conditions_of_one_call_fail_each_for_itself(setting: Setting) -> None:
    """They are no transaction."""
    await done(setting, put("b", "there"))
    outcomes = await write(
        setting,
        put("a", "1", Condition.absent()),
        put("b", "1", Condition.absent()),
        put("c", "1"),
        delete("d", Condition.exists()),
        put("e", "1", Condition.none(), ttl_ms=60_000),
    )
    assert [type(it) for it in outcomes] == [
        WriteDone, Mismatched, WriteDone, Mismatched, WriteDone,
    ]  # fmt: skip
    assert [it.value for it in await read(setting, *"abcde")] == ["1", "there", "1", None, "1"]


async def test_of_many_that_put_if_absent_at_once_one_succeeds(setting: Setting) -> None:
    """That is what a lock is."""
    puts = [put("lock", str(number), Condition.absent()) for number in range(20)]
    outcomes = await asyncio.gather(*[write(setting, it) for it in puts])
    winners = [at for at, (it,) in enumerate(outcomes) if isinstance(it, WriteDone)]
    assert len(winners) == 1
    assert await value(setting, "lock") == str(winners[0])
    assert all(isinstance(it, WriteDone | Mismatched) for (it,) in outcomes)


async def test_increments_by_version_are_all_counted(setting: Setting) -> None:
    """Four that add at the same time, each until it succeeded."""

    async def add(times: int) -> None:
        for _ in range(times):
            while True:
                (content,) = await read(setting, "n")
                here = Condition.version(content.version) if content.version else None
                more = str(int(content.value or 0) + 1)
                (outcome,) = await write(setting, put("n", more, here or Condition.absent()))
                if isinstance(outcome, WriteDone):
                    break
                assert isinstance(outcome, Mismatched), outcome

    await done(setting, put("n", "0"))
    await asyncio.gather(*[add(10) for _ in range(4)])
    assert await value(setting, "n") == "40"


async def test_batches_that_cross_do_not_block_each_other(setting: Setting) -> None:
    """The same keys in other orders, many times at once: no deadlock, each in one of the orders."""
    keys = [f"k{number}" for number in range(40)]
    rng = random.Random(7)
    batches = []
    for who in range(8):
        order = rng.sample(keys, len(keys))
        batches.append([put(key, str(who)) for key in order])
    outcomes = await asyncio.gather(*[write(setting, *batch) for batch in batches])
    assert all(isinstance(it, WriteDone) for each in outcomes for it in each)
    assert all(it.value for it in await read(setting, *keys))


async def test_a_key_expires_to_reads_and_scans(setting: Setting) -> None:
    """At its time, and not before; and whoever puts it anew without a life makes it stay."""
    await done(setting, put("goes", "1", ttl_ms=1_500))
    await done(setting, put("stays", "1", ttl_ms=1_500))
    await done(setting, put("stays", "2"))
    (content,) = await read(setting, "goes")
    assert content.value == "1"
    assert content.expires_ms > 1_600_000_000_000
    assert [it[0] for it in (await page(setting)).pairs] == ["goes", "stays"]
    assert (await page(setting)).pairs[0][2] == content.expires_ms

    async def gone() -> bool:
        return await value(setting, "goes") is None

    await setting.until(gone, "the key expires")
    assert await scan(setting) == [("stays", "2")]
    await setting.pass_time(1_000)
    assert await value(setting, "stays") == "2"


async def test_a_condition_sees_a_key_a_little_longer_than_its_life(setting: Setting) -> None:
    """A lock has no second holder before the first one knows that he lost it."""
    await done(setting, put("lock", "me", Condition.absent(), ttl_ms=1_000))

    async def gone() -> bool:
        return await value(setting, "lock") is None

    await setting.until(gone, "the lock expires")
    (outcome,) = await write(setting, put("lock", "you", Condition.absent()))
    assert isinstance(outcome, Mismatched)

    async def free() -> bool:
        (outcome,) = await write(setting, put("lock", "you", Condition.absent()))
        return isinstance(outcome, WriteDone)

    await setting.until(free, "the lock is free")
    assert await value(setting, "lock") == "you"


async def test_an_expiry_is_kept_as_it_was_given(setting: Setting) -> None:
    """To the millisecond: so exports come back as they were."""
    at_ms = 4_000_000_000_123 if setting.kind != "twin" else 1_700_000_100_123
    await done(setting, put("k", "1", expires_ms=at_ms))
    (content,) = await read(setting, "k")
    assert (content.value, content.expires_ms) == ("1", at_ms)
    assert (await page(setting)).pairs == [("k", "1", at_ms)]


async def test_a_put_with_an_expiry_that_is_over_leaves_nothing(setting: Setting) -> None:
    """It expired on the way."""
    await done(setting, put("k", "1"))
    await done(setting, put("k", "2", expires_ms=1_600_000_000_000))
    assert await value(setting, "k") is None
    assert await scan(setting) == []
    assert not (await done(setting, delete("k"))).found
    await done(setting, put("k", "3"))
    assert await value(setting, "k") == "3"


async def test_what_expired_is_removed_in_the_end(setting: Setting) -> None:
    """Else a store of short lives would grow for good."""
    await write(setting, *[put(f"k{number}", "1", ttl_ms=1_000) for number in range(30)])
    await done(setting, put("stays"))

    async def swept() -> bool:
        await setting.engine.sweep(setting.soon_s)
        return await setting.engine.count(setting.soon_s) <= 1

    await setting.until(swept, "what expired is gone")
    assert await scan(setting) == [("stays", "v")]


async def test_a_sweep_leaves_what_was_put_anew(setting: Setting) -> None:
    """Between the look and the removal somebody may have written."""
    for turn in range(3):
        await write(setting, *[put(f"k{number}", "1", ttl_ms=1_000) for number in range(20)])
        await setting.pass_time(1_000)
        puts = [put(f"k{number}", f"new {turn}") for number in range(0, 20, 2)]
        await asyncio.gather(write(setting, *puts), setting.engine.sweep(setting.soon_s))
        contents = await read(setting, *[f"k{number}" for number in range(0, 20, 2)])
        assert {it.value for it in contents} == {f"new {turn}"}


async def test_a_count_is_near_the_truth_after_a_while(setting: Setting) -> None:
    """For people."""
    await write(setting, *[put(f"k{number}") for number in range(200)])

    async def near() -> bool:
        return 150 <= await setting.engine.count(setting.soon_s) <= 250

    await setting.until(near, "the count is near 200")


async def test_it_says_who_its_members_are(setting: Setting) -> None:
    """And of which version it is."""
    state = await setting.engine.probe(setting.soon_s)
    assert state.version
    assert state.members
    assert all(member.name and member.role for member in state.members)


async def test_a_deadline_that_is_over_writes_nothing_or_is_not_known(setting: Setting) -> None:
    """It is never said to be certain of what may have happened."""
    late_s = asyncio.get_running_loop().time() - 1
    try:
        outcomes = await setting.engine.write([put("k", "late")], late_s)
    except KvError as error:
        outcomes = [error]
    (outcome,) = outcomes
    assert isinstance(outcome, NothingWritten | OutcomeUnknown | WriteDone)
    if isinstance(outcome, NothingWritten):
        assert await value(setting, "k") is None


async def test_a_write_that_is_cancelled_leaves_the_engine_fit(setting: Setting) -> None:
    """The caller went away in the middle, many times."""
    for number in range(20):
        batch = [put(f"c{number}/{at}") for at in range(50)]
        task = asyncio.ensure_future(write(setting, *batch))
        for _ in range(number % 5 + 1):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
    await done(setting, put("after", "1"))
    assert await value(setting, "after") == "1"


async def test_random_steps_are_as_on_a_dict(setting: Setting) -> None:
    """Each step's outcome, and what is there in the end."""
    rng = random.Random(19)
    keys = [f"{letter}{number}" for letter in "ab" for number in range(12)]
    model: dict[str, str] = {}
    for step in range(150):
        chosen = rng.sample(keys, rng.randint(1, 6))
        operations = []
        for key in chosen:
            condition = rng.choice(
                [None, None, Condition.absent(), Condition.exists(), Condition.value(str(step - 1))]
            )
            made = delete(key, condition) if rng.random() < 0.3 else put(key, str(step), condition)
            operations.append(made)
        outcomes = await write(setting, *operations)
        for operation, outcome in zip(operations, outcomes, strict=True):
            held = model.get(operation.key)
            entry = (held, Version(bytes(12))) if held is not None else None
            holds = operation.condition is None or operation.condition.holds(entry)
            assert isinstance(outcome, WriteDone if holds else Mismatched), (operation, outcome)
            if isinstance(outcome, Mismatched):
                assert outcome.there.value == held
            elif operation.kind is Kind.DELETE:
                assert isinstance(outcome, WriteDone)
                assert outcome.found == (model.pop(operation.key, None) is not None)
            else:
                model[operation.key] = operation.value
        if step % 10 == 0:
            contents = await read(setting, *keys)
            assert [it.value for it in contents] == [model.get(key) for key in keys]
    assert await scan(setting) == sorted(model.items())
    assert await scan(setting, "a") == sorted(it for it in model.items() if it[0][0] == "a")
