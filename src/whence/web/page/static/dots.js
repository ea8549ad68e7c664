// All photos of the gallery on one canvas: a hundred thousand are drawn in a few milliseconds.
import { leaflet as L } from "nicegui-leaflet";
import { clusters, drawn } from "./clusters.js";
import { links } from "./links.js";

const NEAR_PX = 12;
const MOST = 6000; // beyond, dots alone show the streets
const MANY = 4000; // beyond, dots are set pixel by pixel: drawn one after the other they take twenty times as long

export const Dots = L.Layer.extend({
  /** `road` is half the width in metres of the pale bands between neighbours, which sketch the streets. */
  initialize(points, latLng, road) {
    this._road = road;
    this._points = points;
    this._latLng = latLng;
    this.shown = new Uint8Array(points.length / 2).fill(1);
    this.lit = -1;
    this.counted = false;
    this._clusters = [];
  },

  onAdd(map) {
    const count = this._points.length / 2;
    this._x = new Float64Array(count); // pixels at zoom 0
    this._y = new Float64Array(count);
    for (let i = 0; i < count; i++) {
      const at = map.project(this._latLng(this._points[2 * i], this._points[2 * i + 1]), 0);
      this._x[i] = at.x;
      this._y[i] = at.y;
    }
    this._links = count <= MOST ? links(this._x, this._y) : [];
    this._canvas = L.DomUtil.create("canvas", "dots leaflet-zoom-animated");
    this._canvas.setAttribute("aria-hidden", "true");
    map.getPane("overlayPane").prepend(this._canvas);
    map.on("move", this._moved, this);
    map.on("moveend resize zoomend viewreset", this.redraw, this);
    map.on("zoomanim", this._glide, this);
    this.redraw();
  },

  onRemove(map) {
    map.off("move", this._moved, this);
    map.off("moveend resize zoomend viewreset", this.redraw, this);
    map.off("zoomanim", this._glide, this);
    this._canvas.remove();
  },

  /** Which photos count: 0 or 1 for each. */
  show(shown) {
    this.shown = shown;
    if (this._map) this.redraw();
  },

  /** Whether photos that lie close together are counted. */
  count(counted) {
    if (counted === this.counted) return;
    this.counted = counted;
    if (this._map) this.redraw();
  },

  light(row) {
    if (row === this.lit) return;
    this.lit = row;
    if (this._map) this.redraw();
  },

  /** The canvas goes along with the map; what comes in at its edges waits where drawing takes long. */
  _moved() {
    if (performance.now() - this._drawn > 4 * this._took) this.redraw();
  },

  redraw() {
    const start = performance.now();
    this._draw();
    this._drawn = performance.now();
    this._took = this._drawn - start;
  },

  _draw() {
    const map = this._map, size = map.getSize(), ratio = window.devicePixelRatio || 1, canvas = this._canvas;
    if (!size.x || map._animatingZoom) return;
    if (canvas.width !== size.x * ratio || canvas.height !== size.y * ratio) {
      Object.assign(canvas, { width: size.x * ratio, height: size.y * ratio });
      Object.assign(canvas.style, { width: `${size.x}px`, height: `${size.y}px` });
    }
    L.DomUtil.setPosition(canvas, map.containerPointToLayerPoint([0, 0]));
    const draw = canvas.getContext("2d", { willReadFrequently: this._x.length > MANY }), style = getComputedStyle(map.getContainer());
    draw.setTransform(ratio, 0, 0, ratio, 0, 0);
    draw.clearRect(0, 0, size.x, size.y);
    const { rows, scale, min } = this._visible(size), wide = this._width(rows.length), road = this._road / this._metresPerPixel(size);
    if (road > 1.5) this._streets(draw, style.getPropertyValue("--road"), scale, min, size, 2 * Math.min(road, 60));
    draw.fillStyle = style.getPropertyValue("--dot");
    draw.globalAlpha = 0.85;
    if (rows.length > MANY) this._pixels(draw, rows, scale * ratio, min.multiplyBy(ratio), Math.round(wide * ratio));
    else this._discs(draw, rows, scale, min, wide / 2);
    this._clusters = this.counted ? clusters(rows, this._x, this._y, scale) : [];
    if (this._clusters.length) {
      const [fill, ink, edge] = ["--card", "--ink", "--accent"].map((name) => style.getPropertyValue(name));
      drawn(draw, this._clusters, (cell) => [cell.x * scale - min.x, cell.y * scale - min.y], { fill, ink, edge, font: style.fontFamily });
    }
    if (this.lit >= 0) {
      draw.globalAlpha = 1;
      draw.fillStyle = style.getPropertyValue("--accent");
      draw.strokeStyle = style.getPropertyValue("--card");
      draw.lineWidth = 2;
      draw.beginPath();
      draw.arc(this._x[this.lit] * scale - min.x, this._y[this.lit] * scale - min.y, 7, 0, 7);
      draw.fill();
      draw.stroke();
    }
  },

  /** The row nearest to a point of the map's element; -1 where there is none. */
  at(point) {
    const { rows, scale, min } = this._visible(this._map.getSize());
    let best = -1, least = NEAR_PX ** 2;
    for (const i of rows) {
      const off = (this._x[i] * scale - min.x - point.x) ** 2 + (this._y[i] * scale - min.y - point.y) ** 2;
      if (off < least) [best, least] = [i, off];
    }
    return best;
  },

  /** Bounds of the photos that are told as a number at a point of the map's element; null where there is none. */
  cluster(point) {
    const map = this._map, scale = map.getZoomScale(map.getZoom(), 0), min = map.getPixelBounds().min;
    const near = (cell) => Math.hypot(cell.x * scale - min.x - point.x, cell.y * scale - min.y - point.y) <= cell.radius;
    const found = this._clusters.findLast(near);
    return found ? L.latLngBounds(found.rows.map((i) => map.unproject([this._x[i], this._y[i]], 0))) : null;
  },

  _streets(draw, colour, scale, min, size, wide) {
    Object.assign(draw, { strokeStyle: colour, lineWidth: wide, lineCap: "round", lineJoin: "round" });
    draw.beginPath();
    for (const [i, j] of this._links) {
      if (!this.shown[i] || !this.shown[j]) continue;
      const x = this._x[i] * scale - min.x, y = this._y[i] * scale - min.y, u = this._x[j] * scale - min.x, v = this._y[j] * scale - min.y;
      if (Math.max(x, u) < -wide || Math.max(y, v) < -wide || Math.min(x, u) > size.x + wide || Math.min(y, v) > size.y + wide) continue;
      draw.moveTo(x, y);
      draw.lineTo(u, v);
    }
    draw.stroke();
  },

  _discs(draw, rows, scale, min, radius) {
    draw.beginPath();
    for (const i of rows) {
      const x = this._x[i] * scale - min.x, y = this._y[i] * scale - min.y;
      draw.moveTo(x + radius, y);
      draw.arc(x, y, radius, 0, 7);
    }
    draw.fill();
  },

  /** Squares in the colour that is set; where they lie upon each other they are denser. */
  _pixels(draw, rows, scale, min, wide) {
    const { width, height } = draw.canvas, image = draw.getImageData(0, 0, width, height), data = image.data;
    const [red, green, blue] = [1, 3, 5].map((at) => parseInt(draw.fillStyle.slice(at, at + 2), 16));
    for (const i of rows) {
      const left = Math.round(this._x[i] * scale - min.x), top = Math.round(this._y[i] * scale - min.y);
      for (let y = Math.max(0, top); y < Math.min(height, top + wide); y++)
        for (let x = Math.max(0, left); x < Math.min(width, left + wide); x++) {
          const at = 4 * (y * width + x);
          data[at] = red;
          data[at + 1] = green;
          data[at + 2] = blue;
          data[at + 3] += 130; // no further than 255: the array sees to that
        }
    }
    draw.putImageData(image, 0, 0);
  },

  _metresPerPixel(size) {
    const map = this._map, y = size.y / 2;
    return map.distance(map.containerPointToLatLng([0, y]), map.containerPointToLatLng([100, y])) / 100;
  },

  _width(count) {
    return count > 5 * MANY ? 1.6 : count > MANY ? 2.4 : Math.min(8, Math.max(5, this._map.getZoom() - 11));
  },

  _visible(size) {
    const map = this._map, zoom = map.getZoom(), scale = map.getZoomScale(zoom, 0), min = map.getPixelBounds().min, rows = [];
    for (let i = 0; i < this._x.length; i++) {
      const x = this._x[i] * scale - min.x, y = this._y[i] * scale - min.y;
      if (this.shown[i] && x > -8 && y > -8 && x < size.x + 8 && y < size.y + 8) rows.push(i);
    }
    return { rows, scale, min };
  },

  _glide(event) {
    const map = this._map, scale = map.getZoomScale(event.zoom);
    const offset = map._latLngBoundsToNewLayerBounds(map.getBounds(), event.zoom, event.center).min;
    L.DomUtil.setTransform(this._canvas, offset, scale);
  },
});
