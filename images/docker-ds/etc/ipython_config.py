"""For every IPython in the image, kernels included."""

c = get_config()  # noqa: F821 - traitlets puts it there

# SQLite over a network file system hangs: the history lives as long as the container.
c.HistoryAccessor.hist_file = "/tmp/jupyter/history.sqlite"  # noqa: S108 - the container's own
