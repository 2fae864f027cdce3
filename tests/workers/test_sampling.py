"""A sampling session: newest first, cancelled at once, errors as sentences, and training never notices."""

import queue
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch

from cfd_studio.diffusion.ddim import ddim
from cfd_studio.diffusion.samplers import sample, sampling_levels, starting_noise
from cfd_studio.engine.build import load_denoiser
from cfd_studio.engine.models import open_models
from cfd_studio.engine.turns import Turns
from cfd_studio.protocol.events import JobState
from cfd_studio.protocol.execution import ExecutionRequest
from cfd_studio.protocol.sampling import SampleAnswer, Sampler, SampleRequest, in_a_row
from cfd_studio.runs.folder import RunFolder
from cfd_studio.workers.sampling import MODELS_KEPT, SamplingSession
from cfd_studio.workers.thread import ThreadLauncher


@pytest.fixture
def turns() -> Turns:
    return Turns()


@pytest.fixture
def session(turns: Turns) -> Iterator[SamplingSession]:
    made = SamplingSession(turns)
    yield made
    made.close()
    assert not made._thread.is_alive()


def _wish(run: RunFolder, stage: str = "teacher", **changes: Any) -> SampleRequest:
    values = {"sampling_steps": 2, "seed": 5, "count": 3, "device": "cpu"} | changes
    keys = in_a_row(values.pop("seed"), values.pop("count"))
    return SampleRequest(run=run.path, stage=stage, keys=keys, **values)


def _ask(session: SamplingSession, request: SampleRequest) -> SampleAnswer:
    answers: queue.Queue[SampleAnswer] = queue.Queue()
    session.request(request, answers.put)
    return answers.get(timeout=60)


def test_images_are_those_of_the_sampler_itself(session: SamplingSession, trained_run: RunFolder) -> None:
    for stage, own_steps, steps, count in (("teacher", 8, 8, 3), ("teacher", 8, 3, 70), ("cfd-2", 2, 1, 1)):
        answer = _ask(session, _wish(trained_run, stage, sampling_steps=steps, count=count))
        assert answer.error is None
        assert answer.images is not None
        assert answer.images.dtype == np.float32
        assert answer.images.shape == (count, 1, 8, 8)
        assert answer.network_calls == steps
        assert answer.seconds_per_image > 0
        denoiser = load_denoiser(trained_run, trained_run.config(), stage, "cpu")
        noise = starting_noise(5, 0, count, (1, 8, 8))
        expected = sample(denoiser, noise, sampling_levels(8, own_steps, steps), ddim()).numpy()
        np.testing.assert_allclose(answer.images, expected, rtol=1e-4, atol=1e-5)


def test_a_wish_names_its_sampler_and_its_class(
    session: SamplingSession,
    trained_run: RunFolder,
    mini_run: Callable[..., RunFolder],
    mini_recipe: dict[str, Any],
    random_weights: Callable[..., RunFolder],
) -> None:
    ancestral = Sampler(name="ancestral")
    answer = _ask(session, _wish(trained_run, sampling_steps=4, count=70, sampler=ancestral))
    model = open_models(trained_run.path, ["teacher"], "cpu")[0]
    noise = starting_noise(5, 0, 70, (1, 8, 8))
    expected = model.draw(noise, 4, sampler=ancestral, seed=5).images.numpy()
    assert answer.images is not None
    np.testing.assert_allclose(answer.images, expected, rtol=1e-4, atol=1e-5)
    assert "knows of no classes" in str(_ask(session, _wish(trained_run, label=3)).error)
    assert "cannot be guided" in str(_ask(session, _wish(trained_run, sampler=Sampler(guidance=2.0))).error)

    told = random_weights(mini_run(network=mini_recipe["network"] | {"conditional": True}), "teacher")
    model = open_models(told.path, ["teacher"], "cpu")[0]
    guided = Sampler(guidance=2.0)
    answer = _ask(session, _wish(told, count=3, label=4, sampler=guided))
    assert answer.images is not None
    assert answer.network_calls == 4
    expected = model.draw(noise[:3], 2, sampler=guided, labels=torch.tensor([4, 4, 4])).images.numpy()
    np.testing.assert_allclose(answer.images, expected, rtol=1e-4, atol=1e-5)


def test_the_newest_wish_is_answered_first(session: SamplingSession, turns: Turns, trained_run: RunFolder) -> None:
    answers: queue.Queue[SampleAnswer] = queue.Queue()
    with turns:  # the first wish waits for the device, the others behind it
        session.request(_wish(trained_run, seed=0), answers.put)
        while session._wishes or not turns._waiting:
            threading.Event().wait(0.005)
        for seed in (1, 2, 3):
            session.request(_wish(trained_run, seed=seed), answers.put)
    assert [answers.get(timeout=60).request.keys[0].seed for _ in range(4)] == [0, 3, 2, 1]


def test_a_cancelled_wish_gets_no_answer_and_the_next_one_does(
    session: SamplingSession, turns: Turns, trained_run: RunFolder
) -> None:
    answers: queue.Queue[SampleAnswer] = queue.Queue()
    with turns:
        for seed in (0, 1, 2):
            session.request(_wish(trained_run, seed=seed, sampling_steps=8), answers.put)
        while not turns._waiting:
            threading.Event().wait(0.005)
        session.cancel()
    assert _ask(session, _wish(trained_run, seed=9)).request.keys[0].seed == 9
    assert answers.empty()
    with turns:
        pass  # whoever was dropped gave its turn back


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"stage": "nobody"}, "no model 'nobody'"),
        ({"stage": "judge"}, "no model 'judge'"),
        ({"stage": "pd-2", "sampling_steps": 4}, "made for 2 steps"),
        ({"sampling_steps": 0}, "8 steps"),
        ({"device": "cuda:77"}, "device"),
        ({"count": 0}, "failed"),
    ],
)
def test_what_cannot_be_drawn_is_a_sentence_and_the_session_lives_on(
    session: SamplingSession, trained_run: RunFolder, changes: dict[str, Any], part: str
) -> None:
    answer = _ask(session, _wish(trained_run, **changes))
    assert answer.images is None
    assert answer.error is not None
    assert part in answer.error
    assert "\n" not in answer.error
    assert _ask(session, _wish(trained_run)).error is None


def test_an_untrained_model_a_damaged_file_and_no_run_at_all(
    session: SamplingSession, trained_run: RunFolder, mini_run: Callable[..., RunFolder], tmp_path: Any
) -> None:
    assert "no weights yet" in str(_ask(session, _wish(mini_run())).error)
    assert "no such folder" in str(_ask(session, _wish(RunFolder(tmp_path / "nowhere"))).error)
    assert _ask(session, _wish(trained_run)).error is None
    trained_run.weights("teacher").write_bytes(b"damaged")  # also: a kept model is not served for a changed file
    assert "damaged" in str(_ask(session, _wish(trained_run)).error)


def test_only_the_last_few_models_are_kept(session: SamplingSession, trained_run: RunFolder) -> None:
    import shutil

    others = []
    for index in range(2):
        shutil.copytree(trained_run.path, trained_run.path.parent / f"copy-{index}")
        others.append(RunFolder(trained_run.path.parent / f"copy-{index}"))
    for run in (trained_run, *others):
        for stage in ("teacher", "pd-4", "pd-2"):
            assert _ask(session, _wish(run, stage)).error is None
    assert len(session._models) == MODELS_KEPT


def test_closing_while_drawing_joins_the_thread(turns: Turns, trained_run: RunFolder) -> None:
    session = SamplingSession(turns)
    answers: list[SampleAnswer] = []
    session.request(_wish(trained_run, sampling_steps=8, count=5000), answers.append)
    while session._wishes:
        threading.Event().wait(0.005)
    session.close()
    assert not session._thread.is_alive()
    assert answers == []


def test_a_session_draws_no_number_that_training_would_have_drawn(
    session: SamplingSession, trained_run: RunFolder
) -> None:
    before = torch.get_rng_state()
    assert _ask(session, _wish(trained_run)).error is None
    assert torch.equal(torch.get_rng_state(), before)


def test_training_beside_a_busy_session_ends_with_the_same_weights(
    session: SamplingSession,
    turns: Turns,
    trained_run: RunFolder,
    mini_run: Callable[..., RunFolder],
    fingerprints: Callable[[RunFolder], dict[str, str]],
) -> None:
    run = mini_run()
    job = ThreadLauncher(turns).start(run, ExecutionRequest(device="cpu", threads=1))
    drawn = 0
    while job.alive:
        stage = next((s for s in ("pd-2", "pd-4", "teacher") if run.weights(s).exists()), None)
        source, stage = (run, stage) if stage else (trained_run, "teacher")
        answer = _ask(session, _wish(source, stage, seed=drawn, sampling_steps=2, count=8))
        assert answer.error is None
        drawn += 1
    assert job.ended is not None
    assert job.ended.state is JobState.FINISHED
    assert drawn > 3
    assert fingerprints(run) == fingerprints(trained_run)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_receiver_that_fails_does_not_end_the_session(turns: Turns, trained_run: RunFolder) -> None:
    session = SamplingSession(turns)
    called = threading.Event()

    def fail(answer: SampleAnswer) -> None:
        called.set()
        raise RuntimeError("the window is gone")

    session.request(_wish(trained_run), fail)
    assert called.wait(60)
    answers: queue.Queue[SampleAnswer] = queue.Queue()
    session.request(_wish(trained_run), answers.put)
    try:
        assert answers.get(timeout=3).error is None
    except queue.Empty:
        pytest.fail("no answer any more")
    finally:
        session.close()
