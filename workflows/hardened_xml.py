"""The only door for XML: parses untrusted bytes with no entities, no external references and bounded size and depth.

It knows nothing of BPMN or DMN.
"""

from __future__ import annotations

from lxml import etree

from workflows.feel.errors import Words

MAXIMUM_BYTES = 8 * 1024 * 1024
MAXIMUM_DEPTH = 256  # the parser's own bound
MAXIMUM_ELEMENTS = 200_000
MAXIMUM_MARKS = 2 * MAXIMUM_ELEMENTS + 20_000  # an element opens two angle brackets at most; comments open one
MAXIMUM_ATTRIBUTE = 200_000
MAXIMUM_ATTRIBUTES = 100  # of one element; reading them all takes time in proportion to their square
DOCUMENT_TYPE = ("不接受 DOCTYPE 与实体声明，请删除", "document type declarations and entities are not accepted; remove the DOCTYPE")
# How files begin that are named as diagrams but are not: an archive, pictures, a PDF and old office documents.
OTHER_FILES = {
    b"PK\x03\x04": ("压缩包", "an archive"), b"\x89PNG": ("图片", "a picture"), b"\xff\xd8\xff": ("图片", "a picture"), b"GIF8": ("图片", "a picture"),
    b"%PDF": ("PDF 文件", "a PDF file"), b"\xd0\xcf\x11\xe0": ("Office 文件", "an office document"), b"\x1f\x8b": ("压缩包", "an archive"),
}


class XmlError(ValueError):
    """The file is not well-formed XML, or not XML we are willing to read; `line` says where (0 = unknown), `reason.en` why in English."""

    def __init__(self, zh: str, en: str, line: int = 0) -> None:
        super().__init__(zh)
        self.reason = Words(zh, en)
        self.line = line


def parse_xml(data: bytes) -> etree._Element:
    """Parse `data` and return the root element with line numbers.

    Raises XmlError when the bytes are larger than MAXIMUM_BYTES, carry a document type declaration, nest deeper
    than MAXIMUM_DEPTH, hold more than MAXIMUM_ELEMENTS elements, an element of more than MAXIMUM_ATTRIBUTES attributes or an attribute
    longer than MAXIMUM_ATTRIBUTE characters, or are not well-formed XML.
    """
    _refuse_unread(data)
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, dtd_validation=False, huge_tree=False)
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        if "Excessive depth" in (error.msg or ""):
            raise XmlError(f"元素嵌套超过 {MAXIMUM_DEPTH} 层", f"elements are nested deeper than {MAXIMUM_DEPTH} levels", error.lineno or 0) from None
        raise XmlError(f"XML 格式有误（{error.msg}）", f"not well-formed XML: {error.msg}", error.lineno or 0) from None
    except (LookupError, ValueError) as error:
        raise XmlError(f"XML 格式有误（{error}）", f"not well-formed XML: {error}") from None
    if root.getroottree().docinfo.doctype:
        raise XmlError(*DOCUMENT_TYPE)
    _refuse_size(data, root)
    return root


def _refuse_unread(data: bytes) -> None:
    """What can be refused before the parser sees it: entity bombs and other kinds of files cost nothing then."""
    if len(data) > MAXIMUM_BYTES:
        raise XmlError(f"文件大于 {MAXIMUM_BYTES // 1024 // 1024} MB", f"the file is larger than {MAXIMUM_BYTES // 1024 // 1024} MB")
    if not data.strip(b"\x00 \t\r\n"):
        raise XmlError("文件是空的", "the file is empty")
    for start, (zh, en) in OTHER_FILES.items():
        if data.startswith(start):
            raise XmlError(f"这是{zh}，不是 XML；请从建模工具导出 XML 文件", f"this is {en}, not XML; export the XML file from the modeler")
    if data.count(b"<") > MAXIMUM_MARKS:
        raise _too_many()
    head = data.replace(b"\x00", b"")
    position = head.find(b"<!DOCTYPE")
    if position >= 0:
        raise XmlError(*DOCUMENT_TYPE, head.count(b"\n", 0, position) + 1)


def _refuse_size(data: bytes, root: etree._Element) -> None:
    """Refuse too many elements or attributes and too long ones; counted by the library, and not at all in a small file."""
    if data.count(b"<") > MAXIMUM_ELEMENTS and root.xpath("count(//*)") > MAXIMUM_ELEMENTS:
        raise _too_many()
    if data.count(b"=") <= MAXIMUM_ATTRIBUTES and len(data) <= MAXIMUM_ATTRIBUTE:
        return
    for element in root.xpath(f"(//*[@*[{MAXIMUM_ATTRIBUTES + 1}]])[1]"):
        raise XmlError(f"有元素的属性超过 {MAXIMUM_ATTRIBUTES} 个", f"an element has more than {MAXIMUM_ATTRIBUTES} attributes", element.sourceline or 0)
    if len(data) > MAXIMUM_ATTRIBUTE:
        for element in root.xpath(f"(//*[@*[string-length() > {MAXIMUM_ATTRIBUTE}]])[1]"):
            raise XmlError(f"有属性超过 {MAXIMUM_ATTRIBUTE} 字", f"an attribute is longer than {MAXIMUM_ATTRIBUTE} characters", element.sourceline or 0)


def _too_many() -> XmlError:
    return XmlError(f"文件超过 {MAXIMUM_ELEMENTS:,} 个元素", f"the file holds more than {MAXIMUM_ELEMENTS:,} elements")
