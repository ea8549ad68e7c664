// Files put into one, as they are: a zip without compression, since photos are compressed already.
// APPNOTE.TXT, .ZIP File Format Specification, 4.3; names in UTF-8 (general purpose bit 11).

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let sum = byte;
  for (let bit = 0; bit < 8; bit++) sum = sum & 1 ? (sum >>> 1) ^ 0xedb88320 : sum >>> 1;
  return sum;
});
const VERSION = 20;
const UTF8 = 1 << 11;
export const MOST_BYTES = 2 ** 31; // far below where another format of zip begins

export class Zip {
  constructor() {
    this.parts = [];
    this.entries = [];
    this.size = 0;
  }

  /** Adds a file; blobs stay where the browser keeps them. */
  async add(name, blob, time = new Date()) {
    const data = new Uint8Array(await blob.arrayBuffer()), path = new TextEncoder().encode(name);
    const entry = { path, sum: crc32(data), size: blob.size, at: this.size, stamp: stamp(time) };
    this.entries.push(entry);
    this._put(head(0x04034b50, [[VERSION, 2], ...common(entry), [path.length, 2], [0, 2]]), path, blob);
  }

  /** All of it; nothing can be added after that. */
  blob() {
    const start = this.size;
    for (const entry of this.entries) {
      const rest = [[entry.path.length, 2], [0, 2], [0, 2], [0, 2], [0, 2], [0, 4], [entry.at, 4]];
      this._put(head(0x02014b50, [[VERSION, 2], [VERSION, 2], ...common(entry), ...rest]), entry.path);
    }
    const count = this.entries.length;
    this._put(head(0x06054b50, [[0, 2], [0, 2], [count, 2], [count, 2], [this.size - start, 4], [start, 4], [0, 2]]));
    return new Blob(this.parts, { type: "application/zip" });
  }

  _put(...parts) {
    this.parts.push(...parts);
    for (const part of parts) this.size += part.size ?? part.length;
  }
}

function common({ sum, size, stamp: [time, date] }) {
  return [[UTF8, 2], [0, 2], [time, 2], [date, 2], [sum, 4], [size, 4], [size, 4]];
}

/** A signature and numbers of so many bytes each, the lowest byte first. */
function head(signature, numbers) {
  const bytes = [];
  for (const [number, count] of [[signature, 4], ...numbers])
    for (let byte = 0; byte < count; byte++) bytes.push((number >>> (8 * byte)) & 0xff);
  return Uint8Array.from(bytes);
}

export function crc32(data) {
  let sum = 0xffffffff;
  for (const byte of data) sum = TABLE[(sum ^ byte) & 0xff] ^ (sum >>> 8);
  return (sum ^ 0xffffffff) >>> 0;
}

/** Time and date of DOS, which count from 1980 and by two seconds. */
function stamp(time) {
  const year = Math.min(2107, Math.max(1980, time.getFullYear()));
  return [
    (time.getHours() << 11) | (time.getMinutes() << 5) | (time.getSeconds() >> 1),
    ((year - 1980) << 9) | ((time.getMonth() + 1) << 5) | time.getDate(),
  ];
}
