"""The auditor's own answers for clauses that need documents or interviews, merged and marked."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from spbe_audit.errors import AnswerError, Mistake
from spbe_audit.finding import (
    AgencyAssessment,
    Assessment,
    ControlResult,
    ControlStatus,
    ManualAnswer,
)
from spbe_audit.text_file import nearest, read_text, shown
from spbe_audit.yaml_file import Positions, load_yaml

STATUS_OF = {
    "sesuai": ControlStatus.CONFORMING,
    "sesuai sebagian": ControlStatus.PARTLY_CONFORMING,
    "tidak sesuai": ControlStatus.NOT_CONFORMING,
    "tidak dapat diterapkan": ControlStatus.NOT_APPLICABLE,
}
"""The four words of an answer, and the status that each stands for."""


class _Answer(BaseModel):
    """One answer as the file holds it; without ``agency`` it speaks for every agency."""

    model_config = ConfigDict(strict=True, extra="forbid")

    control: str
    answer: Literal["sesuai", "sesuai sebagian", "tidak sesuai", "tidak dapat diterapkan"]
    by: str
    date: date
    reference: str
    note: str = ""
    agency: str = ""


class _Answers(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    answers: tuple[_Answer, ...]


def load_answers(
    path: Path, *, controls: Collection[str], agencies: Collection[str]
) -> tuple[ManualAnswer, ...]:
    """The answers in a file, in file order.

    ``controls`` are those in scope and ``agencies`` those of the target list. Raises AnswerError
    with every mistake: unknown controls and agencies, two answers for the same.
    """

    def inspect(data: Any, positions: Positions) -> list[Mistake]:
        return list(_misplaced(data, positions, controls, agencies))

    document = load_yaml(
        read_text(path, error=AnswerError),
        source=str(path),
        model=_Answers,
        error=AnswerError,
        inspect=inspect,
    )
    return tuple(
        ManualAnswer(
            control=one.control,
            status=STATUS_OF[one.answer],
            by=one.by,
            date=one.date,
            reference=one.reference,
            note=one.note,
            agency=one.agency,
        )
        for one in document.answers
    )


def with_answers(assessment: Assessment, answers: Sequence[ManualAnswer]) -> Assessment:
    """The assessment with each answer beside its control.

    An answer gives a status to a control that no observation speaks to. Where there are
    observations, their status stands and the answer is shown beside it: neither hides the other.
    """
    if not answers:
        return assessment
    return replace(
        assessment,
        controls=_answered(assessment.controls, [one for one in answers if not one.agency]),
        agencies=tuple(_agency(agency, answers) for agency in assessment.agencies),
    )


def _agency(agency: AgencyAssessment, answers: Sequence[ManualAnswer]) -> AgencyAssessment:
    general = [one for one in answers if not one.agency]
    own = [one for one in answers if one.agency == agency.agency.id]
    return replace(agency, controls=_answered(agency.controls, [*general, *own]))


def _answered(
    results: Iterable[ControlResult], answers: Iterable[ManualAnswer]
) -> tuple[ControlResult, ...]:
    """The results with their answers; of two for one control the last, an agency's own, counts."""
    by_control = {one.control: one for one in answers}
    return tuple(_with(result, by_control.get(result.control.id)) for result in results)


def _with(result: ControlResult, answer: ManualAnswer | None) -> ControlResult:
    if answer is None:
        return result
    unobserved = {ControlStatus.MANUAL, ControlStatus.NOT_EXAMINED, ControlStatus.NOT_TESTABLE}
    status = answer.status if result.status in unobserved else result.status
    return replace(result, status=status, answer=answer)


def _misplaced(
    data: Any, positions: Positions, controls: Collection[str], agencies: Collection[str]
) -> Iterator[Mistake]:
    entries = data.get("answers") if isinstance(data, dict) else None
    seen: dict[tuple[str, str], int] = {}
    for number, entry in enumerate(entries if isinstance(entries, list) else ()):
        if not isinstance(entry, dict):
            continue
        control, agency = str(entry.get("control", "")), str(entry.get("agency", ""))
        place = ("answers", number)
        if control and control not in controls:
            yield positions.mistake(
                (*place, "control"),
                "no control in the scope of the policy has this id",
                found=shown(control),
                suggestion=nearest(control, controls),
            )
        if agency and agency not in agencies:
            yield positions.mistake(
                (*place, "agency"),
                "no agency of the run has this id",
                found=shown(agency),
                suggestion=nearest(agency, agencies),
            )
        first = seen.setdefault((control, agency), number)
        if control and first != number:
            yield positions.mistake(
                (*place, "control"),
                "this control is answered twice",
                found=f"the first as answer {first + 1} of the file",
            )
