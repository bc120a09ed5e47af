"""A staged turn: a real graph runs on memory alone, and one commit keeps one row."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.channels import UntrackedValue
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import interrupt
from psycopg.errors import DivisionByZero
from typing_extensions import TypedDict

from desk.domain import Principal
from desk.storage import checkpoint_rows
from desk.storage.checkpoint_rows import CheckpointRow, Selection
from desk.storage.checkpoint_seals import open_row
from desk.storage.checkpoints import PostgresSaver
from desk.storage.pool import Database
from desk.storage.staging import StagedSaver
from tests.storage.threads_of import OneKey, checkpoint, new_thread

RAW = "my raw words"


class Talk(TypedDict, total=False):
    """Kept lines, a counter, and the raw text that lives for one turn."""

    lines: Annotated[list[str], lambda kept, added: [*kept, *added][-4:]]
    turns: int
    text: Annotated[str, UntrackedValue]


Graph = CompiledStateGraph[Talk, None, Talk, Talk]


async def count(state: Talk) -> Talk:
    return {"turns": state.get("turns", 0) + 1}


async def answer(state: Talk) -> Talk:
    assert state["text"] == RAW
    return {"lines": [f"answer {state['turns']}"]}


async def ask(state: Talk) -> Talk:
    return {"lines": [interrupt("sure?")]}


def build(*steps: Any) -> Graph:
    graph = StateGraph(Talk)
    names = [step.__name__ for step in steps]
    for step in steps:
        graph.add_node(step)
    for source, target in zip([START, *names], [*names, END], strict=True):
        graph.add_edge(source, target)
    return graph.compile()


async def load(database: Database, person: Principal, thread: str) -> CheckpointRow | None:
    async with database.tenant_tx(person, pipeline=True) as tx:
        cursor = await checkpoint_rows.load(tx, thread)
    return await cursor.fetchone()


async def take_turn(
    graph: Graph, database: Database, person: Principal, thread: str, keys: OneKey
) -> dict[str, Any]:
    """Load, run in memory, commit: as a turn does it."""
    row = await load(database, person, thread)
    staged = StagedSaver(thread, open_row(row, keys.key) if row else None)
    config: RunnableConfig = {"configurable": staged.configurable}
    result: dict[str, Any] = await graph.ainvoke({"text": RAW}, config, durability="exit")
    left = staged.sealed(keys.key)
    assert left is not None
    async with database.tenant_tx(person, pipeline=True) as tx:
        await checkpoint_rows.replace(tx, left)
    return result


async def test_ten_turns_leave_one_row_and_carry_the_state(database: Database, user: Principal) -> None:
    graph, thread, keys = build(count, answer), new_thread(user), OneKey()
    for turn in range(1, 11):
        result = await take_turn(graph, database, user, thread, keys)
        assert result["turns"] == turn
    assert result["lines"] == ["answer 7", "answer 8", "answer 9", "answer 10"]

    async with database.tenant_tx(user) as tx:
        (row,) = await (await checkpoint_rows.select(tx, Selection(thread))).fetchall()
    assert row.writes == ()
    assert row.parent_checkpoint_id is None
    saved = open_row(row, keys.key)
    assert RAW not in str(saved)
    assert saved.checkpoint["channel_values"]["turns"] == 10
    assert "text" not in saved.checkpoint["channel_values"]


async def test_the_run_itself_touches_no_database(user: Principal) -> None:
    staged = StagedSaver(new_thread(user), None)
    assert staged.sealed(OneKey().key) is None
    config: RunnableConfig = {"configurable": staged.configurable}
    graph = build(count, answer)
    await graph.ainvoke({"text": RAW}, config, durability="exit")
    assert staged.sealed(OneKey().key) is not None
    state = await graph.aget_state(config)
    assert state.values == {"turns": 1, "lines": ["answer 1"]}


async def test_a_turn_that_is_rolled_back_leaves_the_checkpoint_before(
    database: Database, user: Principal
) -> None:
    graph, thread, keys = build(count, answer), new_thread(user), OneKey()
    await take_turn(graph, database, user, thread, keys)
    before = await load(database, user, thread)
    assert before is not None

    staged = StagedSaver(thread, open_row(before, keys.key))
    await graph.ainvoke({"text": RAW}, {"configurable": staged.configurable}, durability="exit")
    left = staged.sealed(keys.key)
    assert left is not None

    async def commit_and_fail() -> None:
        async with database.tenant_tx(user) as tx:
            await checkpoint_rows.replace(tx, left)
            await tx.execute("select 1 / 0")

    with pytest.raises(DivisionByZero):
        await commit_and_fail()
    assert await load(database, user, thread) == before


async def test_what_waits_on_a_checkpoint_is_kept_with_it(database: Database, user: Principal) -> None:
    graph, thread, keys = build(count, ask), new_thread(user), OneKey()
    await take_turn(graph, database, user, thread, keys)
    saved = await PostgresSaver(database, keys).aget_tuple({"configurable": {"thread_id": thread}})
    assert saved is not None
    assert [channel for _, channel, _ in saved.pending_writes or []] == ["__interrupt__"]


async def test_a_graph_with_a_delta_channel_is_refused(user: Principal) -> None:
    staged = StagedSaver(new_thread(user), None)
    config: RunnableConfig = {"configurable": staged.configurable}
    with pytest.raises(ValueError, match="DeltaChannel"):
        await staged.aput(config, checkpoint(), {"counters_since_delta_snapshot": {"lines": (1, 1)}}, {})


async def test_a_strict_graph_keeps_the_same_saver(user: Principal) -> None:
    staged = StagedSaver(new_thread(user), None)
    assert staged.with_allowlist([("module", "Type")]) is staged


async def test_a_saver_serves_one_thread_and_the_root_graph(user: Principal) -> None:
    thread = new_thread(user)
    staged = StagedSaver(thread, None)
    with pytest.raises(ValueError, match="one thread"):
        await staged.aget_tuple({"configurable": {"thread_id": new_thread(user)}})
    with pytest.raises(ValueError, match="checkpointer=False"):
        await staged.aget_tuple({"configurable": {"thread_id": thread, "checkpoint_ns": "child"}})


async def test_deleted_threads_are_gone(database: Database, user: Principal) -> None:
    graph, keys = build(count, ask), OneKey()
    gone, kept = new_thread(user), new_thread(user)
    for thread in (gone, kept):
        await take_turn(graph, database, user, thread, keys)
    async with database.tenant_tx(user) as tx:
        await checkpoint_rows.delete_threads(tx, [gone])
        cursor = await tx.execute("select thread_id from checkpoint_writes")
        assert await cursor.fetchall() == [(kept,)]
    assert await load(database, user, gone) is None
    assert await load(database, user, kept) is not None
