// Command openapigen writes the OpenAPI 3.1 document of the table in shared/api.
// go generate runs it; no function links it.
package main

import (
	"fmt"
	"os"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: openapigen FILE")
		os.Exit(2)
	}
	document, err := generate()
	if err == nil {
		err = os.WriteFile(os.Args[1], document, 0o600)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "openapigen:", err)
		os.Exit(1)
	}
}
