"""Money and dates in the language's own form (CLDR, by Babel)."""

from datetime import date, datetime
from decimal import Decimal

from babel.core import Locale
from babel.dates import format_date, format_datetime, format_skeleton, format_timedelta
from babel.numbers import format_currency, format_decimal, get_currency_precision
from django import template
from django.utils import timezone, translation

register = template.Library()


def _locale() -> Locale:
    return Locale.parse(translation.get_language() or "en")


@register.filter
def money(amount: Decimal, currency: str) -> str:
    """An amount in major units with its currency: ``€1,250.00``, ``1.250,00 €``, ``1 250,00 €``."""
    if len(currency) != 3 or not currency.isalpha():
        return f"{format_decimal(amount, format='#,##0.00', locale=_locale())} {currency}".strip()
    return format_currency(amount, currency.upper(), locale=_locale())


@register.filter
def plain(amount: Decimal, currency: str) -> str:
    """An amount without its currency and without empty cents: ``3,000``, ``94.50``."""
    if amount == amount.to_integral_value():
        return format_decimal(amount, format="#,##0", locale=_locale())
    digits = "0" * get_currency_precision(currency.upper()) or "0"
    return format_decimal(amount, format=f"#,##0.{digits}", locale=_locale())


@register.filter
def whole(count: int) -> str:
    """A count, such as ``10,000``."""
    return format_decimal(count, format="#,##0", locale=_locale())


@register.filter
def amount(quantity: Decimal) -> str:
    """A quantity of goods: ``4``, ``0.5``, ``1.125``."""
    return format_decimal(quantity, format="#,##0.####", locale=_locale())


@register.filter
def day(moment: datetime | None) -> str:
    """A date, such as ``18 Nov 2026`` in the language's own order; empty for none."""
    if moment is None:
        return ""
    # English portals are used far beyond the United States: the day comes first, the month in words.
    form = "d MMM y" if _locale().language == "en" else "dd.MM.y"
    return format_date(moment.date(), format=form, locale=_locale())


@register.filter
def moment(at: datetime | None) -> str:
    """A date with its time (UTC), short, in the language's own form; empty for none."""
    if at is None:
        return ""
    form = "d MMM y, HH:mm" if _locale().language == "en" else "medium"
    return format_datetime(at, format=form, locale=_locale())


@register.filter
def short_day(when: date) -> str:
    """A date without its year, such as ``18 Nov`` in the language's own form."""
    locale = _locale()
    if locale.language == "en":
        return format_date(when, format="d MMM", locale=locale)
    return format_skeleton("MMMd", when, locale=locale)


@register.filter
def ago(moment: datetime) -> str:
    """How long ago, such as ``12 minutes ago``."""
    gone = moment - timezone.now()
    return format_timedelta(gone, add_direction=True, locale=_locale())


@register.filter
def unlocalized(number: int | Decimal) -> str:
    """A number as machines read it, for attributes and addresses."""
    return format(number, "f") if isinstance(number, Decimal) else str(number)
