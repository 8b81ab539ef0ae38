"""The errors that spbe-audit raises, each able to say what to do next.

    SpbeAuditError
      FileError              one file, one or many mistakes with positions
        TargetError          targets.yaml, CSV, list of URLs
        PolicyError          policies/*.yaml and regulation catalogues
        CheckTextError       the words beside a check
        AnswerError          manual-answers.yaml
        WaiverError          waivers.yaml
        FollowUpError        a workbook that an auditee returned
        TemplateError        a folder of templates, branding.yaml among them
      CatalogueError         two checks with one id, a plugin that cannot be imported
      ScopeError             targets outside the engagement, or no valid engagement
      StoreError             the evidence file cannot be used
        StoreLockedError     another run holds it
      ReportError            a report cannot be written where or how it was asked for
      NotificationError      a place that messages should go to cannot be used

What the network does is never an error: a probe writes it down as evidence.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class SpbeAuditError(Exception):
    """Base of all errors that a caller is expected to handle."""

    advice: str = ""

    def diagnostics(self) -> str:
        """The message for a person: what is wrong, then what to do next."""
        return f"{self}\n{self.advice}" if self.advice else str(self)


@dataclass(frozen=True, slots=True)
class Mistake:
    """One mistake in a file: where it is, what stands there, what should.

    ``line`` and ``column`` count from 1; 0 means the position is not known.
    """

    file: str
    line: int
    column: int
    problem: str
    found: str = ""
    expected: str = ""
    suggestion: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        text = f"{place}: {self.problem}"
        if self.found:
            text += f"; found {self.found}"
        if self.expected:
            text += f"; expected {self.expected}"
        if self.suggestion:
            text += f"; did you mean {self.suggestion}?"
        return text


class FileError(SpbeAuditError):
    """A file holds mistakes; all of them are in ``mistakes``, in file order."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(str(mistake) for mistake in self.mistakes))


class TargetError(FileError):
    """The target list cannot be read."""


class PolicyError(FileError):
    """A policy or a regulation catalogue cannot be read."""


class CheckTextError(FileError):
    """The texts beside a check are missing or incomplete."""


class AnswerError(FileError):
    """The file of manual answers cannot be read."""


class WaiverError(FileError):
    """The file of waivers cannot be read."""


class FollowUpError(FileError):
    """A workbook that an auditee returned cannot be taken over."""


class TemplateError(FileError):
    """A user's own templates, words or branding cannot be used."""


class CatalogueError(SpbeAuditError):
    """The set of checks does not hold together."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why something lies outside the engagement, and what would bring it inside."""

    subject: str
    reason: str
    advice: str

    def __str__(self) -> str:
        return f"{self.subject}: {self.reason}. {self.advice}"


class ScopeError(SpbeAuditError):
    """Targets outside the engagement: nothing has been sent to them."""

    def __init__(self, refusals: Sequence[Refusal]) -> None:
        self.refusals = tuple(refusals)
        super().__init__("\n".join(str(refusal) for refusal in self.refusals))


class StoreError(SpbeAuditError):
    """The evidence file cannot be opened, read or written."""


class StoreLockedError(StoreError):
    """Another run is writing to the evidence file."""


class ReportError(SpbeAuditError):
    """A report cannot be written where or how it was asked for."""

    def __init__(self, message: str, advice: str) -> None:
        super().__init__(message)
        self.advice = advice


class NotificationError(SpbeAuditError):
    """A place that messages should go to cannot be used; nothing has been scanned."""
