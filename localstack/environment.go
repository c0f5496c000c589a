package main

import (
	"fmt"
	"os"
	"strconv"

	"github.com/rollcall/rollcall/localstack/platform/emulator"
)

// loopback is the address of a platform on a free port of this machine.
const loopback = "127.0.0.1:0"

// maxOpen is how many messages a mailbox takes on the platforms under test. It is
// small, so that a test can reach it.
const maxOpen = 24

// testSettings are the functions' variables on the platforms under test.
func testSettings() map[string]string {
	return map[string]string{
		"ROLLCALL_MAX_OPEN": strconv.Itoa(maxOpen), "ROLLCALL_CORS_ORIGINS": "http://canvas.test",
	}
}

// chosenEmulator is the emulator that EMULATOR names.
func chosenEmulator() emulator.Kind {
	if kind := os.Getenv("EMULATOR"); kind != "" {
		return emulator.Kind(kind)
	}
	return emulator.Ministack
}

// wholeNumber reads a variable of the environment; it is preset if unset.
func wholeNumber(name string, preset uint64) (uint64, error) {
	text := os.Getenv(name)
	if text == "" {
		return preset, nil
	}
	n, err := strconv.ParseUint(text, 10, 63)
	if err != nil {
		return 0, fmt.Errorf("%s must be a whole number, not %q", name, text)
	}
	return n, nil
}
