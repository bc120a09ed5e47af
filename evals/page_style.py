"""How the gate's page looks: light, dark and on paper, with nothing loaded."""

STYLE = """
:root{color-scheme:light dark;--page:#fbfcfd;--card:#fff;--ink:#17212b;--soft:#586573;--line:#dde3e9;
--rule:#eef1f4;--pass:#1c7a45;--fail:#b3261e;--unsure:#94600a;--idle:#6b7783;--pass-bg:#e5f4eb;
--fail-bg:#fbe7e5;--unsure-bg:#fbf0dc;--idle-bg:#eef1f4;--bad:#b3261e14}
@media (prefers-color-scheme:dark){:root{--page:#11161c;--card:#181f27;--ink:#e4eaf0;--soft:#98a5b3;
--line:#2c3742;--rule:#222b35;--pass:#5ccb8c;--fail:#ff8a80;--unsure:#efb755;--idle:#8b98a5;
--pass-bg:#143423;--fail-bg:#43201d;--unsure-bg:#3a2c12;--idle-bg:#252f39;--bad:#ff8a8018}}
*{box-sizing:border-box}
body{font:15px/1.5 system-ui,sans-serif;margin:0;background:var(--page);color:var(--ink)}
main{max-width:77rem;margin:0 auto;padding:2rem 1.25rem 4rem}
header{display:flex;gap:1.25rem;align-items:center;border-left:6px solid var(--tone);
background:var(--card);padding:1.1rem 1.4rem;border-radius:0 10px 10px 0;box-shadow:0 1px 3px #0000001f}
header h1{margin:0;font-size:1.5rem;line-height:1.25}header p{margin:.15rem 0 0;color:var(--soft)}
.sum{margin-left:auto;display:flex;gap:.5rem;flex-wrap:wrap;justify-content:flex-end;
max-width:28rem}
h2{font-size:1.15rem;margin:2.4rem 0 .2rem}h3{font-size:.95rem;margin:0;padding:.7rem 1rem .2rem}
h3 small{font-weight:400}p.note{color:var(--soft);margin:.1rem 0 .8rem;max-width:58rem}
small{color:var(--soft)}
.card{background:var(--card);border:1px solid var(--line);border-radius:10px;margin:.7rem 0;
overflow-x:auto;break-inside:avoid}
table{border-collapse:collapse;width:100%;table-layout:fixed;min-width:66rem;font-variant-numeric:tabular-nums}
th{font-size:.78rem;font-weight:600;color:var(--soft);text-align:left;padding:.45rem 1rem .2rem}
td{padding:.3rem 1rem;border-top:1px solid var(--rule);vertical-align:middle}
tr{break-inside:avoid}.num{text-align:right;white-space:nowrap;padding-left:.25rem;padding-right:.5rem}
.name{width:13.5rem;overflow-wrap:anywhere}.chart{width:430px;padding-left:0;padding-right:0}
.said{width:9rem}.case{width:10rem}.wrong{width:13rem}.cases .chip{margin:0 .15rem .15rem 0}
.cases td{vertical-align:top;padding-top:.55rem;padding-bottom:.55rem;overflow-wrap:anywhere}
.chip{display:inline-block;font-size:.74rem;font-weight:650;letter-spacing:.02em;padding:.1rem .55rem;
border-radius:99px;white-space:nowrap;color:var(--tone);background:var(--tone-bg)}
.PASS{--tone:var(--pass);--tone-bg:var(--pass-bg)}.FAIL{--tone:var(--fail);--tone-bg:var(--fail-bg)}
.INCONCLUSIVE{--tone:var(--unsure);--tone-bg:var(--unsure-bg)}
.SKIPPED{--tone:var(--idle);--tone-bg:var(--idle-bg)}
svg{display:block;max-width:100%;height:auto}svg text{font:11px system-ui,sans-serif;fill:var(--soft)}
.axis{stroke:var(--line)}.zero{stroke:var(--idle)}.worse{fill:var(--bad)}
.span{stroke:var(--tone);stroke-width:5;stroke-linecap:round;opacity:.42}.dot{fill:var(--tone)}
.goal{stroke:var(--ink);stroke-width:1.5}
details{margin:.7rem 0}summary{cursor:pointer;color:var(--soft)}
@media print{:root{color-scheme:light;--page:#fff;--card:#fff;--ink:#000;--soft:#444;--line:#bbb;
--rule:#ddd;--pass:#14602f;--fail:#a01810;--unsure:#7a4d00;--idle:#555;--pass-bg:#fff;--fail-bg:#fff;
--unsure-bg:#fff;--idle-bg:#fff;--bad:#a0181014}
*{print-color-adjust:exact}main{padding:0;max-width:none}header{box-shadow:none}
.chip{border:1px solid var(--tone)}body{font-size:11px}.card{border-radius:0}
td,th{padding-left:.5rem;padding-right:.5rem}.chart{width:330px}table{min-width:0}.name{width:10rem}
details::details-content{content-visibility:visible;height:auto}@page{size:A4 landscape;margin:12mm}}
"""
