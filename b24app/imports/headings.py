"""What headings of columns mean: in eight languages, as shops, marketplaces, accounting programs and
Bitrix24's own lists write them.
"""

import re
from enum import StrEnum

from b24app.imports.table import MAX_COLUMNS


class Heading(StrEnum):
    NUMBER = "number"
    """Certainly the number that people call the order by."""
    ID = "id"
    ORDER = "order"
    """An order, by number or by ID."""
    PERHAPS_ORDER = "perhaps_order"
    """A document or a reference: an order only if the values say so."""
    COUNTER = "counter"
    """A number of some kind: counts the rows as often as it names an order."""
    DEAL = "deal"
    INVOICE = "invoice"
    OWNER = "owner"
    """The ID of a deal or an invoice: an ``OWNER_TYPE`` column says which."""
    OWNER_TYPE = "owner_type"
    OTHER = "other"
    """Known, and nothing that names an order or a card: a date, an amount, a name."""


NO_ORDERS = frozenset(
    {Heading.DEAL, Heading.INVOICE, Heading.OWNER, Heading.OWNER_TYPE, Heading.OTHER}
)
"""Headings of columns that never name an order."""


def _words(kind: Heading, text: str) -> dict[str, Heading]:
    return {plain(part): kind for line in text.strip().splitlines() for part in line.split("|")}


def plain(cell: str) -> str:
    """A heading without case, punctuation and the marks people put around it."""
    text = cell.casefold().replace("_", " ").replace("ё", "е").replace("#", " # ")
    text = re.sub(r"(?<=[a-zа-я])(?=№)|(?<=№)(?=\w)", " ", text)
    return " ".join(re.sub(r"[^\w№#]+", " ", text).split())


_KNOWN: dict[str, Heading] = {
    **_words(
        Heading.NUMBER,
        """
        order number|order no|order nr|order num|order #|# order|order reference|order code
        account number|accountnumber
        sales order number|sales order|purchase order number|web order number|order number shop
        reference number order
        номер заказа|заказ номер|№ заказа|заказ №|n заказа|номер заказа клиента|код заказа
        номер интернет заказа
        номер заказа на сайте|номер заказа покупателя|заказ клиента номер|№ заказа покупателя
        bestellnummer|bestell nr|bestellnr|bestellung nr|bestellung nummer|bestellungsnummer
        bestellungs nr
        auftragsnummer shop|order nummer|bestellreferenz
        número de pedido|numero de pedido|nº de pedido|n° de pedido|no de pedido|nº pedido
        núm pedido|num pedido|código de pedido
        número do pedido|numero do pedido|nº do pedido|código do pedido|numero da encomenda
        número da encomenda
        numéro de commande|numero de commande|n° de commande|nº de commande|no de commande
        n° commande|référence commande|référence de commande
        numer zamówienia|nr zamówienia|nr zamowienia|numer zamowienia|zamówienie nr
        номер замовлення|№ замовлення|замовлення №|код замовлення
        """,
    ),
    **_words(
        Heading.ID,
        """
        order id|orderid|id order|id of the order|amazon order id|shop order id
        id заказа|ид заказа|заказ id|идентификатор заказа
        bestell id|bestellung id|bestellungs id|id der bestellung|bestellid
        id pedido|id de pedido|id del pedido|id do pedido|id commande|id de commande
        id zamówienia|id zamowienia|id замовлення
        """,
    ),
    **_words(
        Heading.ORDER,
        """
        order|orders|заказ|заказы|bestellung|bestellungen|pedido|pedidos|encomenda|commande|commandes
        zamówienie|zamowienie|zamówienia|замовлення
        """,
    ),
    **_words(
        Heading.PERHAPS_ORDER,
        """
        name|document|document number|document no|reference|ref|order ref|reference no|ref no
        external id|transaction
        документ|номер документа|№ документа|основание|номер|код|внешний код|отправление
        номер отправления
        beleg|belegnummer|belegnr|vorgang|vorgangsnummer|referenz|externe id
        documento|referencia|referência|référence|document n°|dokument|numer dokumentu|документ №
        """,
    ),
    **_words(
        Heading.COUNTER,
        """
        no|nr|number|#|№|n|nº|n°|num|numero|número|numéro|nummer|номер п п|numer|id|ид|lp|l p
        row|row id|row no|row number|line|line no|position|pos|index|item no|serial no|s no|sl no
        № п п|п п|№ пп|№ строки|строка|порядковый номер|номер строки|№ з п
        lfd nr|lfd nummer|laufende nummer|zeile|zeilennummer
        fila|línea|linha|ligne|wiersz|рядок
        """,
    ),
    **_words(
        Heading.DEAL,
        """
        deal|deals|deal id|dealid|id deal|deal link|link to the deal|deal number|crm deal
        bitrix24 deal|goes to|new link
        сделка|сделки|id сделки|ид сделки|номер сделки|№ сделки|ссылка на сделку|сделка id
        код сделки|куда|новая привязка
        auftrag|auftrags id|auftrag id|id des auftrags|geschäft|deal nummer|link zum deal
        auftrag link|wohin|geht zu|neue verknüpfung
        стало|nachher
        target|to|negociación|negociacion|negociação|negócio|id del trato|trato|affaire
        transakcja|umowa|угода|id угоди
        """,
    ),
    **_words(
        Heading.INVOICE,
        """
        invoice|invoice id|invoices|invoice number|invoice no|bill|bill number
        счет|id счета|номер счета|№ счета|счета|rechnung|rechnungs id|rechnung id|rechnungsnummer
        rechnungs nr
        factura|fatura|facture|faktura|рахунок|id рахунку
        """,
    ),
    **_words(Heading.OWNER, "deal invoice id|id сделки счета|auftrags rechnungs id"),
    **_words(Heading.OWNER_TYPE, "type|тип|typ"),
    **_words(
        Heading.OTHER,
        """
        date|order date|created|created at|date created|paid at|client|customer|customer id
        customer name|buyer|contact
        company|sum|amount|total|price|subtotal|currency|status|payment|payment status|delivery
        shipping|shipping address
        address|city|country|phone|email|e mail|comment|comments|note|notes|product|product name
        sku|quantity|qty|responsible
        source|tracking number|discount|tax|ship mode|sales|manager|outcome|check|details
        what and why|verdict|from|было|vorher
        дата|дата заказа|дата создания|дата операции|клиент|покупатель|контакт|компания|сумма
        итого|стоимость|цена|валюта
        статус|оплата|статус оплаты|доставка|адрес|адрес доставки|телефон|почта|комментарий
        примечание|товар|количество
        ответственный|менеджер|источник|скидка|проверка|пояснение|итог|откуда
        datum|bestelldatum|kunde|kundennummer|firma|summe|betrag|preis|währung|status|zahlung
        lieferung|versand|adresse
        telefon|kommentar|artikel|menge|verantwortlich|quelle|rabatt|prüfung|ergebnis
        fecha|cliente|importe|total|estado|dirección|teléfono|data|valor|situação|endereço
        telefone|client|montant|statut
        adresse|téléphone|klient|kwota|adres|kupujący|дата замовлення|клієнт|сума|адреса|кількість
        """,
    ),
}


def meaning(cell: str) -> Heading | None:
    """What a heading says of its column; None for one that we do not know."""
    return _KNOWN.get(plain(cell)) if cell and len(cell) < 100 else None


def known_headings(text: str) -> int:
    """How many known headings occur in the first lines of a text, whatever separates its cells."""
    lines = re.split(r"[\r\n]+", text[:8_000])[:20]
    return max((_known_in(line) for line in lines), default=0)


def _known_in(line: str) -> int:
    cells = re.split(r"[\t;,|]", line)[:MAX_COLUMNS]
    return sum(1 for cell in cells if meaning(cell.strip(' "')) is not None)
