"""Documents name only files, commands and tests that exist."""

import ast
import re
import shlex
from pathlib import Path

import pytest
from django.core.management import get_commands, load_command_class

from b24app import metrics
from testing.processes import ROOT

pytestmark = pytest.mark.bare

DOCUMENTS = [
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
    ROOT / "demo" / "README.md",
]
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))


def anchors(path: Path) -> set[str]:
    """A file's headings as links name them."""
    headings = re.findall(r"^#+ (.*)$", path.read_text("utf-8"), re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {text.replace(" ", "-") for text in plain}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)\s]+)\)", document.read_text("utf-8")):
        name, _, anchor = target.partition("#")
        path = (document.parent / name).resolve() if name else document
        assert path.exists(), target
        assert not anchor or anchor in anchors(path), target


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_and_file_named_exists(document: Path) -> None:
    text = document.read_text("utf-8")
    commands = set(re.findall(r"manage\.py (\w+)", text)) - {"COMMAND"}
    assert commands <= set(get_commands()) | {"createsuperuser"}
    named = re.findall(r"`((?:b24app|tests|tools|deploy|docs|demo|bench)/[\w/*-][\w/.*-]*)`", text)
    assert [item for item in named if not list(ROOT.glob(item.rstrip("/")))] == []


OURS = ("doctor", "portals", "support_bundle", "rotate_token_keys")


def test_documented_commands_are_accepted() -> None:
    """As typed: its arguments are read by the command's own parser, which ends the process if it cannot."""
    text = " ".join(document.read_text("utf-8") for document in DOCUMENTS)
    quoted = re.findall(r"`([^`]+)`", re.sub(r"\s*\n\s*", " ", text.replace("```", "")))
    understood = set()
    for item in (found.strip("… ") for found in quoted):
        words = re.sub(r"^.*?(?:manage\.py|run --rm -T manage|… manage) ", "", item)
        if words.split(" ")[0] not in OURS:
            continue
        name, *rest = shlex.split(words.replace("[", "").replace("]", "").partition(" > ")[0])
        if len(rest) == 1:  # the action alone, in the middle of a sentence
            rest += {"erase": ["MEMBER_ID"], "rebind": ["MEMBER_ID"]}.get(rest[0], [])
        parser = load_command_class(get_commands()[name], name).create_parser("", name)
        assert parser.parse_args(rest), item
        understood.add(name)
    assert understood == set(OURS)


def test_every_make_target_documented_exists() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for document in DOCUMENTS:
        for target in re.findall(r"`make ([a-z-]+)", document.read_text("utf-8")):
            assert re.search(rf"^{target}:", makefile, re.MULTILINE), (document.name, target)


def defined_in(path: Path) -> set[str]:
    tree = ast.parse(path.read_text("utf-8"))
    return {item.name for item in tree.body if isinstance(item, ast.FunctionDef)}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_test_named_exists(document: Path) -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", document.read_text("utf-8"))
    assert [item for item in named if item[1] not in defined_in(ROOT / item[0])] == []
    assert named or document.name not in ("security.md", "checklist.md")


@pytest.mark.parametrize("decision", DECISIONS, ids=lambda path: path.stem)
def test_every_decision_has_its_four_parts(decision: Path) -> None:
    text = decision.read_text("utf-8")
    assert re.match(r"# .+\n\nDate: \d{4}-\d\d-\d\d\. Status: [a-z].*\.\n", text)
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == ["Context", "Decision", "Consequences"]


def test_index_lists_every_decision_by_its_title() -> None:
    index = (ROOT / "docs" / "decisions" / "README.md").read_text("utf-8")
    listed = re.findall(r"^- \[(\d{4})\]\((\S+)\) (.*)$", index, re.MULTILINE)
    titles = {path.name: path.read_text("utf-8").partition("\n")[0] for path in DECISIONS}
    assert len(listed) == len(titles)
    assert {name: f"# {title}" for _, name, title in listed} == titles
    assert [number for number, name, _ in listed if not name.startswith(f"{number}-")] == []


def test_every_threat_names_its_test() -> None:
    text = (ROOT / "docs" / "security.md").read_text("utf-8")
    rows = re.findall(r"^\| (?!attack|---)(.*) \|$", text, re.MULTILINE)
    assert len(rows) > 40
    assert [row for row in rows if "::test_" not in row.rpartition("|")[2]] == []


def test_documented_metrics_match_the_metrics() -> None:
    text = (ROOT / "docs" / "operations.md").read_text("utf-8")
    source = Path(metrics.__file__).read_text("utf-8")
    gauges = set(re.findall(r'_gauge\(\s*"(\w+)"', source)) | set(
        re.findall(r'\{PREFIX\}(\w+)"', source)
    )
    counters = {f"{name}_total" for name in metrics.COUNTERS}
    assert set(re.findall(r"linked_orders_(\w+)", text)) == gauges | counters | set(
        metrics.HISTOGRAMS
    )
