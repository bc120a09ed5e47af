/** Draws the graph as SVG, lights its nodes and edges as a turn passes through, and says which is chosen. */

import { svg } from "/widget/dom.js";
import { layOut } from "./layout.js";
import { route } from "./paths.js";

const NODE = { width: 136, height: 44 };
const LONGEST_NAME = 15;
const GAP = { x: 34, y: 16 };
const MARGIN = 26; // a loop bows above the highest row

export class Graph {
  #nodes = new Map();
  #edges = [];
  #trail = [];

  /**
   * `shape` is `{nodes: [name], edges: [[from, to, label?]]}`; edges to unknown names (start, end) are not drawn.
   * `onPick(name)` is told which node was clicked.
   */
  constructor(shape, onPick = () => {}) {
    const edges = shape.edges.filter(([from, to]) => shape.nodes.includes(from) && shape.nodes.includes(to));
    const { places, columns, rows } = layOut(shape.nodes, edges);
    const boxes = Object.fromEntries(Object.entries(places).map(([name, place]) => [name, box(place)]));
    let bottom = rows * (NODE.height + GAP.y);
    for (const [from, to, label] of edges) {
      const { d, lowest } = route(boxes[from], boxes[to], Object.values(boxes));
      this.#edges.push({ from, to, line: edge(d, label ?? `${from} → ${to}`) });
      bottom = Math.max(bottom, lowest);
    }
    for (const name of shape.nodes) this.#nodes.set(name, node(name, boxes[name]));
    for (const [name, item] of this.#nodes) item.addEventListener("click", () => onPick(name));
    const width = columns * (NODE.width + GAP.x) - GAP.x + 2 * MARGIN;
    const lines = svg("g", {}, ...this.#edges.map(({ line }) => line));
    const viewBox = `0 0 ${width} ${bottom + MARGIN}`;
    this.element = svg("svg", { viewBox, role: "img", "aria-label": "Nodes and edges" }, arrow(), lines, ...this.#nodes.values());
  }

  /** Puts every light out. */
  reset() {
    this.#trail = [];
    for (const item of this.element.querySelectorAll(".running, .ended, .taken, .picked")) item.classList.remove("running", "ended", "taken", "picked");
    for (const time of this.element.querySelectorAll(".time")) time.textContent = "";
  }

  /** Shows the way of a turn that is over, by its steps `[{node, ms}]`; what a node took is summed. */
  trace(steps) {
    this.reset();
    const times = new Map();
    for (const { node: name, ms } of steps) {
      times.set(name, (times.get(name) ?? 0) + ms);
      this.step({ node: name, state: "started" });
      this.step({ node: name, state: "ended", ms: times.get(name) });
    }
  }

  /** Frames one node as the chosen one. */
  pick(name) {
    for (const [other, item] of this.#nodes) item.classList.toggle("picked", other === name);
  }

  /** One `step` event: `{node, state: started | ended, ms?}`. */
  step({ node: name, state, ms }) {
    const item = this.#nodes.get(name);
    if (!item) return;
    if (state === "started") this.#take(name);
    item.classList.toggle("running", state === "started");
    item.classList.toggle("ended", state === "ended");
    if (ms != null) item.querySelector(".time").textContent = `${ms < 10 ? ms.toFixed(2) : Math.round(ms)} ms`;
  }

  /** Marks the edge from the latest visited node that leads here. */
  #take(name) {
    const from = this.#trail.findLast((visited) => this.#edges.some((edge) => edge.from === visited && edge.to === name));
    const line = this.#edges.find((edge) => edge.from === from && edge.to === name)?.line;
    line?.classList.add("taken");
    line?.parentNode.append(line); // on top of the edges not taken
    this.#trail.push(name);
  }
}

function box({ column, row }) {
  const x = MARGIN + column * (NODE.width + GAP.x);
  const y = MARGIN + row * (NODE.height + GAP.y);
  return { x, y, right: x + NODE.width, bottom: y + NODE.height, center: x + NODE.width / 2, middle: y + NODE.height / 2 };
}

function node(name, { x, y, center }) {
  return svg(
    "g",
    { class: "node", "data-node": name },
    svg("rect", { x, y, width: NODE.width, height: NODE.height, rx: 10 }),
    svg("text", { class: "name", x: center, y: y + 19, ...squeezed(name) }, name),
    svg("text", { class: "time", x: center, y: y + 35 }),
  );
}

/** Keeps a long name inside its box, whatever the width of the font. */
function squeezed(name) {
  return name.length > LONGEST_NAME && { textLength: NODE.width - 16, lengthAdjust: "spacingAndGlyphs" };
}

function edge(d, name) {
  return svg("g", { class: "edge" }, svg("title", {}, name), svg("path", { d, "marker-end": "url(#arrow)" }));
}

function arrow() {
  const head = svg("path", { d: "M0 0 L8 4 L0 8 z" });
  return svg("defs", {}, svg("marker", { id: "arrow", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 9, markerHeight: 9, markerUnits: "userSpaceOnUse", orient: "auto-start-reverse" }, head));
}
