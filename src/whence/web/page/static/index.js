// The page put together: a map, a panel with its views, and all ways in which photos come.
import { get, Problem } from "./api.js";
import { Atlas } from "./atlas.js";
import { Batch } from "./batch.js";
import { Browse } from "./browse.js";
import { Contribute } from "./contribute.js";
import { counted, h, say, sign, SIGNS } from "./dom.js";
import { Evidence } from "./evidence.js";
import { dropped, isPhoto } from "./files.js";
import { Locate } from "./locate.js";

export async function start(root, setup) {
  const VIEWS = { locate: "Locate", browse: "Browse", batch: "Batch", ...(setup.contributions ? { contribute: "Contribute" } : {}) };
  const chart = h("div", { class: "map", role: "region", "aria-label": "Map" });
  const sections = Object.fromEntries(Object.keys(VIEWS).map((id) => [id, h("section", { class: "view", id: `view-${id}`, hidden: true, "aria-label": VIEWS[id] })]));
  const tabs = Object.fromEntries(Object.entries(VIEWS).map(([id, words]) => [id, h("a", { href: `#${id}`, text: words })]));
  const picked = (props, some) => h("input", { type: "file", hidden: true, onchange: (event) => taken(event, some), ...props });
  const picker = picked({ id: "photos", accept: "image/*,.heic,.heif,.avif", multiple: true });
  const folder = picked({ id: "folder", webkitdirectory: true }, isPhoto);
  const camera = picked({ id: "camera", accept: "image/*", capture: "environment" });
  const choosing = (input, kind, path, words) => h("button", { type: "button", class: `button ${kind}`, onclick: () => input.click() }, sign(path), words);
  const intake = h("div", { class: "intake" },
    choosing(picker, "main", SIGNS.choose, "Choose photos"), choosing(camera, "camera", SIGNS.photo, "Camera"),
    h("p", { class: "soft hint", text: "or drop them anywhere, or paste one" }));
  const answer = h("div", { class: "result" });
  const lead = h("p", { class: "lead intro" });
  sections.locate.append(lead, intake, answer);
  const panel = h("div", { class: "panel" }, // NiceGUI has the main landmark around it
    h("header", { class: "top" }, h("h1", {}, "whence"), h("nav", { "aria-label": "Views" }, Object.values(tabs))),
    Object.values(sections));
  root.replaceChildren(chart, panel, picker, folder, camera, h("div", { class: "veil", "aria-hidden": "true" }, h("p", { text: "Drop photos to find out where they were taken" })),
    h("p", { id: "said", class: "unseen", role: "status", "aria-live": "polite" }));

  const atlas = new Atlas(chart, setup);
  let facts, points;
  try {
    [facts, points] = await Promise.all([get("gallery"), get("gallery/map")]);
  } catch (problem) {
    answer.replaceChildren(h("p", { class: "problem", role: "alert", text: problem instanceof Problem ? problem.message : "The page failed; load it again." }));
    throw problem;
  }
  lead.textContent = `Where was it taken? Your photo is compared with the ${counted(facts.photos, "photo")} of this gallery, on this server alone, and not kept.`;
  atlas.gallery(points.points);
  const evidence = new Evidence();
  const locate = new Locate(answer, { setup, atlas, evidence });
  const browse = new Browse(sections.browse, { setup, atlas, points, facts, evidence });
  const holder = h("div", { class: "many" });
  const batch = new Batch(holder, { setup, atlas, locate });
  const contribute = setup.contributions ? new Contribute(sections.contribute, { setup, atlas }) : null;
  sections.batch.append(h("div", { class: "intake" },
    choosing(picker, "main", SIGNS.choose, "Add photos"), choosing(folder, "main second", SIGNS.folder, "Add a folder")), holder);

  function open() {
    const wanted = location.hash.slice(1) in VIEWS ? location.hash.slice(1) : "locate";
    for (const id of Object.keys(VIEWS)) {
      sections[id].hidden = id !== wanted;
      if (id === wanted) tabs[id].setAttribute("aria-current", "page");
      else tabs[id].removeAttribute("aria-current");
    }
    atlas.clear();
    if (wanted === "browse") browse.open();
    else browse.close();
    if (wanted === "locate") locate.back();
    if (wanted === "batch") batch.back();
    if (wanted === "contribute") contribute.open();
    else contribute?.close();
    root.dataset.view = wanted;
    panel.scrollTop = 0;
  }

  function taken(event, some = () => true) {
    const files = [...event.target.files], photos = files.filter(some);
    take(photos);
    batch.problem.textContent = files.length && !photos.length ? "There is no photo in that folder; choose another one." : batch.problem.textContent;
    event.target.value = ""; // the same photo may be chosen again
  }

  /** One photo is answered at once, unless a batch is open; several are a batch. Where photos are brought, all are. */
  function take(files) {
    if (!files.length) return;
    if (contribute?.isOpen) return contribute.add(files);
    const many = files.length > 1 || location.hash === "#batch";
    location.hash = many ? "#batch" : "#locate";
    open();
    if (many) batch.add(files);
    else locate.ask(files[0]);
  }

  addEventListener("hashchange", open);
  document.addEventListener("paste", (event) => {
    const files = [...event.clipboardData.files];
    if (files.length) take(files);
    else if (!event.target.matches?.("input")) say("There is no photo in the clipboard");
  });
  let depth = 0;
  const dragged = (event) => event.dataTransfer?.types.includes("Files");
  document.addEventListener("dragenter", (event) => dragged(event) && root.classList.toggle("dragging", ++depth > 0));
  document.addEventListener("dragleave", (event) => dragged(event) && root.classList.toggle("dragging", --depth > 0));
  document.addEventListener("dragover", (event) => dragged(event) && event.preventDefault());
  document.addEventListener("drop", async (event) => {
    if (!dragged(event)) return;
    event.preventDefault();
    depth = 0;
    root.classList.remove("dragging");
    take(await dropped(event.dataTransfer));
  });
  open();
  root.dataset.ready = "yes";
}
