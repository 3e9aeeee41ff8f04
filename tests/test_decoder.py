"""The decoder of the stage: the same as the network that was trained, and calibrated by thresholds and density."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from small_models import random_pattern, three_voices

from rvae.baseline import PublishedFitting
from rvae.decoder import Decoder
from rvae.errors import PatternError
from rvae.network import RhythmVae
from rvae.published import PLANE_RADIUS, THRESHOLD, published_columns
from rvae.space import sounding_cells


def network(seed: int, cells: int = 40) -> RhythmVae:
    torch.manual_seed(seed)
    net = RhythmVae(cells, latent=6, hidden=24, encoder_hidden=16)
    net.round_to_half()
    return net


@given(st.integers(0, 1000))
def test_numpy_decodes_what_the_network_does(seed: int) -> None:
    net, random = network(seed), np.random.default_rng(seed)
    latents, threshold = random.normal(size=(20, 6)).astype(np.float32), random.normal(size=40).astype(np.float32)
    with torch.no_grad():
        logits, velocity, timing = net.decode(torch.from_numpy(latents))
        expected = torch.sigmoid(logits - torch.from_numpy(threshold)), torch.sigmoid(velocity), 3 * torch.tanh(timing)
    for ours, theirs in zip(net.numpy_decoder(threshold).decode(latents), expected, strict=True):
        np.testing.assert_allclose(ours, theirs.numpy(), atol=1e-4)


@given(st.integers(0, 1000))
def test_numpy_encodes_what_the_network_does(seed: int) -> None:
    net = network(seed)
    features = np.random.default_rng(seed).random((20, 120)).astype(np.float32)
    with torch.no_grad():
        mean, log_variance = net.encode(torch.from_numpy(features))
    ours = net.numpy_encoder().encode(features)
    np.testing.assert_allclose(ours[0], mean.numpy(), atol=1e-4)
    np.testing.assert_allclose(ours[1], log_variance.numpy(), atol=1e-4)


def test_numpy_plays_the_published_network_as_it_was_trained() -> None:
    patterns = [random_pattern(seed, bars=1, kit=three_voices()) for seed in range(3)]
    fitting = PublishedFitting(patterns, seed=0)
    for _ in range(3):
        fitting.step()
    space, net = fitting.space(), fitting._net
    points = np.random.default_rng(0).random((10, 2))
    latents = torch.from_numpy(((2 * points - 1) * PLANE_RADIUS).astype(np.float32))
    with torch.no_grad():
        trunk = net.trunk(latents)
        logits, velocity, shift = (out(inner(trunk)) for inner, out in zip(net.heads_in, net.heads_out, strict=True))
        columns = torch.from_numpy(published_columns(patterns))
        branches = [branch(columns[:, plane]) for plane, branch in enumerate(net.branches)]
        mean = net.mean(net.joined(torch.cat(branches, dim=1)))
    odds = logits - np.log(THRESHOLD / (1 - THRESHOLD))
    expected = torch.sigmoid(odds), torch.sigmoid(velocity), torch.tanh(shift)  # half a column is one tick
    for ours, theirs in zip(space.decode(points), expected, strict=True):
        np.testing.assert_allclose(ours[:, :, ::2].reshape(10, -1), theirs.numpy(), atol=1e-4)
        assert not ours[:, :, 1::2].any()
    np.testing.assert_allclose(space.encode(patterns), np.clip((mean.numpy() / PLANE_RADIUS + 1) / 2, 0, 1), atol=1e-4)


def test_an_onset_sounds_where_its_log_odds_are_above_its_threshold() -> None:
    decoder = network(1).numpy_decoder(np.linspace(-1, 1, 40).astype(np.float32))
    latents = np.random.default_rng(1).normal(size=(50, 6)).astype(np.float32)
    np.testing.assert_array_equal(decoder.decode(latents)[0] > 0.5, decoder.onset_logits(latents) > 0)


def test_velocity_and_microtiming_stay_in_range_however_wild_the_weights() -> None:
    decoder = network(2).numpy_decoder(np.zeros(40, np.float32))
    wild = replace(decoder, velocity_bias=np.full(40, -1000, np.float32), timing_bias=np.full(40, 1000, np.float32))
    onset, velocity, timing = wild.decode(np.full((1, 6), 100, np.float32))
    assert np.all((onset >= 0) & (onset <= 1))
    assert np.all((velocity >= np.float32(1 / 127)) & (velocity <= 1))
    assert np.all(np.abs(timing) <= 3)


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e6])
@pytest.mark.parametrize("name", ["trunk_in", "onset_bias", "threshold"])
def test_weights_that_are_no_numbers_or_could_overflow_are_refused(name: str, value: float) -> None:
    decoder = network(3).numpy_decoder(np.zeros(40, np.float32))
    spoilt = getattr(decoder, name).copy()
    spoilt.flat[0] = value
    with pytest.raises(PatternError, match=name):
        replace(decoder, **{name: spoilt})


@pytest.mark.parametrize("name", ["trunk_in_bias", "trunk_1", "velocity", "threshold"])
def test_weights_that_do_not_fit_together_are_refused(name: str) -> None:
    decoder: Decoder = network(4).numpy_decoder(np.zeros(40, np.float32))
    with pytest.raises(PatternError):
        replace(decoder, **{name: getattr(decoder, name)[:-1]})


logits = arrays.arrays(
    np.float32, (3, 24), elements=st.floats(-20, 20, width=32) | st.just(-np.inf), fill=st.just(np.float32(-np.inf))
)
densities = st.floats(0, 1)


@given(logits)
def test_at_the_middle_sounds_what_is_above_its_threshold(odds: np.ndarray) -> None:
    np.testing.assert_array_equal(sounding_cells(odds, np.full(3, 0.5)), odds > 0)


@given(logits, densities, densities)
def test_more_density_adds_onsets_and_takes_none_away(odds: np.ndarray, one: float, other: float) -> None:
    less, more = sorted([one, other])
    sparse, dense = sounding_cells(odds, np.full(3, less)), sounding_cells(odds, np.full(3, more))
    assert np.all(sparse <= dense)


@given(logits, densities)
def test_the_share_of_onsets_is_the_same_everywhere(odds: np.ndarray, density: float) -> None:
    middle = (odds > 0).sum(axis=1)
    possible = np.isfinite(odds).sum(axis=1)
    found = sounding_cells(odds, np.full(3, density)).sum(axis=1)
    assert np.all(np.abs(found - np.minimum(2 * density * middle, possible)) <= 0.5)


@given(logits, densities)
def test_the_likeliest_onsets_come_first_and_the_impossible_never(odds: np.ndarray, density: float) -> None:
    found = sounding_cells(odds, np.full(3, density))
    assert not np.any(found & np.isneginf(odds))
    for row in range(3):
        quietest = odds[row][found[row]].min(initial=np.inf)
        assert quietest >= odds[row][~found[row]].max(initial=-np.inf)


@given(logits)
def test_each_voice_has_a_density_of_its_own(odds: np.ndarray) -> None:
    found = sounding_cells(odds, np.array([0.0, 0.5, 1.0]))
    assert not found[0].any()
    np.testing.assert_array_equal(found[1], odds[1] > 0)
    assert found[2].sum() == min(2 * (odds[2] > 0).sum(), np.isfinite(odds[2]).sum())
