"use strict";

// One slide is shown at a time; its number is the address's fragment, so that a link or a reload leads to it.
const WIDTH = 1280, HEIGHT = 720, LEFT = 64, TOP = 52, BOTTOM = 44, BESIDE = 390, GAP = 30;
const LARGEST_TEXT = 1.25, SMALLEST_PICTURES = 0.4, LARGEST_PICTURES = 2.2;
const deck = document.querySelector(".deck");
const slides = [...document.querySelectorAll(".slide")];
let current = 0, smallestText = 0.6;

document.body.insertAdjacentHTML("beforeend",
  '<div class="bar"><div></div></div><button class="place" title="Contents (c)"></button>' +
  "<dialog><p>→ ← space: on and back · c: contents · f: whole screen · Ctrl P: print</p><ol></ol></dialog>");
const dialog = document.querySelector("dialog");
const place = document.querySelector(".place");

// The deck is laid out for one size and scaled to the window, so that it looks alike on every projector.
function fitWindow() {
  const scale = Math.min(innerWidth / WIDTH, innerHeight / HEIGHT);
  const left = (innerWidth - WIDTH * scale) / 2, top = (innerHeight - HEIGHT * scale) / 2;
  deck.style.transform = `translate(${left}px, ${top}px) scale(${scale})`;
}

// Text that is made smaller also runs in longer lines, and long code in two columns where that is larger.
// What is too long even so is scrolled. Returns the scale.
function fitText(block, across, room, largest) {
  let best = { scale: -1, columns: false };
  const scaled = (scale) => {
    block.style.width = `${across / scale}px`;
    block.style.transform = `scale(${scale})`;
    return block.offsetHeight * scale <= room;
  };
  for (const columns of block.querySelector(".code") ? [false, true] : [false]) {
    block.classList.toggle("columns", columns);
    let scale = largest;
    while (!scaled(scale) && scale > smallestText) scale -= 0.03;
    if (scale > best.scale + 0.25) best = { scale, columns };
  }
  block.classList.toggle("columns", best.columns);
  scaled(best.scale);
  return best.scale;
}

// Pictures are made as large as they go, one below another or side by side. Returns the scale.
function fitPictures(block, across, room) {
  let best = { scale: 0, row: false };
  const outputs = [...block.querySelectorAll(".outputs")];
  const arrange = (row) => outputs.forEach((output) => output.classList.toggle("row", row));
  block.style.width = "max-content";
  for (const row of [false, true]) {
    arrange(row);
    const scale = Math.min(room / block.offsetHeight, across / block.offsetWidth, LARGEST_PICTURES);
    if (scale > best.scale) best = { scale, row };
  }
  arrange(best.row);
  block.style.transform = `scale(${Math.max(best.scale, SMALLEST_PICTURES)})`;
  return best.scale;
}

const SHOWN = ".part:not(.waiting)";

function fitSlide(slide) {
  const main = slide.querySelector(".main"), side = slide.querySelector(".side");
  const room = HEIGHT - TOP - BOTTOM, whole = WIDTH - 2 * LEFT;
  const parts = [...main.querySelectorAll(SHOWN)];
  const pictures = parts.length && parts.every((part) => part.matches(".output") && part.querySelector("img, table"));
  const fit = (across, high) => pictures ? fitPictures(main, across, high) : fitText(main, across, high, LARGEST_TEXT);
  const said = side.querySelector(SHOWN);
  side.style.display = said ? "" : "none";
  if (!said) return fit(whole, room);

  // What is said about a picture stands beside it, or below it where that leaves the picture larger.
  fitText(side, whole, room / 2, 1);
  const below = side.getBoundingClientRect().height / deck.getBoundingClientRect().height * HEIGHT + GAP;
  const narrow = whole - BESIDE - GAP;
  if (fit(whole, room - below) > fit(narrow, room)) {
    fit(whole, room - below);
    side.style.left = `${LEFT}px`;
    side.style.top = `${HEIGHT - BOTTOM - below + GAP}px`;
  } else {
    side.style.left = `${LEFT + narrow + GAP}px`;
    side.style.top = "";
    fitText(side, BESIDE, room, 1);
  }
}

function show(number, whole) {
  current = Math.max(0, Math.min(slides.length - 1, number));
  slides.forEach((slide, index) => slide.classList.toggle("shown", index === current));
  const slide = slides[current];
  slide.querySelectorAll(".fragment").forEach((part) => part.classList.toggle("waiting", !whole));
  slide.scrollTop = 0;
  fitSlide(slide);
  place.textContent = `${current + 1} / ${slides.length}`;
  document.querySelector(".bar > div").style.width = `${(100 * (current + 1)) / slides.length}%`;
  history.replaceState(null, "", `#${current + 1}`);
}

function on() {
  const next = slides[current].querySelector(".fragment.waiting");
  if (next) {
    next.classList.remove("waiting");
    fitSlide(slides[current]);
  } else if (current < slides.length - 1) show(current + 1, false);
}

function back() {
  const seen = [...slides[current].querySelectorAll(".fragment:not(.waiting)")].pop();
  if (seen) {
    seen.classList.add("waiting");
    fitSlide(slides[current]);
  } else if (current > 0) show(current - 1, true);
}

function contents() {
  const list = dialog.querySelector("ol");
  list.replaceChildren();
  slides.forEach((slide, index) => {
    const heading = slide.querySelector("h1, h2, h3");
    if (!heading) return;
    const entry = document.createElement("li"), link = document.createElement("a");
    link.href = `#${index + 1}`;
    link.textContent = heading.textContent;
    link.onclick = (event) => { event.preventDefault(); dialog.close(); show(index, false); };
    entry.append(link);
    list.append(entry);
  });
  dialog.showModal();
}

const KEYS = {
  ArrowRight: on, ArrowDown: on, PageDown: on, " ": on, Enter: on,
  ArrowLeft: back, ArrowUp: back, PageUp: back, Backspace: back,
  Home: () => show(0, false), End: () => show(slides.length - 1, true),
  c: contents,
  f: () => document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen(),
};

addEventListener("keydown", (event) => {
  if (dialog.open) {
    if (event.key === "c") dialog.close();
    return;
  }
  const act = KEYS[event.key];
  if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
  // A slider that was clicked or reached by Tab is moved with the arrow keys; the other keys lead on.
  if (event.target.matches("input") && !["PageDown", "PageUp", " ", "Enter", "Backspace"].includes(event.key)) return;
  // A solution or link that was reached by Tab opens.
  if (event.key === "Enter" && event.target.closest(".deck summary, .deck a")) return;
  event.preventDefault();
  act();
});

let touched = 0;
addEventListener("touchstart", (event) => { touched = event.touches[0].clientX; }, { passive: true });
addEventListener("touchend", (event) => {
  if (event.target.matches("input")) return;
  const moved = event.changedTouches[0].clientX - touched;
  if (Math.abs(moved) > 60) (moved < 0 ? on : back)();
});

const asked = () => parseInt(location.hash.slice(1), 10) - 1 || 0;
place.onclick = contents;
dialog.onclick = (event) => { if (event.target === dialog) dialog.close(); };
deck.addEventListener("toggle", (event) => {
  // The space bar goes on to the next slide, and does not fold what a click has opened.
  event.target.querySelector("summary").blur();
  fitSlide(slides[current]);
}, true);
addEventListener("resize", fitWindow);
addEventListener("hashchange", () => show(asked(), false));
addEventListener("beforeprint", () => {
  smallestText = 0.3; // Paper does not scroll.
  slides.forEach((slide) => {
    slide.querySelectorAll(".waiting").forEach((part) => part.classList.remove("waiting"));
    fitSlide(slide);
  });
});
addEventListener("afterprint", () => {
  smallestText = 0.6;
  show(current, true);
});
addEventListener("load", () => { fitWindow(); show(asked(), false); });
