"""Does the server keep repositories, settings, copies of data and diagnostics to itself?"""

from spbe_audit.check import Outcome, Params, check
from spbe_audit.evidence import SurfaceEvidence


class ExposedFilesParams(Params):
    """Which kinds of well-known paths count; docs/well-known-paths.md lists them."""

    purposes: tuple[str, ...] = (
        "version_control",
        "environment",
        "server_configuration",
        "private_key",
        "folder_metadata",
        "backup",
        "database_dump",
        "diagnostics",
        "component_list",
        "log",
    )


@check(
    "http.exposed_files",
    needs=SurfaceEvidence,
    params=ExposedFilesParams,
    subject="exposed.name",
)
def exposed_files(surface: SurfaceEvidence, params: ExposedFilesParams) -> Outcome:
    """Pass when no path shows, by its content, what must not be public."""
    asked = surface.asked(params.purposes)
    shown = tuple({"name": one.path, "content": one.confirmed} for one in asked if one.shown)
    if shown:
        return Outcome.failed(origin=surface.origin, exposed=shown, asked=len(asked))
    if not asked:
        return Outcome.not_applicable("not_asked_at_this_intensity")
    silence = surface.silence(params.purposes)
    if silence:
        unanswered = tuple(one.path for one in asked if one.failure)
        return Outcome.unknown(silence, unanswered=unanswered)
    return Outcome.passed(origin=surface.origin, asked=len(asked))
