// The writing surface. The model is in a worker, which is made from the scripts of this page.

const $ = (id) => document.getElementById(id);
const header = JSON.parse($("header").textContent);
const text = $("text");
const list = $("suggestions");
const undone = []; // texts before what the model wrote
let suggestions = [];
let selected = 0;
let insertAt = 0; // where suggestions or writing go
let isWriting = false;
let numAsked = 0; // a new seed for each question

const source = $("engine").textContent;
const worker = new Worker(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
const ask = (type, more) => worker.postMessage({ type, ...more });
const say = (words) => {
  $("status").textContent = words;
};

function options() {
  const seed = $("seed").value.trim();
  numAsked += 1;
  return {
    temperature: Number($("temperature").value),
    topK: Number($("top-k").value),
    topP: Number($("top-p").value),
    minP: Number($("min-p").value),
    maxCopy: Math.min(Math.max(Math.floor(Number($("max-copy").value)), 0), 4096),
    stop: $("stop").value.replaceAll("\\n", "\n"),
    length: 2000,
    seed: /^\d+$/.test(seed) ? seed : Math.floor(Math.random() * 2 ** 32) + numAsked,
  };
}

const signs = { " ": "\u2423", "\n": "\u21b5", "\t": "\u21e5" };
const named = (character) => signs[character] ?? character;

// What the model sends.

const handlers = {
  ready() {
    for (const control of document.querySelectorAll("button")) control.disabled = false;
    say("Ready.");
  },
  tested({ difference }) {
    const isPassed = difference < 1e-3;
    $("test").textContent = isPassed
      ? "self-test passed"
      : `self-test failed: off by ${difference.toExponential(1)} nats`;
  },
  suggestions({ found }) {
    suggestions = found;
    selected = 0;
    list.replaceChildren(
      ...found.map((words, place) => {
        const item = document.createElement("li");
        item.textContent = words.replaceAll("\n", "\u21b5");
        item.setAttribute("role", "option");
        item.addEventListener("click", () => take(place));
        return item;
      }),
    );
    mark();
    say(found.length ? `${found.length} suggestions.` : "No suggestion.");
  },
  wrote({ text: words }) {
    insert(words);
  },
  stopped() {
    isWriting = false;
    $("write").textContent = "Write on";
    text.removeAttribute("aria-busy");
    say("Stopped.");
    if ($("colours").checked) look();
  },
  looked({ text: seen, places }) {
    show(Array.from(seen), places);
  },
};
worker.onmessage = ({ data }) => handlers[data.type](data);
worker.onerror = (event) => {
  $("test").textContent = `self-test failed: ${event.message}`;
};

// Writing.

function insert(words) {
  text.setRangeText(words, insertAt, insertAt, "end");
  insertAt += words.length;
  text.scrollTop = text.scrollHeight;
}

function remember() {
  undone.push([text.value, text.selectionEnd]);
  insertAt = text.selectionEnd;
}

function suggest() {
  insertAt = text.selectionEnd;
  say("Thinking.");
  ask("suggest", { text: text.value.slice(0, insertAt), to: $("to").value, options: options() });
}

function take(place) {
  const words = suggestions[place];
  drop();
  if (words === undefined) return;
  const at = insertAt;
  remember();
  insertAt = at;
  insert(words);
  text.focus();
}

function drop() {
  suggestions = [];
  list.replaceChildren();
}

function mark() {
  Array.from(list.children).forEach((item, place) => {
    item.setAttribute("aria-selected", String(place === selected));
  });
}

function writeOn(isAnother = false) {
  if (isWriting) {
    ask("stop");
    return;
  }
  drop();
  remember();
  isWriting = true;
  $("write").textContent = "Stop";
  text.setAttribute("aria-busy", "true"); // a screen reader waits for the end
  say("Writing.");
  const before = text.value.slice(0, insertAt);
  if (isAnother && before && !before.endsWith("\n")) insert("\n");
  if (isAnother) ask("another", { options: options() });
  else ask("write", { text: before, options: options() });
}

function undo() {
  const last = undone.pop();
  if (!last) return;
  [text.value] = last;
  text.setSelectionRange(last[1], last[1]);
  drop();
  say("Undone.");
  if ($("colours").checked) look();
}

text.addEventListener("keydown", (event) => {
  const isOpen = suggestions.length > 0;
  if (event.key === "Tab" && !event.shiftKey) suggest();
  else if (event.key === "Escape" && (isOpen || isWriting)) {
    drop();
    if (isWriting) ask("stop");
  } else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) writeOn();
  else if (isOpen && event.key === "Enter") take(selected);
  else if (isOpen && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
    const step = event.key === "ArrowDown" ? 1 : suggestions.length - 1;
    selected = (selected + step) % suggestions.length;
    mark();
    say(suggestions[selected]);
  } else {
    if (isOpen && event.key.length === 1) drop();
    return;
  }
  event.preventDefault();
});

// Colours: what was surprising, what was copied, what else was expected.

function look() {
  ask("look", { text: text.value });
}

function show(characters, places) {
  const offsets = []; // of each character in the text of the browser
  let offset = 0;
  const cells = characters.map((character, place) => {
    offsets.push(offset);
    offset += character.length;
    const { bits, copied } = places[place];
    const level = bits === null ? 0 : Math.min(Math.floor(bits), 8);
    const cell = document.createElement("b");
    cell.className = `${level ? `h${level}` : ""} ${copied ? "copied" : ""}`.trim();
    cell.textContent = character === "\n" ? (level ? "\u21b5\n" : "\n") : character;
    cell.dataset.place = place;
    return cell;
  });
  $("look").replaceChildren(...cells);
  const describe = (place) => {
    for (const other of cells) other.classList.remove("at");
    cells[place].classList.add("at");
    const { bits, best, copied } = places[place];
    const words = bits === null ? "given, not predicted" : `${bits.toFixed(1)} bits`;
    const line = document.createElement("p");
    line.textContent = `${named(characters[place])}: ${words}${copied ? ", copied from the training text" : ""}`;
    const buttons = best.map(([other, prob]) => {
      const button = document.createElement("button");
      button.textContent = `${named(other)} ${Math.round(100 * prob)} %`;
      button.addEventListener("click", () => {
        undone.push([text.value, text.value.length]);
        text.value = text.value.slice(0, offsets[place]) + other;
        insertAt = text.value.length;
        text.setSelectionRange(insertAt, insertAt);
        writeOn();
        undone.pop();
      });
      return button;
    });
    $("details").replaceChildren(line, ...buttons);
  };
  $("look").onclick = (event) => {
    const cell = event.target.closest("b");
    if (cell) describe(Number(cell.dataset.place));
  };
  $("look").onkeydown = (event) => {
    const at = cells.findIndex((cell) => cell.classList.contains("at"));
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step || !cells.length) return;
    event.preventDefault();
    describe(Math.min(Math.max(at + step, 0), cells.length - 1));
  };
}

$("colours").addEventListener("change", () => {
  const isOn = $("colours").checked;
  text.hidden = isOn;
  $("look").hidden = !isOn;
  $("details").replaceChildren();
  if (isOn) look();
});
$("suggest").addEventListener("click", suggest);
$("write").addEventListener("click", () => writeOn());
$("undo").addEventListener("click", undo);
$("another")?.addEventListener("click", () => writeOn(true));
$("temperature").addEventListener("input", () => {
  $("degrees").textContent = $("temperature").value;
});
text.value = header.example;
ask("load", { header, data: $("model").textContent });
