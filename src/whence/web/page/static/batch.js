// Many photos: answered two at a time, sorted by confidence, accepted or refused, saved.
import { explain, Problem, save, settled } from "./api.js";
import { WriteBack } from "./writeback.js";
import { buttons, counted, h, length, menu, percent, say, sign, SIGNS } from "./dom.js";

const AT_ONCE = 2;
const WORDS = { wait: "Waiting", work: "Working", located: "Located", unsure: "Unsure", failed: "Failed" };

export class Batch {
  constructor(element, { setup, atlas, locate }) {
    Object.assign(this, { element, setup, atlas, locate });
    this.rows = [];
    this.current = null;
    this.status = h("p", { role: "status", class: "lead" });
    this.bar = h("div", { class: "bar", "aria-hidden": "true" }, h("i"));
    this.body = h("tbody");
    const titles = { csv: "CSV", geojson: "GeoJSON", gpx: "GPX", kml: "KML", jsonl: "JSON lines", xmp: "XMP sidecars (zip)" };
    const kinds = setup.plane ? ["csv", "jsonl"] : ["csv", "geojson", "gpx", "kml", "xmp"];
    this.writing = new WriteBack((row, written) => this._written(row, written));
    this.menu = menu(SIGNS.save, "Download accepted", buttons(kinds.map((kind) => [titles[kind], () => this._save(kind)])));
    const keys = [["accept", "A"], ["refuse", "R"], ["undo", "U"], ["move", "↑", "↓"], ["evidence", "Enter"], !setup.plane && ["write back", "W"]];
    this.problem = h("p", { class: "problem", role: "alert" });
    this.table = h("table", { class: "batch", onkeydown: (event) => this._key(event) },
      h("caption", { class: "unseen", text: "Photos, the surest first. A accepts, R refuses, U takes it back, arrows move, Enter shows the evidence." }),
      h("thead", {}, h("tr", {}, ["Picture", "Photo", "Sure", "Within", "Verdict"].map((words, column) => h("th", { scope: "col" }, column % 4 ? words : h("span", { class: "unseen", text: words }))))), this.body);
    element.replaceChildren(this.status, this.bar,
      h("div", { class: "actions" },
        h("button", { type: "button", class: "button", text: "Accept located", onclick: () => this._acceptAll() }),
        setup.plane ? "" : h("button", { type: "button", class: "button", onclick: () => this._writeBack() }, sign(SIGNS.pen), "Write back"),
        this.menu, h("button", { type: "button", class: "button", text: "Clear", onclick: () => this.clear() })),
      this.problem,
      h("p", { class: "soft hint keys" }, keys.filter(Boolean).map(([words, ...names]) => h("span", {}, names.map((key) => h("kbd", { text: key })), ` ${words}`))),
      this.table);
    this._tell();
  }

  /** More photos. */
  add(files) {
    const room = this.setup.batchPhotos - this.rows.length;
    this.problem.textContent = files.length > room ? `This page takes ${this.setup.batchPhotos} photos at a time; ${counted(files.length - Math.max(0, room), "photo was", "photos were")} left out. Use whence tag for whole folders.` : "";
    for (const file of [...files].slice(0, Math.max(0, room))) {
      const row = { file, state: "wait", facts: null, at: null, verdict: null, error: null };
      row.element = this._row(row);
      this.rows.push(row);
      this.body.append(row.element);
    }
    this._tell();
    for (let worker = this.working ?? 0; worker < AT_ONCE; worker++) this._work();
  }

  clear() {
    this.stop?.abort();
    this.stop = null;
    for (const row of this.rows) URL.revokeObjectURL(row.url);
    this.rows = [];
    this.current = null;
    this.body.replaceChildren();
    this.atlas.clear();
    this.problem.textContent = "";
    this._tell();
  }

  back() {
    if (this.current) this._onMap(this.current);
  }

  async _work() {
    this.working = (this.working ?? 0) + 1;
    this.stop ??= new AbortController();
    const { signal } = this.stop;
    for (let row; !signal.aborted && (row = this.rows.find((one) => one.state === "wait")); ) {
      row.state = "work";
      this._refresh(row);
      try {
        row.facts = await explain(row.file, { signal, maxMb: this.setup.uploadMb });
        row.state = row.facts.answer.status;
        row.at = row.facts.answer.position;
      } catch (problem) {
        if (problem.name === "AbortError") break;
        row.state = "failed";
        row.error = problem instanceof Problem ? problem.message : "The page failed on it.";
      }
      this._refresh(row);
      this._sort();
      this._tell();
    }
    this.working--;
  }

  _row(row) {
    row.url = URL.createObjectURL(row.file);
    const picture = row.picture = h("img", { src: row.url, alt: "", width: 44, height: 44, loading: "lazy" });
    picture.addEventListener("error", () => picture.classList.add("none")); // HEIC and the like
    row.confidence = h("td", { class: "number" });
    row.radius = h("td", { class: "number" });
    row.said = h("span", { class: "soft" });
    row.buttons = h("td", { class: "verdicts" }, [["accept", "Accept", "✓"], ["refuse", "Refuse", "✕"]].map(([verdict, words, mark]) =>
      h("button", { type: "button", tabindex: "-1", class: verdict, "aria-label": `${words} ${row.file.name}`, title: words, text: mark, onclick: () => this._judge(row, row.verdict === verdict ? null : verdict) })));
    const element = h("tr", { tabindex: this.rows.length ? "-1" : "0", onclick: () => this._select(row), onfocus: () => this._select(row) },
      h("td", {}, picture), h("td", { class: "name" }, h("span", { class: "file", text: row.file.name || "pasted" }), row.said),
      row.confidence, row.radius, row.buttons);
    return element;
  }

  _refresh(row) {
    const { element, state, verdict, facts } = row;
    element.className = `${state} ${verdict ?? ""} ${row === this.current ? "current" : ""}`;
    row.said.textContent = row.error ?? [WORDS[state], row.moved && "moved by you", { accept: "accepted", refuse: "refused" }[verdict], row.written].filter(Boolean).join(", ");
    row.confidence.textContent = facts ? percent(facts.answer.confidence) : "";
    row.radius.textContent = facts ? length(facts.answer.radius_m) : "";
    for (const button of row.buttons.children) {
      button.disabled = !facts;
      button.setAttribute("aria-pressed", verdict === button.className);
    }
  }

  /** The surest first; what failed and what waits last. Whoever has the focus keeps it. */
  _sort() {
    const rank = (row) => (row.facts ? row.facts.answer.confidence : row.state === "failed" ? -2 : -1);
    this.rows.sort((one, other) => rank(other) - rank(one));
    const focus = document.activeElement;
    this.body.append(...this.rows.map((row) => row.element));
    if (this.body.contains(focus)) focus.focus({ preventScroll: true });
  }

  _tell() {
    const done = this.rows.filter((row) => row.facts || row.state === "failed").length, total = this.rows.length;
    const accepted = this._accepted().length, located = this.rows.filter((row) => row.state === "located").length;
    this.status.textContent = !total ? "Choose several photos, or drop a folder's, to go through them here."
      : done < total ? `${done} of ${counted(total, "photo")} answered, ${located} located.`
      : `${counted(total, "photo")}: ${located} located, ${accepted} accepted.`;
    this.bar.firstChild.style.width = `${total ? (100 * done) / total : 0}%`;
    this.element.classList.toggle("empty", !total);
  }

  _accepted() {
    return this.rows.filter((row) => row.facts && row.verdict === "accept");
  }

  _select(row) {
    if (this.current === row) return;
    const before = this.current;
    this.current = row;
    if (before) {
      before.element.tabIndex = -1;
      this._refresh(before);
    }
    row.element.tabIndex = 0;
    this._refresh(row);
    this._onMap(row);
  }

  _onMap(row) {
    if (!row.facts) return this.atlas.clear();
    const evidence = (index) => this._compare(row, index);
    return this.atlas.show(row.facts.answer, row.at, { chosen: evidence, lit: (index) => this.atlas.light(index), moved: (position) => {
      Object.assign(row, { at: position, moved: true });
      this._judge(row, "accept");
    } });
  }

  /** The server keeps evidence for a while only: where it is gone, the photo is asked again. */
  async _compare(row, index) {
    if (!row.facts?.matches[index]) return;
    const there = await fetch(`api/v1/explanations/${row.facts.id}`);
    if (!there.ok) {
      try {
        row.facts = await explain(row.file);
      } catch (problem) {
        this.problem.textContent = problem.message;
        return;
      }
    }
    this.locate.evidence.open(row.facts, index);
  }

  _judge(row, verdict) {
    if (!row.facts) return;
    row.verdict = verdict;
    this._refresh(row);
    this._tell();
    say(`${row.file.name} ${verdict === "accept" ? "accepted" : verdict ? "refused" : "undecided"}`);
  }

  _acceptAll() {
    for (const row of this.rows) if (row.state === "located" && row.verdict === null) this._judge(row, "accept");
    say(`${counted(this._accepted().length, "photo")} accepted`);
  }

  _key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !this.current) return;
    const at = this.rows.indexOf(this.current), step = (by) => {
      const next = this.rows[Math.min(this.rows.length - 1, Math.max(0, at + by))];
      next.element.focus();
    };
    const act = {
      a: () => { this._judge(this.current, "accept"); step(1); }, r: () => { this._judge(this.current, "refuse"); step(1); },
      u: () => this._judge(this.current, null), Enter: () => this._compare(this.current, 0),
      w: () => this._writeBack(), ArrowDown: () => step(1), j: () => step(1), ArrowUp: () => step(-1), k: () => step(-1), Home: () => step(-Infinity), End: () => step(Infinity),
    }[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!act || (event.key === "Enter" && event.target.tagName === "BUTTON")) return;
    event.preventDefault();
    act();
  }

  _writeBack() {
    const accepted = this._accepted();
    if (this._any(accepted) && !this.setup.plane) this.writing.open(accepted);
  }

  /** A photo has its position now, or has it no more; it may be another file by now. */
  _written(row, written) {
    row.written = written;
    URL.revokeObjectURL(row.url);
    row.url = row.picture.src = URL.createObjectURL(row.file);
    this._refresh(row);
  }

  _any(accepted) {
    this.problem.textContent = accepted.length ? "" : "No photo is accepted yet: press A on those that are right, or Accept located.";
    return accepted.length > 0;
  }

  async _save(kind) {
    const accepted = this._accepted();
    if (!this._any(accepted)) return;
    try {
      await save(kind, accepted.map((row) => ({ ...settled(row.facts.answer, row.at), status: "located" })));
      this.problem.textContent = "";
    } catch (problem) {
      this.problem.textContent = problem.message;
    }
  }
}
