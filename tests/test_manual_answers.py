"""Manual answers: read with every mistake told, merged without hiding what was observed."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from spbe_audit.errors import AnswerError
from spbe_audit.finding import Assessment, ControlResult, ControlStatus, ManualAnswer
from spbe_audit.manual_answers import load_answers, with_answers
from spbe_audit.report.write import write_report
from tests.assessments import catalogue, ordinary

ANSWER = """\
answers:
  - control: {control}
    answer: sesuai
    by: Siti
    date: 2026-11-20
    reference: SOP nomor 7
"""
CONTROLS = ("bssn-4-2021:p27-a1-a", "bssn-4-2021:p27-a1-b")


def _load(tmp_path: Path, text: str) -> tuple[ManualAnswer, ...]:
    path = tmp_path / "manual-answers.yaml"
    path.write_text(text, encoding="utf-8")
    return load_answers(path, controls=CONTROLS, agencies=["dinas"])


def test_an_answer_is_read(tmp_path: Path) -> None:
    (answer,) = _load(tmp_path, ANSWER.format(control=CONTROLS[0]))
    assert answer == ManualAnswer(
        control=CONTROLS[0],
        status=ControlStatus.CONFORMING,
        by="Siti",
        date=date(2026, 11, 20),
        reference="SOP nomor 7",
    )


def test_every_mistake_is_told_with_its_place(tmp_path: Path) -> None:
    text = """\
answers:
  - {control: bssn-4-2021:p27-a1-c, answer: sesuai, by: S, date: 2026-11-20, reference: R}
  - {control: bssn-4-2021:p27-a1-a, answer: memadai, by: S, date: 2026-11-20, reference: R}
  - {control: bssn-4-2021:p27-a1-b, answer: sesuai, by: S, date: kemarin, reference: R}
  - {control: bssn-4-2021:p27-a1-b, answer: sesuai, by: S, date: 2026-11-20, referensi: R}
  - {control: bssn-4-2021:p27-a1-a, answer: sesuai, by: S, date: 2026-11-20, reference: R,
     agency: x}
"""
    with pytest.raises(AnswerError) as caught:
        _load(tmp_path, text)
    told = [(one.line, one.problem) for one in caught.value.mistakes]
    assert told == [
        (2, "no control in the scope of the policy has this id"),
        (3, 'wrong value for "answer"'),
        (4, 'wrong value for "date"'),
        (5, "this control is answered twice"),
        (5, 'unknown key "referensi"'),
        (7, "no agency of the run has this id"),
    ]


def _result(assessment: Assessment, status: ControlStatus) -> ControlResult:
    return next(one for one in assessment.controls if one.status is status)


def _answer(control: str, agency: str = "") -> ManualAnswer:
    return ManualAnswer(
        control=control,
        status=ControlStatus.CONFORMING,
        by="Siti",
        date=date(2026, 11, 20),
        reference="SOP nomor 7",
        agency=agency,
    )


def test_an_answer_gives_a_manual_control_its_status() -> None:
    assessment = ordinary()
    control = _result(assessment, ControlStatus.MANUAL).control.id
    merged = with_answers(assessment, [_answer(control)])
    (result,) = (one for one in merged.controls if one.control.id == control)
    assert result.status is ControlStatus.CONFORMING
    assert result.answer is not None
    assert merged.score == assessment.score


def test_an_answer_never_hides_what_was_observed() -> None:
    assessment = ordinary()
    observed = next(one for one in assessment.controls if one.score.failed)
    merged = with_answers(assessment, [_answer(observed.control.id)])
    (result,) = (one for one in merged.controls if one.control.id == observed.control.id)
    assert result.status is observed.status
    assert result.answer is not None


def test_the_answer_of_one_agency_speaks_for_it_alone() -> None:
    assessment = ordinary()
    control = _result(assessment, ControlStatus.MANUAL).control.id
    first, *others = assessment.agencies
    merged = with_answers(assessment, [_answer(control, first.agency.id)])
    answered = [any(one.answer for one in agency.controls) for agency in merged.agencies]
    assert answered == [True, *(False for _ in others)]
    assert not any(one.answer for one in merged.controls)


def test_the_report_marks_an_answer_as_the_auditors(tmp_path: Path) -> None:
    assessment = ordinary()
    control = _result(assessment, ControlStatus.MANUAL).control.id
    answer = replace(_answer(control), note="<b>catatan</b>")
    write_report(
        with_answers(assessment, [answer]),
        output=tmp_path,
        formats=["html"],
        language="id",
        catalogue=catalogue(),
        time_zone="Asia/Jakarta",
    )
    page = (tmp_path / "controls.html").read_text(encoding="utf-8")
    assert "jawaban auditor" in page
    assert "oleh Siti, 20 November 2026, berdasarkan: SOP nomor 7." in page
    assert "<b>catatan</b>" not in page
