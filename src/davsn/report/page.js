"use strict";
// Players of the report. Each player's images are data URLs in a JSON block, which is read when they are first needed.

const FRAMES_PER_SECOND = 6;
const players = new Map();

class Player {
  constructor(figure) {
    this.figure = figure;
    this.step = 0;
    this.playing = false;
    this.ticket = 0;
    this.time = figure.querySelector(".time");
    this.button = figure.querySelector(".play");
    this.stage = figure.querySelector(".stage");
    this.time.addEventListener("input", () => { this.stop(); this.show(Number(this.time.value)); });
    figure.querySelector(".wipe").addEventListener("input", (event) => this.wipe(event.target.value));
    this.button.addEventListener("click", () => (this.playing ? this.stop() : this.play()));
    for (const choice of figure.querySelectorAll("select"))
      choice.addEventListener("change", () => { this.choose(choice); this.show(this.step); });
    figure.addEventListener("keydown", (event) => this.key(event));
    for (const choice of figure.querySelectorAll("select")) this.choose(choice);
    this.show(0);
  }

  get content() {
    this.read ??= JSON.parse(document.getElementById(`${this.figure.id}-content`).textContent);
    return this.read;
  }

  // Show one step in all images at once: they change together, after all of them are decoded.
  async show(step) {
    const ticket = ++this.ticket;
    const { layers, steps, values } = this.content;
    const images = [...this.figure.querySelectorAll("img[data-layer]")];
    const urls = images.map((image) => layers[image.dataset.layer]?.[step] ?? "");
    await Promise.all([...new Set(urls)].filter(Boolean).map(decoded));
    if (ticket !== this.ticket) return;
    images.forEach((image, place) => setSource(image, urls[place]));
    this.figure.querySelectorAll(".value").forEach((text, place) => { text.textContent = values[step][place]; });
    this.step = step;
    this.figure.dataset.step = String(step);
    this.time.value = String(step);
    this.time.setAttribute("aria-valuetext", steps[step]);
    this.figure.querySelector("output").textContent = `${steps[step]} (${step + 1} of ${steps.length})`;
  }

  choose(choice) {
    const pane = this.content.panes[Number(choice.value)];
    const side = this.stage.querySelector(choice.classList.contains("choose-left") ? ".left" : ".right");
    side.classList.toggle("errors", pane.errors);
    side.querySelector(".base").dataset.layer = pane.base;
    side.querySelector(".over").dataset.layer = pane.over;
  }

  wipe(percent) { this.stage.style.setProperty("--border", `${percent}%`); }

  async play() {
    this.playing = true;
    this.button.textContent = "Pause";
    while (this.playing) {
      const begun = performance.now();
      await this.show((this.step + 1) % this.content.steps.length);
      await new Promise((next) => setTimeout(next, Math.max(1000 / FRAMES_PER_SECOND - (performance.now() - begun), 0)));
    }
  }

  stop() {
    this.playing = false;
    this.button.textContent = "Play";
  }

  key(event) {
    const move = { ",": -1, ".": 1 }[event.key];
    if (move === undefined || event.target.tagName === "SELECT") return;
    this.stop();
    this.show(Math.min(Math.max(this.step + move, 0), this.content.steps.length - 1));
    event.preventDefault();
  }
}

function decoded(url) {
  const image = new Image();
  image.src = url;
  return image.decode().catch(() => undefined);
}

function setSource(image, url) {
  if (url) image.src = url;
  else image.removeAttribute("src");
}

// A card shows a frame of a player, and opens that player at this frame when it is pressed.
function fill(card) {
  const { layers } = players.get(card.dataset.player).content;
  for (const image of card.querySelectorAll("img")) setSource(image, layers[image.dataset.layer]?.[card.dataset.step] ?? "");
}

function reveal(card) {
  const player = players.get(card.dataset.player);
  player.stop();
  player.show(Number(card.dataset.step));
  player.figure.scrollIntoView({ block: "start" });
  player.time.focus({ preventScroll: true });
}

// What is not in view is not decoded, so that the page opens at once.
const watcher = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) {
    if (!isIntersecting) continue;
    watcher.unobserve(target);
    if (target.matches(".card")) {
      if (!players.has(target.dataset.player)) start(document.getElementById(target.dataset.player));
      fill(target);
    } else start(target);
  }
}, { rootMargin: "400px" });

function start(figure) {
  if (!players.has(figure.id)) players.set(figure.id, new Player(figure));
}

for (const figure of document.querySelectorAll(".player")) watcher.observe(figure);
for (const card of document.querySelectorAll(".card")) {
  watcher.observe(card);
  card.addEventListener("click", () => reveal(card));
}
document.querySelector(".tint")?.addEventListener("input", (event) => {
  document.documentElement.style.setProperty("--tint", event.target.value / 100);
});
