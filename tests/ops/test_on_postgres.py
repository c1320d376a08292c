"""Whatever the two databases do differently is run on both."""

import pytest

from tests import on_postgres


def test_each_module_with_statements_of_its_own_has_a_run_on_postgres() -> None:
    assert set(on_postgres.differing_modules()) == set(on_postgres.TESTS)


@pytest.mark.parametrize(
    "path", sorted({text for each in on_postgres.TESTS.values() for text in each})
)
def test_tests_named_for_postgres_exist_and_use_the_database(path: str) -> None:
    assert "django_db" in (on_postgres.ROOT / path).read_text("utf-8")


def test_walk_over_every_view_exists() -> None:
    path, _, name = on_postgres.EVERY_VIEW.partition("::")
    assert f"def {name}(" in (on_postgres.ROOT / path).read_text("utf-8")
