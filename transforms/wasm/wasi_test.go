package wasm_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/awf-project/awf-hook/transforms/wasm"
)

// calling is a reactor whose transform calls one function of WASI with the same number for every argument, and answers with the result.
func calling(name, params, results string, arg byte) []byte {
	types := strings.NewReplacer("i", "\x7f", "I", "\x7e")
	body := []byte{0x41, 0x01} // where the result goes
	for _, p := range params {
		body = append(body, map[rune]byte{'i': 0x41, 'I': 0x42}[p], arg)
	}
	body = append(body, call, 0)
	if results == "" {
		body = append(body, 0x41, 0)
	}
	body = append(body, 0x3a, 0, 0, 0x42) // i32.store8, i64.const 1<<32|1
	body = append(body, 0x81, 0x80, 0x80, 0x80, 0x10)
	out := []byte(magic)
	for _, s := range [][]byte{
		section(1, vector([]byte{0x60, 1, 0x7f, 1, 0x7f}, []byte{0x60, 2, 0x7f, 0x7f, 1, 0x7e},
			append(append([]byte{0x60}, text(types.Replace(params))...), text(types.Replace(results))...))),
		section(2, vector(append(append(text("wasi_snapshot_preview1"), text(name)...), 0, 2))),
		section(3, vector([]byte{0}, []byte{1})),
		section(5, vector([]byte{0, 1})),
		section(7, vector(append(text("memory"), 2, 0), append(text("alloc"), 0, 1), append(text("transform"), 0, 2))),
		section(10, vector(function{0, nil, []byte{0x41, 0x80, 0x08}}.code(), function{1, nil, body}.code())),
	} {
		out = append(out, s...)
	}
	return out
}

// TestWASIGivesNothing calls every function of WASI: on file 3, which a guest with authority would find open, with all pointers within its
// memory, and with all arguments minus one.
func TestWASIGivesNothing(t *testing.T) {
	const ok, badFile, fault, invalid, unsupported, noSeek = 0, 8, 21, 28, 58, 70
	s := newSandbox(t, "")
	for _, tt := range []struct {
		name, params string
		three, minus int // what it answers; -1: it does not return
	}{
		{"args_get", "ii", ok, fault}, {"args_sizes_get", "ii", ok, fault}, {"environ_get", "ii", ok, ok}, {"environ_sizes_get", "ii", ok, fault},
		{"clock_res_get", "ii", ok, invalid}, {"clock_time_get", "iIi", ok, invalid},
		{"fd_advise", "iIIi", badFile, badFile}, {"fd_allocate", "iII", badFile, badFile}, {"fd_close", "i", badFile, badFile}, {"fd_datasync",
			"i", badFile, badFile},
		{"fd_fdstat_get", "ii", badFile, badFile}, {"fd_fdstat_set_flags", "ii", badFile, badFile}, {"fd_fdstat_set_rights", "iII", badFile,
			badFile},
		{"fd_filestat_get", "ii", badFile, badFile}, {"fd_filestat_set_size", "iI", badFile, badFile}, {"fd_filestat_set_times", "iIIi", badFile,
			badFile},
		{"fd_pread", "iiiIi", badFile, badFile}, {"fd_prestat_get", "ii", badFile, badFile}, {"fd_prestat_dir_name", "iii", badFile, badFile},
		{"fd_pwrite", "iiiIi", badFile, badFile}, {"fd_read", "iiii", badFile, badFile}, {"fd_readdir", "iiiIi", badFile,
			badFile}, {"fd_renumber", "ii", badFile, badFile},
		{"fd_seek", "iIii", badFile, badFile}, {"fd_sync", "i", badFile, badFile}, {"fd_tell", "ii", badFile, badFile}, {"fd_write", "iiii",
			badFile, badFile},
		{"path_create_directory", "iii", badFile, badFile}, {"path_filestat_get", "iiiii", badFile, badFile}, {"path_filestat_set_times",
			"iiiiIIi", badFile, badFile},
		{"path_link", "iiiiiii", badFile, badFile}, {"path_open", "iiiiiIIii", badFile, badFile}, {"path_readlink", "iiiiii", badFile, badFile},
		{"path_remove_directory", "iii", badFile, badFile}, {"path_rename", "iiiiii", badFile, badFile}, {"path_symlink", "iiiii", badFile,
			badFile},
		{"path_unlink_file", "iii", badFile, badFile}, {"poll_oneoff", "iiii", ok, -1}, {"proc_exit", "i", -1, -1}, {"proc_raise", "i",
			unsupported, unsupported},
		{"random_get", "ii", ok, -1}, {"sched_yield", "", ok, ok}, {"sock_accept", "iii", badFile, badFile}, {"sock_recv", "iiiiii", badFile,
			badFile},
		{"sock_send", "iiiii", badFile, badFile}, {"sock_shutdown", "ii", badFile, badFile},
	} {
		results := "i"
		if tt.name == "proc_exit" {
			results = ""
		}
		for arg, want := range map[byte]int{3: tt.three, 0x7f: tt.minus} {
			o := wasm.Options{ContentType: "application/octet-stream", Limits: wasm.Limits{Fuel: 1_000_000}}
			out, err := try(t, s, calling(tt.name, tt.params, results, arg), o)
			if want < 0 {
				if !errors.Is(err, wasm.ErrFuel) && !errors.Is(err, wasm.ErrTrap) {
					t.Errorf("%s of %#x: got %v, want it to be stopped", tt.name, arg, err)
				}
				continue
			}
			if err != nil || len(out.Body) != 1 || int(out.Body[0]) != want {
				t.Errorf("%s of %#x: got %v, %v, want %d", tt.name, arg, out.Body, err, want)
			}
		}
		for arg, want := range map[byte]int{0: noSeek, 2: noSeek} {
			if tt.name != "fd_seek" && tt.name != "fd_tell" && tt.name != "fd_pread" && tt.name != "fd_pwrite" {
				continue
			}
			out, err := try(t, s, calling(tt.name, tt.params, results, arg), wasm.Options{ContentType: "application/octet-stream"})
			if err != nil || len(out.Body) != 1 || int(out.Body[0]) != want {
				t.Errorf("%s of file %d: got %v, %v, want %d", tt.name, arg, out.Body, err, want)
			}
		}
	}
}
