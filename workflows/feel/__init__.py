"""FEEL of DMN 1.3 to 1.5: the only expression language of diagrams, forms and decision tables; total and bounded.

It must not know BPMN, DMN files or storage.
"""

from workflows.feel.errors import FeelError, FeelLimitError, FeelSyntaxError, Words
from workflows.feel.expression import Expression, UnaryTests, compile_expression, compile_unary_tests

__all__ = [
    "Expression", "FeelError", "FeelLimitError", "FeelSyntaxError", "UnaryTests", "Words", "compile_expression",
    "compile_unary_tests",
]
