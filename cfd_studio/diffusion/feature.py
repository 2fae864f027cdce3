"""Classifier-based Feature Distillation: what the student's images must look like to a classifier."""

import torch
from torch import Tensor
from torch.nn import functional


def feature_divergence(feat_teacher: Tensor, feat_student: Tensor, temperature: float) -> Tensor:
    """Return ``mean_batch KL(softmax(feat_teacher / temperature) || softmax(feat_student))``, a scalar.

    Sun et al. 2023 (arXiv 2211.12039), feature loss. The softmax runs over the feature channels; given logits instead
    of features, over the classes. The temperature divides the teacher's side only; below 1 it sharpens it, and then
    the loss is not 0 where student and teacher agree.

    Parameters
    ----------
    feat_teacher : Tensor, shape (B, F)
        The classifier's pooled features of x_target; no gradient flows into it.
    feat_student : Tensor, shape (B, F)
        The features of the student's x_hat.
    temperature : float
        Positive.
    """
    log_p = functional.log_softmax(_wide(feat_teacher).detach() / temperature, dim=1)
    log_q = functional.log_softmax(_wide(feat_student), dim=1)
    return functional.kl_div(log_q, log_p, reduction="batchmean", log_target=True)


def feature_divergences(feat_teacher: Tensor, feat_student: Tensor, temperature: float) -> Tensor:
    """Return the KL divergence of each image, shape (B,), of which `feature_divergence` is the mean; same arguments."""
    log_p = functional.log_softmax(_wide(feat_teacher) / temperature, dim=1)
    log_q = functional.log_softmax(_wide(feat_student), dim=1)
    return (log_p.exp() * (log_p - log_q)).sum(1)


def prediction_entropy(logits: Tensor) -> Tensor:
    """Return ``mean_i H(p_i)`` in nats, a scalar, with p = softmax(logits) of shape (B, classes).

    Sun et al. 2023, the first part of the dataset-oriented loss: each image should be of one class for sure.
    """
    log_p = functional.log_softmax(_wide(logits), dim=1)
    return -(log_p.exp() * log_p).sum(1).mean()


def mean_prediction(logits: Tensor) -> Tensor:
    """Return pbar, the mean of softmax(logits) over the batch, shape (classes,); no gradient flows back."""
    return functional.softmax(_wide(logits).detach(), dim=1).mean(0)


def negative_diversity(logits: Tensor, pbar: Tensor) -> Tensor:
    """Return ``sum_c pbar_c log pbar_c``, a scalar whose gradient is that of this share of the whole batch.

    Sun et al. 2023, the second part of the dataset-oriented loss: the batch should hold every class. ``pbar`` is the
    mean over the whole batch, also the parts that other ranks hold or that come later in an accumulated step. With
    d/dp (p log p) = log p + 1, the gradient of this share is that of ``sum_c mean_i p_ic (log pbar_c + 1)``: averaged
    over all shares it is the gradient of the whole, and no share needs the graph of another.

    Parameters
    ----------
    logits : Tensor, shape (B, classes)
        Of this share.
    pbar : Tensor, shape (classes,)
        Mean prediction of the whole batch.
    """
    log_pbar = torch.log(pbar.clamp(min=torch.finfo(pbar.dtype).tiny))
    share = (functional.softmax(_wide(logits), dim=1).mean(0) * (log_pbar + 1)).sum()
    return (pbar * log_pbar).sum() + share - share.detach()


def _wide(values: Tensor) -> Tensor:
    return values.to(torch.promote_types(values.dtype, torch.float32))
