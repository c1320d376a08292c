"""Placement codes the app answers to (widgets/index.md)."""

DEAL_TAB = "CRM_DEAL_DETAIL_TAB"
DEFAULT = "DEFAULT"
