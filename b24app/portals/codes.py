"""Placement codes the app answers to (widgets/index.md)."""

DEAL_TAB = "CRM_DEAL_DETAIL_TAB"
INVOICE_TAB = "CRM_SMART_INVOICE_DETAIL_TAB"
ORDER_TAB = "CRM_ORDER_DETAIL_TAB"
DEFAULT = "DEFAULT"
