"""Every route on one screen."""

from django.conf import settings
from django.urls import URLPattern, URLResolver, include, path

from b24app import health, legal, root
from b24app.console import audit_pages, feed_pages, link_pages, rule_pages, support
from b24app.console import views as console
from b24app.events import views as events
from b24app.install import views as install
from b24app.jobs import views as jobs
from b24app.metrics import metrics
from b24app.tab import (
    change_views,
    deal_amount,
    history,
    order_card,
    picker,
    session_renewal,
    status_changes,
    suggestions,
)
from b24app.tab import views as tab

urlpatterns: list[URLPattern | URLResolver] = [
    # First, because bursts of events are the most frequent requests.
    path("events/", events.receive, name="events"),
    path("", root.main, name="main"),
    path("install/", install.installer, name="install"),
    path("oauth/connect/", install.connect, name="oauth-connect"),
    path("oauth/callback/", install.callback, name="oauth-callback"),
    path("install/repeat/", install.repeat, name="install-repeat"),
    path("placements/deal-tab/", tab.card_tab, name="deal-tab"),
    path("placements/invoice-tab/", tab.card_tab, name="invoice-tab"),
    path("placements/deal-list-menu/", tab.card_tab, name="deal-list-menu"),
    path("placements/deal-list-toolbar/", console.toolbar, name="deal-list-toolbar"),
    path("placements/order-tab/", order_card.order_tab, name="order-tab"),
    path("tab/orders/", tab.orders, name="tab-orders"),
    path("tab/grid/", tab.grid, name="tab-grid"),
    path("tab/details/", tab.order_details, name="tab-details"),
    path("tab/news/", tab.news, name="tab-news"),
    path("tab/export/", tab.export, name="tab-export"),
    path("tab/columns/", tab.hide_columns, name="tab-columns"),
    path("tab/picker/", picker.picker, name="tab-picker"),
    path("tab/found/", picker.found, name="tab-found"),
    path("tab/suggestions/", suggestions.suggestions, name="tab-suggestions"),
    path("tab/suggestions/dismiss/", suggestions.dismiss, name="tab-suggestions-dismiss"),
    path("tab/suggestions/restore/", suggestions.restore, name="tab-suggestions-restore"),
    path("tab/link/", change_views.link, name="tab-link"),
    path("tab/unlink/confirm/", change_views.confirm_unlink, name="tab-confirm-unlink"),
    path("tab/unlink/", change_views.unlink, name="tab-unlink"),
    path("tab/move/confirm/", change_views.confirm_move, name="tab-confirm-move"),
    path("tab/move/", change_views.move, name="tab-move"),
    path("tab/status/confirm/", status_changes.confirm, name="tab-confirm-status"),
    path("tab/status/", status_changes.change, name="tab-status"),
    path("tab/amount/confirm/", deal_amount.confirm, name="tab-confirm-amount"),
    path("tab/amount/", deal_amount.change, name="tab-amount"),
    path("tab/history/", history.history, name="tab-history"),
    path("tab/undo/", change_views.undo, name="tab-undo"),
    path("console/overview/", console.overview, name="console-overview"),
    path("console/rebind/", console.rebind, name="console-rebind"),
    path("console/carry-on/", console.carry_on, name="console-carry-on"),
    path("console/links/", link_pages.links, name="console-links"),
    path("console/links/without-deal/", link_pages.without_deal, name="console-without"),
    path("console/links/without-owner/", link_pages.without_owner, name="console-gone"),
    path("console/links/export/", link_pages.export, name="console-links-export"),
    path("console/rules/", rule_pages.rules, name="console-rules"),
    path("console/rules/edit/", rule_pages.rule, name="console-rule"),
    path("console/rules/save/", rule_pages.save, name="console-rule-save"),
    path("console/rules/try/", rule_pages.try_out, name="console-rule-try"),
    path("console/rules/trial/", rule_pages.trial, name="console-rule-trial"),
    path("console/rules/switch/", rule_pages.switch, name="console-rule-switch"),
    path("console/rules/arrange/", rule_pages.arrange, name="console-rule-arrange"),
    path("console/rules/undo/", rule_pages.undo, name="console-rule-undo"),
    path("console/feed/", feed_pages.feed, name="console-feed"),
    path("console/feed/undo/", feed_pages.undo, name="console-feed-undo"),
    path("console/feed/choose/", feed_pages.choose, name="console-feed-choose"),
    path("console/jobs/", console.jobs, name="console-jobs"),
    path("console/audit/", audit_pages.trail, name="console-audit"),
    path("console/audit/export/", audit_pages.export, name="console-audit-export"),
    path("console/support/", support.journal, name="console-support"),
    path("console/support/bundle/", support.take, name="console-bundle"),
    path("console/settings/", console.settings, name="console-settings"),
    path("console/settings/save/", console.save, name="console-settings-save"),
    path("order/place/", order_card.place, name="order-place"),
    path("order/link/confirm/", order_card.confirm, name="order-confirm-link"),
    path("order/link/", order_card.link, name="order-link"),
    path("order/unlink/", order_card.unlink, name="order-unlink"),
    path("order/undo/", order_card.undo, name="order-undo"),
    path("jobs/", jobs.index, name="jobs"),
    path("jobs/of-card/", jobs.of_card, name="jobs-of-card"),
    path("jobs/template/", jobs.template, name="jobs-template"),
    path("jobs/new/", jobs.new, name="jobs-new"),
    path("jobs/<int:pk>/", jobs.job, name="job"),
    path("jobs/<int:pk>/columns/", jobs.columns, name="job-columns"),
    path("jobs/<int:pk>/live/", jobs.live, name="job-live"),
    path("jobs/<int:pk>/rows/", jobs.lines, name="job-rows"),
    path("jobs/<int:pk>/table/", jobs.table, name="job-table"),
    path("jobs/<int:pk>/start/", jobs.start, name="job-start"),
    path("jobs/<int:pk>/stop/", jobs.stop, name="job-stop"),
    path("jobs/<int:pk>/resume/", jobs.resume, name="job-resume"),
    path("jobs/<int:pk>/take-over/confirm/", jobs.confirm_take_over, name="job-confirm-take-over"),
    path("jobs/<int:pk>/take-over/", jobs.take_over, name="job-take-over"),
    path("jobs/<int:pk>/retry/", jobs.retry, name="job-retry"),
    path("jobs/<int:pk>/discard/", jobs.discard, name="job-discard"),
    path("jobs/<int:pk>/undo/", jobs.undo, name="job-undo"),
    path("session/renew/", session_renewal.renew, name="session-renew"),
    path("legal/licence/", legal.licence, name="legal-licence"),
    path("legal/privacy/", legal.privacy, name="legal-privacy"),
    path("healthz/", health.alive, name="healthz"),
    path("readyz/", health.ready, name="readyz"),
    path("readyz/all/", health.all_well, name="readyz-all"),
    path("metrics/", metrics, name="metrics"),
]
handler400 = handler403 = "b24app.web.server_errors.unreadable"
handler404 = "b24app.root.nowhere"
handler500 = "b24app.web.server_errors.unexpected"

if settings.OPERATOR_ADMIN:
    urlpatterns.append(path("operator/", include("b24app.operations.routes")))
