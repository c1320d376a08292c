"""Words of rules for templates."""

from django import template

from b24app.automation import sentences

register = template.Library()

register.filter("reason_text", sentences.reason_text)
register.filter("why_text", sentences.why_text)
register.filter("days_text", sentences.days_text)
