"""Files of each format, good and hostile, made by hand."""

import io
import zipfile

_W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_CONTENT_TYPES = """<?xml version="1.0"?>
<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">
<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>
<Override PartName="/word/document.xml" ContentType=
"application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>"""
_RELATIONS = """<?xml version="1.0"?>
<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">
<Relationship Id="r1" Target="word/document.xml" Type=
"http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument"/></Relationships>"""


def pdf(*pages: str) -> bytes:
    """A PDF with a line of text on each page."""
    file = io.BytesIO()
    file.write(b"%PDF-1.4\n")
    offsets: list[int] = []

    def add(body: bytes) -> None:
        offsets.append(file.tell())
        file.write(b"%d 0 obj\n%s\nendobj\n" % (len(offsets), body))

    kids = b" ".join(b"%d 0 R" % (4 + 2 * place) for place in range(len(pages)))
    add(b"<< /Type /Catalog /Pages 2 0 R >>")
    add(b"<< /Type /Pages /Count %d /Kids [%s] >>" % (len(pages), kids))
    add(b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>")
    for place, text in enumerate(pages):
        drawn = b"BT /F1 12 Tf 72 720 Td (%s) Tj ET" % text.encode("latin-1")
        add(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents %d 0 R"
            b" /Resources << /Font << /F1 3 0 R >> >> >>" % (5 + 2 * place)
        )
        add(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(drawn), drawn))
    start = file.tell()
    size = len(offsets) + 1
    file.write(b"xref\n0 %d\n0000000000 65535 f \n" % size)
    for offset in offsets:
        file.write(b"%010d 00000 n \n" % offset)
    file.write(b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF" % (size, start))
    return file.getvalue()


def docx(body: str) -> bytes:
    """A Word document whose body is this WordprocessingML."""
    return docx_of(f'<w:document xmlns:w="{_W}"><w:body>{body}</w:body></w:document>'.encode())


def docx_of(document: bytes) -> bytes:
    """A Word document with these bytes for its main part."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", _CONTENT_TYPES)
        archive.writestr("_rels/.rels", _RELATIONS)
        archive.writestr("word/document.xml", document)
    return file.getvalue()


def paragraph(text: str) -> str:
    """A paragraph of `docx`."""
    return f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>"
