"""What a person wrote: settings, inventory, secrets, each checked."""
