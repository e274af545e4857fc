package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"
	"time"
)

// member is a file of an archive.
type member struct {
	name string
	text []byte
	mode int64
}

// tarball makes a tar of files in a folder, and of the folders that they are in.
func tarball(under string, members []member, made time.Time) []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	known := map[string]bool{".": true, "/": true}
	for _, m := range members {
		name := under + m.name
		var folders []string
		for dir := path.Dir(name); !known[dir]; dir = path.Dir(dir) {
			known[dir] = true
			folders = append(folders, dir)
		}
		slices.Reverse(folders)
		for _, dir := range folders {
			if strings.HasPrefix(under, "./") { // dpkg writes them like this
				dir = "./" + dir
			}
			must(w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: dir + "/", Mode: 0o755, ModTime: made}))
		}
		must(w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: m.mode, Size: int64(len(m.text)), ModTime: made}))
		_, err := w.Write(m.text)
		must(err)
	}
	must(w.Close())
	return b.Bytes()
}

func compressed(text []byte) []byte {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	must(err)
	_, err = w.Write(text)
	must(err)
	must(w.Close())
	return b.Bytes()
}

// must panics on an error of a writer into memory, which only a bug of this program can cause.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

// debianVersion returns a version that Debian sorts correctly: a prerelease comes before its release.
func debianVersion(version string) string {
	return strings.ReplaceAll(strings.TrimPrefix(version, "v"), "-", "~")
}

// units are installed with the package.
var units = []string{"awf-hook.service", "awf-hook.socket", "awf-hook-send.service", "awf-hook-send.timer"}

// debian makes a Debian package.
func (r *release) debian(processor string, binary []byte) ([]byte, error) {
	data := []member{{"usr/bin/" + program, binary, 0o755}}
	for _, page := range r.pages {
		data = append(data, member{"usr/share/" + page.name, page.text, 0o644})
	}
	for i, to := range []string{
		"bash-completion/completions/awf-hook", "zsh/vendor-completions/_awf-hook", "fish/vendor_completions.d/awf-hook.fish",
	} {
		data = append(data, member{"usr/share/" + to, r.shells[i].text, 0o644})
	}
	for _, unit := range units {
		text, err := os.ReadFile("examples/deploy/" + unit)
		if err != nil {
			return nil, err
		}
		text = bytes.ReplaceAll(text, []byte("/usr/local/bin/"), []byte("/usr/bin/"))
		data = append(data, member{"usr/lib/systemd/system/" + unit, text, 0o644})
	}
	license, err := os.ReadFile("LICENSE")
	if err != nil {
		return nil, err
	}
	data = append(data, member{"usr/share/doc/awf-hook/copyright", license, 0o644})
	size := 0
	for _, m := range data {
		size += len(m.text)
	}
	control := fmt.Sprintf(`Package: awf-hook
Version: %s
Architecture: %s
Maintainer: awf-project (https://github.com/awf-project/awf-hook)
Installed-Size: %d
Recommends: ca-certificates
Section: net
Priority: optional
Homepage: https://github.com/awf-project/awf-hook
Description: send the events of AWF workflows to webhooks
 awf-hook reads the events of AWF workflows, selects those that a webhook
 wants, signs them and delivers them, with as many attempts as it takes.
`, debianVersion(r.version), processor, size/1024+1)
	var b bytes.Buffer
	b.WriteString("!<arch>\n")
	for _, m := range []member{
		{"debian-binary", []byte("2.0\n"), 0o100644},
		{"control.tar.gz", compressed(tarball("./", []member{{"control", []byte(control), 0o644}}, r.made)), 0o100644},
		{"data.tar.gz", compressed(tarball("./", data, r.made)), 0o100644},
	} {
		fmt.Fprintf(&b, "%-16s%-12d%-6d%-6d%-8o%-10d`\n", m.name, r.made.Unix(), 0, 0, m.mode, len(m.text))
		b.Write(m.text)
		if len(m.text)%2 == 1 {
			b.WriteByte('\n')
		}
	}
	return b.Bytes(), nil
}
