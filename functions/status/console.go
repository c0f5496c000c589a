package main

import (
	"context"
	"embed"
	"errors"
	"io/fs"
	"path"
	"sync"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/httpapi"
)

// consoleFiles are the console, as make console builds it from console/src.
//
//go:embed console/assets
var consoleFiles embed.FS

// consoleTypes are the files that the page loads, by the ends of their names.
var consoleTypes = map[string]string{".js": api.Script, ".css": api.Style, ".svg": api.Icon}

func console(context.Context, httpapi.Call, api.None) (api.HTMLPage, error) {
	page, err := asset("index.html")
	return api.HTMLPage{Packed: page}, err
}

func consoleFile(_ context.Context, _ httpapi.Call, in api.ConsoleFileRequest) (api.File, error) {
	kind := consoleTypes[path.Ext(in.File)]
	file, err := asset(in.File)
	if kind == "" || errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrInvalid) {
		return api.File{}, fault.New(fault.UnknownRoute, "the console has no such file").
			WithHint("reload the page: another version of it is served now", "stop")
	}
	return api.File{Type: kind, Packed: file}, err
}

// packedAssets are the files of the console that were asked for.
var packedAssets sync.Map

// asset is a file of the console. Errors: fs.ErrNotExist, fs.ErrInvalid.
func asset(name string) (api.Packed, error) {
	name = path.Join("console/assets", name)
	if file, ok := packedAssets.Load(name); ok {
		return file.(api.Packed), nil
	}
	text, err := consoleFiles.ReadFile(name)
	if err != nil {
		return api.Packed{}, err
	}
	file := pack(string(text))
	packedAssets.Store(name, file)
	return file, nil
}
