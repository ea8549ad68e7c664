// One photo: how far it is, the answer in words, what it rests on.
import { SHOWN } from "./atlas.js";
import { explain, Problem, save, settled, urls, drop } from "./api.js";
import { buttons, counted, h, heading, length, likelihood, menu, name, percent, place, say, sign, SIGNS } from "./dom.js";

const STAGES = [["upload", "Sending the photo"], ["read", "Reading it"], ["describe", "Finding its features"], ["search", "Comparing with the gallery"]];
const ORDER = { upload: 0, busy: 0, waiting: 1, read: 1, describe: 2, search: 3 };

export class Locate {
  constructor(element, { setup, atlas, evidence }) {
    Object.assign(this, { element, setup, atlas, evidence });
  }

  /** Asks where a photo was taken, and shows it. */
  async ask(file) {
    this.leave();
    this.stop = new AbortController();
    const { signal } = this.stop, steps = this._progress(file);
    try {
      const facts = await explain(file, { told: steps, signal, maxMb: this.setup.uploadMb });
      if (!signal.aborted) this.show(facts);
    } catch (problem) {
      if (problem.name === "AbortError") return;
      if (!(problem instanceof Problem)) console.error(problem);
      this._failed(file, problem instanceof Problem ? problem.message : "The page failed; load it again.");
    }
  }

  /** Drops what is shown, here and on the server. */
  leave() {
    this.stop?.abort();
    if (this.facts) drop(`explanations/${this.facts.id}`);
    this.facts = null;
    this.atlas.clear();
    this.element.replaceChildren();
  }

  /** Shows what was found out already. */
  show(facts) {
    this.facts = facts;
    this.at = facts.answer.position;
    this.moved = false;
    const { answer } = facts, title = h("h2", { tabindex: "-1", class: "verdict" });
    this.title = title;
    this.words = h("div", { class: "words" });
    this.element.replaceChildren(
      h("article", { class: `answer ${answer.status}` },
        h("img", { class: "asked", src: urls.photo(facts.id), alt: `Your photo ${name(answer.path)}`, width: facts.frame?.width, height: facts.frame?.height }),
        h("p", { class: `badge ${answer.status}`, text: { located: "Located", unsure: "Unsure", failed: "Not located" }[answer.status] }),
        title, this.words, this._actions(), this._candidates()));
    this._tell();
    this.back();
    title.focus({ preventScroll: true });
    this.element.closest(".panel").scrollTop = 0;
    say(`${this.element.querySelector(".badge").textContent}. ${title.textContent}. ${this.words.textContent}`);
  }

  /** Draws the answer on the map, again. */
  back() {
    if (!this.facts || !this.at) return;
    this.atlas.show(this.facts.answer, this.at, {
      moved: (position) => this._move(position),
      chosen: (index) => this._compare(index),
      lit: (index) => this._light(index),
    });
  }

  _tell() {
    const { answer } = this.facts, { setup } = this, around = length(answer.radius_m), within = length(setup.toleranceM);
    const sure = answer.status === "located", words = [];
    if (this.moved) {
      this.title.textContent = place(this.at);
      words.push("You put the marker here. whence answered ", h("span", { class: "number", text: place(answer.position) }), ".");
    } else {
      this.title.textContent = sure ? answer.place ?? place(answer.position) : "whence is not sure";
      const spot = sure && !answer.place ? "" : ` at ${place(answer.position)}`;
      words.push(sure
        ? `${spot ? `Taken${spot}. ` : ""}Nine of ten such answers lie within ${around}.`
        : `The best guess is${spot.replace(" at", "")}${answer.place ? ` (${answer.place})` : ""}, give or take ${around}. The runners-up are below.`);
    }
    const facts = this.moved ? [] : [["Confidence", `${likelihood(answer.confidence)} to within ${within} (${percent(answer.confidence)})`]];
    if (answer.heading_deg !== null && !this.moved) facts.push(["Looking", heading(answer.heading_deg)]);
    if (answer.turned_deg) facts.push(["Turned", `The photo lies on its side; it was turned by ${answer.turned_deg}°`]);
    if (answer.duplicate_of.length)
      facts.push(["Same photo", `${answer.duplicate_of.map(name).join(", ")} is in the gallery, and was left out as no evidence`]);
    this.words.replaceChildren(h("p", {}, words),
      facts.length ? h("dl", {}, facts.flatMap(([term, said]) => [h("dt", { text: term }), h("dd", { text: said })])) : "");
    this.undo.hidden = !this.moved;
    this._links();
  }

  _move(position) {
    this.at = position;
    this.moved = true;
    this._tell();
  }

  _actions() {
    const copied = h("button", { type: "button", class: "button", onclick: () => this._copy() }, sign(SIGNS.copy), "Copy");
    this.undo = h("button", { type: "button", class: "button", hidden: true, onclick: () => {
      this.at = this.facts.answer.position;
      this.moved = false;
      this._tell();
      this.back();
    } }, sign(SIGNS.back), "Undo the move");
    this.links = [h("a", { class: "geo", text: "Map application" }),
      h("a", { class: "osm", target: "_blank", rel: "noopener noreferrer", text: "OpenStreetMap" })];
    const kinds = this.setup.plane ? ["csv", "jsonl"] : ["geojson", "gpx", "kml", "csv", "xmp"];
    const titles = { geojson: "GeoJSON", gpx: "GPX", kml: "KML", csv: "CSV", jsonl: "JSON lines", xmp: "XMP sidecar" };
    const choices = kinds.map((kind) => [titles[kind], () => this._save(kind)]);
    choices.push(["Explanation (HTML)", () => location.assign(urls.page(this.facts.id))]);
    this.problem = h("p", { class: "problem", role: "alert" });
    return h("div", { class: "actions" }, copied, this.setup.plane ? "" : menu(SIGNS.map, "Open in", this.links), menu(SIGNS.save, "Download", buttons(choices)), this.undo,
      h("p", { class: "soft hint", text: "Wrong? Drag the marker, or focus on it and use the arrow keys; what you copy or download follows." }), this.problem);
  }

  _links() {
    if (this.setup.plane) return;
    const [lat, lon] = [this.at.lat.toFixed(6), this.at.lon.toFixed(6)], [geo, osm] = this.links;
    geo.href = `geo:${lat},${lon}?q=${lat},${lon}`;
    osm.href = `https://www.openstreetmap.org/?mlat=${lat}&mlon=${lon}#map=18/${lat}/${lon}`;
  }

  async _copy() {
    const words = this.setup.plane ? place(this.at) : `${this.at.lat.toFixed(6)}, ${this.at.lon.toFixed(6)}`;
    try {
      await navigator.clipboard.writeText(words);
      this.problem.textContent = "";
      say(`Copied ${words}`);
      this._flash("Copied");
    } catch {
      this.problem.textContent = `The browser does not let pages copy here; it is ${words}`;
    }
  }

  _flash(words) {
    const label = this.element.querySelector(".actions button").lastChild, before = "Copy";
    label.textContent = words;
    setTimeout(() => { label.textContent = before; }, 1500);
  }

  async _save(kind) {
    const answer = settled(this.facts.answer, this.at);
    try {
      await save(kind, [this.moved ? { ...answer, status: "located" } : answer]);
      this.problem.textContent = "";
    } catch (problem) {
      this.problem.textContent = problem.message;
    }
  }

  _candidates() {
    const { answer, matches } = this.facts, some = answer.candidates.slice(0, SHOWN);
    if (!some.length) return "";
    this.cards = some.map((candidate, index) => {
      return h("li", {}, h("button", {
        type: "button", class: "card", disabled: !matches[index],
        onclick: () => this._compare(index), onmouseenter: () => this._light(index), onmouseleave: () => this._light(-1),
        onfocus: () => this._light(index), onblur: () => this._light(-1),
      }, h("span", { class: "unseen", text: "Compare with" }), h("img", { src: urls.thumbnail(candidate.id), alt: "", loading: "lazy" }),
      h("span", { class: "card-name", text: name(candidate.path) }),
      h("span", { class: "soft", text: candidate.inliers ? counted(candidate.inliers, "point") : "looks alike" })));
    });
    return h("section", { class: "candidates" },
      h("h3", { text: answer.status === "located" ? "What it rests on" : "It may be one of these" }),
      h("ul", { class: "cards" }, this.cards));
  }

  _light(index) {
    this.atlas.light(index);
    this.cards?.forEach((card, place) => card.classList.toggle("lit", place === index));
  }

  _compare(index) {
    if (this.facts.matches[index]) this.evidence.open(this.facts, index);
  }

  _progress(file) {
    const bar = h("div", { class: "bar", role: "progressbar", "aria-label": "Progress", "aria-valuemin": "0", "aria-valuemax": "100" }, h("i"));
    const steps = STAGES.map(([, words]) => h("li", { text: words })), note = h("p", { class: "soft" });
    const stop = h("button", { type: "button", class: "button", text: "Stop", onclick: () => this.leave() });
    this.element.replaceChildren(h("section", { class: "progress", "aria-busy": "true" },
      h("p", { class: "file", text: file.name || "Pasted photo" }), bar, h("ol", { class: "steps" }, steps), note, stop));
    let before = -1;
    return (stage, share) => {
      const now = ORDER[stage] ?? 3, done = (now + (share ?? (now === 3 ? 0.5 : 0.2))) / STAGES.length;
      bar.firstChild.style.width = `${100 * done}%`;
      bar.setAttribute("aria-valuenow", Math.round(100 * done));
      note.textContent = stage === "busy" ? `The server is busy; trying again in ${Math.ceil(share)} s.` : stage === "waiting" ? "Waiting for its turn." : "";
      steps.forEach((step, index) => step.setAttribute("class", index < now ? "done" : index === now ? "now" : ""));
      if (now !== before) say(STAGES[now][1]);
      before = now;
    };
  }

  _failed(file, words) {
    this.element.replaceChildren(h("article", { class: "answer failed" },
      h("p", { class: "badge failed", text: "Not located" }),
      h("h2", { tabindex: "-1", class: "verdict", text: file.name || "Pasted photo" }),
      h("p", { role: "alert", text: words }),
      h("div", { class: "actions" }, h("button", { type: "button", class: "button", text: "Try again", onclick: () => this.ask(file) }))));
    this.element.querySelector("h2").focus({ preventScroll: true });
  }
}
