"""Does the server sign its key exchange with a sound hash function?"""

from typing import Literal

from spbe_audit.check import Outcome, Params, check
from spbe_audit.evidence import TlsEvidence, TlsQuestion, TlsVersion


class SignatureAlgorithmsParams(Params):
    """The hash functions that must not be used."""

    refused: tuple[Literal["md5", "sha1", "sha224"], ...] = ("md5", "sha1")


@check(
    "tls.signature_algorithms",
    needs=TlsEvidence,
    params=SignatureAlgorithmsParams,
    asks=(TlsQuestion.SIGNATURES,),
)
def signature_algorithms(tls: TlsEvidence, params: SignatureAlgorithmsParams) -> Outcome:
    """Pass when no signature that was seen in TLS 1.2 uses one of the refused hash functions.

    TLS 1.3 forbids them (RFC 8446, 4.2.3), and the versions before TLS 1.2 leave no choice.
    """
    if not tls.offered:
        return Outcome.not_applicable("no_tls")
    seen = tls.key_exchange_signatures
    weak = tuple(name for name in seen or () if name.endswith(params.refused))
    if weak:
        return Outcome.failed(algorithms=weak, refused=params.refused)
    if seen:
        return Outcome.passed(algorithms=seen)
    return Outcome.not_applicable("no_signature") if seen is not None else _no_answer(tls)


def _no_answer(tls: TlsEvidence) -> Outcome:
    for fact in ("key_exchange_signatures", f"versions.{TlsVersion.TLS_1_2}"):
        if fact in tls.unknown:
            return Outcome.unknown("fact_unknown", fact=fact)
    if tls.only_tls_1_3:
        return Outcome.not_applicable("tls_1_3_only")
    if TlsVersion.TLS_1_2 not in tls.versions:
        return Outcome.not_applicable("no_tls_1_2")
    return Outcome.not_applicable("not_asked_at_this_intensity")
