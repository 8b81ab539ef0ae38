"""What the well-known TCP ports stand for, and what exposing them would mean.

A number is a hint and no proof: a port says who usually lives there. Ports that unlike programs
use alike carry both names, or stand under WEB only, so that no check accuses by a guess.
Sources: the IANA service name and port number registry, and the manuals of the programs named.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Flag, auto
from types import MappingProxyType


class PortPurpose(Flag):
    """What a port is for, seen by who should not reach it from outside."""

    DATABASE = auto()
    REMOTE_ADMINISTRATION = auto()
    CLEARTEXT = auto()
    FILE_SHARING = auto()
    ORCHESTRATION = auto()
    WEB = auto()
    MAIL = auto()
    INFRASTRUCTURE = auto()


_DATABASE = PortPurpose.DATABASE
_REMOTE = PortPurpose.REMOTE_ADMINISTRATION
_CLEARTEXT = PortPurpose.CLEARTEXT
_FILES = PortPurpose.FILE_SHARING
_PLATFORM = PortPurpose.ORCHESTRATION
_WEB = PortPurpose.WEB
_MAIL = PortPurpose.MAIL
_NETWORK = PortPurpose.INFRASTRUCTURE

_PORTS: Mapping[int, tuple[str, PortPurpose]] = {
    21: ("FTP", _CLEARTEXT),
    22: ("SSH", _REMOTE),
    23: ("Telnet", _REMOTE | _CLEARTEXT),
    25: ("SMTP", _MAIL),
    53: ("DNS", _NETWORK),
    79: ("Finger", _CLEARTEXT),
    80: ("HTTP", _WEB),
    81: ("HTTP", _WEB),
    88: ("Kerberos", _NETWORK),
    110: ("POP3", _MAIL | _CLEARTEXT),
    111: ("ONC RPC portmapper", _FILES),
    119: ("NNTP", _CLEARTEXT),
    135: ("Microsoft RPC", _REMOTE),
    139: ("NetBIOS", _FILES),
    143: ("IMAP", _MAIL | _CLEARTEXT),
    161: ("SNMP", _REMOTE),
    179: ("BGP", _NETWORK),
    389: ("LDAP", _NETWORK | _CLEARTEXT),
    443: ("HTTPS", _WEB),
    445: ("SMB", _FILES),
    465: ("SMTP (TLS)", _MAIL),
    512: ("rexec", _REMOTE | _CLEARTEXT),
    513: ("rlogin", _REMOTE | _CLEARTEXT),
    514: ("rsh", _REMOTE | _CLEARTEXT),
    548: ("AFP", _FILES),
    554: ("RTSP", _NETWORK),
    587: ("SMTP submission", _MAIL),
    623: ("IPMI", _REMOTE),
    631: ("IPP", _FILES),
    636: ("LDAP (TLS)", _NETWORK),
    873: ("rsync", _FILES | _CLEARTEXT),
    990: ("FTP (TLS)", _FILES),
    993: ("IMAP (TLS)", _MAIL),
    995: ("POP3 (TLS)", _MAIL),
    1080: ("SOCKS", _NETWORK),
    1099: ("Java RMI", _PLATFORM),
    1433: ("Microsoft SQL Server", _DATABASE),
    1434: ("Microsoft SQL Server (DAC)", _DATABASE),
    1521: ("Oracle Database", _DATABASE),
    1723: ("PPTP", _NETWORK),
    1883: ("MQTT", _PLATFORM | _CLEARTEXT),
    2049: ("NFS", _FILES),
    2082: ("cPanel", _PLATFORM | _CLEARTEXT),
    2083: ("cPanel (TLS)", _PLATFORM),
    2086: ("WHM", _PLATFORM | _CLEARTEXT),
    2087: ("WHM (TLS)", _PLATFORM),
    2095: ("cPanel Webmail", _PLATFORM | _CLEARTEXT),
    2096: ("cPanel Webmail (TLS)", _PLATFORM),
    2181: ("ZooKeeper", _PLATFORM),
    2222: ("SSH / DirectAdmin", _REMOTE | _PLATFORM),
    2375: ("Docker", _PLATFORM | _CLEARTEXT),
    2376: ("Docker (TLS)", _PLATFORM),
    2377: ("Docker Swarm", _PLATFORM),
    2379: ("etcd", _PLATFORM),
    2380: ("etcd peer", _PLATFORM),
    2483: ("Oracle Database", _DATABASE),
    2484: ("Oracle Database (TLS)", _DATABASE),
    3000: ("HTTP", _WEB),
    3050: ("Firebird", _DATABASE),
    3128: ("HTTP proxy", _NETWORK),
    3260: ("iSCSI", _FILES),
    3268: ("LDAP global catalog", _NETWORK | _CLEARTEXT),
    3269: ("LDAP global catalog (TLS)", _NETWORK),
    3283: ("Apple Remote Desktop", _REMOTE),
    3306: ("MySQL", _DATABASE),
    3389: ("RDP", _REMOTE),
    4222: ("NATS", _PLATFORM),
    4369: ("Erlang EPMD", _PLATFORM),
    4646: ("Nomad", _PLATFORM),
    4786: ("Cisco Smart Install", _REMOTE),
    4848: ("GlassFish admin", _PLATFORM),
    4899: ("Radmin", _REMOTE),
    5000: ("HTTP", _WEB),
    5060: ("SIP", _NETWORK),
    5432: ("PostgreSQL", _DATABASE),
    5433: ("PostgreSQL", _DATABASE),
    5555: ("Android Debug Bridge", _REMOTE),
    5601: ("Kibana", _PLATFORM),
    5631: ("pcAnywhere", _REMOTE),
    5666: ("Nagios NRPE", _PLATFORM),
    5671: ("AMQP (TLS)", _PLATFORM),
    5672: ("AMQP", _PLATFORM | _CLEARTEXT),
    5800: ("VNC (HTTP)", _REMOTE),
    5900: ("VNC", _REMOTE),
    5901: ("VNC", _REMOTE),
    5902: ("VNC", _REMOTE),
    5938: ("TeamViewer", _REMOTE),
    5984: ("CouchDB", _DATABASE),
    5985: ("WinRM", _REMOTE),
    5986: ("WinRM (TLS)", _REMOTE),
    6000: ("X11", _REMOTE),
    6001: ("X11", _REMOTE),
    6379: ("Redis", _DATABASE),
    6380: ("Redis (TLS)", _DATABASE),
    6432: ("PgBouncer", _DATABASE),
    6443: ("Kubernetes API", _PLATFORM),
    6984: ("CouchDB (TLS)", _DATABASE),
    7001: ("WebLogic", _PLATFORM),
    7002: ("WebLogic (TLS)", _PLATFORM),
    7080: ("LiteSpeed admin", _PLATFORM),
    7474: ("Neo4j (HTTP)", _DATABASE),
    7687: ("Neo4j", _DATABASE),
    8000: ("HTTP", _WEB),
    8008: ("HTTP", _WEB),
    8009: ("AJP", _PLATFORM),
    8080: ("HTTP", _WEB),
    8081: ("HTTP", _WEB),
    8086: ("InfluxDB", _DATABASE),
    8088: ("HTTP", _WEB),
    8090: ("HTTP", _WEB),
    8161: ("ActiveMQ console", _PLATFORM),
    8200: ("Vault", _PLATFORM),
    8291: ("MikroTik Winbox", _REMOTE),
    8443: ("HTTPS", _WEB),
    8500: ("Consul", _PLATFORM),
    8501: ("Consul (TLS)", _PLATFORM),
    8529: ("ArangoDB", _DATABASE),
    8728: ("MikroTik API", _REMOTE),
    8729: ("MikroTik API (TLS)", _REMOTE),
    8880: ("HTTP", _WEB),
    8883: ("MQTT (TLS)", _PLATFORM),
    8888: ("HTTP", _WEB),
    8983: ("Solr", _DATABASE),
    9000: ("HTTP", _WEB),
    9042: ("Cassandra", _DATABASE),
    9090: ("HTTP", _WEB),
    9092: ("Kafka", _PLATFORM),
    9160: ("Cassandra (Thrift)", _DATABASE),
    9200: ("Elasticsearch", _DATABASE),
    9300: ("Elasticsearch transport", _DATABASE),
    9443: ("HTTPS", _WEB),
    9990: ("WildFly management", _PLATFORM),
    10000: ("Webmin", _REMOTE),
    10050: ("Zabbix agent", _PLATFORM),
    10051: ("Zabbix server", _PLATFORM),
    10250: ("Kubernetes kubelet", _PLATFORM),
    10255: ("Kubernetes kubelet", _PLATFORM | _CLEARTEXT),
    11211: ("Memcached", _DATABASE),
    15672: ("RabbitMQ management", _PLATFORM),
    16992: ("Intel AMT", _REMOTE),
    16993: ("Intel AMT (TLS)", _REMOTE),
    20000: ("Usermin", _REMOTE),
    24007: ("GlusterFS", _FILES),
    25672: ("RabbitMQ cluster", _PLATFORM),
    26257: ("CockroachDB", _DATABASE),
    27017: ("MongoDB", _DATABASE),
    27018: ("MongoDB", _DATABASE),
    27019: ("MongoDB", _DATABASE),
    28015: ("RethinkDB", _DATABASE),
    28017: ("MongoDB (HTTP)", _DATABASE),
    33060: ("MySQL X Protocol", _DATABASE),
    50000: ("Jenkins agent / IBM Db2", _PLATFORM),
    61616: ("ActiveMQ", _PLATFORM),
}


def _named_for(purpose: PortPurpose) -> Mapping[int, str]:
    return MappingProxyType({port: name for port, (name, used) in _PORTS.items() if purpose & used})


PORT_NAMES: Mapping[int, str] = MappingProxyType({port: name for port, (name, _) in _PORTS.items()})
"""Every port that is known by number. Names are product names, the same in every language."""

DATABASE_PORTS = _named_for(PortPurpose.DATABASE)
REMOTE_ADMINISTRATION_PORTS = _named_for(PortPurpose.REMOTE_ADMINISTRATION)
CLEARTEXT_PORTS = _named_for(PortPurpose.CLEARTEXT)
FILE_SHARING_PORTS = _named_for(PortPurpose.FILE_SHARING)
ORCHESTRATION_PORTS = _named_for(PortPurpose.ORCHESTRATION)
WEB_PORTS = _named_for(PortPurpose.WEB)
MAIL_PORTS = _named_for(PortPurpose.MAIL)
INFRASTRUCTURE_PORTS = _named_for(PortPurpose.INFRASTRUCTURE)
