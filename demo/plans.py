"""What the seeded deals and orders are about: those of the mock-ups by hand, the many others by rule."""

from dataclasses import dataclass

from demo.people import CLIENTS
from demo.rows import DEAL, INVOICE

STORE, PHONE, MARKET = 1, 4, 5

# Where orders come from, by id: code, name. A portal has some of its own.
PLATFORMS = {
    STORE: ("landing_store_1", "Online store"),
    2: ("smart_invoice", "smart_invoice"),
    PHONE: ("phone", "By phone"),
    MARKET: ("example_market", "Marketplace"),
}

STATUSES = ("N", "AW", "PC", "SD", "F", "X")
CARRIERS = ("Example Freight", "Courier", "Pickup point")


@dataclass(frozen=True)
class Paid:
    """A payment of an order: what, and whether it came and stayed."""

    amount: float
    state: str = "paid"  # paid, open, returned


@dataclass(frozen=True)
class Plan:
    """An order. ``client`` is a place in CLIENTS; ``company`` says it is for the client's company."""

    number: str
    price: float
    currency: str = "EUR"
    status: str = "N"
    days_ago: int = 0
    client: int = 0
    payments: tuple[Paid, ...] = ()
    shipped: tuple[bool, ...] = (False,)
    tracking: str = ""
    responsible: int = 5
    company: bool = False
    source: int = STORE
    carrier: str = "Example Freight"
    delivery: float = 0
    goods: tuple[tuple[str, int, float], ...] = ()  # by rule where nothing is said
    said: str = ""
    noted: str = ""


@dataclass(frozen=True)
class Deal:
    """``orders`` is how many are made by rule; ``contact`` and ``company`` are ids, 0 for none."""

    title: str
    responsible: int
    amount: int
    currency: str = "EUR"
    orders: int = 0
    contact: int = 0
    company: int = 0
    days_ago: int = 60


# The deal of the mock-ups, "Office refit, second floor".
OFFICE = [
    Plan("1201", 1250, status="N", days_ago=0, payments=(Paid(1250, "open"),)),
    Plan("1196", 5000, status="AW", days_ago=4, payments=(Paid(3000), Paid(2000, "open")),
         shipped=(True, False), tracking="4417 8890 23", responsible=7, company=True, source=PHONE,
         delivery=200, goods=(("Desk “Fjord” 160 × 80, oak", 4, 780), ("Chair “Lind”, grey", 8, 210)),
         said="Please deliver after 14:00, second entrance.",
         noted="Chairs come from the second warehouse, five days later."),
    Plan("1188", 2480, status="PC", days_ago=9, client=1, payments=(Paid(2480),)),
    Plan("1181", 3960.5, status="SD", days_ago=14, client=1, payments=(Paid(3960.5),),
         shipped=(True,), tracking="1Z 204 555 71", responsible=9, company=True,
         source=MARKET),
    Plan("1174", 1980, "USD", "F", 21, 2, (Paid(1980),), (True,), "1Z 204 551 09"),
    Plan("1166", 1200, "USD", "N", 28, 1, (Paid(1200, "open"),), responsible=7),
    Plan("1159", 640, status="X", days_ago=34, payments=(Paid(640, "open"),)),
    Plan("1152", 320, status="F", days_ago=41, payments=(Paid(320, "returned"),),
         shipped=(True,), tracking="4417 8712 90", responsible=9),
    Plan("1140", 7420, status="F", days_ago=50, client=1, payments=(Paid(7420),),
         shipped=(True,), tracking="4417 8655 04", responsible=7, company=True,
         source=MARKET),
]  # fmt: skip

ELSEWHERE = {
    (DEAL, 6933): [
        Plan("1184", 2150, days_ago=12, payments=(Paid(2150, "open"),), responsible=9),
        Plan(
            "1185",
            99.99,
            status="F",
            days_ago=12,
            client=5,
            payments=(Paid(99.99),),
            shipped=(True,),
        ),
    ],
    (DEAL, 6940): [Plan("1179", 860, days_ago=16, client=1, company=True, payments=(Paid(860),))],
    (INVOICE, 118): [
        Plan("1163", 3300, days_ago=30, client=1, company=True, payments=(Paid(3300, "open"),))
    ],
    None: [
        Plan("1193", 415, days_ago=6, payments=(Paid(415, "open"),)),
        Plan("1170", 1090, days_ago=25, client=1, company=True, payments=(Paid(1090, "open"),)),
    ],
}

FRAMEWORK = "Four hundred orders of a long framework agreement that was renewed twice"

DEALS = {
    6933: Deal("Winter catalogue", 9, 2250, contact=3),
    6940: Deal("Meeting room chairs", 7, 860, contact=2, company=2),
    6951: Deal("Spring stock", 9, 0, contact=4, company=4),
    7000: Deal("Empty so far", 7, 0, contact=1),
    7001: Deal("One order", 7, 100, orders=1, contact=5, company=5),
    7003: Deal('«Три заказа» & <b>bold</b> "quotes" 🚲', 7, 300, "RUB", 3, contact=6, company=6),
    7021: Deal("Office refit, second floor", 5, 21000, contact=1, company=2, days_ago=22),
    7050: Deal("Fifty orders", 7, 50000, orders=50, contact=7),
    7051: Deal("Fifty-one orders", 7, 51000, orders=51, contact=8),
    7400: Deal(FRAMEWORK, 7, 400000, orders=400, contact=4, company=4),
}

FREE = 150
UNLINKED = 9000


def ruled(group: int, n: int) -> Plan:
    """The n-th order, from 0, of a deal, or of those that belong to none."""
    price = round(10 + (n * 37 % 991) + n % 7 / 10, 2)
    part = round(price / 2, 2)
    ways = [
        (Paid(price, "open"),),
        (Paid(price),),
        (Paid(part), Paid(round(price - part, 2), "open")),
    ]
    form = ["{0}-{1:04d}", "{1:04d}/{0}", "A{0}{1:03d}"][n % 3]
    # The first two clients are the mock-ups': what is suggested for their deals is written above.
    client = 2 + n % (len(CLIENTS) - 2) if group == UNLINKED else n % len(CLIENTS)
    return Plan(
        number=form.format(group, n + 1),
        price=price,
        currency=["EUR", "USD", "RUB"][n % 3] if group == 7003 else ["EUR", "EUR", "USD"][n % 3],
        status=STATUSES[n % len(STATUSES)],
        days_ago=n % 90,
        client=client,
        payments=ways[n % 3],
        shipped=[(False,), (True,), (True, False)][n % 3],
        tracking=f"TR {group} {n:04d}" if n % 3 else "",
        responsible=[5, 7, 9][n % 3],
        company=n % 4 == 0,
        source=[STORE, STORE, MARKET, PHONE][n % 4],
        carrier=CARRIERS[n % 3],
        delivery=[0, 4.9, 0, 9][n % 4],
        said="Please ring twice 🔔" if n % 7 == 3 else "",
        noted="Call before packing" if n % 11 == 5 else "",
    )
