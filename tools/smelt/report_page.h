// The pages that reports are written as: data goes between kDataBegin and kDataEnd. Nothing is loaded from elsewhere.
#pragma once

namespace smelt::cli {

// Everything up to the body. Colours are for units (matrix, simd, plain) and for categories; both themes keep 4.5:1 for text.
inline constexpr const char kPageHead[] = R"html(<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>Smelt</title>
<style>
:root { color-scheme: light dark; --bg: #fbfbfa; --card: #fff; --fg: #1b1f24; --soft: #5a646f;
  --line: #dfe3e8; --hover: #f2f5f8; --accent: #2458c5;
  --matrix: #08805a; --simd: #2f6fde; --plain: #b4540a; --none: #8c959f;
  --product: #5b4bc4; --elementwise: #0c8599; --movement: #c2410c; --control: #8c959f;
  --better: #08805a; --worse: #c22b2b; }
@media (prefers-color-scheme: dark) { :root { --bg: #0f1215; --card: #171b20; --fg: #e8ebee;
  --soft: #9aa6b2; --line: #2a3138; --hover: #1f252b; --accent: #86aaff;
  --matrix: #35c992; --simd: #6d9dff; --plain: #f0a04a; --none: #76818c;
  --product: #9d8cff; --elementwise: #3fc3d6; --movement: #ff8a5c; --control: #76818c;
  --better: #35c992; --worse: #ff7b7b; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 78rem; padding: 1.25rem; background: var(--bg); color: var(--fg);
  font: 15px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
header { margin-bottom: 1rem; } header p { margin: .15rem 0 0; color: var(--soft); }
h1 { font-size: 1.4rem; line-height: 1.25; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 1rem; margin: 0 0 .6rem; }
section { background: var(--card); border: 1px solid var(--line); border-radius: .75rem;
  padding: 1rem; margin-top: 1rem; }
.two { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 24rem), 1fr)); }
.two section { margin-top: 0; } .two { margin-top: 1rem; }
.tiles { display: grid; gap: .6rem; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); }
.tile { background: var(--card); border: 1px solid var(--line); border-radius: .75rem; padding: .7rem .85rem; }
.tile b { display: block; font-size: 1.45rem; line-height: 1.3; font-variant-numeric: tabular-nums; }
.tile span { color: var(--soft); font-size: .87rem; }
.bar { display: flex; height: 1.25rem; border-radius: .4rem; overflow: hidden; background: var(--hover); }
.bar i { display: block; min-width: 2px; }
.key { display: flex; flex-wrap: wrap; gap: .2rem 1.1rem; margin-top: .5rem; font-size: .9rem; }
.key b { font-weight: 600; font-variant-numeric: tabular-nums; }
.key i { display: inline-block; width: .7rem; height: .7rem; border-radius: .2rem; margin-right: .4rem; }
.soft { color: var(--soft); }
.lanes { display: grid; grid-template-columns: max-content 1fr; gap: .3rem .7rem; align-items: center; }
.lane { position: relative; height: 1.4rem; background: var(--hover); border-radius: .3rem; overflow: hidden; }
.lane i { position: absolute; top: 0; bottom: 0; min-width: 1px; cursor: pointer; }
.lane i:hover { filter: brightness(1.25); }
.lanes small { color: var(--soft); }
.axis { display: flex; justify-content: space-between; font-variant-numeric: tabular-nums; }
.controls { display: flex; flex-wrap: wrap; gap: .5rem; margin-bottom: .6rem; align-items: center; }
input, select { font: inherit; color: inherit; background: var(--bg); border: 1px solid var(--line);
  border-radius: .45rem; padding: .35rem .6rem; }
input { flex: 1 1 11rem; min-width: 0; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: .38rem .55rem; border-bottom: 1px solid var(--line); white-space: nowrap; }
thead th { color: var(--soft); font-weight: 600; font-size: .87rem; }
th:first-child, td:first-child { text-align: left; white-space: normal; min-width: 10rem; overflow-wrap: anywhere; }
th button { all: unset; cursor: pointer; } th button:focus-visible, tr:focus-visible { outline: 2px solid var(--accent); }
th[aria-sort=descending] button::after { content: " ▼"; } th[aria-sort=ascending] button::after { content: " ▲"; }
tbody tr.row { cursor: pointer; } tbody tr.row:hover { background: var(--hover); }
td:first-child { border-left: .25rem solid var(--mark, transparent); }
td small { display: block; color: var(--soft); overflow-wrap: anywhere; }
.pill { display: inline-block; border-radius: 1rem; padding: 0 .55rem; font-size: .82rem; color: var(--card);
  background: var(--mark); }
.meter { display: inline-block; width: 3.2rem; height: .45rem; border-radius: .3rem; background: var(--hover);
  margin-left: .5rem; vertical-align: middle; overflow: hidden; } .meter i { display: block; height: 100%; background: var(--mark); }
.gone td { color: var(--soft); }
.why > td { text-align: left !important; white-space: normal; background: var(--hover); border-left-color: var(--mark); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem .9rem; margin: .2rem 0; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; } dd ul { margin: 0; padding-left: 1.1rem; }
.better { color: var(--better); } .worse { color: var(--worse); }
svg { display: block; width: 100%; height: auto; } svg text { fill: var(--soft); font: 12px system-ui, sans-serif; }
svg .point { cursor: pointer; } svg .roof { stroke-width: 2; fill: none; }
footer { color: var(--soft); font-size: .85rem; margin: 1rem 0; }
@media (max-width: 45rem) { .wide { display: none; } body { padding: .75rem; } section { padding: .75rem; }
  .tiles { grid-template-columns: 1fr 1fr; } .tile b { font-size: 1.2rem; } th, td { padding: .38rem .3rem; }
  .meter { display: none; } dl { grid-template-columns: 1fr; } dt { margin-top: .3rem; } svg text { font-size: 25px; } }
</style></head><body>
)html";

inline constexpr const char kDataBegin[] = R"html(<script type="application/json" id="data">)html";

// What both pages use: elements, numbers for people, and a table that sorts, filters and opens rows.
inline constexpr const char kDataEnd[] = R"html(</script><script>
'use strict';
const data = JSON.parse(document.getElementById('data').textContent);
const $ = id => document.getElementById(id);
const el = (tag, text, cls) => { const e = document.createElement(tag);
  if (text !== undefined && text !== null) e.textContent = text;
  if (cls) e.className = cls; return e; };
const us = x => x === undefined || x === null ? '' : x >= 1e6 ? (x / 1e6).toFixed(2) + ' s'
  : x >= 1000 ? (x / 1000).toFixed(2) + ' ms' : x.toFixed(2) + ' µs';
const percent = (x, digits = 1) => (100 * (x || 0)).toFixed(digits) + ' %';
const human = x => { if (!x) return ''; const p = ['', ' k', ' M', ' G', ' T']; let i = 0;
  while (x >= 1000 && i + 1 < p.length) { x /= 1000; ++i; } return (i ? x.toPrecision(3) : x) + p[i]; };
const unitColor = u => `var(--${u || 'none'})`;
function tile(value, label) { const t = el('div', undefined, 'tile');
  t.append(el('b', value), el('span', label)); $('tiles').append(t); }
function describe(rows) { const d = el('dl'); for (const [k, v] of rows) {
  if (v === undefined || v === null || v === '' || (Array.isArray(v) && !v.length)) continue;
  d.append(el('dt', k)); const dd = el('dd');
  if (Array.isArray(v)) { const ul = el('ul'); v.forEach(x => ul.append(el('li', x))); dd.append(ul); }
  else dd.textContent = v; d.append(dd); } return d; }
// columns: {label, value(row), cell(td, row), wide}. matches(row) filters; detail(row) gives what a click opens.
function makeTable(rows, columns, matches, detail, mark) {
  const open = new Set(); let order = -1, down = true;
  columns.forEach((c, i) => { const th = el('th', undefined, c.wide ? 'wide' : ''), b = el('button', c.label);
    b.onclick = () => { down = order === i ? !down : i !== 0; order = i; draw(); };
    th.append(b); $('head').append(th); });
  function draw() {
    const list = rows.map((r, i) => [r, i]).filter(([r]) => matches(r));
    if (order >= 0) { const f = columns[order].value, sign = down ? -1 : 1;
      list.sort(([a], [b]) => { const x = f(a), y = f(b);
        return sign * (typeof x === 'string' ? x.localeCompare(y) : (x || 0) - (y || 0)); }); }
    [...$('head').children].forEach((th, i) => { th.removeAttribute('aria-sort');
      if (i === order) th.setAttribute('aria-sort', down ? 'descending' : 'ascending'); });
    $('rows').replaceChildren();
    $('count').textContent = list.length === rows.length ? `${rows.length}` : `${list.length} of ${rows.length}`;
    for (const [r, i] of list) {
      const tr = el('tr', undefined, r.removed ? 'row gone' : 'row'); tr.tabIndex = 0; tr.id = 'row' + i;
      tr.setAttribute('aria-expanded', open.has(i)); tr.style.setProperty('--mark', mark(r));
      columns.forEach(c => { const td = el('td', undefined, c.wide ? 'wide' : ''); c.cell(td, r); tr.append(td); });
      const toggle = () => { open.has(i) ? open.delete(i) : open.add(i); draw(); $('row' + i).focus(); };
      tr.onclick = toggle; tr.onkeydown = e => { if (e.key === 'Enter' || e.key === ' ') { e.preventDefault(); toggle(); } };
      $('rows').append(tr);
      if (open.has(i)) { const why = el('tr', undefined, 'why'), td = el('td'); td.colSpan = columns.length;
        why.style.setProperty('--mark', mark(r)); td.append(detail(r)); why.append(td); $('rows').append(why); }
    }
  }
  draw();
  return { draw, show(i) { open.add(i); draw(); $('row' + i).scrollIntoView({block: 'center'}); } };
}
const theirs = x => x || 'no step of its own';
)html";

inline constexpr const char kReportBody[] = R"html(
<header><h1 id="title"></h1><p id="subtitle"></p><p id="note"></p></header>
<div class="tiles" id="tiles"></div>
<div class="two">
<section><h2>Where the time goes</h2><div class="bar" id="categories"></div><div class="key" id="categoryKey"></div>
<h2 style="margin-top:1rem">On which unit</h2><div class="bar" id="units"></div><div class="key" id="unitKey"></div></section>
<section><h2>The median run</h2><div class="lanes" id="lanes"></div></section>
</div>
<section id="roofs"><h2>Against the machine's roofs</h2><svg id="roofline" viewBox="0 0 960 400" role="img"
aria-label="Each node's GFLOP/s over its operations per byte, both logarithmic, below the roofs of this machine"></svg>
<div class="key" id="roofKey"></div></section>
<section><h2>Nodes <span class="soft" id="count"></span></h2>
<div class="controls"><input id="filter" type="search" placeholder="Filter: name, kernel, type, reason" aria-label="Filter">
<select id="unit" aria-label="Unit"><option value="">all units</option><option value="matrix">matrix unit</option>
<option value="simd">SIMD</option><option value="plain">plain code</option><option value="none">removed</option></select></div>
<div class="scroll"><table><thead><tr id="head"></tr></thead><tbody id="rows"></tbody></table></div></section>
<footer>A click on a node, a point or a piece of the timeline says why its kernel runs. GFLOP/s counts two operations per
multiply-accumulate; GB/s counts what is read and written. The times of nodes are medians of each by itself; the headline and
the timeline are those of one run, the one in the middle.</footer>
)html";

inline constexpr const char kReportTail[] = R"html(
const nodes = data.nodes, summary = data.summary;
const unitName = {matrix: 'matrix unit', simd: 'SIMD', plain: 'plain code', none: 'removed'};
const categoryColor = {'matrix product': 'var(--product)', 'element-wise': 'var(--elementwise)',
  'data movement': 'var(--movement)', 'control': 'var(--control)'};
const of = (list, f) => list.reduce((s, n) => s + (f(n) || 0), 0);
document.title = data.title + ' – Smelt profile';
$('title').textContent = data.title;
$('subtitle').textContent = [`Smelt ${data.version}`, data.cpu, `${data.threads} thread${data.threads === 1 ? '' : 's'}`,
  `${data.runs} runs`].filter(x => x).join(' · ');
$('note').textContent = summary.text.split('\n').slice(1).join(' ');
const run = data.median_run_us, time = summary.time;
tile(us(run), `the median of ${data.runs} runs`);
if (run && summary.macs) tile((2 * summary.macs / run / 1000).toFixed(1), 'GFLOP/s in that run');
for (const [unit, label] of [['matrix', 'the matrix unit'], ['simd', 'SIMD'], ['plain', 'plain code']])
  if (time[unit + '_share'] || (summary.macs && unit === 'matrix'))
    tile(percent(time[unit + '_share']), `of the time on ${label}` +
      (summary.macs ? `, ${percent(summary[unit + '_share'])} of the MACs` : ''));
tile(percent(of(nodes, n => (n.utilization || 0) * (n.share || 0)), 0), 'of all threads busy');
tile(`${nodes.filter(n => !n.removed).length}`, `nodes run, ${summary.removed} removed`);
function shareBar(bar, key, groups, color, label) {
  const entries = Object.entries(groups).filter(([, s]) => s > 0).sort((a, b) => b[1] - a[1]);
  for (const [k, s] of entries) {
    const i = el('i'); i.style.width = 100 * s + '%'; i.style.background = color(k); i.title = `${label(k)} ${percent(s)}`;
    $(bar).append(i);
    const item = el('span'), mark = el('i'); mark.style.background = color(k);
    item.append(mark, label(k) + ' ', el('b', percent(s))); $(key).append(item); } }
const byCategory = {}, byUnit = {};
for (const n of nodes) { byCategory[n.category] = (byCategory[n.category] || 0) + (n.share || 0);
  byUnit[n.unit] = (byUnit[n.unit] || 0) + (n.share || 0); }
shareBar('categories', 'categoryKey', byCategory, k => categoryColor[k], k => k);
shareBar('units', 'unitKey', byUnit, unitColor, k => unitName[k]);

let table;
function show(i) { $('filter').value = ''; $('unit').value = ''; table.show(i); }
const end = Math.max(1e-9, run);
for (const category of Object.keys(categoryColor)) {
  const pieces = data.timeline.filter(([step]) => nodes[step].category === category);
  if (!pieces.length) continue;
  const lane = el('div', undefined, 'lane');
  for (const [step, b, e] of pieces) { const i = el('i'); i.style.left = 100 * b / end + '%';
    i.style.width = 100 * (e - b) / end + '%'; i.style.background = unitColor(nodes[step].unit);
    i.title = `${nodes[step].name}: ${us(e - b)}`; i.onclick = () => show(step); lane.append(i); }
  $('lanes').append(el('small', category), lane); }
const axis = el('small', undefined, 'axis'); axis.append(el('span', '0'), el('span', us(end / 2)), el('span', us(end)));
$('lanes').append(el('small', ''), axis);

const number = (f, digits) => n => f(n) ? f(n).toFixed(digits) : '';
const text = f => (td, n) => { td.textContent = f(n); };
const columns = [
  {label: 'Node', value: n => n.name, cell: (td, n) => { td.append(n.name, el('small', n.removed ? 'removed' : n.kernel)); }},
  {label: 'Median', value: n => n.median_us, cell: text(n => us(n.median_us))},
  {label: 'Share', value: n => n.share, cell: (td, n) => { if (n.share === undefined) return;
    td.textContent = percent(n.share); const m = el('span', undefined, 'meter'), i = el('i');
    i.style.width = Math.min(100, 100 * n.share / Math.max(...nodes.map(x => x.share || 0))) + '%'; m.append(i); td.append(m); }},
  {label: 'Unit', wide: true, value: n => n.unit, cell: (td, n) => { td.append(el('span', unitName[n.unit], 'pill')); }},
  {label: 'GFLOP/s', wide: true, value: n => n.gflops, cell: text(number(n => n.gflops, 1))},
  {label: 'GB/s', wide: true, value: n => n.gbytes_per_s, cell: text(number(n => n.gbytes_per_s, 1))},
  {label: 'Of roof', wide: true, value: n => n.roof_share, cell: text(n => n.roof_share ? percent(n.roof_share, 0) : '')},
  {label: 'Busy', wide: true, value: n => n.utilization, cell: text(n => n.utilization === undefined ? '' : percent(n.utilization, 0))},
  {label: 'MACs', wide: true, value: n => n.macs, cell: text(n => human(n.macs))}];
function detail(n) {
  const e = n.executorch;
  return describe([['why', n.reason], ['outside', n.outside], ['quantised', n.stayed_float ?
      'when exporting; it multiplies floats, because quantize and dequantize operators are outside delegates' : ''],
    ['types', n.signature], ['shapes', n.shapes],
    ['kernel', n.removed ? '' : [n.kernel, n.isa && `for ${n.isa}`, n.tile && `tiles of ${n.tile}`].filter(x => x).join(', ')],
    ['packed', n.packed_bytes ? human(n.packed_bytes) + 'B of weights' : ''], ['planner', n.passes],
    ['passed over', n.alternatives.map(a => `${a.kernel}: ${a.reason}`)],
    ['ExecuTorch', e['v1.0'] === e.current ? theirs(e.current)
      : `v1.0: ${theirs(e['v1.0'])}; current: ${theirs(e.current)}`],
    ['origin', n.delegate === undefined ? `instruction ${n.instruction}`
      : `delegate ${n.delegate}, node ${n.node}, debug handle ${n.debug_handle}`]]);
}
const matches = n => { const t = $('filter').value.toLowerCase(), u = $('unit').value;
  return (!u || n.unit === u) && `${n.name} ${n.kernel} ${n.type} ${n.signature} ${n.reason}`.toLowerCase().includes(t); };
table = makeTable(nodes, columns, matches, detail, n => unitColor(n.unit));
$('filter').oninput = $('unit').onchange = table.draw;

const roofs = data.roofs || {};
const peaks = Object.entries(roofs).filter(([k]) => k.endsWith('_gops')).map(([k, v]) => [k.replace('_gops', ''), v]);
const slopes = (roofs.levels || []).map(l => [l.name, l.gbytes_per_s, l.reached]).filter(([, v]) => v > 0);
const points = nodes.map((n, i) => ({n, i, x: 2 * n.macs / n.bytes, y: n.gflops})).filter(p => p.x > 0 && p.y > 0 && isFinite(p.x));
const svg = (tag, attributes, content) => { const e = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [k, v] of Object.entries(attributes)) e.setAttribute(k, v);
  if (content !== undefined) e.textContent = content; $('roofline').append(e); return e; };
if (points.length) {
  const L = 62, R = 940, T = 16, B = 352, top = Math.max(...peaks.map(p => p[1]), ...points.map(p => p.y));
  const floor10 = v => Math.floor(Math.log10(v)), ceil10 = v => Math.ceil(Math.log10(v));
  const x0 = Math.min(floor10(Math.min(...points.map(p => p.x))), 0), x1 = Math.max(ceil10(Math.max(...points.map(p => p.x))), x0 + 2);
  const y0 = floor10(Math.min(...points.map(p => p.y))), y1 = Math.max(ceil10(top), y0 + 1);
  const X = v => L + (R - L) * (Math.log10(v) - x0) / (x1 - x0), Y = v => B - (B - T) * (Math.log10(v) - y0) / (y1 - y0);
  for (let d = x0; d <= x1; ++d) { svg('line', {x1: X(10 ** d), x2: X(10 ** d), y1: T, y2: B, stroke: 'var(--line)'});
    svg('text', {x: X(10 ** d), y: B + 18, 'text-anchor': 'middle'}, String(+(10 ** d).toPrecision(1))); }
  for (let d = y0; d <= y1; ++d) { svg('line', {x1: L, x2: R, y1: Y(10 ** d), y2: Y(10 ** d), stroke: 'var(--line)'});
    svg('text', {x: L - 8, y: Y(10 ** d) + 4, 'text-anchor': 'end'}, String(+(10 ** d).toPrecision(1))); }
  svg('text', {x: (L + R) / 2, y: B + 40, 'text-anchor': 'middle'}, 'operations per byte');
  svg('text', {x: 14, y: (T + B) / 2, 'text-anchor': 'middle', transform: `rotate(-90 14 ${(T + B) / 2})`}, 'GFLOP/s');
  const clip = v => Math.min(Math.max(v, 10 ** x0), 10 ** x1), highest = Math.max(...peaks.map(p => p[1]), 0) || 10 ** y1;
  for (const [name, rate, reached] of slopes) {  // from where the roof enters the plot to the highest peak
    const from = Math.max(10 ** x0, 10 ** y0 / rate), to = clip(highest / rate);
    if (to <= from) continue;
    svg('line', {class: 'roof', x1: X(from), y1: Y(from * rate), x2: X(to), y2: Y(to * rate), stroke: 'var(--soft)', 'stroke-dasharray': name === slopes[slopes.length - 1][0] ? '6 4' : ''});
    const item = el('span', `${name} `); item.append(el('b', rate.toFixed(1) + ' GB/s'));
    if (reached) item.append(el('span', ' reached by a node', 'soft')); $('roofKey').append(item); }
  for (const [name, peak] of peaks) { const fastest = Math.max(...slopes.map(s => s[1]), 0);
    const from = fastest ? clip(peak / fastest) : 10 ** x0;
    svg('line', {class: 'roof', x1: X(from), x2: R, y1: Y(peak), y2: Y(peak), stroke: 'var(--accent)'});
    svg('text', {x: R - 4, y: Y(peak) - 6, 'text-anchor': 'end'}, name);
    const item = el('span', `${name} `); item.append(el('b', peak.toFixed(1) + ' GFLOP/s')); $('roofKey').append(item); }
  for (const p of points) {
    const c = svg('circle', {class: 'point', cx: X(p.x), cy: Y(p.y), r: 4 + 14 * Math.sqrt(p.n.share || 0), fill: unitColor(p.n.unit), 'fill-opacity': .65});
    const t = document.createElementNS('http://www.w3.org/2000/svg', 'title');
    t.textContent = `${p.n.name}: ${p.y.toFixed(1)} GFLOP/s`; c.append(t); c.onclick = () => show(p.i); }
  $('roofKey').append(el('span', 'measured with products and copies on this machine; a point\'s size is its share of the time', 'soft'));
} else { $('roofs').remove(); }
</script></body></html>
)html";

inline constexpr const char kCompareBody[] = R"html(
<header><h1 id="title"></h1><p id="subtitle"></p></header>
<div class="tiles" id="tiles"></div>
<section><h2>Nodes, what changed most first <span class="soft" id="count"></span></h2>
<div class="controls"><input id="filter" type="search" placeholder="Filter: name, kernel" aria-label="Filter">
<select id="only" aria-label="Changes"><option value="">all nodes</option><option value="slower">slower in B</option>
<option value="faster">faster in B</option><option value="kernel">other kernel</option><option value="one">in one only</option></select></div>
<div class="scroll"><table><thead><tr id="head"></tr></thead><tbody id="rows"></tbody></table></div></section>
<footer>A ratio above 1 means that B takes longer. Nodes are matched by their place in the file; where one side is a dump of
ExecuTorch's, by the names that it gives its steps.</footer>
)html";

inline constexpr const char kCompareTail[] = R"html(
const timed = data.kind === 'times', nodes = data.nodes;
document.title = 'Smelt: comparison';
$('title').textContent = timed ? 'Two runs compared' : 'Two CPUs compared';
$('subtitle').textContent = `A: ${data.a.label} · B: ${data.b.label}`;
const side = s => timed ? us(s && s.us) : s ? s.unit : '';
if (timed) { tile(us(data.a.total_us), 'A, all nodes'); tile(us(data.b.total_us), 'B, all nodes');
  tile(data.total_ratio ? data.total_ratio.toFixed(3) : '–', 'B / A');
} else { tile(percent(data.a.matrix_share), 'A: MACs on the matrix unit'); tile(percent(data.b.matrix_share), 'B: MACs on the matrix unit'); }
tile(String(nodes.filter(n => n.kernel_differs).length), 'nodes with another kernel');
tile(String(nodes.filter(n => !n.a || !n.b).length), 'nodes in one only');
const ratio = n => n.ratio, color = n => !n.a || !n.b ? 'var(--none)' : n.ratio > 1.02 ? 'var(--worse)' : n.ratio < .98 ? 'var(--better)'
  : n.kernel_differs ? 'var(--plain)' : 'var(--line)';
const kernels = n => [n.a && n.a.kernel, n.b && n.b.kernel].filter(x => x);
const columns = [
  {label: 'Node', value: n => n.name, cell: (td, n) => { const k = [...new Set(kernels(n))];
    td.append(n.name, el('small', k.join(' → '))); }},
  {label: 'A', value: n => timed ? n.a && n.a.us : side(n.a), cell: (td, n) => { td.textContent = side(n.a); }},
  {label: 'B', value: n => timed ? n.b && n.b.us : side(n.b), cell: (td, n) => { td.textContent = side(n.b); }}];
if (timed) columns.push({label: 'B / A', value: ratio, cell: (td, n) => { if (n.ratio) td.append(el('span', n.ratio.toFixed(3),
    n.ratio > 1.02 ? 'worse' : n.ratio < .98 ? 'better' : '')); }},
  {label: 'B − A', wide: true, value: n => n.difference_us, cell: (td, n) => { const d = n.difference_us;
    td.textContent = (d < 0 ? '−' : '+') + us(Math.abs(d)); }});
const detail = n => describe([['A', n.a ? n.a.reason || n.a.kernel : 'not there'], ['B', n.b ? n.b.reason || n.b.kernel : 'not there'],
  ['kernel in A', n.a && n.a.kernel], ['kernel in B', n.b && n.b.kernel]]);
const matches = n => { const t = $('filter').value.toLowerCase(), o = $('only').value;
  return `${n.name} ${kernels(n).join(' ')}`.toLowerCase().includes(t) && (!o || (o === 'slower' && n.ratio > 1) || (o === 'faster' && n.ratio < 1)
    || (o === 'kernel' && n.kernel_differs) || (o === 'one' && (!n.a || !n.b))); };
const table = makeTable(nodes, columns, matches, detail, color);
$('filter').oninput = $('only').onchange = table.draw;
</script></body></html>
)html";

}  // namespace smelt::cli
