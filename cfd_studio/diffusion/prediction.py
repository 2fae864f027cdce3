"""What a network's output means, and how the clean image follows from it."""

from collections.abc import Callable

from torch import Tensor

# Each takes (output, z, signal_scale, noise_scale) and returns x_hat; images (B, C, H, W), scales (B, 1, 1, 1).
ToImage = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]


def x_from_x(output: Tensor, _z: Tensor, _signal: Tensor, _noise: Tensor) -> Tensor:
    """Return x_hat of an x prediction: the output itself."""
    return output


def x_from_v(output: Tensor, z: Tensor, signal: Tensor, noise: Tensor) -> Tensor:
    """Return x_hat of a v prediction (Salimans & Ho 2022, appendix D).

    v = signal * eps - noise * x and z = signal * x + noise * eps, so
    signal * z - noise * v = (signal^2 + noise^2) * x = x.
    """
    return signal * z - noise * output


def x_from_eps(output: Tensor, z: Tensor, signal: Tensor, noise: Tensor) -> Tensor:
    """Return x_hat of an eps prediction (Ho et al. 2020, eq. 15): (z - noise * eps) / signal.

    Where little signal is left the division magnifies every error of the network, by 1 / signal: more than a thousand
    times at the last level. A teacher with many steps survives that, a student of few steps does not.
    """
    return (z - noise * output) / signal


def eps_from_x(x_hat: Tensor, z: Tensor, signal: Tensor, noise: Tensor) -> Tensor:
    """Return the noise that ``x_hat`` leaves: (z - signal * x_hat) / noise; noise must not be 0."""
    return (z - signal * x_hat) / noise


def v_from_x(x_hat: Tensor, z: Tensor, signal: Tensor, noise: Tensor) -> Tensor:
    """Return v = signal * eps - noise * x of an image.

    With eps = (z - signal x) / noise: v = (signal z - signal^2 x - noise^2 x) / noise = (signal z - x) / noise.
    """
    return (signal * z - x_hat) / noise
