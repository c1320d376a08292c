"""Uploads: in memory up to ten megabytes, never on disk."""

from pathlib import Path

import pytest
from django.conf import LazySettings
from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadedfile import SimpleUploadedFile, UploadedFile
from django.http import HttpRequest
from django.test import Client, RequestFactory

from b24app.web.uploads import LARGEST_FILE, LARGEST_REQUEST


def files(*sizes: int) -> dict[str, object]:
    return {f"file{at}": SimpleUploadedFile("a.csv", b"1" * size) for at, size in enumerate(sizes)}


def uploaded(request: HttpRequest) -> "list[UploadedFile[bytes]]":
    return [upload for name in request.FILES for upload in request.FILES.getlist(name)]


@pytest.mark.parametrize("sizes", [(0,), (1000,), (4_000_000, 5_000_000), (LARGEST_FILE,)])
def test_uploaded_files_are_complete(sizes: tuple[int, ...]) -> None:
    request = RequestFactory().post("/jobs/new/", files(*sizes))
    found = uploaded(request)
    assert tuple(upload.size for upload in found) == sizes
    assert tuple(len(upload.read()) for upload in found) == sizes


def test_bytes_beyond_ten_megabytes_are_counted_not_stored(
    settings: LazySettings, tmp_path: Path
) -> None:
    settings.FILE_UPLOAD_TEMP_DIR = str(tmp_path)
    request = RequestFactory().post("/jobs/new/", files(9_000_000, 9_000_000, 30_000_000))
    found = uploaded(request)
    assert [upload.size for upload in found] == [9_000_000, 9_000_000, 30_000_000]
    assert sum(len(upload.read()) for upload in found) == LARGEST_FILE + 1
    assert list(tmp_path.iterdir()) == []


def test_far_oversized_request_is_not_read() -> None:
    request = RequestFactory().post("/", files(10), CONTENT_LENGTH=str(LARGEST_REQUEST + 1))
    with pytest.raises(RequestDataTooBig):
        request.POST.get("member_id")


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/", "/install/", "/placements/deal-tab/", "/events/"])
def test_oversized_upload_is_refused_without_session(client: Client, path: str) -> None:
    answer = client.post(path, files(10), CONTENT_LENGTH=str(LARGEST_REQUEST + 1))
    assert answer.status_code == 413
