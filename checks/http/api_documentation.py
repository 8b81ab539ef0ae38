"""Is the documentation of programming interfaces kept from the public?"""

from spbe_audit.check import Outcome, Params, check
from spbe_audit.evidence import SurfaceEvidence


class ApiDocumentationParams(Params):
    """Which kinds of well-known paths count; docs/well-known-paths.md lists them."""

    purposes: tuple[str, ...] = ("api_documentation",)


@check(
    "http.api_documentation",
    needs=SurfaceEvidence,
    params=ApiDocumentationParams,
    subject="public.name",
)
def api_documentation(surface: SurfaceEvidence, params: ApiDocumentationParams) -> Outcome:
    """Pass when no Swagger, OpenAPI, ReDoc or GraphiQL page is shown to everybody."""
    asked = surface.asked(params.purposes)
    public = tuple({"name": one.path, "kind": one.confirmed} for one in asked if one.shown)
    if public:
        return Outcome.failed(origin=surface.origin, public=public)
    if not asked:
        return Outcome.not_applicable("not_asked_at_this_intensity")
    silence = surface.silence(params.purposes)
    if silence:
        unanswered = tuple(one.path for one in asked if one.failure)
        return Outcome.unknown(silence, unanswered=unanswered)
    restricted = tuple(one.path for one in asked if one.restricted)
    return Outcome.passed(origin=surface.origin, asked=len(asked), restricted=restricted)
