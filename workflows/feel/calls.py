"""Compiles calls of functions (built in, defined in FEEL, or given by the host) and the definition of functions in FEEL."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from workflows.feel import syntax
from workflows.feel.builtins import BUILT_INS
from workflows.feel.invocation import call_host, closure, invoke
from workflows.feel.runtime import Run, Scope
from workflows.feel.values import FeelValue, Function

if TYPE_CHECKING:
    from workflows.feel.compiler import Compiler

Code = Callable[[Scope], FeelValue]


def compile_call(compiler: Compiler, node: syntax.Call) -> Code:
    """A call with positional or named arguments; what is called is looked up when it runs."""
    find = _callee(compiler, node.function)
    codes = [compiler.compile(argument) for _, argument in node.arguments]
    names = [name for name, _ in node.arguments if name is not None]

    def call(scope: Scope) -> FeelValue:
        function = find(scope)
        run = scope.run
        arguments = [code(scope) for code in codes]
        if type(function) is Function:
            return invoke(function, arguments, names, run)
        if function is None or not callable(function):
            return None
        run.charge(1)
        return call_host(function, arguments, names)

    return call


def _callee(compiler: Compiler, node: syntax.Node) -> Code:
    """Local and declared functions first, then the host's, then the built-in ones."""
    if not isinstance(node, syntax.Name):
        return compiler.compile(node)
    name, built_in = node.text, BUILT_INS.get(node.text)
    items, hops = compiler.find(name)
    if hops is not None or items:
        local = compiler.compile(node)
        return lambda scope: _function_or(local(scope), name, built_in, scope.run)
    depth = len(compiler.frames)
    if built_in is None:
        compiler.called.add(name)

    def find(scope: Scope) -> FeelValue:
        functions = scope.run.functions
        for _ in range(depth):
            scope = scope.parent  # type: ignore[assignment]
        declared = scope.frame.get(name)
        if type(declared) is Function:
            return declared
        host = functions.get(name) if functions is not None else None
        return host if host is not None else built_in

    return find


def _function_or(value: FeelValue, name: str, built_in: Function | None, run: Run) -> FeelValue:
    if type(value) is Function:
        return value
    host = run.functions.get(name) if run.functions is not None else None
    return host if host is not None else built_in


def define_function(compiler: Compiler, node: syntax.FunctionDefinition) -> Code:
    """`function(a, b) …`: a value that remembers the names around it."""
    parameters = tuple(name for name, _ in node.parameters)
    types = tuple(type_ for _, type_ in node.parameters)
    if node.body is None:
        return lambda scope: Function("external", parameters, lambda arguments, run: None, types)
    body = compiler.inside(frozenset(parameters), node.body)

    def define(scope: Scope) -> Function:
        return closure("function", parameters, types, None, lambda frame, run: body(Scope(frame, scope, run)))

    return define
