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
    "cancel": _("Changes the cancellation"),
    "export": _("Will be exported"),
    "already": _("No change needed"),
    "elsewhere": _("Changed since the preview"),
    "no_order": _("Order not found"),
    "several": _("Several orders"),
    "no_card": _("Deal not found"),
    "no_right": _("No access to the deal"),
    "twice": _("Listed twice"),
    "bad": _("Not recognized"),
    "doubt": _("Ambiguous"),
}

# What follows from a verdict where nothing is done.
LEFT: Words = {
    "already": _("No change needed"),
    "elsewhere": _("Skipped: the order was moved or changed in the meantime"),
    "no_order": _("Skipped: the store has no such order"),
    "several": _("Skipped: several orders have this number; choose one of them or enter its ID"),
    "no_card": _("Skipped: there is no such deal, or you don’t have access to it"),
    "no_right": _("Skipped: you don’t have access to its current or its new deal"),
    "twice": _("Skipped: an earlier row has the same order"),
}

ITEM_REASONS: Words = {
    "already": _("No change needed"),
    "changed": _("The order was moved or changed after the preview, so the job left it alone"),
    "gone": _("The order was deleted"),
    "no_card": _("The deal no longer exists, or you don’t have access to it"),
    "denied": _("Bitrix24 rejected the change: no permission to change this order"),
    "not_saved": _("Bitrix24 couldn’t save the order; someone may be editing it"),
    "refused": _("Bitrix24 rejected the change of this order"),
    "portal": _("Bitrix24 failed three times; nothing was changed"),
    "not_agreed": _("Not moved: it is linked elsewhere"),
    "not_cancelled": _("Skipped: you did not agree to change its cancellation"),
    "cancelling_off": _(
        "Skipped: this would change its cancellation, which an administrator has not allowed in the "
        "app’s settings"
    ),
    "no_order_given": _("Skipped: no order in this row"),
    "two_readings": _(
        "Skipped: this could be order %(one)s or order %(other)s. Choose one here, or for all such rows "
        "under “Check columns”."
    ),
    "shortened": _(
        "Skipped: the spreadsheet shortened the number, and its last digits are lost. "
        "Format the column as text, enter the number again and upload the file."
    ),
    "converted_to_date": _(
        "Skipped: the spreadsheet turned this into a date. Format the column as text, "
        "enter the number again and upload the file."
    ),
    "no_result": _(
        "Skipped: the result of the formula is not stored in the file. Open the file in Excel, save it "
        "and upload it again."
    ),
    "spreadsheet_error": _("Skipped: the cell contains a spreadsheet error instead of an order"),
    "number_or_id": _(
        "Skipped: no order has this number, but order %(number)s has this ID. If these are IDs, "
        "choose that under “Check columns”."
    ),
    "number_or_id_linked": _(
        "Skipped: no order has this number, but order %(number)s, now linked to %(place)s, has this ID. "
        "If these are IDs, choose that under “Check columns”."
    ),
    "two_cards": _(
        "Skipped: another row names another deal for the same order. Choose one of them under “Check "
        "columns”."
    ),
    "other_row": _("Skipped: you chose another row of the same order"),
    "unsure_column": _(
        "Skipped: it isn’t clear which column contains the orders. Choose it under “Check columns”."
    ),
    "order_too_long": _("The order number is too long"),
    "bad_id": _("An order ID must be a whole number"),
    "bad_card": _("Enter the ID or link of a deal or invoice"),
    "other_portal": _("The link leads to another Bitrix24"),
    "no_card_given": _("No deal in this row"),
    "damaged_text": _(
        "Skipped: the cell contains a character that can’t be shown. Enter the number again and "
        "upload the file."
    ),
    "uneven_row": _(
        "Skipped: this row has more or fewer cells than the others, so its values may be in the wrong "
        "columns. Correct the separators and upload the file again."
    ),
    "crowded": _("Too much on one line: put each order on its own line"),
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
    "busy": _("Bitrix24 is limiting requests right now. The job continues automatically."),
    "queue_away": _(
        "The app’s task queue is unavailable. The job continues automatically as soon "
"as it is back."
    ),
    "limit": _(
        "The app has used up the processing time that Bitrix24 allows in 10 minutes. "
"The job continues automatically; people working in deals are not slowed down."
    ),
    "unclear": _(
        "Bitrix24 isn’t confirming your access and gives no reason. The job retries "
"automatically; an administrator can take it over."
    ),
    "doubts": _(
        "Some orders were being changed when the job was taken over. The app is "
"checking the results; this takes about a minute."
    ),
    "overload": _(
        "Bitrix24 has blocked its REST API because of too many requests. Only Bitrix24 "
"support can lift the block: ask an administrator to contact them. The app "
"checks every ten minutes, and the job continues automatically."
    ),
    "plan": _(
        "Bitrix24 allows apps only on a commercial plan or with a Market subscription, "
"and yours has neither at the moment. Ask an administrator to renew it: the "
"job continues automatically."
    ),
    "silent": _("Bitrix24 isn’t responding; the job retries automatically."),
    "renewing": _("Access to Bitrix24 is being renewed; the job continues automatically."),
    "portal_closed": _("Your Bitrix24 is closed for maintenance; the job retries automatically."),
    "settings": _(
        "The app’s own access to Bitrix24 is set up incorrectly. Only the app’s "
"operator can fix this; the job then continues automatically."
    ),
    "token": _(
        "Your access has ended. Open the app again and the job continues "
"automatically, or ask an administrator to take it over."
    ),
    "payment": _(
        "The subscription to this app has ended. Ask an administrator to renew it; "
"then open the app: the job continues automatically."
    ),
    "removed": _("The app was removed from Bitrix24; nothing more was changed. Press Resume to "
"continue."),
    "app_closed": _(
        "You don’t have access to this app. Once an administrator has granted it, open "
"the app: the job continues automatically."
    ),
    "no_read": _("You don’t have permission to view orders. An administrator can grant it; then "
"press Resume."),
    "no_write": _("You don’t have permission to change orders. An administrator can grant it; "
"then press Resume."),
    "no_right": _("You don’t have permission to do this. An administrator can grant it; then "
"press Resume."),
    "no_scope": _("A permission of the app is missing. Once an administrator has added it, press Resume."),
    "no_store": _("There is no online store in this Bitrix24."),
    "no_method": _(
        "This Bitrix24 lacks a function that the job needs; nothing more was changed."
    ),
    "failure": _("Unexpected error; nothing more was changed. Press Resume to try again."),
    "killed": _(
        "The app crashed three times while working on this job, so it won’t retry. "
"Rows without an outcome may have been changed: check them in Bitrix24."
    ),
    "empty": _("It contains no rows."),
    "too_many": _("It contains more than 100,000 rows. Split it into several parts."),
    "too_large": _("The file unpacks to far more data than a table of orders should contain."),
    "password": _("This workbook is protected with a password. Remove the password and upload it again."),
    "old_excel": _("This Excel file in the old format can’t be read. Save it as XLSX or CSV."),
    "damaged": _("This file is damaged or not a workbook. Open it in Excel, save it as XLSX and try again."),
    "picture": _("This is a picture. Upload a table: XLSX, XLS, ODS or CSV."),
    "pdf": _("This is a PDF. Upload a table: XLSX, XLS, ODS or CSV."),
    "archive": _("This is an archive. Unpack it and upload the table in it."),
    "not_excel": _("This isn’t an Excel file, despite its extension. Save it as XLSX or CSV."),
    "not_a_table": _("This is not a table. Upload XLSX, XLS, ODS or CSV."),
    "open_quote": _(
        "Row %(row)s has an opening quotation mark without a closing one, so the rows "
"after it can’t be read. Correct it and upload the file again."
    ),
    "no_order_column": _(
        "No column contains orders. Choose the right column under “Check columns”, or name it “Order "
        "number” (“Order ID” for IDs)."
    ),
    "no_card_column": _(
        "The deal is missing: choose a deal for all orders, or add a column named "
"“Deal”."
    ),
}  # fmt: skip

# Of a pasted list, which is mended line by line.
LIST_REASONS: Words = {
    "no_order_column": _("No line starts with an order number or ID."),
    "no_card_column": _(
        "No deal in line %(lines)s: enter it after the order, or choose a deal for all "
"orders."
    ),
}  # fmt: skip

# Of somebody else's job, said to an administrator.
OF_ANOTHER: Words = {
    "token": _(
        "The access of %(name)s has ended. When %(name)s opens the app again, the job "
"continues automatically. Or take it over."
    ),
    "app_closed": _(
        "%(name)s has no access to the app. Grant it in the app’s permissions; when "
"%(name)s opens the app, the job continues automatically. Or take it over."
    ),
    "unclear": _(
        "Bitrix24 isn’t confirming the access of %(name)s and gives no reason. The job "
"retries automatically. Or take it over."
    ),
    "removed": _(
        "The app was removed from Bitrix24; nothing more was changed. %(name)s can open the app and resume "
        "the job. Or take it over."
    ),
    "no_read": _("%(name)s doesn’t have permission to view orders. Grant it in the store’s "
"permissions; then press Resume."),
    "no_write": _(
        "%(name)s doesn’t have permission to change orders. Grant it in the store’s "
"permissions; then press Resume."
    ),
    "no_right": _("%(name)s doesn’t have permission to do this. Grant it; then press Resume."),
}  # fmt: skip

# What only administrators can do.
TO_ADMINISTRATORS: Words = {
    "overload": _(
        "Bitrix24 has blocked its REST API because of too many requests. Only Bitrix24 "
"support can lift the block: contact them. The app checks every ten minutes, "
"and the job continues automatically."
    ),
    "plan": _(
        "Bitrix24 allows apps only on a commercial plan or with a Market subscription, "
"and yours has neither at the moment. Renew the plan or subscription under “My "
"plan”: the job continues automatically."
    ),
    "payment": _(
        "The subscription to this app has ended. Renew it in the Market, then open the "
"app: the job continues automatically."
    ),
    "no_read": _("You don’t have permission to view orders. Grant it in the store’s "
"permissions; then press Resume."),
    "no_write": _("You don’t have permission to change orders. Grant it in the store’s "
"permissions; then press Resume."),
    "no_right": _("You don’t have permission to do this. Grant it; then press Resume."),
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
    "comment": lambda count: ngettext(
        "Comment on %(count)s order", "Comment on %(count)s orders", count
    ),
    "export": lambda count: ngettext("Export %(count)s order", "Export %(count)s orders", count),
}

# Of a preview without rows, by where they were to come from.
NOTHING: Words = {
    "card": _("No orders to process: none is linked here any more."),
    "search": _("No orders to process: the search finds none."),
    "undo": _("Nothing to undo: the change was already undone, or it is too old."),
}

# What a person should know before the start, by what the job does.
BEFORE: Words = {
    "restore": _(
        "Each order returns to its previous state, unless someone has moved or changed "
"it since. What automation has done in the meantime (messages, tasks, "
"documents) is not undone."
    ),
    "status": _(
        "The store’s automation runs for each order as if someone changed its status "
"by hand: clients may get messages, and undo doesn’t recall them."
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
