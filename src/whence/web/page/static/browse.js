// The gallery: what it holds, what to expect of it, its photos by place, time and source.
import { act, get, Problem, urls } from "./api.js";
import { Audit } from "./audit.js";
import { counted, h, heading, length, name, percent, place, say, sign, SIGNS } from "./dom.js";

const SHOWN = 24;
const PAUSE_MS = 250;
const CLOSE = 19; // from here on no number falls apart any further

export class Browse {
  constructor(element, { setup, atlas, points, facts, evidence }) {
    Object.assign(this, { element, setup, atlas, points, facts });
    this.audit = new Audit({ setup, atlas, evidence, show: (id) => this._show(id) });
    this.wanted = 0;
    this.sources = new Set(points.names.keys());
    this._draw();
    const map = atlas.map;
    map.on("moveend", () => this._soon());
    map.on("mousemove", (event) => this.isOpen && this._over(event.containerPoint));
    map.on("click", (event) => this.isOpen && this._click(event.containerPoint));
  }

  open() {
    this.isOpen = true;
    this.atlas.dots.count(true);
    this._soon();
    this.audit.open();
  }

  close() {
    this.isOpen = false;
    this.atlas.dots.count(false);
    this.atlas.map.getContainer().style.cursor = "";
    this.audit.close();
    this.atlas.dots.light(-1);
  }

  _over(point) {
    const { dots, map } = this.atlas, many = dots.cluster(point), row = many ? -1 : dots.at(point);
    dots.light(row);
    map.getContainer().style.cursor = many ? "zoom-in" : row >= 0 ? "pointer" : "";
  }

  /** A number is looked at more closely, a dot is a photo. */
  _click(point) {
    const many = this.atlas.dots.cluster(point);
    if (many && this.atlas.map.getZoom() < CLOSE) this.atlas.fit(many);
    else this._choose(this.atlas.dots.at(point));
  }

  _draw() {
    const { facts, points } = this, expected = facts.expected, within = length(facts.tolerance_m);
    const words = expected
      ? [`Asked ${counted(expected.asked, "of its own photo", "of its own photos")}, it placed ${percent(expected.share_right)} to within ${within}, and called ${percent(expected.share_unsure)} unsure.`,
        expected.strangers ? ` Of ${counted(expected.strangers, "photo")} from places that it does not show, it took ${expected.strangers_located || "none"} for located.` : ""]
      : ["It is too small to have tried its own answers: its confidence is an estimate, and nobody has checked it here."];
    const filter = (props) => h("input", { ...props, onchange: () => this._filter() });
    const { since, until } = this, off = new Set(this.boxes?.filter((box) => !box.checked).map((box) => box.name));
    this.since = filter({ type: "date", id: "since", value: since?.value });
    this.until = filter({ type: "date", id: "until", value: until?.value });
    this.boxes = points.names.map((said, place) => filter({ type: "checkbox", id: `source-${place}`, name: said, checked: !off.has(said) }));
    this.count = h("p", { class: "soft", role: "status" });
    this.chosen = h("div", { class: "chosen" });
    this.list = h("ul", { class: "thumbs" });
    this.none = h("p", { class: "soft", hidden: true, text: "No photo in this part of the map: move it, or zoom out." });
    this.element.replaceChildren(
      h("h2", { text: counted(facts.photos, "photo") }),
      h("section", { class: "expect" }, h("h3", { text: "What to expect" }), h("p", { text: words.join("") }),
        h("p", { class: "soft", text: `Recipe ${facts.recipe}; right means within ${within}.` })),
      h("section", { class: "filters" }, h("h3", { text: "Show" }),
        h("div", { class: "row" },
          h("label", { class: "field" }, "From", this.since), h("label", { class: "field" }, "To", this.until)),
        points.names.length > 1 ? h("fieldset", {}, h("legend", { text: "Position told by" }),
          this.boxes.map((box, index) => h("label", { class: "check" }, box, points.names[index]))) : "",
        this.count),
      this.chosen,
      h("section", {}, h("h3", { text: "In view" }), this.list, this.none),
      this.audit.element);
    this._filter();
  }

  _filter() {
    const { times, sources } = this.points;
    const day = (input, end) => (input.value ? Date.parse(`${input.value}T00:00:00Z`) / 1000 + (end ? 86_400 : 0) : null);
    const [since, until] = [day(this.since, false), day(this.until, true)];
    const on = this.boxes.map((box) => box.checked), timed = since !== null || until !== null;
    let count = 0;
    const shown = Uint8Array.from(sources, (source, row) => {
      const time = times[row];
      const counts = on[source] && (!timed || (time !== null && (since === null || time >= since) && (until === null || time < until)));
      count += counts;
      return counts ? 1 : 0;
    });
    this.atlas.dots.show(shown);
    this.count.textContent = count === sources.length ? "All of them." : count ? `${counted(count, "photo")} of ${sources.length.toLocaleString("en")}.` : "No photo meets this; widen the dates or sources.";
    this._soon();
  }

  _soon() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.isOpen && this._fill(), PAUSE_MS);
  }

  /** Thumbnails of photos that are in view and count: spread over all of them. */
  async _fill() {
    const { dots } = this.atlas, { rows } = dots._visible(this.atlas.map.getSize()), wanted = ++this.wanted;
    const step = Math.max(1, rows.length / SHOWN), some = [];
    for (let place = 0; place < rows.length && some.length < SHOWN; place += step) some.push(rows[Math.floor(place)]);
    const photos = await Promise.all(some.map((row) => this._photo(row).catch(() => null)));
    if (wanted !== this.wanted) return;
    this.none.hidden = rows.length > 0;
    this.list.replaceChildren(...photos.map((photo, index) => photo && h("li", {}, h("button", {
      type: "button", class: "thumb", "aria-label": name(photo.path), title: name(photo.path),
      onclick: () => this._choose(some[index]), onmouseenter: () => dots.light(some[index]), onmouseleave: () => dots.light(-1),
      onfocus: () => dots.light(some[index]), onblur: () => dots.light(-1),
    }, h("img", { src: urls.thumbnail(photo.id), alt: "", loading: "lazy" })))).filter(Boolean));
  }

  async _photo(row) {
    this.known ??= new Map();
    if (!this.known.has(row)) this.known.set(row, (await get("gallery/photos", { start: row, limit: 1 })).photos[0]);
    return this.known.get(row);
  }

  async _choose(row) {
    if (row < 0) return;
    try {
      this._tell(await this._photo(row));
    } catch (problem) {
      this._fail(problem);
    }
  }

  /** A photo by its id. */
  async _show(id) {
    try {
      this._tell(await get(`gallery/photos/${id}`));
    } catch (problem) {
      this._fail(problem);
    }
  }

  _fail(problem) {
    this.chosen.replaceChildren(h("p", { class: "problem", role: "alert", text: problem instanceof Problem ? problem.message : "The page failed; load it again." }));
  }

  _tell(photo) {
    const facts = [["Position", place(photo.position)], ["Told by", photo.position_source], ["Taken", photo.time?.replace("T", " ")], ["Looking", photo.heading_deg === null ? null : heading(photo.heading_deg)], ["Group", photo.group]];
    const picture = h("img", { src: this.setup.private ? urls.thumbnail(photo.id) : urls.picture(photo.id), alt: name(photo.path) });
    picture.addEventListener("error", () => picture.remove());
    this.chosen.replaceChildren(picture, h("h3", { text: name(photo.path) }),
      h("dl", {}, facts.filter(([, said]) => said).flatMap(([term, said]) => [h("dt", { text: term }), h("dd", { text: said })])),
      this.setup.changes ? h("div", { class: "row" }, h("button", { type: "button", class: "button", onclick: () => this._ask(photo) }, sign(SIGNS.bin), "Delete from the gallery")) : "");
    this.chosen.scrollIntoView({ block: "nearest" });
    say(`${name(photo.path)}, ${place(photo.position)}`);
  }

  /** Nothing is deleted before the reader has read what. */
  _ask(photo) {
    const told = h("p", { class: "problem", role: "alert" });
    const yes = h("button", { type: "button", class: "button danger", onclick: async () => {
      yes.disabled = true;
      try {
        await act("DELETE", `gallery/photos/${photo.id}`);
        dialog.close();
        await this._reload();
        say(`${name(photo.path)} was deleted from the gallery`);
        this.chosen.replaceChildren(h("p", { class: "soft", text: `${name(photo.path)} was deleted from the gallery.` }));
      } catch (problem) {
        told.textContent = problem instanceof Problem ? problem.message : "The page failed; load it again.";
        yes.disabled = false;
      }
    } }, sign(SIGNS.bin), "Delete");
    const dialog = h("dialog", { class: "sheet", "aria-labelledby": "delete-title", onclose: () => dialog.remove() },
      h("header", {}, h("h2", { id: "delete-title", text: `Delete ${name(photo.path)}?` })),
      h("img", { src: urls.thumbnail(photo.id), alt: "", width: 160 }),
      h("p", { text: `It was taken at ${place(photo.position)}. The gallery forgets it, and no photo is located by it any more.` }),
      h("p", { class: "soft", text: "The file itself stays where it is; indexed again, it comes back." }),
      told,
      h("div", { class: "row" }, yes, h("button", { type: "button", class: "button", autofocus: true, text: "Keep it", onclick: () => dialog.close() })));
    document.querySelector(".whence").append(dialog);
    dialog.showModal();
  }

  /** The gallery as it is by now. */
  async _reload() {
    [this.facts, this.points] = await Promise.all([get("gallery"), get("gallery/map")]);
    this.known = new Map();
    this.audit.renew();
    this.atlas.renew(this.points.points);
    this.atlas.dots.count(this.isOpen);
    this._draw();
  }
}
