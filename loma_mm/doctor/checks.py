"""All checks, in the order in which they are read."""

from collections.abc import Iterator

from .finding import FINE, NOTE, WRONG, Finding
from .imports import NAMES, check_imports, gpus, probe
from .machine import check_driver, check_room
from .packages import check_packages, installed


def check_all(config: str | None = None) -> Iterator[tuple[str, list[Finding]]]:
    """Check the environment, the machine and the data.

    Args:
        config (str, optional): A config to check with its data, as training
            would check it.

    Yields:
        tuple[str, list[Finding]]: What a group of findings is about, and them.
    """
    versions = installed()
    yield 'Installed', check_packages(versions)
    results = probe(
        [*NAMES, 'data', *(['config'] if config is not None else [])], config
    )
    yield 'Imported', check_imports(results, versions)
    found = [gpus(results['torch'])]
    found.append(check_driver(bool(results['torch'].get('available'))))
    yield 'Machine', [one for one in found if one is not None] + check_room()
    yield 'Data', _data(results['data'])
    if config is not None:
        yield f'Config {config}', _config(results['config'])


def _data(result: dict) -> list[Finding]:
    if 'error' in result:
        return [
            Finding(
                NOTE,
                'Where the datasets are could not be looked up '
                f'({result["error"]}: {result["message"]}).',
            )
        ]
    findings = []
    for name, place in result.items():
        if not isinstance(place, dict):
            continue
        if place['paths']:
            findings.append(
                Finding(
                    NOTE,
                    f'{name} is not where the shipped configs look: there is no '
                    f'{place["paths"][0]}'
                    + (
                        f' (nor {len(place["paths"]) - 1} others)'
                        if len(place['paths']) > 1
                        else ''
                    )
                    + '.',
                    f'to train on it, {place["hint"]}',
                )
            )
        else:
            findings.append(Finding(FINE, f'{name} is in {place["root"]}'))
    return findings


def _config(result: dict) -> list[Finding]:
    if 'error' in result:
        what = f'It cannot be checked ({result["error"]}: {result["message"]}).'
        return [Finding(WRONG, what)]
    notes = [Finding(NOTE, note) for note in result['notes']]
    if result['wrong']:
        return [*notes, Finding(WRONG, result['wrong'])]
    return [*notes, Finding(FINE, 'The config can be built and its data is there.')]
