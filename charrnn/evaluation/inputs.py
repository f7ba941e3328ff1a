"""The texts of an evaluation: files, or the validation part of the training text."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from charrnn.corpus.decode import Decoding
from charrnn.corpus.documents import DocumentChunk, insert_ends, read_chunks
from charrnn.corpus.open import Limit, Notice
from charrnn.corpus.store import Corpus, open_corpus
from charrnn.errors import TextError
from charrnn.evaluation.baselines import MAX_MEASURED, text_baselines, validation_baselines
from charrnn.evaluation.reader import Reader
from charrnn.evaluation.report import Evaluation
from charrnn.evaluation.surprise import Passage, measure_ids, measure_text
from charrnn.memory.copying import CopySearch
from charrnn.memory.index import Index
from charrnn.text.vocabulary import Vocabulary


class FileTexts:
    """Files, as one text or as one text each."""

    def __init__(
        self,
        vocabulary: Vocabulary,
        files: Sequence[str],
        decoding: Decoding,
        notice: Notice,
        limit: Limit | None = None,
        index: Index | None = None,
        *,
        per_file: bool,
    ) -> None:
        """Prepare to read files, as one text or, with ``per_file``, as one text each.

        A model of bytes reads bytes, whatever the decoding. Copies are searched in the index of the
        training text, if there is one. For the other arguments see ``read_blocks``.
        """
        self._vocabulary = vocabulary
        decoding = replace(decoding, nfc=vocabulary.nfc)
        self._decoding = Decoding(is_bytes=True) if vocabulary.is_bytes else decoding
        self._notice = notice
        self._limit = limit or Limit()
        self._search = None if index is None else CopySearch(index)
        self._groups = [[file] for file in files] if per_file else [list(files)]
        self.names = [", ".join(group) for group in self._groups]
        self._beginning = ""  # the first ``MAX_MEASURED`` characters, for the baselines

    def passages(self, number: int, reader: Reader, num_best: int) -> Iterator[Passage]:
        """Read one text with a fresh reader; see ``measure_text``."""
        vocabulary, files = self._vocabulary, self._groups[number]
        pieces = read_chunks(files, self._decoding, vocabulary.separator, self._notice, self._limit)
        for passage in measure_text(reader, vocabulary, map(self._searched, pieces), num_best):
            self._beginning += passage.text[: MAX_MEASURED - len(self._beginning)]
            yield passage

    def complete(self, evaluation: Evaluation) -> Evaluation:
        """Add baselines that are computed from the texts alone, after the texts were read."""
        baselines = text_baselines(self._vocabulary, self._beginning)
        novelty = None if self._search is None else self._search.result()
        return replace(evaluation, baselines=baselines, novelty=novelty)

    def _searched(self, piece: DocumentChunk) -> DocumentChunk:
        """Search a piece for copies."""
        if self._search is not None:
            ids = self._vocabulary.look_up(piece.text)
            self._search.read(insert_ends(ids, piece.ends, self._vocabulary.end_id))
        return piece


@dataclass(frozen=True)
class ValidationText:
    """The validation part of the text that the model was trained on."""

    corpus: Corpus
    index: Index | None = None
    names: Sequence[str] = ("validation text",)

    def passages(self, number: int, reader: Reader, num_best: int) -> Iterator[Passage]:
        """Read the text; see ``measure_text``."""
        del number
        return measure_ids(reader, self.corpus.vocabulary, self.corpus.val, num_best)

    def complete(self, evaluation: Evaluation) -> Evaluation:
        """Add baselines that are computed from the training text."""
        corpus = self.corpus
        baselines = validation_baselines(corpus.vocabulary, corpus.train, corpus.val)
        novelty = None
        if self.index is not None:
            search = CopySearch(self.index, corpus.vocabulary.unknown_id)
            search.read(corpus.val)
            novelty = search.result()
        return replace(evaluation, num_bytes=corpus.val_bytes, baselines=baselines, novelty=novelty)


Texts = FileTexts | ValidationText


def choose_texts(
    vocabulary: Vocabulary,
    index: Index | None,
    directory: Path,
    files: Sequence[str],
    decoding: Decoding | None,
    notice: Notice,
    limit: Limit | None,
    *,
    per_file: bool,
) -> Texts:
    """Return files, by default of UTF-8, or without any the validation text of a run directory."""
    if not files:
        return ValidationText(validation_corpus(vocabulary, directory), index)
    decoding = decoding or Decoding()
    return FileTexts(vocabulary, files, decoding, notice, limit, index, per_file=per_file)


def validation_corpus(vocabulary: Vocabulary, directory: Path) -> Corpus:
    """Return the corpus of a run directory for a model with this vocabulary.

    Raises:
        TextError: If there is no corpus, it belongs to another model, or nothing validates.
    """
    corpus = open_corpus(directory)
    problem = ""
    if corpus.vocabulary != vocabulary:
        problem = "the text beside the model is not the one it was trained on"
    elif len(corpus.val) < 2:
        problem = "the model was trained without a validation text"
    if problem:
        raise TextError(f"{str(directory)!r}: {problem}; give a file to evaluate")
    return corpus
