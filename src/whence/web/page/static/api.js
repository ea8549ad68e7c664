// The server's interface for programs.

const BASE = "api/v1/";
const POLL_MS = 150;

/** What the server says is wrong, in words. */
export class Problem extends Error {
  constructor(words, status = 0, kind = "", retryS = null) {
    super(words);
    Object.assign(this, { status, kind, retryS });
  }
}

const LOST = "The server does not answer. See that it still runs, then try again.";

async function checked(answer) {
  if (answer.ok) return answer;
  if (answer.status === 401) location.assign("login");
  throw problemOf(answer.status, await answer.text().catch(() => ""), answer.headers.get("Retry-After"));
}

function problemOf(status, text, retry) {
  let said = {};
  try {
    said = JSON.parse(text);
  } catch {
    // a proxy between may answer in its own words
  }
  const words = sentence(said.detail || `the server answered ${status}`);
  return new Problem(words, status, (said.type || "").split(":").pop(), retry ? Number(retry) : null);
}

export function sentence(words) {
  const whole = words.charAt(0).toUpperCase() + words.slice(1);
  return /[.!?]$/.test(whole) ? whole : `${whole}.`;
}

export async function get(path, params = {}) {
  const query = new URLSearchParams(Object.entries(params).filter(([, value]) => value !== null && value !== ""));
  const answer = await fetch(`${BASE}${path}${query.size ? `?${query}` : ""}`).catch(() => { throw new Problem(LOST); });
  return (await checked(answer)).json();
}

/** The same for what changes something on the server. */
export async function act(method, path) {
  const answer = await fetch(BASE + path, { method }).catch(() => { throw new Problem(LOST); });
  const said = await (await checked(answer)).text();
  return said ? JSON.parse(said) : null;
}

export function drop(path) {
  return fetch(BASE + path, { method: "DELETE", keepalive: true }).catch(() => {});
}

export const urls = {
  thumbnail: (id) => `${BASE}gallery/photos/${id}/thumbnail`,
  picture: (id) => `${BASE}gallery/photos/${id}/picture`,
  photo: (id) => `${BASE}explanations/${id}/photo`,
  page: (id) => `${BASE}explanations/${id}/page`,
  contribution: (id) => `${BASE}contributions/${id}/picture`,
};

/** Refuses what the server would, before it is sent. */
function checkSize(file, maxMb) {
  if (maxMb && file.size > maxMb * 1024 ** 2)
    throw new Problem(`The photo has ${Math.ceil(file.size / 1024 ** 2)} MB, and this server takes ${maxMb} MB; make it smaller.`);
}

/** Does something until the server has room for it. `busy(seconds)` hears of waits. */
async function patiently(act, busy = () => {}) {
  for (;;) {
    try {
      return await act();
    } catch (problem) {
      if (!(problem instanceof Problem) || ![429, 503].includes(problem.status) || problem.retryS === null) throw problem;
      busy(problem.retryS);
      await later(1000 * problem.retryS);
    }
  }
}

async function posted(path, body, headers = {}) {
  const answer = await fetch(BASE + path, { method: "POST", body, headers }).catch(() => { throw new Problem(LOST); });
  return (await checked(answer)).json();
}

/** Brings a photo to the gallery, with a position or with its own. */
export function contribute(file, position, maxMb) {
  checkSize(file, maxMb);
  const form = new FormData();
  form.append("photo", file, file.name || "pasted.png");
  for (const [axis, value] of Object.entries(position ?? {})) form.append(axis, value);
  return patiently(() => posted("contributions", form));
}

/** A reviewer's word. */
export function decide({ id, version }, admit) {
  return posted(`contributions/${id}/decision`, JSON.stringify({ admit, version }), { "Content-Type": "application/json" });
}

/** Sends a photo; XMLHttpRequest, since fetch does not tell how far it is. */
function sent(file, signal, uploaded) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", `${BASE}explanations`);
    request.responseType = "text";
    request.upload.onprogress = (event) => event.lengthComputable && uploaded(event.loaded / event.total);
    request.onload = () => {
      if (request.status === 202) return resolve(JSON.parse(request.responseText));
      if (request.status === 401) location.assign("login");
      return reject(problemOf(request.status, request.responseText, request.getResponseHeader("Retry-After")));
    };
    request.onerror = () => reject(new Problem(LOST));
    request.onabort = () => reject(new DOMException("stopped", "AbortError"));
    signal?.addEventListener("abort", () => request.abort());
    const form = new FormData();
    form.append("photo", file, file.name || "pasted.png");
    request.send(form);
  });
}

/** Asks where a photo was taken. `told(stage, share)` hears of upload, busy, waiting, read, describe and search. */
export async function explain(file, { told = () => {}, signal, maxMb } = {}) {
  checkSize(file, maxMb);
  let facts = await patiently(() => {
    signal?.throwIfAborted();
    told("upload", 0);
    return sent(file, signal, (share) => told("upload", share));
  }, (seconds) => told("busy", seconds));
  while (!["done", "failed"].includes(facts.stage)) {
    told(facts.stage, null);
    await later(POLL_MS);
    if (signal?.aborted) {
      drop(`explanations/${facts.id}`);
      signal.throwIfAborted();
    }
    facts = await get(`explanations/${facts.id}`);
  }
  if (facts.stage === "failed") throw new Problem(sentence(facts.error), 422);
  return facts;
}

function later(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Accepted answers as a file, onto the reader's disk. */
export async function save(format, answers) {
  const answer = await fetch(`${BASE}documents/${format}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(answers),
  }).catch(() => { throw new Problem(LOST); });
  give(await (await checked(answer)).blob(), `positions.${format === "xmp" ? "zip" : format}`);
}

/** Something for the reader's downloads. */
export function give(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** A photo with its position, or a sidecar and the reason why. */
export async function tagged(file, answer, position, signal) {
  const form = new FormData();
  const said = { lat: position.lat, lon: position.lon, radius_m: answer.radius_m ?? 0, confidence: answer.confidence, heading_deg: answer.heading_deg };
  form.append("photo", file, file.name || "pasted.png");
  for (const [name, value] of Object.entries(said)) if (value !== null) form.append(name, value);
  return patiently(async () => {
    signal?.throwIfAborted();
    const made = await fetch(`${BASE}tagged`, { method: "POST", body: form, signal }).catch((problem) => { throw problem.name === "AbortError" ? problem : new Problem(LOST); });
    const { headers } = await checked(made);
    const name = decodeURIComponent(headers.get("Content-Disposition").split("UTF-8''")[1]);
    return { name, reason: headers.get("Whence-Reason"), blob: await made.blob() };
  });
}

/** An answer as the server takes it back. */
export function settled(answer, position = answer.position) {
  return {
    path: answer.path,
    status: answer.status === "unsure" ? "unsure" : "located",
    position: Object.fromEntries(Object.entries(position).filter(([, value]) => value !== null)),
    radius_m: answer.radius_m,
    confidence: answer.confidence,
    heading_deg: answer.heading_deg,
    place: answer.place,
  };
}
