// The map: OpenStreetMap where it is wanted, a plan, the gallery as dots, an answer and its candidates.
import { leaflet as L } from "nicegui-leaflet";
import { Dots } from "./dots.js";
import { h, name, place, s, say } from "./dom.js";

const TILES = "https://tile.openstreetmap.org/{z}/{x}/{y}.png";
const OSM = '© <a href="https://www.openstreetmap.org/copyright" target="_blank" rel="noopener noreferrer">OpenStreetMap</a> contributors';
const METRES_PER_DEGREE = 111_320;
const WEDGE_DEG = 24;
const ROAD_M = 5;
const STEP_PX = 8;
export const SHOWN = 12;
const KEPT = "whence-tiles";

export class Atlas {
  constructor(element, setup) {
    this.setup = setup;
    this.toLatLng = setup.plane ? (x, y) => L.latLng(y, x) : (lat, lon) => L.latLng(lat, lon);
    this.map = L.map(element, {
      crs: setup.plane ? crsOfPlane(setup.yDown) : L.CRS.EPSG3857,
      zoomControl: false,
      minZoom: setup.plane ? -8 : 2,
      maxZoom: setup.plane ? 9 : 21,
      zoomSnap: 0.5,
      worldCopyJump: !setup.plane,
      attributionControl: !setup.plane,
    });
    this.map.attributionControl?.setPrefix(false);
    L.control.zoom({ position: "topright" }).addTo(this.map);
    L.control.scale({ position: "bottomright", imperial: false }).addTo(this.map);
    this.map.setView([0, 0], setup.plane ? 0 : 3);
    this.answer = L.layerGroup().addTo(this.map);
    this.candidates = [];
    if (!setup.plane) this._switchable();
    if (setup.plan) new Plan("page/plan", setup.plan, this.toLatLng).addTo(this.map);
  }

  /** The gallery's photos, and all of them in view. */
  gallery(points) {
    this.dots = new Dots(points, this.toLatLng, this._road()).addTo(this.map);
    const ends = [Infinity, Infinity, -Infinity, -Infinity];
    for (let i = 0; i < points.length; i += 2) {
      ends[0] = Math.min(ends[0], points[i]);
      ends[1] = Math.min(ends[1], points[i + 1]);
      ends[2] = Math.max(ends[2], points[i]);
      ends[3] = Math.max(ends[3], points[i + 1]);
    }
    this.all = L.latLngBounds(this.toLatLng(ends[0], ends[1]), this.toLatLng(ends[2], ends[3]));
    this.fit(this.all, false);
  }

  /** Other photos in their place, the view as it is. */
  renew(points) {
    this.dots.remove();
    this.dots = new Dots(points, this.toLatLng, this._road()).addTo(this.map);
  }

  /** A photo whose pin may be wrong, where it may belong, and the photos that say so. */
  doubt(finding, { chosen, lit }) {
    this.clear();
    const pin = this.point(finding.position), bounds = L.latLngBounds(pin, pin), put = (at, kind, words) => {
      bounds.extend(at);
      return L.marker(at, { icon: L.divIcon({ className: kind, iconSize: [16, 16] }), title: words, alt: words, riseOnHover: true }).addTo(this.answer);
    };
    if (finding.suggested) {
      const there = this.point(finding.suggested);
      L.polyline([pin, there], { className: "move", interactive: false }).addTo(this.answer);
      if (finding.radius_m)
        bounds.extend(L.circle(there, { radius: finding.radius_m, className: "circle sure", interactive: false }).addTo(this.answer).getBounds());
      put(there, "spot belongs", "Where it may belong");
    }
    finding.witnesses.forEach((witness, index) => {
      const icon = L.divIcon({ className: witness.against ? "candidate" : "candidate weak", html: thumbnail(witness), iconSize: [14, 14] }), at = this.point(witness.position);
      const marker = L.marker(at, { icon, title: name(witness.path), alt: `Matches ${name(witness.path)}`, riseOnHover: true }).addTo(this.answer);
      marker.on("click", () => chosen(index)).on("mouseover", () => lit(index)).on("mouseout", () => lit(-1));
      this.candidates.push(marker);
      bounds.extend(at);
    });
    put(pin, "spot doubted", "Its pin").setZIndexOffset(2000);
    this.fit(bounds);
  }

  /** Half the width of streets, in metres; a plan has its own. */
  _road() {
    if (this.setup.plan) return 0;
    return this.setup.plane ? 0.5 * this.setup.toleranceM : ROAD_M;
  }

  /** Brings something into the part of the map that the panel leaves free. */
  fit(bounds, animate = true) {
    const free = this.free();
    this.map.fitBounds(bounds, {
      paddingTopLeft: [free.left + 48, 48],
      paddingBottomRight: [48, 48],
      maxZoom: this.setup.plane ? 7 : 19.5,
      animate: animate && !matchMedia("(prefers-reduced-motion: reduce)").matches,
    });
  }

  free() {
    const panel = document.querySelector(".panel").getBoundingClientRect(), map = this.map.getContainer().getBoundingClientRect();
    return { left: panel.left < map.left + 40 && panel.top < map.top + 40 ? Math.max(0, panel.right - map.left) : 0 };
  }

  point(position) {
    return this.setup.plane ? this.toLatLng(position.x, position.y) : this.toLatLng(position.lat, position.lon);
  }

  position(latLng) {
    return this.setup.plane
      ? { x: latLng.lng, y: latLng.lat }
      : { lat: latLng.lat, lon: L.Util.wrapNum(latLng.lng, [-180, 180], true) };
  }

  clear() {
    if (this.picking) this.map.off("click", this.picking);
    this.picking = null;
    this.map.getContainer().classList.remove("picking");
    this.answer.clearLayers();
    this.candidates = [];
  }

  /** An answer with its candidates. `moved(position)` hears of corrections, `chosen(index)` of candidates. */
  show(answer, position, { moved, chosen, lit }) {
    this.clear();
    const at = this.point(position), sure = answer.status === "located", kind = sure ? "sure" : "unsure";
    const bounds = L.latLngBounds(at, at);
    if (answer.radius_m !== null) {
      const circle = L.circle(at, { radius: answer.radius_m, className: `circle ${kind}`, interactive: false }).addTo(this.answer);
      bounds.extend(circle.getBounds());
    }
    if (answer.heading_deg !== null)
      L.polygon(this._wedge(at, answer), { className: `wedge ${kind}`, interactive: false }).addTo(this.answer);
    const most = Math.max(1, ...answer.candidates.map((candidate) => candidate.inliers));
    answer.candidates.slice(0, SHOWN).forEach((candidate, index) => {
      const spot = this.point(candidate.position), weak = candidate.inliers < most / 3;
      const marker = L.marker(spot, {
        icon: L.divIcon({ className: weak ? "candidate weak" : "candidate", html: thumbnail(candidate), iconSize: [14, 14] }),
        title: name(candidate.path), alt: `Candidate ${index + 1}: ${name(candidate.path)}`, riseOnHover: true,
      }).addTo(this.answer);
      marker.on("click", () => chosen(index)).on("mouseover", () => lit(index)).on("mouseout", () => lit(-1));
      this.candidates.push(marker);
      if (index < 4) bounds.extend(spot);
    });
    this._pin(at, kind, moved);
    this.fit(bounds);
  }

  /** Lets a place be pointed at: by a click, then by dragging or arrow keys. `moved(position)` hears of it. */
  pick(moved, start) {
    this.clear();
    const put = (at) => {
      this.answer.clearLayers();
      this._pin(at, "sure", moved, "Where it was taken. Arrow keys or dragging move it.");
    };
    this.picking = (event) => {
      put(event.latlng);
      moved(this.position(event.latlng));
    };
    this.map.on("click", this.picking);
    this.map.getContainer().classList.add("picking");
    if (start) put(this.point(start));
  }

  /** Lets a candidate stand out; -1 for none. */
  light(index) {
    this.candidates.forEach((marker, place) => marker.getElement()?.classList.toggle("lit", place === index));
    this.candidates[index]?.setZIndexOffset(1000);
  }

  _pin(at, kind, moved, alt = "The answer. Arrow keys or dragging move it.") {
    const drawing = s("svg", { viewBox: "0 0 32 42", width: 32, height: 42, "aria-hidden": "true" },
      s("path", { d: "M16 1.5C8 1.5 1.8 7.7 1.8 15.6 1.8 26 16 40.5 16 40.5S30.2 26 30.2 15.6C30.2 7.7 24 1.5 16 1.5z" }),
      s("circle", { cx: 16, cy: 15.5, r: 5.2 }));
    const pin = L.marker(at, {
      icon: L.divIcon({ className: `pin ${kind}`, html: drawing, iconSize: [32, 42], iconAnchor: [16, 41] }),
      draggable: !!moved, autoPan: true, zIndexOffset: 2000, alt: moved ? alt : "Its pin", title: moved ? "Drag to correct" : "Its pin",
    }).addTo(this.answer);
    this.pin = pin;
    if (!moved) return;
    const done = () => moved(this.position(pin.getLatLng()));
    pin.on("dragend", done);
    pin.getElement().addEventListener("keydown", (event) => {
      const step = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] }[event.key];
      if (!step) return;
      event.preventDefault();
      event.stopPropagation();
      const spot = this.map.latLngToContainerPoint(pin.getLatLng());
      pin.setLatLng(this.map.containerPointToLatLng(spot.add(L.point(step).multiplyBy(event.shiftKey ? 1 : STEP_PX))));
      done();
      say(`Moved to ${place(this.position(pin.getLatLng()))}`);
    });
  }

  _wedge(at, answer) {
    const far = Math.max(1.8 * (answer.radius_m ?? 0), 2 * this.setup.toleranceM), points = [at];
    for (let turn = -WEDGE_DEG; turn <= WEDGE_DEG; turn += 4) {
      const angle = ((answer.heading_deg + turn) * Math.PI) / 180;
      const east = far * Math.sin(angle), north = far * Math.cos(angle);
      points.push(this.setup.plane
        ? L.latLng(at.lat + north, at.lng + east)
        : L.latLng(at.lat + north / METRES_PER_DEGREE, at.lng + east / METRES_PER_DEGREE / Math.cos((at.lat * Math.PI) / 180)));
    }
    return points;
  }

  _switchable() {
    const kept = localStorage.getItem(KEPT), box = h("input", { type: "checkbox", role: "switch" });
    const note = h("span", { class: "tiles-note", text: "" });
    const control = L.control({ position: "bottomright" });
    control.onAdd = () => {
      const made = h("label", { class: "tiles", title: "Loaded from OpenStreetMap's servers, which then see what you look at" }, box, "Street map", note);
      L.DomEvent.disableClickPropagation(made);
      return made;
    };
    control.addTo(this.map);
    let failed = 0, came = 0;
    const tiles = L.tileLayer(TILES, { maxZoom: 21, maxNativeZoom: 19, attribution: OSM, className: "streets", referrerPolicy: "origin" });
    tiles.on("tileload", () => { came++; note.textContent = ""; });
    tiles.on("tileerror", () => {
      if (++failed < 4 || came) return;
      set(false); // no internet: dots alone
      note.textContent = " – not to be reached";
      say("OpenStreetMap is not to be reached; the gallery's photos sketch the streets.");
    });
    const set = (on) => {
      box.checked = on;
      failed = came = 0;
      if (on) tiles.addTo(this.map).bringToBack();
      else tiles.remove();
      document.querySelector(".whence").classList.toggle("with-tiles", on);
    };
    box.addEventListener("change", () => {
      localStorage.setItem(KEPT, box.checked ? "on" : "off");
      note.textContent = "";
      set(box.checked);
    });
    set((kept ? kept === "on" : this.setup.tiles) && navigator.onLine);
  }
}

function crsOfPlane(yDown) {
  return yDown ? L.Util.extend({}, L.CRS.Simple, { transformation: new L.Transformation(1, 0, 1, 0) }) : L.CRS.Simple;
}

function thumbnail(candidate) {
  return `<img src="api/v1/gallery/photos/${encodeURIComponent(candidate.id)}/thumbnail" alt="" loading="lazy">`;
}

/** An image laid on the plane by a matrix: turned, scaled, mirrored. */
const Plan = L.Layer.extend({
  initialize(url, { size, matrix }, latLng) {
    Object.assign(this, { _url: url, _size: size, _matrix: matrix, _latLng: latLng });
  },
  onAdd(map) {
    this._image = h("img", { src: this._url, alt: "", class: "plan leaflet-zoom-hide" });
    map.getPane("tilePane").append(this._image);
    map.on("zoomend viewreset", this._lay, this);
    this._lay();
  },
  onRemove(map) {
    map.off("zoomend viewreset", this._lay, this);
    this._image.remove();
  },
  _lay() {
    const [a, b, c, d, e, f] = this._matrix;
    const at = (column, row) => this._map.latLngToLayerPoint(this._latLng(a * column + c * row + e, b * column + d * row + f));
    const [width, height] = this._size, zero = at(0, 0), right = at(width, 0), below = at(0, height);
    const matrix = [(right.x - zero.x) / width, (right.y - zero.y) / width, (below.x - zero.x) / height, (below.y - zero.y) / height, zero.x, zero.y];
    this._image.style.transform = `matrix(${matrix.join(",")})`;
  },
});

