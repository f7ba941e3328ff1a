// Runs the engine of the page under Node: a question as JSON on standard input, the answer out.
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";

const { scripts, header, data, ids, prompt, seed, index, options, length } = JSON.parse(
  readFileSync(0, "utf8"),
);
const source = scripts.map((path) => readFileSync(path, "utf8")).join("");
const names = "Model, Reading, draw, generator";
const { Model, Reading, draw, generator } = new Function(`${source}; return { ${names} };`)();
const raw = gunzipSync(Buffer.from(data, "base64"));
const model = new Model(header, raw.buffer.slice(raw.byteOffset, raw.byteOffset + raw.length));

const reading = new Reading(model);
const nats = [];
let probs = null;
for (const id of ids) {
  if (probs) nats.push(-Math.log(probs[id]));
  probs = reading.read(id);
}
// A change in the middle, and back: the numbers must be those of one reading.
const half = Math.floor(ids.length / 2);
reading.readAll([...ids.slice(0, half), ids[0], ids[0]]);
reading.readAll(ids);
const again = Array.from(reading.probs);

const written = new Reading(model);
written.readAll(model.prompt(model.encode(prompt)));
const fork = written.fork(options.maxCopy);
const random = generator(seed, index);
let text = "";
let textNats = 0;
while (text.length < length) {
  const id = draw(model, fork, options, random);
  if (id === -1) break;
  textNats -= Math.log(fork.probs[id]);
  if (id === model.endId) break;
  text += model.characters[id];
  fork.read(id);
}
const numbers = Array.from({ length: 5 }, random);
const last = Array.from(probs);
console.log(JSON.stringify({ nats, last, again, text, textNats, numbers }));
