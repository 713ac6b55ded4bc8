"""The only door for XML: parses untrusted bytes with no entities, no external references and bounded size and depth.

It knows nothing of BPMN or DMN.
"""

from __future__ import annotations

from lxml import etree

MAXIMUM_BYTES = 8 * 1024 * 1024
MAXIMUM_DEPTH = 200
MAXIMUM_ELEMENTS = 200_000


class XmlError(ValueError):
    """The file is not well-formed XML, or not XML we are willing to read; `line` says where (0 = unknown)."""

    def __init__(self, reason: str, line: int = 0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line


def parse_xml(data: bytes) -> etree._Element:
    """Parse `data` and return the root element with line numbers.

    Raises XmlError when the bytes are larger than MAXIMUM_BYTES, carry a document type declaration, nest deeper
    than MAXIMUM_DEPTH, hold more than MAXIMUM_ELEMENTS elements, or are not well-formed.
    """
    if len(data) > MAXIMUM_BYTES:
        raise XmlError(f"the file is larger than {MAXIMUM_BYTES // 1024 // 1024} MB")
    _refuse_document_type(data)
    parser = etree.XMLPullParser(
        events=("start", "end"), resolve_entities=False, no_network=True, load_dtd=False,
        dtd_validation=False, huge_tree=False, remove_comments=False,
    )
    depth = count = 0
    try:
        for offset in range(0, len(data), 65536):
            parser.feed(data[offset : offset + 65536])
            for event, element in parser.read_events():
                depth += 1 if event == "start" else -1
                count += event == "start"
                if depth > MAXIMUM_DEPTH:
                    raise XmlError(f"elements are nested deeper than {MAXIMUM_DEPTH} levels", element.sourceline or 0)
                if count > MAXIMUM_ELEMENTS:
                    raise XmlError(f"the file holds more than {MAXIMUM_ELEMENTS} elements", element.sourceline or 0)
        root = parser.close()
    except etree.XMLSyntaxError as error:
        raise XmlError(f"not well-formed XML: {error.msg}", error.lineno or 0) from None
    if root.getroottree().docinfo.doctype:
        raise XmlError("document type declarations and entities are not accepted; remove the DOCTYPE")
    return root


def _refuse_document_type(data: bytes) -> None:
    """Refuse DOCTYPE before the parser sees it: entity bombs cost nothing then."""
    head = data.replace(b"\x00", b"")
    position = head.find(b"<!DOCTYPE")
    if position >= 0:
        line = head.count(b"\n", 0, position) + 1
        raise XmlError("document type declarations and entities are not accepted; remove the DOCTYPE", line)
