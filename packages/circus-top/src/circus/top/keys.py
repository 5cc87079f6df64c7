"""From the bytes of a terminal to keys. Pure."""

from typing import Final

__all__ = ["decode"]

_SEQUENCES: Final = {
    b"[A": "up",
    b"[B": "down",
    b"[C": "right",
    b"[D": "left",
    b"[H": "home",
    b"[F": "end",
    b"[1~": "home",
    b"[4~": "end",
    b"[7~": "home",
    b"[8~": "end",
    b"[5~": "pgup",
    b"[6~": "pgdn",
    b"[3~": "delete",
    b"OA": "up",
    b"OB": "down",
    b"OC": "right",
    b"OD": "left",
    b"OH": "home",
    b"OF": "end",
}
_CONTROLS: Final = {
    0x0D: "enter",
    0x0A: "enter",
    0x09: "tab",
    0x7F: "backspace",
    0x08: "backspace",
    0x20: "space",
    0x15: "ctrl-u",
    0x0C: "ctrl-l",
    0x03: "ctrl-c",
    0x04: "ctrl-d",
    0x02: "pgup",
    0x06: "pgdn",
    0x0E: "down",
    0x10: "up",
}


def decode(data: bytes, *, final: bool = False) -> tuple[list[str], bytes]:
    """Keys, and the bytes of one that is not complete yet.

    Args:
        data: what the terminal sent; begins with what was left over the last time.
        final: nothing more comes soon, so that a lone escape is the key of that name.

    Returns:
        Names (``up``, ``enter``, ``ctrl-c``) or single characters, in their order; sequences that are not known are left out.
    """
    keys: list[str] = []
    while data:
        if data[0] == 0x1B:
            key, used = _escape(data, final=final)
        elif data[0] < 0x20 or data[0] in _CONTROLS:
            key, used = _CONTROLS.get(data[0], ""), 1
        else:
            key, used = _character(data, final=final)
        if not used:
            break
        if key:
            keys.append(key)
        data = data[used:]
    return keys, data


def _escape(data: bytes, *, final: bool) -> tuple[str, int]:
    """The key, and how many bytes it takes; 0 if more must come."""
    if len(data) == 1:
        return ("esc", 1) if final else ("", 0)
    if data[1:2] not in {b"[", b"O"}:
        return "esc", 1
    for end in range(2, min(len(data), 16)):
        if 0x40 <= data[end] <= 0x7E:
            return _SEQUENCES.get(data[1 : end + 1], ""), end + 1
    return ("", len(data)) if final or len(data) >= 16 else ("", 0)


def _character(data: bytes, *, final: bool) -> tuple[str, int]:
    first = data[0]
    size = (
        1
        if first < 0x80
        else 2
        if first >> 5 == 6
        else 3
        if first >> 4 == 14
        else 4
        if first >> 3 == 30
        else 1
    )
    if len(data) < size and not final:
        return "", 0
    try:
        text = data[:size].decode()
    except UnicodeDecodeError:
        return "", 1
    return (text if text.isprintable() else ""), size
