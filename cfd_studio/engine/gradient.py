"""The gradient of one batch: in parts that fit into memory, and over all ranks."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from cfd_studio.engine.batch import Batch, Gather
from cfd_studio.engine.objectives import Objective, Terms
from cfd_studio.engine.ranks import Ranks


def batch_gradient(
    network: nn.Module, objective: Objective, batch: Batch, ranks: Ranks, parts: int = 1, *, measure: bool = False
) -> tuple[Terms, dict[str, Tensor], Tensor | None]:
    """Leave the gradient of the whole batch in a network's parameters, whose old gradient must be None.

    Parameters
    ----------
    network : nn.Module
        As `Ranks.spread` returned it.
    objective : Objective
    batch : Batch
        The same on every rank.
    ranks : Ranks
    parts : int, optional
        Into which this rank's share is split.
    measure : bool, optional
        Whether to measure each term's own gradient as well, a backward pass per term.

    Returns
    -------
    terms : dict of str to Tensor
        Means over the whole batch, scalars without a graph.
    norms : dict of str to Tensor
        L2 norm of each term's gradient; empty where not measured, or where there is one term only.
    gauges : Tensor or None
        Sums over the whole batch divided by the number of ranks; see `cfd_studio.engine.gauges`.
    """
    shares = batch.shares(parts, ranks.rank, ranks.size)
    gather: Gather = ranks.mean
    if objective.gathers:
        gather = _gather_whole(network, objective, shares, ranks) if parts > 1 else _gather_one(shares[0], ranks)
    sums: Terms = {}
    gradients: dict[str, Tensor] = {}
    gauges: list[Tensor] = []
    for share in shares:
        with _alone(network) if share is not shares[-1] else nullcontext():
            told = objective.terms(network, share, gather, gauges.append)
            terms = {name: share.weight * term for name, term in told.items()}
            for name, term in terms.items():
                sums[name] = sums[name] + term.detach() if name in sums else term.detach()
                if measure and len(terms) > 1:
                    own = _flat_gradient(term, network)
                    gradients[name] = gradients[name] + own if name in gradients else own
            torch.stack(list(terms.values())).sum().backward()
    # One exchange for all numbers: what it costs is the exchange, not what is in it.
    means = ranks.mean(torch.cat([torch.stack(list(sums.values())), *_summed(gauges)]))
    norms = {name: torch.linalg.vector_norm(ranks.mean(gradient)) for name, gradient in gradients.items()}
    return dict(zip(sums, means, strict=False)), norms, means[len(sums) :] if gauges else None


def _gather_one(share: Batch, ranks: Ranks) -> Gather:
    """Return what turns the mean over a rank's only share into the mean over the batch."""
    return lambda mean: ranks.mean(share.weight * mean)


def _gather_whole(network: nn.Module, objective: Objective, shares: Sequence[Batch], ranks: Ranks) -> Gather:
    """Return what knows the mean over the batch, whatever share it is asked with.

    With several shares, what the later ones hold is not known at the first: all are passed through once without a
    gradient before any is passed through with one. Ranks exchange their means in between, however many shares each has.
    """
    found: list[Tensor] = []

    def note(mean: Tensor) -> Tensor:
        found.append(mean)
        return mean

    bare = network.module if isinstance(network, DistributedDataParallel) else network
    with torch.no_grad():
        for share in shares:
            objective.terms(bare, share, note)
    whole = ranks.mean(torch.stack([share.weight * mean for share, mean in zip(shares, found, strict=True)]).sum(0))
    return lambda _mean: whole


def _summed(gauges: list[Tensor]) -> list[Tensor]:
    return gauges if len(gauges) < 2 else [torch.stack(gauges).sum(0)]


def _alone(network: nn.Module) -> AbstractContextManager[None]:
    """Keep gradients to this rank; they are exchanged with the last share."""
    return network.no_sync() if isinstance(network, DistributedDataParallel) else nullcontext()


def _flat_gradient(term: Tensor, network: nn.Module) -> Tensor:
    parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
    own = torch.autograd.grad(term, parameters, retain_graph=True, allow_unused=True, materialize_grads=True)
    return torch.cat([gradient.flatten() for gradient in own])
