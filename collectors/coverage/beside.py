"""How is work done in a process beside this one?"""

from __future__ import annotations

import gc
import os
import pickle
import traceback
from collections.abc import Callable
from typing import Any, TypeVar

Answer = TypeVar("Answer")


def beside(work: Callable[[], Answer]) -> Callable[[], Answer]:
    """Start `work` in a process of its own; what is returned waits for its answer.

    The answer is pickled: it must be small. What `work` raises is raised here.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _work(work, writing)
    os.close(writing)

    def ended() -> Answer:
        answer: Answer = _answer(child, reading)
        return answer

    return ended


def _work(work: Callable[[], object], writing: int) -> None:
    """Do the work and end this process: nothing of what it was forked from may run on."""
    try:
        gc.disable()
        try:
            told = pickle.dumps((work(), None))
        except Exception as error:
            told = _pickled(error)
        with os.fdopen(writing, "wb") as file:
            file.write(told)
    finally:
        os._exit(0)


def _pickled(error: Exception) -> bytes:
    try:
        return pickle.dumps((None, error))
    except Exception:
        return pickle.dumps((None, RuntimeError("".join(traceback.format_exception(error)))))


def _answer(child: int, reading: int) -> Any:
    with os.fdopen(reading, "rb") as file:
        told = file.read()
    os.waitpid(child, 0)
    if not told:
        raise RuntimeError("a process beside this one was ended before its answer")
    answer, error = pickle.loads(told)  # noqa: S301 - from our own child
    if error:
        raise error
    return answer
