"""`python -m mews_assets.sandbox`: the same as `mews-assets sandbox`."""

import argparse
import sys

from mews_assets.sandbox.command import add_arguments, run

if __name__ == "__main__":
    parser = argparse.ArgumentParser("python -m mews_assets.sandbox", description="A Mews to try against.")
    add_arguments(parser)
    sys.exit(run(parser.parse_args()))
