"""From which foreign hosts does the page take scripts?"""

from spbe_audit.check import About, Outcome, Params, check
from spbe_audit.evidence import HttpEvidence, NoHtml, same_site


class ThirdPartiesParams(Params):
    """What is noted, and which foreign hosts count as the service's own."""

    kinds: tuple[str, ...] = ("script",)
    own_hosts: tuple[str, ...] = ()


@check("http.third_parties", needs=HttpEvidence, params=ThirdPartiesParams, about=About.PAGE)
def third_parties(http: HttpEvidence, params: ThirdPartiesParams) -> Outcome:
    """Note the hosts; whether they may be there is for a person to say."""
    if http.front_failure:
        return Outcome.unknown(http.front_failure)
    front = http.front_html
    if isinstance(front, NoHtml):
        refuse = Outcome.not_applicable if front.does_not_apply else Outcome.unknown
        return refuse(front.value)
    own = (http.host, *params.own_hosts)
    named = {one.host for one in front.page.subresources if one.kind in params.kinds and one.host}
    hosts = sorted(host for host in named if not any(same_site(host, one) for one in own))
    if not front.whole:
        return Outcome.unknown("page_cut_off", hosts=tuple(hosts))
    return Outcome.passed(url=front.answer.url, hosts=tuple(hosts), count=len(hosts))
