"""One list says which columns the grid has; templates, styles, sorts and the export follow it."""

import csv
import io
import re
from collections import Counter

import pytest
from django.conf import settings
from django.template.loader import get_template
from django.test import Client

from b24app.orders.filtering import Sort
from b24app.tab.grid_columns import COLUMNS, FIELDS, HIDEABLE, SORTS, SPAN, Column
from demo.server import DemoPortal
from testing.markup import attribute, attributes, html_of, select
from testing.opening import Page, open_tab, submit

STYLES = settings.BASE_DIR / "static" / "src" / "css"

each = pytest.mark.parametrize("column", COLUMNS, ids=[column.name for column in COLUMNS])


def test_names_are_unique_and_fit_for_css_classes() -> None:
    names = [column.name for column in COLUMNS]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch("[a-z]{2,12}", name) for name in names)


@each
def test_column_has_a_cell_of_its_own_class(column: Column) -> None:
    get_template(column.template)
    source = (settings.BASE_DIR / "templates" / column.template).read_text()
    wanted = f"num {column.name}" if column.numeric else column.name
    assert attributes(f"<tr>{source}</tr>", "td[role=cell]", "class") == [wanted]


@each
def test_column_has_a_place_on_a_phone(column: Column) -> None:
    css = (STYLES / "narrow.css").read_text()
    areas = re.search(r"\.orders\.cards > tbody > tr \{[^}]*grid-template-areas: ([^;]*);", css)
    assert areas is not None
    assert column.name in areas[1].replace('"', " ").split()
    assert f".orders.cards td.{column.name} {{ grid-area: {column.name};" in css


def test_every_sort_belongs_to_one_column() -> None:
    sorts = Counter(by.sort for column in COLUMNS for by in column.sorts)
    assert sorts == Counter(sort for sort in Sort if sort is not Sort.ADDED)
    assert next(sort for sort, _ in SORTS) is Sort.ADDED


@pytest.mark.django_db
def test_page_shows_the_columns_of_the_list(office: Page) -> None:
    text = office.text
    names = [column.name for column in COLUMNS]
    heads = attributes(text, "th[class]", "class")[SPAN - len(COLUMNS) :]
    assert [head.split()[0].removeprefix("c-") for head in heads] == names
    row = html_of(select(text, "tr[data-order-id]")[0])
    cells = attributes(row, "td[role=cell]", "class")
    assert [cell.removeprefix("num ") for cell in cells][SPAN - len(COLUMNS) :] == names
    hideable = attributes(text, "[data-column]", "data-column")
    assert hideable == [column.name for column in HIDEABLE]
    assert all(f".hide-{column.name} .c-{column.name}," in text for column in HIDEABLE)
    options = select(text, "#by-sort option")
    shown = [(item.attributes["value"], item.text()) for item in options]
    assert shown == [(sort.value, str(label)) for sort, label in SORTS]
    assert f'data-span="{SPAN}"' in text


@pytest.mark.django_db
def test_only_columns_of_the_list_are_kept_as_hidden(
    client: Client, portal: DemoPortal, office: Page
) -> None:
    names = [*(column.name for column in COLUMNS), "nonsense"]
    submit(client, office, "/tab/columns/", {"hidden": names})
    page = attribute(open_tab(client, portal).text, "main.page", "class")
    assert page.split()[1:] == [f"hide-{column.name}" for column in HIDEABLE]


@pytest.mark.django_db
def test_export_has_the_fields_of_the_list(client: Client, office: Page) -> None:
    file = submit(client, office, "/tab/export/", {"format": "csv", "all": "on"}).response
    headings = next(csv.reader(io.StringIO(file.content.decode("utf-8-sig"))))
    assert headings == [str(field.heading) for field in FIELDS]
