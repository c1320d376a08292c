"""Keeps uploaded files in memory, never on disk, up to a limit.

Bytes above the limit are counted and dropped, so the page can say how large the file is. A much larger
request is refused before it is read.
"""

import io
from collections.abc import Mapping

from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadedfile import InMemoryUploadedFile
from django.core.files.uploadhandler import FileUploadHandler

# Bytes.
LARGEST_FILE = 10_000_000
LARGEST_REQUEST = 60_000_000


class BoundedUpload(FileUploadHandler):
    """Upload handler that keeps :data:`LARGEST_FILE` bytes, and one more, of all files of a request."""

    def __init__(self, request: object = None) -> None:
        super().__init__(request)  # type: ignore[arg-type]  # None is Django's own default
        self._left = LARGEST_FILE + 1
        self._kept = io.BytesIO()

    def handle_raw_input(
        self,
        input_data: object,
        meta: Mapping[str, str],
        content_length: int,
        boundary: object,
        encoding: str | None = None,
    ) -> None:
        if content_length > LARGEST_REQUEST:
            raise RequestDataTooBig("larger than any file the app reads")

    def new_file(self, *args: object, **kwargs: object) -> None:
        super().new_file(*args, **kwargs)  # type: ignore[arg-type]  # passed on unchanged
        self._kept = io.BytesIO()

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        self._left -= self._kept.write(raw_data[: self._left])

    def file_complete(self, file_size: int) -> InMemoryUploadedFile:
        self._kept.seek(0)
        return InMemoryUploadedFile(
            self._kept,
            self.field_name,
            self.file_name or "",
            self.content_type,
            file_size,
            self.charset,
        )
