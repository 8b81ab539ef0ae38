"""Which controls an OSCAL result speaks of, and the state of every one of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from spbe_audit.finding import ControlResult, ControlStatus
from spbe_audit.report.finding_view import Narrator
from spbe_audit.report.json_stream import Json, some
from spbe_audit.report.oscal_words import markup, own_property, token

_NOT_REVIEWED = {ControlStatus.MANUAL, ControlStatus.NOT_EXAMINED}


def reviewed_controls(results: Sequence[ControlResult], narrator: Narrator) -> Json:
    """The controls that were looked at; the property "control-status" lists all, looked at or not.

    OSCAL allows no empty selection: where nothing was looked at, all are selected and excluded.
    """
    looked_at = [result for result in results if result.status not in _NOT_REVIEWED]
    left_out = [result for result in results if result.status in _NOT_REVIEWED]
    selection: dict[str, object]
    if looked_at:
        selection = {"include-controls": _selected(looked_at)}
    else:
        selection = {"description": markup(narrator.labels("oscal_nothing_reviewed"))}
        selection["include-all"] = {}
    if left_out:
        selection["exclude-controls"] = _selected(left_out)
    statuses = (_status(result, narrator) for result in results)
    return {"props": some(statuses), "control-selections": [selection]}


def _selected(results: Iterable[ControlResult]) -> list[Json]:
    return [{"control-id": token(result.control.id)} for result in results]


def _status(result: ControlResult, narrator: Narrator) -> Json:
    citation = narrator.citation_of(result.control)
    return own_property(
        "control-status",
        result.status.value,
        **{"class": token(result.control.id), "remarks": markup(citation.full)},
    )
