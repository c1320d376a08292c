from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_delete


class JournalConfig(AppConfig):
    name = "b24app.journal"
    label = "journal"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # Models, and modules that import them, can be imported only now.
        from b24app.journal import calls  # noqa: PLC0415
        from b24app.portals import call_listener  # noqa: PLC0415
        from b24app.portals.models import Portal  # noqa: PLC0415

        def forget(instance: Portal, **_: Any) -> None:
            calls.forget(instance.pk)

        call_listener.observe(calls.collect)
        post_delete.connect(forget, sender=Portal, weak=False, dispatch_uid="journal.forget")
