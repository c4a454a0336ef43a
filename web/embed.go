// Package web holds the built page of the playground, so that the binary serves
// it without files beside it. Its source, in TypeScript, lies in this folder;
// scripts/web builds it, and fails when what is committed is not what it builds.
package web

import (
	"embed"
	"io/fs"
)

//go:embed dist
var dist embed.FS

// Files returns the built page: index.html and what it loads, by the paths of
// the URLs.
func Files() fs.FS {
	f, err := fs.Sub(dist, "dist")
	if err != nil {
		panic(err) // the folder is named above
	}
	return f
}
