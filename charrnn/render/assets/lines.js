// Where a text stands in its word and its line: the twin of charrnn/memory/recent/lines.py.

const MAX_COLUMNS = 256;
const FIRST_COLUMNS = 3;
const NOTHING = -1; // the id of what is not there
const FIGURE = -2; // the id of a number in an outline

const START = {
  word: "",
  previous: "",
  before: "",
  first: "",
  numWords: 0,
  outline: [0, 0], // two sums, for it may be long
  isFigure: false,
  above: [],
  ids: [],
  field: 0,
  isInField: false,
  isAlike: true,
  below: 0,
};

/** Return where a text stands after one more character. */
function readLine(model, line, id) {
  if (id === model.endId) return START;
  const after = { ...line, ...readWord(line, model.letters[id]) };
  if (id === model.newline) {
    const { word, previous, before } = after;
    const below = beginOfField(model, line.ids, 0);
    return { ...START, word, previous, before, above: line.ids, below };
  }
  after.isFigure = model.figures[id];
  if (!after.isFigure) after.outline = longer(line.outline, id);
  else if (!line.isFigure) after.outline = longer(line.outline, FIGURE);
  if (line.ids.length < MAX_COLUMNS) after.ids = [...line.ids, id];
  return { ...after, ...readField(model, line, id) };
}

function readWord({ word, previous, first, numWords }, letter) {
  if (letter) return { word: `${word}.${letter}`, numWords: numWords + (word ? 0 : 1) };
  if (!word) return {};
  return { word: "", previous: word, before: previous, first: first || word };
}

function readField(model, { above, field, isInField, isAlike, below }, id) {
  if (!model.spaces[id]) {
    const expected = inField(model, above, below);
    const next = expected === NOTHING ? below : below + 1;
    return { isInField: true, isAlike: isAlike && id === expected, below: next };
  }
  if (!isInField) return { isAlike: true };
  let end = below;
  while (inField(model, above, end) !== NOTHING) end += 1;
  const begin = beginOfField(model, above, end);
  return { field: field + 1, isInField: false, isAlike: true, below: begin };
}

/** Return the sums of an outline with one more id. */
function longer([one, other], id) {
  return [(Math.imul(one, 0x9e3779b1) + id + 3) | 0, (Math.imul(other, 0x85ebca77) + id + 3) | 0];
}

/** Return what the contexts after an id depend on, as texts that are equal if the contexts are. */
function lineKeys(model, line, id) {
  const { word, previous, first, above, field } = line;
  const column = line.ids.length;
  return [
    `${id} ${word}`,
    `${id} ${word} ${previous}`,
    `${id} ${word} ${line.before}`,
    `${id} ${word} ${line.numWords}`,
    `${first} ${previous} ${field} ${Math.min(column, FIRST_COLUMNS)}`,
    `${above[column] ?? NOTHING} ${above[column + 1] ?? NOTHING} ${id}`,
    `${inField(model, above, line.below)} ${field} ${line.isAlike} ${line.isInField}`,
    line.outline.join(),
  ];
}

/** Return the id at a place of a field of the line above, past its end ``NOTHING``. */
function inField(model, above, place) {
  const id = above[place] ?? NOTHING;
  return model.spaces[id] ? NOTHING : id;
}

/** Return where the next field of a line begins, from a place between two fields on. */
function beginOfField(model, above, place) {
  let begin = place;
  while (begin < above.length && model.spaces[above[begin]]) begin += 1;
  return begin;
}
