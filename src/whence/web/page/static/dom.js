// Elements, and words for the eye and the ear.

const SVG = "http://www.w3.org/2000/svg";

/** An element. Props: "class", "text", "on…" handlers, anything else an attribute; null and false leave it out. */
export function h(tag, props = {}, ...children) {
  return filled(document.createElement(tag), props, children);
}

/** The same for drawings. */
export function s(tag, props = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), props, children);
}

function filled(element, props, children) {
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "text") element.textContent = value;
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

/** A drawn sign of 20 by 20; screen readers pass it over. */
export function sign(path) {
  return s("svg", { viewBox: "0 0 20 20", class: "sign", "aria-hidden": "true" }, s("path", { d: path }));
}

export const SIGNS = {
  photo: "M3 5h3l1.2-2h5.6L14 5h3v11H3zM10 13.4a3 3 0 1 0 0-6 3 3 0 0 0 0 6z",
  choose: "M10 13V4M6.5 7.5 10 4l3.5 3.5M3.5 12.5V16h13v-3.5",
  copy: "M7 7h9v9H7zM13 7V4H4v9h3",
  map: "M10 17.5s5.5-5 5.5-9.3a5.5 5.5 0 0 0-11 0c0 4.3 5.5 9.3 5.5 9.3zM10 10a2 2 0 1 0 0-4 2 2 0 0 0 0 4z",
  save: "M10 4v9M6.5 9.5 10 13l3.5-3.5M3.5 13.5V16h13v-2.5",
  close: "M5 5l10 10M15 5 5 15",
  folder: "M3 16V5h5l2 2h7v9z",
  pen: "M4 16l1-4 8-8 3 3-8 8zM11.5 5.5l3 3",
  bin: "M4 6h12M8 6V4h4v2M6 6l.7 10h6.6L14 6M8.7 9v4M11.3 9v4",
  plus: "M10 4v12M4 10h12",
  minus: "M4 10h12",
  back: "M7 4 4 7l3 3M4 7h7a5 5 0 0 1 0 10H8",
};

/** Tells screen readers something, without moving the focus. */
export function say(words) {
  const live = document.getElementById("said");
  if (live) live.textContent = words;
}

/** A length with as many digits as it deserves. */
export function length(metres) {
  if (metres === null || !Number.isFinite(metres)) return "–";
  if (metres < 0.005) return "0\u00a0m";
  for (const [limit, unit, digits] of [[0.995, 1, 2], [9.95, 1, 1], [999.5, 1, 0], [9950, 1000, 1]])
    if (metres < limit) return `${(metres / unit).toFixed(digits)}\u00a0${unit === 1 ? "m" : "km"}`;
  return `${(metres / 1000).toFixed(0)}\u00a0km`;
}

/** A share of 1 that never rounds doubt, or hope, away. */
export function percent(share) {
  if (share === null || !Number.isFinite(share)) return "–";
  if (share > 0 && share < 0.005) return "<1\u00a0%";
  if (share >= 0.995 && share < 1) return ">99\u00a0%";
  return `${Math.round(100 * share)}\u00a0%`;
}

const SURE = [[0.95, "Almost certainly right"], [0.8, "Very likely right"], [0.6, "Probably right"], [0.5, "More likely right than not"], [0.25, "Doubtful; perhaps right"], [0, "Unlikely to be right"]];

/** A probability as people say it. */
export function likelihood(share) {
  return SURE.find(([least]) => share >= least)[1];
}

/** Two numbers. */
export function place(position) {
  if (!position) return "–";
  return "lat" in position && position.lat !== null
    ? `${position.lat.toFixed(5)}, ${position.lon.toFixed(5)}`
    : `${position.x.toFixed(2)}, ${position.y.toFixed(2)}`;
}

const WINDS = ["north", "north-east", "east", "south-east", "south", "south-west", "west", "north-west"];

export function heading(degrees) {
  return `${Math.round(degrees) % 360}° (${WINDS[Math.round(degrees / 45) % 8]})`;
}

export function counted(number, one, many = `${one}s`) {
  return `${number.toLocaleString("en")} ${number === 1 ? one : many}`;
}

export function name(path) {
  return path ? path.replaceAll("\\", "/").split("/").pop() : "a photo of the gallery";
}

/** Buttons of a menu, from words and what they do. */
export function buttons(choices) {
  return choices.map(([words, act]) => h("button", { type: "button", text: words, onclick: act }));
}

/** A list of choices under a button, by <details>: it works by keyboard as it is. */
export function menu(path, label, choices) {
  const list = h("div", { class: "menu-list", onclick: () => { root.open = false; } }, choices);
  const root = h("details", { class: "menu" }, h("summary", { class: "button" }, sign(path), label), list);
  root.addEventListener("focusout", (event) => { if (event.relatedTarget && !root.contains(event.relatedTarget)) root.open = false; });
  root.addEventListener("keydown", (event) => { if (event.key === "Escape") { root.open = false; root.firstChild.focus(); } });
  return root;
}
