"""The style sheet of the report: light and dark, wide and narrow, nothing from elsewhere."""

from __future__ import annotations

from projections.render.palette import LIGHT, MONOSPACE, SANS, css_variables, svg_style

_PAGE = """
*{box-sizing:border-box}
html{scroll-behavior:smooth;-webkit-text-size-adjust:100%}
body{margin:0 auto;max-width:1280px;padding:24px 20px 80px;background:var(--paper);color:var(--ink);
font:15px/1.5 @SANS@}
h1{font-size:26px;line-height:1.25;margin:0 0 6px}
h2{font-size:19px;margin:40px 0 12px;padding-bottom:6px;border-bottom:1px solid var(--grid)}
h3{font-size:14px;margin:18px 0 6px;color:var(--faint);font-weight:600}
p{margin:6px 0}
h1,p,li,td,summary,pre{overflow-wrap:anywhere}
code,pre,.id{font-family:@MONOSPACE@;font-size:.88em}
.faint{color:var(--faint)}
nav{display:flex;flex-wrap:wrap;gap:6px 18px;margin:14px 0}
a{color:var(--ready-text)}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(130px,1fr));gap:10px;margin:18px 0}
.tile{border:1px solid var(--grid);border-radius:8px;padding:10px 14px}
.tile b{display:block;font-size:20px;font-weight:600}
.tile span{color:var(--faint);font-size:13px}
.bar{display:block;width:100%;height:10px;border-radius:5px;margin:14px 0 8px}
.chip{display:inline-block;border:1px solid;border-radius:11px;padding:0 9px;font-size:12px;line-height:20px;
white-space:nowrap}
.scroll{overflow:auto;max-height:86vh;border:1px solid var(--grid);border-radius:8px}
.scroll svg{display:block}
.scroll.fit svg{max-width:100%;height:auto}
#full{margin:0 4px 10px 0}
#full:checked~.scroll.fit svg{max-width:none}
table{border-collapse:collapse;min-width:50%;font-size:14px}
th{text-align:left;color:var(--faint);font-weight:600;font-size:13px}
th,td{padding:5px 12px 5px 0;border-bottom:1px solid var(--grid);vertical-align:top}
.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.wide{overflow-x:auto}
pre{background:var(--blocked-fill);border:1px solid var(--grid);border-radius:6px;padding:10px 12px;
margin:6px 0;white-space:pre-wrap;max-height:320px;overflow:auto}
details.w{border-bottom:1px solid var(--grid);content-visibility:auto;contain-intrinsic-size:auto 37px}
details.w>summary{display:flex;flex-wrap:wrap;gap:4px 12px;align-items:center;padding:7px 4px;cursor:pointer;
list-style:none}
details.w>summary::-webkit-details-marker{display:none}
details.w>summary::before{content:"\\25b8";color:var(--faint);width:12px}
details.w[open]>summary::before{content:"\\25be"}
details.w>summary .id{flex:1 1 260px;font-weight:600}
details.w>summary .faint{font-size:13px}
.story{padding:2px 4px 18px 28px}
.late{content-visibility:auto;contain-intrinsic-size:auto 700px}
@media (max-width:600px){body{padding:16px 12px 60px}h1{font-size:22px}.story{padding-left:8px}
.tile b{font-size:17px}details.w>summary .id{flex-basis:70%}
tr.a{display:block;padding:8px 0;border-bottom:1px solid var(--grid)}tr.a>td{display:inline;border:0}
thead.a{display:none}}
@media print{.scroll{max-height:none}details.w{content-visibility:visible}}
"""


def report_style() -> str:
    """Returns the whole style sheet, that of the pictures included."""
    chips = "".join(
        f".chip.{status}{{background:var(--{status}-fill);border-color:var(--{status}-edge);"
        f"color:var(--{status}-text)}}.bar .{status}{{fill:var(--{status}-edge)}}\n"
        for status in LIGHT
    )
    page = _PAGE.replace("@SANS@", SANS).replace("@MONOSPACE@", MONOSPACE)
    return (
        f":root{{color-scheme:light dark;{css_variables('light')}}}\n"
        f"@media (prefers-color-scheme:dark){{:root{{{css_variables('dark')}}}}}\n"
        f"{page}{chips}{svg_style()}\n"
    )
