/* Galleries, map and dialog: everything is read from the JSON in #pictures, and names only ever become text nodes. */
const TILES = 16;
const PALETTE = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b8860b", "#56b4e9", "#7a5195", "#8c564b", "#00807a", "#d1495b", "#6f7780", "#b5bd00"];
const PALETTE_DARK = ["#4fa9e6", "#ff8b3d", "#35c79c", "#e39cc6", "#f2c14e", "#93d3f7", "#b79cf0", "#d3a08c", "#4fd0c8", "#ff7d8d", "#b3bac2", "#d9e04a"];
const RAMP = [[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]];
let data = null;
let place = 0;
let sheet = null;
const waiting = new Set();
const states = new Map();

function bytes(text) { return Uint8Array.from(atob(text), (character) => character.charCodeAt(0)).buffer; }

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key in made && typeof value !== "string") made[key] = value; else made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

function unpack() {
  const found = JSON.parse(document.getElementById("pictures").textContent);
  for (const set of found.sets) {
    set.classes = set.classes && set.classes.map(classLabel);
    set.ids = new Float64Array(bytes(set.ids));
    set.labels = set.labels && new Uint16Array(bytes(set.labels));
    set.group = set.group && new Uint8Array(bytes(set.group));
  }
  for (const view of found.views) {
    view.xy = new Uint16Array(bytes(view.xy));
    view.nearest = new Uint16Array(bytes(view.nearest));
    view.cosines = new Int8Array(bytes(view.cosines));
    for (const field of view.fields) if (field.key === "predicted") field.names = field.names.map(classLabel);
    for (const field of view.fields) field.values = unpackField(field, found.sets[view.set].count);
    view.byKey = new Map(view.fields.map((field) => [field.key, field]));
  }
  for (const gallery of found.galleries) gallery.rows = new Uint16Array(bytes(gallery.rows));
  return found;
}

function unpackField(field, count) {
  if (field.names) return field.wide ? new Uint16Array(bytes(field.values)) : new Uint8Array(bytes(field.values));
  const values = new Float32Array(bytes(field.values));
  if (!field.at) return values;
  const full = new Float32Array(count).fill(NaN);
  new Uint16Array(bytes(field.at)).forEach((row, i) => { full[row] = values[i]; });
  return full;
}

/* Numbers and words of an image */
function known(field, row) {
  const value = field.values[row];
  return field.names ? value < field.names.length : Number.isFinite(value);
}

function worded(field, row) {
  if (!field || !known(field, row)) return "–";
  const value = field.values[row];
  return field.names ? field.names[value] : value.toLocaleString("en", { minimumFractionDigits: field.digits, maximumFractionDigits: field.digits }).replace("-", "−");
}

/* A class that is only a number is said to be one. */
function classLabel(name) { return /^\d+$/.test(name) ? `class ${name}` : name; }
function className(set, row) { return set.labels && set.classes ? set.classes[set.labels[row]] : null; }
function titleOf(set, row) { return className(set, row) ?? `id ${set.ids[row]}`; }

/* A canvas for each thumbnail, not one background for all: printing cut the whole sheet up for every tile, minutes. */
function thumb(set, row) {
  const made = element("canvas", { class: "thumb", "aria-hidden": "true" });
  setThumb(made, set, row);
  return made;
}

function setThumb(canvas, set, row) {
  canvas.index = set.first + row;
  if (sheet) drawThumb(canvas); else waiting.add(canvas);
}

function drawThumb(canvas) {
  const { tile, across } = data;
  Object.assign(canvas, { width: tile, height: tile });
  const [x, y] = [canvas.index % across, Math.floor(canvas.index / across)];
  canvas.getContext("2d").drawImage(sheet, x * tile, y * tile, tile, tile, 0, 0, tile, tile);
}

async function loadSheet() {
  const image = document.getElementById("sheet");
  await image.decode();
  sheet = await createImageBitmap(image);
  waiting.forEach(drawThumb);
  waiting.clear();
}

/* Galleries */
function galleryFor(key) { return data.galleries.find((g) => g.key === key && data.views[g.view].place === place); }

function rowsOf(gallery, state) {
  const view = data.views[gallery.view], set = data.sets[view.set];
  let rows = Array.from(gallery.rows, (row, i) => [row, i]);
  if (state.only !== "") rows = rows.filter(([row]) => set.labels[row] === Number(state.only));
  if (state.sort === "") return rows;
  const field = state.sort === "id" ? { values: set.ids } : view.byKey.get(state.sort);
  const sign = state.descending ? -1 : 1;
  const value = ([row]) => (field.names === undefined || known(field, row) ? field.values[row] : NaN);
  return rows.sort((a, b) => {
    const [x, y] = [value(a), value(b)];
    if (Number.isNaN(x) || Number.isNaN(y)) return Number.isNaN(x) - Number.isNaN(y);
    return x === y ? a[1] - b[1] : sign * (x - y);
  });
}

function captionOf(gallery, state, row) {
  const view = data.views[gallery.view];
  const field = view.byKey.get(state.sort === "" || state.sort === "id" ? gallery.caption : state.sort);
  const second = gallery.caption && field && field.key !== gallery.caption ? view.byKey.get(gallery.caption) : null;
  const taken = (one) => (worded(one, row) === titleOf(data.sets[view.set], row) ? "right" : `taken for ${worded(one, row)}`);
  const say = (one) => (one.key === "predicted" ? taken(one) : one.key === "train_images" ? `${worded(one, row)} in training` : one.key === "twins" ? `${worded(one, row)} more like it` : worded(one, row));
  return [field, second].filter(Boolean).map(say).join(" · ");
}

function extraCaption(extra) { return extra.predicted ? `${extra.caption}, taken for ${classLabel(extra.predicted)}` : extra.caption; }

function tile(gallery, state, row, number) {
  const set = data.sets[data.views[gallery.view].set];
  const extra = gallery.extras[number];
  const caption = extra ? extraCaption(extra) : captionOf(gallery, state, row);
  const button = element("button", { type: "button" });
  if (extra) button.append(element("span", { class: "trio" }, ...trio(set, row, extra)));
  else button.append(thumb(set, row));
  button.append(element("bdi", {}, titleOf(set, row)), element("small", {}, caption || `id ${set.ids[row]}`));
  button.addEventListener("click", () => openImage(gallery.view, row, extra));
  return element("li", { class: "tile" }, button);
}

function trio(set, row, extra) {
  const own = element("figure", {}, thumb(set, row), element("figcaption", {}, "as it is"));
  const others = extra.pictures.map((picture) => element("figure", {},
    element("img", { src: `data:image/png;base64,${picture.png}`, alt: "" }), element("figcaption", {}, picture.text)));
  return [own, ...others];
}

function fillGallery(section) {
  const gallery = galleryFor(section.dataset.gallery);
  const list = section.querySelector(".tiles"), count = section.querySelector(".count"), more = section.querySelector(".more button");
  section.hidden = !gallery;
  if (!gallery) return;
  section.querySelector("h3").firstElementChild.textContent = gallery.title;
  if (!gallery.strip) section.querySelector(".note").textContent = gallery.text;
  const state = states.get(section), rows = rowsOf(gallery, state);
  list.replaceChildren(...rows.slice(0, state.shown).map(([row, number]) => tile(gallery, state, row, number)));
  if (count) {
    count.textContent = `${Math.min(state.shown, rows.length).toLocaleString("en")} of ${rows.length.toLocaleString("en")} images.`;
    more.hidden = rows.length <= state.shown;
  }
}

function resetGallery(section) {
  const gallery = galleryFor(section.dataset.gallery);
  states.set(section, { sort: gallery?.sort ?? "", descending: gallery?.descending ?? false, only: "", shown: TILES });
  const controls = section.querySelector(".controls");
  if (controls) controls.replaceChildren(...(gallery ? controlsFor(gallery, section) : []));
  if (controls) controls.hidden = !gallery;
  fillGallery(section);
}

function controlsFor(gallery, section) {
  const view = data.views[gallery.view], set = data.sets[view.set], state = states.get(section);
  const change = (values, said) => { Object.assign(state, values); fillGallery(section); say(said()); };
  const made = [];
  const countText = () => section.querySelector(".count").textContent;
  if (set.labels && set.classes) {
    const here = [...new Set(Array.from(gallery.rows, (row) => set.labels[row]))].sort((a, b) => a - b);
    made.push(select("Class", [["", "all"], ...here.map((label) => [String(label), set.classes[label]])], state.only, (only) => change({ only, shown: TILES }, countText)));
  }
  const turn = element("button", { type: "button", "aria-pressed": String(state.descending) }, state.descending ? "Largest first" : "Smallest first");
  const columns = view.fields.map((field) => [field.key, field.label]);
  const first = gallery.sort === "" ? [["", "as listed"]] : [];
  made.push(select("Sort by", [...first, ...columns, ["id", "id"]], state.sort, (sort) => { turn.hidden = sort === ""; change({ sort }, countText); }));
  turn.addEventListener("click", () => {
    change({ descending: !state.descending }, () => turn.textContent);
    turn.textContent = state.descending ? "Largest first" : "Smallest first";
    turn.setAttribute("aria-pressed", String(state.descending));
  });
  turn.hidden = state.sort === "";
  return [...made, turn];
}

function select(label, options, chosen, changed) {
  const made = element("select", { "aria-label": label }, ...options.map(([value, text]) => element("option", { value }, text)));
  made.value = chosen;
  made.addEventListener("change", () => changed(made.value));
  return element("label", {}, `${label} `, made);
}

/* Dialog */
const trail = [];

function openImage(viewNumber, row, extra) {
  const dialog = document.getElementById("image");
  if (!dialog.open) trail.length = 0;
  trail.push([viewNumber, row, extra]);
  showImage();
  if (!dialog.open) dialog.showModal();
}

function showImage() {
  const [viewNumber, row, extra] = trail.at(-1);
  const view = data.views[viewNumber], set = data.sets[view.set];
  document.getElementById("image-title").replaceChildren(element("bdi", {}, titleOf(set, row)));
  document.getElementById("image-back").hidden = trail.length < 2;
  const large = element("div", { class: "large" }, ...(extra ? trio(set, row, extra) : [thumb(set, row)]));
  document.getElementById("image-body").replaceChildren(large, factsOf(view, set, row, extra), ...neighboursOf(viewNumber, row));
  document.getElementById("image").scrollTop = 0;
}

function factsOf(view, set, row, extra) {
  const facts = [["Id", String(set.ids[row])]];
  if (set.paths && set.paths[row]) facts.push(["File", set.paths[row]]);
  if (className(set, row)) facts.push(["Class", className(set, row)]);
  if (set.groups && set.groups.length > 1) facts.push(["Group by training images", set.groups[set.group[row]]]);
  for (const field of view.fields) if (known(field, row)) facts.push([field.label, worded(field, row)]);
  if (extra) facts.push([extra.predicted ? "Attack" : "Beside it", extraCaption(extra)]);
  const here = data.views.filter((v) => v.place === view.place).length ? view.encoder : "";
  facts.push(["Seen by", here + (view.run ? ` (${view.run})` : "")]);
  return element("dl", {}, ...facts.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, element("bdi", {}, value))]));
}

function neighboursOf(viewNumber, row) {
  const view = data.views[viewNumber], set = data.sets[view.set];
  const tiles = [];
  for (let i = row * view.near; i < (row + 1) * view.near; i++) {
    const other = view.nearest[i];
    if (other >= set.count) continue;
    const button = element("button", { type: "button" }, thumb(set, other), element("bdi", {}, titleOf(set, other)), element("small", {}, `cosine ${(view.cosines[i] / 100).toFixed(2)}`));
    button.addEventListener("click", () => { openImage(viewNumber, other); document.getElementById("image-back").focus(); });
    tiles.push(element("li", { class: "tile" }, button));
  }
  return tiles.length ? [element("h4", {}, "Nearest by the features, among the images here"), element("ul", { class: "tiles" }, ...tiles)] : [];
}

function startDialog() {
  const dialog = document.getElementById("image");
  document.getElementById("image-back").addEventListener("click", (event) => {
    trail.pop();
    showImage();
    if (event.target.hidden) dialog.querySelector("[type=submit]").focus();
  });
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
}

document.addEventListener("DOMContentLoaded", () => {
  if (!document.getElementById("pictures")) return;
  data = unpack();
  place = Number(document.getElementById("images").dataset.first);
  const sections = [...document.querySelectorAll("[data-gallery]")];
  for (const section of sections) {
    section.querySelector(".more button")?.addEventListener("click", () => { states.get(section).shown += 2 * TILES; fillGallery(section); });
    resetGallery(section);
  }
  startDialog();
  loadSheet();
  const map = new FeatureMap();
  document.getElementById("seen-by")?.addEventListener("change", (event) => {
    place = Number(event.target.value);
    sections.forEach(resetGallery);
    map.choose();
    say(`Images as seen by ${event.target.selectedOptions[0].textContent}`);
  });
});
