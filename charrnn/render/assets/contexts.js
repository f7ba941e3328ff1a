// The contexts whose followers are remembered: the twin of charrnn/memory/recent/contexts.py, with
// texts in place of hashes.

const READ_LENGTHS = [2, 3, 4, 6, 8, 12, 24];
const SKIPS = [
  [2, 3, 4],
  [1, 3, 4],
];
const OUTLINE = 16; // so many last characters, in which a number is one figure
const NUM_KEYS = 8; // of lines
const NUM_READ = READ_LENGTHS.length + SKIPS.length + 1 + NUM_KEYS;

/** Return what contexts depend on before the first character. */
function noContext() {
  return { recent: [], outline: [], line: START };
}

/** Return what contexts depend on after one more character. */
function followed(model, { recent, outline, line }, id) {
  const [isFigure, wasFigure] = [model.figures[id], outline.at(-1) === FIGURE];
  const longerOutline = [...outline, isFigure ? FIGURE : id].slice(-OUTLINE);
  return {
    recent: [...recent, id].slice(-Math.max(...READ_LENGTHS)),
    outline: isFigure && wasFigure ? outline : longerOutline,
    line: readLine(model, line, id),
  };
}

/** Return the contexts of what was read as texts that are equal if the contexts are. */
function keysOf(model, { recent, outline, line }) {
  const back = (n) => recent[recent.length - n] ?? NOTHING;
  return [
    ...READ_LENGTHS.map((length) => recent.slice(-length).join()),
    ...SKIPS.map((backs) => backs.map(back).join()),
    outline.join(),
    ...lineKeys(model, line, back(1)),
  ];
}
