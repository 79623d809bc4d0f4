"""Which packages does the posture need that the base does not bring, and how do they get here?"""

from __future__ import annotations

from pathlib import Path

from builder.pool.gathered import Gathered, Say
from builder.pool.target import Target
from collectors.posture import Posture


def gather(posture: Posture, target: Target, folder: Path, say: Say) -> Gathered:
    """Bring all packages here that a machine without network needs."""
    del posture, target, folder, say
    return Gathered()
