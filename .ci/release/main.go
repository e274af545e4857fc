// Command release builds a release into a folder: an archive and a bill of materials (SBOM) for each platform, Debian
// packages, the files of a container image, and checksums. It needs Go and git. For one commit it builds the same bytes
// each time.
//
//	go run ./.ci/release -out dist [-version v1.2.3] [-platforms linux/amd64,darwin/arm64]
package main

import (
	"crypto/sha256"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

const program = "awf-hook"

// release is the release that is being built.
type release struct {
	out     string // the folder
	version string // "v1.2.3"
	made    time.Time
	work    string   // a folder for files that are not part of the release
	pages   []member // of the manual, compressed
	shells  []member // completions
	names   []string // of the files in out
}

func main() {
	out := flag.String("out", "dist", "the folder, which is removed first")
	version := flag.String("version", "", "the version (default: the tag of this commit, else a snapshot)")
	platforms := flag.String("platforms", "linux/amd64,linux/arm64,darwin/amd64,darwin/arm64", "the platforms to build for")
	flag.Parse()
	if err := build(*out, *version, strings.Split(*platforms, ",")); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

func build(out, version string, platforms []string) error {
	made, err := git("log", "-1", "--format=%ct")
	if err != nil {
		return err
	}
	seconds, err := strconv.ParseInt(made, 10, 64)
	if err != nil {
		return err
	}
	if version == "" {
		version = snapshot()
	}
	work, err := os.MkdirTemp("", "release")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	if err := os.RemoveAll(out); err != nil {
		return err
	}
	r := &release{out: out, version: version, made: time.Unix(seconds, 0).UTC(), work: work}
	if err := r.describe(); err != nil {
		return err
	}
	for _, platform := range platforms {
		if err := r.platform(platform); err != nil {
			return fmt.Errorf("%s: %w", platform, err)
		}
	}
	if err := r.image(); err != nil {
		return err
	}
	return r.checksums()
}

// snapshot returns the tag of this commit, else a version that names the commit and sorts before every release.
func snapshot() string {
	if tag, err := git("describe", "--tags", "--exact-match"); err == nil {
		return tag
	}
	commit, _ := git("rev-parse", "--short=12", "HEAD")
	return "v0.0.0-snapshot." + commit
}

func git(args ...string) (string, error) {
	out, err := exec.Command("git", args...).Output()
	if err != nil {
		return "", fmt.Errorf("git %s: %w", args[0], err)
	}
	return strings.TrimSpace(string(out)), nil
}

// compile builds the program for a platform.
func (r *release) compile(platform string) (binary string, err error) {
	system, processor, _ := strings.Cut(platform, "/")
	binary = filepath.Join(r.work, system, processor, program)
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w -X main.release="+r.version, "-o", binary, "./cmd/"+program)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+system, "GOARCH="+processor)
	cmd.Stderr = os.Stderr
	return binary, cmd.Run()
}

// describe makes the program write its manual and its completions.
func (r *release) describe() error {
	binary, err := r.compile(runtime.GOOS + "/" + runtime.GOARCH)
	if err != nil {
		return err
	}
	folder := filepath.Join(r.work, "man")
	if err := os.Mkdir(folder, 0o755); err != nil {
		return err
	}
	if out, err := exec.Command(binary, "man", folder).CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	pages, err := filepath.Glob(folder + "/*.1")
	if err != nil {
		return err
	}
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			return err
		}
		r.pages = append(r.pages, member{"man/man1/" + filepath.Base(page) + ".gz", compressed(text), 0o644})
	}
	for _, shell := range [][2]string{{"bash", "awf-hook.bash"}, {"zsh", "_awf-hook"}, {"fish", "awf-hook.fish"}} {
		text, err := exec.Command(binary, "completion", shell[0]).Output()
		if err != nil {
			return err
		}
		r.shells = append(r.shells, member{"completions/" + shell[1], text, 0o644})
	}
	return nil
}

// platform makes the archive of a platform, its bill of materials, and on Linux its Debian package.
func (r *release) platform(platform string) error {
	binary, err := r.compile(platform)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(binary)
	if err != nil {
		return err
	}
	system, processor, _ := strings.Cut(platform, "/")
	name := fmt.Sprintf("%s_%s_%s_%s", program, strings.TrimPrefix(r.version, "v"), system, processor)
	members := []member{{program, text, 0o755}}
	for _, file := range []string{"LICENSE", "README.md", "CHANGELOG.md"} {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		members = append(members, member{file, text, 0o644})
	}
	members = append(append(members, r.pages...), r.shells...)
	if err := r.write(name+".tar.gz", compressed(tarball(name+"/", members, r.made))); err != nil {
		return err
	}
	parts, err := billOfMaterials(binary, r)
	if err != nil {
		return err
	}
	if err := r.write(name+".cdx.json", parts); err != nil {
		return err
	}
	if system != "linux" {
		return nil
	}
	deb, err := r.debian(processor, text)
	if err != nil {
		return err
	}
	return r.write(fmt.Sprintf("%s_%s_%s.deb", program, debianVersion(r.version), processor), deb)
}

// image copies the files that examples/deploy/Dockerfile needs: the programs for Linux, the trusted certificate
// authorities, and a folder for the queue.
func (r *release) image() error {
	built, err := filepath.Glob(r.work + "/linux/*/" + program)
	if err != nil || len(built) == 0 {
		return err
	}
	files := map[string]string{"Dockerfile": "examples/deploy/Dockerfile"}
	places := []string{"/etc/ssl/certs/ca-certificates.crt", "/etc/ssl/cert.pem"}
	i := slices.IndexFunc(places, func(place string) bool {
		_, err := os.Stat(place)
		return err == nil
	})
	if i < 0 {
		return fmt.Errorf("no certificate authorities: want %s", strings.Join(places, " or "))
	}
	files["ca-certificates.crt"] = places[i]
	for _, binary := range built {
		files[filepath.Join("linux", filepath.Base(filepath.Dir(binary)), program)] = binary
	}
	folder := filepath.Join(r.out, "image")
	for to, from := range files {
		text, err := os.ReadFile(from)
		if err != nil {
			return err
		}
		if err := write(filepath.Join(folder, to), text, 0o755); err != nil {
			return err
		}
	}
	return write(filepath.Join(folder, "state", ".keep"), nil, 0o644)
}

// checksums lists the files in sha256sum's format.
func (r *release) checksums() error {
	var list strings.Builder
	slices.Sort(r.names)
	for _, name := range r.names {
		text, err := os.ReadFile(filepath.Join(r.out, name))
		if err != nil {
			return err
		}
		fmt.Fprintf(&list, "%x  %s\n", sha256.Sum256(text), name)
	}
	return write(filepath.Join(r.out, "checksums.txt"), []byte(list.String()), 0o644)
}

func (r *release) write(name string, text []byte) error {
	r.names = append(r.names, name)
	return write(filepath.Join(r.out, name), text, 0o644)
}

func write(name string, text []byte, mode os.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	return os.WriteFile(name, text, mode)
}
