"""Every verdict, state and reason in people's words. Codes are stored, words are chosen when shown."""

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Words = Mapping[str, str | Promise]

# Why a job waits while Redis or the broker is away.
QUEUE_AWAY = "queue_away"
WAITING_FOR_QUEUE = _("Waiting for the app’s queue")

VERDICTS: Words = {
    "link": _("Will be linked"),
    "move": _("Will be moved"),
    "unlink": _("Will be unlinked"),
    "change": _("Will be changed"),
    "export": _("Will be exported"),
    "already": _("Already there"),
    "elsewhere": _("Changed since"),
    "no_order": _("Order not found"),
    "several": _("Several orders"),
    "no_card": _("Deal not found"),
    "no_right": _("No right to the deal"),
    "twice": _("Listed twice"),
    "bad": _("Cannot be read"),
}

# What follows from a verdict where nothing is done.
LEFT: Words = {
    "already": _("Stays as it is"),
    "elsewhere": _("Left out: somebody has moved or changed the order since"),
    "no_order": _("Left out: the store has no such order"),
    "several": _("Left out: the number belongs to more than one order, give its ID"),
    "no_card": _("Left out: there is no such deal, or you may not open it"),
    "no_right": _("Left out: you may not open the deal it goes to or is in"),
    "twice": _("Left out: an earlier row has the same order"),
}

ITEM_REASONS: Words = {
    "already": _("It stood there already"),
    "changed": _("Somebody has moved or changed the order since the preview; it was not touched"),
    "gone": _("The order does not exist any more"),
    "no_card": _("The deal does not exist any more, or you may not open it"),
    "denied": _("Bitrix24 refused: no right to change this order"),
    "not_saved": _("Bitrix24 could not save the order; somebody may be editing it"),
    "refused": _("Bitrix24 refused this order"),
    "portal": _("Bitrix24 failed three times; nothing was changed"),
    "not_agreed": _("Left where it is: it is linked elsewhere"),
    "no_order_given": _("The row names no order"),
    "order_too_long": _("The order’s number is too long"),
    "bad_id": _("An order’s ID is a whole number"),
    "bad_card": _("The deal is neither an ID nor a link to a deal or an invoice"),
    "other_portal": _("The link leads to another Bitrix24"),
    "no_card_given": _("The row names no deal"),
    "crowded": _("Too much on one line: write each order on a line of its own"),
}

STATES: Words = {
    "planning": _("Preparing the preview"),
    "planned": _("Preview"),
    "running": _("Running"),
    "paused": _("Paused"),
    "waiting_portal": _("Waiting for Bitrix24"),
    "waiting_authorization": _("Waiting for access"),
    "stopping": _("Stopping"),
    "stopped": _("Stopped"),
    "done": _("Done"),
    "failed": _("Failed"),
}

JOB_REASONS: Words = {
    "busy": _("Bitrix24 is asked as often as it allows; the job goes on by itself."),
    "queue_away": _(
        "The app’s own task queue is not available. The job continues automatically within seconds of "
        "its return."
    ),
    "limit": _(
        "Bitrix24 gives an app only so much working time in ten minutes, and it is used up; the job "
        "goes on by itself."
    ),
    "overload": _("Bitrix24 has blocked the app for too many calls; the job tries again by itself."),
    "silent": _("Bitrix24 does not answer; the job tries again by itself."),
    "renewing": _("Access to Bitrix24 is being renewed; the job goes on by itself."),
    "portal_closed": _("Your Bitrix24 is closed at the moment; the job tries again by itself."),
    "settings": _(
        "The app’s own access to Bitrix24 is not set up right. Only its operator can mend that; the "
        "job then goes on by itself."
    ),
    "token": _("Open the app once more, or let an administrator open it: the job goes on by itself."),
    "payment": _(
        "The subscription has ended. Ask an administrator to renew it; then open the app: the job "
        "goes on by itself."
    ),
    "removed": _("The app was removed from Bitrix24; nothing more was changed. Press Resume to go on."),
    "app_closed": _("An administrator has closed the app to you. Open it once you may: the job goes on."),
    "no_read": _("You have no right to read orders. An administrator can grant it; then press Resume."),
    "no_write": _("You have no right to change orders. An administrator can grant it; then press Resume."),
    "no_right": _("Your rights are not enough for this. An administrator can grant them; then press Resume."),
    "no_scope": _("A permission of the app is missing. Once an administrator has added it, press Resume."),
    "no_store": _("There is no online store in this Bitrix24."),
    "no_method": _(
        "Bitrix24 does not offer a function here that this job needs; nothing more was changed."
    ),
    "failure": _("Something nobody foresaw; nothing more was changed. Press Resume to try again."),
    "empty": _("There are no rows in it."),
    "too_many": _("There are more than 100,000 rows. Split it into several."),
    "too_large": _("The file unpacks to far more than a table of orders."),
    "old_excel": _("This is an Excel file in the old format. Save it as XLSX or CSV."),
    "not_excel": _("This is not an Excel file, although its name says so. Save it as XLSX or CSV."),
    "not_a_table": _("This is neither CSV nor XLSX."),
    "no_order_column": _("No column is headed Order, Number or ID."),
    "no_card_column": _(
        "Nothing says which deal the orders go to: name one for all of them, or give a column headed "
        "Deal."
    ),
}  # fmt: skip

# Of a pasted list, which is mended line by line.
LIST_REASONS: Words = {
    "no_order_column": _("No line begins with an order’s number or ID."),
    "no_card_column": _(
        "No deal stands in line %(lines)s: write it after the order, or name one deal for all orders."
    ),
}  # fmt: skip

# Of a job that runs on somebody else's access, said to an administrator.
OF_ANOTHER: Words = {
    "token": _(
        "%(name)s has to open the app once more: the job then goes on by itself. Or let it go on "
        "with your rights: Resume."
    ),
    "app_closed": _(
        "The app is closed to %(name)s. Open it to them in the app’s rights, or let the job go on "
        "with your rights: Resume."
    ),
    "no_read": _("%(name)s has no right to read orders. Grant it in the store’s rights; then press Resume."),
    "no_write": _(
        "%(name)s has no right to change orders. Grant it in the store’s rights; then press Resume."
    ),
    "no_right": _("The rights of %(name)s are not enough for this. Grant them; then press Resume."),
}  # fmt: skip

# What only administrators can do.
TO_ADMINISTRATORS: Words = {
    "payment": _(
        "The subscription has ended. Renew it in the Market, then open the app: the job goes on by "
        "itself."
    ),
    "no_read": _("You have no right to read orders. Grant it in the store’s rights; then press Resume."),
    "no_write": _("You have no right to change orders. Grant it in the store’s rights; then press Resume."),
    "no_right": _("Your rights are not enough for this. Grant them; then press Resume."),
    "no_scope": _(
        "A permission of the app is missing. Add it in the application’s card; then press Resume."
    ),
}  # fmt: skip

# Of a preview without rows, by where they were to come from.
NOTHING: Words = {
    "card": _("There is nothing to do: no order is linked here any more."),
    "search": _("There is nothing to do: the search finds no order."),
    "undo": _("There is nothing to take back: it has been undone already, or was too long ago."),
}

# What a person should know before the start, by what the job does.
BEFORE: Words = {
    "restore": _(
        "Each order goes back to where it was, unless somebody has moved or changed it since. What "
        "automation has done meanwhile (messages, tasks, documents) stays done."
    ),
    "status": _(
        "The store’s automation runs for each order as if its status were changed by hand: customers "
        "may get messages, and an undo does not take those back."
    ),
}  # fmt: skip


def state(code: str, reason: str) -> str:
    """A job's state in words; a wait for our own queue is not one for Bitrix24."""
    return str(WAITING_FOR_QUEUE) if reason == QUEUE_AWAY else words(STATES, code)


def words(known: Words, code: str) -> str:
    """The words for a code; the code itself for one that nobody has put into words."""
    return str(known.get(code, code))
