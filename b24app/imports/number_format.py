"""How a spreadsheet shows a whole number, where its number format adds to the digits.

Only formats that change what a person takes for the number are followed: leading zeros, fixed text,
digits parted by other signs than a thousands separator. All others return None, and the plain number
is what is meant (ECMA-376, part 1, 18.8.31).
"""

import re

MAX_DIGITS = 15

# Tokens of the first section of a format; what is not listed here makes a format of another kind.
_TOKEN = re.compile(
    r"""
      "(?P<quoted>[^"]*)" | \\(?P<escaped>.) | (?P<digit>[0\#?]) | (?P<literal>[-/ :()+№_*])
    | (?P<ignored>\[(?:Black|Blue|Cyan|Green|Magenta|Red|White|Yellow|\$[^\]]*|Color\d+)\])
    """,
    re.VERBOSE | re.IGNORECASE,
)


def shown(value: float, code: str) -> str | None:
    """The text that a sheet shows for ``value``; None where the format adds nothing to the digits."""
    if value < 0 or not float(value).is_integer() or value >= 10**MAX_DIGITS:
        return None
    tokens = _tokens(code.split(";", maxsplit=1)[0])
    if tokens is None:
        return None
    places = [text for kind, text in tokens if kind == "digit"]
    if not places:
        return None
    required = len(places) - places.index("0") if "0" in places else 0
    digits = str(int(value)).zfill(required)
    result, left = list[str](), len(places)
    for kind, text in reversed(tokens):
        if kind != "digit":
            result.append(text)
            continue
        left -= 1
        # The first place takes all digits that no other place is left for.
        taken = len(digits) if left == 0 else min(1, len(digits))
        result.append(digits[len(digits) - taken :])
        digits = digits[: len(digits) - taken]
    found = "".join(reversed(result)).strip()
    return found if found != str(int(value)) else None


def _tokens(section: str) -> list[tuple[str, str]] | None:
    """Digit places and texts of a format's first section; None for a format of another kind."""
    found: list[tuple[str, str]] = []
    at = 0
    while at < len(section):
        match = _TOKEN.match(section, at)
        if match is None:
            return None
        at = match.end()
        kind = match.lastgroup or ""
        if kind == "ignored":
            continue
        text = match[kind]
        if text in ("_", "*") and kind == "literal":
            # A space as wide as the next sign, or the next sign repeated: nothing to read.
            at += 1
            continue
        found.append(("digit" if kind == "digit" else "text", text))
    return found
