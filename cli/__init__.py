"""What serves all tasks: program, options, session, output."""
