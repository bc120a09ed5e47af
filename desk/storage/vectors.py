"""Vectors as pgvector reads them on the wire: binary, because text takes ten times as long."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
import psycopg
from numpy.typing import NDArray
from psycopg.abc import Buffer
from psycopg.adapt import Dumper
from psycopg.pq import Format


@dataclass(frozen=True, slots=True)
class Vector:
    """A float32 vector of shape (dimensions,) as a query parameter; write `%b::vector` in the SQL."""

    values: NDArray[np.float32]


class _VectorDumper(Dumper):
    # No type id: it differs from database to database, and the cast in the SQL tells Postgres the type.
    oid = 0
    format = Format.BINARY

    def dump(self, obj: Vector) -> Buffer:
        # The layout of pgvector's `vector_recv`: length, an unused zero, big-endian floats.
        return struct.pack(">HH", len(obj.values), 0) + obj.values.astype(">f4").tobytes()


psycopg.adapters.register_dumper(Vector, _VectorDumper)
