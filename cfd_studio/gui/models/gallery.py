"""What the card of a preset shows, drawn from the recipe itself."""

from typing import Any

from cfd_studio.gui.models.cost import many
from cfd_studio.gui.models.tree_layout import lay_out
from cfd_studio.gui.widgets.mini_tree import MiniTree
from cfd_studio.gui.widgets.preset_card import PresetContent
from cfd_studio.protocol.data import DATA_SETS
from cfd_studio.protocol.plan import read_recipe, resolve


def preset_content(name: str, raw: dict[str, Any]) -> PresetContent:
    """Return the card of a preset.

    Raises
    ------
    ConfigError
        Where it is no good recipe.
    """
    recipe, config = read_recipe(raw), resolve(raw)
    layout = lay_out(config)
    tree = MiniTree(
        layout.places,
        {stage.id: stage.kind for stage in config.stages},
        tuple((link.source, link.target, link.features) for link in layout.links),
    )
    models = len(config.diffusion_stages())
    seen = many(sum(stage.images for stage in config.stages))
    facts = f"{name} · {models} model{'s' if models != 1 else ''} · {seen} images"
    where = DATA_SETS[config.data.name].words
    tip = "\n\n".join(part for part in (recipe.summary, f"Images: {where}.", _comparable(recipe.comparable)) if part)
    return PresetContent(recipe.name, _first_sentence(recipe.summary), facts, tip, tree)


def _first_sentence(text: str) -> str:
    first, stop, _ = text.partition(". ")
    return f"{first}." if stop else text


def _comparable(text: str) -> str:
    return f"Comparable with: {text}" if text else ""
