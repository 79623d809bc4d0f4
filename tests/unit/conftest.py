"""Settings of the unit tier."""

from __future__ import annotations

from hypothesis import settings

# The same examples every time, and no deadline: a busy machine is not a broken parser.
settings.register_profile("unit", derandomize=True, deadline=None, max_examples=30, database=None)
settings.load_profile("unit")
