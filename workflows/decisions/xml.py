"""Small readings of DMN's XML: local names, children, texts and references. It knows no meaning."""

from __future__ import annotations

from collections.abc import Iterator

from lxml import etree

from workflows.decisions.elements import EXPRESSIONS, MODEL_NAMESPACES

Xml = etree._Element
# Beside the models themselves: drawings, languages and types of the standard, XML's own, and the sizes of dmn.io's drawings.
NEUTRAL = ("http://www.omg.org/spec/", "https://www.omg.org/spec/", "http://www.w3.org/", "http://bpmn.io/schema/dmn/")


def local_name(element: Xml) -> str:
    """The tag without its namespace; empty for comments and foreign elements."""
    if not isinstance(element.tag, str):
        return ""
    name = etree.QName(element)
    return name.localname if name.namespace in MODEL_NAMESPACES else ""


def foreign_names(element: Xml) -> Iterator[tuple[str, str]]:
    """Namespace and name of the element and of its attributes, where another product made them."""
    if not isinstance(element.tag, str):
        return
    for name in (element.tag, *element.attrib):
        if name[0] == "{":
            space, _, local = name[1:].partition("}")
            if space not in MODEL_NAMESPACES and not space.startswith(NEUTRAL):
                yield space, local


def children(element: Xml, *names: str) -> Iterator[Xml]:
    """The DMN children of those names, in order."""
    return (child for child in element if local_name(child) in names)


def child(element: Xml, *names: str) -> Xml | None:
    """The first such child."""
    return next(children(element, *names), None)


def expression_child(element: Xml | None) -> Xml | None:
    """The boxed expression inside an element."""
    return None if element is None else child(element, *EXPRESSIONS)


def text_of(element: Xml | None, *path: str) -> str | None:
    """The text of a descendant, stripped; None when it is absent or empty."""
    for name in path:
        element = None if element is None else child(element, name)
    if element is None:
        return None
    text = "".join(part for part in element.itertext() if isinstance(part, str)).strip()
    return text or None


def reference(element: Xml | None) -> str:
    """The href of an element, stripped."""
    return "" if element is None else (element.get("href") or "").strip()


def type_reference(element: Xml | None) -> str | None:
    """The typeRef of an element: an attribute since DMN 1.1, a child element in item definitions."""
    if element is None:
        return None
    return element.get("typeRef") or text_of(element, "typeRef")
