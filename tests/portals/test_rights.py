"""Every route says how the portal is asked whether a person still works there, and holds to it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import URLPattern, get_resolver
from django.utils import timezone

from b24app.automation import switching
from b24app.automation.conditions import Conditions
from b24app.journal.models import AuditEntry
from b24app.portals.models import PortalUser
from b24app.portals.placements import DEFAULT, ORDER_TAB
from b24app.portals.rights import MAX_UNCONFIRMED, Asks
from demo.server import DemoPortal
from testing.opening import (
    ANNA,
    EMPTY,
    ILYA,
    MARIA,
    MOCKUP,
    NINA,
    TOM,
    Page,
    ask,
    install,
    launch,
    open_order,
    open_tab,
    submit,
)
from tests.jobs import driving

pytestmark = pytest.mark.django_db

# Nothing of a portal's is behind these, or what they do proves itself in another way.
PUBLIC = frozenset(
    {
        "oauth-connect", "oauth-callback", "session-renew", "events", "legal-licence", "legal-privacy",
        "healthz", "readyz", "readyz-all", "metrics",
    }
)  # fmt: skip
OPENINGS = frozenset(
    {
        "main", "install", "deal-tab", "invoice-tab", "deal-list-menu", "deal-list-toolbar", "order-tab",
    }
)  # fmt: skip

UNLINKED = "1193"


@dataclass(frozen=True)
class Route:
    """How a test asks for a route: from which page, with what, and whether only administrators may."""

    page: str
    asks: Asks
    method: str = "get"
    form: Mapping[str, object] = field(default_factory=dict)
    admin: bool = False


def tab(asks: Asks = Asks.ALONG, method: str = "get", **form: str) -> Route:
    return Route("tab", asks, method, form)


def picked(**form: str) -> Route:
    """A dialog or a change of the one ticked order."""
    return Route("tab", Asks.ALONG, "post", {**LINKED, **form})


def order(method: str = "get", **form: object) -> Route:
    return Route("order", Asks.ALONG, method, form)


def console(asks: Asks, method: str = "get", **form: object) -> Route:
    return Route("main", asks, method, form, admin=True)


def job(asks: Asks = Asks.FIRST_OR_LATELY, method: str = "get", **form: object) -> Route:
    return Route("main", asks, method, form)


LINKED: Mapping[str, str] = {"order": "{linked}|2:7021", "number": "1"}
RULE: Mapping[str, object] = {
    "name": "To the open deal", "payer": "any", "who": "contact", "max_days": "60", "since": "created",
    "wait_minutes": "15", "several": "suggest", "links_an_hour": "50", "undone_percent": "20",
}  # fmt: skip
SETTINGS = {"who": "own", "suggestion_days": "90", "notes_language": "en", "journal_days": "7"}

ROUTES: Mapping[str, Route] = {
    "install-repeat": Route("main", Asks.FIRST, "post", admin=True),
    "tab-orders": tab(),
    "tab-grid": tab(),
    "tab-details": tab(order="{linked}"),
    "tab-edit-comment": tab(order="{linked}"),
    "tab-confirm-cancel": tab(order="{linked}"),
    "tab-confirm-pay": tab(order="{linked}"),
    "tab-confirm-ship": tab(order="{linked}"),
    "tab-edit-tracking": tab(order="{linked}"),
    "tab-news": tab(Asks.NOBODY, since=""),
    "tab-export": tab(Asks.FIRST, "post", format="csv", order="{linked}"),
    "tab-columns": tab(method="post", hidden="status"),
    "tab-picker": tab(Asks.NOBODY),
    "tab-found": tab(q=UNLINKED),
    "tab-suggestions": tab(),
    "tab-suggestions-dismiss": tab(Asks.FIRST_OR_LATELY, "post", order="{free}"),
    "tab-suggestions-restore": tab(Asks.FIRST_OR_LATELY, "post", order="{free}"),
    "tab-link": tab(method="post", order="{free}|"),
    "tab-confirm-unlink": picked(),
    "tab-unlink": picked(),
    "tab-confirm-move": picked(to=str(EMPTY)),
    "tab-move": picked(to=str(EMPTY)),
    "tab-confirm-status": picked(),
    "tab-status": tab(method="post", to="F", held="{linked}|N"),
    "tab-confirm-responsible": picked(to="9"),
    "tab-responsible": tab(method="post", order="{linked}", seen="7", to="9"),
    "tab-confirm-comment": picked(),
    "tab-comment": tab(method="post", order="{linked}", seen="", text="Ring twice"),
    "tab-cancel": tab(method="post", order="{linked}", to="Y"),
    "tab-pay": tab(Asks.ALONG, "post", order="{linked}", part="1", **{"amount-1": "1.00"}),
    "tab-ship": tab(method="post", order="{linked}", part="1"),
    "tab-tracking": tab(method="post", order="{linked}", part="1"),
    "tab-confirm-amount": tab(),
    "tab-amount": tab(method="post", seen="1.00", to="2.00"),
    "tab-history": tab(),
    "tab-undo": tab(method="post", change="{change}"),
    "console-overview": console(Asks.ALONG),
    "console-rebind": console(Asks.ALONG, "post"),
    "console-carry-on": console(Asks.ALONG, "post"),
    "console-links": console(Asks.ALONG),
    "console-without": console(Asks.ALONG),
    "console-gone": console(Asks.ALONG),
    "console-links-export": console(Asks.FIRST, "post", format="csv"),
    "console-rules": console(Asks.FIRST_OR_LATELY),
    "console-rule": console(Asks.FIRST_OR_LATELY),
    "console-rule-save": console(Asks.FIRST, "post", **RULE),
    "console-rule-try": console(Asks.FIRST, "post", rule="{rule}"),
    "console-rule-trial": console(Asks.FIRST_OR_LATELY, rule="{rule}"),
    "console-rule-switch": console(Asks.FIRST, "post", rule="{rule}"),
    "console-rule-arrange": console(Asks.FIRST, "post", rule="{rule}", up="on"),
    "console-rule-undo": console(Asks.FIRST, "post", rule="{rule}", days="1"),
    "console-feed": console(Asks.FIRST_OR_LATELY),
    "console-feed-undo": console(Asks.FIRST, "post", entry="1"),
    "console-feed-choose": console(Asks.FIRST, "post", entry="1", deal="1"),
    "console-jobs": console(Asks.FIRST_OR_LATELY),
    "console-audit": console(Asks.FIRST),
    "console-audit-export": console(Asks.FIRST, "post", format="csv"),
    "console-support": console(Asks.FIRST_OR_LATELY),
    "console-bundle": console(Asks.FIRST_OR_LATELY, "post"),
    "console-settings": console(Asks.FIRST),
    "console-settings-save": console(Asks.ALONG, "post", **SETTINGS),
    "order-place": order(),
    "order-confirm-link": order(order="{linked}|2:7021", to=str(EMPTY)),
    "order-link": order("post", order="{linked}|2:7021", to=str(EMPTY)),
    "order-unlink": order("post", **LINKED),
    "order-undo": order("post", change="{change}"),
    "jobs": job(),
    "jobs-of-card": Route("tab", Asks.FIRST_OR_LATELY),
    "jobs-new": job(),
    "jobs-template": job(),
    "job": job(),
    "job-columns": job(),
    "job-live": job(),
    "job-rows": job(),
    "job-orders": job(row="1"),
    "job-answer": job(method="post", row="1", value=""),
    "job-suggested": job(method="post"),
    "job-table": job(Asks.FIRST, format="csv"),
    "job-start": job(method="post"),
    "job-stop": job(method="post"),
    "job-confirm-take-over": job(Asks.FIRST, method="post"),
    "job-take-over": job(Asks.FIRST, method="post"),
    "job-resume": job(method="post"),
    "job-retry": job(method="post"),
    "job-discard": job(method="post"),
    "job-undo": job(method="post"),
}
OF_A_JOB = frozenset(name for name in ROUTES if name.startswith("job-") or name == "job")


@dataclass
class Walk:
    """An administrator with every kind of page open, an export job of her own, and one of a colleague."""

    client: Client
    portal: DemoPortal
    pages: Mapping[str, Page]
    words: Mapping[str, str]
    own: int
    colleagues: int

    def ask(self, name: str, job: int = 0) -> Page:
        """Ask for a route as the page's script does; of a colleague's job unless another is named."""
        route = ROUTES[name]
        path = paths()[name].replace("<int:pk>", str(job or self.colleagues))
        form = {key: str(value).format(**self.words) for key, value in route.form.items()}
        return ask(self.client, self.pages[route.page], f"/{path}", form, method=route.method)

    def status(self, name: str, job: int = 0) -> int:
        return self.ask(name, job).response.status_code

    def wait(self, minutes: float = 2, user_id: int = NINA) -> None:
        """Age the portal's confirmation by this time and clear what is known of the person's access."""
        when = timezone.now() - timedelta(minutes=minutes)
        people = PortalUser.objects.filter(user_id=user_id)
        people.update(confirmed_at=when, tokens=PortalUser.Tokens.LIVE)


def paths() -> Mapping[str, str]:
    """Every route of the program by its name."""
    return {name: str(route.pattern) for name, route in patterns().items()}


def patterns() -> Mapping[str, URLPattern]:
    found = get_resolver().url_patterns
    return {str(route.name): route for route in found if isinstance(route, URLPattern)}


@pytest.fixture
def walk(client: Client, portal: DemoPortal) -> Walk:
    install(client, portal)
    annas = driving.sit_down(client, portal)
    form = {"kind": "export", "from": "search", "every": "on", "q": UNLINKED}
    colleagues = annas.start(annas.asked(annas.post("/jobs/new/", **form)))
    ninas = driving.sit_down(client, portal, NINA)
    own = ninas.start(ninas.asked(ninas.post("/jobs/new/", **form)))
    opened = open_tab(client, portal, NINA)
    linked, free = portal.order_id("1184"), portal.order_id(UNLINKED)
    linked = opened.order_ids[0]
    submit(client, opened, "/tab/unlink/", {"order": f"{linked}|2:{MOCKUP}"})
    submit(client, opened, "/tab/link/", {"order": f"{linked}|"})
    change = AuditEntry.objects.filter(kind="link").latest("pk").change
    pages = {
        "tab": opened,
        "order": open_order(client, portal, linked, NINA),
        "main": launch(client, portal, DEFAULT, NINA, 0, "en", {}),
    }
    anna = PortalUser.objects.get(user_id=ANNA)
    rule = switching.create(anna, "To the open deal", Conditions())
    words = {"linked": str(linked), "free": str(free), "change": str(change), "rule": str(rule.pk)}
    walk = Walk(client, portal, pages, words, own.pk, colleagues.pk)
    walk.wait()
    portal.reset_counts()
    return walk


def test_every_route_declares_how_it_checks_the_portal() -> None:
    assert len(patterns()) == len(get_resolver().url_patterns)
    assert set(patterns()) == PUBLIC | OPENINGS | set(ROUTES)
    says = {name: getattr(item.callback, "asks", None) for name, item in patterns().items()}
    assert {name: item for name, item in says.items() if name in ROUTES} == {
        name: route.asks for name, route in ROUTES.items()
    }
    # The root address is also where an authorization comes back to.
    assert {says[name] for name in OPENINGS - {"main"}} == {Asks.OPENING}


def test_every_route_answers_permitted_people(walk: Walk) -> None:
    found = {name: walk.status(name, walk.own) for name in ROUTES}
    # Hiding a column answers with nothing to show; nobody takes their own job over; no format is named.
    others = {"tab-columns": 204, "job-take-over": 400, "jobs-template": 400}
    assert found == dict.fromkeys(ROUTES, 200) | others


@pytest.mark.parametrize("passed_on", [False, True])
def test_dismissed_persons_session_ends_on_every_route(walk: Walk, passed_on: bool) -> None:
    walk.portal.dismiss(NINA, passed_on=passed_on)
    found = {}
    for name in ROUTES:
        walk.wait()
        found[name] = walk.status(name, walk.own)
    quiet = {name for name, route in ROUTES.items() if route.asks is Asks.NOBODY}
    assert {name: found[name] for name in quiet} == dict.fromkeys(quiet, 200)
    assert {name: number for name, number in found.items() if number != 401} == dict.fromkeys(
        quiet, 200
    )


def test_known_dismissal_ends_every_route_without_portal_request(walk: Walk) -> None:
    walk.portal.dismiss(NINA)
    assert walk.status("tab-orders") == 401
    walk.portal.reset_counts()
    assert {walk.status(name, walk.own) for name in ROUTES} == {401}
    assert walk.portal.http_requests == 0


def test_poll_of_open_tab_sends_no_portal_request(walk: Walk) -> None:
    answer = walk.ask("tab-news")
    assert set(answer.response.json()) == {"since", "changed"}  # type: ignore[attr-defined]
    assert walk.portal.http_requests == 0


def test_former_administrator_is_refused_on_administrator_routes(walk: Walk) -> None:
    walk.portal.state.users[NINA].admin = False
    found = {}
    for name in ROUTES:
        PortalUser.objects.filter(user_id=NINA).update(is_admin=True)
        walk.wait()
        found[name] = walk.ask(name)
    administrators = {name for name, route in ROUTES.items() if route.admin}
    shown = {name: (found[name].response.status_code, found[name].state) for name in administrators}
    installer = {"install-repeat": (403, "not-admin")}
    assert shown == dict.fromkeys(administrators, (403, "admins-only")) | installer
    of_colleague = {name: found[name].response.status_code for name in OF_A_JOB}
    assert of_colleague == dict.fromkeys(OF_A_JOB, 404)
    assert f'data-job-id="{walk.colleagues}"' not in found["jobs"].text
    assert not PortalUser.objects.get(user_id=NINA).is_admin
    walk.wait()
    assert walk.status("job-table", walk.own) == 200


def test_pages_of_a_person_check_at_most_once_a_minute(walk: Walk) -> None:
    for name in (
        "job",
        "job-live",
        "job-rows",
        "jobs",
        "console-audit",
        "console-support",
        "job-table",
    ):
        assert walk.status(name, walk.own) == 200
    assert [call.method for call in walk.portal.calls if call.method == "profile"] == ["profile"]


def test_check_joins_requests_a_page_sends_anyway(walk: Walk) -> None:
    for name in ("tab-orders", "tab-history", "console-overview", "console-links"):
        walk.wait()
        walk.portal.reset_counts()
        assert walk.status(name) == 200
        walk.portal.reset_counts()
        assert walk.status(name) == 200
        without = walk.portal.http_requests
        walk.wait()
        walk.portal.reset_counts()
        assert walk.status(name) == 200
        assert walk.portal.http_requests == without, name
        assert [call.method for call in walk.portal.calls].count("profile") == 1


def test_no_customer_file_is_sent_if_portal_does_not_answer(walk: Walk) -> None:
    walk.portal.misbehave("portal_deleted", times=1000)
    files = {name for name, route in ROUTES.items() if "format" in route.form}
    for name in files | {"console-audit"}:
        answer = walk.ask(name, walk.own)
        assert answer.response.status_code == 502, name
        assert "Content-Disposition" not in answer.response
    # How far one's own job is can be looked at; a colleague's, who knows.
    assert walk.status("job-live", walk.own) == 200
    assert walk.status("job-live") == 502


def test_support_data_requires_recent_confirmation_and_is_audited(
    walk: Walk,
) -> None:
    noted = AuditEntry.objects.filter(kind="support", user_id=NINA)
    assert (walk.status("console-support"), walk.status("console-bundle")) == (200, 200)
    assert not noted.exists()
    walk.portal.misbehave("portal_deleted", times=1000)
    walk.wait(29)
    for _ in range(3):
        assert (walk.status("console-support"), walk.status("console-bundle")) == (200, 200)
    assert [entry.details for entry in noted.order_by("pk")] == [
        {"what": "log"},
        {"what": "bundle"},
    ]
    walk.wait(MAX_UNCONFIRMED.total_seconds() / 60 + 1)
    assert (walk.status("console-support"), walk.status("console-bundle")) == (502, 502)
    walk.portal.calm()
    trail = walk.ask("console-audit").text
    assert trail.count('data-what="support"') == 2
    assert "Bitrix24 did not confirm the administrator" in trail


# --- history ----------------------------------------------------------------------------------


@pytest.fixture
def history(client: Client, portal: DemoPortal) -> Page:
    """A deal whose history names an order, opened by Ilya."""
    install(client, portal)
    page = open_tab(client, portal, ILYA, EMPTY)
    submit(client, page, "/tab/link/", {"order": f"{portal.order_id(UNLINKED)}|"})
    return page


def of_order(portal: DemoPortal) -> str:
    return f"/tab/history/?order={portal.order_id(UNLINKED)}"


def test_card_history_requires_access_to_the_card(
    client: Client, portal: DemoPortal, history: Page
) -> None:
    portal.state.users[ILYA].own_deals_only = True
    portal.state.deals[EMPTY]["ASSIGNED_BY_ID"] = str(ANNA)
    for path in ("/tab/history/", of_order(portal)):
        answer = ask(client, history, path)
        assert (answer.state, answer.response.status_code) == ("no-deal", 403)
        assert UNLINKED not in answer.text


def test_history_needs_the_right_to_read_orders(
    client: Client, portal: DemoPortal, history: Page
) -> None:
    portal.state.users[ILYA].sale = "denied"
    for path in ("/tab/history/", of_order(portal)):
        answer = ask(client, history, path)
        assert answer.response.status_code == 403
        assert UNLINKED not in answer.text


def test_history_of_an_order_that_is_not_there_is_not_shown(
    client: Client, portal: DemoPortal, history: Page
) -> None:
    path = of_order(portal)
    del portal.state.orders[portal.order_id(UNLINKED)]
    answer = ask(client, history, path)
    assert answer.response.status_code == 403
    assert UNLINKED not in answer.text


def test_history_costs_one_request(client: Client, portal: DemoPortal, history: Page) -> None:
    for path in ("/tab/history/", of_order(portal)):
        portal.reset_counts()
        assert UNLINKED in ask(client, history, path).text
        assert portal.http_requests == 1


# --- renewing a session -----------------------------------------------------------------------


def renewed(client: Client, portal: DemoPortal, page: Page, user_id: int) -> int:
    form = dict(portal.open("DEFAULT", user_id=user_id, entity_id=0).form)
    return submit(client, page, "/session/renew/", form).response.status_code


def test_session_is_not_renewed_for_card_without_access(client: Client, portal: DemoPortal) -> None:
    install(client, portal)
    portal.state.deals[EMPTY]["ASSIGNED_BY_ID"] = str(TOM)
    page = open_tab(client, portal, TOM, EMPTY)
    assert renewed(client, portal, page, TOM) == 200
    portal.state.deals[EMPTY]["ASSIGNED_BY_ID"] = str(ANNA)
    assert renewed(client, portal, page, TOM) == 401
    del portal.state.deals[EMPTY]
    assert renewed(client, portal, page, TOM) == 401


def test_session_is_not_renewed_for_order_without_access(
    client: Client, portal: DemoPortal
) -> None:
    install(client, portal)
    page = launch(client, portal, ORDER_TAB, MARIA, portal.order_id(UNLINKED), "en", {})
    assert renewed(client, portal, page, MARIA) == 200
    portal.state.users[MARIA].sale = "denied"
    assert renewed(client, portal, page, MARIA) == 401


def test_session_renewal_waits_if_card_cannot_be_checked(
    client: Client, portal: DemoPortal
) -> None:
    install(client, portal)
    page = open_tab(client, portal, ILYA)
    portal.misbehave("operating", method="crm.deal.get")
    assert renewed(client, portal, page, ILYA) == 503
    assert renewed(client, portal, page, ILYA) == 200
