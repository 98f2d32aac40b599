"""Texts that try to be something else than text."""

TERMINAL = [
    *(chr(code) for code in range(0x20)),
    *(chr(code) for code in range(0x7F, 0xA0)),
    *"\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069",
    *"\u2028\u2029",
]
"""Every character that a terminal may take for an order: C0, DEL, C1, directions, line ends."""

ORDERS = [
    "\x1b[31mred\x1b[0m",
    "\x1b[2J\x1b[H",
    "\x1b]0;title\x07",
    "\x1b]8;;http://evil.example\x1b\\click\x1b]8;;\x1b\\",
    "\x1b]52;c;ZXZpbA==\x07",
    "\x9b31m",
    "\x9d0;title\x9c",
    "\x1bP+q\x1b\\",
    "\u202egnp.exe",
    "\u2066\u2069",
    "a\rb",
    "a\bb",
    "{reset}",
    "[bold red]markup[/]",
    ":smile:",
]
"""Whole sequences: colours, screens, titles, links, clipboards, reversed text, a table's own markup."""

ALL = "".join(f"<{character}>" for character in TERMINAL) + " ".join(ORDERS)

SHELL = [
    "it's",
    "'; touch pwned; '",
    '"; touch pwned; "',
    "$(touch pwned)",
    "`touch pwned`",
    "${IFS}touch${IFS}pwned",
    "a\nb; touch pwned\n",
    "\\' \\\\ \\n \\",
    "!!",
    "!touch",
    "*?[a-z]{a,b}",
    "~ ~root",
    "a&&touch pwned||b|c>d<e&",
    "# comment",
    "\ttab\t",
    "größer 🙂 \u200d \u202e \u0301",
    "\x01\x02\x1b[31m\x7f\x80\x9b\u2028",
    "\ufeff\U000e0041\ufffb",
    "-",
    "--parent",
    "%s %d",
    "$'\\x41'",
    "=ls",
    "",
    " ",
]
"""What a shell would act on if it were not quoted."""
