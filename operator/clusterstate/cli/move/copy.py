"""`clusterstate copy`: what is to be done is looked at, told and agreed to, then done and told again."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from clusterstate.cli.asking import agreed
from clusterstate.cli.exits import FAILED
from clusterstate.cli.manners import warn
from clusterstate.cli.move import PARALLEL
from clusterstate.cli.move.copying import Copying, Report
from clusterstate.cli.move.ends import End, Scope, list_both, open_end, require_apart, require_files
from clusterstate.cli.move.journal import journal_of
from clusterstate.cli.move.resuming import resumable
from clusterstate.cli.opening import Shop
from clusterstate.cli.output import echo
from clusterstate.cli.progress import watched
from clusterstate.cli.sizes import count_of, size_of
from clusterstate.cli.words import Consent, StoreWords
from clusterstate.errors import CopyRefused
from clusterstate.plan.naming import named
from clusterstate.plan.transfer import Transfer


@dataclass(frozen=True, slots=True)
class Order:
    """What was said."""

    source: str
    target: str
    scope: Scope
    overwrite: bool = False
    delete: bool = False
    checkpoint: Path | None = None
    parallel: int = PARALLEL


async def copy_files(order: Order, words: StoreWords, consent: Consent, environ: Mapping[str, str]) -> int:
    """Copy, and give the exit code: 1 where a file couldn't be copied.

    Raises `CommandInvalid` for an order that can't be carried out, `CopyRefused` before files of others are lost.
    """
    async with Shop(words, environ) as shop:
        source, target = await open_end(shop, order.source, "FROM"), await open_end(shop, order.target, "TO")
        require_apart(source, target, order.scope)
        listed = await list_both(source, target, order.scope)
        require_files(listed[0], source, order.scope.clusters)
        with journal_of(order.checkpoint, (_name(source), _name(target))) as journal:
            work = Copying(source, target, order.scope, journal, order.parallel)
            async with watched("compare") as work.meter:
                found = await work.look(listed)
            del listed
            _require_ours(found, work, order)
            if not _is_agreed(found, work, order, consent):
                _foretell(found, work.report, order)
                return FAILED if work.report.failed else 0
            with resumable(lambda: f"{count_of(len(work.report.copied), 'file')} copied to {target.url}"):
                await _carry_out(found, work, order)
    return _tell(work.report, target)


def _name(end: End) -> str:
    return f"{end.url} at {end.service}" if end.service else end.url


def _require_ours(found: Transfer, work: Copying, order: Order) -> None:
    """Raise `CopyRefused` where files would be overwritten that nobody spoke of."""
    foreign = [each.key for each in found.foreign if each.key not in work.report.failed]
    if foreign and not order.overwrite:
        raise CopyRefused(
            f"{work.target.url} holds other bytes than {work.source.url} in {named(foreign)}. Nothing was written. "
            "Say --overwrite if they may be lost there."
        )


def _is_agreed(found: Transfer, work: Copying, order: Order, consent: Consent) -> bool:
    """Whether to write; it is asked only where something of the target is lost."""
    lost = [f"overwrite {count_of(len(found.foreign), 'file')}"] if found.foreign else []
    lost += [f"delete {count_of(len(found.extra), 'file')}"] if order.delete and found.extra else []
    if not lost:
        return not consent.dry_run
    return agreed(f"{' and '.join(lost).capitalize()} in {work.target.url}?", consent)


def _foretell(found: Transfer, report: Report, order: Order) -> None:
    """Print what would be done."""
    replaced = (*found.older, *found.foreign)
    extra = found.extra if order.delete else ()
    for sign, colour, keys in (
        ("+", "green", [each.key for each in found.new]),
        ("~", "yellow", [each.key for each in replaced if each.key not in report.failed]),
        ("-", "red", [each.key for each in extra]),
    ):
        for key in keys:
            echo(f"{sign} {key}", colour)
    sizes = [*(each.size for each in found.new), *(each.source.size for each in replaced)]
    echo(
        f"Would copy {count_of(len(sizes), 'file')} ({size_of(sum(sizes))}) and delete {count_of(len(extra), 'file')}; "
        f"{count_of(len(found.same), 'file')} the same."
    )
    _name_failures(report)


async def _carry_out(found: Transfer, work: Copying, order: Order) -> None:
    extra = {each.key: each.version for each in found.extra}
    async with watched("copy") as work.meter:
        after = await work.run(found, overwrite=order.overwrite)
    if not order.delete or not extra:
        return
    if work.report.failed:
        warn("Nothing is deleted, since not all files could be copied.")
        return
    await work.delete(each for each in after.extra if extra.get(each.key) == each.version)


def _tell(report: Report, target: End) -> int:
    """Print the summary, and give the exit code."""
    same = {key: size for key, size in report.same.items() if key not in report.copied}
    parts = [
        f"{count_of(len(report.copied), 'file')} copied ({size_of(sum(report.copied.values()))})",
        f"{len(same)} unchanged ({size_of(sum(same.values()))})",
        *([f"{len(report.deleted)} deleted"] if report.deleted else []),
        *([f"{len(report.failed)} failed"] if report.failed else []),
    ]
    echo(f"{', '.join(parts)}: {target.url}")
    _name_failures(report)
    return FAILED if report.failed else 0


def _name_failures(report: Report) -> None:
    for key in sorted(report.failed):
        warn(f"{key}: {report.failed[key]}")
