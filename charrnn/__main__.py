"""``python -m charrnn``: what torchrun starts."""

from charrnn.cli.app import app

if __name__ == "__main__":
    app(prog_name="charrnn")
