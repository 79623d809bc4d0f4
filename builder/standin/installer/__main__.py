"""Start the installer: `python3 -m installer`."""

from __future__ import annotations

import sys

from .install import main

sys.exit(main())
