"""How are the playbook's parts loaded outside Ansible?"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType

import ansible.module_utils

OVERLAY = Path(__file__).parents[3] / "iso_overlay"
MODULE_UTILS = str(OVERLAY / "playbook" / "module_utils")


def shared(name: str = "rekindle") -> ModuleType:
    """Load one of the module_utils, under the name that Ansible gives it."""
    if MODULE_UTILS not in ansible.module_utils.__path__:
        ansible.module_utils.__path__.append(MODULE_UTILS)
    return import_module(f"ansible.module_utils.{name}")


def library(name: str) -> ModuleType:
    """Load one of the playbook's own modules."""
    shared()
    return loaded(f"playbook/library/{name}.py", name)


def loaded(path: str, name: str) -> ModuleType:
    loader = SourceFileLoader(name, str(OVERLAY / path))
    spec = spec_from_loader(name, loader)
    assert spec is not None
    module = sys.modules[name] = module_from_spec(spec)
    loader.exec_module(module)
    return module
