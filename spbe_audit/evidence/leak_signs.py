"""The signs of what a page gives away: stack traces, errors of databases, debug pages, listings.

Each asks for structure that a program writes (a frame of a stack, a path with its line), never for
a word that a person writes about it.
"""

from __future__ import annotations

from spbe_audit.evidence.page_sign import Sign, sign

_STACK_TRACES: tuple[Sign, ...] = (
    sign(
        "stack_trace.php",
        "</b> on line <b>",
        shape=(
            r"<b>(?:php )?(?:[a-z]{4,12} )?(?:error|warning|notice|deprecated|standards)</b>:",
            r" in <b>[^<\n]{1,300}</b> on line <b>\d{1,7}</b>",
        ),
    ),
    sign(
        "stack_trace.php",
        " on line ",
        shape=r"(?:fatal error|parse error|warning|notice): [^\n<]{1,400} in"
        r" (?:/|[a-z]:\\)[^\n<:]{1,300}\.\w{2,5} on line \d{1,7}",
    ),
    sign("stack_trace.php", ".php(", shape=r"#\d{1,3} [^\n<#]{1,300}\.php\(\d{1,7}\): "),
    sign(
        "stack_trace.php",
        '.php"',
        shape=r'"file": {0,2}"[^"\n]{1,300}\.php", {0,2}"line": {0,2}\d',
    ),
    sign("stack_trace.java", ".java:", shape=r"\bat [\w$./@&;<>]{3,300}+\([\w$]{1,99}\.java:\d"),
    sign(
        "stack_trace.python",
        "traceback (most recent call last)",
        shape=r'\bfile "[^"\n]{1,300}", line \d{1,7}, in ',
    ),
    sign(
        "stack_trace.dotnet",
        ":line ",
        shape=r"\bat [\w.`<>\[\],&;+]{3,300}\([^()\n]{0,300}\) in [^\n<]{3,300}:line \d",
    ),
    sign("stack_trace.dotnet", "server error in '", " application.", "<b>stack trace:</b>"),
    sign(
        "stack_trace.dotnet",
        "an unhandled exception occurred while processing the request.",
        'id="stackpage"',
    ),
    sign(
        "stack_trace.node",
        ":",
        shape=r"\bat [\w$.<> \[\]&;#]{0,120}"
        r"\((?:file://|node:|[a-z]:\\|/)[^\n()<:]{1,300}:\d{1,7}:\d{1,7}\)",
    ),
    sign("stack_trace.ruby", ".rb:", shape=r"\.rb:\d{1,7}:in ['`][^'\n<]{1,200}'"),
)

_SQL_ERRORS: tuple[Sign, ...] = (
    sign(
        "sql_error.mysql",
        "you have an error in your sql syntax; check the manual that corresponds to your ",
        " server version for the right syntax to use near ",
    ),
    sign(
        "sql_error.mysql",
        "sqlstate[",
        shape=r"sqlstate\[\w{5}\](?: \[[12]\d{3}\]|:[^\n<]{1,80}?: 1\d{3} )",
    ),
    sign(
        "sql_error.mysql",
        "mysql",
        shape=r"<b>warning</b>:\s{1,4}mysqli?(?:_\w{1,30}|::\w{1,30})\(\)",
    ),
    sign("sql_error.mysql", "uncaught mysqli_sql_exception: "),
    sign(
        "sql_error.mysql",
        "access denied for user '",
        shape=r"denied for user '[^'\n]{0,80}'@'[^'\n]{1,255}' \(using password: (?:yes|no)\)",
    ),
    sign(
        "sql_error.mysql",
        "com.mysql.",
        shape=r"com\.mysql\.(?:cj\.)?jdbc\.exceptions\.[\w.]{3,99}: ",
    ),
    sign(
        "sql_error.postgresql", "sqlstate[", shape=r"sqlstate\[\w{5}\](?: \[7\]|:[^\n<]{1,80}?: 7 )"
    ),
    sign(
        "sql_error.postgresql",
        "pg_",
        shape=r"\bpg_\w{3,20}\(\): [^\n<]{0,60}?(?:failed|error|unable)",
    ),
    sign("sql_error.postgresql", "org.postgresql.util.psqlexception: "),
    sign("sql_error.postgresql", "psycopg", shape=r"\bpsycopg2?\.(?:errors\.)?\w{4,40}: "),
    sign("sql_error.postgresql", "npgsql.", shape=r"\bnpgsql\.\w{4,30}exception"),
    sign("sql_error.postgresql", "pg::", shape=r"\bpg::\w{4,30}: error: "),
    sign(
        "sql_error.mssql",
        "[microsoft]",
        shape=r"\[microsoft\] ?\[[^\]\n]{0,60}(?:odbc|sql server)[^\]\n]{0,60}\]",
    ),
    sign(
        "sql_error.mssql",
        ".data.sqlclient.sqlexception",
        shape=r"\b(?:system|microsoft)\.data\.sqlclient\.sqlexception",
    ),
    sign("sql_error.mssql", "com.microsoft.sqlserver.jdbc.sqlserverexception: "),
    sign(
        "sql_error.mssql",
        "the character string '",
        shape=r"unclosed quotation mark (?:after|before) the character string '",
    ),
    sign("sql_error.oracle", "ora-", shape=r"\boci_?\w{2,30}\(\):? {1,2}ora-\d{5}: "),
    sign("sql_error.oracle", "ora-", shape=r"exception: ora-\d{5}: "),
    sign("sql_error.oracle", "ora-06512: at ", shape=r"\bora-\d{5}: \w"),
    sign(
        "sql_error.sqlite",
        "sqlstate[",
        shape=r"sqlstate\[hy000\]:[^\n<]{1,80}?: 1 (?:no such|near |unrecognized)",
    ),
    sign(
        "sql_error.sqlite",
        "sqlite",
        shape=r"\bsqlite3(?:::\w{4,20}\(\)|\.operationalerror|\.databaseerror): ",
    ),
    sign("sql_error.sqlite", "sqlite", shape=r"(?:\[sqlite_error\]|\bsqlite_error:) "),
    sign("sql_error.sqlite", "org.sqlite.sqliteexception: "),
)

_DEBUG_PAGES: tuple[Sign, ...] = (
    sign("debug.laravel", "window.ignite(", "window.data"),
    sign("debug.laravel", "laravel-exceptions-renderer"),
    sign("debug.laravel", 'class="whoops container"'),
    sign("debug.laravel", 'id="plain-exception"', 'class="exc-title'),
    sign("debug.laravel", '"exception":', "illuminate\\\\", '"trace":'),
    sign(
        "debug.django",
        "debug = true",
        shape=r"because you have (?:<code>)?debug = true(?:</code>)?"
        r"\s{1,10}in\s{1,10}your\s{1,10}django settings file",
    ),
    sign("debug.symfony", 'class="exception-summary', 'class="exception-message'),
    sign("debug.symfony", "sf-toolbar", shape=r'id="sfwdt[0-9a-f]{3,}'),
    sign(
        "debug.codeigniter",
        "error was encountered",
        shape=r"<h4>a php error was encountered</h4>\s{0,40}<p>severity: ",
    ),
    sign("debug.codeigniter", "<h4>an uncaught exception was encountered</h4>"),
    sign("debug.codeigniter", "displayed at ", shape=r"php: [\d.]{3,12}[^<]{0,20}codeigniter: \d"),
    sign("debug.codeigniter", 'id="debugbar_loader"'),
    sign("debug.rails", title=r"^action controller: exception caught$"),
    sign("debug.rails", 'id="application-trace"', 'id="framework-trace"'),
    sign("debug.werkzeug", title=r"// werkzeug debugger$"),
    sign("debug.werkzeug", "werkzeug", "evalex", "evalex_trusted"),
    sign("debug.yii", 'class="call-stack"', "yii\\"),
    sign("debug.yii", 'id="yii-debug-toolbar"'),
    sign(
        "debug.yii",
        shape=r'<div class="version">[^<]{0,60}<a href="https?://www\.yiiframework\.com/"',
    ),
)

_SERVER_PATH = (
    r"(?:/var/www/|/home/[\w.-]{1,60}/(?:public_html|domains|htdocs|www)/|/usr/share/nginx/"
    r"|/opt/lampp/htdocs/|/srv/(?:www|http)/|/usr/local/(?:apache2?|lsws|nginx)/"
    r"|[a-z]:\\{1,2}(?:inetpub|xampp|wamp(?:64)?|laragon)\\{1,2})"
)
_SOURCE_FILE = (
    r"[\w.@\\/ -]{1,200}?\.(?:php\d?|phtml|inc|tpl|py|rb|jsp|java|cgi|pl|aspx?|cs|cshtml|vb|js|ts)"
)

_PATH_LEAKS: tuple[Sign, ...] = (
    # A path of itself is what a manual prints too; the place in the file shows that it leaked.
    sign(
        "path_leak",
        shape=_SERVER_PATH
        + _SOURCE_FILE
        + r"(?:</\w{1,8}>|['\"])?(?:\(\d|:\d| on line |,? line|:line)",
    ),
    sign(
        "path_leak",
        shape=r"(?:failed to open stream|no such file or directory|open_basedir|failed opening)"
        r"[^\n]{0,200}?" + _SERVER_PATH,
    ),
    sign("path_leak", "physical path", shape=r"physical path</th>\s{0,20}<td>[^<]{0,40}[a-z]:\\"),
)

_LISTINGS: tuple[Sign, ...] = (
    sign("listing.nginx", shape=r'<h1>index of [^<]{1,500}</h1><hr><pre><a href="\.\./">\.\./</a>'),
    sign(
        "listing.lighttpd",
        '<div class="list">',
        shape=(r"<h2>index of [^<]{1,500}</h2>", r'summary="directory listing"'),
    ),
    sign(
        "listing.python",
        shape=(r"<title>directory listing for /", r"<h[12]>directory listing for /"),
    ),
    sign(
        "listing.tomcat",
        shape=(
            r"<title>directory listing for \[?/",
            r"<h1>directory listing for \[?/",
            r"apache tomcat|<td align=\"left\">(?:&nbsp;)?",
        ),
    ),
    sign("listing.iis", shape=r"<h1>[^<]{1,200} - /[^<]{0,300}</h1><hr>\s{0,10}<pre>"),
    sign(
        "listing.apache",
        shape=(r"<h1>index of /[^<]{0,500}</h1>", r'<a href="\?c=n(?:;|&amp;|&)o=[ad]"'),
    ),
    sign(
        "listing.apache",
        shape=r"<h1>index of /[^<]{0,500}</h1>\s{0,10}<ul>\s{0,10}(?:<li>)?<a href=",
    ),
    sign(
        "listing.apache",
        shape=r"<h1>index of /[^<]{0,500}</h1>\s{0,10}<pre>(?:<img [^>]{0,200}>)? ?(?:<a |name)",
    ),
    sign(
        "listing.generic",
        title=r"^(?:index of /|directory: /)",
        shape=r"<h[12]>(?:index of|directory:) /[^\n]{0,500}",
    ),
)

LEAK_SIGNS: tuple[Sign, ...] = (
    *_STACK_TRACES,
    *_SQL_ERRORS,
    *_DEBUG_PAGES,
    *_PATH_LEAKS,
    *_LISTINGS,
)
"""Every such sign, in the order in which marks are told."""
