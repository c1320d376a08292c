"""``manage.py support_bundle MEMBER_ID [FILE]``: what support needs of one portal, without secrets.

``-`` as FILE writes the zip to standard output: for a container, whose file system is read-only.
"""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from b24app.journal import bundle
from b24app.portals.fields import UnreadableSecret
from b24app.portals.models import Portal

STANDARD_OUTPUT = "-"


class Command(BaseCommand):
    help = "Write a masked zip about one portal."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("member_id")
        parser.add_argument(
            "file", nargs="?", help="linked-orders-HOST-DATE.zip by default, - for standard output"
        )

    def handle(self, *_args: object, **options: Any) -> None:
        try:
            self._write(**options)
        except UnreadableSecret as error:
            raise CommandError(f"{error}; put the old key back behind the new one") from None

    def _write(self, **options: Any) -> None:
        portal = Portal.objects.named(options["member_id"]).first()
        if portal is None:
            raise CommandError(f"no portal {options['member_id']}")
        if options["file"] == STANDARD_OUTPUT:
            sys.stdout.buffer.write(bundle.made(portal))
            return
        path = Path(options["file"] or bundle.file_name(portal))
        try:
            path.write_bytes(bundle.made(portal))
        except OSError as error:
            why = f"{path} cannot be written ({error.strerror}); - writes to standard output"
            raise CommandError(why) from None
        self.stdout.write(str(path))
