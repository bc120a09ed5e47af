/** SVG paths of edges between boxes `{x, y, right, bottom, middle, center}`; none runs through a third box. */

const CLEAR = 12;

/** The path of the edge and the lowest point it reaches. */
export function route(from, to, boxes) {
  if (to.x <= from.x) return { d: over(from, to), lowest: from.bottom };
  const between = boxes.filter((box) => box.x > from.x && box.x < to.x);
  if (!between.some((box) => crosses(from, to, box))) return { d: straight(from, to), lowest: to.bottom };
  const lowest = Math.max(from.bottom, to.bottom, ...between.map(({ bottom }) => bottom)) + CLEAR;
  return { d: under(from, to, lowest), lowest };
}

function crosses(from, to, box) {
  const share = (box.center - from.right) / (to.x - from.right);
  const height = from.middle + share * (to.middle - from.middle);
  return height > box.y - 4 && height < box.bottom + 4;
}

function straight(from, to) {
  const bend = Math.max(30, (to.x - from.right) / 2);
  return `M${from.right} ${from.middle} C${from.right + bend} ${from.middle} ${to.x - bend} ${to.middle} ${to.x - 3} ${to.middle}`;
}

/** A loop leaves and arrives on top, bowed above both. */
function over(from, to) {
  const top = Math.min(from.y, to.y) - 28;
  return `M${from.center} ${from.y} C${from.center} ${top} ${to.center} ${top} ${to.center} ${to.y - 3}`;
}

/** A long way round: down from the one, along below everything in between, up to the other. */
function under(from, to, lowest) {
  const turn = 40;
  return (
    `M${from.center} ${from.bottom} C${from.center} ${lowest} ${from.center} ${lowest} ${from.center + turn} ${lowest} ` +
    `H${to.center - turn} C${to.center} ${lowest} ${to.center} ${lowest} ${to.center} ${to.bottom + 3}`
  );
}
