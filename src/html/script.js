// What a page can do beyond being read: dark mode, enlarging, the threshold, and filters and order of the patches.
// Without it everything is there, in the order of the explanations.
"use strict";
const all = (query, within = document) => [...within.querySelectorAll(query)];
const one = (query, within = document) => within.querySelector(query);

// Dark mode: the system decides until the button is used.
const root = document.documentElement, theme = one("#theme");
const isDark = () => root.classList.contains("dark") ||
  (!root.classList.contains("light") && matchMedia("(prefers-color-scheme: dark)").matches);
const named = () => { theme.textContent = isDark() ? "Light" : "Dark"; };
theme.hidden = false;
theme.onclick = () => {
  const dark = !isDark();
  root.classList.toggle("dark", dark);
  root.classList.toggle("light", !dark);
  named();
};
named();

// The page has each patch once; the grey ones below the maps are copies.
for (const row of all(".row")) {
  const patch = one(".patch img:not(.map)", row);
  for (const map of patch ? all(".map", row) : []) {
    const grey = patch.cloneNode();
    grey.className = "grey";
    grey.alt = "";
    map.before(grey);
  }
}

// Enlarging, with the mouse and the keyboard.
const large = one("#large");
const enlarge = (element) => {
  const copy = element.cloneNode(true);
  const close = document.createElement("button");
  close.type = "button";
  close.textContent = "Close";
  close.onclick = () => large.close();
  large.replaceChildren(copy, close);
  large.showModal();
};
for (const patch of all(".patch")) {
  patch.tabIndex = 0;
  patch.setAttribute("role", "button");
  patch.setAttribute("aria-label", "Enlarge: " + all("img", patch).map((image) => image.alt).filter(Boolean).pop());
  patch.onclick = () => enlarge(patch);
  patch.onkeydown = (event) => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); enlarge(patch); } };
}
for (const button of all(".enlarge")) button.onclick = () => enlarge(one("img", button));
large.onclick = (event) => { if (event.target === large) large.close(); };

// A link to a stage opens it.
const open = () => {
  const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target && target.tagName === "DETAILS") target.open = true;
};
addEventListener("hashchange", open);
open();

// The threshold: the confusion matrix at any place.
for (const box of all(".threshold")) {
  const scores = box.dataset.scores.split(" ").filter(Boolean).map((text) => text.split(":").map(Number));
  const slider = one(".slider", box), range = one("input", slider), output = one("output", slider);
  const show = (threshold) => {
    const counts = { "00": 0, "01": 0, 10: 0, 11: 0 };
    for (const [label, p] of scores) counts[`${label}${p > threshold ? 1 : 0}`] += 1;
    for (const [cell, count] of Object.entries(counts)) one(`[data-cell="${cell}"]`, box).textContent = count.toLocaleString("en");
    const right = counts["00"] + counts["11"], positive = counts["10"] + counts["11"], negative = counts["00"] + counts["01"];
    const share = (part, whole) => (whole ? (100 * part / whole).toFixed(1) + "%" : "undefined");
    output.textContent = `${Number(threshold).toFixed(3)}: accuracy ${share(right, scores.length)}, ` +
      `sensitivity ${share(counts["11"], positive)}, specificity ${share(counts["00"], negative)}`;
  };
  slider.hidden = scores.length === 0;
  range.oninput = () => show(range.value);
  // The slider has steps; the threshold of the evaluation may lie between two.
  one("button", slider).onclick = () => { range.value = box.dataset.threshold; show(box.dataset.threshold); };
  show(box.dataset.threshold);
}

// Patches: which, in which order, how strong.
for (const explained of all(".explained")) {
  const form = one(".controls", explained), list = one(".patches", explained), rows = all(".row", list);
  const place = new Map(rows.map((row, at) => [row, at]));
  const measures = new Map(rows.map((row) => [row, new Map(row.dataset.measures.split(" ").filter(Boolean).map((text) => {
    const at = text.lastIndexOf(":");
    return [text.slice(0, at), Number(text.slice(at + 1))];
  }))]));
  const value = (row, by) => {
    if (by === "order") return -place.get(row);
    const p = Number(row.dataset.p);
    if (by === "p") return p;
    if (by === "error") return Math.abs(p - Number(row.dataset.label));
    return measures.get(row).get(by) ?? NaN;
  };
  const show = () => {
    const groups = new Set(all("[name=group]:checked", form).map((box) => box.value));
    const by = form.elements.sort.value, sign = form.elements.descending.checked ? -1 : 1;
    const order = [...rows].sort((a, b) => {
      const [x, y] = [value(a, by), value(b, by)];
      if (Number.isNaN(x) || Number.isNaN(y)) return Number.isNaN(x) - Number.isNaN(y);
      return sign * (x - y) || place.get(a) - place.get(b);
    });
    list.append(...order);
    let count = 0;
    for (const row of rows) {
      row.hidden = !groups.has(row.dataset.group);
      count += !row.hidden;
    }
    list.style.setProperty("--strength", form.elements.opacity.value);
    list.classList.toggle("shared", form.elements.shared.checked);
    one("output", form).textContent = `${count} of ${rows.length} patches`;
  };
  form.hidden = false;
  form.oninput = show;
  form.onsubmit = (event) => event.preventDefault();
  show();
}
