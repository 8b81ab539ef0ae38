"""Tells by its content what an answer is: pure functions that name what they found, or ''.

A status proves nothing, since many sites answer 200 to everything. Each function looks for what the
thing itself writes, never for words that a page would also write *about* it. The patterns are
anchored or bounded, so that no text makes them slow.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from spbe_audit.evidence import page_marks

_HEAD_LIMIT = 2_000
_LINES_LIMIT = 50
_MOSTLY = 0.8
_TAR_MAGIC_AT = 257
_HTML = re.compile(r"(?i)<(?:!doctype\s{1,9}html|html|head|body|title)\b")


@dataclass(frozen=True, slots=True)
class Content:
    """The beginning of an answer's body, as bytes and as text."""

    body: bytes
    text: str


Recogniser = Callable[[Content], str]
"""Names the content that shows what an answer is; '' where it is something else."""


def either(*recognisers: Recogniser) -> Recogniser:
    """The first of several recognisers that finds something."""

    def recognise(content: Content) -> str:
        found = (recogniser(content) for recogniser in recognisers)
        return next((name for name in found if name), "")

    return recognise


def _starts(name: str, *magics: bytes) -> Recogniser:
    return lambda content: name if content.body.startswith(magics) else ""


def _matches(name: str, *patterns: str, html: bool | None = None) -> Recogniser:
    """Finds every one of the patterns; ``html`` says whether the answer is a page, None: either."""
    searched = tuple(re.compile(pattern) for pattern in patterns)

    def recognise(content: Content) -> str:
        if html is not None and html is not bool(_HTML.search(content.text[:_HEAD_LIMIT])):
            return ""
        return name if all(one.search(content.text) for one in searched) else ""

    return recognise


def _json(name: str, member: str) -> Recogniser:
    """Finds a member in the beginning of a JSON object, which may be cut."""
    return _matches(name, r"\A\s*+\{", rf"\"{member}", html=False)


def _most_lines(name: str, form: str, known: str = "") -> Recogniser:
    """Finds a file nearly all of whose lines have one form; a single line must be ``known``."""
    line_form = re.compile(form)
    known_line = re.compile(known or form)

    def recognise(content: Content) -> str:
        lines = [line.strip() for line in content.text.splitlines()[:_LINES_LIMIT]]
        lines = [line for line in lines if line and not line.startswith("#")]
        fitting = [line for line in lines if line_form.match(line)]
        if not fitting or len(fitting) < _MOSTLY * len(lines):
            return ""
        return name if len(fitting) > 1 or known_line.match(fitting[0]) else ""

    return recognise


# --- version control ---------------------------------------------------------------------------

_HG_FEATURES = re.compile(
    r"revlogv[12]|store|fncache|dotencode|share-safe|sparserevlog|persistent-nodemap|dirstate-v2"
    r"|generaldelta|treemanifest|shared|relshared|largefiles|lfs|revlog-compression-\w+|exp-[\w-]+"
)

git_head = _matches("ref: refs/", r"\A(?:ref: refs/\S+|[0-9a-f]{40}|[0-9a-f]{64})\s*+\Z")
git_config = _matches(
    "[core]", r"\A\s*+\[core\]", r"(?m)^[ \t]*+repositoryformatversion[ \t]*+=", html=False
)
svn_entries = _matches("entries", r"\A(?:12\s*+\Z|(?:[89]|10)\n\n?dir\n)")
svn_database = _starts("SQLite format 3", b"SQLite format 3\0")


def hg_requires(content: Content) -> str:
    """The features that a Mercurial repository requires, and nothing beside them."""
    words = content.text.split()
    known = [word for word in words if _HG_FEATURES.fullmatch(word)]
    return "requires" if len(known) > 1 and len(known) == len(words) else ""


# --- settings and secrets ----------------------------------------------------------------------

environment = _most_lines(
    "KEY=VALUE",
    r"(?:export\s{1,9})?[A-Z][A-Z0-9_]{1,60}\s?=(?!=)",
    known=r"(?:export\s{1,9})?[A-Z0-9_]{0,40}(?:KEY|SECRET|PASSWORD|TOKEN|DB_|APP_|DATABASE)",
)
password_hashes = _most_lines(
    "user:hash",
    r"[^\s:<>]{1,64}:(?:\$apr1\$|\$2[aby]\$|\$[156]\$|\{SHA\}|[./0-9A-Za-z]{13}$)\S{0,200}$",
)
htaccess = _matches(
    ".htaccess",
    r"(?mi)^[ \t]*+(?:RewriteEngine[ \t]+o(?:n|ff)\b|RewriteRule[ \t]|RewriteCond[ \t]+%"
    r"|AuthType[ \t]|AuthUserFile[ \t]|Require[ \t]+(?:all|valid-user|ip|host)\b"
    r"|Order[ \t]+(?:allow|deny)|Deny[ \t]+from\b|Options[ \t]+[+-]|Options[ \t]+All\b"
    r"|ErrorDocument[ \t]+\d|DirectoryIndex[ \t]|php_(?:value|flag)[ \t]|<IfModule[ \t]"
    r"|<FilesMatch[ \t])",
    html=False,
)
web_config = _matches(
    "<configuration>",
    r"(?i)<configuration\b",
    r"(?i)<(?:system\.web|system\.webServer|appSettings|connectionStrings|runtime|location)\b",
    html=False,
)
php_source = _matches("<?php", r"\A\s*+<\?php\s", r"\bdefine\s?\(|\$\w|\breturn\b|\bclass\b")
private_key = _matches(
    "PRIVATE KEY", r"\A\s*+-----BEGIN (?:OPENSSH |RSA |EC |DSA |ENCRYPTED )?PRIVATE KEY-----"
)
ds_store = _starts("Bud1", b"\0\0\0\1Bud1")

# --- copies of data ----------------------------------------------------------------------------


def _tar(content: Content) -> str:
    return "TAR" if content.body[_TAR_MAGIC_AT : _TAR_MAGIC_AT + 5] == b"ustar" else ""


archive = either(
    _starts("ZIP", b"PK\x03\x04", b"PK\x05\x06"),
    _starts("GZIP", b"\x1f\x8b\x08"),
    _starts("BZIP2", b"BZh"),
    _starts("XZ", b"\xfd7zXZ\0"),
    _starts("7z", b"7z\xbc\xaf\x27\x1c"),
    _starts("RAR", b"Rar!\x1a\x07"),
    _tar,
)
sql_dump = _matches(
    "SQL",
    r"(?im)^[ \t]*+(?:-- (?:MySQL|MariaDB|PostgreSQL database|phpMyAdmin SQL) dump\b"
    r"|CREATE (?:TABLE|DATABASE) (?:IF NOT EXISTS )?[`\"\[\w]|INSERT INTO [`\"\[\w]"
    r"|DROP TABLE (?:IF EXISTS )?[`\"\[\w])",
    html=False,
)

# --- diagnostics -------------------------------------------------------------------------------

phpinfo = _matches("phpinfo()", r"<title>(?:PHP [\w.+~-]{1,60} - )?phpinfo\(\)</title>")
apache_status = _matches("Apache Server Status", r"<h1>Apache Server Status for ")
apache_info = _matches(
    "Apache Server Information", r"<h1[^>]{0,99}>\s{0,9}Apache Server Information\s{0,9}</h1>"
)
nginx_status = _matches(
    "Active connections", r"\AActive connections: \d+ {0,9}\nserver accepts handled requests"
)
actuator_environment = _json("propertySources", r"propertySources\"\s{0,9}:\s{0,9}\[")
asp_trace = _matches("Application Trace", r"Application Trace\s{0,9}<", r"Requests to this Applic")
elmah = _matches("ELMAH", r"(?i)<title>\s{0,99}Error log for\b|Powered by\s{1,9}<a[^>]{0,99}>ELMAH")

# --- lists of components, logs -----------------------------------------------------------------

composer_lock = _json(
    "composer.lock", r"(?:content-hash\"\s{0,9}:\s{0,9}\"|packages\"\s{0,9}:\s{0,9}\[)"
)
composer_json = _json("composer.json", r"(?:require|require-dev|autoload)\"\s{0,9}:\s{0,9}\{")
package_lock = _json("lockfileVersion", r"lockfileVersion\"\s{0,9}:\s{0,9}\d")
yarn_lock = _matches("yarn lockfile", r"(?m)^# yarn lockfile v\d|\A__metadata:\n")
log = either(
    _matches(
        "Laravel log",
        r"(?m)^\[\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d[^\]\n]{0,40}\] \w{1,40}\.[A-Z]{4,9}: ",
        html=False,
    ),
    _matches(
        "PHP log",
        r"(?m)^\[\d\d-[A-Z][a-z]{2}-\d{4} \d\d:\d\d:\d\d[^\]\n]{0,40}\]"
        r" (?:PHP |WordPress database error)",
        html=False,
    ),
    _matches(
        "server log",
        r"(?m)^\[[A-Z][a-z]{2} [A-Z][a-z]{2} \d\d [\d:. ]{13,30}\] \[[\w:-]{3,40}\]",
        html=False,
    ),
)

# --- administration ----------------------------------------------------------------------------

phpmyadmin = _matches(
    "phpMyAdmin",
    r"themes/pmahomme/|name=[\"']pma_username[\"']|PMA_commonParams|\bCommonParams\.setAll\(",
    html=True,
)
adminer = _matches("Adminer", r"name=[\"']?auth\[(?:driver|username)\]", html=True)
wordpress_login = _matches(
    "WordPress",
    r"<body[^>]{1,99}class=[\"']login[^\"'>]{0,300}\bwp-core-ui\b"
    r"|<form[^>]{1,99}id=[\"']loginform[\"']",
    html=True,
)
joomla_login = _matches(
    "Joomla",
    r"<body[^>]{1,300}\bcom_login\b|name=[\"']option[\"']\s{1,9}value=[\"']com_login[\"']",
    html=True,
)
tomcat_manager = _matches(
    "Tomcat Manager",
    r"<title>/(?:host-)?manager</title>|>Tomcat (?:Web Application|Virtual Host) Manager<",
)
cpanel = _matches("cPanel", r"<title>\s{0,9}(?:cPanel|WHM)\b[^<]{0,40}\b[Ll]og ?in", html=True)
webmin = _matches("Webmin", r"\bsession_login\.cgi\b", html=True)
django_admin = _matches(
    "Django administration",
    r"<title>[^<]{0,99}\bDjango site admin\s{0,9}</title>|>Django administration<",
    html=True,
)

# --- documentation of interfaces ---------------------------------------------------------------

openapi = either(
    _json("OpenAPI", r"(?:swagger|openapi)\"\s{0,9}:\s{0,9}\"[23]\.\d"),
    _matches(
        "OpenAPI",
        r"(?m)^(?:swagger|openapi): {1,9}['\"]?[23]\.\d",
        r"(?m)^(?:paths|info):",
        html=False,
    ),
)
api_page = either(
    _matches(
        "Swagger UI",
        r"\bswagger-ui(?:-bundle|-standalone-preset)?(?:\.min)?\.(?:js|css)\b|\bSwaggerUIBundle\("
        r"|<div[^>]{1,99}id=[\"']?swagger-ui[\"'\s>]",
        html=True,
    ),
    _matches("ReDoc", r"\bredoc\.standalone\.js\b|<redoc[\s>]|\bRedoc\.init\(", html=True),
    _matches(
        "GraphiQL",
        r"\bgraphiql(?:\.min)?\.(?:js|css)\b|/graphiql@\d|\bGraphiQL\.createFetcher\b"
        r"|\bcreateGraphiQLFetcher\b|<title>GraphQL Playground</title>|\bembeddable-sandbox\b",
        html=True,
    ),
    openapi,
)

# --- folders -----------------------------------------------------------------------------------


def directory_listing(content: Content) -> str:
    """The mark of a server's own list of a folder's files."""
    found = (mark for mark in page_marks(content.text) if mark.startswith("listing."))
    return next(found, "")
