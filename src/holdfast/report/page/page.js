"use strict";
const root = document.documentElement;
const remembered = (() => { try { return localStorage.getItem("holdfast-theme"); } catch { return null; } })();
if (remembered === "light" || remembered === "dark") root.dataset.theme = remembered;

function isDark() {
  return root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

function nameTheme(button) {
  button.textContent = isDark() ? "Light" : "Dark";
  button.setAttribute("aria-label", `Switch to the ${isDark() ? "light" : "dark"} theme`);
}

function switchTheme(button) {
  root.dataset.theme = isDark() ? "light" : "dark";
  try { localStorage.setItem("holdfast-theme", root.dataset.theme); } catch { /* a file may have no storage */ }
  nameTheme(button);
}

function say(text) { document.getElementById("said").textContent = text; }

function sortValue(row, column) {
  const text = row.cells[column].dataset.sort ?? "";
  const value = Number(text);
  return text !== "" && Number.isFinite(value) ? value : text;
}

function compare(a, b) {
  if (a === "" || b === "") return (a === "") - (b === "");
  return typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));
}

function sortBy(table, heading) {
  const direction = heading.getAttribute("aria-sort") === "ascending" ? "descending" : "ascending";
  const sign = direction === "ascending" ? 1 : -1;
  const rows = [...table.tBodies[0].rows].map((row) => [sortValue(row, heading.cellIndex), row]);
  rows.sort(([a], [b]) => (a === "" || b === "" ? compare(a, b) : sign * compare(a, b)));
  for (const other of table.tHead.rows[0].cells) other.setAttribute("aria-sort", other === heading ? direction : "none");
  table.tBodies[0].append(...rows.map(([, row]) => row));
  say(`Sorted by ${heading.innerText}, ${direction}`);
}

function cellText(cell) {
  const badge = cell.querySelector(".badge");
  const parts = [cell.querySelector("bdi")?.textContent, badge?.textContent, cell.querySelector("small")?.textContent];
  return parts.filter(Boolean).join(" ").replace(/\s+/g, " ").trim();
}

async function write(text) {
  try { await navigator.clipboard.writeText(text); } catch {
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
}

async function copyTable(button) {
  const rows = [...document.getElementById(button.dataset.copy).rows];
  await write(rows.map((row) => [...row.cells].map(cellText).join("\t")).join("\n"));
  const label = button.textContent;
  button.textContent = "Copied";
  say("Table copied");
  setTimeout(() => { button.textContent = label; }, 1500);
}

document.addEventListener("DOMContentLoaded", () => {
  const theme = document.getElementById("theme");
  nameTheme(theme);
  theme.hidden = false;
  theme.addEventListener("click", () => switchTheme(theme));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => nameTheme(theme));
  for (const heading of document.querySelectorAll("table[data-sortable] thead th")) {
    heading.querySelector("button").addEventListener("click", () => sortBy(heading.closest("table"), heading));
  }
  for (const button of document.querySelectorAll("button.copy")) button.addEventListener("click", () => copyTable(button));
  addEventListener("beforeprint", () => { for (const closed of document.querySelectorAll("details:not([open])")) { closed.open = true; closed.dataset.closed = ""; } });
  addEventListener("afterprint", () => { for (const opened of document.querySelectorAll("details[data-closed]")) { opened.open = false; delete opened.dataset.closed; } });
});
