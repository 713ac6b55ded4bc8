"""Process versions: deploys a folder as immutable versions of its processes, hands out parsed versions from memory."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from workflows.business_calendar import Clock
from workflows.errors import DeploymentRefused, NotFound
from workflows.folder_rules import NOT_YET, ResourceFinding, call_findings, called_by
from workflows.models import Definition, DefinitionResource, ProcessInstance
from workflows.process_folder import ProcessFolder, check, check_expression, decision_findings, digest_of, folder_of, read_folder
from workflows.process_version import ProcessVersion

__all__ = ["NOT_YET", "Definitions", "ProcessVersion", "ResourceFinding", "check", "check_expression", "decision_findings", "read_folder"]


class Definitions:
    """Deploys versions and hands them out; parsed versions stay in memory because they never change."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._versions: dict[int, ProcessVersion] = {}
        self._lock = threading.Lock()
        self.listeners: list[Callable[[Connection, ProcessVersion], None]] = []  # hear of every version that becomes current

    def deploy(self, connection: Connection, files: Mapping[str, bytes], deployed_by: int | None) -> ProcessVersion:
        """Deploy a folder as `deploy_all` does; returns the version of the process the folder is about."""
        return self.deploy_all(connection, files, deployed_by)[0]

    def deploy_all(self, connection: Connection, files: Mapping[str, bytes], deployed_by: int | None) -> list[ProcessVersion]:
        """Store `files` as the next version of each of their processes and make these current; running cases stay on theirs.

        The files of a folder belong together: a change in any of them is a new version of every process of the folder. The same
        files again return the current versions. Returns the process the folder is about first. Raises DeploymentRefused with every
        finding of every process; then nothing is deployed.
        """
        folder, digest = folder_of(files), digest_of(files)
        if folder.main is None:
            raise DeploymentRefused(folder.findings)
        rows = {process: self._current_row(connection, process) for process in folder.processes}
        kept = {process: self.get(connection, row.id) for process, row in rows.items() if row is not None and row.digest == digest}
        stale = [process for process in folder.processes if process not in kept]
        if stale:
            findings = self._findings(connection, folder)
            if any(finding.severity == "error" for finding in findings):
                raise DeploymentRefused(findings)
        # New versions are not kept in memory yet: the transaction may still be rolled back and their numbers be given again.
        deployed = {process: self._store(connection, folder, process, rows[process], digest, deployed_by) for process in stale}
        for version in deployed.values():
            for listener in self.listeners:
                listener(connection, version)
        every = {**kept, **deployed}
        return [every[process] for process in sorted(folder.processes, key=lambda process: process != folder.main)]

    def check(self, connection: Connection, files: Mapping[str, bytes]) -> list[ResourceFinding]:
        """Every finding that deploying `files` here would have, among what is deployed already; and those of the schema."""
        folder = folder_of(files)
        rules = check(files)
        return [*rules, *(one for one in self._findings(connection, folder) if one not in rules)]

    def _findings(self, connection: Connection, folder: ProcessFolder) -> list[ResourceFinding]:
        """What reading the folder found, and what is wrong with it beside the versions that are current now."""
        rows = [self._current_row(connection, process) for process in folder.processes]
        before = [self.get(connection, row.id) for row in rows if row is not None]

        def called(process_id: str) -> list[str] | None:
            row = self._current_row(connection, process_id)
            return None if row is None else called_by(self.get(connection, row.id).graph)

        circles = [one for one in call_findings(folder.processes, called) if one not in folder.findings]
        return [*folder.findings, *folder.against(before), *circles]

    def _store(
        self, connection: Connection, folder: ProcessFolder, process_id: str, current: Any, digest: str, deployed_by: int | None
    ) -> ProcessVersion:
        """Write one process of a folder, with all the folder's files, as its next version."""
        graph = folder.processes[process_id].graph
        number = current.version + 1 if current is not None else 1
        connection.execute(update(Definition).where(Definition.process_id == process_id).values(current=False))
        definition_id = connection.execute(insert(Definition).values(
            process_id=process_id, version=number, name=graph.name or process_id, digest=digest, current=True,
            deployed_at=self._clock.now(), deployed_by=deployed_by,
        ).returning(Definition.id)).scalar_one()
        connection.execute(insert(DefinitionResource), [
            {"definition_id": definition_id, "name": name, "content": content} for name, content in folder.files.items()
        ])
        return folder.version(process_id, definition_id, number)

    def _current_row(self, connection: Connection, process_id: str) -> Any:
        query = select(Definition.__table__).where(Definition.process_id == process_id, Definition.current)
        return connection.execute(query).first()

    def current(self, connection: Connection, process_id: str) -> ProcessVersion:
        """The version new cases start on."""
        row = self._current_row(connection, process_id)
        if row is None:
            raise NotFound(f"流程“{process_id}”尚未部署。", f"The process {process_id} is not deployed.")
        return self.get(connection, row.id)

    def all_current(self, connection: Connection) -> list[ProcessVersion]:
        """The current version of every process."""
        rows = connection.execute(select(Definition.id).where(Definition.current).order_by(Definition.process_id)).all()
        return [self.get(connection, row.id) for row in rows]

    def versions(self, connection: Connection, process_id: str) -> list[Any]:
        """The rows of all versions of a process, newest first."""
        query = select(Definition.__table__).where(Definition.process_id == process_id).order_by(Definition.version.desc())
        return list(connection.execute(query).all())

    def running_by_version(self, connection: Connection, process_id: str) -> dict[int, int]:
        """How many cases run on each version of a process."""
        query = select(ProcessInstance.definition_id, func.count()).where(
            ProcessInstance.process_id == process_id, ProcessInstance.status == "active"
        )
        return {row[0]: row[1] for row in connection.execute(query.group_by(ProcessInstance.definition_id))}

    def running(self, connection: Connection, versions: Sequence[ProcessVersion]) -> list[tuple[ProcessVersion, int]]:
        """Each version with the number of running cases of its process, on whatever version."""
        return [(version, sum(self.running_by_version(connection, version.process_id).values())) for version in versions]

    def get(self, connection: Connection, definition_id: int) -> ProcessVersion:
        """A version by its number, from memory after the first time."""
        version = self._versions.get(definition_id)
        if version is None:
            version = self._load(connection, definition_id)
            with self._lock:
                self._versions[definition_id] = version
        return version

    def forget(self) -> None:
        """Read every version anew: a restore may have put another one under a known number."""
        with self._lock:
            self._versions = {}

    def bound(self, connection: Connection, process_id: str, binding: str, wanted: Any, caller: int) -> ProcessVersion | None:
        """The version of a called process: latest, the given version or version tag, or (deployment) the one the caller found.

        `caller` is the calling version's number; None when there is no such version.
        """
        rows = list(self.versions(connection, process_id))
        if binding == "version":
            rows = [row for row in rows if str(row.version) == str(wanted)]
        elif binding == "deployment":
            rows = self._deployed_with(connection, rows, caller)
        elif binding == "versionTag":
            rows = [row for row in rows if self.get(connection, row.id).graph.attributes.get("versionTag") == str(wanted)]
        else:
            rows = [row for row in rows if row.current]
        return self.get(connection, rows[0].id) if rows else None

    @staticmethod
    def _deployed_with(connection: Connection, rows: list[Any], caller: int) -> list[Any]:
        """The version of a called process that came with the caller's folder, else the one that was current when the caller came."""
        calling = connection.execute(select(Definition.digest, Definition.deployed_at).where(Definition.id == caller)).one()
        together = [row for row in rows if (row.digest, row.deployed_at) == (calling.digest, calling.deployed_at)]
        if together:
            return [min(together, key=lambda row: abs(row.id - caller))]
        return [row for row in rows if row.id <= caller] or rows[-1:]

    def _load(self, connection: Connection, definition_id: int) -> ProcessVersion:
        row = connection.execute(select(Definition.__table__).where(Definition.id == definition_id)).first()
        if row is None:
            raise NotFound("没有这个流程版本。", "There is no such process version.")
        resources = connection.execute(
            select(DefinitionResource.name, DefinitionResource.content).where(DefinitionResource.definition_id == definition_id)
        ).all()
        files = {name: bytes(content) for name, content in resources}
        return folder_of(files).version(row.process_id, definition_id, row.version)
