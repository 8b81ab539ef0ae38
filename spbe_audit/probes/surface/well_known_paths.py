"""The fixed list of paths that are asked from intensity standard on, and what confirms each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from spbe_audit.probes.surface import recognisers as by
from spbe_audit.probes.surface.recognisers import Recogniser

HOST = "{host}"
"""Stands in a path for the service's host name; such a path is left out for an IPv6 address."""


@dataclass(frozen=True, slots=True)
class WellKnownPath:
    """One path below the root of a site, and why it is asked.

    ``confirmed_by`` says what its content must show, ``recognise`` looks for it. A path with
    ``in_folder`` is asked a second time in the service's own folder, where it has one.
    """

    path: str
    purpose: str
    confirmed_by: str
    recognise: Recogniser
    in_folder: bool = False


_GROUPS: tuple[tuple[str, str, Recogniser, tuple[str, ...]], ...] = (
    ("version_control", "ref: refs/ or a commit id alone", by.git_head, ("+.git/HEAD",)),
    ("version_control", "[core] with repositoryformatversion", by.git_config, (".git/config",)),
    ("version_control", "format number and dir", by.svn_entries, (".svn/entries",)),
    ("version_control", "magic bytes of SQLite", by.svn_database, ("+.svn/wc.db",)),
    ("version_control", "names of Mercurial's features alone", by.hg_requires, (".hg/requires",)),
    ("environment", "lines KEY=VALUE", by.environment, ("+.env", ".env.bak")),
    ("environment", "PHP source", by.php_source, ("wp-config.php.bak", "config.php.bak")),
    ("server_configuration", "lines user:hash", by.password_hashes, (".htpasswd",)),
    ("server_configuration", "directives of Apache", by.htaccess, (".htaccess",)),
    ("server_configuration", "<configuration> of ASP.NET or IIS", by.web_config, ("web.config",)),
    ("private_key", "-----BEGIN ... PRIVATE KEY-----", by.private_key, ("id_rsa",)),
    ("folder_metadata", "magic bytes Bud1", by.ds_store, (".DS_Store",)),
    (
        "backup",
        "magic bytes of ZIP, GZIP, BZIP2, XZ, 7z, RAR or TAR",
        by.archive,
        ("backup.zip", "backup.tar.gz", f"{HOST}.zip"),
    ),
    (
        "database_dump",
        "statements CREATE TABLE, INSERT INTO or DROP TABLE, or the head of a dump",
        by.sql_dump,
        ("backup.sql", "dump.sql", "database.sql", "db.sql"),
    ),
    ("diagnostics", "title phpinfo()", by.phpinfo, ("phpinfo.php", "info.php", "test.php")),
    ("diagnostics", "heading Apache Server Status", by.apache_status, ("server-status",)),
    ("diagnostics", "heading Apache Server Information", by.apache_info, ("server-info",)),
    ("diagnostics", "Active connections and its counters", by.nginx_status, ("nginx_status",)),
    ("diagnostics", "JSON with propertySources", by.actuator_environment, ("actuator/env",)),
    ("diagnostics", "title Error log for, or ELMAH's own link", by.elmah, ("elmah.axd",)),
    ("diagnostics", "heading Application Trace", by.asp_trace, ("trace.axd",)),
    ("component_list", "JSON with packages or content-hash", by.composer_lock, ("+composer.lock",)),
    ("component_list", "JSON with require or autoload", by.composer_json, ("composer.json",)),
    ("component_list", "JSON with lockfileVersion", by.package_lock, ("package-lock.json",)),
    ("component_list", "head of a yarn lockfile", by.yarn_lock, ("yarn.lock",)),
    (
        "log",
        "dated lines of Laravel, PHP or a web server",
        by.log,
        ("+storage/logs/laravel.log", "error_log", "wp-content/debug.log"),
    ),
    (
        "admin",
        "form or theme of phpMyAdmin",
        by.phpmyadmin,
        ("phpmyadmin/", "pma/"),
    ),
    ("admin", "login form of Adminer", by.adminer, ("adminer.php",)),
    ("admin", "login form of WordPress", by.wordpress_login, ("wp-admin/",)),
    ("admin", "login form of Joomla", by.joomla_login, ("administrator/",)),
    ("admin", "login form of Django", by.django_admin, ("admin/",)),
    (
        "admin",
        "pages of Tomcat's managers",
        by.tomcat_manager,
        ("manager/html", "host-manager/html"),
    ),
    ("admin", "title cPanel or WHM login", by.cpanel, ("cpanel",)),
    ("admin", "login form of Webmin", by.webmin, ("webmin/",)),
    (
        "api_documentation",
        "scripts of Swagger UI, ReDoc, GraphiQL or GraphQL Playground, or an OpenAPI document",
        by.api_page,
        (
            "swagger-ui.html",
            "swagger-ui/index.html",
            "swagger/index.html",
            "api/documentation",
            "api-docs",
            "docs",
            "redoc",
            "graphiql",
            "graphql",
        ),
    ),
    (
        "api_documentation",
        "OpenAPI document, version 2 or 3",
        by.openapi,
        ("swagger.json", "openapi.json", "v2/api-docs", "v3/api-docs"),
    ),
    (
        "folder",
        "a server's own list of files",
        by.directory_listing,
        ("+uploads/", "files/", "backup/", "images/", "assets/", "css/", "js/"),
    ),
)


def _listed() -> Iterator[WellKnownPath]:
    for purpose, confirmed_by, recognise, paths in _GROUPS:
        for path in paths:
            name = path.removeprefix("+")
            yield WellKnownPath(f"/{name}", purpose, confirmed_by, recognise, path[0] == "+")


WELL_KNOWN_PATHS: tuple[WellKnownPath, ...] = tuple(_listed())
"""Every path of the list, in the order in which they are asked."""


def paths_for(host: str, folder: str) -> tuple[tuple[str, WellKnownPath], ...]:
    """The paths to ask of a host, each once; ``folder`` is the service's own, "/" for the root."""
    named = [one for one in WELL_KNOWN_PATHS if HOST not in one.path or ":" not in host]
    wanted = [(one.path.replace(HOST, host), one) for one in named]
    if folder != "/":
        wanted += [(folder.rstrip("/") + one.path, one) for one in named if one.in_folder]
    return tuple(wanted)
