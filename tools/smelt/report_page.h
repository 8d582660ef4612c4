// The report's page around its data.
#pragma once

namespace smelt::cli {

inline constexpr const char kReportHead[] = R"html(<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Smelt profile</title>
<style>
:root { color-scheme: light dark; --bg: #fff; --fg: #1c2024; --soft: #5c6670; --line: #d9dee3; --tile: #f4f6f8;
  --matrix: #0b7a53; --simd: #2563c9; --plain: #b45309; --none: #8a949e; }
@media (prefers-color-scheme: dark) { :root { --bg: #14171a; --fg: #e7ebee; --soft: #9aa5af; --line: #2d343a; --tile: #1d2226;
  --matrix: #34c38f; --simd: #6ea0ff; --plain: #f0a34a; --none: #77828c; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 76rem; padding: 1rem; background: var(--bg); color: var(--fg);
  font: 15px/1.45 system-ui, sans-serif; }
h1 { font-size: 1.25rem; margin: 0 0 .75rem; overflow-wrap: anywhere; } h2 { font-size: 1rem; margin: 1.5rem 0 .5rem; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); gap: .5rem; }
.tile { background: var(--tile); border-radius: .5rem; padding: .6rem .75rem; }
.tile b { display: block; font-size: 1.3rem; font-variant-numeric: tabular-nums; } .tile span { color: var(--soft); }
.bar { display: flex; height: 1.5rem; border-radius: .3rem; overflow: hidden; background: var(--tile); }
.bar i { display: block; min-width: 1px; }
.key { display: flex; flex-wrap: wrap; gap: .25rem 1rem; color: var(--soft); margin-top: .35rem; }
.key i { display: inline-block; width: .75rem; height: .75rem; border-radius: .15rem; margin-right: .35rem; }
.controls { display: flex; flex-wrap: wrap; gap: .5rem; margin-bottom: .5rem; }
input, select { font: inherit; color: inherit; background: var(--tile); border: 1px solid var(--line); border-radius: .35rem;
  padding: .3rem .5rem; } input { flex: 1 1 12rem; min-width: 0; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: .3rem .5rem; border-bottom: 1px solid var(--line); white-space: nowrap; }
th:first-child, td:first-child { text-align: left; white-space: normal; min-width: 11rem; }
th button { all: unset; cursor: pointer; font-weight: 600; } th button:focus-visible { outline: 2px solid var(--simd); }
tbody tr.node { cursor: pointer; } tbody tr.node:hover { background: var(--tile); }
td:first-child { border-left: .3rem solid var(--unit, transparent); }
td small { display: block; color: var(--soft); }
.removed td { color: var(--soft); } .why td { text-align: left !important; white-space: normal; background: var(--tile); }
.why p { margin: .15rem 0; overflow-wrap: anywhere; } .why ul { margin: .15rem 0; padding-left: 1.2rem; }
@media (max-width: 40rem) { .wide { display: none; } body { padding: .6rem; } }
svg text { fill: var(--soft); font: 11px system-ui, sans-serif; }
</style></head><body>
<h1 id="title"></h1><div class="tiles" id="tiles"></div>
<h2>Where time goes</h2><div class="bar" id="categories"></div><div class="key" id="categoryKey"></div>
<h2>One run</h2><div class="bar" id="timeline"></div><div class="key" id="unitKey"></div>
<h2>Nodes</h2>
<div class="controls"><input id="filter" type="search" placeholder="Filter by name, kernel, type" aria-label="Filter">
<select id="unit" aria-label="Unit"><option value="">all units</option><option>matrix</option><option>simd</option>
<option>plain</option><option>none</option></select></div>
<div class="scroll"><table><thead><tr id="head"></tr></thead><tbody id="rows"></tbody></table></div>
<h2>Arithmetic against memory</h2><svg id="roofline" viewBox="0 0 700 320" width="100%" role="img"
aria-label="GFLOP/s over operations per byte, both logarithmic"></svg>
<script type="application/json" id="data">)html";

inline constexpr const char kReportTail[] = R"html(</script><script>
'use strict';
const data = JSON.parse(document.getElementById('data').textContent), nodes = data.nodes;
const $ = id => document.getElementById(id);
const el = (tag, text, cls) => { const e = document.createElement(tag); if (text !== undefined) e.textContent = text;
  if (cls) e.className = cls; return e; };
const unitColor = u => `var(--${u})`;
const categoryColor = {'matrix product': 'var(--matrix)', 'element-wise': 'var(--simd)', 'data movement': 'var(--plain)',
  'control': 'var(--none)'};
const us = x => x === undefined ? '' : x >= 1000 ? (x / 1000).toFixed(2) + ' ms' : x.toFixed(2) + ' µs';
const percent = x => (100 * (x || 0)).toFixed(1) + ' %';
const total = nodes.reduce((s, n) => s + (n.median_us || 0), 0);
document.title = data.title + ' – Smelt profile';
$('title').textContent = data.title;
for (const [value, label] of [[us(total), 'all nodes, median run'], [nodes.filter(n => !n.removed).length, 'nodes that run'],
  [data.summary.removed, 'removed by the planner'], [percent(data.summary.matrix_share), 'of MACs on the matrix unit'],
  [percent(data.summary.simd_share), 'of MACs on SIMD'],
  [total ? (2 * data.summary.macs / total / 1000).toFixed(2) : '0', 'GFLOP/s overall']]) {
  const t = el('div', undefined, 'tile'); t.append(el('b', value), el('span', label)); $('tiles').append(t);
}
function key(target, entries) { for (const [label, color] of entries) { const s = el('span'), i = el('i');
  i.style.background = color; s.append(i, label); target.append(s); } }
const shares = {};
for (const n of nodes) shares[n.category] = (shares[n.category] || 0) + (n.share || 0);
for (const [c, share] of Object.entries(shares)) { const i = el('i'); i.style.width = 100 * share + '%';
  i.style.background = categoryColor[c]; i.title = c + ' ' + percent(share); $('categories').append(i); }
key($('categoryKey'), Object.entries(shares).map(([c, s]) => [c + ' ' + percent(s), categoryColor[c]]));
const end = Math.max(1e-9, ...data.timeline.map(t => t[2])); let at = 0;
for (const [step, b, e] of data.timeline) {
  if (b > at) { const gap = el('i'); gap.style.cssText = `width:${100 * (b - at) / end}%;min-width:0`; $('timeline').append(gap); }
  const i = el('i'); i.style.width = 100 * (e - b) / end + '%'; i.style.background = unitColor(nodes[step].unit);
  i.title = nodes[step].name + ' ' + us(e - b); i.onclick = () => show(step); $('timeline').append(i); at = e; }
key($('unitKey'), [['matrix unit', unitColor('matrix')], ['SIMD', unitColor('simd')], ['plain code', unitColor('plain')]]);
const columns = [['Node', n => n.name, ''], ['Median', n => n.median_us, '', us], ['Share', n => n.share, '', n => n === undefined ? '' : percent(n)],
  ['Unit', n => n.unit, 'wide'], ['GFLOP/s', n => n.gflops, 'wide', x => x ? x.toFixed(2) : ''],
  ['GB/s', n => n.gbytes_per_s, 'wide', x => x === undefined ? '' : x.toFixed(2)], ['MACs', n => n.macs, 'wide', x => x || '']];
let order = -1, down = true; const open = new Set();
columns.forEach(([label, , cls], c) => { const th = el('th', undefined, cls), b = el('button', label);
  b.onclick = () => { down = order === c ? !down : true; order = c; draw(); }; th.append(b); $('head').append(th); });
function why(n) {
  const tr = el('tr', undefined, 'why'), td = el('td'); td.colSpan = columns.length; tr.append(td);
  td.append(el('p', n.reason)); td.append(el('p', n.signature + '   ' + n.shapes));
  if (n.kernel) td.append(el('p', 'kernel ' + n.kernel + (n.packed_bytes ? ', ' + n.packed_bytes + ' packed bytes' : '')));
  for (const p of n.passes) td.append(el('p', 'pass: ' + p));
  if (n.alternatives.length) { const ul = el('ul');
    for (const a of n.alternatives) ul.append(el('li', 'not ' + a.kernel + ': ' + a.reason)); td.append(ul); }
  const e = n.executorch, theirs = x => x || 'no step of its own';
  td.append(el('p', e['v1.0'] === e.current ? 'ExecuTorch: ' + theirs(e.current)
    : 'ExecuTorch v1.0: ' + theirs(e['v1.0']) + '; current: ' + theirs(e.current)));
  return tr;
}
function draw() {
  const text = $('filter').value.toLowerCase(), unit = $('unit').value;
  const list = nodes.map((n, i) => [n, i]).filter(([n]) => (!unit || n.unit === unit) &&
    (n.name + ' ' + n.kernel + ' ' + n.type).toLowerCase().includes(text));
  if (order >= 0) { const f = columns[order][1], sign = down ? -1 : 1; list.sort(([a], [b]) => {
    const x = f(a), y = f(b); return typeof x === 'string' ? -sign * x.localeCompare(y) : sign * ((x || 0) - (y || 0)); }); }
  $('rows').replaceChildren(); for (const [n, i] of list) {
    const tr = el('tr', undefined, n.removed ? 'node removed' : 'node'); tr.tabIndex = 0; tr.id = 'node' + i;
    columns.forEach(([, f, cls, format], c) => { const v = f(n), td = el('td', format ? format(v) : v, cls);
      if (c === 0) { td.style.setProperty('--unit', unitColor(n.unit)); td.append(el('small', n.removed ? 'removed' : n.kernel)); }
      tr.append(td); });
    const toggle = () => { open.has(i) ? open.delete(i) : open.add(i); draw(); $('node' + i).focus(); };
    tr.onclick = toggle; tr.onkeydown = e => { if (e.key === 'Enter') toggle(); };
    $('rows').append(tr); if (open.has(i)) $('rows').append(why(n)); }
}
function show(i) { $('filter').value = ''; $('unit').value = ''; open.add(i); draw(); $('node' + i).scrollIntoView({block: 'center'}); }
$('filter').oninput = $('unit').onchange = draw; draw();
const points = nodes.map((n, i) => ({n, i, x: 2 * n.macs / n.bytes, y: n.gflops})).filter(p => p.x > 0 && p.y > 0 && isFinite(p.x));
const svg = (tag, attributes, text) => { const e = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [k, v] of Object.entries(attributes)) e.setAttribute(k, v); if (text) e.textContent = text; $('roofline').append(e); return e; };
if (points.length) {
  const range = f => { const v = points.map(p => Math.log10(f(p))); return [Math.floor(Math.min(...v)), Math.max(Math.floor(Math.min(...v)) + 1, Math.ceil(Math.max(...v)))]; };
  const [x0, x1] = range(p => p.x), [y0, y1] = range(p => p.y);
  const X = v => 50 + 630 * (Math.log10(v) - x0) / (x1 - x0), Y = v => 280 - 260 * (Math.log10(v) - y0) / (y1 - y0);
  for (let d = x0; d <= x1; ++d) { svg('line', {x1: X(10 ** d), x2: X(10 ** d), y1: 20, y2: 280, stroke: 'var(--line)'}); svg('text', {x: X(10 ** d) - 8, y: 296}, String(10 ** d)); }
  for (let d = y0; d <= y1; ++d) { svg('line', {x1: 50, x2: 680, y1: Y(10 ** d), y2: Y(10 ** d), stroke: 'var(--line)'}); svg('text', {x: 4, y: Y(10 ** d) + 4}, String(10 ** d)); }
  svg('text', {x: 300, y: 314}, 'operations per byte'); svg('text', {x: 54, y: 14}, 'GFLOP/s');
  for (const p of points) { const c = svg('circle', {cx: X(p.x), cy: Y(p.y), r: 3 + 12 * Math.sqrt(p.n.share || 0), fill: unitColor(p.n.unit), 'fill-opacity': .6});
    c.append(Object.assign(document.createElementNS('http://www.w3.org/2000/svg', 'title'), {textContent: p.n.name})); c.onclick = () => show(p.i); }
} else { $('roofline').previousElementSibling.remove(); $('roofline').remove(); }
</script></body></html>
)html";

}  // namespace smelt::cli
