// Photos as they come from a disk, with their folders as far as the browser tells.

const paths = new WeakMap();
const OTHER = /\.(hei[cf]|avif|tiff?)$/i; // browsers may not know their types

/** Where a file lay: below what was dropped or chosen, its own name at the end. */
export function pathOf(file) {
  return paths.get(file) ?? (file.webkitRelativePath || file.name || "photo");
}

/** A file that takes the place of another. */
export function follow(file, before) {
  paths.set(file, pathOf(before));
  return file;
}

export function isPhoto(file) {
  return file.type.startsWith("image/") || OTHER.test(file.name);
}

/** Photos of a drop; those of folders too. */
export async function dropped(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean), files = [];
  if (!entries.some((entry) => entry.isDirectory)) return [...transfer.files];
  const read = (reader) => new Promise((resolve) => reader.readEntries(resolve, () => resolve([])));
  const walk = async (entry) => {
    if (entry.isFile) {
      const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
      paths.set(file, entry.fullPath.replace(/^\//, ""));
      files.push(file);
    } else for (let reader = entry.createReader(), some; (some = await read(reader)).length; ) for (const one of some) await walk(one);
  };
  for (const entry of entries) await walk(entry);
  return files.filter(isPhoto);
}

export async function same(one, other) {
  if (one.size !== other.size) return false;
  const [here, there] = await Promise.all([one.arrayBuffer(), other.arrayBuffer()]);
  const first = new Uint8Array(here), second = new Uint8Array(there);
  return first.every((byte, at) => byte === second[at]);
}
