"""``manage.py support_bundle MEMBER_ID [FILE]``: what support needs of one portal, without secrets."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from b24app.journal import bundle
from b24app.portals.models import Portal


class Command(BaseCommand):
    help = "Write a masked zip about one portal."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("member_id")
        parser.add_argument("file", nargs="?", help="linked-orders-HOST-DATE.zip by default")

    def handle(self, *_args: object, **options: Any) -> None:
        portal = Portal.objects.named(options["member_id"]).first()
        if portal is None:
            raise CommandError(f"no portal {options['member_id']}")
        path = Path(options["file"] or bundle.file_name(portal))
        path.write_bytes(bundle.made(portal))
        self.stdout.write(str(path))
