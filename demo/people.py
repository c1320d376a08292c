"""Who works at the portal and who buys there. Everybody is invented.

Telephone numbers come from ranges reserved for fiction, addresses from example domains.
"""

from dataclasses import dataclass

from demo import rows
from demo.state import State, User
from demo.tables import Row

USERS = [
    User(1, "Anna", "Schmidt", admin=True, sale="write"),
    User(5, "Maria", "Lopez", admin=False, sale="read", departments=[2]),
    User(7, "Ilya", "Sokolov", admin=False, sale="write", departments=[2]),
    User(9, "Tom", "Becker", admin=False, sale="write", own_deals_only=True, departments=[3]),
    User(11, "Petra", "Klein", admin=False, sale="denied", departments=[4]),
    User(13, "Nina", "Arden", admin=True, sale="write"),
    User(15, "Erik", "Nyman", admin=False, sale="write", crm="read", departments=[4]),
]

# id: name, the department above, head
DEPARTMENTS = {
    1: ("Example Trading", 0, 1),
    2: ("Sales", 1, 7),
    3: ("Key accounts", 2, 9),
    4: ("Warehouse", 1, 11),
}


@dataclass(frozen=True)
class Client:
    """A person who buys, for a company or not. The number in the list, from 1, is the contact's id."""

    name: str
    phone: str
    company: str = ""
    more_phones: tuple[str, ...] = ()
    more_mails: tuple[str, ...] = ()


# What an order says of a client is `phone` as written here; the contact has it in other spellings.
CLIENTS = [
    Client(
        "Clara Whitfield",
        "+1 202 555 0142",
        "Harbour & Pine Ltd",
        ("+1 202 555 0177",),
        ("Clara.Whitfield@Example.com",),
    ),
    Client("Daniel Okafor", "+1 202 555 0117", "Harbour & Pine Ltd", ("1-202-555-0118",)),
    Client("Priya Raman", "+1 202 555 0188"),
    Client("Анна Ветрова", "+1 202 555 0164", "ООО «Ромашка»", (), ("vetrova@example.org",)),
    Client("Jürgen Groß", "+1 202 555 0133", "Groß & Söhne GmbH"),
    Client('Bob "<b>markup</b>" O\'Neil', "+1 202 555 0101", "Quotes “&” Co"),
    Client("Mai Ōkubo 🚲", "+1 202 555 0155"),
    Client("Maximiliane Freifrau von und zu Hohenlangenfeld-Unterwaldhausen", "+1 202 555 0199"),
]

# id: title, phones
COMPANIES = {
    2: ("Harbour & Pine Ltd", ("+1 202 555 0160", "1 (202) 555-0161 ext. 4")),
    4: ("ООО «Ромашка»", ("+1 202 555 0169",)),
    5: ("Groß & Söhne GmbH", ("+1-202-555-0139",)),
    6: ("Quotes “&” Co", ()),
}
COMPANY_IDS = {title: pk for pk, (title, _) in COMPANIES.items()}


def settle(state: State) -> None:
    """Employees, departments, contacts and companies."""
    state.users = {user.id: user for user in USERS}
    for pk, (name, above, head) in DEPARTMENTS.items():
        state.departments[pk] = _department(pk, name, above, head)
    for pk, client in enumerate(CLIENTS, start=1):
        phones = (_spelled(client.phone, pk), *client.more_phones)
        mails = (f"client{pk}@example.com", *client.more_mails)
        company_id = COMPANY_IDS.get(client.company, 0)
        state.contacts[pk] = rows.contact(pk, client.name, company_id, 5, phones, mails)
    for pk, (title, numbers) in COMPANIES.items():
        state.companies[pk] = rows.company(pk, title, 7, numbers, (f"office{pk}@example.org",))


def _department(pk: int, name: str, above: int, head: int) -> Row:
    """departments/department-get.md"""
    row = {"ID": str(pk), "NAME": name, "SORT": 500, "UF_HEAD": str(head)}
    return row | ({"PARENT": str(above)} if above else {})


def _spelled(phone: str, n: int) -> str:
    """The same number as another person would write it."""
    country, area, exchange, line = phone.split()
    return [
        f"{country}{area}{exchange}{line}",
        f"{country} ({area}) {exchange}-{line}",
        f"({area}) {exchange}-{line}",
        phone,
    ][n % 4]
