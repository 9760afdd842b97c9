"""The definitions that Dagster loads: `defs`, built from the settings in the environment."""

import os

from mews_assets.defs.base.run_console import use_json_console
from mews_assets.defs.build import build_definitions
from mews_assets.defs.local import demo_environment
from mews_assets.settings import read_settings

demo_environment.apply_frozen_env(os.environ)
use_json_console()
defs = build_definitions(read_settings(os.environ))
