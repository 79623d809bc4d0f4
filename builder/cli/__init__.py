"""What can a person ask of Rekindle?

Commands only read their options, call one function and show what it returns. What they need is imported
when they run: the restore program on the new machine carries no ISO tools.
"""

from builder.cli import base, build, chain, look, posture, restoring, secrets, stick, timer
from builder.cli.app import app

__all__ = ["app", "base", "build", "chain", "look", "posture", "restoring", "secrets", "stick", "timer"]
