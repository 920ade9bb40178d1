/* The map: points are drawn once into a second canvas; a grid of buckets finds the one under the pointer. */
const BUCKETS = 64;

class FeatureMap {
  constructor() {
    this.canvas = document.getElementById("map");
    this.layer = document.createElement("canvas");
    this.tip = document.getElementById("map-tip");
    this.colours = document.getElementById("map-colour");
    this.sets = document.getElementById("map-set");
    this.current = -1;
    this.only = -1;
    this.listen();
    this.choose();
  }

  listen() {
    this.sets?.addEventListener("change", () => this.choose());
    this.colours.addEventListener("change", () => { this.only = -1; this.paint(); });
    this.canvas.addEventListener("pointermove", (event) => this.point(this.nearest(event)));
    this.canvas.addEventListener("pointerleave", () => this.point(-1));
    this.canvas.addEventListener("click", (event) => { this.point(this.nearest(event)); this.open(); });
    this.canvas.addEventListener("keydown", (event) => this.key(event));
    this.canvas.addEventListener("blur", () => this.point(-1));
    document.getElementById("theme").addEventListener("click", () => this.paint());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.paint());
    new ResizeObserver(() => this.measure()).observe(this.canvas);
  }

  choose() {
    const set = Number(this.sets?.value ?? 0);
    this.number = data.views.findIndex((view) => view.place === place && view.set === set);
    if (this.number < 0) this.number = data.views.findIndex((view) => view.place === place);
    this.view = data.views[this.number];
    if (this.sets) this.sets.value = String(this.view.set);
    this.set = data.sets[this.view.set];
    const options = this.options().map(([value, text]) => element("option", { value }, text));
    const before = this.colours.value;
    this.colours.replaceChildren(...options);
    if (options.some((option) => option.value === before)) this.colours.value = before;
    this.only = -1;
    this.point(-1);
    this.measure();
  }

  options() {
    const own = this.view.fields.filter((field) => field.map).map((field) => [field.key, field.label]);
    const classes = this.set.labels && this.set.classes ? [["class", "Class"]] : [];
    const groups = this.set.groups && this.set.groups.length > 1 ? [["group", "Group by training images"]] : [];
    return [...classes, ...groups, ...own, ...(classes.length || own.length ? [] : [["", "nothing"]])];
  }

  measure() {
    const box = this.canvas.getBoundingClientRect();
    const ratio = window.devicePixelRatio || 1;
    if (!box.width) return;
    Object.assign(this, { width: box.width, height: box.height, ratio });
    for (const canvas of [this.canvas, this.layer]) Object.assign(canvas, { width: Math.round(box.width * ratio), height: Math.round(box.height * ratio) });
    this.lay();
    this.paint();
  }

  /* Where each point lies, in CSS pixels, and which bucket it falls into. */
  lay() {
    const { xy } = this.view, n = this.set.count, pad = 16;
    const side = this.spread();
    this.at = new Float32Array(2 * n).fill(-1);
    this.buckets = new Map();
    for (let row = 0; row < n; row++) {
      if (xy[2 * row] === 65535) continue;
      const x = pad + (xy[2 * row] - side.x) * side.scale(this.width - 2 * pad, this.height - 2 * pad) + side.left(this.width - 2 * pad, this.height - 2 * pad);
      const y = this.height - pad - (xy[2 * row + 1] - side.y) * side.scale(this.width - 2 * pad, this.height - 2 * pad) - side.low(this.width - 2 * pad, this.height - 2 * pad);
      this.at[2 * row] = x;
      this.at[2 * row + 1] = y;
      const bucket = this.bucket(x, y);
      if (this.buckets.has(bucket)) this.buckets.get(bucket).push(row); else this.buckets.set(bucket, [row]);
    }
  }

  /* The data's own box, fitted into the canvas at one scale for both axes. */
  spread() {
    const { xy } = this.view;
    let [x0, x1, y0, y1] = [65535, 0, 65535, 0];
    for (let i = 0; i < xy.length; i += 2) {
      if (xy[i] === 65535) continue;
      x0 = Math.min(x0, xy[i]); x1 = Math.max(x1, xy[i]);
      y0 = Math.min(y0, xy[i + 1]); y1 = Math.max(y1, xy[i + 1]);
    }
    const wide = Math.max(1, x1 - x0), high = Math.max(1, y1 - y0);
    const scale = (width, height) => Math.min(width / wide, height / high);
    return { x: x0, y: y0, scale, left: (w, h) => (w - wide * scale(w, h)) / 2, low: (w, h) => (h - high * scale(w, h)) / 2 };
  }

  bucket(x, y) { return Math.floor((x / this.width) * BUCKETS) * 4096 + Math.floor((y / this.height) * BUCKETS); }

  /* Which colour each point has: a place among names, or a number from least to most. */
  scheme() {
    const key = this.colours.value;
    if (key === "class") return { names: this.set.classes, values: this.set.labels };
    if (key === "group") return { names: this.set.groups, values: this.set.group };
    const field = this.view.byKey.get(key);
    if (!field || field.names) return field ? { names: field.names, values: field.values } : { names: ["image"], values: new Uint8Array(this.set.count) };
    const finite = Array.from(field.values).filter(Number.isFinite).sort((a, b) => a - b);
    const at = (share) => finite[Math.min(finite.length - 1, Math.floor(share * finite.length))];
    return { values: field.values, field, least: at(0.02), most: at(0.98) };
  }

  paint() {
    if (!this.width) return;
    const pen = this.layer.getContext("2d"), scheme = this.scheme(), dark = isDark();
    const size = (this.set.count > 4000 ? 2.6 : this.set.count > 1000 ? 3.6 : 5) * this.ratio;
    const faint = dark ? "#4a525c" : "#c9cfd6";
    pen.clearRect(0, 0, this.layer.width, this.layer.height);
    const late = [];
    for (let row = 0; row < this.set.count; row++) {
      if (this.at[2 * row] < 0) continue;
      const colour = this.colourOf(scheme, row, dark);
      if (colour === null) this.dot(pen, row, size, faint); else late.push([row, colour]);
    }
    for (const [row, colour] of late) this.dot(pen, row, size, colour, scheme.names ? shapeOf(scheme.values[row]) : 0);
    this.legend(scheme, dark);
    this.refresh();
    const shares = this.view.explained.map((share) => `${(100 * share).toFixed(1)} %`);
    const whose = this.view.encoder + (this.view.run ? ` (${this.view.run})` : "");
    document.getElementById("map-note").textContent = `${this.set.count.toLocaleString("en")} images as seen by ${whose}. Across and up: first and second principal component of the features, ${shares[0]} and ${shares[1]} of their variance; both to one scale. Near here is not always near in the features: the dialog has the true neighbours.`;
  }

  /* A square, a disc, a triangle or a diamond of about one area: colours repeat after a dozen names, shapes tell on. */
  dot(pen, row, size, colour, shape = 0) {
    const [x, y, half] = [this.at[2 * row] * this.ratio, this.at[2 * row + 1] * this.ratio, 0.65 * size];
    pen.fillStyle = colour;
    if (shape === 0) return pen.fillRect(x - size / 2, y - size / 2, size, size);
    pen.beginPath();
    if (shape === 1) pen.arc(x, y, half, 0, 7);
    if (shape === 2) { pen.moveTo(x, y - 1.2 * half); pen.lineTo(x + 1.2 * half, y + half); pen.lineTo(x - 1.2 * half, y + half); }
    if (shape === 3) { pen.moveTo(x, y - 1.3 * half); pen.lineTo(x + 1.3 * half, y); pen.lineTo(x, y + 1.3 * half); pen.lineTo(x - 1.3 * half, y); }
    pen.fill();
  }

  colourOf(scheme, row, dark) {
    const value = scheme.values[row];
    if (scheme.names) {
      if (!(value < scheme.names.length) || (this.only >= 0 && value !== this.only)) return null;
      return paletteColour(value, dark);
    }
    return Number.isFinite(value) ? rampColour((value - scheme.least) / (scheme.most - scheme.least || 1)) : null;
  }

  legend(scheme, dark) {
    const box = document.getElementById("map-legend");
    if (!scheme.names) {
      const stops = [0, 0.25, 0.5, 0.75, 1].map(rampColour).join(", ");
      const ramp = element("span", { class: "ramp" });
      ramp.style.background = `linear-gradient(90deg, ${stops})`;
      const text = (value) => value.toLocaleString("en", { maximumFractionDigits: 3 }).replace("-", "−");
      box.replaceChildren(text(scheme.least), ramp, text(scheme.most), " (grey: not measured)");
      return;
    }
    const used = new Set(scheme.values);
    box.replaceChildren(...scheme.names.map((name, i) => [name, i]).filter(([, i]) => used.has(i)).map(([name, i]) => {
      const chip = element("span", { class: `chip shape${shapeOf(i)}`, "aria-hidden": "true" });
      chip.style.setProperty("--c", paletteColour(i, dark));
      const button = element("button", { type: "button", "aria-pressed": String(this.only === i) }, chip, element("bdi", {}, name));
      button.addEventListener("click", () => {
        this.only = this.only === i ? -1 : i;
        this.paint();
        [...box.querySelectorAll("button")].find((other) => other.textContent === name)?.focus();
      });
      return button;
    }));
  }

  /* Finding */
  nearest(event) {
    const box = this.canvas.getBoundingClientRect();
    return this.closest(event.clientX - box.left, event.clientY - box.top, 14);
  }

  closest(x, y, reach) {
    const columns = Math.ceil((reach / this.width) * BUCKETS), lines = Math.ceil((reach / this.height) * BUCKETS);
    const [i, j] = [Math.floor((x / this.width) * BUCKETS), Math.floor((y / this.height) * BUCKETS)];
    let best = -1, least = reach * reach;
    for (let a = i - columns; a <= i + columns; a++) {
      for (let b = j - lines; b <= j + lines; b++) {
        for (const row of this.buckets.get(a * 4096 + b) ?? []) {
          const distance = (this.at[2 * row] - x) ** 2 + (this.at[2 * row + 1] - y) ** 2;
          if (distance < least) { least = distance; best = row; }
        }
      }
    }
    return best;
  }

  /* The next point in a direction: near, and not far off the line. */
  towards(dx, dy) {
    const [x, y] = this.current < 0 ? [this.width / 2, this.height / 2] : [this.at[2 * this.current], this.at[2 * this.current + 1]];
    let best = -1, least = Infinity;
    for (let row = 0; row < this.set.count; row++) {
      const [a, b] = [this.at[2 * row] - x, this.at[2 * row + 1] - y];
      const along = a * dx + b * dy, off = Math.abs(a * dy) + Math.abs(b * dx);
      if (this.at[2 * row] < 0 || row === this.current || (this.current >= 0 && along <= 0.5)) continue;
      const cost = this.current < 0 ? a * a + b * b : along + 2 * off;
      if (cost < least) { least = cost; best = row; }
    }
    return best < 0 ? this.current : best;
  }

  key(event) {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (step) { event.preventDefault(); this.point(this.towards(...step), true); }
    if (event.key === "Enter" || event.key === " ") { event.preventDefault(); this.open(); }
    if (event.key === "Escape") this.point(-1);
  }

  open() { if (this.current >= 0) openImage(this.number, this.current); }

  point(row, spoken = false) {
    if (row === this.current) return;
    this.current = row;
    this.refresh();
    this.tip.hidden = row < 0;
    if (row < 0) return;
    setThumb(this.tip.querySelector(".thumb"), this.set, row);
    const lines = this.facts(row);
    document.getElementById("map-said").replaceChildren(element("bdi", {}, titleOf(this.set, row)), ...lines.map((line) => element("small", {}, line)));
    const [x, y] = [this.at[2 * row], this.at[2 * row + 1]];
    const left = x + 16 + this.tip.offsetWidth > this.width ? Math.max(0, x - 16 - this.tip.offsetWidth) : x + 16;
    const top = Math.min(Math.max(0, y - this.tip.offsetHeight / 2), this.height - this.tip.offsetHeight);
    this.tip.style.transform = `translate(${Math.round(left)}px, ${Math.round(top)}px)`;
    if (spoken) say([titleOf(this.set, row), ...lines].join(", "));
  }

  facts(row) {
    const field = this.view.byKey.get(this.colours.value);
    const group = this.colours.value === "group" ? [this.set.groups[this.set.group[row]]] : [];
    return [`id ${this.set.ids[row]}`, ...group, ...(field ? [`${field.label}: ${worded(field, row)}`] : [])];
  }

  refresh() {
    if (!this.width) return;
    const pen = this.canvas.getContext("2d");
    pen.clearRect(0, 0, this.canvas.width, this.canvas.height);
    pen.drawImage(this.layer, 0, 0);
    if (this.current < 0) return;
    pen.strokeStyle = isDark() ? "#fff" : "#000";
    pen.lineWidth = 2 * this.ratio;
    pen.beginPath();
    pen.arc(this.at[2 * this.current] * this.ratio, this.at[2 * this.current + 1] * this.ratio, 7 * this.ratio, 0, 7);
    pen.stroke();
  }
}

function paletteColour(place, dark) {
  const palette = dark ? PALETTE_DARK : PALETTE;
  return palette[place % palette.length];
}

/* Neighbouring names differ in shape as well as in colour; four shapes times a dozen colours name 12 apart at least. */
// A colour that comes again has another shape.
function shapeOf(place) { return (place + Math.floor(place / PALETTE.length)) % 4; }

function rampColour(share) {
  const at = Math.min(1, Math.max(0, share)) * (RAMP.length - 1), i = Math.min(RAMP.length - 2, Math.floor(at));
  const mixed = RAMP[i].map((from, k) => Math.round(from + (at - i) * (RAMP[i + 1][k] - from)));
  return `rgb(${mixed.join(" ")})`;
}
