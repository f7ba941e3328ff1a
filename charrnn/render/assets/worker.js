// The model in a worker of the page: it reads the text, suggests, writes, and tells what it expected.

const COPIED_CHARS = 20; // a run of so many characters of the training text is marked
const MAX_SUGGESTION = 80;
const MAX_DOCUMENT = 2000;
const MAX_KNOWN = 200; // documents that were known already, before it gives up

let model = null;
let reading = null;
let isWriting = false;
const seen = new Set([""]); // documents that were written

const handlers = {
  async load({ header, data }) {
    const text = atob(data);
    const packed = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i += 1) packed[i] = text.charCodeAt(i);
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    model = new Model(header, await new Response(stream).arrayBuffer());
    reading = new Reading(model);
    self.postMessage({ type: "ready" });
    await new Promise((resolve) => setTimeout(resolve)); // what was asked meanwhile comes first
    self.postMessage({ type: "tested", difference: selfTest(header.self_test) });
  },

  suggest({ text, to, options }) {
    reading.readAll(model.prompt(model.encode(text)));
    const found = [];
    for (let index = 0; found.length < 3 && index < 12; index += 1) {
      const suggestion = write(generator(options.seed, index), options, to);
      if (suggestion && !found.includes(suggestion)) found.push(suggestion);
    }
    self.postMessage({ type: "suggestions", found });
  },

  async another({ options }) {
    isWriting = true;
    reading.readAll(model.prompt([]));
    let found = "";
    for (let index = 0; isWriting && !found && index < MAX_KNOWN; index += 1) {
      const text = write(generator(options.seed, index), options, "end");
      if (!seen.has(text) && !isTrained(text)) found = text;
      if (index % 8 === 7) await new Promise((resolve) => setTimeout(resolve)); // to hear a stop
    }
    seen.add(found);
    isWriting = false;
    self.postMessage({ type: "wrote", text: found });
    self.postMessage({ type: "stopped" });
  },

  async write({ text, options }) {
    isWriting = true;
    reading.readAll(model.prompt(model.encode(text)));
    const random = generator(options.seed);
    const fork = reading.fork(options.maxCopy);
    let held = ""; // may begin the text at which to stop
    let isDone = false;
    for (let written = 0; isWriting && !isDone; ) {
      let part = held;
      const until = Date.now() + 40;
      while (Date.now() < until && !isDone) {
        const id = draw(model, fork, options, random);
        isDone = id === -1 || id === model.endId || written >= options.length;
        if (isDone) break;
        part += model.characters[id];
        fork.read(id);
        written += 1;
        isDone = options.stop !== "" && part.endsWith(options.stop);
        if (isDone) part = part.slice(0, -options.stop.length);
      }
      const size = isDone ? part.length : part.length - numBegun(part, options.stop);
      held = part.slice(size);
      self.postMessage({ type: "wrote", text: part.slice(0, size) });
      await new Promise((resolve) => setTimeout(resolve)); // to hear that it should stop
    }
    isWriting = false;
    self.postMessage({ type: "stopped" });
  },

  stop() {
    isWriting = false;
  },

  look({ text }) {
    const ids = model.places(text);
    const known = model.prompt(ids.filter((id) => id >= 0));
    reading.readAll(known);
    const { steps } = reading;
    let place = known.length - ids.filter((id) => id >= 0).length - 1; // 0 after an end symbol
    const places = ids.map((id) => {
      if (id >= 0) place += 1;
      if (id < 0 || !steps[place - 1]) return { bits: null, best: [], copied: false };
      const { probs } = steps[place - 1];
      const best = likeliest(probs, 5).map((other) => [
        model.characters[other] ?? "\n",
        probs[other],
      ]);
      return { bits: -Math.log2(probs[id]), best, copied: isCopied(steps, place) };
    });
    self.postMessage({ type: "looked", text, places });
  },
};

/** Return how many characters at the end of a text may begin the text at which to stop. */
function numBegun(text, stop) {
  let length = Math.max(stop.length - 1, 0);
  while (length && !text.endsWith(stop.slice(0, length))) length -= 1;
  return length;
}

/** Return whether a character is in a run that stands in the training text. */
function isCopied(steps, place) {
  for (let end = place; end < Math.min(place + COPIED_CHARS, steps.length); end += 1) {
    if (steps[end].copied >= COPIED_CHARS && end - steps[end].copied < place) return true;
  }
  return false;
}

function likeliest(probs, count) {
  return Array.from(probs.keys())
    .sort((a, b) => probs[b] - probs[a])
    .slice(0, count);
}

/** Return whether a document stands in the training text as a whole, as far as that is known. */
function isTrained(text) {
  const { index, endId } = model;
  if (!index) return false;
  let [low, high] = [0, index.numRows];
  for (const id of [endId, ...model.encode(text), endId]) {
    [low, high] = [index.extend(low, id), index.extend(high, id)];
  }
  return low < high;
}

/** Return what the model would write to the end of the word, the line or the document. */
function write(random, options, to) {
  const fork = reading.fork(options.maxCopy);
  const limit = to === "end" ? MAX_DOCUMENT : MAX_SUGGESTION;
  let text = "";
  while (text.length < limit) {
    const id = draw(model, fork, options, random);
    if (id === -1 || id === model.endId) break;
    const character = model.characters[id];
    const isWord = /[\p{L}\p{N}'\u2019-]/u.test(character);
    if (to === "word" && /[\p{L}\p{N}]/u.test(text) && !isWord) break;
    if (to === "line" && character === "\n" && text) break;
    text += character;
    fork.read(id);
  }
  return text;
}

/** Return the greatest difference from the surprise, in nats, that Python computed. */
function selfTest({ ids, nats }) {
  const test = new Reading(model);
  let difference = 0;
  ids.forEach((id, place) => {
    if (place)
      difference = Math.max(difference, Math.abs(-Math.log(test.probs[id]) - nats[place - 1]));
    test.read(id);
  });
  return difference;
}

self.onmessage = ({ data }) => handlers[data.type](data);
