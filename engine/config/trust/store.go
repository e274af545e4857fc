package trust

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/awf-project/awf-hook/engine/file"
)

// Bounds of the record.
const (
	maxFile    = 16 << 20 // bytes
	maxRecords = 10_000
)

// State says whether a checkout is trusted.
type State string

const (
	Untrusted State = "untrusted" // the user has not decided
	Changed   State = "changed"   // it claims something that the user has not seen
	Trusted   State = "trusted"
)

// Record is what the user trusts a folder to do.
type Record struct {
	Folder string    `json:"folder"` // its real path
	Digest string    `json:"digest"` // of the claims
	Claims []Claim   `json:"claims"`
	Time   time.Time `json:"time"`
}

// Judge returns the state of a checkout with these claims. A nil record trusts nothing.
func (r *Record) Judge(claims []Claim) State {
	switch {
	case r == nil:
		return Untrusted
	case len(Without(claims, r.Claims)) > 0:
		return Changed
	}
	return Trusted
}

// Store keeps records in the file trust.json of a folder that only the user can write.
type Store struct{ folder string }

// In returns the store in the state folder, which [Store.Trust] creates if it is missing.
func In(stateFolder string) Store { return Store{stateFolder} }

func (s Store) path() string { return filepath.Join(s.folder, "trust.json") }

// List returns all records, sorted by folder. It refuses a file or a folder that another user can write.
func (s Store) List() ([]Record, error) {
	if s.folder == "" {
		return nil, errors.New("no state folder: set HOME or XDG_STATE_HOME")
	}
	for _, check := range []struct {
		path  string
		isDir bool
	}{{s.folder, true}, {s.path(), false}} {
		if err := private(check.path, check.isDir); errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		} else if err != nil {
			return nil, fmt.Errorf("%s: %w", check.path, err)
		}
	}
	text, err := file.Read(s.path(), maxFile)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.path(), err)
	}
	var records []Record
	if err := json.Unmarshal(text, &records); err != nil {
		return nil, fmt.Errorf("%s: not a record of trust: remove the file and trust again", s.path())
	}
	for i := range records {
		if records[i].Digest != Digest(records[i].Claims) {
			return nil, fmt.Errorf("%s: the digest of %s does not fit its claims: remove the file and trust again", s.path(), records[i].Folder)
		}
	}
	return records, nil
}

// private returns an error if another user can write a path.
func private(path string, isDir bool) error {
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	stat, known := info.Sys().(*syscall.Stat_t)
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		return errors.New("a symbolic link: want the thing itself")
	case info.IsDir() != isDir || !isDir && !info.Mode().IsRegular():
		return file.ErrNotRegular
	case known && int(stat.Uid) != os.Geteuid():
		return errors.New("owned by another user")
	case isDir && info.Mode().Perm()&0o022 != 0:
		return errors.New("another user can write it: want mode 0700")
	case !isDir && info.Mode().Perm()&0o077 != 0: // a checkout that holds the state folder could bring such a file
		return errors.New("another user can read or write it: want mode 0600")
	}
	return nil
}

// Get returns a folder's record, nil if there is none. The folder is a real path, as [Folder] makes it.
func (s Store) Get(folder string) (*Record, error) {
	records, err := s.List()
	if i := find(records, folder); err == nil && i >= 0 {
		return &records[i], nil
	}
	return nil, err
}

func find(records []Record, folder string) int {
	return slices.IndexFunc(records, func(r Record) bool { return r.Folder == folder })
}

// Trust records that the user trusts a folder with these claims. It replaces an earlier record of the folder.
func (s Store) Trust(folder string, claims []Claim) error {
	return s.change(func(records []Record) ([]Record, error) {
		records = slices.DeleteFunc(records, func(r Record) bool { return r.Folder == folder })
		if len(records) >= maxRecords {
			return nil, fmt.Errorf("%d folders are trusted already: revoke some", maxRecords)
		}
		return append(records, Record{folder, Digest(claims), claims, time.Now().UTC().Truncate(time.Second)}), nil
	})
}

// Revoke removes a folder's record. It reports whether there was one.
func (s Store) Revoke(folder string) (revoked bool, err error) {
	err = s.change(func(records []Record) ([]Record, error) {
		revoked = find(records, folder) >= 0
		return slices.DeleteFunc(records, func(r Record) bool { return r.Folder == folder }), nil
	})
	return revoked, err
}

// change rewrites the records. It replaces the file as a whole, so that readers never see a part of it.
func (s Store) change(change func([]Record) ([]Record, error)) error {
	records, err := s.List()
	if err != nil {
		return err
	}
	if records, err = change(records); err != nil {
		return err
	}
	slices.SortFunc(records, func(a, b Record) int { return strings.Compare(a.Folder, b.Folder) })
	text, err := json.MarshalIndent(records, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(s.folder, 0o700); err != nil {
		return err
	}
	if err := private(s.folder, true); err != nil {
		return fmt.Errorf("%s: %w", s.folder, err)
	}
	name, err := file.WriteBeside(s.path(), append(text, '\n'))
	if err != nil {
		return err
	}
	defer os.Remove(name) // it is gone if all went well
	return os.Rename(name, s.path())
}

// Folder returns the real path of a folder, without links. Records name a folder by it.
func Folder(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	real, err := filepath.EvalSymlinks(abs)
	if on, ok := errors.AsType[*fs.PathError](err); ok {
		return "", fmt.Errorf("%s: %w", path, on.Err)
	}
	if err != nil {
		return "", err
	}
	if info, err := os.Stat(real); err == nil && !info.IsDir() {
		return "", fmt.Errorf("%s is not a folder", path)
	}
	return real, nil
}
