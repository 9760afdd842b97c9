import pytest

from mews_assets_tests.sandbox.simulation.history import History, make_history


@pytest.fixture(scope="package")
def history() -> History:
    return make_history()
