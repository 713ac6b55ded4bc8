"""Reads BPMN files into immutable process graphs and says everything that is wrong with them. It runs nothing."""

from workflows.graph.model import (
    HUMAN, Collaboration, DataMapping, DataObject, Event, Finding, Flow, MessageFlow, MultiInstance, Node, Participant, ProcessGraph, Reading,
    StandardLoop,
)
from workflows.graph.reader import read_graph
from workflows.graph.settings import known_settings, listed
from workflows.graph.support import ELEMENTS, SUPPORT, support_page

__all__ = [
    "ELEMENTS", "HUMAN", "SUPPORT", "Collaboration", "DataMapping", "DataObject", "Event", "Finding", "Flow", "MessageFlow", "MultiInstance", "Node",
    "Participant", "ProcessGraph", "Reading", "StandardLoop", "known_settings", "listed", "read_graph", "support_page",
]
