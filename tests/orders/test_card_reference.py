"""Which deal or invoice a text names: one parser for all places where people name one."""

import pytest

from b24app.orders.card_reference import CardProblem, card_of_field, card_value, field_of_card
from b24app.orders.types import DEAL, INVOICE, Owner

HOST = "my.bitrix24.com"


@pytest.mark.parametrize(
    ("text", "owner"),
    [
        ("7021", Owner(DEAL, 7021)),
        (" 7021 ", Owner(DEAL, 7021)),
        ('="7021"', Owner(DEAL, 7021)),
        ("https://my.bitrix24.com/crm/deal/details/7021/?IFRAME=Y", Owner(DEAL, 7021)),
        ("HTTPS://MY.Bitrix24.com/crm/deal/details/7021/", Owner(DEAL, 7021)),
        ("my.bitrix24.com/crm/deal/show/7021/", Owner(DEAL, 7021)),
        ("/crm/deal/details/7021/", Owner(DEAL, 7021)),
        ("https://my.bitrix24.com/crm/type/31/details/118/", Owner(INVOICE, 118)),
        ("https://my.bitrix24.com/crm/type/2/details/118/", Owner(DEAL, 118)),
        ("/crm/type/31/show/118", Owner(INVOICE, 118)),
        ("https://my.bitrix24.com/company/crm/deal/details/7021/", Owner(DEAL, 7021)),
        ("//my.bitrix24.com/crm/deal/details/7021/#comment", Owner(DEAL, 7021)),
        ("deal 7021", Owner(DEAL, 7021)),
        ("Сделка № 7021", Owner(DEAL, 7021)),
        ("Auftrag 7021", Owner(DEAL, 7021)),
        ("invoice 118", Owner(INVOICE, 118)),
        ("Счёт 118", Owner(INVOICE, 118)),
        ("Rechnung 118", Owner(INVOICE, 118)),
    ],
)
def test_card_reference_is_parsed_in_common_spellings(text: str, owner: Owner) -> None:
    found = card_value(text, HOST)
    assert (found.owner, found.problem) == (owner, None)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("https://other.bitrix24.com/crm/deal/details/7021/", CardProblem.OTHER_PORTAL),
        ("https://my.bitrix24.com.evil.example/crm/deal/details/7021/", CardProblem.OTHER_PORTAL),
        ("https://my.bitrix24.com@evil.example/crm/deal/details/7021/", CardProblem.OTHER_PORTAL),
        ("https://[/crm/deal/details/7021/", CardProblem.OTHER_PORTAL),
        ("other.bitrix24.com/crm/deal/details/7021/", CardProblem.OTHER_PORTAL),
        ("//other.bitrix24.com/crm/deal/details/7021/", CardProblem.OTHER_PORTAL),
        ("https:/other.bitrix24.com/crm/deal/details/7021/", CardProblem.NOT_A_CARD),
        ("///other/crm/deal/details/7021/", CardProblem.OTHER_PORTAL),
        ("/\\other.bitrix24.com/crm/deal/details/7021/", CardProblem.NOT_A_CARD),
        ("/go?to=https://other.bitrix24.com/crm/deal/details/7021/", CardProblem.NOT_A_CARD),
        ("/crm/deal/details/7021abc/", CardProblem.NOT_A_CARD),
        ("https://my.bitrix24.com/crm/type/1034/details/118/", CardProblem.NOT_A_CARD),
        ("31:118", CardProblem.NOT_A_CARD),
        ("0", CardProblem.NOT_A_CARD),
        ("-5", CardProblem.NOT_A_CARD),
        ("9" * 16, CardProblem.NOT_A_CARD),
        ("7021 and 7022", CardProblem.NOT_A_CARD),
        ("Winter", CardProblem.NOT_A_CARD),
    ],
)
def test_reference_to_another_portal_or_type_is_refused(text: str, problem: CardProblem) -> None:
    found = card_value(text, HOST)
    assert (found.owner, found.problem) == (None, problem)


def test_hyperlink_is_used_if_text_is_no_number() -> None:
    link = "https://my.bitrix24.com/crm/deal/details/7021/"
    assert card_value("Winter", HOST, link=link).owner == Owner(DEAL, 7021)
    assert card_value("7022", HOST, link=link).owner == Owner(DEAL, 7022)
    assert card_value("Winter", "other.example", link=link).problem == CardProblem.OTHER_PORTAL


def test_empty_cell_is_no_card_and_no_error() -> None:
    found = card_value(" ", HOST)
    assert (found.owner, found.problem) == (None, None)


@pytest.mark.parametrize(
    ("raw", "owner"),
    [
        ("2:7021", Owner(DEAL, 7021)),
        ("31:118", Owner(INVOICE, 118)),
        ("7021", Owner(DEAL, 7021)),
        ("https://my.bitrix24.com/crm/type/31/details/118/", Owner(INVOICE, 118)),
    ],
)
def test_field_accepts_values_of_our_pages(raw: str, owner: Owner) -> None:
    assert card_of_field(raw, HOST).owner == owner
    assert card_of_field(field_of_card(owner), HOST).owner == owner


@pytest.mark.parametrize("raw", ["3:7021", "2:0", "1034:5", "2:", "2:7021:1"])
def test_field_refuses_cards_of_other_types(raw: str) -> None:
    found = card_of_field(raw, HOST)
    assert (found.owner, found.problem) == (None, CardProblem.NOT_A_CARD)
