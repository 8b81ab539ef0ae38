"""Are the interfaces of administration kept from the public?"""

from spbe_audit.check import Outcome, Params, check
from spbe_audit.evidence import SurfaceEvidence


class AdminInterfaceParams(Params):
    """Which kinds of well-known paths count; docs/well-known-paths.md lists them."""

    purposes: tuple[str, ...] = ("admin",)


@check(
    "http.admin_interface",
    needs=SurfaceEvidence,
    params=AdminInterfaceParams,
    subject="reachable.name",
)
def admin_interface(surface: SurfaceEvidence, params: AdminInterfaceParams) -> Outcome:
    """Pass when no login form or page of administration is shown to everybody.

    A path that the server withholds (401, 403) is not reachable.
    """
    asked = surface.asked(params.purposes)
    reachable = tuple({"name": one.path, "interface": one.confirmed} for one in asked if one.shown)
    restricted = tuple(one.path for one in asked if one.restricted)
    if reachable:
        return Outcome.failed(origin=surface.origin, reachable=reachable, restricted=restricted)
    if not asked:
        return Outcome.not_applicable("not_asked_at_this_intensity")
    silence = surface.silence(params.purposes)
    if silence:
        unanswered = tuple(one.path for one in asked if one.failure)
        return Outcome.unknown(silence, unanswered=unanswered)
    return Outcome.passed(origin=surface.origin, asked=len(asked), restricted=restricted)
