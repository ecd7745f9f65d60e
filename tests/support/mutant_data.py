"""The mutants of operations, as data: which text of which file becomes what."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    """One fault.

    Attributes:
        what: the fault in words.
        module: of cluster/operations. old: a text that is there once; new: in its place.
        tests: the modules of tests/unit/operations of which one test has to fail.
    """

    what: str
    module: str
    old: str
    new: str
    tests: tuple[str, ...]

    @property
    def file(self) -> str:
        """The path of the module."""
        return f"cluster/operations/{self.module}.py"


def _mutant(what: str, module: str, old: str, new: str, *more: str) -> Mutant:
    """Return a mutant that the module's own tests, or those of `more`, have to see."""
    return Mutant(what, module, old, new, (f"test_{module}", *more))


MUTANTS = (
    _mutant(
        "a container that is given up stays",
        "container",
        "            steps.give_up(node, self.container, made)\n            raise",
        "            raise",
    ),
    _mutant(
        "the lock is not looked at before the old one goes",
        "container",
        "            context.check()\n",
        "",
    ),
    _mutant(
        "the new one takes its name before the old one is gone",
        "container",
        """        steps.take_down(node, found.id, self.container.stop_timeout)
        steps.write_files(node, self.container)
        steps.take_name(node, self.container, made)
""",
        """        steps.take_name(node, self.container, made)
        steps.take_down(node, found.id, self.container.stop_timeout)
        steps.write_files(node, self.container)
""",
    ),
    _mutant(
        "files are written while the old one reads them",
        "container",
        """        steps.take_down(node, found.id, self.container.stop_timeout)
        steps.write_files(node, self.container)
""",
        """        steps.write_files(node, self.container)
        steps.take_down(node, found.id, self.container.stop_timeout)
""",
    ),
    _mutant(
        "a new container's files are not written",
        "container",
        "steps.make(node, self.container, body)\n        steps.write_files(node, self.container)\n",
        "steps.make(node, self.container, body)\n",
    ),
    _mutant(
        "work that began while the image came is not asked for",
        "container",
        "            leave_if_at_work(node, found, self.busy)  # bringing",
        "            # bringing",
    ),
    _mutant(
        "nobody waits for the service after a replacement",
        "container",
        "        _wait_ready(node, self.name, found, self.container.ready_check, self.busy)\n",
        "",
    ),
    _mutant(
        "a removed container's secret files stay",
        "container",
        "        steps.remove_files(node, self.name)\n",
        "",
        "test_container_restart",
    ),
    _mutant(
        "a container is removed without being asked whether it may go",
        "container",
        "        may_go(node, self.found, self.busy)\n",
        "",
        "test_container_restart",
    ),
    _mutant(
        "what is half made is not removed by force",
        "container_start",
        "            engine.remove_container(name, v=True, force=True)",
        "            engine.remove_container(name, v=True, force=False)",
        "test_all",
    ),
    _mutant(
        "a container that does not start counts as started",
        "container_start",
        "                    raise  # why it does not start, and not why it can't be removed",
        '                    return ""',
    ),
    _mutant(
        "secret files are readable by all",
        "container_start",
        "entry.uid, entry.gid, entry.mode = uid, gid, 0o400",
        "entry.uid, entry.gid, entry.mode = uid, gid, 0o444",
    ),
    _mutant(
        "a job's exit code is ignored",
        "health",
        '        if state["ExitCode"]:',
        "        if not state:",
    ),
    _mutant(
        "a log shows secrets",
        "health",
        "    text = mask.hide(said).decode",
        "    text = said.decode",
    ),
    _mutant(
        "a command that has not ended counts as failed",
        "inside",
        '        while (code := engine.exec_inspect(made)["ExitCode"]) is None:',
        '        while (code := engine.exec_inspect(made)["ExitCode"] or 1) is None:',
    ),
    _mutant(
        "work is waited for whether that is wanted or not",
        "busy",
        "(node.deadlines.busy if busy is Busy.WAIT else 0)",
        "node.deadlines.busy",
    ),
    _mutant(
        "a service that has not recovered is not waited for",
        "rolling",
        "        time.sleep(_PAUSE)",
        "        return",
    ),
    _mutant(
        "a command in a container that fails counts as done",
        "container_run",
        "        if done.exit_code != 0:\n",
        "        if done.exit_code < 0:\n",
    ),
    _mutant(
        "a pull's error is ignored",
        "image_transfer",
        '            if "error" in event:\n                raise NodeError(node.name, f"pulling',
        '            if "fault" in event:\n                raise NodeError(node.name, f"pulling',
    ),
    _mutant(
        "an image that was pulled gets no tag",
        "image_transfer",
        "        engine.tag(pinned, name, image.tag)\n",
        "        assert engine\n",
    ),
    _mutant(
        "an image is read from the master for every node",
        "image_transfer",
        "            if reference not in self._files:\n",
        "            if reference:\n",
    ),
    _mutant(
        "a push's error is ignored",
        "image",
        '            if "error" in event:\n',
        '            if "fault" in event:\n',
    ),
    _mutant(
        "images that could not be pruned are not told",
        "image_removal",
        "        if refused:\n",
        "        if not node:\n",
    ),
    _mutant(
        "a node joins before its dead entries are gone",
        "swarm",
        "            forget(context.fleet.nodes[self.via], stale)\n",
        "            assert stale\n",
    ),
    _mutant(
        "joins that go on are swept up too",
        "swarm",
        "            if _silent(via, ident):\n",
        "            if ident:\n",
    ),
    _mutant(
        "an entry is not removed by force",
        "swarm_entry",
        "engine.remove_node(node_id, force=True)",
        "engine.remove_node(node_id, force=False)",
    ),
    _mutant(
        "a manager is removed without being demoted",
        "swarm_entry",
        "                demote(via, node_id)\n",
        "",
    ),
    _mutant(
        "a change that is out of sequence is not tried again",
        "swarm_entry",
        '                if engine.inspect_node(node_id)["Version"]["Index"] == version:\n'
        "                    raise\n",
        "                raise\n",
    ),
    _mutant(
        "a manager leaves before it knows that it is a worker",
        "leave",
        "            _wait_demoted(node)\n",
        "",
    ),
    _mutant(
        "a node that has left keeps its entry",
        "leave",
        "        if not last:\n            forget(via, self.node_id)\n",
        "",
    ),
    _mutant(
        "a decision takes away what others have written",
        "decisions",
        ".dumps(labels)\n",
        ".dumps({})\n",
    ),
    _mutant(
        "what is admitted is not what counts",
        "digests",
        "decisions.admit(self.name, self.digest)",
        "decisions.adopt({self.name: self.digest})",
    ),
    _mutant(
        "what runs goes before what is on record",
        "digests",
        "        return decisions.adopt(self.digests)\n",
        """        for name, digest in self.digests.items():
            decisions = decisions.admit(name, digest)
        return decisions
""",
    ),
    _mutant(
        "the digest of a push is not the engine's",
        "image",
        "                digest = said[1]\n",
        "                digest = str(said)\n",
    ),
    _mutant(
        "generated secrets are readable by all",
        "decisions",
        "&& umask 077 && cat >{new}",
        "&& cat >{new}",
    ),
    _mutant(
        "a file is not renamed to its name",
        "files",
        '            f"mv -f {new} {path}",\n',
        "",
    ),
    _mutant(
        "packets are too large for one node's network",
        "network",
        "min(found.values.values(), default=1500)",
        "max(found.values.values(), default=1500)",
    ),
    _mutant(
        "what builds on a failure is carried out",
        "executor",
        "        failed |= {result.item.key for result in done if not result.ok}\n",
        "",
    ),
    _mutant(
        "operations go on without the lock",
        "executor",
        "        context.check()\n",
        "",
    ),
)
