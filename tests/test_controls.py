from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from performance.controls import ACTIONS, CONTROLS, Control, control, defaults
from rvae.errors import UsageError

controls = st.sampled_from(list(CONTROLS.values()))


@given(controls, st.floats(allow_nan=False, allow_infinity=False))
def test_a_value_is_always_kept_in_range_and_setting_it_again_changes_nothing(control: Control, value: float) -> None:
    kept = control.clamp(value)
    assert control.low <= kept <= control.high
    assert control.clamp(kept) == kept
    assert control.text(kept)


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [("morph", 1, "1 bar"), ("morph", 2, "2 bars"), ("nudge", 1, "1 ms")],
)
def test_one_bar_is_no_bars(name: str, value: float, text: str) -> None:
    assert CONTROLS[name].text(value) == text


@given(controls, st.floats(0, 1))
def test_a_fader_finds_its_way_back(control: Control, position: float) -> None:
    value = control.at(position)
    assert control.at(control.position(value)) == pytest.approx(value)
    assert 0 <= control.position(value) <= 1


@given(controls, st.integers(-500, 500))
def test_steps_stop_at_the_ends_and_choices_go_round(control: Control, steps: int) -> None:
    value = control.stepped(control.default, steps)
    assert control.low <= value <= control.high
    if control.choices or control.is_switch:
        assert control.stepped(value, -steps) == control.default
    else:
        assert (control.stepped(value, -10_000), control.stepped(value, 10_000)) == (control.low, control.high)


@given(controls, st.floats(0, 1))
def test_a_step_goes_up_or_down_by_no_more_than_a_step_and_none_leaves_the_value(
    control: Control, position: float
) -> None:
    value = control.at(position)
    assert control.stepped(value, 0) == value
    if not (control.choices or control.is_switch):
        for way, end in ((1, control.high), (-1, control.low)):
            moved = (control.stepped(value, way) - value) * way
            assert 0 < moved <= control.step * 1.001 or value == end


def test_a_log_fader_gives_equal_ratios_equal_room() -> None:
    tempo = CONTROLS["tempo"]
    assert tempo.at(0.5) == pytest.approx((20 * 300) ** 0.5)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_no_number_is_refused_with_the_range(value: float) -> None:
    with pytest.raises(UsageError, match="20 bpm to 300 bpm"):
        CONTROLS["tempo"].clamp(value)


def test_a_control_nobody_knows_is_refused_with_those_there_are() -> None:
    with pytest.raises(UsageError, match="tempo, density"):
        control("colour")


def test_no_key_and_no_address_does_two_things() -> None:
    keys = [key for served in (*CONTROLS.values(), *ACTIONS.values()) for key in served.keys]
    keys += [pad for control in CONTROLS.values() for pad in control.pads]
    assert len(keys) == len(set(keys))
    addresses = [(c.osc, c.osc_word) for c in CONTROLS.values()] + [
        (a.osc, a.osc_word) for a in ACTIONS.values() if a.osc
    ]
    assert len(addresses) == len(set(addresses))


def test_defaults_are_of_the_controls_that_are_not_per_voice() -> None:
    assert set(defaults()) == {name for name, c in CONTROLS.items() if not c.per_voice}


@pytest.mark.parametrize(
    "bad",
    [{"low": 2, "high": 1}, {"default": 9}, {"step": 0}, {"curve": "log"}, {"choices": ("a", "b", "c")}],
)
def test_a_control_that_contradicts_itself_cannot_be_made(bad: dict[str, object]) -> None:
    given: dict[str, object] = {"name": "x", "label": "X", "low": 0, "high": 1, "default": 0, "step": 1, **bad}
    with pytest.raises(UsageError):
        Control(**given)  # type: ignore[arg-type]
