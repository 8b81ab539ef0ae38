"""Permissions-Policy is read as a dictionary of structured fields (RFC 9651)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spbe_audit.evidence import parse_permissions_policy as parse


def test_allowlists() -> None:
    policy = parse(
        'camera=(), microphone=(self "https://a.example"),\tgeolocation=self , usb=*,'
        'midi=( "https://b.example"  self ), hid=(* self)'
    )
    assert policy.features == {
        "camera": (),
        "microphone": ("self", "https://a.example"),
        "geolocation": ("self",),
        "usb": ("*",),
        "midi": ("https://b.example", "self"),
        "hid": ("*", "self"),
    }
    opened = [name for name in policy.features if policy.open_to_all(name)]
    assert opened == ["usb", "hid"]
    assert not policy.open_to_all("payment")


def test_of_a_feature_that_is_named_twice_the_last_one_counts() -> None:
    assert parse("camera=*, usb=(), camera=()").features == {"camera": (), "usb": ()}


def test_parameters_are_read_and_dropped() -> None:
    policy = parse('camera=(self;a "https://a.example";b=1);report-to="x";c=?1, usb;d=:aGk=:')
    assert policy.features == {"camera": ("self", "https://a.example"), "usb": ()}


@pytest.mark.parametrize(
    "item", ["1", "-12.5", "?1", ":aGk=:", "@1659578233", "none", '"self"', '"*"', "https://a.b"]
)
def test_an_item_that_names_nobody_shuts_the_feature(item: str) -> None:
    assert parse(f"camera={item}").features == {"camera": ()}


@pytest.mark.parametrize(
    "text",
    [
        "camera 'none'; microphone 'none'",
        "camera=(), ",
        "camera=(),",
        "camera=() microphone=()",
        "camera=(), , usb=()",
        "Camera=()",
        "camera=",
        "camera=(self",
        "camera=(self,self)",
        'camera=("https://a.example)',
        'camera=(self"https://a.example")',
        "camera='none'",
        'camera="\\x"',
        "camera=(self) ; usb=()",
        "camera=();",
        "camera=();a=",
        "camera=?2",
        "camera=(’self’)",  # noqa: RUF001 - the quotes that word processors write
        "=()",
        "1camera=()",
    ],
)
def test_one_mistake_undoes_the_whole_field(text: str) -> None:
    policy = parse(text)
    assert not policy.readable
    assert policy.features == {}


def test_an_empty_field_is_readable_and_says_nothing() -> None:
    assert parse("") == parse("  ")
    assert parse("").readable


@given(st.text(alphabet=st.sampled_from('camera=(), self"*;?1:@ \t\\-.'), max_size=60))
def test_no_text_breaks_the_reader(text: str) -> None:
    policy = parse(text)
    assert policy.readable or not policy.features


def test_a_long_field_is_read_in_one_pass() -> None:
    text = ", ".join(f"f{number}=(self)" for number in range(20_000))
    assert len(parse(text).features) == 20_000
