"""The only door for XML: parses untrusted bytes with no entities, no external references and bounded size and depth.

It knows nothing of BPMN or DMN.
"""

from __future__ import annotations

from lxml import etree

from workflows.feel.errors import Words

MAXIMUM_BYTES = 8 * 1024 * 1024
MAXIMUM_DEPTH = 200
MAXIMUM_ELEMENTS = 200_000
DOCUMENT_TYPE = ("不接受 DOCTYPE 与实体声明，请删除", "document type declarations and entities are not accepted; remove the DOCTYPE")


class XmlError(ValueError):
    """The file is not well-formed XML, or not XML we are willing to read; `line` says where (0 = unknown), `reason.en` why in English."""

    def __init__(self, zh: str, en: str, line: int = 0) -> None:
        super().__init__(zh)
        self.reason = Words(zh, en)
        self.line = line


def parse_xml(data: bytes) -> etree._Element:
    """Parse `data` and return the root element with line numbers.

    Raises XmlError when the bytes are larger than MAXIMUM_BYTES, carry a document type declaration, nest deeper
    than MAXIMUM_DEPTH, hold more than MAXIMUM_ELEMENTS elements, or are not well-formed.
    """
    if len(data) > MAXIMUM_BYTES:
        raise XmlError(f"文件大于 {MAXIMUM_BYTES // 1024 // 1024} MB", f"the file is larger than {MAXIMUM_BYTES // 1024 // 1024} MB")
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
                    raise XmlError(f"元素嵌套超过 {MAXIMUM_DEPTH} 层", f"elements are nested deeper than {MAXIMUM_DEPTH} levels", element.sourceline or 0)
                if count > MAXIMUM_ELEMENTS:
                    raise XmlError(f"文件超过 {MAXIMUM_ELEMENTS} 个元素", f"the file holds more than {MAXIMUM_ELEMENTS} elements", element.sourceline or 0)
        root = parser.close()
    except etree.XMLSyntaxError as error:
        raise XmlError(f"XML 格式有误（{error.msg}）", f"not well-formed XML: {error.msg}", error.lineno or 0) from None
    if root.getroottree().docinfo.doctype:
        raise XmlError(*DOCUMENT_TYPE)
    return root


def _refuse_document_type(data: bytes) -> None:
    """Refuse DOCTYPE before the parser sees it: entity bombs cost nothing then."""
    head = data.replace(b"\x00", b"")
    position = head.find(b"<!DOCTYPE")
    if position >= 0:
        line = head.count(b"\n", 0, position) + 1
        raise XmlError(*DOCUMENT_TYPE, line)
