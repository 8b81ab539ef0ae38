"""What a finding is about: the parts of an answer that are findings of their own in every run."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from spbe_audit.check import Check, Fact, Verdict
from spbe_audit.evidence.ports import stands_in
from spbe_audit.finding import Finding

LONGEST_SUBJECT = 120
"""Characters; what is longer, as the network may send, is cut and told apart by a digest."""

_DIGEST_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Look:
    """Which subjects an answer looked at: those listed, or ports in range notation."""

    listed: frozenset[str] | None = None
    ports: str = ""

    def reached(self, subject: str) -> bool:
        """Whether the answer speaks of a subject; one without a subject is always meant."""
        if not subject:
            return True
        if self.listed is not None:
            return subject in self.listed
        return not self.ports or not subject.isdecimal() or stands_in(int(subject), self.ports)


EVERYTHING = Look()
"""The look of an answer that left nothing out."""


def subjects_of(finding: Finding, check: Check) -> tuple[str, ...]:
    """What is at fault, each once, in the order of the facts: ('',) where there are no parts.

    Nothing for an answer that is no fail.
    """
    if finding.verdict is not Verdict.FAIL:
        return ()
    if check.subject is None:
        return ("",)
    name, _, key = check.subject.partition(".")
    found = dict.fromkeys(_texts(finding.facts.get(name), key))
    return tuple(found) or ("",)


def look_of(finding: Finding, check: Check) -> Look:
    """Which subjects the answer looked at; all of them where the check does not say."""
    said = finding.facts.get(check.among) if check.among else None
    if isinstance(said, str):
        return Look(ports=said)
    if isinstance(said, tuple | list):
        return Look(listed=frozenset(_texts(said, "")))
    return EVERYTHING


def _texts(fact: Fact, key: str) -> Iterator[str]:
    """The subjects in a fact: its items, or the values that its items have under a key."""
    for item in fact if isinstance(fact, tuple | list) else ():
        keyed = item.get(key) if isinstance(item, Mapping) else None
        value = keyed if key else item
        if isinstance(value, str | int) and not isinstance(value, bool) and str(value):
            yield _bounded(str(value))


def _bounded(text: str) -> str:
    if len(text) <= LONGEST_SUBJECT:
        return text
    digest = hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:_DIGEST_SHOWN]
    return f"{text[: LONGEST_SUBJECT - _DIGEST_SHOWN - 1]}~{digest}"
