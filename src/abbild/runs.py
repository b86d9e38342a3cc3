"""Run folders: one place per run, whole files only, continued after a kill, never mixed up."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from abbild.core import OutputError, write_json

_STATE = "run.json"
_LOCK = ".lock"
_NAMES = (
    "model", "schema.yaml", _STATE, "log.jsonl", "card.json",
    "images", "images.parquet", "labels.parquet", "blocks", "layers", "panoptic", "folders",
    "yolo", "yolo-seg", "yolo-pose", "bop", "kitti", "voc", "webdataset",
)  # fmt: skip
_GLOBS = ("data.*", "report.*", "coco*.json", "*.part")
_log = logging.getLogger("abbild")


def _key(recipe: Mapping[str, Any]) -> str:
    """Return a name for everything the outcome depends on: inputs, options, seed, versions."""
    text = json.dumps(recipe, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True)
class RunFolder:
    """A folder that holds the outcome of exactly one recipe.

    Every file in it is written under a temporary name and renamed when whole, so what exists is
    finished and need not be made again: that is all there is to continuing a killed run.
    """

    path: Path
    continued: bool

    def __truediv__(self, name: str) -> Path:
        return self.path / name

    def has(self, name: str) -> bool:
        """Whether this part was already made by this recipe."""
        return (self.path / name).exists()

    @classmethod
    @contextmanager
    def open(
        cls, path: Path, recipe: Mapping[str, Any], *, force: bool = False
    ) -> Iterator[RunFolder]:
        """Hold `path` for one run of `recipe` and log its events to ``log.jsonl``.

        Raises
        ------
        OutputError
            If the folder belongs to another recipe, to someone else or to a run that is still
            going on, or cannot be written to.
        """
        _make(path)
        if not force:
            _refuse_foreign(path)
        with _locked(path / _LOCK, path):
            continued = _claim(path, _key(recipe), force)
            if not continued:
                write_json({"key": _key(recipe), "recipe": dict(recipe)}, path / _STATE)
            handler = _JsonLines(path / "log.jsonl")
            _log.addHandler(handler)
            level = _log.level
            _log.setLevel(logging.INFO)  # not `.level =`: loggers remember what is enabled
            try:
                yield cls(path, continued)
            finally:
                _log.setLevel(level)
                _log.removeHandler(handler)
                handler.close()


def _make(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise OutputError(f"{path} is a file, not a folder", hint="name another folder") from error
    except OSError as error:
        raise OutputError(
            f"cannot make the folder {path}: {error.strerror}", hint="name another folder"
        ) from error


def _refuse_foreign(path: Path) -> None:
    """Refuse a folder with files in it that is no run; looked at before a lock is made there."""
    if (path / _STATE).exists() or all(p.name == _LOCK for p in path.iterdir()):
        return
    raise OutputError(
        f"{path} exists and is no run of Abbild, so nothing in it is touched",
        hint="name another folder, or write into it with --force",
    )


def _claim(path: Path, key: str, force: bool) -> bool:
    """Return whether the folder already belongs to `key`; empty it if `force` and it does not."""
    known = None
    if (path / _STATE).exists():
        try:
            known = json.loads((path / _STATE).read_text(encoding="utf-8")).get("key")
        except (ValueError, AttributeError):
            known = "unreadable"
        if known == key:
            return True
        if not force:
            raise OutputError(
                f"{path} holds another run (other data, options, seed or version)",
                hint="name another folder, or replace that run with --force",
            )
        _clear(path)
    elif not force:
        _refuse_foreign(path)
    elif strange := _parts(path):  # it would be taken for a finished part of this run
        raise OutputError(
            f"{strange[0]} was not made by Abbild and stands where the run writes",
            hint="move it away, or name another folder",
        )
    return False


def _parts(path: Path) -> list[Path]:
    """Return what stands where runs write."""
    found = [path / name for name in _NAMES if (path / name).exists()]
    return found + [file for glob in _GLOBS for file in path.glob(glob)]


def _clear(path: Path) -> None:
    """Remove what runs write; a file somebody else put there stays."""
    for part in _parts(path):
        if part.is_dir() and not part.is_symlink():
            shutil.rmtree(part)
        else:
            part.unlink(missing_ok=True)


@contextmanager
def _locked(lock: Path, folder: Path) -> Iterator[None]:
    """Hold an advisory lock the operating system drops when the process dies, however it dies."""
    try:
        file = lock.open("a+b")
    except OSError as error:
        raise OutputError(
            f"cannot write to {folder}: {error.strerror}", hint="check its permissions"
        ) from error
    try:
        try:
            _acquire(file)
        except OSError as error:
            raise OutputError(
                f"another run is writing to {folder}", hint="wait for it or name another folder"
            ) from error
        yield
    finally:
        file.close()  # which also drops the lock; the empty file stays, or two runs could race


if sys.platform == "win32":
    import msvcrt

    def _acquire(file: IO[bytes]) -> None:
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _acquire(file: IO[bytes]) -> None:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)


class _JsonLines(logging.Handler):
    """One JSON object a line: time, stage, done, total, seconds, or a message."""

    def __init__(self, path: Path) -> None:
        super().__init__(logging.INFO)
        self._file = path.open("a", encoding="utf-8")

    def emit(self, record: logging.LogRecord) -> None:
        event: dict[str, Any] = {"time": round(record.created, 3), "pid": os.getpid()}
        for name in ("stage", "done", "total", "seconds"):
            if hasattr(record, name):
                event[name] = getattr(record, name)
        if "stage" not in event:
            event |= {"level": record.levelname.lower(), "message": record.getMessage()}
        if record.exc_info:
            event["traceback"] = logging.Formatter().formatException(record.exc_info)
        self._file.write(json.dumps(event, ensure_ascii=False) + "\n")
        self._file.flush()

    def close(self) -> None:
        self._file.close()
        super().close()


def stamp() -> str:
    """Return the present time, UTC, ISO 8601; for cards and logs, never for data."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
