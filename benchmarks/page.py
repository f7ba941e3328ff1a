"""How fast a page writes, in a browser: the time to the first character, and characters a second.

    python benchmarks/page.py PAGE [--chromium PROGRAM] [--json]

The page is one that ``charrnn page`` wrote. The program is any Chromium; without the option it is
found on the path. The first character counts from the start of opening the page, whose worker
unpacks the model. Then the page writes 2,000 characters with the seed 1.
"""

import argparse
import json
import shutil
import sys
import time
from pathlib import Path

from playwright.sync_api import sync_playwright

NAMES = ("chromium-headless-shell", "chromium", "google-chrome")
READY = "#write:not([disabled])"
NUM_TRIES = 3


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("page", type=Path)
    parser.add_argument("--chromium", default=next(filter(None, map(shutil.which, NAMES)), None))
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    if args.chromium is None:
        sys.exit("there is no Chromium; name one with --chromium")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=args.chromium, args=["--no-sandbox"])
        for _ in range(NUM_TRIES):
            window = browser.new_page()
            begin = time.perf_counter()
            window.goto(args.page.resolve().as_uri())
            window.fill("#text", "")
            window.wait_for_selector(READY)
            window.evaluate("document.getElementById('seed').value = '1'")
            window.click("#write")
            first = begin_writing = None
            length = 0
            while window.inner_text("#status") != "Stopped.":
                length = len(window.input_value("#text"))
                if length and first is None:
                    first = time.perf_counter() - begin
                    begin_writing, begin_length = time.perf_counter(), length
                # Asking costs the browser time, so it is asked rarely once the first one is there.
                time.sleep(0.02 if first is None else 0.2)
            seconds = time.perf_counter() - begin_writing
            length = len(window.input_value("#text"))
            rate, test = (length - begin_length) / seconds, window.inner_text("#test")
            if args.json:
                print(json.dumps({"first": first, "chars_per_second": rate, "test": test}))
            else:
                print(f"first character after {first:.2f} s, then {rate:,.0f} characters/s; {test}")
            window.close()
        browser.close()


if __name__ == "__main__":
    main()
