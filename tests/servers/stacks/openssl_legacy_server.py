"""A TLS server on an OpenSSL of long ago, which is loaded from a folder of its own.

python openssl_legacy_server.py PORT LIBRARIES METHOD DH CERTIFICATE KEY [CERTIFICATE KEY ...]

METHOD is the name of a function of libssl: SSLv23_server_method, SSLv2_server_method. Whoever
starts it puts LIBRARIES into LD_LIBRARY_PATH. Every connection has a process of its own, which
ends after ten seconds at the latest.
"""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import sys
from pathlib import Path

_SECONDS = 10
_EVERYTHING = b"ALL:COMPLEMENTOFALL"
_PEM = 1
# Commands of SSL_CTX_ctrl, from ssl.h of 0.9.8 and 1.0.2.
_SET_TMP_RSA, _SET_TMP_DH, _SET_ECDH_AUTO = 2, 3, 94
_EXPORT_BITS, _PUBLIC_EXPONENT = 512, 65537
_PRE_SHARED = b"\x01\x02\x03\x04"
_ANSWER = b"HTTP/1.0 200 OK\r\n\r\nok"

_PskCallback = ctypes.CFUNCTYPE(
    ctypes.c_uint, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p, ctypes.c_uint
)

_DhCallback = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_int)
_called_back: list[object] = []


def _pre_shared_key(_ssl: int, _identity: bytes, room: int, _length: int) -> int:
    ctypes.memmove(room, _PRE_SHARED, len(_PRE_SHARED))
    return len(_PRE_SHARED)


def main(arguments: list[str]) -> None:
    """Serve until told to end."""
    port, folder, method, parameters, *pairs = arguments
    crypto = _load(Path(folder), "libcrypto")
    libssl = _load(Path(folder), "libssl")
    libssl.SSL_library_init()
    context = _pointer(libssl, "SSL_CTX_new", _pointer(libssl, method))
    for certificate, key in zip(pairs[::2], pairs[1::2], strict=True):
        _use(libssl, context, certificate, key)
    _allow_weak_keys(libssl, crypto, context, parameters)
    if not libssl.SSL_CTX_set_cipher_list(context, _EVERYTHING):
        raise SystemExit("no suite at all")
    if hasattr(libssl, "SSL_CTX_set_psk_server_callback"):
        libssl.SSL_CTX_set_psk_server_callback(context, _kept(_PskCallback(_pre_shared_key)))
    _serve(libssl, context, int(port))


def _kept(callback: object) -> object:
    """The callback, which must live as long as the library that holds its address."""
    _called_back.append(callback)
    return callback


def _load(folder: Path, name: str) -> ctypes.CDLL:
    (file,) = folder.glob(f"{name}-*")
    return ctypes.CDLL(str(file), ctypes.RTLD_GLOBAL)


def _pointer(library: ctypes.CDLL, name: str, *arguments: object) -> ctypes.c_void_p:
    function = library[name]
    function.restype = ctypes.c_void_p
    told = function(*arguments)
    if not told:
        raise SystemExit(f"{name} gave nothing")
    return ctypes.c_void_p(told)


def _use(libssl: ctypes.CDLL, context: ctypes.c_void_p, certificate: str, key: str) -> None:
    for name, file in (("certificate", certificate), ("PrivateKey", key)):
        if libssl[f"SSL_CTX_use_{name}_file"](context, file.encode(), _PEM) != 1:
            raise SystemExit(f"{file} is refused")


def _allow_weak_keys(
    libssl: ctypes.CDLL, crypto: ctypes.CDLL, context: ctypes.c_void_p, parameters: str
) -> None:
    """Give it what anonymous, ephemeral and export suites need."""
    text = Path(parameters).read_bytes()
    buffer = _pointer(crypto, "BIO_new_mem_buf", text, len(text))
    group = _pointer(crypto, "PEM_read_bio_DHparams", buffer, None, None, None)
    libssl.SSL_CTX_ctrl(context, _SET_TMP_DH, 0, group)
    small = _pointer(crypto, "DH_generate_parameters", _EXPORT_BITS, 2, None, None)

    def group_for(_ssl: int, export: int, _length: int) -> int | None:
        return (small if export else group).value

    libssl.SSL_CTX_set_tmp_dh_callback(context, _kept(_DhCallback(group_for)))
    key = _pointer(crypto, "RSA_generate_key", _EXPORT_BITS, _PUBLIC_EXPONENT, None, None)
    libssl.SSL_CTX_ctrl(context, _SET_TMP_RSA, 0, key)
    libssl.SSL_CTX_ctrl(context, _SET_ECDH_AUTO, 1, None)


def _serve(libssl: ctypes.CDLL, context: ctypes.c_void_p, port: int) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.create_server(("127.0.0.1", port), backlog=256) as listener:
        while True:
            connection, _ = listener.accept()
            with connection:
                if os.fork() == 0:
                    listener.close()
                    signal.alarm(_SECONDS)
                    _converse(libssl, context, connection)
                    os._exit(0)


def _converse(libssl: ctypes.CDLL, context: ctypes.c_void_p, connection: socket.socket) -> None:
    conversation = _pointer(libssl, "SSL_new", context)
    libssl.SSL_set_fd(conversation, connection.fileno())
    if libssl.SSL_accept(conversation) == 1:
        libssl.SSL_read(conversation, ctypes.create_string_buffer(4096), 4096)
        libssl.SSL_write(conversation, _ANSWER, len(_ANSWER))
        libssl.SSL_shutdown(conversation)


if __name__ == "__main__":
    main(sys.argv[1:])
