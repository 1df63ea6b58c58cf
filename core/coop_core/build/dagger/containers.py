"""Recipes in the words of Dagger's API. Nothing is run here: the SDK only writes down what is to be done."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagger

from coop_core.build.dagger.recipes import NOBODY, PROGRAM, ByDockerfile, ByLanguage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from coop_core.build.dagger.recipes import Recipe


def container(
    client: dagger.Client, source: dagger.Directory, recipe: Recipe, secrets: Mapping[str, str]
) -> dagger.Container:
    """What `recipe` makes of `source`. secrets: values by name."""
    match recipe:
        case ByDockerfile():
            return _by_dockerfile(client, source, recipe, secrets)
        case ByLanguage():
            return _by_language(client, source, recipe)


def _by_dockerfile(
    client: dagger.Client, source: dagger.Directory, recipe: ByDockerfile, secrets: Mapping[str, str]
) -> dagger.Container:
    build = recipe.build
    return source.docker_build(
        dockerfile=recipe.name,
        platform=_platform(build.platform),
        build_args=[dagger.BuildArg(name, value) for name, value in build.args.items()],
        target=build.target,
        secrets=[client.set_secret(name, value) for name, value in secrets.items()],
    )


def _by_language(client: dagger.Client, source: dagger.Directory, recipe: ByLanguage) -> dagger.Container:
    made = client.container(platform=_platform(recipe.platform)).from_(recipe.base).without_entrypoint()
    for name, value in recipe.env.items():
        made = made.with_env_variable(name, value)
    if recipe.cache:
        key, folder = recipe.cache
        made = made.with_mounted_cache(folder, client.cache_volume(key))
    if recipe.install:
        # Before the program comes in: a save that changes no package installs none.
        asked = client.directory()
        for path, body in recipe.asked:
            asked = asked.with_new_file(path, body.decode(errors="replace"))
        made = made.with_workdir(recipe.asked_at).with_directory(recipe.asked_at, asked)
        made = made.with_exec(list(recipe.install))
    made = made.with_workdir(PROGRAM).with_directory(PROGRAM, source)
    for words in recipe.finish:
        made = made.with_exec(list(words))
    if recipe.cache:
        made = made.without_mount(recipe.cache[1])
    return made.with_user(NOBODY).with_default_args(list(recipe.command))


def _platform(name: str) -> dagger.Platform | None:
    return dagger.Platform(name) if name else None
