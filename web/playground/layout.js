/** Lays a directed graph out in columns: every node stands to the right of all that lead to it, loops aside. */

/** Node positions `{name: {column, row}}` plus the grid's size, for edges `[from, to, label?]`. */
export function layOut(nodes, edges) {
  const columns = ranks(nodes, forwardEdges(nodes, edges));
  const heights = [];
  const places = {};
  for (const name of nodes) {
    const column = columns[name];
    heights[column] = (heights[column] ?? 0) + 1;
    places[name] = { column, row: heights[column] - 1 };
  }
  const rows = Math.max(1, ...heights.filter(Boolean));
  for (const place of Object.values(places)) place.row += (rows - heights[place.column]) / 2;
  return { places, columns: heights.length, rows };
}

/** The edges without those that close a loop (found depth first, in the order of `nodes`). */
function forwardEdges(nodes, edges) {
  const open = new Set();
  const closed = new Set();
  const forward = [];
  const visit = (name) => {
    open.add(name);
    for (const edge of edges) {
      if (edge[0] !== name || open.has(edge[1])) continue;
      forward.push(edge);
      if (!closed.has(edge[1])) visit(edge[1]);
    }
    open.delete(name);
    closed.add(name);
  };
  for (const name of nodes) if (!closed.has(name)) visit(name);
  return forward;
}

/** For each node the length of the longest way to it. */
function ranks(nodes, edges) {
  const rank = Object.fromEntries(nodes.map((name) => [name, 0]));
  for (let round = 0; round < nodes.length; round += 1) {
    for (const [from, to] of edges) rank[to] = Math.max(rank[to], rank[from] + 1);
  }
  return rank;
}
