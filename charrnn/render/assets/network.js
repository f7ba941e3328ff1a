// The networks of a model, character by character: the twin of charrnn/model in JavaScript.
//
// The weights come as whole numbers with a step for each array. States are arrays of numbers; a
// network never changes a state that it was given.

const MAX_KEPT = 2000; // 16 MB for 256 units

const sigmoid = (x) => 1 / (1 + Math.exp(-x));

/** Return the product of a matrix, given by rows, with a vector, plus a bias. */
function affine(weight, vector, bias) {
  const size = vector.length;
  const rows = weight.length / size;
  const product = bias ? Float64Array.from(bias) : new Float64Array(rows);
  let row = 0;
  // Eight rows side by side, so that the processor need not wait for one sum.
  for (; row + 7 < rows; row += 8) {
    const at = row * size;
    let [a, b, c, d, e, f, g, h] = [0, 0, 0, 0, 0, 0, 0, 0];
    for (let k = 0; k < size; k += 1) {
      const x = vector[k];
      const i = at + k;
      a += weight[i] * x;
      b += weight[i + size] * x;
      c += weight[i + 2 * size] * x;
      d += weight[i + 3 * size] * x;
      e += weight[i + 4 * size] * x;
      f += weight[i + 5 * size] * x;
      g += weight[i + 6 * size] * x;
      h += weight[i + 7 * size] * x;
    }
    product[row] += a;
    product[row + 1] += b;
    product[row + 2] += c;
    product[row + 3] += d;
    product[row + 4] += e;
    product[row + 5] += f;
    product[row + 6] += g;
    product[row + 7] += h;
  }
  for (; row < rows; row += 1) {
    let sum = 0;
    for (let k = 0, i = row * size; k < size; k += 1, i += 1) sum += weight[i] * vector[k];
    product[row] += sum;
  }
  return product;
}

/** Normalise a vector to mean 0 and variance 1, then scale and shift it. */
function layerNorm(x, weight, bias) {
  const mean = x.reduce((sum, value) => sum + value, 0) / x.length;
  const variance = x.reduce((sum, value) => sum + (value - mean) ** 2, 0) / x.length;
  const scale = 1 / Math.sqrt(variance + 1e-5);
  return x.map((value, i) => (value - mean) * scale * weight[i] + bias[i]);
}

/** The cells whose gates read the state: from both products and the state to the next state. */
const recurrent = {
  "rnn-tanh": (x, h) => [x.map((value, i) => Math.tanh(value + h[i]))],
  "rnn-relu": (x, h) => [x.map((value, i) => Math.max(value + h[i], 0))],
  gru(x, r, [h]) {
    const n = h.length;
    return [
      h.map((old, i) => {
        const reset = sigmoid(x[i] + r[i]);
        const update = sigmoid(x[n + i] + r[n + i]);
        const candidate = Math.tanh(x[2 * n + i] + reset * r[2 * n + i]);
        return candidate + update * (old - candidate);
      }),
    ];
  },
  lstm(x, r, [, c]) {
    const n = c.length;
    const gate = (block, i) => x[block * n + i] + r[block * n + i];
    const cell = c.map(
      (old, i) => sigmoid(gate(1, i)) * old + sigmoid(gate(0, i)) * Math.tanh(gate(2, i)),
    );
    return [cell.map((value, i) => sigmoid(gate(3, i)) * Math.tanh(value)), cell];
  },
};

/** The cells whose gates read the input alone: from their products and the state to the next. */
const parallel = {
  mingru(x, h) {
    const n = h.length;
    return h.map((old, i) => old + sigmoid(x[i]) * (x[n + i] - old));
  },
  minlstm(x, h) {
    const n = h.length;
    const softplus = (value) => Math.max(-value, 0) + Math.log1p(Math.exp(-Math.abs(value)));
    return h.map((old, i) => {
      const share = sigmoid(softplus(x[i]) - softplus(x[n + i]));
      return old + share * (x[2 * n + i] - old);
    });
  },
};

/** One network. */
class Network {
  constructor(config, arrays, prefix) {
    this.config = config;
    this.weight = (name) => arrays.get(prefix + name);
    this.kept = new Map(); // input products of the first layer, by the last characters
  }

  /** Return the state at the start of a text: the last ids, then the state of each layer. */
  start() {
    const { config } = this;
    const zeros = (size) => new Float64Array(size);
    const layers = [];
    for (let layer = 0; layer < config.num_layers; layer += 1) {
      const input = layer ? config.hidden_size : config.embedding_size;
      const states = [zeros(config.hidden_size)];
      if (parallel[config.cell]) states.push(zeros(input));
      if (config.cell === "lstm") states.push(zeros(config.hidden_size));
      layers.push(states);
    }
    return { recent: new Array(config.ngrams - 1).fill(0), layers };
  }

  /** Read a character; return the logits of the next one, and the state after. */
  read(id, state) {
    const { config } = this;
    const recent = [...state.recent, id];
    let hidden = this.embed(recent);
    const layers = state.layers.map((before, layer) => {
      const name = `layers.${layer}.`;
      const input = this.norm(layer, hidden);
      const [output, after] = parallel[config.cell]
        ? this.runParallel(name, input, before)
        : this.runRecurrent(name, input, before, layer ? null : recent.join());
      const isResidual = config.block === "residual" && hidden.length === output.length;
      hidden = isResidual ? hidden.map((value, i) => value + output[i]) : output;
      return after;
    });
    hidden = this.norm(config.num_layers, hidden);
    const logits = affine(this.weight("output.weight"), hidden, this.weight("output.bias"));
    return [logits, { recent: recent.slice(1), layers }];
  }

  /** Return the product of an input and its weights; that of the same last characters is kept. */
  project(name, input, key) {
    let x = key === null ? undefined : this.kept.get(key);
    if (x === undefined) {
      x = affine(this.weight(`${name}weight_ih`), input, this.weight(`${name}bias_ih`));
      if (this.kept.size >= MAX_KEPT) this.kept.clear();
      if (key !== null) this.kept.set(key, x);
    }
    return x;
  }

  runRecurrent(name, input, state, key) {
    const x = this.project(name, input, key);
    const r = affine(this.weight(`${name}weight_hh`), state[0], this.weight(`${name}bias_hh`));
    const { cell, nonlinearity } = this.config;
    const after = recurrent[cell === "rnn" ? `rnn-${nonlinearity}` : cell](x, r, state);
    return [after[0], after];
  }

  runParallel(name, input, [h, last]) {
    const shift = this.weight(`${name}shift`);
    const mixed = input.map((value, i) => value + shift[i] * (last[i] - value));
    const x = affine(this.weight(`${name}weight_ih`), mixed, this.weight(`${name}bias_ih`));
    const after = parallel[this.config.cell](x, h);
    const blocks = x.length - h.length; // the output gate comes last
    const gated = after.map((value, i) => x[blocks + i] * sigmoid(x[blocks + i]) * value);
    return [affine(this.weight(`${name}weight_ho`), gated), [after, input]];
  }

  /** Return the sum of the embeddings of the last character and of the n-grams that end with it. */
  embed(recent) {
    const { config } = this;
    const size = config.embedding_size;
    const sum = new Float64Array(size);
    const add = (table, row) => {
      for (let i = 0, at = row * size; i < size; i += 1, at += 1) sum[i] += table[at];
    };
    let key = recent[recent.length - 1];
    add(this.weight("embedding.weight"), key);
    for (let length = 2; length <= config.ngrams; length += 1) {
      const before = recent[recent.length - length];
      let row;
      if (config.vocab_size ** length <= config.ngram_rows) {
        key = key * config.vocab_size + before;
        row = key;
      } else {
        key = (key * 1000003 + before * 7919 + length) % 2147483648; // exact: below 2^53
        row = (key ^ (key >> 15)) % config.ngram_rows;
      }
      add(this.weight(`ngrams.${length}.weight`), row);
    }
    return sum;
  }

  norm(number, hidden) {
    if (this.config.block !== "residual") return hidden;
    const name = `norms.${number}.`;
    return layerNorm(hidden, this.weight(`${name}weight`), this.weight(`${name}bias`));
  }
}

/** All networks of a model: the mean of their probabilities. */
class Networks {
  constructor(config, arrays) {
    const prefix = (number) => (config.num_networks > 1 ? `networks.${number}.` : "");
    this.all = Array.from(
      { length: config.num_networks },
      (_, number) => new Network(config, arrays, prefix(number)),
    );
  }

  start() {
    return this.all.map((network) => network.start());
  }

  /** Read a character; return the probabilities of the next one, and the state after. */
  read(id, states) {
    let mean = null;
    const after = this.all.map((network, number) => {
      const [logits, state] = network.read(id, states[number]);
      const probs = softmax(logits);
      mean = mean ? mean.map((value, i) => value + probs[i]) : probs;
      return state;
    });
    return [mean.map((value) => value / this.all.length), after];
  }
}

function softmax(logits) {
  const highest = logits.reduce((most, value) => Math.max(most, value), -Infinity);
  const odds = logits.map((value) => Math.exp(value - highest));
  const total = odds.reduce((sum, value) => sum + value, 0);
  return odds.map((value) => value / total);
}
