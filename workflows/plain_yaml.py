"""The only door for YAML: plain values, no objects, read by the C parser where the library has it."""

from __future__ import annotations

from typing import Any

import yaml

LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_yaml(text: str | bytes) -> Any:
    """The document in `text`; raises yaml.YAMLError with line and column."""
    return yaml.load(text, Loader=LOADER)  # noqa: S506 - the loader is the safe one
