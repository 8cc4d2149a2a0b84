from __future__ import annotations

import json

import pytest

from pellucid.base.errors import WrongUse
from pellucid.train.recipe import Recipe, parse_augmentation


def test_a_recipe_survives_its_own_record() -> None:
    recipe = Recipe(
        dataset="mnist", settings=(("hole", 8), ("noise", 0.5)), augment=("shift:2", "flip")
    )
    assert Recipe.from_record(json.loads(json.dumps(recipe.as_record()))) == recipe


def test_equal_recipes_have_equal_fingerprints_and_others_do_not() -> None:
    assert Recipe(seed=1).fingerprint() == Recipe(seed=1).fingerprint()
    assert Recipe(seed=1).fingerprint() != Recipe(seed=2).fingerprint()


def test_the_difference_names_fields_and_settings_one_by_one() -> None:
    first = Recipe(epochs=3, settings=(("noise", 0.5),))
    second = Recipe(epochs=4, settings=(("noise", 0.2), ("bottleneck", 8)))
    assert first.diff(second) == {
        "epochs": (3, 4),
        "noise": (0.5, 0.2),
        "bottleneck": (None, 8),
    }


def test_changes_go_to_the_field_or_else_to_the_settings() -> None:
    changed = Recipe(settings=(("noise", 0.5),)).with_changes({"epochs": 7, "hole": 3})
    assert changed.epochs == 7
    assert changed.options == {"noise": 0.5, "hole": 3}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("learning_rate", 0.0),
        ("learning_rate", -1.0),
        ("learning_rate", float("nan")),
        ("learning_rate", "fast"),
        ("epochs", 0),
        ("epochs", "many"),
        ("batch_size", 0),
        ("momentum", 1.0),
        ("label_smoothing", 1.0),
        ("seed", -1),
        ("seed", True),
    ],
)
def test_an_impossible_number_is_refused_with_its_name_and_value(field: str, value: object) -> None:
    with pytest.raises(WrongUse) as caught:
        Recipe(**{field: value})  # type: ignore[arg-type]
    assert field in caught.value.where
    assert caught.value.found == (f"{value:g}" if isinstance(value, float) else repr(value))


def test_unknown_words_are_refused_with_the_near_miss() -> None:
    with pytest.raises(WrongUse, match="'adamw'"):
        Recipe(optimiser="adamv")
    with pytest.raises(WrongUse, match="'cosine'"):
        Recipe(schedule="cosin")
    with pytest.raises(WrongUse, match="'shift'"):
        Recipe(augment=("shfit:2",))


def test_an_augmentation_without_a_size_gets_the_usual_one() -> None:
    assert parse_augmentation("shift") == ("shift", 2.0)
    assert parse_augmentation("crop:3") == ("crop", 3.0)
    with pytest.raises(WrongUse, match="a number"):
        parse_augmentation("shift:far")
