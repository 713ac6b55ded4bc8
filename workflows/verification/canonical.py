"""Markings without their ids: two that can only go on alike become one value. It moves nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workflows.graph import Node
from workflows.machine import ROOT

Marking = tuple[Any, ...]
Lists = dict[str, list[str]]


def canonical(state: dict[str, Any], nodes: Mapping[str, Node]) -> Marking:
    """The marking as nested sorted tuples: per scope its tokens, arrivals and what it listens for; the order of arrival is dropped."""
    waits: dict[str, list[str]] = {}
    for entry in state.get("w", {}).values():
        waits.setdefault(entry[1], []).append(entry[0])
    inside: dict[str, list[str]] = {}
    for token, entry in state["t"].items():
        inside.setdefault(entry[1], []).append(token)
    return ("ended",) if "e" in state else _scope(state, ROOT, inside, waits, nodes)


def _scope(state: dict[str, Any], scope: str, inside: Lists, waits: Lists, nodes: Mapping[str, Node]) -> Marking:
    arrivals = sorted((flow, len(causes)) for flow, causes in state.get("j", {}).get(scope, {}).items())
    tokens = sorted((_token(state, token, inside, waits, nodes) for token in inside.get(scope, ())), key=repr)
    logged = repr([entry[0] for entry in state.get("c", {}).get(scope, ())])
    return (tuple(tokens), tuple(arrivals), tuple(sorted(waits.get(scope, ()))), scope in state.get("x", ()), logged)


def _token(state: dict[str, Any], token: str, inside: Lists, waits: Lists, nodes: Mapping[str, Node]) -> Marking:
    counters = state.get("m", {}).get(token)
    compensating = state.get("k", {}).get(token)
    listening = tuple(sorted(waits.get(token, ())))
    count = None if counters is None else _count(nodes[state["t"][token][0]], counters)
    handlers = None if compensating is None else (tuple(compensating[0]), compensating[2])
    return (state["t"][token][0], count, handlers, listening, _scope(state, token, inside, waits, nodes))


def _count(node: Node, counters: list[Any]) -> tuple[int, ...]:
    """How far a multi-instance or loop is; of a loop without a maximum only whether an instance is open matters."""
    total, done, bits, following = counters
    rounds = done if node.loop is None or node.loop.maximum is not None else 0
    return (total, rounds, bin(int(bits, 16)).count("1"), following if node.loop is None else 0)


def doubled(state: dict[str, Any]) -> list[tuple[str, str]]:
    """(node or flow, scope) that hold more than one token."""
    seen: set[tuple[str, str]] = set()
    found = [(flow, scope) for scope, flows in state.get("j", {}).items() for flow, causes in flows.items() if len(causes) > 1]
    for node, scope, _ in state["t"].values():
        if (node, scope) in seen:
            found.append((node, scope))
        seen.add((node, scope))
    return found
