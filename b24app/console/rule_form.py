"""The form of a rule's editor."""

from collections.abc import Iterable, Mapping

from django import forms
from django.http import QueryDict

from b24app.automation import conditions
from b24app.automation.conditions import BadConditions, Conditions, Payer, Several, Since
from b24app.automation.sentences import Names

MAX_NAME_CHARACTERS = 120


def _choices(values: Iterable[object]) -> list[tuple[str, str]]:
    return [(str(value), str(value)) for value in values]


class RuleForm(forms.Form):
    """What an administrator types; what the portal does not have cannot be chosen."""

    name = forms.CharField(max_length=MAX_NAME_CHARACTERS)
    payer = forms.ChoiceField(choices=_choices(Payer))
    source = forms.MultipleChoiceField(required=False)
    least = forms.DecimalField(required=False, min_value=0, max_digits=17, decimal_places=4)
    currency = forms.CharField(required=False, max_length=3)
    responsible = forms.MultipleChoiceField(required=False)
    who = forms.MultipleChoiceField(choices=_choices(conditions.WHO))
    funnel = forms.MultipleChoiceField(required=False)
    stage = forms.MultipleChoiceField(required=False)
    max_days = forms.IntegerField(min_value=0, max_value=conditions.MAX_DEAL_DAYS)
    since = forms.ChoiceField(choices=_choices(Since))
    wait_minutes = forms.IntegerField(min_value=0, max_value=conditions.MAX_WAIT_MINUTES)
    several = forms.ChoiceField(choices=_choices(Several))
    own_deal = forms.BooleanField(required=False)
    links_an_hour = forms.IntegerField(min_value=1, max_value=conditions.MAX_LINKS_AN_HOUR)
    undone_percent = forms.IntegerField(min_value=1, max_value=100)

    def __init__(self, form: QueryDict, names: Names) -> None:
        super().__init__(form)
        offered: Mapping[str, Iterable[object]] = {
            "source": names.sources,
            "responsible": names.people,
            "funnel": names.funnels,
            "stage": names.stages,
        }
        for name, values in offered.items():
            field = self.fields[name]
            if isinstance(field, forms.MultipleChoiceField):
                field.choices = _choices(values)

    def clean(self) -> None:
        if self.errors:
            return
        given = self.cleaned_data
        try:
            self.read = conditions.read(
                {
                    "payer": given["payer"],
                    "sources": [int(pk) for pk in given["source"]],
                    "least": str(given["least"] or 0),
                    "currency": given["currency"].upper() if given["least"] else "",
                    "responsibles": [int(pk) for pk in given["responsible"]],
                    "who": given["who"],
                    "funnels": [int(pk) for pk in given["funnel"]],
                    "stages": given["stage"],
                    "max_days": given["max_days"],
                    "since": given["since"],
                    "wait_minutes": given["wait_minutes"],
                    "several": given["several"],
                    "own_deal": given["own_deal"],
                    "links_an_hour": given["links_an_hour"],
                    "undone_percent": given["undone_percent"],
                }
            )
        except BadConditions as error:
            shown = error.field if error.field in self.fields else None
            self.add_error(shown, error.field)


def shown(conditions_: Conditions, name: str) -> dict[str, object]:
    """The values of the form for a rule as it is stored."""
    rule = conditions_
    return {
        "name": name,
        "payer": rule.payer,
        "source": [str(pk) for pk in rule.sources],
        "least": format(rule.least, "f") if rule.least else "",
        "currency": rule.currency,
        "responsible": [str(pk) for pk in rule.responsibles],
        "who": [str(reason) for reason in rule.who],
        "funnel": [str(pk) for pk in rule.funnels],
        "stage": list(rule.stages),
        "max_days": str(rule.max_days),
        "since": rule.since,
        "wait_minutes": str(rule.wait_minutes),
        "several": rule.several,
        "own_deal": rule.own_deal,
        "links_an_hour": str(rule.links_an_hour),
        "undone_percent": str(rule.undone_percent),
    }


LISTS = ("source", "responsible", "who", "funnel", "stage")


def typed(form: QueryDict) -> dict[str, object]:
    """What was typed, to be shown again."""
    found: dict[str, object] = {name: form.get(name, "") for name in form}
    return found | {name: form.getlist(name) for name in LISTS} | {"own_deal": "own_deal" in form}
