from __future__ import annotations

import numpy as np
import pytest

from performance.outputs.drums import drums_of
from performance.outputs.frames import STALL_NS, FrameLine
from performance.outputs.mixer import MAX_NOTES, Mixer
from rvae.kit import STANDARD_KIT, Kit, Voice
from rvae.pattern import Floats

RATE_HZ = 48_000
NAMES = STANDARD_KIT.names


def mixed(mixer: Mixer, frames: int, block: int = 256) -> Floats:
    out = np.zeros((frames, 2), np.float32)
    for start in range(0, frames, block):
        mixer.mix(out[start : start + block])
    return out


def struck(name: str, velocity: int = 110, frames: int = RATE_HZ) -> Floats:
    mixer = Mixer(STANDARD_KIT, RATE_HZ, 256)
    mixer.begin(NAMES.index(name), velocity, 0)
    return mixed(mixer, frames).sum(axis=1)


def share_of_energy(sound: Floats, low_hz: float, high_hz: float) -> float:
    power = np.abs(np.fft.rfft(sound)) ** 2
    hz = np.fft.rfftfreq(len(sound), 1 / RATE_HZ)
    return float(power[(hz >= low_hz) & (hz < high_hz)].sum() / power.sum())


def test_voices_sound_in_the_ranges_of_their_drums() -> None:
    assert share_of_energy(struck("kick"), 30, 150) > 0.8
    assert share_of_energy(struck("closed_hat"), 5000, 24000) > 0.9
    assert share_of_energy(struck("open_hat"), 5000, 24000) > 0.9
    assert share_of_energy(struck("cymbal"), 2500, 24000) > 0.9
    assert share_of_energy(struck("snare"), 150, 10000) > 0.8
    assert share_of_energy(struck("clap"), 500, 8000) > 0.8
    toms = [struck(name) for name in ("low_tom", "mid_tom", "high_tom")]
    peaks = [np.argmax(np.abs(np.fft.rfft(tom))) * RATE_HZ / len(tom) for tom in toms]
    assert peaks == sorted(peaks)
    assert 60 < peaks[0] < peaks[2] < 250


def test_hats_ring_as_long_as_they_are_open() -> None:
    def ring_s(name: str) -> float:
        loud = np.abs(struck(name)) > 0.001
        return float(np.flatnonzero(loud)[-1] / RATE_HZ)

    assert ring_s("closed_hat") < 0.1 < 0.3 < ring_s("open_hat") < 0.6 < ring_s("cymbal")


@pytest.mark.parametrize("name", NAMES)
def test_a_drum_begins_at_its_sample_and_ends_without_click_or_offset(name: str) -> None:
    sound = struck(name, frames=2 * RATE_HZ)
    assert np.flatnonzero(np.abs(sound) > 0.02 * np.abs(sound).max())[0] < 24  # half a millisecond
    assert np.all(sound[int(1.7 * RATE_HZ) :] == 0)
    last = np.flatnonzero(sound)[-1]
    assert np.abs(np.diff(sound[last - 200 : last + 2])).max() < 1e-3
    assert abs(float(sound.mean())) < 1e-4


@pytest.mark.parametrize("name", NAMES)
def test_velocity_makes_a_drum_louder_and_brighter(name: str) -> None:
    soft, middle, hard = (struck(name, velocity) for velocity in (30, 80, 127))
    assert np.abs(soft).max() < np.abs(middle).max() < np.abs(hard).max() < 1
    hz = np.fft.rfftfreq(RATE_HZ, 1 / RATE_HZ)

    def centre_hz(sound: Floats) -> float:
        power = np.abs(np.fft.rfft(sound)) ** 2
        return float((power * hz).sum() / power.sum())

    assert centre_hz(soft) < centre_hz(hard)


def test_the_same_sound_is_made_every_time() -> None:
    first, second = drums_of(STANDARD_KIT, RATE_HZ), drums_of(STANDARD_KIT, RATE_HZ)
    assert all(
        np.array_equal(a.dark, b.dark) and np.array_equal(a.bright, b.bright)
        for a, b in zip(first, second, strict=True)
    )


def test_a_closed_hat_cuts_an_open_one_off() -> None:
    open_hat, closed_hat = NAMES.index("open_hat"), NAMES.index("closed_hat")
    mixer = Mixer(STANDARD_KIT, RATE_HZ, 256)
    mixer.begin(open_hat, 110, 0)
    begin = mixed(mixer, 4800)
    mixer.begin(closed_hat, 1, 100)  # so soft that it is not heard itself
    rest = mixed(mixer, 9600)
    assert np.abs(begin[-200:]).max() > 0.01
    assert np.abs(rest[:90]).max() > 0.01
    assert np.abs(rest[100 + int(0.009 * RATE_HZ) :]).max() < 1e-4


def test_however_much_sounds_at_once_nothing_clips_and_a_single_drum_is_left_as_it_is() -> None:
    mixer = Mixer(STANDARD_KIT, RATE_HZ, 256)
    mixer.volume = 1.0
    for _ in range(10):
        for voice in range(len(STANDARD_KIT)):
            mixer.begin(voice, 127, 0)
    crowd = mixed(mixer, RATE_HZ)
    assert 0.7 < np.abs(crowd).max() < 1
    alone = Mixer(STANDARD_KIT, RATE_HZ, 256)
    alone.volume = 1.0
    alone.begin(0, 127, 0)
    kick = drums_of(STANDARD_KIT, RATE_HZ)[0]
    np.testing.assert_allclose(mixed(alone, 1024)[:, 0], (kick.dark + kick.bright)[:1024] * kick.left, atol=1e-6)


@pytest.mark.parametrize("block", [1, 64, 256, 1000])
def test_blocks_of_any_size_make_the_same_sound(block: int) -> None:
    def play(frames: int) -> Floats:
        mixer = Mixer(STANDARD_KIT, RATE_HZ, 1024)
        out = np.zeros((12_000, 2), np.float32)
        onsets = [(0, 0), (700, 3), (4000, 2), (4001, 1), (9999, 7)]
        for start in range(0, len(out), frames):
            for frame, voice in onsets:
                if start <= frame < start + frames:
                    mixer.begin(voice, 100, frame - start)
            mixer.mix(out[start : start + frames])
        return out

    np.testing.assert_allclose(play(block), play(512), atol=1e-6)


def test_silence_fades_what_sounds_and_drops_what_was_to_come() -> None:
    mixer = Mixer(STANDARD_KIT, RATE_HZ, 256)
    mixer.begin(0, 127, 0)
    mixed(mixer, 2560)
    mixer.begin(8, 127, 5000)
    mixer.silence()
    after = mixed(mixer, 9600)
    assert np.all(after[int(0.01 * RATE_HZ) :] == 0)
    assert np.abs(np.diff(after[:, 0])).max() < 0.05


def test_of_too_many_notes_the_oldest_gives_way_and_it_is_counted() -> None:
    mixer = Mixer(STANDARD_KIT, RATE_HZ, 256)
    for _ in range(MAX_NOTES + 3):
        mixer.begin(8, 100, 0)
    assert mixer.stolen == 3


def test_a_kit_of_other_names_sounds_by_its_notes() -> None:
    kit = Kit("mine", (Voice("dum", (36,), 36), Voice("tek", (50,), 50), Voice("bell", (56,), 56)))
    standard = drums_of(STANDARD_KIT, RATE_HZ)
    mine = drums_of(kit, RATE_HZ)
    for drum, name in zip(mine, ("kick", "high_tom", "cymbal"), strict=True):
        assert np.array_equal(drum.dark, standard[NAMES.index(name)].dark)


def test_what_is_a_beat_apart_is_the_same_number_of_frames_apart_however_callbacks_wander() -> None:
    random = np.random.default_rng(1)
    line, frame = FrameLine(RATE_HZ), 0
    frames = []
    for block in range(2000):
        late_ns = int(random.uniform(0, 5_000_000))
        line.begin_block(frame, block * 256 * 1_000_000_000 // RATE_HZ + late_ns)
        frames.append(line.frame_at(10_000_000_000) - line.frame_at(9_500_000_000))
        frame += 256
    assert set(frames) == {RATE_HZ // 2}
    assert line.stalls == 0


@pytest.mark.parametrize("drift_ppm", [-100, -20, 0, 20, 100])
def test_a_sound_card_whose_clock_goes_wrong_is_followed_in_small_steps(drift_ppm: int) -> None:
    random = np.random.default_rng(3)
    line, rate_hz = FrameLine(RATE_HZ), RATE_HZ * (1 + drift_ppm / 1e6)
    off_ms: list[float] = []
    late_ms = np.minimum(random.exponential(0.5, 170_000), 20)
    for block in range(169_000):  # half an hour of blocks of 512
        asked_ns = round(block * 512 / rate_hz * 1e9)
        line.begin_block(block * 512, asked_ns + round(late_ms[block] * 1e6))
        if block % 97 == 0:
            off_ms.append((line.ns_at(block * 512) - asked_ns) / 1e6)
    assert line.stalls == 0
    assert np.ptp(off_ms) < 3.2
    assert np.abs(np.diff(off_ms)).max() < 2.2
    assert line.moves <= abs(drift_ppm) / 1e6 * 1800e3 + 1
    assert drift_ppm or line.moves == 0


def test_a_device_that_stood_still_is_noticed_and_time_goes_on_from_there() -> None:
    line = FrameLine(RATE_HZ)
    line.begin_block(0, 1_000)
    line.begin_block(256, 1_000 + 5_333_333 + 2 * STALL_NS)
    assert line.stalls == 1
    assert line.frame_at(1_000 + 5_333_333 + 2 * STALL_NS) == 256
