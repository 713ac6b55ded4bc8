"""The XML names of BPMN and Camunda 7 extensions, and small look-ups on elements. It judges nothing."""

from __future__ import annotations

from collections.abc import Iterator

from lxml import etree

Element = etree._Element
BPMN = "{http://www.omg.org/spec/BPMN/20100524/MODEL}"
CAMUNDA = "{http://camunda.org/schema/1.0/bpmn}"
DIAGRAM_NAMESPACES = frozenset({
    "http://www.omg.org/spec/BPMN/20100524/DI", "http://www.omg.org/spec/DD/20100524/DI", "http://www.omg.org/spec/DD/20100524/DC",
    "http://www.omg.org/spec/BPMN/non-normative/color/1.0", "http://bpmn.io/schema/bpmn/biocolor/1.0",
    "http://www.w3.org/2001/XMLSchema-instance", "http://www.w3.org/2001/XMLSchema", "http://www.w3.org/XML/1998/namespace",
})


def local(element: Element) -> str:
    """The element's name without its namespace; "" for comments and processing instructions."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def namespace(name: str) -> str:
    """The namespace of a qualified name."""
    return name[1:].partition("}")[0] if name.startswith("{") else ""


def bpmn_children(element: Element, *names: str) -> Iterator[Element]:
    """The direct BPMN children, of these local names only when any are given."""
    for child in element:
        if isinstance(child.tag, str) and child.tag.startswith(BPMN) and (not names or child.tag[len(BPMN):] in names):
            yield child


def first(element: Element, name: str) -> Element | None:
    """The first direct BPMN child of this local name."""
    return next(bpmn_children(element, name), None)


def text_of(element: Element | None) -> str:
    """All text inside an element, trimmed; "" for None."""
    return "".join(str(part) for part in element.itertext()).strip() if element is not None else ""


def camunda_extensions(element: Element, *names: str) -> Iterator[Element]:
    """The camunda elements in the element's extensionElements, of these local names only when any are given."""
    for box in bpmn_children(element, "extensionElements"):
        for child in box:
            if isinstance(child.tag, str) and child.tag.startswith(CAMUNDA) and (not names or child.tag[len(CAMUNDA):] in names):
                yield child


def camunda(element: Element, name: str) -> str | None:
    """The value of a camunda attribute."""
    value = element.get(CAMUNDA + name)
    return str(value) if value is not None else None


def flag(element: Element, name: str, default: bool = False) -> bool:
    """A boolean attribute as XML Schema writes it."""
    value = element.get(name)
    return default if value is None else value.strip() in ("true", "1")
