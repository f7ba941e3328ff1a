// A model that reads and writes: networks, memory and sampling. The twin of charrnn/generation.

const kinds = {
  int8: Int8Array,
  uint8: Uint8Array,
  uint16: Uint16Array,
  uint32: Uint32Array,
  float32: Float32Array,
};

/** Return the number that the 16 bits of a float16 stand for. */
function fromHalf(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (!exponent) return (sign * fraction) / 2 ** 24;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** A model, unpacked from its header and its bytes. */
class Model {
  constructor(header, buffer) {
    this.config = header.config;
    this.characters = Array.from(header.characters);
    this.separator = Array.from(header.separator);
    this.endId = header.end_id;
    this.unknownId = header.unknown_id;
    this.letters = header.letters;
    this.spaces = header.spaces;
    this.figures = header.figures;
    this.newline = this.characters.indexOf("\n");
    const arrays = new Map();
    for (const { name, dtype, at, size, step } of header.arrays) {
      const raw = new kinds[dtype](buffer, at, size);
      const isHalf = header.precision === "float16" && dtype === "uint16" && name !== "index";
      let numbers = raw;
      if (step || isHalf) {
        numbers = new Float32Array(size);
        for (let i = 0; i < size; i += 1) numbers[i] = isHalf ? fromHalf(raw[i]) : raw[i] * step;
      }
      arrays.set(name, numbers);
    }
    this.networks = new Networks(this.config, arrays);
    const followers = arrays.get("index");
    this.index = followers ? new Index(followers, this.config.vocab_size) : null;
    const gate = arrays.get("gate");
    this.gate = gate ? new Gate(gate, header.gate_hidden) : null;
    this.ids = new Map(this.characters.map((character, id) => [character, id]));
  }

  /** Return the id of each character of a text, -1 for those that the model does not know.
   *
   * A separator of documents is the end symbol at its first character, and nothing at the others. */
  places(text) {
    const characters = Array.from(text);
    const ids = characters.map((character) => this.ids.get(character) ?? this.unknownId);
    const size = this.separator.length;
    for (let place = 0; size && place + size <= characters.length; place += 1) {
      if (!this.separator.every((character, i) => character === characters[place + i])) continue;
      ids.fill(-1, place, place + size);
      ids[place] = this.endId;
      place += size - 1;
    }
    return ids;
  }

  /** Return the ids of a text without the characters that the model does not know. */
  encode(text) {
    return this.places(text).filter((id) => id >= 0);
  }

  /** Return what the model reads before a text that it should go on with. */
  prompt(ids) {
    if (this.endId >= 0) return [this.endId, ...ids];
    return ids.length ? ids : [Math.max(this.characters.indexOf("\n"), 0)];
  }
}

/** A text that is read: each character with the probabilities of the next one. */
class Reading {
  constructor(model) {
    this.model = model;
    this.steps = []; // of each character: the id, what the networks made of it, and the mixture
    this.forget();
  }

  /** Begin the memory anew. */
  forget() {
    this.memory = this.model.gate ? new TextMemory(this.model) : null;
    this.waiting = null; // the prediction of which the gate learns when its character comes
  }

  get probs() {
    return this.steps[this.steps.length - 1].probs;
  }

  get state() {
    return this.steps.length
      ? this.steps[this.steps.length - 1].state
      : this.model.networks.start();
  }

  /** Read the characters of a text; what it shares with the text so far is not read again. */
  readAll(ids) {
    let same = 0;
    while (same < this.steps.length && this.steps[same].id === ids[same]) same += 1;
    if (same < this.steps.length) {
      const kept = this.steps.slice(0, same);
      this.steps = [];
      this.forget();
      for (const { id, own, state } of kept) this.remember(id, own, state);
    }
    for (const id of ids.slice(same)) this.read(id);
  }

  /** Read a character; return the probabilities of the next one. */
  read(id) {
    const { networks, endId } = this.model;
    const before = id === endId ? networks.start() : this.state; // a document starts afresh
    const [own, state] = networks.read(id, before);
    return this.remember(id, own, state);
  }

  /** Take what the networks made of a character, and mix the memory in. */
  remember(id, own, state) {
    const { memory, waiting } = this;
    if (waiting && memory.learns) {
      memory.gate.learn(waiting, waiting.evidence.given(id, waiting.own[id]));
    }
    let probs = own;
    if (memory) {
      this.waiting = mixed(memory.gate, memory.read(id), own, id);
      probs = this.waiting.probs;
    }
    this.steps.push({ id, own, state, probs, copied: memory ? memory.copied() : 0 });
    return probs;
  }

  /** Return what writes on from here; it remembers what was read, but not what it writes.
   *
   * With a limit it knows which characters would make a longer copy of the training text. */
  fork(maxCopy = 0) {
    const { model, memory } = this;
    let copies = maxCopy && model.index ? noRuns(model.index, maxCopy) : null;
    let { state, probs } = this;
    let context = memory ? memory.context : null;
    let place = memory ? memory.size - 1 : 0;
    return {
      get probs() {
        return probs;
      },
      get banned() {
        const [low, high] = copies ? copies[maxCopy] : [0, 0];
        return low < high ? new Set(model.index.followers.subarray(low, high)) : new Set();
      },
      read(id) {
        const [own, after] = model.networks.read(id, state);
        state = after;
        probs = own;
        if (copies) copies = extendRuns(model.index, copies, id);
        if (memory) {
          context = follow(model, context, id);
          place += 1;
          probs = mixed(memory.gate, memory.evidence(context, place), own, id).probs;
        }
        return probs;
      },
    };
  }
}

/** Mix evidence of what follows a character into the probabilities of the networks. */
function mixed(gate, evidence, own, last) {
  const features = evidence.features(own);
  const [weights, hidden] = gate.weigh(features, evidence, last);
  return { features, hidden, weights, last, evidence, own, probs: evidence.mix(own, weights) };
}

/** Draw a character: filters first, then the temperature, as in ``charrnn sample``.
 *
 * Returns -1 where every character would make too long a copy. */
function draw(model, { probs, banned }, options, random) {
  const { temperature = 0.8, topK = 0, topP = 1, minP = 0 } = options;
  const logits = Array.from(probs, (p) => Math.log(Math.max(p, 1.1754943508222875e-38)));
  if (model.unknownId >= 0) logits[model.unknownId] = -Infinity;
  for (const id of banned) if (id < logits.length && id !== model.endId) logits[id] = -Infinity;
  if (logits.every((logit) => logit === -Infinity)) return -1;
  const order = logits.map((_, id) => id).sort((a, b) => logits[b] - logits[a] || a - b);
  const drop = (ids) =>
    ids.forEach((id) => {
      logits[id] = -Infinity;
    });
  if (topK > 0) drop(order.slice(topK));
  if (topP < 1) {
    const kept = softmax(logits);
    let sum = 0;
    drop(
      order.filter((id, rank) => {
        const isEnough = rank > 0 && sum >= topP;
        sum += kept[id];
        return isEnough;
      }),
    );
  }
  if (minP > 0) drop(order.filter((id) => logits[id] < logits[order[0]] + Math.log(minP)));
  if (temperature === 0) return order[0];
  const highest = logits[order[0]];
  const sums = [];
  let total = 0;
  for (const logit of logits) {
    total += Math.exp((logit - highest) / Math.max(temperature, 1e-200));
    sums.push(total);
  }
  const threshold = random() * total;
  return sums.findIndex((sum) => sum > threshold);
}

// Random numbers as NumPy draws them: SeedSequence and PCG64 (M. O'Neill, 2014).

const MASK32 = 0xffffffffn;
const MASK64 = (1n << 64n) - 1n;
const MASK128 = (1n << 128n) - 1n;
const PCG_MULTIPLIER = 0x2360ed051fc65da44385df649fccf645n;

/** Return the random numbers of one sample of a seed, as a function. */
function generator(seed, index = 0) {
  const words = state128(seed, index);
  const increment = ((words[1] << 1n) | 1n) & MASK128;
  const step = (state) => (state * PCG_MULTIPLIER + increment) & MASK128;
  let state = step((step(0n) + words[0]) & MASK128);
  return () => {
    state = step(state);
    const folded = ((state >> 64n) ^ state) & MASK64;
    const turn = state >> 122n;
    const turned = ((folded >> turn) | (folded << (64n - turn))) & MASK64;
    return Number(turned >> 11n) / 2 ** 53;
  };
}

/** Return the two words of 128 bits with which PCG64 starts. */
function state128(seed, index) {
  const split = (value) => {
    const parts = [];
    for (let left = BigInt(value); left > 0n; left >>= 32n) parts.push(left & MASK32);
    return parts.length ? parts : [0n];
  };
  const entropy = split(seed);
  while (entropy.length < 4) entropy.push(0n);
  entropy.push(...split(index));
  let constant = 0x43b0d7e5n;
  const hash = (value) => {
    let mixedUp = value ^ constant;
    constant = (constant * 0x931e8875n) & MASK32;
    mixedUp = (mixedUp * constant) & MASK32;
    return mixedUp ^ (mixedUp >> 16n);
  };
  const mix = (x, y) => {
    const both = (0xca01f9ddn * x - 0x4973f715n * y) & MASK32;
    return both ^ (both >> 16n);
  };
  const pool = entropy.slice(0, 4).map(hash);
  for (let from = 0; from < 4; from += 1) {
    for (let to = 0; to < 4; to += 1) if (from !== to) pool[to] = mix(pool[to], hash(pool[from]));
  }
  for (const word of entropy.slice(4)) {
    for (let to = 0; to < 4; to += 1) pool[to] = mix(pool[to], hash(word));
  }
  constant = 0x8b51f9ddn;
  const out = [];
  for (let i = 0; i < 8; i += 1) {
    let word = pool[i % 4] ^ constant;
    constant = (constant * 0x58f38dedn) & MASK32;
    word = (word * constant) & MASK32;
    out.push(word ^ (word >> 16n));
  }
  const wide = [0, 2, 4, 6].map((i) => out[i] | (out[i + 1] << 32n));
  return [(wide[0] << 64n) | wide[1], (wide[2] << 64n) | wide[3]];
}
