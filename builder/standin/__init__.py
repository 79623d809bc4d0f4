"""How is the stand-in base ISO made, from nothing but this distribution's own packages?

It is for tests and the demo only: a small installer with the layout of Ubuntu's live-server ISO.
"""

from __future__ import annotations

from builder.standin.make import make_standin, standin_key

__all__ = ["make_standin", "standin_key"]
