// Wrong pins: looked for on the server, gone through here with the photos that speak against them.
import { act, get, Problem, sentence, urls } from "./api.js";
import { counted, h, length, name, percent, say } from "./dom.js";

const POLL_MS = 700;

export class Audit {
  /** `show(id)` shows a photo of the gallery. */
  constructor({ setup, atlas, evidence, show }) {
    Object.assign(this, { setup, atlas, evidence, show });
    this.body = h("div", { class: "audit-body" });
    this.problem = h("p", { class: "problem", role: "alert" });
    this.element = h("section", { class: "audit" }, h("h3", { text: "Wrong pins" }), this.problem, this.body);
  }

  open() {
    this.isOpen = true;
    this._look();
  }

  /** Without photos that are gone. */
  renew() {
    this.finished = null;
    this._look();
  }

  close() {
    this.isOpen = false;
    clearTimeout(this.timer);
  }

  async _look(method = "GET") {
    clearTimeout(this.timer);
    try {
      const facts = method === "GET" ? await get("gallery/audit") : await act(method, "gallery/audit") ?? await get("gallery/audit");
      this.problem.textContent = "";
      await this._draw(facts);
      if (facts.state === "running" && this.isOpen) this.timer = setTimeout(() => this._look(), POLL_MS);
    } catch (problem) {
      this.problem.textContent = problem instanceof Problem ? problem.message : "The page failed; load it again.";
    }
  }

  async _draw(facts) {
    if (facts.state === "running") return this._progress(facts);
    this.bar = null;
    if (facts.state === "done") {
      if (this.finished === facts.finished) return undefined; // as it is shown
      const { findings } = await get("gallery/audit/findings");
      this.finished = facts.finished;
      return this._findings(facts, findings);
    }
    this.finished = null;
    return this.body.replaceChildren(
      h("p", { class: "soft", text: facts.state === "failed" ? sentence(facts.error) : "Photos that match others far away, and pins that are odd: all photos are compared with each other, which takes a while. Nothing is changed." }),
      h("div", { class: "row" }, this._button("Look for wrong pins", "POST")));
  }

  _progress({ stage, done, total }) {
    if (!this.bar) {
      this.bar = h("progress", { max: 1, value: 0, "aria-label": "Audit" });
      this.said = h("p", { class: "soft", role: "status" });
      this.body.replaceChildren(this.said, this.bar, h("div", { class: "row" }, this._button("Stop", "DELETE")));
    }
    this.said.textContent = `${stage ? sentence(stage).slice(0, -1) : "Beginning"}${total ? `, ${done.toLocaleString("en")} of ${total.toLocaleString("en")}` : ""}`;
    this.bar.value = total ? done / total : 0;
  }

  _findings(facts, findings) {
    this.findings = findings;
    this.items = findings.map((finding, index) => h("li", {}, h("button", { type: "button", class: "finding", onclick: () => this._choose(index) },
      h("img", { src: urls.thumbnail(finding.id), alt: "", loading: "lazy", width: 56, height: 56 }),
      h("span", {}, h("span", { class: "card-name", text: name(finding.path) }), h("span", { class: "soft", text: sentence(finding.why.join("; ")) })),
      h("span", { class: "number", text: percent(finding.probability), title: "Probability that its pin is wrong" }))));
    this.body.replaceChildren(
      h("p", { text: facts.said.map(sentence).join(" ") }),
      h("ul", { class: "findings" }, this.items),
      h("div", { class: "row" }, this._button("Look again", "POST")));
    say(findings.length ? `${counted(findings.length, "photo")} whose pins may be wrong` : "No pin seems wrong");
  }

  /** On the map; the photos that it matches below it. */
  _choose(index) {
    const finding = this.findings[index], { witnesses } = finding;
    const compare = (place) => this._compare(finding, place), lit = (place) => this.atlas.light(place);
    this.atlas.doubt(finding, { chosen: compare, lit });
    this.show(finding.id);
    for (const [place, item] of this.items.entries()) {
      item.firstChild.setAttribute("aria-expanded", place === index);
      item.querySelector(".witnesses")?.remove();
    }
    const facts = finding.off_m === null ? "Nothing tells where it belongs." : `It may belong ${length(finding.off_m)} away${finding.confidence === null ? "" : `, ${percent(finding.confidence)} sure`}.`;
    this.items[index].append(h("div", { class: "witnesses" }, h("p", { class: "soft", text: facts }),
      h("ul", { class: "cards" }, witnesses.map((witness, place) => h("li", {}, h("button", {
        type: "button", class: "card", disabled: this.setup.private,
        onclick: () => compare(place), onmouseenter: () => lit(place), onmouseleave: () => lit(-1), onfocus: () => lit(place), onblur: () => lit(-1),
      }, h("span", { class: "unseen", text: "Compare with" }), h("img", { src: urls.thumbnail(witness.id), alt: "", loading: "lazy" }),
      h("span", { class: "card-name", text: name(witness.path) }),
      h("span", { class: "soft", text: `${length(witness.apart_m)} off, ${witness.against ? "against" : "for"} the pin` })))))));
  }

  async _compare(finding, index) {
    try {
      const pairs = await Promise.all(finding.witnesses.map(async (witness) => {
        const match = await get(`gallery/photos/${finding.id}/matches/${witness.id}`);
        return { match, named: name(witness.path), caption: name(finding.path), here: [urls.picture(finding.id), match.here], there: [urls.picture(witness.id), match.there] };
      }));
      this.evidence.between(pairs, index);
    } catch (problem) {
      this.problem.textContent = problem instanceof Problem ? problem.message : "The page failed; load it again.";
    }
  }

  _button(words, method) {
    return h("button", { type: "button", class: "button", text: words, onclick: () => this._look(method) });
  }
}
