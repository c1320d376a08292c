"""One door to everything people upload or paste: what it is, is seen from its bytes and not its name."""

from collections.abc import Iterator
from contextlib import contextmanager

from b24app.imports import archive, delimited, workbook
from b24app.imports.table import Source, Unreadable

_PICTURES = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM", b"II*\x00", b"MM\x00*", b"RIFF")
_OTHERS = {b"%PDF": "pdf", b"Rar!": "archive", b"7z\xbc\xaf": "archive", b"\x1f\x8b": "archive"}


@contextmanager
def opened(content: bytes) -> Iterator[Source]:
    """The tables in an uploaded file.

    Raises :class:`Unreadable`: ``empty``, ``picture``, ``pdf``, ``archive``, ``not_a_table``,
    ``open_quote``, and what :func:`workbook.opened` raises.
    """
    if not content.strip(b" \t\r\n\x00\xef\xbb\xbf\xff\xfe"):
        raise Unreadable("empty")
    if content.startswith(_PICTURES):
        raise Unreadable("picture")
    for magic, reason in _OTHERS.items():
        if content.startswith(magic):
            raise Unreadable(reason)
    if is_workbook(content):
        with workbook.opened(content) as source:
            yield source
    else:
        yield delimited.opened(content)


def is_workbook(content: bytes) -> bool:
    """Whether the bytes are a workbook's, or markup as portals save it under the name of one."""
    return content.startswith((archive.MAGIC, archive.OLE_MAGIC)) or _is_markup(content)


def _is_markup(content: bytes) -> bool:
    head = content[:4_000].replace(b"\x00", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n").lower()
    return head.startswith(b"<") and any(
        chunk in head
        for chunk in (b"<html", b"<table", b"<!doctype", b"<?xml", b"<meta", b"<workbook")
    )
