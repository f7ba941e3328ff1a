"""The exceptions that a user can cause; each class knows its exit code.

::

    CharRNNError                1  the base; catch this one
      TextError                 1  a text cannot be used: not UTF-8, empty, unreadable
      UnknownCharacterError     1  a character that the model never saw
      CheckpointError           1  a model file is missing, damaged or of another program
      TrainingError             1  training cannot continue: the loss is not finite
      SaidElsewhereError        1  another process of the run failed, and has said why
      RunError                  1  a run directory cannot be used
      ConfigError               2  options out of range or contradictory

A message is one line: where, what is wrong; what to do. Parameters are named in backquotes, which
the command line replaces by its options. Any other exception is a bug and shows a traceback.
"""


class CharRNNError(Exception):
    """Base of all errors that a user can cause."""

    exit_code = 1


class TextError(CharRNNError):
    """A text cannot be used."""


class UnknownCharacterError(CharRNNError):
    """A text holds a character that the model never saw."""


class CheckpointError(CharRNNError):
    """A model file is missing, damaged, or not a model file."""


class SaidElsewhereError(CharRNNError):
    """Another process of the run has failed, and has said why."""


class TrainingError(CharRNNError):
    """Training cannot continue."""


class RunError(CharRNNError):
    """A run directory cannot be used."""


class ConfigError(CharRNNError):
    """Options are out of range or contradict each other."""

    exit_code = 2
