"""One sentence about an image that is true by construction."""

from __future__ import annotations

from collections.abc import Sequence

from abbild.images.annotate.relations import Relation, find_relations
from abbild.images.annotation import Annotation, Example

__all__ = ["caption"]

# what is said of two bodies, the most telling first
TOLD = ("on", "inside", "in front of", "occludes", "left of", "above")
PHRASES = {"occludes": "partly hides", "left of": "is left of", "in front of": "is in front of"}

Kind = tuple[str, str]  # colour word, label


def caption(example: Example) -> str:
    """Say what is seen in `example`, how many of each kind, and how two of them stand.

    Derived from annotations that show at least one pixel and nothing else: kinds are labels, with
    the colour word in ``attributes["color_name"]`` if there is one; ``attributes["noun"]`` is the
    word for one of a kind whose label is no such word. A relation is told only of
    two bodies that are alone of their kind, so that "the" is right.

    Examples
    --------
    >>> ball = Annotation(1, "ball", "ball", (0, 0, 2, 2), area_px=4)
    >>> cubes = [Annotation(k, f"cube/{k}", "cube", (k, 0, k + 1, 1), area_px=1) for k in (4, 6)]
    >>> caption(Example(0, "", 8, 8, annotations=(ball, *cubes)))
    '2 cubes and a ball'
    """
    seen = [a for a in example.annotations if a.area_px > 0]
    if not seen:
        return _counted(("", example.label), 1) if example.label else "nothing that has a label"
    kinds: dict[Kind, list[Annotation]] = {}
    for annotation in seen:
        kinds.setdefault(_kind(annotation), []).append(annotation)
    groups = sorted(kinds.items(), key=lambda item: -len(item[1]))
    text = _listed([_counted(kind, len(members)) for kind, members in groups])
    alone = {members[0].instance: kind for kind, members in kinds.items() if len(members) == 1}
    told = _told(find_relations([a for a in seen if a.instance in alone], example.camera))
    if told is None:
        return text
    phrase = PHRASES.get(told.predicate, f"is {told.predicate}")
    one, other = (_named(alone[identity]) for identity in (told.subject, told.object))
    return f"{text}; the {one} {phrase} the {other}"


def _told(relations: Sequence[Relation]) -> Relation | None:
    telling = [relation for relation in relations if relation.predicate in TOLD]
    return min(telling, key=lambda relation: TOLD.index(relation.predicate), default=None)


def _kind(annotation: Annotation) -> Kind:
    noun = str(annotation.attributes.get("noun", annotation.label))
    return str(annotation.attributes.get("color_name", "")), noun


def _named(kind: Kind) -> str:
    """Return colour and noun; of a label like "food/cup" the last name."""
    color, label = kind
    noun = label.rsplit("/", 1)[-1].replace("_", " ")
    return f"{color} {noun}" if color else noun


def _counted(kind: Kind, number: int) -> str:
    name = _named(kind)
    if number > 1:
        return f"{number} {_plural(name)}"
    return f"{_article(name)} {name}"


def _article(name: str) -> str:
    """Return "an" before a vowel, spelt or as the digits 8, 11 and 18 are spoken, else "a"."""
    first = name.split(maxsplit=1)[0].lower() if name.strip() else ""
    spoken = first in ("11", "18") or first.startswith("8")
    return "an" if spoken or first[:1] in tuple("aeiou") else "a"


def _plural(name: str) -> str:
    """Return the regular plural."""
    if name.lower().endswith(("s", "x", "z", "ch", "sh")):
        return f"{name}es"
    if name.endswith("y") and name[-2:-1].lower() not in tuple("aeiou"):
        return f"{name[:-1]}ies"
    return f"{name}s"


def _listed(parts: Sequence[str]) -> str:
    if len(parts) == 1:
        return parts[0]
    return f"{', '.join(parts[:-1])} and {parts[-1]}"
