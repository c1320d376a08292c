"""A job belongs to the person whose access it uses.

A job that had gone on with an administrator's access becomes that administrator's, so that nobody else
downloads what it has read. What of it is unfinished stops: they resume it, or leave it. The installer's
token is kept for links only.
"""

from typing import Any

from django.db import migrations
from django.db.models import F, Q
from django.utils import timezone

AT_REST = ["planned", "stopped", "done", "failed"]
LINKS = ["link", "unlink", "move"]


def hand_over(apps: Any, schema_editor: Any) -> None:
    jobs = apps.get_model("jobs", "Job").objects
    used = jobs.filter(~Q(user=F("acting")))
    stopped = {"state": "stopped", "reason": "", "ended_at": timezone.now()}
    used.exclude(state__in=AT_REST).update(**stopped)
    used.update(user=F("acting"))
    jobs.filter(right="installer").exclude(subject__in=LINKS).update(right="own")


class Migration(migrations.Migration):
    dependencies = [("jobs", "0005_writer_and_next_try")]

    operations = [migrations.RunPython(hand_over, migrations.RunPython.noop)]
