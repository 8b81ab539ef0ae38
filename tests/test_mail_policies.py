"""SPF and DMARC are read as their standards write them, out of TXT records as DNS shows them."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spbe_audit.evidence import (
    DmarcProblem,
    SpfProblem,
    SpfTerm,
    dmarc_records,
    mail_domain,
    parse_dmarc,
    parse_spf,
    registrable_domain,
    spf_records,
    text_of,
)

# TXT records


@pytest.mark.parametrize(
    ("record", "text"),
    [
        ('"v=spf1 -all"', "v=spf1 -all"),
        ('"v=spf1 ip4:203.0.1" "13.1 -all"', "v=spf1 ip4:203.0.113.1 -all"),
        ('""', ""),
        ("", ""),
        ('"a\\"b\\\\c"', 'a"b\\c'),
        ('"\\000\\027\\255"', "\x00\x1b\xff"),
        ('"\\999\\25"', "99925"),
        ('"cut off\\', "cut off"),
    ],
)
def test_the_text_of_a_record(record: str, text: str) -> None:
    assert text_of(record) == text


@given(st.text(max_size=60))
def test_any_record_has_a_text(record: str) -> None:
    assert len(text_of(record)) <= len(record)


@pytest.mark.parametrize(
    ("name", "domain"),
    [
        ("www.babelprov.go.id", "babelprov.go.id"),
        ("babelprov.go.id", "babelprov.go.id"),
        ("a.b.sukamaju.desa.id", "sukamaju.desa.id"),
        ("www.contoh.id", "contoh.id"),
        ("Portal.Contoh.COM.", "contoh.com"),
        ("a.b.example.co.uk", "example.co.uk"),
        ("www.desa.de", "desa.de"),
        ("go.id", "go.id"),
        ("localhost", "localhost"),
    ],
)
def test_what_was_registered(name: str, domain: str) -> None:
    assert registrable_domain(name) == domain


def test_whose_mail_policies_count() -> None:
    assert mail_domain("www.babelprov.go.id", "babelprov.go.id") == "babelprov.go.id"
    assert mail_domain("x.dinas.babelprov.go.id", "dinas.babelprov.go.id") == (
        "dinas.babelprov.go.id"
    )
    assert mail_domain("www.contoh.go.id", "go.id") == "contoh.go.id"


# SPF


def test_which_records_are_spf() -> None:
    texts = ("v=spf1", "V=SPF1 -all", "v=spf10 -all", "v=spf1-all", " v=spf1 -all", "spf2.0/pra")
    assert spf_records(texts) == ("v=spf1", "V=SPF1 -all")


def test_the_terms_of_a_record() -> None:
    record = parse_spf("v=spf1  +A:mail.%{d}/24//64 ip6:2001:db8::/32 exp=why.%{o} x-y=z ~ALL ")
    assert record.problem is None
    assert record.terms == (
        SpfTerm("+", "a", "mail.%{d}/24//64"),
        SpfTerm("+", "ip6", "2001:db8::/32"),
        SpfTerm("", "exp", "why.%{o}"),
        SpfTerm("", "x-y", "z"),
        SpfTerm("~", "all"),
    )
    assert (record.lookups, record.ending) == (1, "~all")


@pytest.mark.parametrize(
    "term",
    [
        "a",
        "a/24",
        "a//64",
        "a/0//128",
        "a:example.id",
        "mx:mail.example.id/32",
        "ptr",
        "ptr:example.id",
        "ip4:203.0.113.1",
        "ip4:203.0.113.0/24",
        "ip6:::1",
        "ip6:2001:db8::/0",
        "exists:%{i}._spf.%{d2}",
        "include:_spf.example.id.",
        "include:%{d}",
        "include:a.xn--p1ai",
        "exists:%{ir}.%{v}._spf.%{d4r-}",
        "redirect=_spf.example.id",
        "exp=%{h}.example.id",
        "future=anything%%%_%-",
        "-all",
        "?mx",
    ],
)
def test_terms_that_are_well_formed(term: str) -> None:
    assert parse_spf(f"v=spf1 {term}").problem is None


@pytest.mark.parametrize(
    "term",
    [
        "all:example.id",
        "all.",
        "-",
        "--all",
        "a:",
        "a:example",
        "a:example.id/33",
        "a/024",
        "a/24/64",
        "mx:example.id\t",
        "include",
        "include:",
        "include:example.1",
        "include:example.id/24",
        "exists",
        "ip4",
        "ip4:203.0.113",
        "ip4:203.0.113.256",
        "ip4:203.0.113.0/33",
        "ip4:203.0.113.0/",
        "ip6:203.0.113.1",
        "ip6:2001:db8::/129",
        "ip6:2001:db8:::",
        "ipv4:203.0.113.1",
        "include:%{x}.example.id",
        "include:%d.example.id",
        "redirect=",
        "redirect=example",
        "future=%z",
        "include:büro.example.id",
        f"include:{'a.' * 300}id",
    ],
)
def test_terms_that_are_not(term: str) -> None:
    record = parse_spf(f"v=spf1 mx {term} -all")
    assert record.problem is SpfProblem.BAD_SYNTAX
    assert record.bad_term == term
    assert record.terms == (SpfTerm("+", "mx"),)


@pytest.mark.parametrize(
    ("text", "ending"),
    [
        ("v=spf1 -all", "-all"),
        ("v=spf1 all", "+all"),
        ("v=spf1 ?all -all", "?all"),
        ("v=spf1 redirect=a.id ~all", "~all"),
        ("v=spf1 mx redirect=a.id", "redirect=a.id"),
        ("v=spf1 mx", None),
        ("v=spf1", None),
    ],
)
def test_how_a_record_ends(text: str, ending: str | None) -> None:
    assert parse_spf(text).ending == ending


def test_what_makes_a_receiver_look_up() -> None:
    text = "v=spf1 a mx ptr include:a.id exists:b.id ip4:203.0.113.1 exp=c.id redirect=d.id"
    assert parse_spf(text).lookups == 6


@pytest.mark.parametrize("name", ["redirect", "exp"])
def test_a_modifier_that_may_stand_once(name: str) -> None:
    record = parse_spf(f"v=spf1 {name}=a.id {name.upper()}=b.id")
    assert (record.problem, record.bad_term) == (SpfProblem.REPEATED_MODIFIER, name)
    assert parse_spf("v=spf1 other=a other=b").problem is None


@given(st.text(max_size=200))
def test_any_text_can_be_read_as_spf(text: str) -> None:
    parse_spf(f"v=spf1 {text}")


@pytest.mark.parametrize(
    "hostile",
    ["a:" + "a." * 2000, "include:" + "a-" * 2000, "a:" + "%{d" * 1300, "x=" + "%%" * 2000 + "%"],
)
def test_a_hostile_record_costs_no_time(hostile: str) -> None:
    begun = time.monotonic()
    parse_spf(f"v=spf1 {hostile}")
    parse_dmarc(f"v=DMARC1; {hostile}; {' =' * 2000}")
    assert time.monotonic() - begun < 0.5


# DMARC


def test_which_records_are_dmarc() -> None:
    texts = ("v=DMARC1", "v = DMARC1 ; p=none", "v=dmarc1; p=none", "v=DMARC10; p=none", "p=none")
    assert dmarc_records(texts) == ("v=DMARC1", "v = DMARC1 ; p=none")


def test_a_whole_record() -> None:
    record = parse_dmarc(
        "v=DMARC1; p = Quarantine ;sp=none;pct=20; rua=mailto:a@b.id!10m, mailto:c@d.id ;"
        " adkim=s; fo=1; future=x;"
    )
    assert record.problem is None
    assert (record.policy, record.subdomain_policy, record.percent) == ("quarantine", "none", 20)
    assert record.reports_to == ("mailto:a@b.id!10m", "mailto:c@d.id")


@pytest.mark.parametrize(
    ("tags", "problem"),
    [
        ("p=reject", None),
        ("p=none;;", None),
        ("", DmarcProblem.NO_POLICY),
        ("sp=reject", DmarcProblem.NO_POLICY),
        ("p=", DmarcProblem.BAD_POLICY),
        ("p=block", DmarcProblem.BAD_POLICY),
        ("p=reject; sp=block", DmarcProblem.BAD_POLICY),
        ("p=reject; pct=101", DmarcProblem.BAD_PERCENT),
        ("p=reject; pct=-1", DmarcProblem.BAD_PERCENT),
        ("p=reject; pct=²", DmarcProblem.BAD_SYNTAX),
        ("p=reject; p=none", DmarcProblem.REPEATED_TAG),
        ("p=reject, rua", DmarcProblem.BAD_POLICY),
        ("p=reject; rua", DmarcProblem.BAD_SYNTAX),
        ("p=reject; 1=2", DmarcProblem.BAD_SYNTAX),
        ("p=reject; rua=\x00", DmarcProblem.BAD_SYNTAX),
    ],
)
def test_what_can_be_wrong(tags: str, problem: DmarcProblem | None) -> None:
    assert parse_dmarc(f"v=DMARC1; {tags}").problem is problem


@given(st.text(max_size=200))
def test_any_text_can_be_read_as_dmarc(text: str) -> None:
    assert 0 <= parse_dmarc(f"v=DMARC1; {text}").percent <= 100
