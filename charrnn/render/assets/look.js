// A text and what a model did while it read it. Nothing here computes with the model: every number
// was written into the page, and bytes stand for values between a lowest and a highest one.

const data = JSON.parse(document.getElementById("data").textContent);
const text = Array.from(data.text);
const pre = document.getElementById("text");
const details = document.getElementById("details");
const chosen = document.getElementById("colour");
const unitBox = document.getElementById("unit");
const legend = document.getElementById("legend");

const bytes = (base64) => Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
const bits = bytes(data.bits); // sixteenths of a bit; 255 where nothing was predicted
const units = bytes(data.units.values); // one row of N bytes for each unit
const probs = bytes(data.best.probs); // 0 to 255 for the square root of a probability
const best = Array.from(data.best.text);
const gates = data.gates.map((gate) => ({ ...gate, values: bytes(gate.values) }));

const signs = { " ": "\u2423", "\n": "\u21b5", "\t": "\u21e5" };
const shown = (character) => signs[character] || character;
const element = (tag, className, content) => {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (content !== undefined) made.textContent = content;
  return made;
};

// The text: one element for each character, so that a place is an index.

const cells = text.map((character, place) => {
  const cell = element("b", "", character === "\n" ? "\n" : character);
  if (data.moved[place]) cell.classList.add("open");
  pre.append(cell);
  return cell;
});
let cursor = Math.max(data.place, 0);
let moved = null; // the place whose movers are shown

// Colours: a level for each character, -8 to 8.

function levelsOf(name) {
  if (moved !== null) {
    const values = data.moved[moved];
    const most = Math.max(...values.map(Math.abs)) || 1;
    return text.map((_, place) => {
      const value = values[place - moved + values.length];
      return place < moved && value !== undefined ? Math.round((8 * value) / most) : 0;
    });
  }
  if (name === "surprise") {
    return text.map((_, place) => (bits[place] === 255 ? 0 : Math.min(bits[place] >> 4, 8)));
  }
  if (name.startsWith("gate ")) {
    const { values } = gates[Number(name.slice(5))];
    return text.map((_, place) => Math.round((8 * values[place]) / 255));
  }
  const row = unitRow(name);
  return text.map((_, place) => signed(row, place));
}

// Units are coloured from their lowest value to their highest, cold below 0 and warm above.
function signed(row, place) {
  const value = unitValue(row, place);
  const most = Math.max(Math.abs(data.units.low[row]), Math.abs(data.units.high[row])) || 1;
  return Math.round((8 * value) / most);
}

function unitValue(row, place) {
  const low = data.units.low[row];
  const share = units[row * text.length + place] / 255;
  return low + share * (data.units.high[row] - low);
}

function unitRow(name) {
  const wanted = name === "unit" ? unitBox.value : name;
  const row = data.units.names.indexOf(wanted);
  return Math.max(row, 0);
}

function paint() {
  const levels = levelsOf(chosen.value);
  levels.forEach((level, place) => {
    const cell = cells[place];
    const colour = level > 0 ? `h${level}` : level < 0 ? `c${-level}` : "";
    cell.className = [colour, data.moved[place] ? "open" : "", place === cursor ? "at" : ""]
      .filter(Boolean)
      .join(" ");
    if (text[place] === "\n") cell.textContent = colour ? "\u21b5\n" : "\n";
  });
  legend.textContent = legendOf(chosen.value);
  unitBox.parentElement.hidden = chosen.value !== "unit";
}

function legendOf(name) {
  if (moved !== null) return `Warm: made ${shown(text[moved])} likelier. Cold: less likely.`;
  if (name === "surprise") return "Warm: surprising. A step is a bit.";
  if (name.startsWith("gate ")) return "White: shut. Dark: open.";
  const row = unitRow(name);
  const [low, high] = [data.units.low[row], data.units.high[row]].map((v) => v.toFixed(2));
  return `Unit ${data.units.names[row]}, from ${low} (cold) to ${high} (warm).`;
}

// Details of one character.

function describe(place) {
  const parts = [];
  const number = data.first + place;
  const character = shown(text[place]);
  if (bits[place] === 255) {
    parts.push(element("p", "", `Character ${number}: ${character}, given, not predicted`));
  } else {
    const surprise = (bits[place] / 16).toFixed(1);
    parts.push(element("p", "", `Character ${number}: ${character}, ${surprise} bits`));
    const alternatives = [];
    for (let i = 0; i < data.best.num; i += 1) {
      const at = place * data.best.num + i;
      const share = (probs[at] / 255) ** 2;
      alternatives.push(`${shown(best[at])} ${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`);
    }
    parts.push(element("p", "", `Expected: ${alternatives.join(", ")}`));
    const table = element("table");
    for (const [name, share, times, of, size] of data.parts[place]) {
      const row = element("tr");
      row.append(element("td", "n", `${share} %`), element("td", "", said(name, times, of, size)));
      table.append(row);
    }
    parts.push(table);
  }
  if (chosen.value !== "surprise" && !chosen.value.startsWith("gate ")) {
    const row = unitRow(chosen.value);
    const value = unitValue(row, place).toFixed(2);
    parts.push(element("p", "", `Unit ${data.units.names[row]} is ${value} after it`));
  }
  if (data.moved[place]) {
    const words = moved === place ? "Hide what moved it" : "Show what moved it";
    const button = element("button", "", words);
    button.addEventListener("click", () => {
      go(place);
      toggleMoved(place);
    });
    parts.push(button);
  }
  details.replaceChildren(...parts);
}

function said(name, times, of, size) {
  const [source, context] = data.contexts[name];
  if (source === "networks") return "networks";
  const where = source === "read" ? `${size} characters ago` : `there ${size} times`;
  return `${source}, ${context}: ${where}, ${times} of ${of} followed by it`;
}

function toggleMoved(place) {
  show(moved === place || !data.moved[place] ? null : place);
}

function show(place) {
  moved = place;
  paint();
  describe(cursor);
}

// Mouse and keys.

function go(place) {
  cells[cursor].classList.remove("at");
  cursor = Math.min(Math.max(place, 0), text.length - 1);
  cells[cursor].classList.add("at");
  cells[cursor].scrollIntoView({ block: "nearest" });
  describe(cursor);
}

// The nearest character in the line above or below, as the browser drew the lines.
function vertical(step) {
  const here = cells[cursor].getBoundingClientRect();
  let top = null;
  let found = cursor;
  for (let place = cursor + step; place >= 0 && place < text.length; place += step) {
    const box = cells[place].getBoundingClientRect();
    if (Math.abs(box.top - here.top) < 2) continue;
    if (top === null) top = box.top;
    if (Math.abs(box.top - top) > 2) break;
    found = place;
    if (step > 0 ? box.left >= here.left : box.left <= here.left) break;
  }
  return found;
}

function nextOpen() {
  const places = Object.keys(data.moved).map(Number);
  return places.find((place) => place > cursor) ?? places[0] ?? cursor;
}

function changeColour(step) {
  const num = chosen.options.length;
  chosen.selectedIndex = (chosen.selectedIndex + step + num) % num;
  show(null);
}

const keys = {
  ArrowLeft: () => go(cursor - 1),
  ArrowRight: () => go(cursor + 1),
  ArrowUp: () => go(vertical(-1)),
  ArrowDown: () => go(vertical(1)),
  Home: () => go(0),
  End: () => go(text.length - 1),
  Enter: () => toggleMoved(cursor),
  Escape: () => show(null),
  n: () => go(nextOpen()),
  "[": () => changeColour(-1),
  "]": () => changeColour(1),
};

pre.addEventListener("keydown", (event) => {
  const action = keys[event.key];
  if (!action || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  action();
});
const placeOf = (event) => cells.indexOf(event.target.closest("b"));
pre.addEventListener("mouseover", (event) => {
  const place = placeOf(event);
  if (place >= 0) describe(place);
});
pre.addEventListener("mouseleave", () => describe(cursor));
pre.addEventListener("click", (event) => {
  const place = placeOf(event);
  if (place < 0) return;
  go(place);
  if (data.moved[place]) toggleMoved(place);
});
chosen.addEventListener("change", () => changeColour(0));
unitBox.addEventListener("input", () => changeColour(0));

paint();
describe(cursor);
