"""Numbers of orders in a sentence."""

from collections.abc import Sequence

from django.utils.translation import gettext as _

MAX_NAMED = 20
"""A note with more numbers would not be read."""


def listed(numbers: Sequence[str], most: int = MAX_NAMED) -> str:
    """The first ``most`` numbers, and how many more there are."""
    text = ", ".join(numbers[:most])
    if len(numbers) > most:
        text += _(" and %(count)d more") % {"count": len(numbers) - most}
    return text
