"""Every verdict, state and reason in people's words. Codes are stored, words are chosen when shown."""

from collections.abc import Callable, Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from b24app.portals.templatetags.shown import whole

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
    "doubt": _("Can be read in two ways"),
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
    "gone": _("The order was deleted"),
    "no_card": _("The deal does not exist any more, or you may not open it"),
    "denied": _("Bitrix24 refused: no right to change this order"),
    "not_saved": _("Bitrix24 could not save the order; somebody may be editing it"),
    "refused": _("Bitrix24 refused this order"),
    "portal": _("Bitrix24 failed three times; nothing was changed"),
    "not_agreed": _("Left where it is: it is linked elsewhere"),
    "no_order_given": _("Skipped: the row names no order"),
    "two_readings": _(
        "Skipped: it can be order %(one)s or order %(other)s. Choose one under “Check columns”."
    ),
    "shortened": _(
        "Skipped: the spreadsheet has shortened the number, and its last digits are lost. Format the "
        "column as text, enter the number again and upload the file."
    ),
    "converted_to_date": _(
        "Skipped: the spreadsheet has turned this into a date. Format the column as text, enter the "
        "number again and upload the file."
    ),
    "no_result": _(
        "Skipped: the result of the formula is not stored in the file. Open the file in Excel, save it "
        "and upload it again."
    ),
    "spreadsheet_error": _(
        "Skipped: the cell shows an error of the spreadsheet instead of an order"
    ),
    "number_or_id": _(
        "Skipped: no order has this number, but it is the ID of order %(number)s. If you mean the ID, "
        "choose that under “Check columns”."
    ),
    "number_or_id_linked": _(
        "Skipped: no order has this number, but it is the ID of order %(number)s, now linked to "
        "%(place)s. If you mean the ID, choose that under “Check columns”."
    ),
    "two_cards": _(
        "Skipped: another row names another deal for the same order. Choose one of them under “Check "
        "columns”."
    ),
    "other_row": _("Skipped: you chose another row of the same order"),
    "unsure_column": _(
        "Skipped: it is not certain which column holds the orders. Choose it under “Check columns”."
    ),
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
    "busy": _("Bitrix24 allows no more requests at the moment. The job continues by itself."),
    "queue_away": _(
        "The app’s own task queue is not available. The job continues automatically within seconds of "
        "its return."
    ),
    "limit": _(
        "The time that Bitrix24 gives an app in 10 minutes is used up. The job continues by itself; "
        "people in deals are not slowed down."
    ),
    "unclear": _(
        "Bitrix24 does not confirm your access and does not say why. The job tries again by itself; an "
        "administrator can take it over."
    ),
    "doubts": _(
        "Some orders were being changed when the job was taken over. First it is checked what became of "
        "them; this takes about a minute."
    ),
    "overload": _(
        "Bitrix24 has blocked its REST API because of too many requests. Only Bitrix24 support can lift "
        "the block: ask an administrator to contact them. The app checks every ten minutes, and the job "
        "goes on by itself."
    ),
    "plan": _(
        "Bitrix24 allows apps only on a commercial plan or with a Market subscription, and yours has "
        "neither at the moment. Ask an administrator to renew it: the job goes on by itself."
    ),
    "silent": _("Bitrix24 does not answer; the job tries again by itself."),
    "renewing": _("Access to Bitrix24 is being renewed; the job goes on by itself."),
    "portal_closed": _("Your Bitrix24 is closed for maintenance; the job tries again by itself."),
    "settings": _(
        "The app’s own access to Bitrix24 is not set up right. Only its operator can mend that; the "
        "job then goes on by itself."
    ),
    "token": _(
        "Your access has ended. Open the app once more and the job continues by itself, or ask an "
        "administrator to take it over."
    ),
    "payment": _(
        "The subscription to this app has ended. Ask an administrator to renew it; then open the app: "
        "the job goes on by itself."
    ),
    "removed": _("The app was removed from Bitrix24; nothing more was changed. Press Resume to go on."),
    "app_closed": _(
        "You don’t have access to this app. Once an administrator has granted it, open the app: the job "
        "continues by itself."
    ),
    "no_read": _("You have no right to read orders. An administrator can grant it; then press Resume."),
    "no_write": _("You have no right to change orders. An administrator can grant it; then press Resume."),
    "no_right": _("Your rights are not enough for this. An administrator can grant them; then press Resume."),
    "no_scope": _("A permission of the app is missing. Once an administrator has added it, press Resume."),
    "no_store": _("There is no online store in this Bitrix24."),
    "no_method": _(
        "Bitrix24 does not offer a function here that this job needs; nothing more was changed."
    ),
    "failure": _("Something nobody foresaw; nothing more was changed. Press Resume to try again."),
    "killed": _(
        "The program broke down three times while it worked on this job, so the job is not tried again. "
        "Rows without an outcome may have been changed: check them in Bitrix24."
    ),
    "empty": _("There are no rows in it."),
    "too_many": _("There are more than 100,000 rows. Split it into several."),
    "too_large": _("The file unpacks to far more than a table of orders."),
    "password": _("This workbook is protected with a password. Remove the password and upload it again."),
    "old_excel": _("This Excel file in the old format can’t be read. Save it as XLSX or CSV."),
    "damaged": _("This file is damaged or not a workbook. Open it in Excel, save it as XLSX and try again."),
    "picture": _("This is a picture. Upload a table: XLSX, XLS, ODS or CSV."),
    "pdf": _("This is a PDF. Upload a table: XLSX, XLS, ODS or CSV."),
    "archive": _("This is an archive. Unpack it and upload the table in it."),
    "not_excel": _("This is not an Excel file, although its name says so. Save it as XLSX or CSV."),
    "not_a_table": _("This is not a table. Upload XLSX, XLS, ODS or CSV."),
    "open_quote": _(
        "Row %(row)s opens a quotation mark that is never closed, so the rows after it can’t be read. "
        "Correct it and upload the file again."
    ),
    "no_order_column": _(
        "No column holds orders. Choose the right one under “Check columns”, or head it “Order number” "
        "(“Order ID” for IDs)."
    ),
    "no_card_column": _(
        "Nothing says which deal the orders go to: choose one for all of them, or add a column headed "
        "“Deal”."
    ),
}  # fmt: skip

# Of a pasted list, which is mended line by line.
LIST_REASONS: Words = {
    "no_order_column": _("No line begins with an order’s number or ID."),
    "no_card_column": _(
        "No deal stands in line %(lines)s: write it after the order, or name one deal for all orders."
    ),
}  # fmt: skip

# Of somebody else's job, said to an administrator.
OF_ANOTHER: Words = {
    "token": _(
        "The access of %(name)s has ended. When %(name)s opens the app again, the job continues by itself. "
        "Or take it over."
    ),
    "app_closed": _(
        "%(name)s has no access to the app. Grant it in the app’s permissions; when %(name)s opens the app, "
        "the job continues by itself. Or take it over."
    ),
    "unclear": _(
        "Bitrix24 does not confirm the access of %(name)s and does not say why. The job tries again by "
        "itself. Or take it over."
    ),
    "removed": _(
        "The app was removed from Bitrix24; nothing more was changed. %(name)s can open the app and resume "
        "the job. Or take it over."
    ),
    "no_read": _("%(name)s has no right to read orders. Grant it in the store’s rights; then press Resume."),
    "no_write": _(
        "%(name)s has no right to change orders. Grant it in the store’s rights; then press Resume."
    ),
    "no_right": _("The rights of %(name)s are not enough for this. Grant them; then press Resume."),
}  # fmt: skip

# What only administrators can do.
TO_ADMINISTRATORS: Words = {
    "overload": _(
        "Bitrix24 has blocked its REST API because of too many requests. Only Bitrix24 support can lift "
        "the block: contact them. The app checks every ten minutes, and the job goes on by itself."
    ),
    "plan": _(
        "Bitrix24 allows apps only on a commercial plan or with a Market subscription, and yours has "
        "neither at the moment. Renew the plan or subscription under “My plan”: the job goes on by itself."
    ),
    "payment": _(
        "The subscription to this app has ended. Renew it in the Market, then open the app: the job "
        "goes on by itself."
    ),
    "no_read": _("You have no right to read orders. Grant it in the store’s rights; then press Resume."),
    "no_write": _("You have no right to change orders. Grant it in the store’s rights; then press Resume."),
    "no_right": _("Your rights are not enough for this. Grant them; then press Resume."),
    "no_scope": _(
        "A permission of the app is missing. Add it in the application’s card; then press Resume."
    ),
}  # fmt: skip

LINK_AND_MOVE = "link_and_move"

_STARTS: Mapping[str, Callable[[int], str]] = {
    "link": lambda count: ngettext("Link %(count)s order", "Link %(count)s orders", count),
    "unlink": lambda count: ngettext("Unlink %(count)s order", "Unlink %(count)s orders", count),
    "move": lambda count: ngettext("Move %(count)s order", "Move %(count)s orders", count),
    LINK_AND_MOVE: lambda count: ngettext(
        "Link and move %(count)s order", "Link and move %(count)s orders", count
    ),
    "restore": lambda count: ngettext(
        "Put back %(count)s order", "Put back %(count)s orders", count
    ),
    "status": lambda count: ngettext(
        "Change the status of %(count)s order", "Change the status of %(count)s orders", count
    ),
    "responsible": lambda count: ngettext(
        "Reassign %(count)s order", "Reassign %(count)s orders", count
    ),
    "export": lambda count: ngettext("Export %(count)s order", "Export %(count)s orders", count),
}

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


def started(what: str, count: int) -> str:
    """What Start does, on its button: the kind of a job, or :data:`LINK_AND_MOVE`."""
    return _STARTS[what](count) % {"count": whole(count)}


def state(code: str, reason: str) -> str:
    """A job's state in words; a wait for our own queue is not one for Bitrix24."""
    return str(WAITING_FOR_QUEUE) if reason == QUEUE_AWAY else words(STATES, code)


def unreadable(reason: str, facts: Mapping[str, object]) -> str:
    """Why a file or a list is refused as a whole, in a sentence."""
    return words(JOB_REASONS, reason) % facts if facts else words(JOB_REASONS, reason)


def words(known: Words, code: str) -> str:
    """The words for a code; the code itself for one that nobody has put into words."""
    return str(known.get(code, code))
