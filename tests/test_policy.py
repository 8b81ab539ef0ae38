"""Policies say which checks are asked, and every mistake in one is told at its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from spbe_audit.catalogue import Catalogue, load_catalogue
from spbe_audit.check import NoParams
from spbe_audit.errors import PolicyError
from spbe_audit.policy import Policy, load_policy, policy_names
from spbe_audit.severity import Severity


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


HEAD = "id: kota\ntitle: {id: Kota, en: City}\n"


def _load(folder: Path, text: str, catalogue: Catalogue, name: str = "kota.yaml") -> Policy:
    file = folder / name
    file.write_text(text)
    return load_policy(file, catalogue=catalogue)


def _mistakes(folder: Path, text: str, catalogue: Catalogue) -> list[str]:
    with pytest.raises(PolicyError) as error:
        _load(folder, text, catalogue)
    return [str(mistake).removeprefix(f"{folder}/kota.yaml:") for mistake in error.value.mistakes]


# --- the policies that ship


def test_the_names_that_ship(catalogue: Catalogue) -> None:
    assert policy_names(catalogue) == (
        "mozilla-tls-intermediate",
        "owasp-secure-headers",
        "spbe",
        "spbe-intranet",
    )


def test_the_default_policy_asks_every_check_of_its_clause(catalogue: Catalogue) -> None:
    policy = load_policy("spbe", catalogue=catalogue)
    by_check = {one.check: one for one in policy.requirements}
    versions = by_check["tls.protocol_versions"]
    assert versions.severity is Severity.HIGH
    assert set(versions.controls) == {
        "bssn-4-2021:p27-a8-a",
        "bssn-4-2021:p27-a8-c",
        "bssn-4-2021:p27-a1-g",
        "bssn-4-2021:p27-a5-a",
        "panrb-8-2026:i11",
    }
    assert by_check["ports.database_exposed"].severity is Severity.CRITICAL
    assert by_check["dns.resolves"].controls == ("bssn-4-2021:p7-a2-c",)
    assert by_check["dns.resolves"].gate == "name_not_found"
    assert "perpres-95-2018:p40-availability" in by_check["uptime.reachable"].controls
    gates = [one.id for one in policy.requirements if one.gate]
    assert gates == ["dns.dangling_alias", "dns.resolves"]


def test_all_clauses_of_article_27_are_in_scope(catalogue: Catalogue) -> None:
    scope = [control.id for control in load_policy("spbe", catalogue=catalogue).controls]
    assert len([one for one in scope if one.startswith("bssn-4-2021:p27-")]) == 75
    assert not [one for one in scope if one.startswith(("bssn-4-2021:p33", "bssn-4-2021:p29"))]
    assert "perpres-95-2018:p57-special" not in scope, "it is unverified"


def test_the_intranet_policy_adds_article_33(catalogue: Catalogue) -> None:
    base = load_policy("spbe", catalogue=catalogue)
    policy = load_policy("spbe-intranet", catalogue=catalogue)
    assert policy.aspects == base.aspects
    assert policy.digest != base.digest
    added: dict[str, set[str]] = {}
    for before, after in zip(base.requirements, policy.requirements, strict=True):
        assert (before.id, before.check, before.params) == (after.id, after.check, after.params)
        assert before.severity is after.severity
        more = set(after.controls) - set(before.controls)
        assert more == {one for one in more if one.startswith("bssn-4-2021:p33-a2-")}
        for control in more:
            added.setdefault(control[-1], set()).add(after.check.partition(".")[0])
    assert added == {
        "d": {"ports"},
        "g": {"http", "ports"},
        "j": {"ports"},
        "k": {"tls"},
        "l": {"ports"},
    }
    assert len(policy.controls) > len(base.controls)


def test_a_policy_may_cite_no_clause_at_all(catalogue: Catalogue) -> None:
    policy = load_policy("owasp-secure-headers", catalogue=catalogue)
    assert policy.controls == ()
    assert {one.controls for one in policy.requirements} == {()}
    by_check = {one.check: one.params.model_dump() for one in policy.requirements}
    assert by_check["http.hsts"]["include_subdomains"] is True
    assert "https:" in by_check["http.csp_script_sources"]["rejected"]
    assert by_check["http.cross_origin_policies"]["embedder_accepted"] == ("require-corp",)


def test_the_revoked_indicators_are_marked_as_revoked(catalogue: Catalogue) -> None:
    policy = load_policy("spbe", catalogue=catalogue)
    revoked = [one for one in policy.regulations if one.status == "revoked"]
    assert [one.id for one in revoked] == ["panrb-59-2020"]


def test_every_requirement_belongs_to_an_aspect(catalogue: Catalogue) -> None:
    policy = load_policy("spbe", catalogue=catalogue)
    for requirement in policy.requirements:
        assert any(aspect.covers(requirement) for aspect in policy.aspects), requirement.id
    by_id = {aspect.id: aspect for aspect in policy.aspects}
    assert list(by_id) == [
        "manajemen-keamanan-informasi",
        "audit-aplikasi",
        "audit-infrastruktur",
        "audit-keamanan",
    ]
    resolves = next(one for one in policy.requirements if one.check == "dns.resolves")
    assert [one.id for one in policy.aspects if one.covers(resolves)] == [
        "manajemen-keamanan-informasi",
        "audit-infrastruktur",
    ]


# --- policies of others


def test_a_policy_says_again_only_what_differs(tmp_path: Path, catalogue: Catalogue) -> None:
    text = f"""{HEAD}
extends: spbe
remove: [dns.caa]
requirements:
  - id: tls.modern_version
    severity: high
  - id: http.hsts
    params: {{minimum_max_age: 31536000}}
    controls: [bssn-4-2021:p27-a8-b]
  - id: extra
    check: tls.modern_version
    severity: info
    params: {{wanted: TLS 1.2}}
"""
    base = {one.id: one for one in load_policy("spbe", catalogue=catalogue).requirements}
    policy = _load(tmp_path, text, catalogue)
    mine = {one.id: one for one in policy.requirements}
    assert set(mine) == (set(base) - {"dns.caa"}) | {"extra"}
    assert mine["tls.modern_version"].severity is Severity.HIGH
    assert mine["tls.modern_version"].controls == base["tls.modern_version"].controls
    assert mine["http.hsts"].controls == ("bssn-4-2021:p27-a8-b",)
    assert mine["http.hsts"].severity is base["http.hsts"].severity
    assert mine["http.hsts"].params.model_dump()["minimum_max_age"] == 31536000
    assert mine["extra"].params.model_dump() == {"wanted": "TLS 1.2"}
    assert "bssn-4-2021:p27-a8-d" in {control.id for control in policy.controls}


def test_a_chain_of_policies(tmp_path: Path, catalogue: Catalogue) -> None:
    first = f"{HEAD}requirements:\n  - {{check: tls.modern_version, severity: low}}\n"
    (tmp_path / "first.yaml").write_text(first)
    middle = f"{HEAD}extends: first.yaml\nrequirements:\n  - id: tls.modern_version\n"
    (tmp_path / "middle.yaml").write_text(middle + "    params: {wanted: TLS 1.2}\n")
    last = f"{HEAD}extends: ./middle.yaml\nrequirements:\n"
    policy = _load(tmp_path, last + "  - {id: tls.modern_version, severity: high}\n", catalogue)
    (only,) = policy.requirements
    assert only.severity is Severity.HIGH
    assert only.params.model_dump() == {"wanted": "TLS 1.2"}
    assert policy.aspects == ()


def test_a_policy_that_extends_itself(tmp_path: Path, catalogue: Catalogue) -> None:
    (tmp_path / "other.yaml").write_text(f"{HEAD}extends: ../{tmp_path.name}/kota.yaml\n")
    with pytest.raises(PolicyError, match=r"the policies extend each other: .*kota\.yaml -> ") as e:
        _load(tmp_path, f"{HEAD}extends: other.yaml\n", catalogue)
    assert "other.yaml:3:10:" in str(e.value)


def test_a_regulation_beside_a_policy(tmp_path: Path, catalogue: Catalogue) -> None:
    (tmp_path / "regulations").mkdir()
    (tmp_path / "regulations" / "kota-1.yaml").write_text("""
id: kota-1
title: {id: Kota, en: City}
short_title: {id: Kota, en: City}
status: in_force
confidence: secondary
sources: {a: JDIH}
controls:
  - {id: "kota-1:p1", citation: {id: Pasal 1, en: Article 1}, title: {id: a, en: b},
     confidence: secondary, strength: direct, sources: [a]}
""")
    text = f"{HEAD}requirements:\n  - check: tls.offered\n    severity: high\n"
    policy = _load(tmp_path, text + "    controls: ['kota-1:p1']\n", catalogue)
    assert [control.id for control in policy.controls] == ["kota-1:p1"]
    file = tmp_path / "regulations" / "clash.yaml"
    file.write_text((tmp_path / "regulations" / "kota-1.yaml").read_text().replace("JDIH", "B"))
    with pytest.raises(PolicyError, match='another regulation has the id "kota-1"'):
        _load(tmp_path, text, catalogue)


def test_every_mistake_of_a_policy_is_told_at_its_place(
    tmp_path: Path, catalogue: Catalogue
) -> None:
    text = """\
id: kota
title: {id: Kota}
extends: spbe
controls: [bssn-4-2021:p72-*, perpres-95-2018:p57-special]
remove: [dns.ca]
aspects:
  - id: satu
    title: {id: a, en: b}
    families: [htp]
    checks: [tls.offerd]
    controls: [bssn-4-2021:p27-a8-z]
requirements:
  - check: tls.ofered
    severity: hihg
  - id: tls.modern_version
    params: {wantd: TLS 1.3}
  - id: http.hsts
    params: {minimum_max_age: much}
    add_controls: [bssn-4-2021:p27-*]
  - id: dns.resolves
    controls: [bssn-4-2021:p27-a8-x]
  - id: dns.resolves
  - id: tls.modern_versio
  - check: tls.offered
    severity: high
    contrls: []
"""
    found = _mistakes(tmp_path, text, catalogue)
    by_line: dict[int, list[str]] = {}
    for mistake in found:
        by_line.setdefault(int(mistake.split(":")[0]), []).append(mistake)
    expected = {
        2: "is missing",
        4: "there is no such control that begins so",
        5: 'there is no such requirement to remove; found "dns.ca"; did you mean "dns.caa"?',
        9: 'did you mean "http"?',
        10: 'did you mean "tls.offered"?',
        11: "did you mean",
        13: 'there is no such check; found "tls.ofered"; did you mean "tls.offered"?',
        14: 'did you mean "high"?',
        16: 'tls.modern_version has no such parameter; found "wantd"; expected one of wanted; '
        'did you mean "wanted"?',
        18: "expected a whole number",
        19: "no pattern is read here",
        20: 'two requirements have the id "dns.resolves"',
        21: "there is no such control",
        22: 'two requirements have the id "dns.resolves"',
        23: 'did you mean "tls.modern_version"?',
        26: 'did you mean "controls"?',
    }
    assert set(by_line) == set(expected)
    for line, words in expected.items():
        assert any(words in mistake for mistake in by_line[line]), (line, by_line[line])
    assert any("unverified" in mistake for mistake in by_line[4])
    assert [int(mistake.split(":")[0]) for mistake in found] == sorted(
        int(mistake.split(":")[0]) for mistake in found
    )


def test_a_new_requirement_needs_a_check_and_a_severity(
    tmp_path: Path, catalogue: Catalogue
) -> None:
    found = _mistakes(tmp_path, f"{HEAD}requirements:\n  - id: baru\n", catalogue)
    assert [mistake.partition(": ")[2] for mistake in found] == [
        "a new requirement needs a 'check'",
        "a new requirement needs a 'severity'",
    ]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("spbe-intranett", 'did you mean "spbe-intranet"?'),
        ("./nothing.yaml", "there is no such file"),
    ],
)
def test_a_policy_that_is_not_there(catalogue: Catalogue, name: str, expected: str) -> None:
    with pytest.raises(PolicyError) as error:
        load_policy(name, catalogue=catalogue)
    assert expected in str(error.value)
    assert error.value.advice


def test_a_base_that_is_not_there_is_the_only_mistake(tmp_path: Path, catalogue: Catalogue) -> None:
    text = f"{HEAD}extends: spb\nrequirements:\n  - id: dns.caa\n"
    assert _mistakes(tmp_path, text, catalogue) == [
        '3:10: there is no policy of this name; found "spb"; did you mean "spbe"?'
    ]


def test_the_digest_follows_what_is_decided(tmp_path: Path, catalogue: Catalogue) -> None:
    text = f"{HEAD}requirements:\n  - {{check: tls.modern_version, severity: low}}\n"
    first = _load(tmp_path, text, catalogue)
    assert len(first.digest) == 64
    assert _load(tmp_path, f"# a comment\n{text}", catalogue).digest == first.digest
    for old, new in (
        ("low", "high"),
        ("severity: low", "severity: low, params: {wanted: TLS 1.2}"),
        ("severity: low", "severity: low, controls: ['bssn-4-2021:p26']"),
        ("severity: low", "severity: low, gate: timeout"),
    ):
        assert _load(tmp_path, text.replace(old, new), catalogue).digest != first.digest


def test_parameters_do_not_survive_another_check(tmp_path: Path, catalogue: Catalogue) -> None:
    text = (
        f"{HEAD}extends: spbe\nrequirements:\n  - id: tls.modern_version\n    check: tls.offered\n"
    )
    policy = _load(tmp_path, text, catalogue)
    changed = next(one for one in policy.requirements if one.id == "tls.modern_version")
    assert (changed.check, type(changed.params)) == ("tls.offered", NoParams)
