"""Does the server keep the lists of its folders to itself?"""

from spbe_audit.check import About, Outcome, Params, check
from spbe_audit.evidence import HttpEvidence, SurfaceEvidence


class DirectoryListingParams(Params):
    """Which marks of a page are a list of files, and which kinds of paths are folders."""

    families: tuple[str, ...] = ("listing",)
    purposes: tuple[str, ...] = ("folder",)


@check(
    "http.directory_listing",
    needs=(HttpEvidence, SurfaceEvidence),
    params=DirectoryListingParams,
    about=About.PAGE,
    subject="listings.name",
)
def directory_listing(
    http: HttpEvidence, surface: SurfaceEvidence, params: DirectoryListingParams
) -> Outcome:
    """Pass when neither a page that was seen nor a common folder is a list of files."""
    pages = [(hop.url, hop.page) for hop in http.own_exchanges() if hop.page]
    listed = [(url, mark) for url, page in pages for mark in page.bears(*params.families)]
    for answer in surface.paths:
        if not answer.like_missing:
            listed += [(answer.url, mark) for mark in answer.bears(*params.families)]
    if listed:
        told = tuple({"name": url, "kind": mark} for url, mark in dict.fromkeys(listed))
        return Outcome.failed(listings=told)
    if http.front is None or http.front_failure:
        return Outcome.unknown(http.front_failure or "fact_unknown", fact="page")
    folders = surface.asked(params.purposes)
    if not folders:
        return Outcome.not_applicable("not_asked_at_this_intensity")
    silence = surface.silence(params.purposes)
    if silence:
        unanswered = tuple(one.path for one in folders if one.failure)
        return Outcome.unknown(silence, unanswered=unanswered)
    return Outcome.passed(folders=tuple(one.path for one in folders))
