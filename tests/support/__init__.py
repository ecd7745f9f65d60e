"""What tests share: described clusters, fake connections, the lab's helpers."""
