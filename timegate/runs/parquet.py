"""Calls written to a Parquet file as they are replayed, which holds what is complete if the replay ends early."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pandas as pd

from timegate.errors import MissingExtraError
from timegate.files import as_path, replacing

__all__ = ["CallsWriter", "place_of_part", "pyarrow_parquet", "writing"]


class CallsWriter:
    """Writes calls to a Parquet file, a row group a chunk."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._parquet = pyarrow_parquet()
        import pyarrow

        self._pyarrow = pyarrow
        self._writer: Any = None
        self.broken = True  # until a row group is complete

    def chunk(self, calls: pd.DataFrame) -> None:
        """Write the next row group."""
        # Plain text in place of categories, whose codes would differ from chunk to chunk.
        names = ("preferred", "served_by", "outcome")
        plain = calls.assign(**{name: calls[name].astype(object) for name in names}).reset_index()
        if self._writer is None:
            empty = self._pyarrow.Table.from_pandas(plain, preserve_index=False).schema
            for name in names:
                empty = empty.set(empty.get_field_index(name), self._pyarrow.field(name, self._pyarrow.string()))
            self._writer = self._parquet.ParquetWriter(self._path, empty)
        self.broken = True
        table = self._pyarrow.Table.from_pandas(plain, self._writer.schema, preserve_index=False)
        self._writer.write_table(table, row_group_size=len(plain))
        self.broken = False

    def close(self) -> None:
        """Write the footer."""
        if self._writer is not None:
            self._writer.close()


@contextmanager
def writing(path: str | Path | None) -> Iterator[CallsWriter | None]:
    """Give a writer whose file takes its place with the row groups that are complete.

    It does so too if the source of the chunks or an interrupt ends the replay early; an older file then stays, and what
    is complete of the new one lies beside it (:func:`place_of_part`). If writing itself fails, or nothing was written,
    there is no file, or the old one stays.
    """
    if path is None:
        yield None
        return
    early: BaseException | None = None
    with replacing(path) as unfinished:
        writer = CallsWriter(unfinished)
        try:
            yield writer
        except BaseException as error:
            early = error
        if early is not None and writer.broken:
            with suppress(Exception):
                writer.close()
            raise early
        writer.close()
        if early is not None and (place := place_of_part(path)) != Path(path):
            unfinished.chmod(Path(path).stat().st_mode)
            unfinished.replace(place)
            raise early
    if early is not None:
        raise early


def place_of_part(path: str | Path) -> Path:
    """Return where the calls of a replay that ended early lie: a part never takes the place of an older whole."""
    path = as_path(path)
    return path.with_name(f"{path.stem}.partial{path.suffix}") if path.exists() else path


def pyarrow_parquet() -> Any:
    """Return pyarrow's module of Parquet, or say what to install."""
    try:
        from pyarrow import parquet
    except ImportError as error:
        raise MissingExtraError("Parquet needs pyarrow: pip install 'timegate[scale]'.") from error
    return parquet
