"""What a command says of waivers: those that have expired first, then those that do nothing."""

from __future__ import annotations

from collections.abc import Iterator

from spbe_audit.cli.log_lines import say
from spbe_audit.finding import Assessment, Waiver, WaiverState, WaiverUse
from spbe_audit.report.hostile_text import spelt_out
from spbe_audit.waivers import NO_SERVICE, NO_SUBJECT, NOT_ASKED, NOT_FAILING, REPLACED

_SHOWN = 4
_WHY = {
    NO_SERVICE: "no service has this id",
    NOT_FAILING: "nothing that it names fails",
    NO_SUBJECT: "nothing that fails is about its subject",
    REPLACED: "it has expired, and others cover what it did",
}


def tell_waivers(assessment: Assessment, *, summary_follows: bool) -> None:
    """Print to stderr what somebody has to do about waivers.

    Expired ones always: where a summary follows, it begins with them. Those that do nothing only
    beside a summary, so that a quiet run stays quiet.
    """
    if not summary_follows:
        for line in expired_lines(assessment):
            say(line, event="waiver_expired", level="warning")
        return
    for use in assessment.waivers:
        if use.state is WaiverState.UNUSED and use.why != NOT_ASKED:
            say(
                f"Unused waiver {_named(use.waiver)}: {_why(use)}",
                event="waiver_unused",
                level="warning",
            )


def expired_lines(assessment: Assessment) -> Iterator[str]:
    """A line for each waiver that has expired while what it covered still fails."""
    by_id = {finding.id: finding for finding in assessment.findings}
    for use in assessment.waivers:
        if use.state is not WaiverState.EXPIRED:
            continue
        services = list(dict.fromkeys(by_id[one].service for one in use.findings))
        more = f" and {len(services) - _SHOWN} more" if len(services) > _SHOWN else ""
        count = len(use.findings)
        again = "1 finding is" if count == 1 else f"{count} findings are"
        yield (
            f"Expired waiver {_named(use.waiver)}, until {use.waiver.expires}: {again} active again"
            f" ({', '.join(services[:_SHOWN])}{more})."
            " Mend what it covered, or have it granted again."
        )


def _named(waiver: Waiver) -> str:
    subject = f", {waiver.subject}" if waiver.subject else ""
    return spelt_out(
        f"{waiver.number} ({waiver.reference}; {waiver.service}, {waiver.check}{subject})"
    )


def _why(use: WaiverUse) -> str:
    near = f"; did you mean {use.meant}?" if use.meant else ""
    return _WHY[use.why] + near


__all__ = ["expired_lines", "tell_waivers"]
