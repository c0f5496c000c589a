// Command openapigen writes the OpenAPI 3.1 document of the table in shared/api, and the same as a page to read.
// go generate runs it; no function links it.
package main

import (
	"errors"
	"fmt"
	"os"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: openapigen DOCUMENT PAGE")
		os.Exit(2)
	}
	if err := write(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "openapigen:", err)
		os.Exit(1)
	}
}

func write(documentFile, pageFile string) error {
	document, err := generate()
	if err != nil {
		return err
	}
	html, err := page(document)
	if err != nil {
		return err
	}
	return errors.Join(os.WriteFile(documentFile, document, 0o600), os.WriteFile(pageFile, html, 0o600))
}
