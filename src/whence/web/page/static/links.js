// Which photos of a gallery are neighbours along a street: each, its nearest, and the nearest on the other side of it.

const FINE = 6; // photos as near as this part of a cell count as one place, photographed in several directions
const REACH = [-2, -1, 0, 1, 2];
const FAR = 2.5; // of the usual distance: no street leads there

/** Pairs of places in `x` and `y`. */
export function links(x, y) {
  const all = [...x.keys()], ends = extent(x, y), wide = Math.max(ends[2] - ends[0], ends[3] - ends[1], 1e-9);
  const once = [...cells(x, y, ends, wide / Math.sqrt(x.length) / FINE, all).values()].map(([first]) => first);
  const side = wide / Math.sqrt(once.length), grid = cells(x, y, ends, side, once), pairs = [];
  const near = once.map((i) => around(grid, x, y, ends, side, i).sort(([one], [other]) => one - other));
  const usual = median(near.filter((some) => some.length).map(([[square]]) => square)) ?? 0;
  once.forEach((i, place) => {
    const [first, ...rest] = near[place].filter(([square]) => square <= FAR ** 2 * usual).map(([, j]) => j);
    if (first === undefined) return;
    pairs.push([i, first]);
    const beyond = (j) => (x[j] - x[i]) * (x[first] - x[i]) + (y[j] - y[i]) * (y[first] - y[i]) < 0;
    const second = rest.find(beyond);
    if (second !== undefined) pairs.push([i, second]);
  });
  return pairs;
}

function extent(x, y) {
  const ends = [Infinity, Infinity, -Infinity, -Infinity];
  for (let i = 0; i < x.length; i++) {
    ends[0] = Math.min(ends[0], x[i]);
    ends[1] = Math.min(ends[1], y[i]);
    ends[2] = Math.max(ends[2], x[i]);
    ends[3] = Math.max(ends[3], y[i]);
  }
  return ends;
}

/** Some photos by the square that they lie in. */
function cells(x, y, ends, side, some) {
  const found = new Map();
  for (const i of some) {
    const key = `${Math.floor((x[i] - ends[0]) / side)},${Math.floor((y[i] - ends[1]) / side)}`, there = found.get(key);
    if (there) there.push(i);
    else found.set(key, [i]);
  }
  return found;
}

/** Squared distances of those in the squares around one, and which they are. */
function around(grid, x, y, ends, side, i) {
  const column = Math.floor((x[i] - ends[0]) / side), row = Math.floor((y[i] - ends[1]) / side), found = [];
  for (const right of REACH)
    for (const down of REACH)
      for (const j of grid.get(`${column + right},${row + down}`) ?? []) if (j !== i) found.push([(x[j] - x[i]) ** 2 + (y[j] - y[i]) ** 2, j]);
  return found;
}

function median(numbers) {
  return numbers.sort((one, other) => one - other)[numbers.length >> 1];
}
