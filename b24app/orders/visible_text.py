"""Text as people see it, without the characters that come along when they copy it."""

import unicodedata

MAX_CHARACTERS = 500

_INVISIBLE = frozenset({"Cf", "Cc", "Co"})


def visible(text: str) -> str:
    """The text without invisible characters and outer white space, at most 500 characters long."""
    kept = (
        "" if unicodedata.category(item) in _INVISIBLE and item not in "\t\n" else item
        for item in text
    )
    return "".join(kept).replace("\u2007", " ").strip()[:MAX_CHARACTERS]
