"""The first test that somebody writes with the wheel."""

import gpiod
import pytest
from gpiod.line import Direction, Value


@pytest.mark.ugpio(chips={"bench": 8})
def test_the_led_is_lit(chip):
    lit = gpiod.LineSettings(direction=Direction.OUTPUT, output_value=Value.ACTIVE)
    with gpiod.request_lines(chip.path, {3: lit}):
        chip[3].wait("high", timeout=60)
