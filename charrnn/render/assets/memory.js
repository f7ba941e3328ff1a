// The memory of a model: what followed the last characters before, in the training text and in the
// text at hand, and the gate that says how far to believe it: the twin of charrnn/memory.

const NUM_FOLLOWERS = 8;
const TRAINED_LENGTHS = [4, 6, 9, 16, 32];
const TURN = 0.6180339887498949; // see `trained.py`
const LONGEST = 32;
const NUM_TRAINED = TRAINED_LENGTHS.length;
const NUM_KINDS = NUM_TRAINED + NUM_READ;
const LEARN_EVERY = 64;
const BIAS_RATE = 0.2;

/** The index of the training text; see charrnn/memory/index.py. */
class Index {
  constructor(followers, vocabSize) {
    this.followers = followers;
    this.numRows = followers.length;
    const counts = new Int32Array(vocabSize + 2);
    for (const id of followers) counts[id + 1] += 1;
    for (let id = 0; id <= vocabSize; id += 1) counts[id + 1] += counts[id];
    this.first = counts.slice(); // of each id, where its rows begin
    this.rows = new Int32Array(followers.length);
    followers.forEach((id, row) => {
      this.rows[counts[id]] = row;
      counts[id] += 1;
    });
  }

  /** Return the row of a run with one more character, from the row of the run. */
  extend(row, id) {
    let low = this.first[id];
    let high = this.first[id + 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.rows[middle] < row) low = middle + 1;
      else high = middle;
    }
    return low + 1;
  }
}

/** What a memory says of the next character; see charrnn/memory/evidence.py. */
class Evidence {
  constructor(vocabSize) {
    this.vocabSize = vocabSize;
    this.followers = []; // of each kind of context: ids, the latest first
    this.sizes = new Float64Array(NUM_TRAINED);
    this.ages = new Float64Array(NUM_READ);
  }

  /** Count the followers of each kind of context. */
  settle() {
    this.credits = [];
    this.taken = new Float64Array(NUM_KINDS);
    this.distinct = new Float64Array(NUM_KINDS);
    this.most = new Float64Array(NUM_KINDS);
    this.followers.forEach((ids, kind) => {
      const credits = [];
      let distinct = 0;
      let most = 0;
      let given = 0;
      for (const id of ids) {
        let times = 0;
        for (const other of ids) if (other === id) times += 1;
        const credit = (times - (times === 1 ? 0.6 : 1)) / (times * ids.length);
        credits.push(credit);
        given += credit;
        distinct += 1 / times;
        most = Math.max(most, times);
      }
      this.credits.push(credits);
      this.taken[kind] = 1 - given;
      this.distinct[kind] = distinct;
      this.most[kind] = most;
    });
    return this;
  }

  isThere(part) {
    if (part === 0) return true;
    if (part <= NUM_KINDS) return this.followers[part - 1].length > 0;
    return this.followers[part - 1 - NUM_KINDS + NUM_TRAINED].length > 0;
  }

  features(probs) {
    const seen = new Float64Array(3 * NUM_KINDS + 2);
    for (let kind = 0; kind < NUM_KINDS; kind += 1) {
      const num = this.followers[kind].length;
      const isTrained = kind < NUM_TRAINED;
      seen[kind] = Math.log1p(isTrained ? this.sizes[kind] : num);
      seen[NUM_KINDS + kind] = Math.log1p(this.distinct[kind]);
      const other = isTrained ? this.most[kind] / num : this.ages[kind - NUM_TRAINED];
      seen[2 * NUM_KINDS + kind] = num ? Math.log1p(other) : 0;
    }
    let entropy = 0;
    for (const p of probs) if (p > 0) entropy -= p * Math.log(p);
    seen[3 * NUM_KINDS] = Math.max(...probs);
    seen[3 * NUM_KINDS + 1] = entropy;
    return seen;
  }

  /** Return the probability of a character in each part; ``prob`` is that by the networks. */
  given(id, prob) {
    const parts = new Float64Array(1 + NUM_KINDS + NUM_READ);
    parts[0] = prob;
    this.followers.forEach((ids, kind) => {
      let credit = 0;
      ids.forEach((other, i) => {
        if (other === id) credit += this.credits[kind][i];
      });
      parts[1 + kind] = credit + this.taken[kind] * prob;
      if (kind >= NUM_TRAINED) parts[1 + kind + NUM_READ] = ids[0] === id ? 1 : 0;
    });
    return parts;
  }

  /** Return the mixture of all parts. */
  mix(probs, weights) {
    let own = weights[0];
    for (let kind = 0; kind < NUM_KINDS; kind += 1) own += weights[1 + kind] * this.taken[kind];
    const mixed = probs.map((p) => p * own);
    this.followers.forEach((ids, kind) => {
      ids.forEach((id, i) => {
        mixed[id] += weights[1 + kind] * this.credits[kind][i];
      });
      if (kind >= NUM_TRAINED && ids.length) mixed[ids[0]] += weights[1 + kind + NUM_READ];
    });
    return mixed;
  }
}

/** The gate, which learns while it reads; see charrnn/memory/gate.py. */
class Gate {
  constructor(weights, numHidden) {
    this.numHidden = numHidden;
    this.weights = Float64Array.from(weights);
    this.moments = [0, 1].map(() => new Float64Array(weights.length));
    this.steps = 0;
    this.group = [];
    this.biases = new Map(); // after each character
    const numFeatures = 3 * NUM_KINDS + 2;
    const numParts = 1 + NUM_KINDS + NUM_READ;
    // Where each part of the weights begins: (F, H), (H,), (H, P), (P,).
    this.at = [0, numFeatures * numHidden];
    this.at.push(this.at[1] + numHidden);
    this.at.push(this.at[2] + numHidden * numParts);
    this.numParts = numParts;
  }

  copy() {
    return new Gate(this.weights, this.numHidden);
  }

  weigh(features, evidence, last) {
    const { weights, at, numHidden, numParts } = this;
    const hidden = weights.slice(at[1], at[2]);
    for (let f = 0, i = 0; f < features.length; f += 1) {
      for (let h = 0; h < numHidden; h += 1, i += 1) hidden[h] += features[f] * weights[i];
    }
    for (let h = 0; h < numHidden; h += 1) hidden[h] = Math.tanh(hidden[h]);
    const outputs = weights.slice(at[3]);
    this.biases.get(last)?.forEach((bias, part) => {
      outputs[part] += bias;
    });
    for (let h = 0, i = at[2]; h < numHidden; h += 1) {
      for (let part = 0; part < numParts; part += 1, i += 1)
        outputs[part] += hidden[h] * weights[i];
    }
    let highest = -Infinity;
    for (let part = 0; part < numParts; part += 1) {
      if (!evidence.isThere(part)) outputs[part] = -Infinity;
      highest = Math.max(highest, outputs[part]);
    }
    let total = 0;
    for (let part = 0; part < numParts; part += 1) {
      outputs[part] = Math.exp(outputs[part] - highest);
      total += outputs[part];
    }
    return [outputs.map((value) => value / total), hidden];
  }

  /** Take a prediction whose character came; learn after every 64. */
  learn({ features, hidden, weights, last }, given) {
    this.group.push([features, hidden, weights, given, last]);
    if (this.group.length < LEARN_EVERY) return;
    const { at, numHidden, numParts } = this;
    const gradient = new Float64Array(this.weights.length);
    for (const [seen, units, shares, probs, last] of this.group) {
      const biases = this.biases.get(last) ?? new Float64Array(numParts);
      this.biases.set(last, biases);
      let total = 1e-8;
      for (let part = 0; part < numParts; part += 1) total += shares[part] * probs[part];
      const back = new Float64Array(numHidden);
      for (let part = 0; part < numParts; part += 1) {
        const error = (shares[part] - (shares[part] * probs[part]) / total) / LEARN_EVERY;
        if (!error) continue;
        biases[part] -= BIAS_RATE * LEARN_EVERY * error;
        gradient[at[3] + part] += error;
        for (let h = 0; h < numHidden; h += 1) {
          gradient[at[2] + h * numParts + part] += units[h] * error;
          back[h] += error * this.weights[at[2] + h * numParts + part];
        }
      }
      for (let h = 0; h < numHidden; h += 1) {
        const inner = back[h] * (1 - units[h] * units[h]);
        gradient[at[1] + h] += inner;
        for (let f = 0; f < seen.length; f += 1) gradient[f * numHidden + h] += seen[f] * inner;
      }
    }
    this.group = [];
    this.steps += 1;
    const [mean, square] = this.moments;
    const scale = [0.9, 0.999].map((decay) => 1 - decay ** this.steps);
    for (let i = 0; i < gradient.length; i += 1) {
      mean[i] = 0.9 * mean[i] + 0.1 * gradient[i];
      square[i] = 0.999 * square[i] + 0.001 * gradient[i] ** 2;
      this.weights[i] -= ((1e-3 / scale[0]) * mean[i]) / (Math.sqrt(square[i] / scale[1]) + 1e-8);
    }
  }
}

/** The memory while one text is read, a character at a time. */
class TextMemory {
  constructor(model) {
    this.model = model;
    this.learns = model.endId < 0;
    this.gate = this.learns ? model.gate.copy() : model.gate;
    this.clear();
  }

  /** Forget the text, as at the start of a document. */
  clear() {
    this.size = 1; // places; the first is nowhere
    this.kinds = Array.from({ length: NUM_READ }, () => new Map());
    this.entries = null; // of the contexts of the last place
    this.context = { ...noContext(), runs: noRuns(this.model.index) };
  }

  /** Take a character that came after the last one that was read. */
  knowNext(id) {
    for (const entry of this.entries ?? []) {
      entry.last = this.size - 1;
      entry.followers = [id, ...entry.followers].slice(0, NUM_FOLLOWERS);
    }
    this.entries = null;
  }

  /** Read a character; return the evidence of the next one. */
  read(id) {
    this.knowNext(id);
    if (id === this.model.endId) this.clear();
    this.context = follow(this.model, this.context, id);
    const evidence = this.evidence(this.context, this.size);
    this.entries = keysOf(this.model, this.context).map((key, kind) => {
      const entry = this.kinds[kind].get(key) ?? { last: 0, followers: [] };
      this.kinds[kind].set(key, entry);
      return entry;
    });
    this.size += 1;
    return evidence;
  }

  /** Return how many of the last characters, up to 32, stand in the training text. */
  copied() {
    const { runs } = this.context;
    let length = 0;
    while (length < LONGEST && runs[length + 1][0] < runs[length + 1][1]) length += 1;
    return length;
  }

  /** Return the evidence in a context at a place, without a change of the memory. */
  evidence(context, place) {
    const evidence = new Evidence(this.model.config.vocab_size);
    addTrained(this.model.index, context.runs, place, evidence);
    keysOf(this.model, context).forEach((key, kind) => {
      const entry = this.kinds[kind].get(key);
      evidence.followers.push(entry ? entry.followers : []);
      evidence.ages[kind] = place - (entry ? entry.last : 0);
    });
    return evidence.settle();
  }
}

/** Return what contexts depend on after one more character. */
function follow(model, context, id) {
  const runs = extendRuns(model.index, context.runs, id);
  return { ...followed(model, context, id), runs };
}

/** Return where the last 0 to ``longest`` characters stand in the training text before any is read. */
function noRuns(index, longest = LONGEST) {
  return Array.from({ length: longest + 1 }, (_, length) => [
    0,
    length || !index ? 0 : index.numRows,
  ]);
}

function extendRuns(index, runs, id) {
  if (!index) return runs;
  const after = [runs[0]];
  for (let length = 1; length < runs.length; length += 1) {
    const [low, high] = runs[length - 1];
    after.push(low < high ? [index.extend(low, id), index.extend(high, id)] : [0, 0]);
  }
  return after;
}

/** Add what followed the contexts in the training text: of many places, eight spread evenly, and
 * other ones after the next character. */
function addTrained(index, runs, place, evidence) {
  const turn = (place * TURN) % 1;
  TRAINED_LENGTHS.forEach((length, kind) => {
    const [low, high] = runs[length];
    const size = high - low;
    const num = Math.min(size, NUM_FOLLOWERS);
    evidence.sizes[kind] = size;
    const ids = [];
    for (let i = 0; i < num; i += 1) {
      const at = size > NUM_FOLLOWERS ? Math.floor((size * (i + turn)) / NUM_FOLLOWERS) : i;
      const id = index.followers[low + at];
      if (id < evidence.vocabSize) ids.push(id);
    }
    evidence.followers.push(ids);
  });
}
