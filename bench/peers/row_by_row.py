"""Knowledge as the usual tutorial keeps it: rows embedded and inserted one by one, in one plain table."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import numpy as np
import psycopg
from langchain_core.embeddings import Embeddings
from numpy.typing import NDArray

from desk.models.embeddings import MiniLM
from desk.storage.vectors import Vector

Vectors = NDArray[np.float32]


class OneByOne(Embeddings):
    """The same model behind LangChain's interface, on a loop of its own."""

    def __init__(self, model: MiniLM) -> None:
        self._model = model
        self._loop = asyncio.new_event_loop()

    def embed_query(self, text: str) -> list[float]:
        """One vector."""
        return [float(value) for value in self._loop.run_until_complete(self._model.embed([text]))[0]]

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """One vector after the other."""
        return [self.embed_query(text) for text in texts]

    def close(self) -> None:
        """End the loop."""
        self._loop.close()


class PlainTable:
    """Rows and vectors of all tenants in one table; with one HNSW index over them, if it is asked for."""

    def __init__(self, url: str, name: str, dimensions: int) -> None:
        self._conn = psycopg.connect(url, autocommit=True)
        self._name = name
        self._run(f"drop table if exists {name}")
        self._run(f"create table {name} (tenant int, id text, embedding public.vector({dimensions}))")

    def _run(self, statement: str, values: Sequence[Any] = ()) -> psycopg.Cursor[Any]:
        return self._conn.execute(statement.encode(), values)

    def add(self, tenant: int, row: str, vector: Sequence[float] | Vectors) -> None:
        """One row, in a transaction of its own."""
        self._run(
            f"insert into {self._name} values (%s, %s, %b::public.vector)",  # noqa: S608
            (tenant, row, Vector(np.asarray(vector, np.float32))),
        )

    def fill(self, tenant: int, vectors: Vectors) -> None:
        """Many rows at once; their ids are their numbers."""
        with self._conn.transaction(), self._conn.cursor() as cursor:
            cursor.executemany(
                f"insert into {self._name} values (%s, %s, %b::public.vector)",  # noqa: S608
                [(tenant, str(number), Vector(vector)) for number, vector in enumerate(vectors)],
            )

    def index(self) -> None:
        """One HNSW index over the rows of all tenants, with pgvector's own parameters."""
        operators = "public.vector_cosine_ops"
        self._run(f"create index on {self._name} using hnsw (embedding {operators})")
        self._run("set enable_seqscan = off")

    def nearest(self, tenant: int, vector: Sequence[float] | Vectors, limit: int) -> list[str]:
        """The ids of a tenant's rows nearest to a vector."""
        cursor = self._run(
            f"select id from {self._name} where tenant = %s"  # noqa: S608
            " order by embedding operator(public.<=>) %b::public.vector limit %s",
            (tenant, Vector(np.asarray(vector, np.float32)), limit),
        )
        return [row for (row,) in cursor.fetchall()]

    def close(self) -> None:
        """Take the table away and disconnect."""
        self._run(f"drop table {self._name}")
        self._conn.close()
