"""oscal.json: assessment results in OSCAL 1.2, for systems of governance and risk.

An agency is a result; a service is an inventory item of it; an answer of a check is an observation,
a fault a risk. A control of which something can be said is a finding. What could not be tested is
an observation without a finding: OSCAL knows only satisfied and not satisfied, and it is neither.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from spbe_audit.finding import AgencyAssessment, Assessment, RunSummary, ServiceAssessment
from spbe_audit.report.finding_view import Narrator
from spbe_audit.report.json_stream import Json, Opened, present, some, streamed
from spbe_audit.report.labels import Labels
from spbe_audit.report.oscal_results import AgencyResult, findings, observations, risks
from spbe_audit.report.oscal_reviewed import reviewed_controls
from spbe_audit.report.oscal_words import instant, line, markup, own_property, stable_uuid
from spbe_audit.targets import Agency, Engagement
from spbe_audit.version import VERSION

OSCAL_VERSION = "1.2.1"

_TOOL = "spbe-audit"
_OWNER = "asset-owner"
_ISSUER = "assignment-issuer"


def oscal_chunks(assessment: Assessment, narrator: Narrator) -> Iterator[str]:
    """The document piece by piece. ASCII; the same assessment gives the same document."""
    labels = narrator.labels
    plan = stable_uuid("plan", *_plan_names(assessment))
    document = {
        "uuid": stable_uuid("document", *_document_names(assessment, labels)),
        "metadata": Opened(_metadata(assessment, labels)),
        "import-ap": {"href": f"#{plan}", "remarks": markup(labels("oscal_plan"))},
        "results": _results(assessment, narrator),
        "back-matter": {"resources": [_plan(plan, assessment.engagement, labels)]},
    }
    yield from streamed(Opened({"assessment-results": Opened(document)}))
    yield "\n"


def _document_names(assessment: Assessment, labels: Labels) -> Sequence[str]:
    """All that the document depends on: other evidence, rules, answers or words are another one."""
    answers = [repr(result.answer) for result in assessment.controls if result.answer]
    run, policy = assessment.run, assessment.policy
    return (run.id, run.digest, policy.digest, labels.language, labels.zone_name, *answers)


def _plan_names(assessment: Assessment) -> Sequence[str]:
    engagement = assessment.engagement
    return (engagement.letter, engagement.issued_by) if engagement else ("none",)


def _metadata(assessment: Assessment, labels: Labels) -> Json:
    run, policy, engagement = assessment.run, assessment.policy, assessment.engagement
    roles = [{"id": _OWNER, "title": labels("agency")}]
    if engagement:
        roles.append({"id": _ISSUER, "title": labels("oscal_issuer")})
    return {
        "title": labels("report_title"),
        "last-modified": instant(_end(run)),
        "version": line(run.id),
        "oscal-version": OSCAL_VERSION,
        "props": [
            own_property("language", labels.language),
            own_property("policy", policy.id, remarks=markup(labels.choose(policy.title))),
            own_property("policy-digest", policy.digest),
            own_property("run-digest", run.digest),
            own_property("intensity", run.intensity),
        ],
        "roles": roles,
        "parties": some(_parties(assessment)),
        "responsible-parties": some(_responsible_parties(assessment)),
        "remarks": markup(labels("nature")),
    }


def _parties(assessment: Assessment) -> Iterator[Json]:
    for agency in assessment.agencies:
        one = agency.agency
        named = {"uuid": _party_uuid(one), "type": "organization", "name": line(one.name)}
        yield {**named, "props": [own_property("agency-id", one.id)]}
    if assessment.engagement:
        issuer = assessment.engagement.issued_by
        named = {"uuid": stable_uuid("issuer", issuer), "type": "organization"}
        contact = own_property("contact", assessment.engagement.contact)
        yield {**named, "name": line(issuer), "props": [contact]}


def _responsible_parties(assessment: Assessment) -> Iterator[Json]:
    if assessment.agencies:
        uuids = [_party_uuid(agency.agency) for agency in assessment.agencies]
        yield {"role-id": _OWNER, "party-uuids": uuids}
    if assessment.engagement:
        issuer = stable_uuid("issuer", assessment.engagement.issued_by)
        yield {"role-id": _ISSUER, "party-uuids": [issuer]}


def _party_uuid(agency: Agency) -> str:
    return stable_uuid("agency", agency.id)


def _plan(uuid: str, engagement: Engagement | None, labels: Labels) -> Json:
    """The assignment letter, which stands where OSCAL has an assessment plan."""
    if engagement is None:
        return {"uuid": uuid, "title": markup(labels("no_engagement"))}
    scope = ", ".join((*engagement.names, *map(str, engagement.networks)))
    return {
        "uuid": uuid,
        "title": markup(f"{labels('letter')} {engagement.letter}"),
        "description": markup(f"{labels('scope')}: {scope}"),
        "props": [
            own_property("valid-from", instant(engagement.valid_from)),
            own_property("valid-until", instant(engagement.valid_until)),
        ],
        "document-ids": [{"identifier": line(engagement.letter)}],
    }


def _results(assessment: Assessment, narrator: Narrator) -> Iterator[Opened]:
    """One for each agency, and one that is empty where there is none: OSCAL wants one at least."""
    for agency in assessment.agencies:
        yield Opened(_agency_result(agency, assessment, narrator))
    if not assessment.agencies:
        reviewed = Opened(reviewed_controls(assessment.controls, narrator))
        head = _head(assessment, narrator, narrator.labels("report_title"), "")
        yield Opened({**head, "reviewed-controls": reviewed})


def _agency_result(agency: AgencyAssessment, assessment: Assessment, narrator: Narrator) -> Json:
    result = AgencyResult(agency, assessment.run, narrator, _tool_uuid(agency.agency.id))
    items = (_inventory_item(one, agency.agency) for one in agency.services)
    return {
        **_head(assessment, narrator, agency.agency.name, agency.agency.id),
        "local-definitions": Opened(
            {
                "inventory-items": some(items),
                "assessment-assets": _assets(assessment.run, agency.agency.id, narrator.labels),
            }
        ),
        "reviewed-controls": Opened(reviewed_controls(agency.controls, narrator)),
        "observations": some(observations(result)),
        "risks": some(risks(result)),
        "findings": some(findings(result)),
    }


def _head(assessment: Assessment, narrator: Narrator, title: str, agency: str) -> Json:
    run = assessment.run
    return present(
        uuid=stable_uuid("result", run.id, run.digest, assessment.policy.digest, agency),
        title=markup(title),
        description=markup(narrator.labels("limitations_general")),
        start=instant(run.started),
        end=None if run.finished is None else instant(run.finished),
        remarks=None if run.finished else markup(narrator.labels("limitations_unfinished")),
    )


def _inventory_item(service: ServiceAssessment, agency: Agency) -> Json:
    one = service.service
    return {
        "uuid": stable_uuid("service", one.agency, one.id),
        "description": markup(one.name),
        "props": [
            {"name": "asset-id", "value": line(one.id)},
            {"name": "uri", "value": line(one.url)},
            own_property("kind", one.kind),
        ],
        "responsible-parties": [{"role-id": _OWNER, "party-uuids": [_party_uuid(agency)]}],
    }


def _assets(run: RunSummary, agency: str, labels: Labels) -> Json:
    """What the observations were made with: this tool and those that it ran."""
    versions = {_TOOL: VERSION, **dict(sorted(run.tools.items()))}
    components = [
        {
            "uuid": _tool_uuid(agency, name),
            "type": "software",
            "title": markup(name),
            "description": markup(labels("method")),
            "props": [{"name": "version", "value": line(version)}],
            "status": {"state": "operational"},
        }
        for name, version in versions.items()
    ]
    platform = {
        "uuid": stable_uuid("platform", agency),
        "title": _TOOL,
        "uses-components": [{"component-uuid": component["uuid"]} for component in components],
    }
    return {"components": components, "assessment-platforms": [platform]}


def _tool_uuid(agency: str, name: str = _TOOL) -> str:
    return stable_uuid("tool", agency, name)


def _end(run: RunSummary) -> datetime:
    return run.finished or run.started
