/** Lays a directed graph out in columns: every node stands to the right of all that lead to it, loops aside. */

/** Node positions `{name: {column, row}}` plus the grid's size, for edges `[from, to, label?]`; `nodes` in the order of a turn. */
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

/** The edges that lead on: `nodes` stand in the order of a turn, so one that leads back closes a loop. */
function forwardEdges(nodes, edges) {
  const place = Object.fromEntries(nodes.map((name, at) => [name, at]));
  return edges.filter(([from, to]) => place[from] < place[to]);
}

/** For each node the length of the longest way to it. */
function ranks(nodes, edges) {
  const rank = Object.fromEntries(nodes.map((name) => [name, 0]));
  for (let round = 0; round < nodes.length; round += 1) {
    for (const [from, to] of edges) rank[to] = Math.max(rank[to], rank[from] + 1);
  }
  return rank;
}
