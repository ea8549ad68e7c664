// Photos that lie close together on the screen, counted: what is many is told as a number.

const SIDE_PX = 96;
const FROM = 400; // photos in view from which on they are counted; fewer can be told apart
const LEAST = 3;

/** Squares of the world with their photos; they stay where they are while the map moves. */
export function clusters(rows, x, y, scale) {
  if (rows.length < FROM) return [];
  const side = SIDE_PX / scale, cells = new Map();
  for (const i of rows) {
    const key = Math.floor(x[i] / side) * 2 ** 26 + Math.floor(y[i] / side);
    let cell = cells.get(key);
    if (!cell) cells.set(key, (cell = { count: 0, x: 0, y: 0, rows: [] }));
    cell.count++;
    cell.x += x[i];
    cell.y += y[i];
    cell.rows.push(i);
  }
  const found = [...cells.values()].filter((cell) => cell.count >= LEAST);
  for (const cell of found) {
    cell.x /= cell.count;
    cell.y /= cell.count;
    cell.radius = 11 + 4 * Math.log10(cell.count);
  }
  return found;
}

/** Draws them, in pixels of the map's element. */
export function drawn(draw, some, at, { fill, ink, edge, font }) {
  Object.assign(draw, { globalAlpha: 1, textAlign: "center", textBaseline: "middle", lineWidth: 1.5 });
  for (const cell of some) {
    const [x, y] = at(cell), words = short(cell.count);
    draw.beginPath();
    draw.arc(x, y, cell.radius, 0, 7);
    draw.fillStyle = fill;
    draw.strokeStyle = edge;
    draw.fill();
    draw.stroke();
    draw.fillStyle = ink;
    draw.font = `500 ${words.length > 3 ? 10 : 11}px ${font}`;
    draw.fillText(words, x, y + 0.5);
  }
}

function short(count) {
  if (count < 1000) return `${count}`;
  return count < 9950 ? `${(count / 1000).toFixed(1)}k` : `${Math.round(count / 1000)}k`;
}
