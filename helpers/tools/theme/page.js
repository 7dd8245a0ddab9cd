"use strict";

// Light or dark: what the reader chose on a page of the site, else what the system asks for. This runs before
// anything is drawn, so that no page flashes.
const system = matchMedia("(prefers-color-scheme: dark)");
const button = document.createElement("button");
let chosen = null;

function showColors() {
  // A page that is opened from a file may be refused the storage; then a choice holds for this page only.
  try { chosen = localStorage.getItem("course colors"); } catch {}
  const dark = chosen ? chosen === "dark" : system.matches;
  document.documentElement.dataset.colors = dark ? "dark" : "light";
  button.textContent = dark ? "light colors" : "dark colors";
}

button.type = "button";
button.onclick = () => {
  chosen = document.documentElement.dataset.colors === "dark" ? "light" : "dark";
  try { localStorage.setItem("course colors", chosen); } catch {}
  showColors();
};
system.onchange = showColors;
addEventListener("pageshow", showColors); // A page that Back leads to may have been left in other colors.
showColors();

// What the index shows of a text: some letters before and after what was looked for.
const BEFORE = 60, AFTER = 140;

function excerpt(text, found) {
  const start = found > BEFORE ? text.indexOf(" ", found - BEFORE) + 1 : 0;
  const end = found + AFTER < text.length ? Math.max(found, text.lastIndexOf(" ", found + AFTER)) : text.length;
  return (start ? "… " : "") + text.slice(start, end) + (end < text.length ? " …" : "");
}

// An element with a text in which the words that were looked for are marked.
function marked(name, text, words) {
  const element = document.createElement(name);
  text.split(words).forEach((part, index) => {
    const piece = document.createElement(index % 2 ? "mark" : "span");
    piece.textContent = part;
    element.append(piece);
  });
  return element;
}

function result([lesson, heading, address, text], query, words) {
  const entry = document.createElement("li");
  const link = marked("a", heading ? `${lesson} – ${heading}` : lesson, words);
  link.href = address;
  // Rather where the words stand together than where the first of them is.
  const together = text.toLowerCase().indexOf(query);
  const found = together < 0 ? Math.max(0, text.search(words)) : together;
  entry.append(link, marked("p", excerpt(text, found), words));
  return entry;
}

// A word is found at the beginning of words: "gram" in "Gram matrix", and not in "program".
const beginning = (word) => `(?<![a-z0-9])${word.replace(/[.*+?^${}()|[\]\\\/]/g, "\\$&")}`;

function prepareSearch(form) {
  const field = form.querySelector("input"), said = form.querySelector("output");
  const results = document.querySelector(".results"), cards = document.querySelector(".cards");
  const sections = JSON.parse(document.querySelector("#sections").textContent);

  function search() {
    const query = field.value.trim().toLowerCase();
    const patterns = query.split(/\s+/).filter(Boolean).map(beginning);
    const each = patterns.map((pattern) => new RegExp(pattern, "iu"));
    const any = new RegExp(`(${patterns.join("|")})`, "iu");
    const within = (text) => each.every((pattern) => pattern.test(text));
    const found = query ? sections.filter((section) => within(section.join(" "))) : [];
    // Sections whose heading has all the words come first.
    found.sort((one, other) => within(other[1]) - within(one[1]));
    results.replaceChildren(...found.map((section) => result(section, query, any)));
    cards.hidden = query !== "";
    said.textContent = !query ? ""
      : !found.length ? `Nothing was found for “${query}”. Try fewer words, or only how a word begins.`
      : found.length === 1 ? "1 section was found." : `${found.length} sections were found.`;
  }

  form.hidden = false; // It would do nothing without this program.
  field.oninput = search;
  form.onsubmit = (event) => {
    event.preventDefault();
    results.querySelector("a")?.focus();
  };
  addEventListener("pageshow", search); // A browser keeps the words when Back leads here.
}

addEventListener("DOMContentLoaded", () => {
  document.querySelector("nav").append(button);
  const form = document.querySelector("form[role=search]");
  if (form) prepareSearch(form);
});
