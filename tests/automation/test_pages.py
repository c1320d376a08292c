"""The console's pages of rules and their feed, for administrators."""

from collections.abc import Mapping

import pytest
from django.test import Client
from django.urls import reverse

from b24app.automation import switching, trials
from b24app.automation.models import Entry, RefusedPair, Rule, Trial
from b24app.journal.models import AuditEntry
from b24app.portals.models import PortalUser
from demo.server import DemoPortal
from demo.trade import Purchase
from testing.markup import attributes, only, select, words
from testing.opening import MARIA, NINA, Page, ask, submit
from tests.automation import desk
from tests.automation.desk import CLARA, catch_up_now, deal_of, entry, rule_on
from tests.console.desk import open_main

pytestmark = pytest.mark.django_db

FORM: Mapping[str, object] = {
    "name": "To the open deal",
    "payer": "any",
    "who": ["contact", "company"],
    "max_days": "60",
    "since": "created",
    "wait_minutes": "0",
    "several": "suggest",
    "links_an_hour": "50",
    "undone_percent": "20",
    "days": "30",
}


@pytest.fixture
def page(client: Client, portal: DemoPortal, anna: PortalUser) -> Page:
    return open_main(client, portal)


def save(client: Client, page: Page, **chosen: object) -> Page:
    return submit(client, page, reverse("console-rule-save"), {**FORM, **chosen})


def run_trials() -> None:
    for pk in trials.due():
        while trials.run(pk):
            pass


def shown(page: Page, name: str) -> str:
    return words(only(page.text, f"[data-number={name}]"))


def test_first_rule_from_the_form_to_a_link(
    client: Client, portal: DemoPortal, page: Page, anna: PortalUser
) -> None:
    empty = ask(client, page, reverse("console-rules"))
    assert empty.state == "no-rules"
    deal = deal_of(portal, CLARA)
    portal.order_comes(Purchase(CLARA))
    saved = save(client, page, **{"try": "on"})
    rule = Rule.objects.get()
    assert (rule.state, rule.read.wait_minutes) == (Rule.State.OFF, 0)
    assert saved.attribute("data-trial-state") == "running"
    run_trials()
    tried = ask(client, page, reverse("console-rule-trial"), {"rule": rule.pk})
    assert tried.attribute("data-trial-state") == "done"
    assert shown(tried, "nobody") == "1"
    on = submit(client, page, reverse("console-rule-switch"), {"rule": rule.pk, "on": "on"})
    assert on.attribute("data-rule-state") == "on"
    order = portal.order_comes(Purchase(CLARA))
    catch_up_now(anna)
    feed = ask(client, page, reverse("console-feed"))
    assert portal.link_of(order) == (2, deal)
    assert attributes(feed.text, "[data-entry-state]", "data-entry-state") == ["linked"]


def test_untried_rule_is_not_switched_on(client: Client, page: Page) -> None:
    save(client, page)
    answer = submit(
        client, page, reverse("console-rule-switch"), {"rule": Rule.objects.get().pk, "on": "on"}
    )
    assert select(answer.text, "[data-note=refused-not_tried]")
    assert Rule.objects.get().state == Rule.State.OFF


def test_page_of_an_untried_rule_has_no_button_to_switch_on(client: Client, page: Page) -> None:
    answer = save(client, page)
    assert answer.attribute("data-trial-state") == "none"
    assert not select(answer.text, "#trial input[name=on]")


@pytest.mark.parametrize(
    "wrong",
    [
        {"who": []},
        {"name": ""},
        {"least": "50"},
        {"least": "many", "currency": "EUR"},
        {"funnel": ["99"]},
        {"stage": ["NOWHERE"]},
        {"own_deal": "on", "wait_minutes": "0"},
        {"max_days": "9999"},
        {"several": "all"},
    ],
    ids="-".join,
)
def test_wrong_form_is_shown_again_and_nothing_is_saved(
    client: Client, page: Page, wrong: Mapping[str, object]
) -> None:
    answer = save(client, page, **wrong)
    assert answer.response.status_code == 422
    assert select(answer.text, "[data-note=invalid]")
    assert not Rule.objects.exists()


def test_everything_of_the_form_is_kept_and_shown(client: Client, page: Page) -> None:
    answer = save(
        client,
        page,
        payer="company",
        source=["1"],
        least="50.5",
        currency="eur",
        responsible=["1"],
        who=["company"],
        funnel=["7"],
        stage=["C7:NEW"],
        several="newest",
        wait_minutes="15",
        own_deal="on",
    )
    rule = Rule.objects.get().read
    assert (rule.sources, str(rule.least), rule.currency) == ((1,), "50.5", "EUR")
    assert (rule.funnels, rule.stages, rule.own_deal) == ((7,), ("C7:NEW",), True)
    ticked = attributes(answer.text, "input[type=checkbox][checked]", "value")
    assert {"1", "company", "7", "C7:NEW"} <= set(ticked)
    text = words(only(answer.text, ".sentence.read"))
    assert "comes in from a company through Online store and is worth at least €50.50" in text
    assert "same company in Projects at the stage Projects: New" in text


def test_change_of_a_rule_that_is_on_switches_it_off(
    client: Client, page: Page, anna: PortalUser
) -> None:
    rule = rule_on(anna)
    answer = save(client, page, rule=rule.pk, max_days="7")
    rule.refresh_from_db()
    assert rule.state == Rule.State.OFF
    assert "switched off" in str(answer.toast["text"])


def test_table_of_the_trial_opens_on_what_differs(
    client: Client, portal: DemoPortal, page: Page, anna: PortalUser
) -> None:
    deal_of(portal, CLARA)
    other = deal_of(portal, desk.PRIYA)
    orders = [portal.order_comes(Purchase(CLARA)) for _ in range(2)]
    portal.link(orders[0], (2, other))
    save(client, page)
    rule = Rule.objects.get()
    desk.tried(rule, 1)
    address = reverse("console-rule-trial")
    table = ask(client, page, address, {"rule": rule.pk})
    assert table.order_ids == orders[:1]
    assert shown(table, "differs") == "1"
    everything = ask(client, page, address, {"rule": rule.pk, "show": "all"})
    assert set(orders) <= set(everything.order_ids)


def test_undo_in_the_feed(client: Client, portal: DemoPortal, page: Page, anna: PortalUser) -> None:
    rule_on(anna)
    deal_of(portal, CLARA)
    order = portal.order_comes(Purchase(CLARA))
    catch_up_now(anna)
    answer = submit(client, page, reverse("console-feed-undo"), {"entry": entry(order).pk})
    assert portal.link_of(order) is None
    assert attributes(answer.text, "[data-entry-state]", "data-entry-state") == ["undone"]
    again = submit(client, page, reverse("console-feed-undo"), {"entry": entry(order).pk})
    assert again.toast["text"] == "Nothing to undo"


def test_undo_of_a_day_and_of_a_rule_goes_on_in_the_background(
    client: Client, portal: DemoPortal, page: Page, anna: PortalUser
) -> None:
    rule = rule_on(anna)
    deal_of(portal, CLARA)
    orders = [portal.order_comes(Purchase(CLARA)) for _ in range(4)]
    catch_up_now(anna)
    feed = ask(client, page, reverse("console-feed"))
    day = only(feed.text, "input[name=day]").attributes["value"]
    marked = submit(client, page, reverse("console-feed-undo"), {"day": str(day)})
    assert select(marked.text, "[data-undoing]")
    desk.undo_marked(anna)
    assert {portal.link_of(order) for order in orders} == {None}
    later = portal.order_comes(Purchase(CLARA))
    catch_up_now(anna)
    submit(client, page, reverse("console-rule-undo"), {"rule": rule.pk, "days": "1"})
    desk.undo_marked(anna)
    assert portal.link_of(later) is None


@pytest.mark.parametrize("chosen", [0, 1, None])
def test_order_that_needs_a_look(
    client: Client, portal: DemoPortal, page: Page, anna: PortalUser, chosen: int | None
) -> None:
    rule_on(anna)
    deals = [deal_of(portal, CLARA), deal_of(portal, CLARA, days_ago=1)]
    order = portal.order_comes(Purchase(CLARA))
    catch_up_now(anna)
    feed = ask(client, page, reverse("console-feed"))
    assert attributes(feed.text, "input[name=deal]", "value") == [str(deals[1]), str(deals[0])]
    form = {"entry": entry(order).pk} | (
        {"none": "on"} if chosen is None else {"deal": deals[chosen]}
    )
    submit(client, page, reverse("console-feed-choose"), form)
    if chosen is None:
        assert portal.link_of(order) is None
        assert RefusedPair.objects.filter(order_id=order).count() == 2
    else:
        assert portal.link_of(order) == (2, deals[chosen])
        assert AuditEntry.objects.get(order_id=order).through == "console"


def test_deal_that_was_not_offered_is_not_chosen(
    client: Client, portal: DemoPortal, page: Page, anna: PortalUser
) -> None:
    rule_on(anna)
    deal_of(portal, CLARA)
    deal_of(portal, CLARA)
    order = portal.order_comes(Purchase(CLARA))
    catch_up_now(anna)
    form = {"entry": entry(order).pk, "deal": "7000"}
    submit(client, page, reverse("console-feed-choose"), form)
    assert portal.link_of(order) is None


def test_search_in_the_feed(
    client: Client, portal: DemoPortal, page: Page, anna: PortalUser
) -> None:
    rule_on(anna)
    deal_of(portal, CLARA)
    order = portal.order_comes(Purchase(CLARA, number="X-77"))
    catch_up_now(anna)
    found = ask(client, page, reverse("console-feed"), {"q": "x-77"})
    assert found.order_ids == [order]
    nothing = ask(client, page, reverse("console-feed"), {"q": "<b>"})
    assert nothing.state == "no-entries"


def test_rules_are_for_administrators(
    client: Client, portal: DemoPortal, page: Page, anna: PortalUser
) -> None:
    rule = rule_on(anna)
    marias = open_main(client, portal, MARIA)
    for name in ("console-rules", "console-feed", "console-rule"):
        assert ask(client, marias, reverse(name)).response.status_code == 403
    form = {"rule": rule.pk}
    assert submit(client, marias, reverse("console-rule-switch"), form).response.status_code == 403
    rule.refresh_from_db()
    assert rule.state == Rule.State.ON


def test_second_administrator_manages_the_same_rules(
    client: Client, portal: DemoPortal, page: Page, anna: PortalUser
) -> None:
    rule = rule_on(anna)
    ninas = open_main(client, portal, NINA)
    off = submit(client, ninas, reverse("console-rule-switch"), {"rule": rule.pk})
    assert off.attribute("data-rule-state") == "off"
    entries = AuditEntry.objects.filter(kind="setting", user_id=NINA)
    assert [item.details["after"] for item in entries if item.details] == ["off"]


def test_rule_of_another_portal_is_not_there(
    client: Client, portal: DemoPortal, page: Page, anna: PortalUser
) -> None:
    other = type(anna.portal).objects.create(member_id="x", endpoint="http://x.example/rest/")
    strange = Rule.objects.create(portal=other, name="Theirs", conditions={})
    for name in ("console-rule-switch", "console-rule-try", "console-rule-arrange"):
        answer = submit(client, page, reverse(name), {"rule": strange.pk, "on": "on"})
        assert answer.response.status_code == 404
    theirs = Entry.objects.create(portal=other, rule=strange, state="linked", order_id=5)
    submit(client, page, reverse("console-feed-undo"), {"entry": theirs.pk})
    theirs.refresh_from_db()
    assert (theirs.state, Trial.objects.of(other).count()) == ("linked", 0)


def test_stage_that_is_gone_is_named(client: Client, page: Page, anna: PortalUser) -> None:
    rule = rule_on(anna)
    Rule.objects.filter(pk=rule.pk).update(conditions={**rule.conditions, "funnels": [99]})
    text = ask(client, page, reverse("console-rules")).text
    assert "99 is gone. Choose another." in text


def test_ended_access_is_said(client: Client, page: Page, anna: PortalUser) -> None:
    rule_on(anna)
    anna.portal.scan_cursor.__class__.objects.update(trouble="no_access")
    assert switching.waits_for_administrator(desk.portal_row())
    text = ask(client, page, reverse("console-rules")).text
    assert select(text, "[data-note=rules-wait]")
