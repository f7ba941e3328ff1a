"""What the pages for a browser share: the head, the style, and a policy without any network."""

import html
import json
from pathlib import Path
from typing import Any

from charrnn.render.heat import COLORS

_ASSETS = Path(__file__).with_name("assets")
_COLD = (  # for 1 to 8, after C. Brewer's scale PuBu
    ("#ece7f2", "#222222"),
    ("#d0d1e6", "#222222"),
    ("#a6bddb", "#222222"),
    ("#74a9cf", "#222222"),
    ("#3690c0", "#ffffff"),
    ("#0570b0", "#ffffff"),
    ("#045a8d", "#ffffff"),
    ("#023858", "#ffffff"),
)


def asset(name: str) -> str:
    """Return a file that goes into pages."""
    return (_ASSETS / name).read_text(encoding="utf-8")


def script_data(name: str, value: Any) -> str:
    """Return an element that holds a value as JSON; no text in it can end the script.

    JSON may spell every ``<`` and the two line ends of scripts as escapes.
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for character in "<\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return f'<script id="{name}" type="application/json">{text}</script>\n'


def page_head(title: str, style: str = "", *, has_script: bool = False) -> str:
    """Return the start of a page up to its body.

    ``.h1`` to ``.h8`` are warm colours, ``.c1`` to ``.c8`` cold ones.
    """
    scripts = "script-src 'unsafe-inline'; worker-src blob:; " if has_script else ""
    policy = f"default-src 'none'; {scripts}style-src 'unsafe-inline'; img-src data:"
    rules = [
        f".{name}{level} {{ background: {back}; color: {front}; }}"
        for name, colors in (("h", COLORS[1:]), ("c", _COLD))
        for level, (back, front) in enumerate(colors, start=1)
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{html.escape(title)}</title>\n<style>\n{asset('page.css')}{style}"
        + "\n".join(rules)
        + "\n</style>\n</head>\n<body>\n"
    )
