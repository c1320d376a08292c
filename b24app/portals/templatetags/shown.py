"""Money, dates and times in the language's own form (CLDR, by Babel), times in the portal's zone.

Every page and file takes them from here. What the script has to write itself it writes with
``static/src/js/format.js``, from forms that come from here; ``tests/test_formats.py`` compares both.
"""

import re
from datetime import date, datetime, timedelta
from decimal import Decimal

from babel.core import Locale
from babel.dates import format_date, format_timedelta
from babel.numbers import format_currency, format_decimal, get_currency_precision
from django import template
from django.utils import timezone, translation

register = template.Library()

# Babel leaves out the space that CLDR puts between a code and digits: ``RUB 999.50``.
_SPACE = re.compile(r"(?<=[^\W\d_])(?=\d)")

_SHORT = {"ru": "dd.MM", "de": "dd.MM."}


def _locale() -> Locale:
    return Locale.parse(translation.get_language() or "en")


@register.filter
def money(amount: Decimal, currency: str) -> str:
    """An amount in major units with its currency: ``€1,250.00``, ``1.250,00 €``, ``1 250,00 €``."""
    if len(currency) != 3 or not currency.isalpha():
        return f"{format_decimal(amount, format='#,##0.00', locale=_locale())} {currency}".strip()
    return _SPACE.sub(
        "\N{NO-BREAK SPACE}", format_currency(amount, currency.upper(), locale=_locale())
    )


@register.filter
def money_form(currency: str) -> str:
    """How the script writes sums of a currency: 1,234 in that form, ``€1,234.00`` or ``1.234,00 €``."""
    return money(Decimal(1234), currency)


@register.simple_tag
def months() -> str:
    """Short names of the months where dates are written with them, else nothing: for the script."""
    locale = _locale()
    return " ".join(locale.months["format"]["abbreviated"].values()) if _in_words(locale) else ""


@register.simple_tag
def utc_offset() -> int:
    """Minutes that the portal's clock is ahead of UTC: for the script."""
    offset = timezone.localtime().utcoffset() or timedelta()
    return int(offset.total_seconds() // 60)


def _in_words(locale: Locale) -> bool:
    """English portals are used far beyond the United States: the day first, the month in words."""
    return locale.language == "en"


def local(at: datetime | None) -> datetime | None:
    """A time by the portal's clock; None for none."""
    return timezone.localtime(at) if at is not None else None


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
    """A date by the portal's clock: ``18 Nov 2026`` or ``18.11.2026``; empty for none."""
    if moment is None:
        return ""
    locale = _locale()
    form = "d MMM y" if _in_words(locale) else "dd.MM.y"
    return format_date(timezone.localtime(moment).date(), format=form, locale=locale)


@register.filter
def moment(at: datetime | None) -> str:
    """A date with its time by the portal's clock: ``18 Nov 2026, 21:55``; empty for none."""
    return f"{day(at)}, {timezone.localtime(at):%H:%M}" if at is not None else ""


@register.filter
def short_day(when: date) -> str:
    """A date without its year: ``18 Nov`` or ``18.11.``. A time counts by the portal's clock."""
    locale = _locale()
    on = timezone.localtime(when).date() if isinstance(when, datetime) else when
    return format_date(
        on, format="d MMM" if _in_words(locale) else _SHORT[locale.language], locale=locale
    )


@register.filter
def ago(moment: datetime) -> str:
    """How long ago, such as ``12 minutes ago``."""
    gone = moment - timezone.now()
    return format_timedelta(gone, add_direction=True, locale=_locale())


@register.filter
def unlocalized(number: int | Decimal) -> str:
    """A number as machines read it, for attributes and addresses."""
    return format(number, "f") if isinstance(number, Decimal) else str(number)
