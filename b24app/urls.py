"""Every route on one screen."""

from django.conf import settings
from django.urls import URLPattern, URLResolver, include, path

from b24app import health
from b24app.events import views as events
from b24app.install import views as install
from b24app.metrics import metrics
from b24app.portals import views as portals
from b24app.tab import changes, picker
from b24app.tab import views as tab

urlpatterns: list[URLPattern | URLResolver] = [
    path("", install.main, name="main"),
    path("install/", install.installer, name="install"),
    path("install/repeat/", install.repeat, name="install-repeat"),
    path("placements/deal-tab/", tab.card_tab, name="deal-tab"),
    path("placements/invoice-tab/", tab.card_tab, name="invoice-tab"),
    path("tab/orders/", tab.orders, name="tab-orders"),
    path("tab/grid/", tab.grid, name="tab-grid"),
    path("tab/picker/", picker.picker, name="tab-picker"),
    path("tab/found/", picker.found, name="tab-found"),
    path("tab/link/", changes.link, name="tab-link"),
    path("tab/unlink/confirm/", changes.confirm_unlink, name="tab-confirm-unlink"),
    path("tab/unlink/", changes.unlink, name="tab-unlink"),
    path("tab/undo/", changes.undo, name="tab-undo"),
    path("session/renew/", portals.renew, name="session-renew"),
    path("events/", events.receive, name="events"),
    path("healthz/", health.alive, name="healthz"),
    path("readyz/", health.ready, name="readyz"),
    path("metrics/", metrics, name="metrics"),
]
if settings.OPERATOR_ADMIN:
    urlpatterns.append(path("operator/", include("b24app.operations.routes")))
