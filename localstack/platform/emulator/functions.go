package emulator

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// Processes are the names, as in rollcall-dispatch, of the running functions of an emulator, by process id.
func Processes(emulatorPID int) map[int]string {
	exes, err := filepath.Glob("/proc/[0-9]*/exe")
	if err != nil {
		panic(err) // the pattern is well formed
	}
	out := map[int]string{}
	for _, exe := range exes {
		target, err := os.Readlink(exe)
		if err != nil || !strings.HasSuffix(strings.TrimSuffix(target, " (deleted)"), "/bootstrap") {
			continue // it has ended meanwhile, or is another program
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(exe)))
		if err != nil {
			continue
		}
		environ, err := os.ReadFile(filepath.Join(filepath.Dir(exe), "environ"))
		if group, gerr := syscall.Getpgid(pid); err != nil || gerr != nil || group != emulatorPID {
			continue
		}
		for v := range strings.SplitSeq(string(environ), "\x00") {
			if name, ok := strings.CutPrefix(v, "ROLLCALL_FUNCTION="); ok {
				out[pid] = "rollcall-" + name
			}
		}
	}
	return out
}

// KillFunction kills the running processes of a function.
func KillFunction(emulatorPID int, name string) {
	for pid, function := range Processes(emulatorPID) {
		if function == name {
			_ = syscall.Kill(pid, syscall.SIGKILL) // an error means that it has ended already
		}
	}
}
