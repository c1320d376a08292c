"""A row of a portal in every table that belongs to one, found by introspection: new tables too."""

from __future__ import annotations

import uuid
from datetime import date
from typing import Any

from django.apps import apps
from django.db import models
from django.utils import timezone

from b24app.portals.models import Portal

Model = type[models.Model]


GROWING = ("journal_restcall", "journal_requestlog", "journal_requestlogday")


def owned() -> dict[Model, str]:
    """Every model that hangs on a portal, with the lookup that leads there."""
    paths: dict[Model, str] = {}
    grown = True
    while grown:
        grown = False
        for model in apps.get_models():
            if model in paths or model is Portal:
                continue
            for field in _owners(model):
                above = field.related_model
                if above is Portal or above in paths:
                    paths[model] = (
                        field.name if above is Portal else f"{field.name}__{paths[above]}"
                    )
                    grown = True
                    break
    return paths


def counts(portal: Portal | int) -> dict[str, int]:
    """Rows of the portal, by table."""
    return {
        model._meta.db_table: model._base_manager.filter(**{path: portal}).count()
        for model, path in owned().items()
    }


def lasting(portal: Portal | int) -> dict[str, int]:
    """Rows of the portal, by table, without the logs of calls: those grow by every look."""
    return {table: rows for table, rows in counts(portal).items() if table not in GROWING}


def fill(portal: Portal) -> None:
    """One more row of the portal in each of its tables."""
    made: dict[Model, models.Model] = {Portal: portal}
    for model in owned():
        _made(model, made)


def _owners(model: Model) -> list[models.ForeignKey[Any, Any]]:
    return [
        field
        for field in model._meta.concrete_fields
        if isinstance(field, models.ForeignKey) and not field.null and field.related_model != model
    ]


def _made(model: Model, made: dict[Model, models.Model]) -> models.Model:
    if model not in made:
        values: dict[str, Any] = {
            owner.name: _made(owner.related_model, made) for owner in _owners(model)
        }
        for field in model._meta.concrete_fields:
            plain = not (
                field.primary_key or field.null or field.is_relation or field.has_default()
            )
            if plain and not getattr(field, "auto_now_add", False):
                values[field.name] = _value(field)
        # In bulk: some tables forbid to save a single row by itself.
        (made[model],) = model._base_manager.bulk_create([model(**values)])
    return made[model]


def _value(field: models.Field[Any, Any]) -> object:
    if isinstance(field, models.IntegerField):
        return uuid.uuid4().int % 30_000
    if isinstance(field, models.FloatField):
        return 0.5
    if isinstance(field, models.DateTimeField):
        return timezone.now()
    if isinstance(field, models.DateField):
        return date(2020, 1, 1)
    if isinstance(field, models.UUIDField):
        return uuid.uuid4()
    if isinstance(field, models.JSONField):
        return {}
    if isinstance(field, models.BinaryField):
        return b"x"
    if isinstance(field, models.BooleanField):
        return False
    return uuid.uuid4().hex[: getattr(field, "max_length", None) or 32]
