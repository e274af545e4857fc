package engine

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"syscall"

	"github.com/awf-project/awf-hook/engine/file"
)

// Seal signs the lines that Close writes. Only lines that awf-hook wrote for this user keep their ids when they are
// read back, so that an event printed by a step cannot take another event's id. The keys are in files: signing uses
// the first file that works, verifying tries all of them.
type Seal struct{ paths []string }

// NewSeal returns a seal with its keys in these files. The files are made when they are needed, and only the user may
// read them.
func NewSeal(paths ...string) *Seal { return &Seal{paths} }

const sealKey = 32 // bytes

// sign returns the signature of a text; "" if no key can be stored.
func (s *Seal) sign(text []byte) string {
	if s == nil {
		return ""
	}
	for _, path := range s.paths {
		key, err := readKey(path)
		if errors.Is(err, os.ErrNotExist) {
			key, err = makeKey(path)
		}
		if err == nil {
			return hex.EncodeToString(mac(key, text))
		}
	}
	return ""
}

// verify reports whether mark is sign's signature of a text.
func (s *Seal) verify(text []byte, mark string) bool {
	want, err := hex.DecodeString(mark)
	if s == nil || err != nil {
		return false
	}
	for _, path := range s.paths {
		if key, err := readKey(path); err == nil && hmac.Equal(mac(key, text), want) {
			return true
		}
	}
	return false
}

func mac(key, text []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write(text)
	return h.Sum(nil)
}

// readKey reads a key from a file that nobody else can have written.
func readKey(path string) ([]byte, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	stat, isUnix := info.Sys().(*syscall.Stat_t)
	if !isUnix || int(stat.Uid) != os.Geteuid() || info.Mode() != 0o600 {
		return nil, errors.New("not the user's own")
	}
	key, err := file.Read(path, sealKey)
	if err == nil && len(key) != sealKey {
		err = errors.New("no key")
	}
	return key, err
}

// makeKey makes a key. The file appears with the whole key in it, so that a kill leaves no file that can never sign.
func makeKey(path string) ([]byte, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	key := make([]byte, sealKey)
	rand.Read(key)
	name, err := file.WriteBeside(path, key)
	if err != nil {
		return nil, err
	}
	defer os.Remove(name)
	err = os.Link(name, path)
	switch {
	case errors.Is(err, os.ErrExist): // another process was faster
		return readKey(path)
	case err != nil: // a file system without hard links
		err = os.Rename(name, path)
	}
	return key, err
}
