"""The two-step target: where one student step must land."""

import pytest
import torch

from cfd_studio.diffusion.denoiser import Denoiser
from cfd_studio.diffusion.prediction import x_from_v, x_from_x
from cfd_studio.diffusion.progressive import second_estimate_weight, two_step_target
from cfd_studio.diffusion.samplers import ddim_step
from cfd_studio.diffusion.schedule import NoiseSchedule, cosine_alpha_bar


def _schedule(num_timesteps: int, dtype: torch.dtype = torch.float64) -> NoiseSchedule:
    return NoiseSchedule(cosine_alpha_bar(num_timesteps), dtype=dtype)


def _teacher(schedule: NoiseSchedule, seed: int = 0) -> Denoiser:
    """Return a random teacher, nonlinear in image and level, that predicts v."""
    generator = torch.Generator().manual_seed(seed)
    first, second = torch.randn(2, 16, 16, generator=generator, dtype=torch.float64).to(schedule.dtype).unbind(0)

    def network(z: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        level = (t.to(z.dtype) / schedule.num_timesteps).view(-1, 1)
        hidden = torch.tanh(z.flatten(1) @ first / 4 + 3 * level)
        return (hidden @ second).sin().view_as(z)

    return Denoiser(network, x_from_v, schedule)  # type: ignore[arg-type]


def _levels(num_timesteps: int, student_steps: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    stride = num_timesteps // student_steps
    t = torch.arange(1, student_steps + 1) * stride
    return t, t - stride // 2, t - stride


CASES = [(8, 4), (8, 1), (64, 32), (64, 8), (64, 1), (1024, 512), (1024, 4), (1024, 1)]


@pytest.mark.parametrize(("num_timesteps", "student_steps"), CASES)
def test_the_target_of_an_exact_teacher_is_the_image(num_timesteps: int, student_steps: int) -> None:
    schedule = _schedule(num_timesteps)
    t, t_mid, t_end = _levels(num_timesteps, student_steps)
    x, z = torch.randn(2, student_steps, 1, 4, 4, dtype=torch.float64).unbind(0)
    exact = Denoiser(lambda z, t: x, x_from_x, schedule)  # type: ignore[arg-type]
    torch.testing.assert_close(two_step_target(exact, z, t, t_mid, t_end), x, rtol=1e-14, atol=1e-14)
    assert exact.network_calls == 2


@pytest.mark.parametrize(("num_timesteps", "student_steps"), CASES)
def test_one_student_step_from_the_target_lands_where_two_teacher_steps_land(
    num_timesteps: int, student_steps: int
) -> None:
    schedule = _schedule(num_timesteps)
    teacher = _teacher(schedule)
    t, t_mid, t_end = _levels(num_timesteps, student_steps)
    z = torch.randn(student_steps, 1, 4, 4, dtype=torch.float64)
    z_mid = ddim_step(schedule, z, teacher(z, t), t, t_mid)
    z_end = ddim_step(schedule, z_mid, teacher(z_mid, t_mid), t_mid, t_end)
    landed = ddim_step(schedule, z, two_step_target(teacher, z, t, t_mid, t_end), t, t_end)
    torch.testing.assert_close(landed, z_end, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(("num_timesteps", "student_steps"), CASES)
def test_the_mixture_equals_the_long_form_of_algorithm_2(num_timesteps: int, student_steps: int) -> None:
    schedule = _schedule(num_timesteps)
    teacher = _teacher(schedule)
    t, t_mid, t_end = _levels(num_timesteps, student_steps)
    z = torch.randn(student_steps, 1, 4, 4, dtype=torch.float64)
    z_mid = ddim_step(schedule, z, teacher(z, t), t, t_mid)
    z_end = ddim_step(schedule, z_mid, teacher(z_mid, t_mid), t_mid, t_end)
    ratio = schedule.noise_scale(t_end) / schedule.noise_scale(t)
    long_form = (z_end - ratio * z) / (schedule.signal_scale(t_end) - ratio * schedule.signal_scale(t))
    target = two_step_target(teacher, z, t, t_mid, t_end)
    assert ((target - long_form).abs().max() / long_form.abs().max()).item() < 1e-10


@pytest.mark.parametrize("num_timesteps", [8, 64, 1024])
def test_the_weight_is_a_share_and_one_at_the_clean_end(num_timesteps: int) -> None:
    schedule = _schedule(num_timesteps)
    student_steps = num_timesteps // 2
    while student_steps:
        w = second_estimate_weight(schedule, *_levels(num_timesteps, student_steps))
        assert w.shape == (student_steps, 1, 1, 1)
        assert w[0] == 1  # its step ends clean
        assert (w > 0).all()
        assert (w <= 1).all()
        student_steps //= 2


def test_the_weight_is_taken_from_the_float64_table_also_in_float32() -> None:
    levels = _levels(1024, 512)
    exact = second_estimate_weight(_schedule(1024), *levels)
    rounded = second_estimate_weight(_schedule(1024, torch.float32), *levels)
    assert rounded.dtype == torch.float32
    assert torch.equal(rounded, exact.float())


@pytest.mark.parametrize("num_timesteps", [8, 64, 1024, 8192])
def test_float32_has_no_nan_at_the_last_level_and_stays_near_float64(num_timesteps: int) -> None:
    wide, narrow = _schedule(num_timesteps), _schedule(num_timesteps, torch.float32)
    for student_steps in (1, 4, num_timesteps // 2):
        t, t_mid, t_end = _levels(num_timesteps, student_steps)
        z = torch.randn(student_steps, 1, 4, 4)
        target = two_step_target(_teacher(narrow), z, t, t_mid, t_end)
        reference = two_step_target(_teacher(wide), z.double(), t, t_mid, t_end)
        assert torch.isfinite(target).all()
        torch.testing.assert_close(target.double(), reference, rtol=0, atol=2e-3)


def test_the_target_lies_between_the_teachers_estimates_and_is_not_clipped() -> None:
    schedule = _schedule(16)
    t, t_mid, t_end = _levels(16, 4)
    z = 5 * torch.randn(4, 1, 4, 4, dtype=torch.float64)
    teacher = Denoiser(lambda z, t: 2 * z, x_from_x, schedule)  # type: ignore[arg-type]
    x_1 = 2 * z
    x_2 = 2 * ddim_step(schedule, z, x_1, t, t_mid)
    target = two_step_target(teacher, z, t, t_mid, t_end)
    assert (target >= torch.minimum(x_1, x_2) - 1e-12).all()
    assert (target <= torch.maximum(x_1, x_2) + 1e-12).all()
    assert target.abs().max() > 1


def test_no_gradient_reaches_the_teacher() -> None:
    scale = torch.ones((), requires_grad=True, dtype=torch.float64)
    teacher = Denoiser(lambda z, t: scale * z, x_from_x, _schedule(8))  # type: ignore[arg-type]
    z = torch.randn(2, 1, 2, 2, dtype=torch.float64, requires_grad=True)
    assert not two_step_target(teacher, z, *_levels(8, 2)).requires_grad
