"""Money, days and times: the server and the script write the same text for the same value."""

import json
import subprocess
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.conf import settings
from django.utils import timezone, translation

from b24app.portals.templatetags import shown

# Language, currency, amount, text. A no-break space stands before "€" and between thousands.
MONEY = [
    ("en", "EUR", "1250", "€1,250.00"),
    ("en", "EUR", "0", "€0.00"),
    ("en", "USD", "1234567.891", "$1,234,567.89"),
    ("en", "RUB", "999.5", "RUB\u00a0999.50"),
    ("en", "JPY", "1250.5", "¥1,250"),
    ("en", "KWD", "12.3456", "KWD\u00a012.346"),
    ("en", "POINTS", "1250.5", "1,250.50 POINTS"),
    ("en", "EUR", "-3270", "-€3,270.00"),
    ("en", "EUR", "0.125", "€0.12"),
    ("en", "EUR", "0.135", "€0.14"),
    ("ru", "RUB", "1250000.5", "1\u00a0250\u00a0000,50\u00a0₽"),
    ("ru", "EUR", "20430.5", "20\u00a0430,50\u00a0€"),
    ("ru", "EUR", "-12", "-12,00\u00a0€"),
    ("de", "EUR", "1250", "1.250,00\u00a0€"),
    ("de", "CHF", "1234567.8", "1.234.567,80\u00a0CHF"),
    ("de", "JPY", "100000", "100.000\u00a0¥"),
]

DAYS = [
    ("en", date(2026, 11, 8), "8 Nov 2026"),
    ("en", date(2026, 9, 30), "30 Sep 2026"),
    ("ru", date(2026, 11, 8), "08.11.2026"),
    ("de", date(2026, 2, 28), "28.02.2026"),
]

# Minutes ahead of UTC, a time of UTC, the day and the time by that clock.
CLOCKS = [
    (0, datetime(2026, 11, 28, 21, 55, tzinfo=UTC), "28.11.2026", "21:55"),
    (180, datetime(2026, 11, 28, 21, 55, tzinfo=UTC), "29.11.2026", "00:55"),
    (-300, datetime(2026, 3, 1, 2, 0, tzinfo=UTC), "28.02.2026", "21:00"),
    (330, datetime(2026, 12, 31, 18, 29, tzinfo=UTC), "31.12.2026", "23:59"),
]

SCRIPT = """
import { clock, day, money } from "./static/src/js/format.js";
const asked = JSON.parse(process.argv[1]);
process.stdout.write(JSON.stringify([
  asked.money.map(([amount, form]) => money(BigInt(amount), form)),
  asked.days.map(([iso, months]) => day(iso, months)),
  asked.clocks.map(([iso, offset]) => clock(new Date(iso), offset)),
]));
"""


@pytest.mark.parametrize(("language", "currency", "amount", "text"), MONEY)
def test_server_writes_money(language: str, currency: str, amount: str, text: str) -> None:
    with translation.override(language):
        assert shown.money(Decimal(amount), currency) == text


@pytest.mark.parametrize(("language", "on", "text"), DAYS)
def test_server_writes_days(language: str, on: date, text: str) -> None:
    with translation.override(language), timezone.override(UTC):
        assert shown.day(datetime(on.year, on.month, on.day, 12, tzinfo=UTC)) == text


@pytest.mark.parametrize(("offset", "at", "day", "clock"), CLOCKS)
def test_server_writes_times_by_the_portals_clock(
    offset: int, at: datetime, day: str, clock: str
) -> None:
    with translation.override("ru"), timezone.override(timezone.get_fixed_timezone(offset)):
        assert shown.utc_offset() == offset
        assert shown.day(at) == day
        assert shown.moment(at) == f"{day}, {clock}"
        assert shown.short_day(at) == day[:5]


def test_missing_time_is_empty() -> None:
    assert (shown.day(None), shown.moment(None)) == ("", "")


def test_days_without_a_year() -> None:
    texts = {}
    for language in ("en", "ru", "de"):
        with translation.override(language):
            texts[language] = shown.short_day(date(2026, 11, 8))
    assert texts == {"en": "8 Nov", "ru": "08.11", "de": "08.11."}


def test_script_writes_the_same() -> None:
    asked: dict[str, list[tuple[object, object]]] = {"money": [], "days": [], "clocks": []}
    for language, currency, amount, _ in MONEY:
        with translation.override(language):
            ten_thousandths = str(int(Decimal(amount) * 10_000))
            asked["money"].append((ten_thousandths, shown.money_form(currency)))
    for language, on, _ in DAYS:
        with translation.override(language):
            asked["days"].append((on.isoformat(), shown.months()))
    asked["clocks"] = [(at.isoformat(), offset) for offset, at, *_ in CLOCKS]
    command = ["tools/node.sh", "node", "--input-type=module", "-e", SCRIPT, json.dumps(asked)]
    done = subprocess.run(command, cwd=settings.BASE_DIR, capture_output=True, check=True)
    assert json.loads(done.stdout) == [
        [text for *_, text in MONEY],
        [text for *_, text in DAYS],
        [clock for *_, clock in CLOCKS],
    ]
