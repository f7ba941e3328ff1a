// The model in a worker of the page: it reads the text, suggests, writes, and tells what it expected.

const COPIED_CHARS = 20; // a run of so many characters of the training text is marked
const MAX_SUGGESTION = 80;

let model = null;
let reading = null;
let isWriting = false;

const handlers = {
  async load({ header, data }) {
    const packed = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
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

  async write({ text, options, isDocument }) {
    isWriting = true;
    reading.readAll(model.prompt(model.encode(isDocument ? "" : text)));
    const random = generator(options.seed);
    const fork = reading.fork();
    let held = ""; // may begin the text at which to stop
    let isDone = false;
    for (let written = 0; isWriting && !isDone; ) {
      let part = held;
      const until = Date.now() + 40;
      while (Date.now() < until && !isDone) {
        const id = draw(model, fork.probs, options, random);
        isDone = id === model.endId || written >= options.length;
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
    const characters = Array.from(text);
    const known = characters.map((c) => model.encode(c).length > 0);
    const ids = model.prompt(model.encode(text));
    reading.readAll(ids);
    const first = ids.length - known.filter(Boolean).length; // 1 after an end symbol
    const steps = reading.steps.slice(0, ids.length);
    let place = first - 1;
    const places = known.map((isKnown) => {
      place += isKnown ? 1 : 0;
      const before = steps[place - 1];
      if (!isKnown || !before) return { bits: null, best: [], copied: false };
      const best = likeliest(before.probs, 5).map((id) => [
        model.characters[id] ?? "",
        before.probs[id],
      ]);
      return {
        bits: -Math.log2(before.probs[steps[place].id]),
        best,
        copied: isCopied(steps, place),
      };
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

/** Return what the model would write to the end of the word or the line. */
function write(random, options, to) {
  const fork = reading.fork();
  let text = "";
  while (text.length < MAX_SUGGESTION) {
    const id = draw(model, fork.probs, options, random);
    if (id === model.endId) break;
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
