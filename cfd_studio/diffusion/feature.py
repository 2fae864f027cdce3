"""Classifier-based Feature Distillation: what the student's images must look like to a classifier."""

from torch import Tensor
from torch.nn import functional


def feature_divergence(feat_teacher: Tensor, feat_student: Tensor, temperature: float) -> Tensor:
    """Return ``mean_batch KL(softmax(feat_teacher / temperature) || softmax(feat_student))``, a scalar.

    Sun et al. 2023 (arXiv 2211.12039), feature loss. The softmax runs over the feature channels. The temperature
    divides the teacher's features only; below 1 it sharpens them, and then the loss is not 0 where student and teacher
    agree.

    Parameters
    ----------
    feat_teacher : Tensor, shape (B, F)
        The classifier's pooled features of x_target; no gradient flows into it.
    feat_student : Tensor, shape (B, F)
        The features of the student's x_hat.
    temperature : float
        Positive.
    """
    log_p = functional.log_softmax(feat_teacher.detach().float() / temperature, dim=1)
    log_q = functional.log_softmax(feat_student.float(), dim=1)
    return functional.kl_div(log_q, log_p, reduction="batchmean", log_target=True)
