"""What people read elsewhere: comments in the timeline, notifications of the messenger."""

from collections.abc import Mapping

from demo import changes
from demo.methods.registry import Caller, Failure, Params, method, upper
from demo.php import intval
from demo.rows import INVOICE
from demo.state import State
from demo.tables import Table


def _commented(state: State, kind: str) -> Table:
    return {
        "deal": state.deals,
        "contact": state.contacts,
        "company": state.companies,
        f"dynamic_{INVOICE}": state.invoices,
        "order": state.orders,
    }.get(kind, Table())


@method("crm.timeline.comment.add", "crm")
def comment_add(caller: Caller, params: Params) -> object:
    """crm/timeline/comments/crm-timeline-comment-add.md; only ``fields`` in small letters counts."""
    fields = params.get("fields")
    given = fields if isinstance(fields, Mapping) else {}
    missing = [name for name in ("ENTITY_ID", "ENTITY_TYPE") if not given.get(name)]
    if missing:
        raise Failure(400, "100", f"Required fields: {', '.join(missing)}")
    kind, text = str(given["ENTITY_TYPE"]).lower(), str(given.get("COMMENT", ""))
    if not text.strip():
        raise Failure(400, "INVALID_ARG_VALUE", "Empty comment message")
    owner_id = intval(given["ENTITY_ID"])
    owner = _commented(caller.state, kind).get(owner_id)
    if owner is None:
        raise Failure(400, "OWNER_NOT_FOUND", "Owner of the item not found")
    allowed = (
        caller.user.sale == "write" if kind == "order" else caller.state.changes(caller.user, owner)
    )
    if not allowed:
        raise Failure(400, "ACCESS_DENIED", "Access denied")
    return changes.comment(caller.state, caller.send_event, caller.user.id, kind, owner_id, text)


def _notify(kind: str) -> None:
    @method(f"im.notify.{kind}.add", "im")
    def add(caller: Caller, params: Params) -> object:
        """A notification with the same TAG takes the place of the one before."""
        given = upper(params)
        user_id, text = intval(given.get("USER_ID", 0)), str(given.get("MESSAGE", "")).strip()
        if user_id <= 0:
            raise Failure(400, "USER_ID_EMPTY", "User ID can't be empty")
        if not text:
            raise Failure(400, "MESSAGE_EMPTY", "Message can't be empty")
        user = caller.state.users.get(user_id)
        if user is None or not user.active:
            return False
        tag = str(given.get("TAG", ""))
        return changes.notify(caller.state, kind, caller.user.id, user_id, text, tag)


_notify("personal")
_notify("system")
