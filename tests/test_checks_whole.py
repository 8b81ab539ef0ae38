"""Each built-in check is whole: code, words in both languages, cases, and a place in the policy."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from spbe_audit.bilingual import Bilingual
from spbe_audit.catalogue import CatalogueEntry, load_catalogue
from spbe_audit.check import Outcome, Verdict
from spbe_audit.check_texts import placeholders
from spbe_audit.policy import load_policy
from spbe_audit.testing.cases import CaseFile, load_cases, run_case

ROOT = Path(__file__).parent.parent
CASES = ROOT / "tests" / "cases"
CATALOGUE = load_catalogue()
REQUIRED = {one.check for one in load_policy("spbe", catalogue=CATALOGUE).requirements}

# Spellings that the Indonesian standard language does not have.
NOT_STANDARD = re.compile(
    r"\b(error|resiko|analisa|perlindungan|aktifitas|sistim|standarisasi|merubah|ijin|prosentase"
    r"|download|upload|website|password|online)\b",
    re.IGNORECASE,
)

each_check = pytest.mark.parametrize(
    "entry", CATALOGUE.entries, ids=[entry.check.id for entry in CATALOGUE]
)


def _case_file(entry: CatalogueEntry) -> CaseFile:
    family, name = entry.check.id.split(".")
    return load_cases(CASES / family / f"{name}.yaml")


def _texts(entry: CatalogueEntry) -> Iterator[Bilingual]:
    words = entry.texts
    yield from (words.title, words.question, words.why, words.remedy.text)
    yield from (words.passed, words.failed, *words.params.values(), *words.reasons.values())


@each_check
def test_it_stands_where_its_id_says(entry: CatalogueEntry) -> None:
    family, name = entry.check.id.split(".")
    assert (ROOT / "checks" / family / f"{name}.py").is_file()
    assert (ROOT / "checks" / family / f"{name}.yaml").is_file()
    assert entry.check.function.__module__ == f"spbe_audit.checks.{family}.{name}"


@each_check
def test_its_code_says_what_it_asks(entry: CatalogueEntry) -> None:
    module = sys.modules[entry.check.function.__module__]
    assert (module.__doc__ or "").strip().endswith("?"), "the module's docstring is the question"
    assert entry.check.function.__doc__
    assert entry.check.params_type.__doc__


@each_check
def test_its_parameters_have_defaults(entry: CatalogueEntry) -> None:
    assert entry.check.params_type()


@each_check
def test_its_words_say_the_same_in_both_languages(entry: CatalogueEntry) -> None:
    for text in _texts(entry):
        assert set(placeholders(text.id)) == set(placeholders(text.en)), text
        assert text.id != text.en or not re.search(r"[a-z]{4}", text.en), text


@each_check
def test_its_indonesian_is_standard(entry: CatalogueEntry) -> None:
    for text in _texts(entry):
        assert not NOT_STANDARD.search(text.id), text.id


@each_check
def test_it_can_be_reproduced_and_traced(entry: CatalogueEntry) -> None:
    assert entry.texts.reproduce
    assert entry.texts.references
    assert re.fullmatch(r"\d+\.\d+", entry.texts.since)


@each_check
def test_the_default_policy_asks_it(entry: CatalogueEntry) -> None:
    assert entry.check.id in REQUIRED


@each_check
def test_its_cases_show_every_verdict(entry: CatalogueEntry) -> None:
    file = _case_file(entry)
    shown = {case.verdict for case in file.cases}
    assert not shown & set(file.absent), "a verdict that has a case is not absent"
    assert shown | set(file.absent) == set(Verdict)
    names = [case.name for case in file.cases]
    assert len(names) == len(set(names))


@each_check
def test_its_reasons_have_words(entry: CatalogueEntry) -> None:
    shared = yaml.safe_load((ROOT / "report_templates" / "reasons.yaml").read_text("utf-8"))
    known = {*shared, *entry.texts.reasons}
    for case in _case_file(entry).cases:
        reason = run_case(entry.check, case).reason
        assert reason is None or reason in known, reason


@each_check
def test_its_answer_is_a_function_of_its_evidence(entry: CatalogueEntry) -> None:
    for case in _case_file(entry).cases:
        first: Outcome = run_case(entry.check, case)
        assert run_case(entry.check, case) == first


def test_every_case_file_has_its_check() -> None:
    found = {f"{path.parent.name}.{path.stem}" for path in CASES.glob("*/*.yaml")}
    assert found == set(CATALOGUE.ids)


def test_the_policy_asks_nothing_that_is_not_there() -> None:
    assert set(CATALOGUE.ids) == REQUIRED


def test_the_table_of_checks_and_verdicts_has_no_hole() -> None:
    lines = [f"{'check':36}" + "".join(f"{verdict.value:>16}" for verdict in Verdict)]
    holes = []
    for entry in CATALOGUE:
        file = _case_file(entry)
        cells = []
        for verdict in Verdict:
            count = sum(case.verdict is verdict for case in file.cases)
            cells.append(str(count) if count else "absent" if verdict in file.absent else "HOLE")
        holes += [entry.check.id] if "HOLE" in cells else []
        lines.append(f"{entry.check.id:36}" + "".join(f"{cell:>16}" for cell in cells))
    sys.stdout.write("\n".join(["", *lines, ""]))
    assert not holes
