"""How are the playbook's parts loaded outside Ansible?"""

from __future__ import annotations

import sys
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType

OVERLAY = Path(__file__).parents[3] / "iso_overlay"
SHARED = "ansible.module_utils.rekindle"


def shared() -> ModuleType:
    """Load the module_utils under the name that Ansible gives them."""
    if SHARED not in sys.modules:
        sys.modules[SHARED] = loaded("playbook/module_utils/rekindle.py", SHARED)
    return sys.modules[SHARED]


def library(name: str) -> ModuleType:
    """Load one of the playbook's own modules."""
    shared()
    return loaded(f"playbook/library/{name}.py", name)


def loaded(path: str, name: str) -> ModuleType:
    loader = SourceFileLoader(name, str(OVERLAY / path))
    spec = spec_from_loader(name, loader)
    assert spec is not None
    module = module_from_spec(spec)
    loader.exec_module(module)
    return module
