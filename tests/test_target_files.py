"""Target lists: what is read from them, and that every mistake is told with its place."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from ipaddress import ip_network
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given, settings
from hypothesis import strategies as st

from spbe_audit.errors import TargetError
from spbe_audit.evidence import MaintenanceWindow
from spbe_audit.target_files import load_targets
from spbe_audit.target_files.csv_list import read_csv_list
from spbe_audit.target_files.service_url import service_url
from spbe_audit.target_files.values import name_server, scope_entry
from spbe_audit.target_files.yaml_list import read_yaml_list
from spbe_audit.targets import Agency, Engagement, Expectation, Service, TargetList
from spbe_audit.text_file import UnfitError

BAD_FILES = Path(__file__).parent / "bad_files" / "targets"
NAMES = sorted(path.name for path in BAD_FILES.iterdir())
EXPECTED = (BAD_FILES.parent / "targets.expected").read_text(encoding="utf-8").splitlines()
EXAMPLES = Path(__file__).parent.parent / "examples"
WIB = timezone(timedelta(hours=7))

DESIGN = """\
engagement:
  letter: ST-012/ITDA/2026
  issued_by: Inspektur Daerah
  valid: {from: 2026-11-01, until: 2026-12-31}
  scope: ["*.babelprov.go.id", "103.10.0.0/22"]
  contact: csirt@babelprov.go.id
defaults: {policy: spbe, ports: {expected: [80, 443]}}
agencies:
  - id: diskominfo
    name: Dinas Komunikasi dan Informatika
    services:
      - {id: portal, name: Portal Provinsi, url: "https://babelprov.go.id", kind: public-service}
"""


def written(folder: Path, name: str, text: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def services(folder: Path, entries: str, head: str = "") -> tuple[Service, ...]:
    text = f"{head}agencies:\n  - id: dinas\n    services: [{entries}]\n"
    return load_targets(written(folder, "targets.yaml", text)).services


def test_the_format_of_the_design(tmp_path: Path) -> None:
    path = written(tmp_path, "targets.yaml", DESIGN)
    portal = Service(
        id="portal",
        name="Portal Provinsi",
        url="https://babelprov.go.id/",
        display_url="https://babelprov.go.id",
        agency="diskominfo",
        kind="public-service",
        expected_ports=(80, 443),
        http_port=80,
    )
    assert load_targets(path) == TargetList(
        agencies=(Agency("diskominfo", "Dinas Komunikasi dan Informatika", (portal,)),),
        engagement=Engagement(
            letter="ST-012/ITDA/2026",
            issued_by="Inspektur Daerah",
            valid_from=datetime(2026, 11, 1, tzinfo=WIB),
            valid_until=datetime(2026, 12, 31, 23, 59, 59, 999999, tzinfo=WIB),
            names=("*.babelprov.go.id",),
            networks=(ip_network("103.10.0.0/22"),),
            contact="csirt@babelprov.go.id",
        ),
        policy="spbe",
        source=str(path),
    )


@pytest.mark.parametrize("name", NAMES)
def test_every_mistake_is_told_with_its_place(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(BAD_FILES)
    with pytest.raises(TargetError) as caught:
        load_targets(name)
    stated = [line for line in EXPECTED if line.startswith((f"{name}:", f"{name} "))]
    assert stated
    assert str(caught.value).splitlines() == stated


def test_every_stated_message_belongs_to_a_file() -> None:
    assert {line.partition(":")[0] for line in EXPECTED} == set(NAMES)


def test_five_mistakes_are_five_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(BAD_FILES)
    with pytest.raises(TargetError) as caught:
        load_targets(Path("five_mistakes.yaml"))
    found = [(m.line, m.column, m.suggestion) for m in caught.value.mistakes]
    assert found == [
        (5, 11, '"dinas.example"'),
        (9, 5, '"name"'),
        (11, 22, ""),
        (12, 14, ""),
        (12, 55, '"public-service"'),
    ]


@pytest.mark.parametrize(
    ("head", "entry", "http_port"),
    [
        ("", "{url: https://a.example}", 80),
        ("", "{url: https://a.example:8443}", None),
        ("", "{url: http://a.example}", None),
        ("", "{url: http://a.example:443}", None),
        ("", "{url: https://a.example, http_port: 8080}", 8080),
        ("", "{url: https://a.example, http_port: null}", None),
        ("", "{url: https://a.example:8443, http_port: 8080}", 8080),
        ("defaults: {http_port: 8080}\n", "{url: https://a.example}", 8080),
        ("defaults: {http_port: 8080}\n", "{url: http://a.example}", None),
        ("defaults: {http_port: null}\n", "{url: https://a.example}", None),
        ("defaults: {http_port: 8080}\n", "{url: https://a.example, http_port: 81}", 81),
    ],
)
def test_where_plain_http_is_expected(
    tmp_path: Path, head: str, entry: str, http_port: int | None
) -> None:
    assert services(tmp_path, entry, head)[0].http_port == http_port


def test_a_service_overrides_the_defaults(tmp_path: Path) -> None:
    head = (
        "defaults:\n  policy: spbe-intranet\n  ports: {expected: [22]}\n"
        "  kind: intranet\n  expect: {status: [204], keyword: hidup}\n"
    )
    entries = (
        "{url: https://a.example}, "
        "{url: https://b.example, kind: api, ports: {expected: []}, expect: {status: [200, 301]}}"
    )
    plain, own = services(tmp_path, entries, head)
    assert (plain.kind, plain.expected_ports) == ("intranet", (22,))
    assert plain.expectation == Expectation((204,), "hidup")
    assert (own.kind, own.expected_ports) == ("api", ())
    assert own.expectation == Expectation((200, 301), "")
    assert load_targets(tmp_path / "targets.yaml").policy == "spbe-intranet"


def test_missing_ids_and_names_come_from_the_host(tmp_path: Path) -> None:
    entries = (
        "https://a.example, https://a.example/b, https://a.example:8443, "
        '"https://[2001:db8::1]:444/", {id: a-example-2, url: "http://c.example", name: C}, '
        "https://A.example/c"
    )
    found = [(s.id, s.name) for s in services(tmp_path, entries)]
    assert found == [
        ("a-example", "a.example"),
        ("a-example-3", "a.example"),
        ("a-example-8443", "a.example:8443"),
        ("2001-db8-1-444", "[2001:db8::1]:444"),
        ("a-example-2", "C"),
        ("a-example-4", "a.example"),
    ]


@pytest.mark.parametrize(
    ("written_as", "url"),
    [
        ("portal.go.id", "https://portal.go.id/"),
        ("  Portal.GO.id.  ", "https://portal.go.id/"),
        ("HTTPS://Portal.go.id:443", "https://portal.go.id/"),
        ("http://portal.go.id:80/Jalan?q=A#bagian", "http://portal.go.id/Jalan?q=A"),
        ("http://portal.go.id:443", "http://portal.go.id:443/"),
        ("https://portal.go.id:/", "https://portal.go.id/"),
        ("portal.go.id:8443/a/../b", "https://portal.go.id:8443/a/../b"),
        ("https://portal.go.id?x=1", "https://portal.go.id/?x=1"),
        ("https://portal.go.id/jalan/é?k=é%20", "https://portal.go.id/jalan/%C3%A9?k=%C3%A9%20"),
        ("//portal.go.id", "https://portal.go.id/"),
        ("127.0.0.1:8443", "https://127.0.0.1:8443/"),
        ("https://[2001:DB8:0::1]:8443/x", "https://[2001:db8::1]:8443/x"),
        ("[::1]", "https://[::1]/"),
        ("https://[::ffff:127.0.0.1]/", "https://127.0.0.1/"),
        ("bücher.example", "https://xn--bcher-kva.example/"),
        ("https://FAß.example", "https://xn--fa-hia.example/"),
        ("１２７．０．０．１", "https://127.0.0.1/"),  # noqa: RUF001 - full-width on purpose
        ("xn--bcher-kva.example", "https://xn--bcher-kva.example/"),
        ("my_app.intra", "https://my_app.intra/"),
        ("https://localhost:8443", "https://localhost:8443/"),
    ],
)
def test_addresses_have_one_normal_form(written_as: str, url: str) -> None:
    assert service_url(written_as) == url
    assert service_url(url) == url


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "https://",
        "https://:443",
        "https://-oN",
        "-oN",
        "https://a-.example",
        "https://a..example",
        "https://.example",
        "https://a.example:0",
        "https://a.example:65536",
        "https://a.example:+80",
        "https://a.example:٨٠",
        "https://a.example:99999999999999999999",
        "https://user@a.example",
        "https://user:pw@a.example",
        "javascript:alert(1)",
        "mailto:a@b.example",
        "ftp://a.example",
        "gopher://a.example",
        "https:a.example",
        "https:///a",
        "https://a.example\\@b.example",
        "https://a.example/\x00",
        "https://a.example/\r\nHost: b",
        "https://a.example\u202e",
        "https://a%2eexample",
        "https://[::1",
        "https://[::1]x",
        "https://[v1.x]",
        "https://[fe80::1%25eth0]",
        "https://::1",
        "https://1.2.3",
        "https://0177.0.0.1",
        "https://2130706433",
        "https://0x7f000001",
        "https://1.2.3.4.5",
        "https://xn--\x80",
        "https://xn--a.example",
        "https://a℀b.example",
        f"https://{'a' * 64}.example",
        f"https://{'a.' * 127}example",
        "https://a.example/" + "a" * 2048,
    ],
)
def test_addresses_that_cannot_be_audited_are_refused(text: str) -> None:
    with pytest.raises(UnfitError):
        service_url(text)


def test_passwords_are_never_shown(tmp_path: Path) -> None:
    urls = ["https://me:rahasia@a.example", "ftp://me:rahasia@a.example", "me:rahasia@a.example:x"]
    urls += ["https:/me:rahasia@a.example", "https://me:rah/asia@a.example x", "https://a@[::1"]
    csv = written(tmp_path, "t.csv", "url\n" + "\n".join(urls))
    text = written(tmp_path, "t.txt", "\n".join(urls))
    listed = written(tmp_path, "t.yaml", "".join(f'- "{url}"\n' for url in urls))
    for source in (csv, text, listed, urls):
        with pytest.raises(TargetError) as caught:
            load_targets(source)
        assert len(caught.value.mistakes) == len(urls)
        assert "rah" not in caught.value.diagnostics()


@pytest.mark.parametrize(
    ("text", "entry"),
    [
        ("Portal.Go.Id.", "portal.go.id"),
        ("*.Go.id", "*.go.id"),
        ("*.bücher.example", "*.xn--bcher-kva.example"),
        ("103.10.0.0/22", ip_network("103.10.0.0/22")),
        ("103.10.0.7", ip_network("103.10.0.7/32")),
        ("[2001:db8::1]", ip_network("2001:db8::1/128")),
        ("2001:db8::/32", ip_network("2001:db8::/32")),
        ("::ffff:10.0.0.0/104", ip_network("10.0.0.0/8")),
        ("::ffff:10.0.0.1", ip_network("10.0.0.1/32")),
    ],
)
def test_scope_entries(text: str, entry: object) -> None:
    assert scope_entry(text) == entry


@pytest.mark.parametrize(
    ("text", "server"),
    [
        ("10.0.0.53", ("10.0.0.53", 53)),
        ("10.0.0.53:5353", ("10.0.0.53", 5353)),
        ("2001:db8::53", ("2001:db8::53", 53)),
        ("[2001:DB8::53]:5353", ("2001:db8::53", 5353)),
        ("[::1]", ("::1", 53)),
    ],
)
def test_name_servers(text: str, server: tuple[str, int]) -> None:
    assert name_server(text) == server


@pytest.mark.parametrize("text", ["", "ns.example", "10.0.0.1:", "10.0.0.1:x", "[::1]53", "::1%lo"])
def test_name_servers_that_are_none(text: str) -> None:
    with pytest.raises(UnfitError):
        name_server(text)


@pytest.mark.parametrize(
    ("zone", "begin", "end", "first", "last"),
    [
        (
            "Asia/Jayapura",
            "2026-11-01",
            "2026-11-01",
            datetime(2026, 10, 31, 15, tzinfo=UTC),
            datetime(2026, 11, 1, 14, 59, 59, 999999, tzinfo=UTC),
        ),
        (
            "Asia/Jakarta",
            "2026-11-01T08:00",
            "2026-11-01 17:30:00",
            datetime(2026, 11, 1, 1, tzinfo=UTC),
            datetime(2026, 11, 1, 10, 30, tzinfo=UTC),
        ),
        (
            "Asia/Jakarta",
            "2026-11-01T08:00:00Z",
            "2026-11-01T17:00:00+08:00",
            datetime(2026, 11, 1, 8, tzinfo=UTC),
            datetime(2026, 11, 1, 9, tzinfo=UTC),
        ),
    ],
)
def test_the_window_of_an_engagement(
    tmp_path: Path, zone: str, begin: str, end: str, first: datetime, last: datetime
) -> None:
    text = DESIGN.replace(
        "{from: 2026-11-01, until: 2026-12-31}", f"{{from: {begin}, until: {end}}}"
    )
    targets = load_targets(written(tmp_path, "t.yaml", f"time_zone: {zone}\n{text}"))
    assert targets.time_zone == zone
    assert targets.engagement is not None
    assert targets.engagement.valid_from == first
    assert targets.engagement.valid_until == last


def certificate(name: str) -> x509.Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime(2026, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2027, 1, 1, tzinfo=UTC))
        .sign(key, hashes.SHA256())
    )


def test_trust_anchors_lie_beside_the_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = certificate("CA satu"), certificate("CA dua")
    pem = first.public_bytes(Encoding.PEM) + b"\n" + second.public_bytes(Encoding.PEM)
    (tmp_path / "ca").mkdir()
    written(tmp_path, "ca/instansi.pem", pem)
    written(tmp_path, "satu.pem", first.public_bytes(Encoding.PEM))
    head = "trust_anchors: [ca/instansi.pem, satu.pem]\nname_servers: [10.0.0.53]\n"
    path = written(tmp_path, "targets.yaml", head + DESIGN)
    monkeypatch.chdir("/")
    targets = load_targets(path)
    der = tuple(each.public_bytes(Encoding.DER) for each in (first, second))
    assert targets.trust_anchors == der
    assert targets.name_servers == (("10.0.0.53", 53),)


CSV = """\
agency,agency_name,id,name,url,kind,expected_ports,http_port,expect_status,keyword
kominfo,"Dinas ""Kominfo"", Kota",portal,Portal,https://a.example,,80 443,,200 301,Selamat
# sementara tidak,,,,,,,,,

Kominfo,,,"Data
Terbuka",b.example:8443/x,api,,8080,,
,Badan Pajak Daerah,,,https://c.example,,22;443,none,,
,,,,https://d.example
"""


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_csv(tmp_path: Path, delimiter: str, line_end: str, mark: str) -> None:
    text = CSV.replace("Data\nTerbuka", "Data Terbuka").replace("22;443", '"22;443"')
    text = (
        text.replace('"", Kota"', '""_ Kota"').replace(",", delimiter).replace("_ Kota", ", Kota")
    )
    path = written(tmp_path, "targets.csv", mark + text.replace("\n", line_end))
    targets = load_targets(path)
    assert [(a.id, a.name, len(a.services)) for a in targets.agencies] == [
        ("kominfo", 'Dinas "Kominfo", Kota', 2),
        ("badan-pajak-daerah", "Badan Pajak Daerah", 1),
        ("targets", "targets", 1),
    ]
    portal, data, tax, last = targets.services
    assert portal.expectation == Expectation((200, 301), "Selamat")
    assert (portal.expected_ports, portal.http_port) == ((80, 443), 80)
    assert (data.id, data.url, data.kind) == ("b-example-8443", "https://b.example:8443/x", "api")
    assert (data.http_port, data.expected_ports) == (8080, (80, 443))
    assert (tax.expected_ports, tax.http_port) == ((22, 443), None)
    assert (last.id, last.agency, last.http_port) == ("d-example", "targets", 80)


def test_a_name_over_two_lines_in_csv_is_told_where_it_stands(tmp_path: Path) -> None:
    with pytest.raises(TargetError) as caught:
        load_targets(written(tmp_path, "t.csv", CSV + "x,,,,e.example:0\n"))
    assert [(m.line, m.column) for m in caught.value.mistakes] == [(5, 11), (9, 6)]


def test_a_list_of_lines(tmp_path: Path) -> None:
    text = "\ufeff# daftar\r\n\r\n  https://a.example/x#y  # catatan\r\nb.example\t#\r\n"
    targets = load_targets(written(tmp_path, "targets.txt", text))
    assert [s.url for s in targets.services] == ["https://a.example/x", "https://b.example/"]
    assert targets.engagement is None
    assert [(a.id, a.name) for a in targets.agencies] == [("targets", "targets")]


def test_urls_as_arguments() -> None:
    for source in ("127.0.0.1:8443", ["https://127.0.0.1:8443"], ("https://127.0.0.1:8443/",)):
        assert [s.url for s in load_targets(source).services] == ["https://127.0.0.1:8443/"]
    both = load_targets(["https://[::1]:1", "localhost"])
    assert [s.id for s in both.services] == ["1-1", "localhost"]
    assert both.source == ""


def test_wrong_arguments() -> None:
    with pytest.raises(TargetError) as caught:
        load_targets(["https://a.example", "ftp://b.example", "targets.yaml"])
    second, third = str(caught.value).splitlines()
    assert second == (
        'argument 2: the scheme "ftp" cannot be audited; found "ftp://b.example"; '
        "expected http or https"
    )
    assert third == (
        "argument 3: this is no address; a file of targets is given alone; "
        'found "targets.yaml"; expected a URL or a host name'
    )
    with pytest.raises(TargetError, match="targets: there are none"):
        load_targets([])


def test_files_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path, "targets.yaml", DESIGN)
    written(tmp_path, "book.xlsx", b"PK\x03\x04")
    written(tmp_path, "large.yaml", b"- a.example\n" * 200_000)
    told = {
        "targest.yaml": 'there is no such file; did you mean "targets.yaml"?',
        "book.xlsx": "workbooks are not read",
        "large.yaml": "the file is larger than 2 MiB",
        ".": "this is a folder, not a file",
        "nul\0.yaml": "cannot be read: embedded null byte",
        "a" * 300 + ".yaml": "cannot be read: File name too long",
    }
    monkeypatch.chdir(tmp_path)
    for name, message in told.items():
        with pytest.raises(TargetError) as caught:
            load_targets(Path(name))
        assert str(caught.value) == f"{name}: {message}"
        assert caught.value.advice


def test_a_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, "targets.yaml", DESIGN)

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(TargetError, match="the file may not be read") as caught:
        load_targets(path)
    assert "chmod" in caught.value.diagnostics()


def test_a_long_list_is_read_whole(tmp_path: Path) -> None:
    entries = "".join(f"      - {{id: s{n}, url: https://s{n}.example}}\n" for n in range(5000))
    text = f"agencies:\n  - id: dinas\n    services:\n{entries}"
    assert len(load_targets(written(tmp_path, "t.yaml", text)).services) == 5000


@pytest.mark.parametrize("name", ["targets.yaml", "targets.csv", "targets.txt"])
def test_the_examples_are_valid(name: str) -> None:
    assert load_targets(EXAMPLES / name).services


FRAGMENTS = st.sampled_from(
    [*DESIGN.split(), *CSV.split(","), *"[]{}:,#&*!|>'\"-?%@`\n\t \\\r\0\x85\u2028", "\n  - ", "é"]
)
PIECES = st.lists(st.one_of(FRAGMENTS, st.text(max_size=8)), max_size=30).map("".join)


@st.composite
def spoilt(draw: st.DrawFn, text: str) -> str:
    """A valid text with something cut out of it and something put in."""
    begin = draw(st.integers(0, len(text)))
    end = draw(st.integers(begin, min(len(text), begin + 40)))
    return text[:begin] + draw(PIECES) + text[end:]


@settings(deadline=None, max_examples=200)
@given(st.one_of(PIECES, spoilt(DESIGN)))
def test_no_yaml_text_ends_in_anything_but_a_target_error(text: str) -> None:
    with suppress(TargetError):
        assert read_yaml_list(text, source="t.yaml", folder=BAD_FILES).services


@settings(deadline=None, max_examples=200)
@given(st.one_of(PIECES, spoilt(CSV)))
def test_no_csv_text_ends_in_anything_but_a_target_error(text: str) -> None:
    with suppress(TargetError):
        assert read_csv_list(text, source="t.csv").services


@settings(deadline=None, max_examples=200)
@given(st.text(max_size=40) | spoilt("https://portal.example.go.id:8443/a?b#c") | spoilt("[::1]:8"))
def test_a_normal_form_is_its_own_normal_form(text: str) -> None:
    try:
        url = service_url(text)
    except UnfitError:
        return
    assert service_url(url) == url
    assert url.isascii()
    service = Service(id="a", name="a", url=url, display_url=text, agency="a")
    assert service.host
    assert not service.host.startswith("-")
    assert 0 < service.port < 65536


@settings(deadline=None, max_examples=100)
@given(st.text(max_size=40) | spoilt("*.go.id") | spoilt("103.10.0.0/22"))
def test_scope_entries_are_parsed_or_refused(text: str) -> None:
    for parse in (scope_entry, name_server):
        with suppress(UnfitError):
            assert parse(text)


# --- the promised share of time, and announced maintenance


def test_a_service_is_promised_a_share_of_time(tmp_path: Path) -> None:
    entries = "{url: https://a.example}, {url: https://b.example, sla: 99}"
    plain, own = services(tmp_path, entries, "defaults: {sla: 99.5}\n")
    assert (plain.sla, own.sla) == (99.5, 99.0)
    (bare,) = services(tmp_path, "https://a.example")
    assert (bare.sla, bare.maintenance) == (None, ())
    csv = 'url;sla\nhttps://a.example;99,95\nhttps://b.example;"99.9%"\nhttps://c.example;\n'
    listed = load_targets(written(tmp_path, "targets.csv", csv))
    assert [one.sla for one in listed.services] == [99.95, 99.9, None]


def test_maintenance_of_the_defaults_stands_beside_a_services_own(tmp_path: Path) -> None:
    head = (
        "time_zone: Asia/Makassar\n"
        "defaults: {maintenance: [{from: 2026-02-03, until: 2026-02-04, reason: Pusat data}]}\n"
    )
    own = '{from: "2026-02-01T22:00", until: "2026-02-02T02:00Z", reason: Basis data}'
    entries = f"https://a.example, {{url: https://b.example, maintenance: [{own}]}}"
    shared, both = services(tmp_path, entries, head)
    (centre,) = shared.maintenance
    assert centre == MaintenanceWindow(
        begins=datetime(2026, 2, 2, 16, tzinfo=UTC),
        ends=datetime(2026, 2, 4, 15, 59, 59, 999999, tzinfo=UTC),
        reason="Pusat data",
    )
    first, second = both.maintenance
    assert (first.begins, first.ends) == (
        datetime(2026, 2, 1, 14, tzinfo=UTC),
        datetime(2026, 2, 2, 2, tzinfo=UTC),
    )
    assert second == centre
