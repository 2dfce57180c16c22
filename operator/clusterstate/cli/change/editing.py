"""`clusterstate edit`: a cluster or an instance group in the person's own editor, until it can be written.

Saving is no consent yet: the plan is shown and asked about, unless `--yes` was said. What was edited and isn't
written, whatever the reason, is kept in a file.
"""

from collections.abc import Mapping
from typing import Final

from clusterstate.cli.asking import require_answer
from clusterstate.cli.change.documents import Subject
from clusterstate.cli.change.editor import Editor, keep
from clusterstate.cli.change.writing import Prepared, Seen, change_states, open_job
from clusterstate.cli.manners import warn
from clusterstate.cli.opening import Shop
from clusterstate.cli.output import echo
from clusterstate.cli.words import Consent, StoreWords
from clusterstate.errors import ClusterStateError, LostRace, SpecInvalid, StateError
from clusterstate.plan.changes import Plan
from clusterstate.plan.editing import is_empty, read_edited, show_document, with_header, without_header
from clusterstate.plan.replacing import replace_content
from clusterstate.state.objects import Document
from clusterstate.store.base import Version

MOST: Final = 50
"""How often an editor is opened again: a script in its place might never come to an end."""


async def edit_document(words: StoreWords, environ: Mapping[str, str], subject: Subject, consent: Consent) -> int:
    """Let a person edit a document, write it, and give the exit code.

    Raises `Unconfirmed` where nobody agrees, `LostRace` where somebody else changed it meanwhile, and what keeps the
    editor from running.
    """
    require_answer(consent)
    with Editor(environ) as editor:
        editing = _Editing(subject, editor)
        try:
            async with Shop(words, environ) as shop:
                job = await open_job(shop, subject.cluster, editing.make)
                return await change_states([job], consent, f"Write this to {subject.title}?")
        except _Cancelled as cancelled:
            echo(f"Edit cancelled, {cancelled}.")
            return 0
        except ClusterStateError as error:
            raise type(error)(f"{error.fact}{editing.keep()}") from None
        except BaseException:
            if kept := editing.keep():
                warn(kept.strip())
            raise


class _Cancelled(Exception):
    """Nothing is to be written."""


class _Editing:
    """One document on its way through the editor."""

    def __init__(self, subject: Subject, editor: Editor) -> None:
        self._subject = subject
        self._editor = editor
        self._version: Version | None = None
        self._text = ""

    async def make(self, seen: Seen) -> Prepared:
        """Have it edited. Raises `LostRace` where it is another one than what was edited, `_Cancelled` for nothing."""
        document, version = self._subject.find_in(seen), seen.read.versions[self._subject.key]
        if self._version is None:
            self._version = version
            return Prepared(self._edit(document, seen))
        if version != self._version:
            raise LostRace(f"Somebody else changed {self._subject.title} meanwhile. Nothing was written.")
        plan, _ = self._plan(document, seen, self._text)
        return Prepared(plan)

    def keep(self) -> str:
        """Keep what was edited, if anything was, and give words about it."""
        text = without_header(self._editor.left) or self._text
        return f" What was edited is kept in {keep(text)}." if text else ""

    def _edit(self, document: Document, seen: Seen) -> Plan:
        shown = text = show_document(document)
        flaws: list[str] = []
        for _ in range(MOST):
            edited = self._editor.edit(with_header(text, flaws), f"{document.kind.lower()}.yaml")
            before, text = text, without_header(edited)
            _require_change(shown, text)
            self._text = text
            if flaws and text == before:
                break
            plan, flaws = self._plan(document, seen, text)
            if not flaws:
                return plan
        raise SpecInvalid("Edit cancelled: no valid changes were saved. Nothing was written.")

    def _plan(self, document: Document, seen: Seen, text: str) -> tuple[Plan, list[str]]:
        """Give what a text comes to, or what is wrong with it."""
        try:
            content, flaws = read_edited(document, self._subject.key, text)
            plan = Plan() if flaws else replace_content(seen.observed, self._subject.key, content)
        except (SpecInvalid, StateError) as error:
            return Plan(), [error.message]
        if not flaws and not plan.changes:
            raise _Cancelled("no changes made")
        return plan, flaws


def _require_change(shown: str, text: str) -> None:
    if text == shown:
        raise _Cancelled("no changes made")
    if is_empty(text):
        raise _Cancelled("the saved file was empty")
