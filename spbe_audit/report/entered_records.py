"""What people entered, as audit.json has it: waivers, and the answers of auditees."""

from __future__ import annotations

from collections.abc import Mapping

from spbe_audit.finding import FollowUp, WaiverUse
from spbe_audit.report.labels import Labels

Json = Mapping[str, object]


def waiver_record(use: WaiverUse) -> Json:
    """A waiver with what it met in the run."""
    waiver = use.waiver
    return {
        "number": waiver.number,
        "state": use.state.value,
        "service": waiver.service,
        "check": waiver.check,
        "subject": waiver.subject or None,
        "reason": waiver.reason,
        "compensating_control": waiver.compensating_control,
        "owner": waiver.owner,
        "approver": waiver.approver,
        "reference": waiver.reference,
        "granted": waiver.granted.isoformat(),
        "expires": waiver.expires.isoformat(),
        "findings": list(use.findings),
        "partly": [
            {"finding": finding, "subjects": list(subjects)}
            for finding, subjects in use.partly.items()
        ],
        "unused_because": use.why or None,
    }


def follow_up_record(answer: FollowUp | None, labels: Labels) -> Json | None:
    """What an auditee answered about a finding; None where nothing is known."""
    if answer is None:
        return None
    return {
        "response": answer.response,
        "action_plan": answer.action_plan,
        "person_in_charge": answer.person_in_charge,
        "deadline": answer.deadline.isoformat() if answer.deadline else None,
        "overdue_days": answer.overdue,
        "status": answer.status.value if answer.status else None,
        "entered_at": answer.entered_at.astimezone(labels.zone).isoformat(timespec="seconds"),
        "entered_by": answer.entered_by,
        "file_digest": answer.file_digest,
    }
