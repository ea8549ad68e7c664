// Photos for the gallery: brought with a position, judged by the server; and the queue of a reviewer.
import { contribute, decide, get, Problem, sentence, urls } from "./api.js";
import { counted, h, length, name, place, say, sign, SIGNS } from "./dom.js";

const WORDS = { sending: "Sending", place: "Where was it taken?", waiting: "Being checked", admit: "Admitted, being indexed", admitted: "In the gallery now", review: "A person will look at it", refused: "Refused", failed: "Not taken" };
const KIND = { admitted: "located", admit: "located", review: "unsure", place: "unsure", refused: "failed", failed: "failed" };
const POLL_MS = 800;

export class Contribute {
  constructor(element, { setup, atlas }) {
    Object.assign(this, { element, setup, atlas });
    this.items = [];
    this.queue = [];
    this.list = h("ul", { class: "brought" });
    this.hint = h("p", { class: "soft", text: "Choose photos, drop them, or paste one. Where a photo has no position of its own you point at it on the map." });
    this.heading = h("h3", { text: "To be reviewed" });
    this.note = h("p", { class: "soft", role: "status" });
    this.cards = h("ul", { class: "queue", onkeydown: (event) => this._key(event) });
    element.append(
      h("p", { class: "lead", text: "Bring photos to this gallery. Each is checked against it; what fits is taken in, and what is doubtful waits for a person." }),
      h("button", { type: "button", class: "button main", onclick: () => document.getElementById("photos").click() }, sign(SIGNS.choose), "Choose photos"), this.hint, this.list,
      h("section", { class: "review" }, this.heading, this.note, this.cards));
  }

  async open() {
    this.isOpen = true;
    if (this.placing) this._ask(this.placing);
    await this._load();
  }

  close() {
    this.isOpen = false;
  }

  /** Photos that were chosen; one after the other, since each may need an answer. */
  async add(files) {
    const items = [...files].map((file) => this._item(file));
    this.items.unshift(...items);
    this.list.prepend(...items.map((item) => item.element));
    this.hint.hidden = true;
    for (const item of items) await this._send(item, null);
  }

  _item(file) {
    const item = { file, state: "sending", facts: null, position: null };
    const picture = h("img", { src: URL.createObjectURL(file), alt: "", width: 72, height: 72 });
    picture.addEventListener("error", () => picture.classList.add("none")); // HEIC and the like
    item.badge = h("p", { class: "badge" });
    item.said = h("p", { class: "soft" });
    item.extra = h("div", { class: "extra" });
    item.element = h("li", { class: "one" }, picture, h("div", {}, h("p", { class: "file", text: file.name || "Pasted photo" }), item.badge, item.said, item.extra));
    this._tell(item);
    return item;
  }

  async _send(item, position) {
    this._set(item, "sending");
    try {
      item.facts = await contribute(item.file, position, this.setup.uploadMb);
      this._set(item, item.facts.verdict);
      this._follow(item);
    } catch (problem) {
      if (!(problem instanceof Problem)) console.error(problem);
      item.error = problem instanceof Problem ? problem.message : "The page failed; load it again.";
      this._set(item, problem.kind === "no-position" ? "place" : "failed");
      if (problem.kind === "no-position" && !this.placing) this._ask(item);
    }
  }

  /** Until it is judged. */
  async _follow(item) {
    while (["waiting", "admit"].includes(item.state)) {
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      try {
        item.facts = await get(`contributions/${item.facts.id}`);
      } catch (problem) {
        item.error = problem.message;
        return this._set(item, "failed");
      }
      this._set(item, item.facts.verdict);
    }
    if (item.state === "review" && this.isOpen) this._load();
    if (this.isOpen && !this.placing) this._show(item.facts);
  }

  _set(item, state) {
    const isNews = item.state !== state;
    item.state = state;
    this._tell(item);
    if (isNews) say(`${item.file.name || "The photo"}: ${WORDS[state]}`);
  }

  _tell(item) {
    const { state, facts } = item, judged = ["review", "refused", "admitted"].includes(state);
    item.badge.className = `badge ${KIND[state] ?? "work"}`;
    item.badge.textContent = WORDS[state];
    item.said.textContent = state === "failed" || state === "place" ? item.error : judged ? sentence(facts.reason) : "";
    item.extra.replaceChildren();
    if (state === "place") item.extra.append(h("button", { type: "button", class: "button", text: "Say where", onclick: () => this._ask(item) }));
    if (state === "failed") item.extra.append(h("button", { type: "button", class: "button", text: "Try again", onclick: () => this._send(item, item.position) }));
    if (!judged) return;
    item.extra.append(h("button", { type: "button", class: "button", text: "On the map", onclick: () => this._show(facts) }));
    const isCopy = state === "refused" && facts.off_m === null && facts.witnesses.length;
    if (state !== "admitted" && !isCopy) item.extra.append(h("button", { type: "button", class: "button", text: "Correct it", onclick: () => this._ask(item) }));
  }

  /** A position, by the map or by numbers. */
  _ask(item) {
    this.placing = item;
    const words = this.setup.plane ? "x, y in metres" : "Latitude, longitude", start = item.position ?? item.facts?.position ?? null;
    const input = h("input", { type: "text", inputmode: "text", autocomplete: "off", value: start ? place(start) : null });
    const problem = h("p", { class: "problem", role: "alert" });
    const done = () => {
      this.placing = null;
      this.atlas.clear();
      form.remove();
    };
    const form = h("form", { class: "placing", onsubmit: (event) => {
      event.preventDefault();
      const position = this._read(input.value);
      if (!position) {
        problem.textContent = `Expected two numbers with a comma between them: ${words.toLowerCase()}. Or click on the map.`;
        return;
      }
      done();
      item.position = position;
      this._send(item, position).then(() => this._next());
    } },
    h("label", { class: "field" }, `${words}, or a click on the map`, input), problem,
    h("div", { class: "actions" }, h("button", { type: "submit", class: "button main", text: "Send it" }),
      h("button", { type: "button", class: "button", text: "Not now", onclick: () => { done(); this._tell(item); } })));
    item.extra.replaceChildren(form);
    this.atlas.pick((position) => { input.value = place(position); problem.textContent = ""; }, start);
    input.focus({ preventScroll: true });
    item.element.scrollIntoView({ block: "nearest" });
  }

  _next() {
    const next = this.items.find((item) => item.state === "place");
    if (next && !this.placing) this._ask(next);
  }

  _read(text) {
    const said = text.split(/[\s,;]+/).filter(Boolean).map(Number);
    if (said.length !== 2 || !said.every(Number.isFinite)) return null;
    const [first, second] = said;
    if (this.setup.plane) return { x: first, y: second };
    return Math.abs(first) <= 90 && Math.abs(second) <= 180 ? { lat: first, lon: second } : null;
  }

  /** Its pin, and the photos that it was held against. */
  _show(facts) {
    if (!facts) return;
    const candidates = facts.witnesses.map((one) => ({ ...one, inliers: 1 }));
    const sure = facts.verdict === "admitted" || facts.verdict === "admit";
    this.atlas.show({ status: sure ? "located" : "unsure", radius_m: null, heading_deg: facts.heading_deg, candidates }, facts.position,
      { chosen: () => {}, lit: () => {}, moved: null });
  }

  /** What waits for a reviewer. */
  async _load() {
    try {
      const found = await get("contributions", { limit: 100 });
      this.queue = found.contributions;
      this.note.replaceChildren(found.total ? `${counted(found.total, "photo waits", "photos wait")} for a decision. A admits, R refuses, arrows move.` : "Nothing waits for a decision.");
    } catch (problem) {
      this.queue = [];
      if (problem.kind === "not-reviewer") this.note.replaceChildren("Reviewers decide here: ", h("a", { href: "login", text: "enter the reviewer's token" }), ".");
      else this.note.textContent = problem.message;
    }
    this.cards.replaceChildren(...this.queue.map((facts, index) => this._card(facts, index)));
  }

  _card(facts, index) {
    const picture = h("img", { src: urls.contribution(facts.id), alt: "The photo that was brought", loading: "lazy" });
    picture.addEventListener("error", () => picture.remove());
    const witnesses = facts.witnesses.slice(0, 3).map((one) => h("img", { src: urls.thumbnail(one.id), alt: name(one.path), title: name(one.path), loading: "lazy" }));
    const told = [["Position", place(facts.position)], ["Told by", { pin: "the contributor", exif: "the photo", xmp: "the photo" }[facts.position_source] ?? facts.position_source],
      ["Taken", facts.time?.replace("T", " ")], ["Off by", facts.off_m === null ? null : length(facts.off_m)]];
    const card = h("li", { class: "waits", tabindex: index ? "-1" : "0", "aria-label": `Photo ${index + 1}: ${facts.reason}`, onfocus: () => this._show(facts) },
      h("div", { class: "beside" }, picture, witnesses.length ? h("div", { class: "seen" }, witnesses) : ""),
      h("p", { text: sentence(facts.reason) }),
      h("dl", {}, told.filter(([, said]) => said).flatMap(([term, said]) => [h("dt", { text: term }), h("dd", { text: said })])),
      h("div", { class: "actions" },
        h("button", { type: "button", class: "button", text: "Admit", onclick: () => this._decide(card, true) }),
        h("button", { type: "button", class: "button", text: "Refuse", onclick: () => this._decide(card, false) }),
        h("button", { type: "button", class: "button", text: "On the map", onclick: () => this._show(facts) })));
    card.facts = facts;
    return card;
  }

  async _decide(card, admit) {
    if (card.classList.contains("going")) return;
    card.classList.add("going");
    try {
      await decide(card.facts, admit);
    } catch (problem) {
      card.classList.remove("going");
      this.note.textContent = problem.message;
      if (problem.status === 409 || problem.status === 404) await this._load();
      return;
    }
    const next = card.nextElementSibling ?? card.previousElementSibling;
    card.remove();
    this.queue = this.queue.filter((one) => one !== card.facts);
    const left = this.queue.length;
    this.note.textContent = `${admit ? "Admitted: it will be in the gallery in a moment" : "Refused, and its file deleted"}. ${left ? `${counted(left, "photo waits", "photos wait")} for a decision.` : "Nothing waits any more."}`;
    say(this.note.textContent);
    this.atlas.clear();
    if (next) {
      next.tabIndex = 0;
      next.focus();
    }
  }

  _key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const card = event.target.closest(".waits");
    const step = (to) => {
      if (!to) return;
      card.tabIndex = -1;
      to.tabIndex = 0;
      to.focus();
    };
    const act = {
      a: () => this._decide(card, true), r: () => this._decide(card, false),
      ArrowDown: () => step(card.nextElementSibling), ArrowUp: () => step(card.previousElementSibling),
    }[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!card || !act) return;
    event.preventDefault();
    act();
  }
}
