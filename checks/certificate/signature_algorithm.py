"""Are the certificates signed with a sound algorithm?"""

from typing import Literal

from spbe_audit.check import Outcome, Params, check
from spbe_audit.evidence import Certificate, NoLeaf, TlsEvidence, read_chain

Hash = Literal["md2", "md4", "md5", "sha1", "sha224", "sha256", "sha384", "sha512"]


class SignatureAlgorithmParams(Params):
    """The hashes with which no certificate may be signed."""

    refused: tuple[Hash, ...] = ("md2", "md4", "md5", "sha1")


@check("certificate.signature_algorithm", needs=TlsEvidence, params=SignatureAlgorithmParams)
def signature_algorithm(tls: TlsEvidence, params: SignatureAlgorithmParams) -> Outcome:
    """Pass when no certificate below the root is signed with a refused hash."""
    if not tls.offered:
        return Outcome.not_applicable("no_tls")
    chain = read_chain(tls)
    if isinstance(chain, NoLeaf):
        return Outcome.unknown(chain.value)
    judged = chain.below_root
    weak = tuple(_label(one) for one in judged if one.signature_hash in params.refused)
    if weak:
        return Outcome.failed(weak=weak, refused=params.refused)
    if chain.malformed:
        return Outcome.unknown(NoLeaf.MALFORMED.value)
    unread = tuple(_label(one) for one in judged if one.signature_hash is None)
    if unread:
        return Outcome.unknown("unknown_signature", signatures=unread)
    return Outcome.passed(signatures=tuple(_label(one) for one in judged))


def _label(certificate: Certificate) -> str:
    return f"{certificate.subject}: {certificate.signature_algorithm}"
