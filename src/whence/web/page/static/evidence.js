// Two photos side by side, and the points that were found in both.
import { counted, h, name, s, say, sign, SIGNS } from "./dom.js";
import { urls } from "./api.js";

const NEAR_PX = 16;
const MOST = 16;

/** One photo that can be zoomed: wheel, pinch, drag, double click, buttons, + - 0 and arrows. */
class Lens {
  constructor(label, hovered) {
    this.scale = 1;
    this.x = this.y = 0;
    this.hovered = hovered;
    this.pointers = new Map();
    this.image = h("img", { alt: label, draggable: "false" });
    this.points = s("svg", { class: "points", "aria-hidden": "true", preserveAspectRatio: "none" });
    this.stage = h("div", { class: "stage" }, this.image, this.points);
    this.element = h("div", { class: "lens", tabindex: "0", role: "group", "aria-label": `${label}: zoom by + and -, move by arrows` },
      this.stage,
      h("div", { class: "zooms" },
        h("button", { type: "button", "aria-label": `Zoom in on ${label}`, onclick: () => this.zoom(1.5) }, sign(SIGNS.plus)),
        h("button", { type: "button", "aria-label": `Zoom out of ${label}`, onclick: () => this.zoom(1 / 1.5) }, sign(SIGNS.minus))));
    this._listen();
  }

  /** Shows a picture; `size` is that of the points' pixels. */
  show(url, { width, height }, points) {
    this.size = { width, height };
    this.image.src = url;
    this.image.width = width;
    this.image.height = height;
    this.stage.style.aspectRatio = `${width} / ${height}`;
    this.stage.style.setProperty("--aspect", width / height);
    this.points.setAttribute("viewBox", `-0.5 -0.5 ${width} ${height}`); // whole numbers are centres of pixels
    this.at = points;
    this.circles = points.map(([x, y]) => s("circle", { cx: x, cy: y }));
    this.points.replaceChildren(...this.circles);
    this.reset();
  }

  reset() {
    this.scale = 1;
    this.x = this.y = 0;
    this._place();
  }

  zoom(factor, centre = null) {
    const box = this.element.getBoundingClientRect();
    const at = centre ?? { x: box.width / 2, y: box.height / 2 };
    const next = Math.min(MOST, Math.max(1, this.scale * factor));
    this.x = at.x - ((at.x - this.x) * next) / this.scale;
    this.y = at.y - ((at.y - this.y) * next) / this.scale;
    this.scale = next;
    this._place();
  }

  move(x, y) {
    this.x += x;
    this.y += y;
    this._place();
  }

  /** Where a point is on the screen. */
  screen(index) {
    return this.circles[index].getBoundingClientRect();
  }

  light(index) {
    this.circles.forEach((circle, place) => circle.classList.toggle("lit", place === index));
    this.points.classList.toggle("dimmed", index >= 0);
    if (index >= 0) this.points.append(this.circles[index]); // on top
  }

  _place() {
    const box = this.element.getBoundingClientRect();
    this.x = kept(this.x, box.width, this.stage.offsetWidth * this.scale);
    this.y = kept(this.y, box.height, this.stage.offsetHeight * this.scale);
    this.stage.style.transform = `translate(${this.x}px, ${this.y}px) scale(${this.scale})`;
    const shown = this.stage.offsetWidth || 1;
    const radius = ((3.2 / this.scale) * (this.size?.width ?? 1)) / shown;
    this.points.style.setProperty("--r", radius);
    this.circles?.forEach((circle) => circle.setAttribute("r", radius));
  }

  _listen() {
    const element = this.element;
    const inside = (event) => {
      const box = element.getBoundingClientRect();
      return { x: event.clientX - box.left, y: event.clientY - box.top };
    };
    element.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.zoom(Math.exp(-event.deltaY / 400), inside(event));
    }, { passive: false });
    element.addEventListener("dblclick", (event) => (this.scale > 1 ? this.reset() : this.zoom(3, inside(event))));
    element.addEventListener("pointerdown", (event) => {
      if (event.target.closest("button")) return;
      element.setPointerCapture(event.pointerId);
      this.pointers.set(event.pointerId, event);
    });
    element.addEventListener("pointermove", (event) => {
      const before = this.pointers.get(event.pointerId);
      if (!before) return this.hovered(this._nearest(event));
      if (this.pointers.size === 2) {
        const other = [...this.pointers.values()].find((one) => one.pointerId !== event.pointerId);
        const apart = (one) => Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY);
        this.zoom(apart(event) / Math.max(1, apart(before)), inside(other));
      } else this.move(event.clientX - before.clientX, event.clientY - before.clientY);
      this.pointers.set(event.pointerId, event);
      return undefined;
    });
    for (const end of ["pointerup", "pointercancel"])
      element.addEventListener(end, (event) => {
        this.pointers.delete(event.pointerId);
        if (end === "pointerup") this.hovered(this._nearest(event));
      });
    element.addEventListener("pointerleave", () => this.pointers.size || this.hovered(-1));
    element.addEventListener("keydown", (event) => {
      const act = {
        "+": () => this.zoom(1.5), "=": () => this.zoom(1.5), "-": () => this.zoom(1 / 1.5), 0: () => this.reset(),
        ArrowLeft: () => this.move(40, 0), ArrowRight: () => this.move(-40, 0), ArrowUp: () => this.move(0, 40), ArrowDown: () => this.move(0, -40),
      }[event.key];
      if (!act || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      event.stopPropagation();
      act();
    });
    new ResizeObserver(() => this.size && this._place()).observe(element);
  }

  _nearest(event) {
    const shown = this.points.getBoundingClientRect(), unit = shown.width / this.size.width;
    let best = -1, least = NEAR_PX ** 2;
    this.at.forEach(([x, y], index) => {
      const off = (shown.left + (x + 0.5) * unit - event.clientX) ** 2 + (shown.top + (y + 0.5) * unit - event.clientY) ** 2;
      if (off < least) [best, least] = [index, off];
    });
    return best;
  }
}

/** Where a picture begins: in the middle while there is room for it, else without a gap at either end. */
function kept(at, room, size) {
  return size <= room ? (room - size) / 2 : Math.min(0, Math.max(room - size, at));
}

/** A window with the two photos. */
export class Evidence {
  constructor() {
    this.lit = -1;
    const light = (index) => this._light(index);
    this.here = new Lens("the first photo", light);
    this.there = new Lens("the second photo", light);
    this.title = h("h2", { id: "evidence-title" });
    this.note = h("p", { class: "soft" });
    this.line = s("line", {});
    this.link = s("svg", { class: "link", "aria-hidden": "true" }, this.line);
    this.before = h("button", { type: "button", class: "button", text: "Previous photo", onclick: () => this._turn(-1) });
    this.after = h("button", { type: "button", class: "button", text: "Next photo", onclick: () => this._turn(1) });
    const close = h("button", { type: "button", class: "bare", "aria-label": "Close", onclick: () => this.dialog.close() }, sign(SIGNS.close));
    this.dialog = h("dialog", { class: "evidence", "aria-labelledby": "evidence-title" },
      h("header", {}, h("div", {}, this.title, this.note), close),
      h("div", { class: "pair" },
        h("figure", {}, this.here.element, (this.first = h("figcaption"))),
        h("figure", {}, this.there.element, (this.second = h("figcaption")))),
      h("footer", {}, h("p", { class: "soft hint", text: "Hover over a point to see its partner; [ and ] step through them. Wheel, pinch or + zooms." }),
        h("div", { class: "row" }, this.before, this.after)),
      this.link);
    this.dialog.addEventListener("keydown", (event) => {
      const count = this.match?.points.length ?? 0;
      if ((event.key === "]" || event.key === "[") && count)
        this._light((this.lit + (event.key === "]" ? 1 : -1) + count) % count, true);
    });
    this.dialog.addEventListener("click", (event) => event.target === this.dialog && this.dialog.close());
    document.querySelector(".whence").append(this.dialog);
  }

  /** An answer's candidates beside the photo. */
  open(facts, index) {
    const pairs = facts.matches.map((match, place) => ({
      match, named: name(facts.answer.candidates[place].path), caption: "Your photo", here: [urls.photo(facts.id), facts.frame], there: [urls.picture(match.id), match],
    }));
    this.between(pairs, index);
  }

  /** Any pairs: `match` with `points`, `named` the second, `caption` of the first, and of each its address and size. */
  between(pairs, index) {
    this.pairs = pairs;
    this.index = index;
    if (!this.dialog.open) this.dialog.showModal();
    this._show();
  }

  _turn(step) {
    this.index += step;
    this._show();
  }

  _show() {
    const { pairs, index } = this, { match, named, caption, here, there } = pairs[index];
    this.match = match;
    this.before.disabled = index === 0;
    this.after.disabled = index >= pairs.length - 1;
    const count = match.points.length;
    this.title.textContent = count ? `${counted(count, "matching point")}` : "No matching points";
    this.note.textContent = `with ${named}, ${index + 1} of ${pairs.length}`
      + (count ? "" : ". The two photos look alike as a whole, which is weak evidence");
    this.first.textContent = caption;
    this.second.textContent = named;
    this.here.show(...here, match.points.map(([x, y]) => [x, y]));
    this.there.show(...there, match.points.map(([, , x, y]) => [x, y]));
    this._light(-1);
    say(`${this.title.textContent} ${this.note.textContent}`);
  }

  _light(index, told = false) {
    this.lit = index;
    this.here.light(index);
    this.there.light(index);
    this.link.classList.toggle("on", index >= 0);
    if (index < 0) return;
    const from = this.here.screen(index), to = this.there.screen(index), box = this.dialog.getBoundingClientRect();
    const centre = (spot) => [spot.left + spot.width / 2 - box.left, spot.top + spot.height / 2 - box.top];
    [["x1", "y1"], ["x2", "y2"]].forEach(([x, y], end) => {
      const [left, top] = centre(end ? to : from);
      this.line.setAttribute(x, left);
      this.line.setAttribute(y, top);
    });
    if (told) say(`Point ${index + 1} of ${this.match.points.length}`);
  }
}
