"""The store that shared/imports describes: orders by number, and the answers that recognition asks for."""

from collections.abc import Sequence

from b24app.imports.known import SAMPLE_VALUES, Known

HOST = "portal.bitrix24.com"

ORDERS = {
    "7003": 1001, "7006": 1002, "WEB-003009/2": 1003, "7012": 1004, "7018": 1006, "7024": 1008,
    "1": 1009, "2": 1010, "1000": 1011, "12": 1012, "WEB-003039/5": 1013, "12000": 1014,
    "131": 1016, "007036": 1018, "7036": 1019, "1065": 1055,
}  # fmt: skip


def known(values: Sequence[str]) -> Known:
    """The orders that match these values, as one request to the portal would return them."""
    assert len(values) <= SAMPLE_VALUES
    numbers = {number.casefold(): order_id for number, order_id in ORDERS.items()}
    ids = {order_id: number for number, order_id in ORDERS.items()}
    return Known(
        {
            value.casefold(): numbers[value.casefold()]
            for value in values
            if value.casefold() in numbers
        },
        {
            int(value): ids[int(value)]
            for value in values
            if value.isdecimal() and int(value) in ids
        },
    )


def nothing(values: Sequence[str]) -> Known:
    """A store that knows none of them."""
    return Known()
