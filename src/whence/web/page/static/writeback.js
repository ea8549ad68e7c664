// Accepted positions written into photos: into copies, given back in a zip, or into the reader's own folder.
import { give, Problem, sentence, tagged } from "./api.js";
import { counted, h, say, sign, SIGNS } from "./dom.js";
import { follow, pathOf } from "./files.js";
import { canWrite, Folder } from "./folder.js";
import { MOST_BYTES, Zip } from "./zip.js";

export class WriteBack {
  /** `changed(row)` hears of photos that were written. */
  constructor(changed) {
    this.changed = changed;
    const close = h("button", { type: "button", class: "bare", "aria-label": "Close", onclick: () => this.dialog.close() }, sign(SIGNS.close));
    this.title = h("h2", { id: "writeback-title" });
    this.copies = h("button", { type: "button", class: "button", onclick: () => this._run(() => this._zip()) }, sign(SIGNS.save), "Download copies");
    this.place = h("button", { type: "button", class: "button", onclick: () => this._run(() => this._folder()) }, sign(SIGNS.pen), "Write into a folder");
    this.stopping = h("button", { type: "button", class: "button", text: "Stop", hidden: true, onclick: () => this.stop.abort() });
    this.undoing = h("button", { type: "button", class: "button", hidden: true, onclick: () => this._run(() => this._undo()) }, sign(SIGNS.back), "Take it back");
    this.bar = h("progress", { max: 1, value: 0, "aria-label": "Photos written" });
    this.told = h("p", { role: "status" });
    this.left = h("ul", { class: "left" });
    this.dialog = h("dialog", { class: "sheet", "aria-labelledby": "writeback-title" },
      h("header", {}, this.title, close),
      h("p", { text: "The position, its radius and a note that it was estimated go into the metadata. The picture stays as it is, bit for bit; photos that have a position already are left alone." }),
      h("p", { class: "soft", text: "JPEG, PNG and WebP are written to. Beside all others goes an XMP sidecar." }),
      canWrite() ? h("p", { class: "soft", text: "Into a folder: choose the one that the photos are in. Originals are kept there in a folder of their own, and you can take everything back here." }) : "",
      h("div", { class: "row" }, canWrite() ? this.place : "", this.copies, this.stopping, this.undoing),
      this.bar, this.told, this.left);
    this.dialog.addEventListener("cancel", (event) => this.busy && event.preventDefault());
    this.dialog.addEventListener("close", () => this.stop?.abort());
    document.querySelector(".whence").append(this.dialog);
  }

  /** For rows of a batch: `file`, `facts` and `at`. */
  open(rows) {
    this.rows = rows;
    this.title.textContent = `Write ${counted(rows.length, "position")} into ${rows.length === 1 ? "its photo" : "the photos"}`;
    this._say("");
    this.left.replaceChildren();
    this.bar.value = 0;
    this.dialog.showModal();
  }

  async _run(work) {
    this.stop = new AbortController();
    this._busy(true);
    this.left.replaceChildren();
    try {
      await work();
    } catch (problem) {
      if (problem.name === "AbortError") this._say("Stopped.");
      else if (problem.name === "NotAllowedError" || problem.name === "SecurityError") this._say("The browser does not let this page write there. Choose another folder, or download copies.");
      else {
        console.warn(problem);
        this._say(problem instanceof Problem ? problem.message : `It failed: ${problem.message}. Try again, or download copies.`);
      }
    } finally {
      this._busy(false);
    }
  }

  async _zip() {
    let zip = new Zip(), part = 0;
    const names = new Set(), save = () => zip.entries.length && give(zip.blob(), part ? `located-${part + 1}.zip` : "located.zip");
    const done = await this._each(async (row, made) => {
      if (zip.size + made.blob.size > MOST_BYTES) {
        save();
        zip = new Zip();
        part++;
      }
      const folder = pathOf(row.file).split("/").slice(0, -1).map((name) => `${name}/`).join("");
      let path = folder + made.name;
      for (let again = 2; names.has(path); again++) path = `${folder}${again}/${made.name}`; // several of one name
      names.add(path);
      await zip.add(path, made.blob, new Date(row.file.lastModified));
    });
    save();
    this._say(`${counted(done, "photo")} in ${part ? counted(part + 1, "zip") : "located.zip"}, among your downloads.`);
  }

  async _folder() {
    const folder = await Folder.ask(), found = new Map();
    Object.assign(this, { folder, found });
    const done = await this._each(async (row, made) => {
      const { spot } = found.get(row);
      await folder.write(spot, row.file, made);
      if (!made.reason) row.file = follow(await spot.handle.getFile(), row.file); // the browser lets go of what changed
      this.changed(row, "written");
    }, async (row) => {
      const there = await folder.find(row.file);
      found.set(row, there);
      if (there.problem) throw new Error(there.problem);
    });
    const kept = folder.done.some((one) => one.kept);
    this._say(`${counted(done, "position")} written.${kept ? ` The originals are in ${folder.kept}.` : ""}`);
  }

  async _undo() {
    const left = await this.folder.undo();
    for (const [row, { spot }] of this.found) {
      if (!spot) continue;
      row.file = follow(await spot.handle.getFile(), row.file);
      this.changed(row, null);
    }
    this._say(left ? `${counted(left, "file")} changed since and stayed; the originals are in ${this.folder.kept}.` : "Everything is as it was.");
  }

  /** One photo after the other; tells of those that were left out, and how many were not. */
  async _each(use, first = async () => {}) {
    const { signal } = this.stop, total = this.rows.length;
    let done = 0;
    for (const [index, row] of this.rows.entries()) {
      signal.throwIfAborted();
      this.bar.value = index / total;
      this._say(`Photo ${index + 1} of ${total}`, false);
      try {
        await first(row);
        const made = await tagged(row.file, row.facts.answer, row.at, signal);
        await use(row, made);
        done++;
        if (made.reason) this._leave(row, `as a sidecar, ${made.name}: ${made.reason}`);
      } catch (problem) {
        if (problem.name === "AbortError" || problem.name === "NotAllowedError") throw problem;
        this._leave(row, problem.message);
      }
    }
    this.bar.value = 1;
    return done;
  }

  _leave(row, words) {
    this.left.append(h("li", {}, h("strong", { text: row.file.name || "Pasted photo" }), ` ${sentence(words)}`));
  }

  _busy(busy) {
    this.busy = busy;
    for (const button of [this.copies, this.place]) button.hidden = busy;
    this.stopping.hidden = !busy;
    this.undoing.hidden = busy || !this.folder?.done.length;
    this.dialog.setAttribute("aria-busy", busy);
  }

  _say(words, aloud = true) {
    this.told.textContent = words;
    if (aloud && words) say(words);
  }
}
