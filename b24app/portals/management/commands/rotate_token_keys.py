"""``manage.py rotate_token_keys``: encrypt every stored secret again with the newest of TOKEN_KEYS.

Put a new key in front of TOKEN_KEYS, restart, run this, then drop the old key. The command may be
interrupted and run again; a row that a running process changes meanwhile keeps the newer value.
"""

from argparse import ArgumentParser
from collections.abc import Iterator

from django.apps import apps
from django.core.management.base import BaseCommand, CommandError
from django.db import models, transaction

from b24app.portals.fields import SecretField, UnreadableSecret

BATCH = 200


class Command(BaseCommand):
    help = "Encrypt all stored secrets with the first key of TOKEN_KEYS."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--batch", type=int, default=BATCH, help="rows in one transaction")

    def handle(self, *_args: object, **options: int) -> None:
        for model, names in _secret_fields():
            count, last = 0, 0
            try:
                while rows := self._rotate(model, names, last, options["batch"]):
                    count, last = count + len(rows), rows[-1]
            except UnreadableSecret as error:
                why = f"{error}; put the old key back behind the new one and run this again"
                raise CommandError(why) from None
            self.stdout.write(f"{model._meta.label}: {count} rows, {', '.join(names)}")

    def _rotate(
        self, model: type[models.Model], names: list[str], after: int, batch: int
    ) -> list[int]:
        with transaction.atomic():
            rows = list(
                model._default_manager.select_for_update()
                .filter(pk__gt=after)
                .order_by("pk")[:batch]
            )
            for row in rows:
                row.save(update_fields=names)
        return [row.pk for row in rows]


def _secret_fields() -> Iterator[tuple[type[models.Model], list[str]]]:
    for model in apps.get_models():
        names = [field.name for field in model._meta.get_fields() if isinstance(field, SecretField)]
        if names:
            yield model, names
