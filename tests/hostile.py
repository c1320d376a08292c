"""Strategies for what the other side may send: any JSON, PHP's habits included, and text for attackers."""

from hypothesis import strategies as st

# Numbers that parsers fall over: huge, tiny, long, no numbers at all.
NUMBERS = st.sampled_from(
    [
        "1e999999999", "-1e999999999", "1e-999999999", "NaN", "Infinity", "-0", "0x10", "٣", "1_000",
        "9" * 40 + ".123456", "0." + "1" * 60, "9" * 5000, "0e999999999", " 7 ", "7\n", "7\x00",
    ]
)  # fmt: skip
TEXT = st.text(max_size=30) | NUMBERS
SIMPLE = st.none() | st.booleans() | st.integers() | st.floats() | TEXT
JSON = st.recursive(
    SIMPLE,
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(TEXT, inside, max_size=3),
    max_leaves=6,
)


def objects(*keys: str) -> st.SearchStrategy[dict[str, object]]:
    """Objects that have some of these keys, with anything under them."""
    return st.dictionaries(st.sampled_from(keys), JSON, max_size=len(keys))
