// Positions written into the photos of a folder that the reader lets the page write to (File System Access).
// What is there already is copied first, and every change can be taken back.
import { pathOf, same } from "./files.js";

const MOST = 20_000;
const KEPT = "whence-originals";

export function canWrite() {
  return typeof globalThis.showDirectoryPicker === "function";
}

/** A folder of the reader's, with all that was written into it. */
export class Folder {
  constructor(root) {
    this.root = root;
    this.done = [];
    this.kept = `${KEPT}-${new Date().toISOString().slice(0, 19).replaceAll(":", "-")}`;
  }

  /** Asks for a folder; rejects with AbortError where none is chosen. */
  static async ask() {
    const folder = new Folder(await globalThis.showDirectoryPicker({ id: "whence", mode: "readwrite" }));
    await folder._list();
    return folder;
  }

  /** The very photo on the disk, or a sentence why not. */
  async find(file) {
    const path = pathOf(file), name = path.split("/").pop(), some = [];
    for (const spot of this.names.get(name) ?? []) if (await same(await spot.handle.getFile(), file)) some.push(spot);
    if (!some.length) return { problem: this.names.has(name) ? "The photo of this name in that folder is another one." : "It is not in that folder." };
    const [best] = some.sort((one, other) => fits(other.path, path) - fits(one.path, path));
    return some.length === 1 || fits(best.path, path) > fits(some[1].path, path) ? { spot: best } : { problem: "The folder has it several times; write to one of its folders." };
  }

  /** Puts a changed photo in the place of the one that is there, which is kept; or a sidecar beside it. */
  async write(spot, file, { name, blob, reason }) {
    if (reason) {
      const there = await spot.folder.getFileHandle(name).catch(() => null);
      if (there) throw new Error(`${name} is there already; it was left as it is`);
      const handle = await spot.folder.getFileHandle(name, { create: true });
      await written(handle, blob);
      this.done.push({ spot, name, handle, blob, made: true });
      return;
    }
    if (!(await same(await spot.handle.getFile(), file))) throw new Error("it changed meanwhile; it was left as it is");
    const kept = await this._copy(spot.path, file);
    await written(spot.handle, blob);
    this.done.push({ spot, name, handle: spot.handle, blob, kept });
  }

  /** Takes everything back that nobody changed since; tells how many files it left alone. */
  async undo() {
    const left = [];
    for (const one of this.done.reverse()) {
      try {
        if (!(await same(await one.handle.getFile(), one.blob))) throw new Error("changed since");
        if (one.made) await one.spot.folder.removeEntry(one.name);
        else await written(one.handle, await one.kept.getFile());
      } catch {
        left.push(one);
      }
    }
    this.done = left;
    if (!left.length) await this.root.removeEntry(this.kept, { recursive: true }).catch(() => {});
    return left.length;
  }

  async _list() {
    this.names = new Map();
    let count = 0;
    const walk = async (folder, path) => {
      for await (const [name, handle] of folder.entries()) {
        if (name.startsWith(KEPT) || ++count > MOST) continue;
        if (handle.kind === "directory") await walk(handle, `${path}${name}/`);
        else this.names.set(name, [...(this.names.get(name) ?? []), { folder, handle, path: `${path}${name}` }]);
      }
    };
    await walk(this.root, "");
  }

  async _copy(path, file) {
    let folder = await this.root.getDirectoryHandle(this.kept, { create: true });
    const parts = path.split("/"), name = parts.pop();
    for (const part of parts) folder = await folder.getDirectoryHandle(part, { create: true });
    const handle = await folder.getFileHandle(name, { create: true });
    await written(handle, file);
    return handle;
  }
}

/** Writes a file whole or not at all: the browser writes another one and renames it. */
async function written(handle, blob) {
  const stream = await handle.createWritable();
  try {
    await stream.write(blob);
  } catch (problem) {
    await stream.abort();
    throw problem;
  }
  await stream.close();
  if (!(await same(await handle.getFile(), blob))) throw new Error("it could not be read back");
}

/** How many of the last parts two paths share. */
function fits(one, other) {
  const here = one.split("/").reverse(), there = other.split("/").reverse();
  const end = here.findIndex((part, at) => part !== there[at]);
  return end < 0 ? here.length : end;
}
