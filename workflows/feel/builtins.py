"""All built-in functions by name: importing the modules that declare them fills the registry."""

from __future__ import annotations

from workflows.feel import functions_context, functions_list, functions_number, functions_range, functions_temporal, functions_text
from workflows.feel.registry import REGISTRY, function_of
from workflows.feel.values import Function

DECLARING_MODULES = (functions_context, functions_list, functions_number, functions_range, functions_temporal, functions_text)
BUILT_INS: dict[str, Function] = {name: function_of(entry) for name, entry in REGISTRY.items()}
