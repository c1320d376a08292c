"""Every route on one screen."""

from django.urls import path

from b24app import health
from b24app.events import views as events
from b24app.install import views as install
from b24app.portals import views as portals
from b24app.tab import views as tab

urlpatterns = [
    path("", install.main, name="main"),
    path("install/", install.installer, name="install"),
    path("oauth/connect/", install.connect, name="oauth-connect"),
    path("oauth/callback/", install.callback, name="oauth-callback"),
    path("install/repeat/", install.repeat, name="install-repeat"),
    path("placements/deal-tab/", tab.deal_tab, name="deal-tab"),
    path("tab/orders/", tab.orders, name="tab-orders"),
    path("tab/grid/", tab.grid, name="tab-grid"),
    path("tab/picker/", tab.picker, name="tab-picker"),
    path("tab/found/", tab.found, name="tab-found"),
    path("tab/link/", tab.link, name="tab-link"),
    path("tab/unlink/confirm/", tab.confirm_unlink, name="tab-confirm-unlink"),
    path("tab/unlink/", tab.unlink, name="tab-unlink"),
    path("tab/undo/", tab.undo, name="tab-undo"),
    path("session/renew/", portals.renew, name="session-renew"),
    path("events/", events.receive, name="events"),
    path("healthz/", health.alive, name="healthz"),
    path("readyz/", health.ready, name="readyz"),
]
