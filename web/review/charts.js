/** Small charts as SVG: a line over days, and bars side by side; each is also told in words. */

import { h, svg } from "/widget/dom.js";

const WIDTH = 480;
const HEIGHT = 150;
const LEFT = 40;
const BOTTOM = 22;

/** A part `{n, of}` in words: whole percent, and one decimal where that would say 0 or 100 wrongly. */
export function share({ n, of }) {
  const percent = (100 * n) / of;
  return `${percent.toFixed(percent > 0 && percent < 100 && (percent < 1 || percent > 99) ? 1 : 0)} %`;
}

/** A line over `[day, value]`, days in order; null is a gap, and a day that is not there is none of it. */
export function lines(points, { percent = false } = {}) {
  const values = points.map(([, value]) => value).filter((value) => value != null);
  if (!values.length) return h("p", { class: "quiet" }, "Nothing yet.");
  const most = percent ? Math.max(0.1, ...values) : Math.max(1, ...values);
  const said = (value) => (percent ? `${Math.round(100 * value)} %` : String(Math.round(value)));
  const first = Date.parse(points[0][0]);
  const span = Math.max(1, Date.parse(points.at(-1)[0]) - first);
  const place = ([day, value]) => [
    LEFT + ((WIDTH - LEFT - 8) * (points.length === 1 ? 0.5 : (Date.parse(day) - first) / span)),
    8 + (HEIGHT - BOTTOM - 8) * (1 - value / most),
  ];
  const known = points.filter(([, value]) => value != null);
  const path = known.map((point, index) => `${index ? "L" : "M"}${place(point).map((number) => number.toFixed(1)).join(" ")}`).join("");
  const dots = known.map((point) => {
    const [x, y] = place(point);
    return svg("circle", { cx: x, cy: y, r: 3 }, svg("title", {}, `${point[0]}: ${said(point[1])}`));
  });
  const base = HEIGHT - BOTTOM;
  const [from, to] = [points[0][0], points.at(-1)[0]];
  const label = `From ${from} to ${to}, between ${said(Math.min(...values))} and ${said(Math.max(...values))}; last ${said(known.at(-1)[1])}.`;
  return svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": label, class: "lines" },
    svg("path", { class: "axis", d: `M${LEFT} 8H${WIDTH - 8}M${LEFT} ${base}H${WIDTH - 8}` }),
    svg("text", { x: LEFT - 6, y: 12, class: "end" }, said(most)),
    svg("text", { x: LEFT - 6, y: base + 4, class: "end" }, said(0)),
    svg("text", { x: LEFT, y: HEIGHT - 4 }, from),
    from === to ? "" : svg("text", { x: WIDTH - 8, y: HEIGHT - 4, class: "end" }, to),
    svg("path", { class: "line", d: path }),
    ...dots,
  );
}

/** Bars for `[name, number]`, each with its number and its part of all. */
export function bars(rows) {
  const all = rows.reduce((sum, [, number]) => sum + number, 0);
  if (!all) return h("p", { class: "quiet" }, "Nothing yet.");
  const most = Math.max(...rows.map(([, number]) => number));
  const items = rows.map(([name, number]) =>
    h("li", {},
      h("span", {}, name),
      svg("svg", { viewBox: "0 0 100 8", preserveAspectRatio: "none", "aria-hidden": "true" }, svg("rect", { width: 100, height: 8, class: "rail" }), svg("rect", { width: (100 * number) / most, height: 8 })),
      h("span", { class: "number" }, `${number} · ${share({ n: number, of: all })}`),
    ),
  );
  return h("ul", { class: "bars" }, ...items);
}
