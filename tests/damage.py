"""What can happen to the bytes of a log, as small verbs: bytes in, bytes out."""

from __future__ import annotations

from pathlib import Path


def flip_bit(data: bytes, bit: int) -> bytes:
    """One bit of the disk turned over; bit 0 is the lowest of the first byte."""
    damaged = bytearray(data)
    damaged[bit // 8] ^= 1 << bit % 8
    return bytes(damaged)


def cut_at(data: bytes, size: int) -> bytes:
    """Everything from byte `size` on is lost."""
    return data[:size]


def lose_newline(data: bytes) -> bytes:
    """The last byte never reached the disk."""
    assert data.endswith(b"\n")
    return data[:-1]


def append_nuls(data: bytes, count: int) -> bytes:
    """The file grew, but its new blocks were never written."""
    return data + b"\0" * count


def delete_line(data: bytes, line: int) -> bytes:
    """Line `line` (from 0) was taken out."""
    lines = data.splitlines(keepends=True)
    return b"".join(lines[:line] + lines[line + 1 :])


def duplicate_line(data: bytes, line: int) -> bytes:
    """Line `line` (from 0) is there twice."""
    lines = data.splitlines(keepends=True)
    return b"".join(lines[: line + 1] + lines[line:])


def swap_lines(data: bytes, line: int) -> bytes:
    """Line `line` (from 0) and the one behind it changed places."""
    lines = data.splitlines(keepends=True)
    lines[line : line + 2] = reversed(lines[line : line + 2])
    return b"".join(lines)


def edit(data: bytes, old: bytes, new: bytes) -> bytes:
    """Somebody changed a text by hand and left the rest alone."""
    assert data.count(old) == 1, "an edit that hits nothing, or two places, proves nothing"
    return data.replace(old, new)


def splice(data: bytes, other: bytes, line: int) -> bytes:
    """The first `line` lines of one log, the remaining ones of another."""
    return b"".join(data.splitlines(keepends=True)[:line] + other.splitlines(keepends=True)[line:])


def put_back(path: Path, backup: bytes) -> None:
    """A backup was restored over the log."""
    path.write_bytes(backup)
