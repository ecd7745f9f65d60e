// rclone, of which only what lists and mounts Azure Blob is compiled in.
package main

import (
	_ "github.com/rclone/rclone/backend/azureblob"
	// Where the cache of writes is.
	_ "github.com/rclone/rclone/backend/local"
	"github.com/rclone/rclone/cmd"
	_ "github.com/rclone/rclone/cmd/lsf"
	_ "github.com/rclone/rclone/cmd/mount"
	_ "github.com/rclone/rclone/cmd/version"
)

func main() { cmd.Main() }
