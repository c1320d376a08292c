"""Jobs, their items, and the slots they are worked in.

A place of an order is written as text, ``2:7021`` (owner type, owner id) and empty for nowhere, so that
one pair of columns, ``seen`` and ``wanted``, serves links, statuses and people alike.
"""

import uuid
from collections.abc import Sequence

from django.db import models
from django.db.models.functions import Now
from django.utils import timezone

from b24app.portals.models import Portal, PortalUser


class JobQuerySet(models.QuerySet["Job"]):
    def of(self, portal: Portal) -> "JobQuerySet":
        """Jobs of one portal: tenant data is never asked for without its portal."""
        return self.filter(portal=portal)

    def visible_to(self, user: PortalUser) -> "JobQuerySet":
        """A person's own jobs; all of the portal's for its administrator, if the portal has just said so."""
        found = self.of(user.portal)
        confirmed = user.is_admin and user.unanswered is None
        return found if confirmed else found.filter(user=user)


class Job(models.Model):
    """One piece of bulk work, from its preview to its end. See :mod:`transitions` for what follows what.

    ``user`` owns it, and it runs on their token: whoever asked for it or has taken it over.
    ``writer`` and ``writer_right`` are set while rows that the former owner has sent are still in doubt
    after that. ``change`` groups its entries in the audit trail.
    """

    class Kind(models.TextChoices):
        LINK = "link"
        UNLINK = "unlink"
        MOVE = "move"
        RESTORE = "restore"
        STATUS = "status"
        RESPONSIBLE = "responsible"
        COMMENT = "comment"
        EXPORT = "export"

    class Origin(models.TextChoices):
        CARD = "card"
        SEARCH = "search"
        LIST = "list"
        FILE = "file"
        UNDO = "undo"

    class State(models.TextChoices):
        PLANNING = "planning"
        PLANNED = "planned"
        RUNNING = "running"
        PAUSED = "paused"
        WAITING_PORTAL = "waiting_portal"
        WAITING_AUTHORIZATION = "waiting_authorization"
        STOPPING = "stopping"
        STOPPED = "stopped"
        DONE = "done"
        FAILED = "failed"

    class Right(models.TextChoices):
        OWN = "own"
        INSTALLER = "installer"

    portal = models.ForeignKey(Portal, on_delete=models.CASCADE, related_name="jobs")
    user = models.ForeignKey(PortalUser, on_delete=models.CASCADE, related_name="jobs")
    # Always the same as ``user``. Written for processes of the release before, which read it.
    acting = models.ForeignKey(PortalUser, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=11, choices=Kind.choices)
    subject = models.CharField(
        max_length=11, choices=Kind.choices, help_text="What it changes: an undo, what that job did"
    )
    origin = models.CharField(max_length=6, choices=Origin.choices)
    title = models.CharField(max_length=200, blank=True, help_text="A file's name, a search's text")
    card = models.CharField(max_length=24, blank=True, help_text="The card it was started from")
    wanted = models.TextField(
        blank=True, help_text="Card, status, person or comment for every row without its own"
    )
    undoes = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="undone_by"
    )
    change = models.UUIDField(default=uuid.uuid4)
    state = models.CharField(max_length=21, choices=State.choices, default=State.PLANNING)
    reason = models.CharField(max_length=32, blank=True, help_text="Why it waits, paused or failed")
    reference = models.CharField(
        max_length=8,
        blank=True,
        default="",
        db_default="",
        help_text="What to give to support about the reason",
    )
    right = models.CharField(max_length=9, choices=Right.choices, default=Right.OWN)
    writer = models.ForeignKey(
        PortalUser, null=True, blank=True, on_delete=models.CASCADE, related_name="+"
    )
    writer_right = models.CharField(
        max_length=9, choices=Right.choices, default=Right.OWN, db_default=Right.OWN
    )
    named = models.BooleanField(
        null=True, help_text="Whether the app may act for this person; None before the portal said"
    )
    may_move = models.BooleanField(default=False, help_text="Orders linked elsewhere are moved too")
    gathered = models.BooleanField(default=False, help_text="All of its rows are here")
    cursor = models.JSONField(default=dict, blank=True, help_text="Where gathering goes on")
    reading = models.JSONField(
        default=dict,
        blank=True,
        db_default={},
        help_text="How its file or list was read: sheet, headings, columns",
    )
    tally = models.JSONField(
        null=True, blank=True, help_text="Rows by outcome of the preview, counted at its end"
    )
    rows = models.PositiveIntegerField(default=0)
    looked = models.PositiveIntegerField(default=0, help_text="Rows previewed so far")
    total = models.PositiveIntegerField(default=0, help_text="Rows to be worked")
    done = models.PositiveIntegerField(default=0)
    skipped = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    setbacks = models.PositiveSmallIntegerField(default=0, help_text="Failed tries in a row")
    language = models.CharField(max_length=2, default="en", help_text="For the word at its end")
    told = models.BooleanField(default=False, help_text="The person has been notified of the end")
    created_at = models.DateTimeField(default=timezone.now)
    planned_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    waiting_since = models.DateTimeField(null=True, blank=True)
    again_at = models.DateTimeField(
        null=True, blank=True, help_text="When a job that waits for the portal tries again"
    )
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = JobQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["portal", "user"], name="job_of_user"),
            models.Index(fields=["state"], name="job_state"),
        ]

    def __str__(self) -> str:
        return f"job {self.pk}: {self.kind}, {self.state}"

    @property
    def handled(self) -> int:
        """Rows that have their outcome."""
        return self.done + self.skipped + self.failed

    @property
    def previewing(self) -> bool:
        """Whether its rows say what will happen, and not what has: before the start, and after a takeover."""
        return self.started_at is None or self.state in (Job.State.PLANNING, Job.State.PLANNED)

    @property
    def left_out(self) -> int:
        """Rows that are not worked: unusable, right as they are, or not agreed to; 0 before the start."""
        return self.rows - self.total if self.started_at and self.planned_at else 0


TO_CARD = frozenset({Job.Kind.LINK, Job.Kind.MOVE})
"""Kinds whose list names a card in each row, or one for all."""

WITH_CARD = TO_CARD | {Job.Kind.UNLINK}
"""Kinds whose list may name a card in each row: where the order goes to, or where it is taken from."""


class JobSource(models.Model):
    """What a person uploaded or pasted: kept for a day, so that its columns can be chosen once more.

    Only the job's owner may see it. ``sample`` is its beginning as parsed
    (:mod:`b24app.imports.sample`), ``choice`` what the person has decided
    (:mod:`b24app.jobs.column_choice`).
    """

    job = models.OneToOneField(Job, on_delete=models.CASCADE, related_name="source")
    content = models.BinaryField()
    sample = models.JSONField(default=dict, blank=True, db_default={})
    choice = models.JSONField(default=dict, blank=True, db_default={})
    created_at = models.DateTimeField(default=timezone.now, db_default=Now())

    def __str__(self) -> str:
        return f"source of job {self.job_id}"


class RememberedColumns(models.Model):
    """What a person has chosen for the columns of files with these headings."""

    user = models.ForeignKey(PortalUser, on_delete=models.CASCADE, related_name="+")
    headings = models.CharField(max_length=64, help_text="A hash of them")
    choice = models.JSONField(default=dict)
    used_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "headings"], name="one_choice_of_columns")
        ]

    def __str__(self) -> str:
        return f"columns chosen by {self.user_id}"


class JobItemQuerySet(models.QuerySet["JobItem"]):
    def rewrite(self, items: Sequence["JobItem"], fields: Sequence[str]) -> None:
        """Store ``fields`` of rows that exist: an upsert, ten times as quick as ``bulk_update``."""
        self.bulk_create(
            items, batch_size=500, update_conflicts=True, unique_fields=["id"], update_fields=fields
        )


class JobItem(models.Model):
    """One row of a job.

    ``order_text`` is what the row's order is looked up by, ``written`` what is written in the file if that
    differs; ``wanted_text`` is the card as written. ``expected`` is where the order must
    be linked for the row to be used at all; ``seen`` is where the preview found it, and what an undo
    brings back. ``claim`` is the token of the slot that holds it.
    """

    class State(models.TextChoices):
        NEW = "new"  # not previewed yet
        LEFT = "left"  # previewed, nothing to be done
        PENDING = "pending"
        CLAIMED = "claimed"
        WRITING = "writing"  # under way; unknown if its slot is gone
        UNKNOWN = "unknown"  # to be read back
        DONE = "done"
        SKIPPED = "skipped"
        FAILED = "failed"

    class Verdict(models.TextChoices):
        LINK = "link"
        MOVE = "move"
        UNLINK = "unlink"
        CHANGE = "change"
        CANCEL = "cancel"  # cancels the order, or takes its cancellation back
        EXPORT = "export"
        ALREADY = "already"
        ELSEWHERE = "elsewhere"  # not where it was expected
        NO_ORDER = "no_order"
        SEVERAL = "several"  # the number belongs to more than one order
        NO_CARD = "no_card"
        NO_RIGHT = "no_right"
        TWICE = "twice"
        BAD = "bad"
        DOUBT = "doubt"  # can be read in two ways: not worked

    class Named(models.TextChoices):
        NUMBER = "number"
        ID = "id"

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="items")
    row = models.PositiveIntegerField(help_text="Line of the file, or position")
    order_text = models.CharField(max_length=64, blank=True)
    written = models.CharField(max_length=200, blank=True, default="", db_default="")
    wanted_text = models.CharField(max_length=64, blank=True)
    notes = models.JSONField(
        default=list, blank=True, db_default=[], help_text="How the row was read"
    )
    named = models.CharField(max_length=6, choices=Named.choices, default=Named.ID)
    order_id = models.PositiveBigIntegerField(default=0)
    order_number = models.CharField(max_length=64, blank=True)
    expected = models.TextField(null=True, blank=True)
    seen = models.TextField(blank=True)
    wanted = models.TextField(blank=True)
    card_title = models.CharField(max_length=100, blank=True)
    undoes = models.PositiveBigIntegerField(null=True, blank=True, help_text="An audit entry")
    verdict = models.CharField(max_length=9, choices=Verdict.choices, blank=True)
    state = models.CharField(max_length=7, choices=State.choices, default=State.NEW)
    reason = models.CharField(max_length=32, blank=True)
    detail = models.CharField(
        max_length=200,
        blank=True,
        help_text="A place, the portal's text, or the order that was meant",
    )
    options = models.JSONField(
        null=True, blank=True, help_text="Ways to read the row, and the one the person has chosen"
    )
    data = models.JSONField(null=True, blank=True, help_text="What an export has read")
    attempts = models.PositiveSmallIntegerField(
        default=0, help_text="Writes sent whose outcome nobody heard"
    )
    claim = models.UUIDField(null=True, blank=True)
    at = models.DateTimeField(
        null=True, blank=True, help_text="When it got its outcome, or its writing began"
    )

    objects = JobItemQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["job", "row"], name="one_item_per_row")]
        indexes = [
            models.Index(fields=["job", "state", "id"], name="item_state"),
            models.Index(fields=["job", "verdict", "row"], name="item_verdict"),
            models.Index(fields=["job", "order_id"], name="item_order"),
            models.Index(fields=["job", "at"], name="item_at"),
        ]

    def __str__(self) -> str:
        return f"row {self.row} of job {self.job_id}: {self.verdict}, {self.state}"


class JobName(models.Model):
    """What the people who look at a job's rows call a place, a status or a person in them."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="names")
    value = models.CharField(max_length=64, help_text="As in the rows' seen and wanted")
    name = models.CharField(max_length=100)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["job", "value"], name="one_name_each")]

    def __str__(self) -> str:
        return f"{self.value} of job {self.job_id}"


class JobLane(models.Model):
    """A worker slot of a job: the slice that has leased it, and when its next slice is due.

    A message in the queue names the slot and its ``ticket``; a message with an older ticket is void.
    """

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="lanes")
    number = models.PositiveSmallIntegerField()
    ticket = models.PositiveIntegerField(default=0)
    due_at = models.DateTimeField(default=timezone.now)
    token = models.UUIDField(null=True, blank=True)
    task = models.CharField(max_length=64, blank=True)
    leased_until = models.DateTimeField(null=True, blank=True)
    deaths = models.PositiveSmallIntegerField(
        default=0, db_default=0, help_text="Slices in a row whose worker was killed"
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=["job", "number"], name="one_lane_each")]
        indexes = [models.Index(fields=["due_at"], name="lane_due")]

    def __str__(self) -> str:
        return f"lane {self.number} of job {self.job_id}"
