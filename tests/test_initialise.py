"""The starter files: written whole, never over anything, and valid as they are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from spbe_audit.errors import SpbeAuditError
from spbe_audit.finding import ControlStatus, ManualAnswer
from spbe_audit.initialise import STARTER_FILES, write_starter_files
from spbe_audit.manual_answers import load_answers
from spbe_audit.target_files import load_targets


def answers(path: Path) -> tuple[ManualAnswer, ...]:
    return load_answers(path, controls=["bssn-4-2021:p27-a8-a"], agencies=[])


def test_all_files_are_written(tmp_path: Path) -> None:
    folder = tmp_path / "audit" / "2026"
    assert write_starter_files(folder) == tuple(folder / name for name in STARTER_FILES)
    assert sorted(path.name for path in folder.iterdir()) == sorted(STARTER_FILES)


def test_the_target_list_is_valid_unchanged(tmp_path: Path) -> None:
    write_starter_files(tmp_path)
    targets = load_targets(tmp_path / "targets.yaml")
    assert [service.id for service in targets.services] == [
        "portal",
        "perizinan",
        "data-contoh-example",
    ]
    assert targets.engagement is not None
    assert targets.engagement.names == ("contoh.example", "*.contoh.example")


def test_the_lines_that_are_commented_out_are_valid_too(tmp_path: Path) -> None:
    write_starter_files(tmp_path)
    path = tmp_path / "targets.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(re.sub(r"# (name_servers|- 203)", r"\1", text), encoding="utf-8")
    targets = load_targets(path)
    assert len(targets.name_servers) == 2
    assert targets.engagement is not None
    assert len(targets.engagement.networks) == 1


def test_the_manual_answers_are_valid_empty_and_filled_in(tmp_path: Path) -> None:
    write_starter_files(tmp_path)
    path = tmp_path / "manual-answers.yaml"
    assert answers(path) == ()
    before, after = path.read_text(encoding="utf-8").split("answers: []")
    path.write_text(before + "answers:" + after.replace("\n#  ", "\n  "), encoding="utf-8")
    assert [answer.status for answer in answers(path)] == [ControlStatus.PARTLY_CONFORMING]


def test_the_cron_line_scans_quietly(tmp_path: Path) -> None:
    write_starter_files(tmp_path)
    lines = (tmp_path / "crontab.example").read_text(encoding="utf-8").splitlines()
    assignment = re.compile(r"[A-Z_]+=")
    commands = [line for line in lines if line[:1] not in {"", "#"} and not assignment.match(line)]
    assert commands
    for line in commands:
        assert re.match(r"[0-9*/-]+ [0-9*/]+ \S+ \S+ \S+  ", line)
        assert "%" not in line, "cron makes a line end of it"
    assert any("spbe-audit scan targets.yaml" in line and "--quiet" in line for line in commands)


@pytest.mark.parametrize("name", STARTER_FILES)
def test_nothing_is_written_over_or_beside_a_file(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine", encoding="utf-8")
    with pytest.raises(SpbeAuditError) as caught:
        write_starter_files(tmp_path)
    assert str(tmp_path / name) in str(caught.value)
    assert "another folder" in caught.value.diagnostics()
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text(encoding="utf-8") == "mine"


def test_a_dangling_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "targets.yaml").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SpbeAuditError, match="there already, nothing was written"):
        write_starter_files(tmp_path)
    assert not (tmp_path / "elsewhere").exists()


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(SpbeAuditError) as caught:
        write_starter_files(tmp_path / "file" / "folder")
    assert "cannot be written" in str(caught.value)
    assert caught.value.advice
