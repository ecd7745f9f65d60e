"""Says under a cell what is to be said about ~/etc/jupyter/requirements.txt, once per kernel."""


def _tell_of_packages() -> None:
    import sys
    from pathlib import Path

    from IPython import get_ipython

    message = Path("/tmp/jupyter/packages")  # noqa: S108 - written by bin/jupyter-packages
    told = []

    def tell(_cell: object) -> None:
        text = message.read_text() if message.is_file() else ""
        if text and text not in told:
            sys.stderr.write(text)
        told.append(text)

    get_ipython().events.register("pre_run_cell", tell)


_tell_of_packages()
del _tell_of_packages
