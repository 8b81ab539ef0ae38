"""Does the server offer only the methods that a web page needs?"""

from spbe_audit.check import Outcome, Params, check
from spbe_audit.evidence import SurfaceEvidence


class MethodsParams(Params):
    """The methods that the answer to OPTIONS may not name; they are never sent."""

    forbidden: tuple[str, ...] = ("PUT", "DELETE")
    trace_allowed: bool = False


@check("http.methods", needs=SurfaceEvidence, params=MethodsParams, subject="offered")
def methods(surface: SurfaceEvidence, params: MethodsParams) -> Outcome:
    """Pass when TRACE echoes nothing and OPTIONS names no forbidden method.

    A part that got no answer leaves the question open only where the other got none either: servers
    and firewalls refuse these methods by silence too.
    """
    named = surface.methods or ()
    offered = tuple(method for method in named if method in params.forbidden)
    echoes = surface.trace is True and not params.trace_allowed
    if offered or echoes:
        return Outcome.failed(
            origin=surface.origin,
            offered=(*offered, *(("TRACE",) if echoes else ())),
            allow=surface.methods,
            trace=surface.trace,
        )
    trace, options = surface.failure("trace"), surface.failure("options")
    if trace == "not_asked_at_this_intensity":
        return Outcome.not_applicable(trace)
    if trace and options:
        return Outcome.unknown(trace)
    return Outcome.passed(
        origin=surface.origin,
        allow=surface.methods,
        unanswered=tuple(
            method for method, failed in (("TRACE", trace), ("OPTIONS", options)) if failed
        ),
    )
